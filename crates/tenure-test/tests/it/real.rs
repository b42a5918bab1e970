//! The real agent programs under a whole daemon, against a scripted model: Claude Code, Codex, goose,
//! OpenCode and Pi.
//! What all of them can do is written once and run for each.

mod adopt;
mod artifacts;
mod asks;
mod claude;
mod codex;
mod control;
mod create;
mod ends;
mod forks;
mod forms;
mod ground;
mod inputs;
mod kills;
mod limits;
mod mcp;
mod pi;
mod resume;
mod rewinds;
mod table;
mod tasks;
mod told;
mod turns;
mod work;

pub(crate) use ground::{Ground, Kind};
pub(crate) use turns::one_end_each;

/// Runs each scenario for each agent, as `real_AGENT::SCENARIO`.
macro_rules! for_each_agent {
    ($($module:ident $kind:ident),* => $scenarios:tt) => { $(for_each_agent!(@one $module $kind $scenarios);)* };
    (@one $module:ident $kind:ident [$($scenario:path as $name:ident),* $(,)?]) => {
        mod $module {
            $(#[tokio::test]
            async fn $name() {
                $scenario(crate::real::ground::Kind::$kind).await;
            })*
        }
    };
}

mod verbs;

for_each_agent!(real_claude Claude, real_claude_acp ClaudeAcp, real_codex Codex, real_codex_acp CodexAcp, real_goose Goose, real_opencode OpenCode, real_pi Pi => [
    crate::real::turns::says as says_what_the_model_says,
    crate::real::turns::queues as queues_a_second_input,
    crate::real::turns::interrupted_in_a_tool as is_interrupted_in_a_tool,
    crate::real::turns::secret as lets_no_secret_into_the_store,
    crate::real::asks::allowed as runs_a_tool_that_was_allowed,
    crate::real::asks::by_rules as is_answered_by_rules,
    crate::real::work::taken_back as has_its_files_taken_back,
    crate::real::work::in_a_worktree as works_in_a_worktree,
    crate::real::resume::closed as goes_on_after_a_close,
    crate::real::ends::killed as is_killed_in_a_tool,
    crate::real::ends::interrupted_while_asked as is_interrupted_while_it_asks,
    crate::real::ends::listed as is_listed_with_its_version,
    crate::real::told::counted as is_counted,
    crate::real::told::introspected as tells_of_itself,
    crate::real::create::environment as has_the_environment_that_was_asked_for,
    crate::real::create::bare as is_told_nothing_that_nobody_asked_for,
    crate::real::kills::in_a_stream as survives_a_kill_in_a_stream,
    crate::real::kills::in_a_tool as survives_a_kill_in_a_tool,
    crate::real::kills::while_asked as survives_a_kill_while_it_asks,
    crate::real::control::compacted_over_a_kill as is_compacted_once_over_a_kill,
    crate::real::mcp::inherits_nothing as inherits_nothing_that_was_not_named,
]);

for_each_agent!(real_claude_servers Claude, real_claude_acp_servers ClaudeAcp, real_codex_servers Codex, real_codex_acp_servers CodexAcp, real_goose_servers Goose, real_opencode_servers OpenCode => [
    crate::real::mcp::stdio as calls_a_server_that_it_starts,
    crate::real::mcp::http as calls_a_server_by_http,
    crate::real::mcp::sse as calls_a_server_by_events_or_says_that_it_cannot,
    crate::real::mcp::changed_between_processes as has_other_servers_in_its_next_process,
]);

// Codex says so itself, and starts a server more than once.
for_each_agent!(real_claude_dead Claude, real_goose_dead Goose, real_opencode_dead OpenCode => [
    crate::real::mcp::died as is_not_believed_about_a_server_that_died,
]);

for_each_agent!(real_claude_forked Claude, real_opencode_forked OpenCode => [
    crate::real::artifacts::forked as keeps_files_of_a_fork_for_the_fork,
    crate::real::mcp::forked as has_its_servers_in_a_fork,
]);

for_each_agent!(real_pi_servers Pi => [
    crate::real::mcp::refused as takes_no_servers,
]);

for_each_agent!(real_claude_tools Claude, real_claude_acp_tools ClaudeAcp, real_codex_tools Codex, real_codex_acp_tools CodexAcp, real_goose_tools Goose, real_opencode_tools OpenCode => [
    crate::real::artifacts::declared as keeps_a_file_by_the_tool_of_tenure,
]);

for_each_agent!(real_pi_tools Pi => [
    crate::real::artifacts::refused as takes_no_tool_for_artifacts,
]);

for_each_agent!(real_claude_past Claude, real_codex_past Codex, real_goose_past Goose, real_opencode_past OpenCode, real_pi_past Pi => [
    crate::real::adopt::goes_on as goes_on_in_a_conversation_that_was_made_elsewhere,
    crate::real::adopt::resumed_by_a_create as takes_up_what_was_said_last_in_a_directory,
    crate::real::forks::in_a_turn as is_forked_in_a_turn_or_says_that_it_cannot,
    crate::real::forks::killed as is_forked_once_by_a_daemon_that_is_killed,
    crate::real::rewinds::to_the_beginning as is_taken_back_to_the_beginning_or_says_that_it_cannot,
    crate::real::rewinds::both as is_taken_back_with_its_files_or_says_that_it_cannot,
    crate::real::rewinds::killed as is_taken_back_by_a_daemon_that_is_killed,
]);
