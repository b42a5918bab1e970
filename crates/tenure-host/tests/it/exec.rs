//! Commands of clients: their streams, their ends, and that nothing of them stays.

use std::time::Duration;

use tenure_host::process::find_marked;
use tenure_host::{Exec, ExecSpec, LaunchError, exec};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::fixture::PROBE;

const PATIENCE: Duration = Duration::from_secs(60);

fn shell(script: &str) -> ExecSpec {
    ExecSpec {
        argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        cwd: "/".into(),
        env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
        merged: false,
        cgroup: false,
        gently: None,
        program: Some(PROBE.into()),
    }
}

/// The same, with a mark by which all of its processes are found.
fn marked(script: &str, mark: &str) -> ExecSpec {
    let mut spec = shell(script);
    spec.env.push(("EXEC_TEST_MARK".to_owned(), mark.to_owned()));
    spec
}

fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

async fn read(mut pipe: tokio::net::unix::pipe::Receiver) -> Vec<u8> {
    let mut all = Vec::new();
    tokio::time::timeout(PATIENCE, pipe.read_to_end(&mut all)).await.expect("in time").expect("read");
    all
}

/// Waits until the command said that it is ready.
async fn ready(run: &mut Exec) {
    let mut word = [0; 6];
    let reading = run.stdout.read_exact(&mut word);
    tokio::time::timeout(PATIENCE, reading).await.expect("in time").expect("a word");
    assert_eq!(&word, b"ready\n");
}

#[tokio::test]
async fn streams_are_apart_and_exact_and_the_code_is_told() {
    let run = exec(shell("cat; printf 'b\\000d' >&2; exit 7")).await.expect("started");
    let mut stdin = run.stdin;
    stdin.write_all(b"in \xff no newline").await.expect("taken");
    drop(stdin);
    let (out, err) = tokio::join!(read(run.stdout), read(run.stderr));
    assert_eq!((out.as_slice(), err.as_slice()), (&b"in \xff no newline"[..], &b"b\0d"[..]));
    let ended = run.process.wait().await;
    assert_eq!((ended.code, ended.signal, ended.remained.len()), (Some(7), None, 0));
}

#[tokio::test]
async fn both_outputs_can_come_as_one_in_their_order() {
    let spec = ExecSpec { merged: true, ..shell("for n in 1 2 3; do echo out $n; echo err $n >&2; done") };
    let run = exec(spec).await.expect("started");
    let (out, err) = tokio::join!(read(run.stdout), read(run.stderr));
    let wanted = "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n";
    assert_eq!((String::from_utf8_lossy(&out).as_ref(), err.as_slice()), (wanted, &b""[..]));
}

#[tokio::test]
async fn a_signal_is_told_and_only_the_given_environment_is_there() {
    let run = exec(shell("env | grep -v -e ^PWD= -e ^_= -e ^SHLVL=; kill -9 $$")).await.expect("started");
    drop(run.stdin);
    assert_eq!(read(run.stdout).await, b"PATH=/usr/bin:/bin\n");
    let ended = run.process.wait().await;
    assert_eq!((ended.code, ended.signal), (None, Some(9)));
}

#[tokio::test]
async fn a_kill_takes_children_that_left_the_group_and_the_session() {
    let mark = unique("kill");
    let script = "setsid sh -c 'setsid sleep 1000 & sleep 1000' & trap '' TERM; echo ready; sleep 1000";
    let mut run = exec(marked(script, &mark)).await.expect("started");
    ready(&mut run).await;
    run.process.kill();
    let ended = tokio::time::timeout(PATIENCE, run.process.wait()).await.expect("in time");
    assert_eq!((ended.code, ended.signal, ended.remained.len()), (None, Some(9), 0));
    assert_eq!(find_marked("EXEC_TEST_MARK", &mark), []);
}

#[tokio::test]
async fn what_a_command_leaves_behind_ends_with_it() {
    let mark = unique("left");
    let run = exec(marked("setsid sleep 1000 & echo out; exit 0", &mark)).await.expect("started");
    assert_eq!(read(run.stdout).await, b"out\n");
    assert_eq!(run.process.wait().await.code, Some(0));
    assert_eq!(find_marked("EXEC_TEST_MARK", &mark), []);
}

#[tokio::test]
async fn a_command_that_nobody_holds_is_killed() {
    let mark = unique("dropped");
    let mut run = exec(marked("setsid sleep 1000 & echo ready; sleep 1000", &mark)).await.expect("started");
    ready(&mut run).await;
    let Exec { process, stdin, mut stdout, stderr } = run;
    drop((process, stdin, stderr));
    // The pipe ends once the last writer is gone.
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, stdout.read_to_end(&mut rest)).await.expect("in time").expect("the end");
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn a_term_can_be_heard() {
    let mut run =
        exec(shell("trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done")).await.expect("started");
    ready(&mut run).await;
    run.process.terminate();
    let ended = tokio::time::timeout(PATIENCE, run.process.wait()).await.expect("in time");
    assert_eq!(ended.code, Some(5));
}

#[tokio::test]
async fn a_shim_that_was_stopped_is_ended_all_the_same() {
    let mark = unique("stopped");
    let mut run = exec(marked("setsid sleep 1000 & echo ready; sleep 1000", &mark)).await.expect("started");
    ready(&mut run).await;
    run.process.shim().expect("a shim").signal(rustix::process::Signal::STOP).expect("stopped");
    let ended = tokio::time::timeout(PATIENCE, run.process.kill_and_wait()).await.expect("in time");
    assert_eq!(ended.remained, [] as [i32; 0]);
    assert_eq!(find_marked("EXEC_TEST_MARK", &mark), []);
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let named = |name: &str| ExecSpec { argv: vec![name.to_owned()], ..shell("") };
    let missing = exec(named("no-such-program")).await.expect_err("missing");
    assert!(matches!(&missing, LaunchError::NotFound { program, .. } if program == "no-such-program"));
    let directory = exec(named("/etc/passwd")).await.expect_err("no program");
    assert!(matches!(directory, LaunchError::NotExecutable { .. }));
    let empty = exec(ExecSpec { argv: Vec::new(), ..shell("") }).await.expect_err("empty");
    assert!(matches!(empty, LaunchError::Order { .. }));
    let nowhere = exec(ExecSpec { cwd: "/no/such".into(), ..shell("") }).await.expect_err("nowhere");
    assert!(matches!(nowhere, LaunchError::CwdMissing { .. }));
}

/// A command that may go on when nobody waits for it. It is told its directory.
fn gently(script: &str, dir: &std::path::Path, grace: Duration) -> ExecSpec {
    let mut spec = shell(script);
    spec.argv.push(dir.to_string_lossy().into_owned());
    spec.gently = Some(tenure_host::Gently { grace, lock: dir.join("lock") });
    spec
}

async fn is_released(dir: &std::path::Path, patience: Duration) -> bool {
    let lock = dir.join("lock");
    let waiting = tokio::task::spawn_blocking(move || tenure_host::wait_for_release(&lock, patience));
    waiting.await.expect("no panic").expect("a lock")
}

#[tokio::test]
async fn one_that_is_dropped_may_come_to_its_end() {
    let dir = tempfile::tempdir().expect("a directory");
    let script = "mkfifo $0/go; echo ready; read word < $0/go; echo $word > $0/told";
    let mut run = exec(gently(script, dir.path(), PATIENCE)).await.expect("started");
    ready(&mut run).await;
    drop(run);
    assert!(!is_released(dir.path(), Duration::ZERO).await, "it goes on");
    std::fs::write(dir.path().join("go"), "done\n").expect("it reads");
    assert!(is_released(dir.path(), PATIENCE).await);
    assert_eq!(std::fs::read_to_string(dir.path().join("told")).expect("told"), "done\n");
}

#[tokio::test]
async fn one_that_does_not_come_to_its_end_is_killed() {
    let dir = tempfile::tempdir().expect("a directory");
    let script = "trap '' TERM; echo ready; sleep 1000";
    let mut run = exec(gently(script, dir.path(), Duration::from_millis(100))).await.expect("started");
    ready(&mut run).await;
    let ended = tokio::time::timeout(PATIENCE, run.process.leave_and_wait()).await.expect("in time");
    assert_eq!((ended.code, ended.signal, ended.remained.len()), (None, Some(9), 0));
    assert!(is_released(dir.path(), PATIENCE).await);
}
