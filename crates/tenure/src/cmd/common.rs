//! What several verbs share: naming asks, telling what a verb hit, prompts, ends of turns, words for states.

use std::io::{IsTerminal, Read};

use tenure_api::{Session, VerbReply};
use tenure_client::Client;
use tenure_event::{ActivityState, Ask, AskId, Kind, Lifecycle, Outcome, SessionId, SuspendedBy};

use crate::cli::Context;
use crate::exit::{Exit, Failure};
use crate::out;
use crate::style::Style;
use crate::text::clean;
use crate::watch::End;

/// Longest prompt that is read, in bytes; the daemon takes no more.
const MAX_PROMPT: u64 = 64 << 20;

/// The words of an input: as given, or from standard input for `-` and for nothing at all.
pub(super) struct Prompt {
    pub(super) text: String,
    pub(super) from_stdin: bool,
}

pub(super) fn read_prompt(given: Option<String>, verb: &str) -> Result<Prompt, Failure> {
    let text = match given {
        Some(text) if text != "-" => return check(Prompt { text, from_stdin: false }),
        None if std::io::stdin().is_terminal() => {
            let message = format!("nothing to say: `tenure {verb} … \"PROMPT\"`, or pipe the prompt in");
            return Err(Failure::usage(message));
        }
        _ => {
            let mut bytes = Vec::new();
            std::io::stdin().lock().take(MAX_PROMPT + 1).read_to_end(&mut bytes)?;
            prompt_text(bytes, MAX_PROMPT)?
        }
    };
    check(Prompt { text, from_stdin: true })
}

fn prompt_text(bytes: Vec<u8>, most: u64) -> Result<String, Failure> {
    if bytes.len() as u64 > most {
        let what =
            "the prompt on standard input is over 64 MB; put it into a file (`tenure cp`), and name that";
        return Err(Failure::usage(what));
    }
    String::from_utf8(bytes).map_err(|_| Failure::usage("the prompt on standard input is not UTF-8"))
}

fn check(prompt: Prompt) -> Result<Prompt, Failure> {
    if prompt.text.trim().is_empty() { Err(Failure::usage("the prompt is empty")) } else { Ok(prompt) }
}

/// The open ask with this id, or with a unique prefix of it. A whole id is taken as it is: the daemon says what
/// became of it.
pub(super) async fn find_ask(client: &Client, name: &str) -> Result<AskId, Failure> {
    let open = client.asks(false).await?.items;
    let matches = |ask: &&Ask| {
        let id = ask.id.as_str();
        id.starts_with(name) || id.strip_prefix(AskId::PREFIX).unwrap_or(id).starts_with(name)
    };
    let found: Vec<&Ask> = open.iter().filter(matches).collect();
    if let Some(exact) = found.iter().find(|a| a.id.as_str() == name) {
        return Ok(exact.id.clone());
    }
    match (found.as_slice(), name.parse()) {
        ([one], _) if !name.is_empty() => Ok(one.id.clone()),
        ([], Ok(id)) if name.starts_with(AskId::PREFIX) => Ok(id),
        ([], _) => {
            Err(Failure::new(Exit::NotFound, format!("no open ask `{name}`; `tenure asks` lists them")))
        }
        (several, _) => {
            let list: Vec<String> =
                several.iter().take(8).map(|a| format!("\n  {}  {}", a.id, a.title)).collect();
            let message =
                format!("`{name}` may be any of several asks; give more of the id:{}", list.concat());
            Err(Failure::usage(message))
        }
    }
}

/// What a verb hit and what remains, for people or as JSON.
pub(super) fn tell(context: &Context, done: &str, reply: &VerbReply) -> Result<Exit, Failure> {
    let (kept, remained): (Vec<&String>, Vec<&String>) =
        reply.remained.iter().partition(|name| name.starts_with("workspace:"));
    let failed = !remained.is_empty();
    if context.json {
        out::json(reply)?;
    } else {
        let style = context.style;
        let what = if reply.hit.is_empty() { "nothing to do".to_owned() } else { reply.hit.join(", ") };
        out::print(&format!("{} {} {}\n", reply.session.id, done, style.dim(&format!("({what})"))))?;
        for name in kept {
            let id = name.trim_start_matches("workspace:");
            out::note(&format!("kept, for it has work that is nowhere else: `tenure worktree show {id}`"));
        }
        if failed {
            let remained: Vec<&str> = remained.iter().map(|name| name.as_str()).collect();
            let remained = remained.join(", ");
            out::print(&format!(
                "{}\n",
                style.red(&format!("could not be ended: {remained}; try `tenure kill`"))
            ))?;
        }
    }
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// The exit code of a look that had a goal.
pub(super) fn exit_of(end: &End, denied: usize) -> Exit {
    match end {
        End::Turn(turn) => match turn.outcome {
            Outcome::Completed if denied > 0 => Exit::Denied,
            Outcome::Completed => Exit::Done,
            Outcome::Interrupted => Exit::Interrupted,
            Outcome::Failed | Outcome::Limit | Outcome::Crashed | Outcome::Other(_) => Exit::Failed,
        },
        End::Cancelled(_) | End::Held | End::Gone => Exit::Failed,
        End::Left => Exit::Interrupted,
    }
}

/// Why an input came to nothing. Of a session that failed, the log says it beside the input.
pub(super) async fn not_served(client: &Client, session: &SessionId, what: &str, reason: &str) -> Failure {
    let failed = [String::from("session.failed")];
    let told = match client.events(session, 0, 100, &failed).await {
        Ok((events, _)) if reason == "failed" => events.into_iter().next_back(),
        _ => None,
    };
    let why = match told.map(|told| told.event.kind) {
        Some(Kind::SessionFailed(failed)) => clean(&failed.error.message),
        _ => reason.to_owned(),
    };
    Failure::failed(format!("{what} was not served: {why}"))
}

/// What to do about an input that waits until a limit is raised.
pub(super) fn held(id: &SessionId) -> Failure {
    Failure::failed(format!(
        "it is kept in the queue and starts once the limit is raised: tenure config {id} (--max-turns, --max-cost, \
         --max-time, --max-memory)"
    ))
}

/// So many characters of these ids tell all of them apart; not less than looks like an id. Ids of the same millisecond
/// begin alike, so no fixed number does.
pub(super) fn unique_length<'a>(ids: impl Iterator<Item = &'a str>, least: usize) -> usize {
    let mut ids: Vec<&str> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    let common = |pair: &[&str]| pair[0].chars().zip(pair[1].chars()).take_while(|(a, b)| a == b).count() + 1;
    ids.windows(2).map(common).max().unwrap_or(0).max(least)
}

/// What a session does, in a word, coloured by how much it wants a person.
pub(super) fn state_word(style: Style, session: &Session) -> String {
    let axes = &session.axes;
    match (axes.lifecycle, &axes.activity) {
        (Lifecycle::Live, Some(activity)) => match activity.state {
            ActivityState::Idle => match axes.last_outcome {
                Some(Outcome::Failed | Outcome::Crashed) => style.red("failed"),
                Some(Outcome::Limit) => style.yellow("limit"),
                _ => "idle".to_owned(),
            },
            ActivityState::Waiting => style.ask(waiting_word(activity.reason)),
            ActivityState::Stalled => style.red("stalled"),
            other => style.cyan(other.as_str()),
        },
        (Lifecycle::Suspended, _) if axes.suspended_by == Some(SuspendedBy::Crash) => style.red("crashed"),
        (Lifecycle::Suspended, _) if axes.suspended_by == Some(SuspendedBy::Limit) => style.yellow("limit"),
        (Lifecycle::Failed, _) => style.red("failed"),
        (lifecycle, _) => style.dim(lifecycle.as_str()),
    }
}

fn waiting_word(reason: Option<tenure_event::WaitReason>) -> &'static str {
    use tenure_event::WaitReason as W;
    match reason {
        Some(W::Permission | W::Question | W::Plan | W::Elicitation) => "asks",
        Some(W::RateLimit) => "rate limit",
        Some(W::Auth) => "no login",
        Some(W::Retry) => "retrying",
        Some(W::Other(_)) | None => "waiting",
    }
}

/// A directory as the daemon wants it: from the root on, and as text.
pub(super) fn whole_path(dir: &std::path::Path) -> Result<String, Failure> {
    let gone = |error: std::io::Error| {
        Failure::failed(format!(
            "the current directory cannot be had ({error}); cd to one that is there, or give -C DIR"
        ))
    };
    // A directory that was removed while somebody stood in it has no name.
    let whole = std::path::absolute(dir).map_err(gone)?.into_os_string().into_string();
    whole.map_err(|_| Failure::usage("the directory's name is not UTF-8"))
}

/// What is said where there is more than is shown: whether more can be had by asking for it, or one answer has no more.
pub(super) fn more(shown: &str, items: usize, limit: u32) -> String {
    let way = if items < limit as usize {
        "that is the most that is shown at once; narrow it to see others"
    } else {
        "-n N shows more"
    };
    format!("{shown} {items}; {way}")
}

/// A path with the home directory as `~`.
pub(super) fn tilde(path: &str) -> String {
    let home = std::env::var("HOME").unwrap_or_default();
    match path.strip_prefix(&home) {
        Some("") if !home.is_empty() => "~".to_owned(),
        Some(rest) if home.len() > 1 && rest.starts_with('/') => format!("~{rest}"),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_apart_by_as_much_as_they_need() {
        let length = |ids: &[&str]| unique_length(ids.iter().copied(), 3);
        assert_eq!(length(&["abcdef", "abcxyz", "q"]), 4);
        assert_eq!(length(&["abcdef", "abcdef"]), 3, "the same one twice");
        assert_eq!((length(&[]), length(&["a", "b"])), (3, 3));
    }

    #[test]
    fn a_prompt_that_is_too_long_is_not_said_to_be_no_text() {
        let text = |bytes: &[u8]| prompt_text(bytes.to_vec(), 3).map_err(|failure| failure.message);
        assert_eq!(text("aé".as_bytes()), Ok("aé".to_owned()));
        // What was read ends in the middle of a character.
        assert!(text("aaé".as_bytes()).is_err_and(|why| why.contains("over 64 MB")));
        assert!(text(b"a\xff").is_err_and(|why| why.contains("UTF-8")));
    }
}
