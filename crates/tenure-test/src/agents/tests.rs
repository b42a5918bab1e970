use super::*;

#[test]
fn a_missing_program_is_an_error_that_says_what_to_run() {
    let error = binary("none", "none/bin/none", Some("none/bin/none")).unwrap_err().to_string();
    assert!(error.contains("tests/agents/node_modules/none/bin/none"), "{error}");
    assert!(error.ends_with("Run: cargo xtask install-agents"), "{error}");
}

#[test]
fn no_program_sees_the_way_out_or_this_machines_home() {
    let scratch = tempfile::tempdir().unwrap();
    for setup in [claude, claude_acp, codex, codex_acp, goose, opencode, pi]
        .map(|agent| agent("http://127.0.0.1:1", scratch.path()).unwrap())
    {
        assert_eq!(setup.var("HTTPS_PROXY"), Some(NOWHERE));
        assert_eq!(setup.var("NO_PROXY"), Some("127.0.0.1,localhost"));
        assert!(Path::new(setup.var("HOME").unwrap()).starts_with(scratch.path()));
        assert!(Path::new(setup.var("TMPDIR").unwrap()).starts_with(scratch.path()));
    }
}

#[test]
fn the_toml_section_declares_command_and_environment() {
    let setup = AgentSetup { protocol: "acp", command: vec!["/a b".into(), "acp".into()], env: Vec::new() };
    let setup = setup.with_var("K", "old").with_var("K", "say \"hi\"");
    assert_eq!(
        setup.to_toml("goose"),
        "[agents.\"goose\"]\nprotocol = \"acp\"\ncommand = [\"/a b\",\"acp\"]\n\
         env = { \"K\" = \"say \\\"hi\\\"\" }\ninherit_env = []\n"
    );
}
