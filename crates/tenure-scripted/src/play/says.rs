//! Steps that only tell something: text, thoughts, plan, usage, title, mode, commands, and facts about the process.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Ending, Flow, Player};
use crate::agent::commands;
use crate::help;
use crate::history::Item;
use crate::rpc;
use crate::script::steps::{self, Entry, Text};

/// A plain prompt is echoed up to this many characters.
const LONGEST_ECHO: usize = 2000;

impl Player<'_> {
    /// One whole message of the agent.
    pub(super) fn say(&mut self, text: &str) -> Flow {
        self.text("agent_message_chunk", &Text { text: text.to_owned(), ..Text::default() })
    }

    pub(super) fn text(&mut self, kind: &str, step: &Text) -> Flow {
        let id = self.message_id(step);
        let pieces = pieces(&step.text, step.chunks.unwrap_or(1));
        self.stream(kind, id.as_deref(), &pieces, Duration::from_millis(step.delay_ms))
    }

    /// Sends the pieces with a pause between them. What was said before a cancel is kept.
    fn stream(&mut self, kind: &str, id: Option<&str>, pieces: &[&str], delay: Duration) -> Flow {
        let mut said = String::new();
        let mut flow = Ok(());
        for (i, piece) in pieces.iter().enumerate() {
            let go_on =
                i == 0 || self.turn.cancelled().is_none() && (delay.is_zero() || self.turn.pause(delay));
            if !go_on {
                flow = Err(Ending::Cancelled);
                break;
            }
            self.agent.update(self.session, &rpc::chunk(kind, id, piece));
            said.push_str(piece);
        }
        self.keep(rpc::chunk(kind, id, &said));
        flow
    }

    fn message_id(&mut self, step: &Text) -> Option<String> {
        let wanted = step.message_id.unwrap_or(!self.agent.flags.no_message_id);
        if !step.same_message || self.open_message.is_none() {
            self.open_message = Some(self.agent.item_id("msg"));
        }
        self.open_message.clone().filter(|_| wanted)
    }

    /// What a prompt without a script gets.
    pub(super) fn plain(&mut self, text: &str) -> Flow {
        self.boundary()?;
        let answer = match text.trim() {
            "/help" => help::SHORT.to_owned(),
            said => match said.strip_prefix("/echo ") {
                Some(echo) => shortened(echo),
                None => format!("You said: {}", shortened(said)),
            },
        };
        let id = self.message_id(&Text::default());
        self.stream("agent_message_chunk", id.as_deref(), &words(&answer), Duration::ZERO)
    }

    pub(super) fn plan(&mut self, plan: &steps::Plan) -> Flow {
        let entries: Vec<Value> = plan.entries.iter().map(entry).collect();
        self.show(&json!({"sessionUpdate": "plan", "entries": entries}))
    }

    pub(super) fn usage(&mut self, usage: &steps::Usage) -> Flow {
        if let Some(tokens) = &usage.tokens {
            self.conduct.usage = Some(token_usage(tokens));
        }
        if usage.used.is_none() && usage.size.is_none() && usage.cost.is_none() {
            return Ok(());
        }
        let (used, size) = (usage.used.unwrap_or(0), usage.size.unwrap_or(200_000));
        let mut update = json!({"sessionUpdate": "usage_update", "used": used, "size": size});
        if let Some(cost) = usage.cost {
            update["cost"] = json!({"amount": cost, "currency": "USD"});
        }
        self.agent.update(self.session, &update);
        Ok(())
    }

    pub(super) fn title(&mut self, title: &steps::Title) -> Flow {
        let title = &title.title;
        self.agent.keep(self.session, &Item::Set { key: "title".into(), value: title.clone() });
        self.agent.update(self.session, &json!({"sessionUpdate": "session_info_update", "title": title}));
        Ok(())
    }

    pub(super) fn mode(&mut self, mode: &steps::Mode) -> Flow {
        self.session.set_mode(&mode.id).map_err(Ending::Failed)?;
        self.agent.keep(self.session, &Item::Set { key: "mode".into(), value: mode.id.clone() });
        self.agent
            .update(self.session, &json!({"sessionUpdate": "current_mode_update", "currentModeId": mode.id}));
        Ok(())
    }

    pub(super) fn commands(&mut self, step: &steps::Commands) -> Flow {
        self.agent.update(self.session, &commands(step.commands.as_deref()));
        Ok(())
    }

    pub(super) fn env(&mut self, env: &steps::Env) -> Flow {
        let value = std::env::var_os(&env.name);
        self.say(&value.map_or_else(|| "(unset)".into(), |v| v.to_string_lossy().into_owned()))
    }

    pub(super) fn pwd(&mut self) -> Flow {
        let here = std::env::current_dir();
        self.say(&here.map_or_else(|e| format!("(no directory: {e})"), |d| d.to_string_lossy().into_owned()))
    }
}

fn entry(entry: &Entry) -> Value {
    match entry {
        Entry::Words(words) => json!({"content": words, "priority": "medium", "status": "pending"}),
        Entry::Full(fields) => json!(fields),
    }
}

fn token_usage(tokens: &steps::Tokens) -> Value {
    let mut usage = json!({
        "totalTokens": tokens.input + tokens.output + tokens.thought.unwrap_or(0),
        "inputTokens": tokens.input,
        "outputTokens": tokens.output,
    });
    let optional = [
        ("thoughtTokens", tokens.thought),
        ("cachedReadTokens", tokens.cached_read),
        ("cachedWriteTokens", tokens.cached_write),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            usage[name] = json!(value);
        }
    }
    usage
}

/// Cuts a text into `n` pieces of nearly the same number of characters; fewer if it has not that many.
fn pieces(text: &str, n: usize) -> Vec<&str> {
    let mut starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let length = starts.len();
    let n = n.clamp(1, length.max(1));
    starts.push(text.len());
    (0..n).map(|i| &text[starts[length * i / n]..starts[length * (i + 1) / n]]).collect()
}

/// Cuts a text after every third word.
fn words(text: &str) -> Vec<&str> {
    let ends: Vec<usize> = text.match_indices(' ').map(|(at, _)| at + 1).collect();
    let mut starts: Vec<usize> = ends.chunks_exact(3).map(|three| three[2]).collect();
    starts.insert(0, 0);
    starts.push(text.len());
    starts.windows(2).map(|pair| &text[pair[0]..pair[1]]).filter(|piece| !piece.is_empty()).collect()
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST_ECHO) {
        Some((at, _)) => format!("{} …", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_join_to_the_text() {
        for (text, n, expected) in [
            ("abcdef", 3, &["ab", "cd", "ef"][..]),
            ("äöü", 2, &["ä", "öü"]),
            ("ab", 9, &["a", "b"]),
            ("", 3, &[""]),
            ("abc", 0, &["abc"]),
        ] {
            assert_eq!(pieces(text, n), expected);
        }
        let text = "You said: one two three four five six";
        assert_eq!(words(text), ["You said: one ", "two three four ", "five six"]);
        assert_eq!(words(text).concat(), text);
    }

    #[test]
    fn a_long_echo_is_cut_at_a_character() {
        let long = "ü".repeat(LONGEST_ECHO + 1);
        assert_eq!(shortened(&long).chars().count(), LONGEST_ECHO + 2);
        assert_eq!(shortened("ü"), "ü");
    }
}
