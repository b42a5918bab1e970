//! Each verb of the table on each real agent: where the agent says that it has it, it works; where it says no, asking for
//! it is refused by name.

use tenure_agents::verbs;

macro_rules! proofs {
    ($($verb:ident => $scenario:path,)*) => {
        /// Verbs that are proven here.
        const PROVEN: &[&str] = &[$(stringify!($verb)),*];

        for_each_agent!(real_claude Claude, real_claude_acp ClaudeAcp, real_codex Codex, real_codex_acp CodexAcp, real_goose Goose, real_opencode OpenCode, real_pi Pi => [
            $($scenario as $verb,)*
        ]);
    };
}

proofs! {
    interrupt => crate::real::turns::interrupted_in_a_stream,
    steer => crate::real::turns::steered,
    commands => crate::real::control::commanded,
    resume => crate::real::resume::suspended,
    clear => crate::real::control::cleared,
    compact => crate::real::control::compacted,
    compact_instructions => crate::real::control::compacted_with_words,
    set_model => crate::real::control::model,
    set_mode => crate::real::control::mode,
    set_effort => crate::real::control::effort,
    instructions_append => crate::real::create::appended,
    instructions_replace => crate::real::create::replaced,
    permissions => crate::real::asks::by_policy,
    always => crate::real::asks::always,
    updated_input => crate::real::asks::edited,
    deny_message => crate::real::asks::denied,
    questions => crate::real::asks::questioned,
    subagent_asks => crate::real::asks::for_a_subagent,
    elicitation => crate::real::forms::form,
    plan => crate::real::asks::planned,
    todos => crate::real::tasks::listed,
    tasks => crate::real::tasks::shown,
    task_output => crate::real::tasks::written,
    stop_task => crate::real::tasks::stopped,
    fork => crate::real::forks::at_the_head,
    fork_at => crate::real::forks::at_a_turn,
    fork_elsewhere => crate::real::forks::into_a_worktree,
    rewind => crate::real::rewinds::conversation,
    mcp_permissions => crate::real::mcp::asked,
    mcp_change => crate::real::mcp::changed,
    mcp_reconnect => crate::real::mcp::connected_again,
    mcp_status => crate::real::mcp::told,
    images => crate::real::inputs::image,
    files => crate::real::inputs::file,
    cost_limit => crate::real::limits::by_cost,
    end => crate::real::ends::closed,
}

/// Proven by tests of their own.
const ELSEWHERE: &[&str] = &[
    // With `compact`: it is how that is done.
    "compact_command",
    // With `rewind`: after one it is tried.
    "rewind_undo",
    // Where an agent takes servers, it calls their tools.
    "mcp_stdio",
    "mcp_http",
    "mcp_sse",
];

#[test]
fn every_verb_is_proven_or_refused_on_every_real_agent() {
    let mut tried: Vec<&str> = PROVEN.iter().chain(ELSEWHERE).copied().collect();
    let mut listed: Vec<&str> = verbs::ALL.iter().map(|verb| verb.name).collect();
    tried.sort_unstable();
    listed.sort_unstable();
    assert_eq!(tried, listed, "each verb needs a scenario in `proofs`");
}
