//! The home's Unix socket: whoever is the same user is the owner, and nobody else gets an answer.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tenure_test::daemon::TestDaemon;

/// Any user but the one that runs the tests.
const SOMEBODY: u32 = 65_534;
/// Tells the child which socket to try.
const SOCKET: &str = "TENURE_TEST_SOCKET";
const REQUEST: &str = "GET /v1/info HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn ask(socket: &Path, request: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(std::time::Duration::from_secs(30)))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[tokio::test]
async fn the_socket_is_its_owners() {
    let daemon = TestDaemon::start().await;
    let socket = daemon.home().join("tenure.sock");
    assert_eq!((mode(daemon.home()), mode(&socket)), (0o700, 0o600));
    assert!(ask(&socket, REQUEST).unwrap().starts_with("HTTP/1.1 200 "), "the owner needs no token");
    // A page cannot reach a socket; a proxy in front of one might let it.
    let page = REQUEST.replace("host: x", "host: x\r\norigin: http://evil.example");
    assert!(ask(&socket, &page).unwrap().starts_with("HTTP/1.1 403 "));
    for name in ["token", "daemon.json", "tenure.db"] {
        assert_eq!(mode(&daemon.home().join(name)), 0o600, "{name}");
    }
}

/// Another user who gets as far as the socket is looked at and sent away. Only root can play another user; to
/// anybody else the modes above say the same.
#[tokio::test]
async fn another_user_is_sent_away_even_where_the_modes_were_opened() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let daemon = TestDaemon::start().await;
    let socket = daemon.home().join("tenure.sock");
    let open = std::fs::Permissions::from_mode(0o777);
    for path in [daemon.home().parent().unwrap(), daemon.home(), &socket] {
        std::fs::set_permissions(path, open.clone()).unwrap();
    }
    // Somebody else cannot run a program from a directory that is ours alone.
    let shared = tempfile::tempdir().unwrap();
    std::fs::set_permissions(shared.path(), open).unwrap();
    let program = shared.path().join("other");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    #[expect(clippy::disallowed_methods, reason = "it is waited for right here")]
    let mut child = Command::new(&program);
    child
        .args(["--exact", "socket::somebody_else", "--ignored", "--nocapture"])
        .env_clear()
        .env(SOCKET, &socket);
    let output = child.uid(SOMEBODY).current_dir("/").stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "{said}");
    assert!(ask(&socket, REQUEST).unwrap().starts_with("HTTP/1.1 200 "), "the owner is served as before");
}

/// Runs as somebody else, started by the test above.
#[test]
#[ignore = "it is the other half of the test above, which starts it as another user"]
fn somebody_else() {
    let socket = std::env::var_os(SOCKET).expect("the test above says where");
    assert_eq!(rustix::process::geteuid().as_raw(), SOMEBODY);
    let stream = UnixStream::connect(&socket);
    let mut stream = stream.expect("the modes were opened, so that the daemon itself has to look");
    stream.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
    // The daemon may have hung up before it is written.
    let _ = stream.write_all(REQUEST.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
}
