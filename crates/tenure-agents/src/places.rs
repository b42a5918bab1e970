//! Unified diffs, read: the places that changed, each with its context. Whose they are stands elsewhere.

/// The places of a unified diff: what was there, and what is there now.
pub(crate) fn places(diff: &str) -> Vec<(String, String)> {
    let mut places: Vec<(String, String)> = Vec::new();
    for line in diff.split_inclusive('\n') {
        if line.starts_with("@@") {
            places.push(Default::default());
            continue;
        }
        // What stands before the first place names the files.
        let Some((old, new)) = places.last_mut() else { continue };
        let rest = line.get(1..).unwrap_or_default();
        match line.as_bytes().first() {
            Some(b'-') => old.push_str(rest),
            Some(b'+') => new.push_str(rest),
            Some(b' ') => {
                old.push_str(rest);
                new.push_str(rest);
            }
            _ => {}
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_both_sides() {
        let diff = "--- a\n+++ b\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n@@ -9 +9,2 @@\n x\n+y\n\\ No newline at end of file\n";
        let told = places(diff);
        assert_eq!(told, [("one\ntwo\n".into(), "one\nthree\n".into()), ("x\n".into(), "x\ny\n".into())]);
    }
}
