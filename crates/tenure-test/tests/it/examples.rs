//! The programs of `docs/rust.md` and `docs/dialects/rust.md`: those that lie in `tenure-client`'s examples, and do what they should.

use std::path::{Path, PathBuf};
use std::process::Command;

use tenure_test::daemon::TestDaemon;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The code of an example, without its head, which a page needs not.
fn example(name: &str) -> String {
    let path = project().join("crates/tenure-client/examples").join(name).with_extension("rs");
    let text = std::fs::read_to_string(path).unwrap();
    let at = text.find("\nuse ").unwrap();
    text[at + 1..].to_owned()
}

#[test]
fn the_pages_show_the_examples_as_they_are() {
    let pages: [(&str, &[&str]); 2] =
        [("docs/rust.md", &["first", "asks", "follow", "work"]), ("docs/dialects/rust.md", &["dialect"])];
    for (page, names) in pages {
        let text = std::fs::read_to_string(project().join(page)).unwrap();
        let shown: Vec<&str> =
            text.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
        assert_eq!(shown, names.iter().map(|name| example(name)).collect::<Vec<_>>(), "{page}");
    }
}

/// What an example prints.
#[expect(clippy::disallowed_methods, reason = "a program is run as its user runs it, and waited for")]
fn run(daemon: &TestDaemon, dir: &Path, name: &str, args: &[&str]) -> String {
    let program = std::env::current_exe().unwrap().parent().unwrap().join("../examples").join(name);
    assert!(program.exists(), "{} is not there: cargo build -p tenure-client --examples", program.display());
    let mut command = Command::new(program);
    command.args(args).env_clear().env("TENURE_HOME", daemon.home()).env("HOME", dir).current_dir(dir);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn they_do_what_the_page_says() {
    let daemon = TestDaemon::start().await;
    let dir = daemon.workdir();
    let with = |name, args: &[&str]| run(&daemon, &dir, name, args);
    let run = |name| with(name, &[]);
    assert_eq!(run("first"), "You said: What is this project?\nSome(Completed)\n");
    let asked = run("asks");
    assert!(asked.starts_with("May I? [rm old.txt]\n") && asked.ends_with("Done.\nCompleted\n"), "{asked}");
    let followed = run("follow");
    assert!(
        followed.starts_with("1 session.created\n") && followed.ends_with(" turn.completed\n"),
        "{followed}"
    );
    let dialect = with("dialect", &["scripted"]);
    let (before, said) = dialect.split_once('\n').unwrap();
    // It may be on its way still, or be there.
    assert!(before.ends_with(", None"), "nothing was said yet: {dialect}");
    assert_eq!(said, "You said: What is 5 + 3?\n2 messages\n");
    let work = run("work");
    assert!(work.starts_with("Some(0) 1\n# Notes\nrefused: "), "{work}");
}
