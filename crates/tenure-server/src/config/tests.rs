//! Configuration files, good and bad.

use super::load::{ConfigError, LiveConfig, load};

fn loaded(text: &str) -> Result<super::Config, ConfigError> {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("config.toml");
    std::fs::write(&path, text).expect("written");
    load(&path)
}

#[test]
fn a_missing_file_means_the_defaults() {
    let dir = tempfile::tempdir().expect("a directory");
    assert_eq!(load(&dir.path().join("config.toml")).expect("defaults"), super::Config::default());
}

#[test]
fn an_agent_of_ones_own() {
    let text =
        "[agents.mine]\nprotocol = \"acp\"\ncommand = [\"/bin/agent\", \"--flag\"]\nenv = { KEY = \"v\" }\n";
    let config = loaded(text).expect("good");
    let agent = &config.agents["mine"];
    assert_eq!(agent.command.as_deref(), Some(&["/bin/agent".to_owned(), "--flag".to_owned()][..]));
    assert_eq!(agent.env["KEY"], "v");
}

#[test]
fn errors_name_file_line_and_key() {
    let cases = [
        ("default_agent = 7\n", "line 1", "`default_agent`"),
        ("[agents.mine]\nprotocol = \"acp\"\ncomand = []\n", "line 3", "comand"),
        ("[agents.mine]\nprotocol = \"acp\"\ncommand = \"agent\"\n", "line 3", "`agents.mine.command`"),
        ("[agents.mine]\nprotocol = \"smoke\"\n", "", "`agents.mine.protocol`"),
        ("[agents.mine]\nprotocol = \"acp\"\ncommand = []\n", "", "`agents.mine.command`"),
        ("[agents.mine]\nprotocol = \"acp\"\n", "the program", "`agents.mine.command`"),
        ("[log]\ndurability = \"some\"\n", "line 2", "`log.durability`"),
        ("[http\n", "line 1", "config.toml"),
        ("default_agent = \"clod\"\n", "known are: claude", "`default_agent`: there is no agent `clod`"),
        ("[[permissions]]\nagent = \"clod\"\nask_timeout_seconds = 1\n", "`clod`", "`permissions[0].agent`"),
    ];
    for (text, line, key) in cases {
        let error = loaded(text).expect_err(text).to_string();
        assert!(
            error.contains("config.toml") && error.contains(line) && error.contains(key),
            "{text}: {error}"
        );
    }
}

#[test]
fn rules_are_for_agents_that_are_known_or_configured_anywhere_in_the_file() {
    for agent in ["claude", "scripted", "mine"] {
        let text = format!(
            "[[permissions]]\nagent = \"{agent}\"\nask_timeout_seconds = 1\n[agents.mine]\ncommand = [\"a\"]\n"
        );
        assert_eq!(loaded(&text).expect(agent).permissions[0].agent.as_deref(), Some(agent));
    }
}

#[test]
fn a_file_that_breaks_keeps_what_was_in_force() {
    let home = tempfile::tempdir().expect("a directory");
    let path = home.path().join("config.toml");
    std::fs::write(&path, "default_agent = \"codex\"\n").expect("written");
    let live = LiveConfig::open(home.path()).expect("good");
    std::fs::write(&path, "default_agent = \n").expect("written");
    assert!(!live.reload());
    assert_eq!(live.now().default_agent.as_deref(), Some("codex"));
    assert!(live.warning().is_some_and(|text| text.contains("config.toml")));
    std::fs::write(&path, "default_agent = \"pi\"\n").expect("written");
    assert!(live.reload());
    assert_eq!((live.now().default_agent.as_deref(), live.warning()), (Some("pi"), None));
}

#[test]
fn what_was_written_a_moment_ago_counts_for_whoever_looks() {
    let home = tempfile::tempdir().expect("a directory");
    let live = LiveConfig::open(home.path()).expect("the defaults");
    std::fs::write(
        home.path().join("config.toml"),
        "default_agent = \"mine\"\n[agents.mine]\ncommand = [\"a\"]\n",
    )
    .expect("written");
    assert_eq!(live.now().default_agent, None);
    live.look();
    assert_eq!(live.now().default_agent.as_deref(), Some("mine"));
    std::fs::remove_file(home.path().join("config.toml")).expect("removed");
    live.look();
    assert_eq!(*live.now(), super::Config::default());
}
