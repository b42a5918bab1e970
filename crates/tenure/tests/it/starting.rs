//! Starting the daemon: by need, at the same time, twice, wrongly.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::home::Home;

#[test]
fn two_that_start_it_at_once_find_the_same_daemon() {
    let home = Home::new();
    let starts: Vec<_> =
        (0..4).map(|_| home.start(&["up", "--detach", "--listen", "127.0.0.1:0", "--json"])).collect();
    let pids: Vec<_> = starts
        .into_iter()
        .map(|start| {
            let (lines, _) = start.wait();
            serde_json::from_str::<Value>(&lines[0]).unwrap()["pid"].as_u64().unwrap()
        })
        .collect();
    assert!(pids.iter().all(|pid| *pid == pids[0]), "{pids:?}");
}

#[test]
fn a_second_daemon_on_a_home_is_refused() {
    let home = Home::new();
    home.up();
    let pid = home.daemon_pid();
    let second = home.run(&["up", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.err.contains(&pid.to_string()) && second.err.contains("tenure down"), "{second:?}");
    assert!(home.run(&["up", "--detach"]).expect(0).contains("runs already"));
    assert_eq!(home.daemon_pid(), pid);
}

#[test]
fn a_broken_configuration_is_shown_at_once() {
    let home = Home::new();
    std::fs::create_dir(home.path("home")).unwrap();
    std::fs::write(home.path("home").join("config.toml"), "[http]\nhosts = 7\n").unwrap();
    let done = home.run(&["ls"]);
    assert_eq!(done.code, 4, "{done:?}");
    assert!(done.err.contains("config.toml") && done.err.contains("line 2"), "{done:?}");
}

#[test]
fn a_port_that_is_taken_is_an_error_when_it_was_asked_for() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let home = Home::new();
    let done = home.run(&["up", "--listen", &address]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.err.contains(&address) && done.err.contains("--listen"), "{done:?}");
}

/// A cleaner of temporary files takes sockets away. It is the only way by which a home's clients find their daemon.
#[test]
fn a_socket_that_was_taken_away_is_put_back() {
    let home = Home::new();
    home.up();
    let pid = home.daemon_pid();
    let socket = home.path("home/tenure.sock");
    std::fs::remove_file(&socket).unwrap();
    home.run(&["ls"]).expect(0);
    assert_eq!(home.daemon_pid(), pid, "it is still the same");
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
}

/// After a kill somebody else may have the port: here the daemon of another home, which does not know the token.
#[test]
fn the_address_of_a_daemon_that_was_killed_is_not_asked() {
    let (home, other) = (Home::new(), Home::new());
    for home in [&home, &other] {
        home.up();
    }
    let read = |home: &Home| serde_json::from_slice(&std::fs::read(home.path("home/daemon.json")).unwrap());
    let (mut file, there): (Value, Value) = (read(&home).unwrap(), read(&other).unwrap());
    home.kill_daemon();
    file["url"] = there["url"].clone();
    std::fs::write(home.path("home/daemon.json"), file.to_string()).unwrap();
    home.run(&["ls"]).expect(0);
    assert_ne!(home.daemon_pid(), other.daemon_pid());
}
