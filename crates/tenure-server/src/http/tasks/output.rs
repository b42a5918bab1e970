//! What a task wrote, from the event or from the file that its agent keeps. Only a plain file is read, and only one
//! that is called after the task: the path is the agent's word.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use tenure_api::TaskText;
use tenure_event::TaskOutput;

/// Bytes that are told if nobody says how many.
pub(super) const USUAL: u64 = 64 * 1024;
/// The most that are told.
pub(super) const MOST: u64 = 1024 * 1024;

#[expect(clippy::cast_possible_wrap, reason = "the flags are small numbers")]
const PLAIN: i32 = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).bits() as i32;

/// The end of what a task wrote. Nothing if its file is not there any more, or is none of the task's.
pub(super) async fn read(task_id: &str, told: TaskOutput, most: u64) -> Option<TaskText> {
    match told {
        TaskOutput::Text { text, truncated } => {
            let end = last(text.as_bytes(), most);
            let truncated = truncated || end.len() < text.len();
            Some(TaskText { text: end, truncated, path: None })
        }
        TaskOutput::File { path } => {
            let named =
                Path::new(&path).file_name().is_some_and(|name| *name == *format!("{task_id}.output"));
            if !named {
                return None;
            }
            tokio::task::spawn_blocking(move || from_file(path, most).ok()).await.ok().flatten()
        }
    }
}

fn from_file(path: String, most: u64) -> std::io::Result<TaskText> {
    let mut file = File::options().read(true).custom_flags(PLAIN).open(&path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(std::io::Error::from(std::io::ErrorKind::InvalidInput));
    }
    let from = about.len().saturating_sub(most);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(TaskText { text: last(&bytes, most), truncated: from > 0, path: Some(path) })
}

/// The last bytes as text; a character that was cut in two at the beginning is left out.
fn last(bytes: &[u8], most: u64) -> String {
    let from = bytes.len().saturating_sub(usize::try_from(most).unwrap_or(usize::MAX));
    let mut rest = &bytes[from..];
    let mut cut = 0;
    while cut < 3 && rest.first().is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {
        rest = &rest[1..];
        cut += 1;
    }
    String::from_utf8_lossy(rest).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &Path) -> TaskOutput {
        TaskOutput::File { path: path.display().to_string() }
    }

    #[tokio::test]
    async fn the_end_is_told_and_begins_with_a_whole_character() {
        let text = TaskOutput::Text { text: "aéb".to_owned(), truncated: false };
        let told = read("t", text.clone(), 2).await.unwrap();
        assert_eq!((told.text.as_str(), told.truncated, told.path), ("b", true, None));
        let told = read("t", text, 9).await.unwrap();
        assert_eq!((told.text.as_str(), told.truncated), ("aéb", false));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.output");
        std::fs::write(&path, "one\ntwo\n").unwrap();
        let told = read("t", file(&path), 4).await.unwrap();
        assert_eq!((told.text.as_str(), told.truncated), ("two\n", true));
        assert_eq!(told.path, Some(path.display().to_string()));
    }

    #[tokio::test]
    async fn no_other_file_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let secret = dir.path().join("secret");
        std::fs::write(&secret, "secret").unwrap();
        assert_eq!(read("t", file(&secret), 9).await, None, "it is not called after the task");
        let link = dir.path().join("t.output");
        std::os::unix::fs::symlink(&secret, &link).unwrap();
        assert_eq!(read("t", file(&link), 9).await, None, "it is a link");
        let folder = dir.path().join("u.output");
        std::fs::create_dir(&folder).unwrap();
        assert_eq!(read("u", file(&folder), 9).await, None, "it is no file");
        assert_eq!(read("v", file(&dir.path().join("v.output")), 9).await, None, "it is not there");
    }
}
