//! S6: what a directory brings along (hooks, tool servers, permissions) counts only once somebody trusts it.

use serde_json::json;

use crate::argv::{arguments, with_witness};

const OFF: [&str; 2] = ["--setting-sources=user", "--strict-mcp-config"];

#[tokio::test]
async fn the_settings_of_an_untrusted_project_are_off() {
    let daemon = with_witness().await;
    let (work, other) = (daemon.workdir(), daemon.workdir());
    let started = async |cwd: &std::path::Path, trust: Option<bool>| {
        let said = daemon.home().parent().unwrap().join("argv");
        if said.exists() {
            std::fs::remove_file(said).unwrap();
        }
        let mut request = json!({"agent": "witness", "cwd": cwd});
        if let Some(trust) = trust {
            request["trust_project"] = trust.into();
        }
        let session = daemon.create(&request).await;
        let arguments = arguments(&daemon, &session).await;
        session.verb("kill").await;
        arguments
    };
    let is_off = |arguments: &[String]| OFF.map(|flag| arguments.iter().any(|argument| argument == flag));
    assert_eq!(is_off(&started(&work, None).await), [true, true]);
    assert_eq!(is_off(&started(&work, Some(false)).await), [true, true]);
    assert_eq!(is_off(&started(&work, Some(true)).await), [false, false]);
    // Trust is remembered for the project, and for no other; one session may do without it.
    assert_eq!(is_off(&started(&work, None).await), [false, false]);
    assert_eq!(is_off(&started(&work, Some(false)).await), [true, true]);
    assert_eq!(is_off(&started(&other, None).await), [true, true]);
    daemon.kill_and_restart().await;
    assert_eq!(is_off(&started(&work, None).await), [false, false]);
    assert_eq!(is_off(&started(&other, None).await), [true, true]);
}
