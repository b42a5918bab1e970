//! Starting: what is handed over, and what every failure is called.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tenure_host::{Attached, Forced, LaunchError, launch};

use crate::fixture::{AGENT, CLOSE, Fixture, exited, send};

fn script(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).expect("a file");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its mode");
}

#[tokio::test]
async fn an_agent_is_fed_heard_and_ended() {
    let fixture = Fixture::new();
    let shim = fixture.launch("err careful echo exit 7").await;
    send(&shim, 1, "one\n").await;
    send(&shim, 2, "two\nthr").await;
    send(&shim, 3, "ee\n").await;
    fixture.line_with(&shim, "three").await;
    shim.end(CLOSE);
    let exit = exited(&shim).await;
    assert_eq!(fixture.lines(exit.spool_end), ["one", "two", "three"]);
    assert_eq!((exit.code, exit.signal, exit.forced), (Some(7), None, Forced::None));
    assert_eq!((exit.stderr_tail.as_str(), exit.applied), ("careful\n", 3));
    assert!(exit.hit.is_empty() && exit.remained.is_empty() && !exit.truncated_line);
}

#[tokio::test]
async fn the_environment_is_the_given_one_alone() {
    let fixture = Fixture::new();
    let mut spec = fixture.spec("env GIVEN env PATH env HOME cwd");
    spec.env = vec![("GIVEN".into(), "a value\nof two lines".into())];
    spec.cwd = fixture.path().join("work dir");
    std::fs::create_dir(&spec.cwd).expect("a directory");
    let cwd = spec.cwd.canonicalize().expect("a path").display().to_string();
    let shim = launch(spec).await.expect("an agent");
    let lines = fixture.all_lines(&shim).await;
    assert_eq!(lines, ["a value", "of two lines", "PATH unset", "HOME unset", &cwd]);
}

#[tokio::test]
async fn values_of_the_environment_are_in_no_file_and_no_argument() {
    let fixture = Fixture::new();
    let mut spec = fixture.spec("say ready echo");
    spec.env = vec![("KEY".into(), "hidden-value-93".into())];
    let shim = launch(spec).await.expect("an agent");
    fixture.line_with(&shim, "ready").await;
    for entry in std::fs::read_dir(fixture.dir()).expect("the directory") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let text = String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned();
            assert!(!text.contains("hidden-value-93"), "{}", path.display());
            assert_eq!(
                path.metadata().expect("a mode").permissions().mode() & 0o077,
                0,
                "{}",
                path.display()
            );
        }
    }
    let arguments = std::fs::read(format!("/proc/{}/cmdline", shim.identity().shim.pid)).expect("arguments");
    assert!(!String::from_utf8_lossy(&arguments).contains("hidden-value-93"));
    assert_eq!(std::fs::metadata(fixture.dir()).expect("a mode").permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_missing_program_tells_where_it_was_looked_for() {
    let fixture = Fixture::new();
    let mut spec = fixture.spec("");
    spec.argv = vec!["no-such-agent".into()];
    spec.env = vec![("PATH".into(), "/nowhere:/usr/nothing".into())];
    let error = launch(spec).await.expect_err("no agent");
    let text = error.to_string();
    let LaunchError::NotFound { program, tried } = error else { panic!("{error:?}") };
    assert_eq!(program, "no-such-agent");
    assert_eq!(tried, ["/nowhere/no-such-agent", "/usr/nothing/no-such-agent"].map(std::path::PathBuf::from));
    assert!(text.contains("/nowhere/no-such-agent"), "{text}");
    // A failed launch leaves the directory free for the next try.
    launch(fixture.spec("say hi")).await.expect("an agent");
}

#[tokio::test]
async fn what_cannot_be_run_is_told_apart() {
    let fixture = Fixture::new();
    let plain = fixture.path().join("plain");
    script(&plain, "#!/bin/sh\n", 0o644);
    let lost = fixture.path().join("lost");
    script(&lost, "#!/no/such/interpreter\n", 0o755);
    let start = async |argv0: &Path| {
        let mut spec = fixture.spec("");
        spec.argv = vec![argv0.display().to_string()];
        launch(spec).await.expect_err("no agent")
    };
    let error = start(&plain).await;
    assert!(matches!(&error, LaunchError::NotExecutable { path, .. } if *path == plain), "{error:?}");
    let error = start(&lost).await;
    assert!(matches!(&error, LaunchError::InterpreterMissing { path } if *path == lost), "{error:?}");
    let error = start(fixture.path()).await;
    assert!(matches!(&error, LaunchError::NotExecutable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_missing_working_directory_is_named() {
    let fixture = Fixture::new();
    let mut spec = fixture.spec("say hi");
    spec.cwd = fixture.path().join("gone");
    let error = launch(spec).await.expect_err("no agent");
    assert!(matches!(&error, LaunchError::CwdMissing { cwd, .. } if cwd.ends_with("gone")), "{error:?}");
    let mut spec = fixture.spec("say hi");
    spec.cwd = AGENT.into();
    let error = launch(spec).await.expect_err("no agent");
    assert!(matches!(&error, LaunchError::CwdMissing { .. }), "{error:?}");
}

#[tokio::test]
async fn an_empty_command_or_a_zero_byte_starts_nothing() {
    let fixture = Fixture::new();
    let mut spec = fixture.spec("");
    spec.argv.clear();
    let error = launch(spec).await.expect_err("no agent");
    assert!(matches!(error, LaunchError::Order { .. }), "{error:?}");
    let mut spec = fixture.spec("");
    spec.argv.push("a\0b".into());
    let error = launch(spec).await.expect_err("no agent");
    assert!(matches!(error, LaunchError::System { .. }), "{error:?}");
}

#[tokio::test]
async fn a_program_that_is_no_shim_is_told() {
    let fixture = Fixture::new();
    let mut spec = fixture.spec("");
    spec.program = Some("/bin/true".into());
    let error = launch(spec).await.expect_err("no agent");
    assert!(matches!(error, LaunchError::Silent { .. }), "{error:?}");
}

#[tokio::test]
async fn a_directory_serves_one_agent_process_only() {
    let fixture = Fixture::new();
    let first = fixture.launch("echo").await;
    let error = launch(fixture.spec("say hi")).await.expect_err("no second agent");
    assert!(matches!(error, LaunchError::InUse { .. }), "{error:?}");
    first.end(CLOSE);
    exited(&first).await;
    let error = launch(fixture.spec("say hi")).await.expect_err("no second agent");
    assert!(matches!(error, LaunchError::InUse { .. }), "{error:?}");
}

#[tokio::test]
async fn an_agent_that_ends_at_once_is_started_and_ended() {
    let fixture = Fixture::new();
    let shim = fixture.launch("err unhappy exit 3").await;
    let exit = exited(&shim).await;
    assert_eq!((exit.code, exit.stderr_tail.as_str()), (Some(3), "unhappy\n"));
    assert_eq!(shim.stderr_tail().await, b"unhappy\n");
    assert!(matches!(fixture.attach().await, Attached::Exited(found) if found == exit));
}

#[tokio::test]
async fn the_length_of_the_path_does_not_matter() {
    let fixture = Fixture::new();
    let mut spec = fixture.spec("echo");
    spec.dir = (0..20).fold(fixture.path().to_path_buf(), |dir, _| dir.join("a-long-name"));
    assert!(spec.dir.as_os_str().len() > 200);
    let dir = spec.dir.clone();
    drop(launch(spec).await.expect("an agent"));
    let Ok(Attached::Live(shim)) = tenure_host::attach(&dir).await else { panic!("no shim") };
    shim.end(CLOSE);
    exited(&shim).await;
}

#[tokio::test]
async fn the_shim_is_waited_for() {
    let fixture = Fixture::new();
    let shim = fixture.launch("say hi").await;
    exited(&shim).await;
    let stat = format!("/proc/{}/stat", shim.identity().shim.pid);
    crate::fixture::eventually("the end of the shim, without a zombie", || !Path::new(&stat).exists()).await;
}
