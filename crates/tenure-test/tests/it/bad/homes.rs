//! Homes that a daemon cannot have, and configurations that it cannot read.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use tenure_test::daemon::TestDaemon;

#[tokio::test]
async fn a_port_that_was_asked_for_and_is_taken_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let setup = TestDaemon::setup().args(&["--listen", &address]);
    let (status, said) = setup.refused().await;
    assert!(!status.success());
    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
    assert!(!setup.home().join("daemon.json").exists());
}

#[tokio::test]
async fn a_home_has_one_daemon() {
    let daemon = TestDaemon::start().await;
    let second = TestDaemon::setup().in_home(daemon.home());
    let (status, said) = second.refused().await;
    assert!(!status.success());
    assert!(said.contains(&daemon.pid().to_string()) && said.contains("tenure down"), "{said}");
    // The first was not disturbed.
    daemon.get("/v1/info").await.ok(200);
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_left_alone() {
    let daemon = TestDaemon::start().await;
    daemon.stop().await;
    let path = daemon.home().join("tenure.db");
    let store = rusqlite::Connection::open(&path).unwrap();
    store.pragma_update(None, "user_version", 9999).unwrap();
    drop(store);
    let before = std::fs::read(&path).unwrap();
    let (status, said) = TestDaemon::setup().in_home(daemon.home()).refused().await;
    assert!(!status.success());
    assert!(said.contains("newer") && said.contains("9999"), "{said}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_broken_configuration_is_told_at_the_start() {
    for (toml, words) in [
        ("default_agent = [\n", ["config.toml", "line"]),
        ("colour = \"red\"\n", ["config.toml", "colour"]),
        (
            "default_agent = \"clod\"\n",
            ["`default_agent`: there is no agent `clod`", "known are: claude, codex"],
        ),
        ("[agents.x]\nprotocol = \"morse\"\n", ["agents.x.protocol", "morse"]),
    ] {
        let setup = TestDaemon::setup().config(toml);
        let (status, said) = setup.refused().await;
        assert!(!status.success());
        assert!(words.iter().all(|word| said.contains(word)) && said.contains("correct it"), "{said}");
    }
}

#[tokio::test]
async fn a_configuration_that_breaks_later_keeps_the_old_one_and_warns() {
    let setup = TestDaemon::setup().config("[agents.mine]\nprotocol = \"acp\"\ncommand = [\"/nowhere\"]\n");
    let daemon = setup.start().await;
    assert!(daemon.get("/v1/info").await.ok(200)["config_warning"].is_null());
    std::fs::write(daemon.home().join("config.toml"), "colour = 1\n").unwrap();
    hang_up(&daemon);
    let warned = eventually(&daemon, "/v1/info", |info| info["config_warning"].is_string()).await;
    assert!(warned["config_warning"].as_str().unwrap().contains("colour"), "{warned}");
    let agents = daemon.get("/v1/agents").await.ok(200);
    assert!(agents["items"].as_array().unwrap().iter().any(|agent| agent["name"] == "mine"), "{agents}");
    std::fs::write(daemon.home().join("config.toml"), "").unwrap();
    hang_up(&daemon);
    eventually(&daemon, "/v1/info", |info| info["config_warning"].is_null()).await;
}

#[tokio::test]
async fn an_agent_that_was_configured_a_moment_ago_is_known() {
    let daemon = TestDaemon::start().await;
    let path = daemon.home().join("config.toml");
    let request = serde_json::json!({"agent": "mine", "cwd": daemon.workdir(), "start": false});
    let problem = daemon.post("/v1/sessions", &request).await.problem(400, "invalid");
    assert_eq!(problem["field"], "agent");
    std::fs::write(&path, "[agents.mine]\nprotocol = \"scripted\"\n").unwrap();
    daemon.post("/v1/sessions", &request).await.ok(201);
    let before = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, before + "[agents.more]\nprotocol = \"scripted\"\n").unwrap();
    let agents = daemon.get("/v1/agents").await.ok(200);
    assert!(agents["items"].as_array().unwrap().iter().any(|agent| agent["name"] == "more"), "{agents}");
    std::fs::write(&path, "colour = 1\n").unwrap();
    assert!(daemon.get("/v1/info").await.ok(200)["config_warning"].is_string());
}

/// Has the configuration read again.
pub(crate) fn hang_up(daemon: &TestDaemon) {
    let process = tenure_host::PidRef::of(daemon.pid()).unwrap();
    process.signal(rustix::process::Signal::HUP).unwrap();
}

/// Nothing tells when a configuration was read: it is looked for.
pub(crate) async fn eventually(
    daemon: &TestDaemon,
    path: &str,
    wanted: impl Fn(&serde_json::Value) -> bool,
) -> serde_json::Value {
    let search = async {
        loop {
            let found = daemon.get(path).await.ok(200);
            if wanted(&found) {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(tenure_test::daemon::PATIENCE, search).await.unwrap()
}

#[tokio::test]
async fn a_home_that_is_a_file_is_an_error() {
    let setup = TestDaemon::setup();
    std::fs::write(setup.home(), "").unwrap();
    let (status, said) = setup.refused().await;
    assert!(!status.success());
    assert!(said.contains("cannot use the home") && said.contains("--home"), "{said}");
}

#[tokio::test]
async fn a_home_is_private() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    let mode = |path: &str| std::fs::metadata(daemon.home().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    for file in ["token", "tenure.sock"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    assert_eq!(mode(&format!("sessions/{}", session.id)), 0o700);
    assert_eq!(mode(&format!("sessions/{}/private.json", session.id)), 0o600);
    daemon.stop().await;
    for gone in ["daemon.json", "tenure.sock"] {
        assert!(!daemon.home().join(gone).exists(), "{gone} is left");
    }
}
