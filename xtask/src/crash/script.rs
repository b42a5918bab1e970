//! Prompts for the scripted agent: each carries its input's id in brackets, and makes the agent say lines that occur
//! nowhere else in the session. What becomes of them is not known here.

use serde_json::{Value, json};

use super::dice::Dice;

/// What one prompt needs to make its lines unlike all others.
pub(super) struct Writer<'a> {
    pub(super) dice: &'a mut Dice,
    pub(super) input_id: &'a str,
    lines: u64,
}

type Steps = Vec<Value>;

/// A prompt, as a client sends it.
pub(super) fn prompt(dice: &mut Dice, input_id: &str) -> String {
    let mut writer = Writer { dice, input_id, lines: 0 };
    match writer.steps() {
        Some(steps) => format!("[{input_id}] please @@{}@@", Value::Array(steps)),
        None => format!("[{input_id}] hello"),
    }
}

/// A text to be steered into a turn that runs.
pub(super) fn steered(dice: &mut Dice, input_id: &str) -> String {
    if dice.chance(50) {
        return format!("[{input_id}] and this");
    }
    let mut writer = Writer { dice, input_id, lines: 0 };
    let steps = vec![writer.text(1, 4)];
    format!("[{input_id}] and @@{}@@", Value::Array(steps))
}

/// The input that a prompt belongs to.
pub(super) fn input_of(prompt: &str) -> Option<&str> {
    prompt.strip_prefix('[')?.split_once(']').map(|(id, _)| id)
}

impl Writer<'_> {
    /// None for a prompt without a script.
    fn steps(&mut self) -> Option<Steps> {
        Some(match self.dice.below(100) {
            0..=17 => vec![self.text(5, 60)],
            18..=29 => vec![self.numbered()],
            30..=44 => self.talk(),
            45..=59 => self.asks(),
            60..=63 => vec![
                self.text(1, 3),
                json!({"write": "notes.txt", "text": self.line(), "ask": true}),
                self.text(1, 3),
            ],
            64..=68 => vec![self.large()],
            69..=74 => {
                vec![self.text(1, 3), json!({"sleep_ms": self.dice.between(20, 700)}), self.text(1, 3)]
            }
            75..=81 => vec![self.text(1, 3), self.fork(), self.text(1, 3)],
            82..=85 => vec![self.text(1, 20), self.ending()],
            86..=90 => self.files(),
            91..=93 => vec![
                json!({"plan": [self.line(), self.line()]}),
                self.text(1, 5),
                json!({"plan": [self.line()]}),
            ],
            _ => return None,
        })
    }

    fn line(&mut self) -> String {
        self.lines += 1;
        format!("{} {:04}", self.input_id, self.lines)
    }

    fn lines(&mut self, n: u64) -> String {
        (0..n).map(|_| self.line() + "\n").collect()
    }

    /// A message of at least one chunk per line.
    fn text(&mut self, from: u64, to: u64) -> Value {
        let n = self.dice.between(from, to);
        let (lines, delay) = (self.lines(n), self.dice.below(5));
        let chunks = self.dice.between(n, n * 3);
        json!({"text": lines, "chunks": chunks, "delay_ms": delay})
    }

    /// The agent numbers these itself; the range is this input's own.
    fn numbered(&mut self) -> Value {
        let own = self.input_id.rsplit_once('i').and_then(|(_, n)| n.parse::<u64>().ok()).unwrap_or(0);
        let from = own * 1000 + 1;
        let to = from + self.dice.between(20, 300);
        json!({"numbered": {"from": from, "to": to, "delay_us": self.dice.between(0, 1500)}})
    }

    /// Several messages and thoughts with tools between them, with ids and without.
    fn talk(&mut self) -> Steps {
        let mut steps = Vec::new();
        for n in 0..self.dice.between(2, 5) {
            let mut text = self.text(1, 6);
            match self.dice.below(4) {
                0 => text["message_id"] = json!(false),
                1 if n > 0 => text["same_message"] = json!(true),
                2 => text = json!({"think": text["text"], "chunks": text["chunks"]}),
                _ => {}
            }
            steps.push(text);
            steps.push(self.tool());
        }
        steps
    }

    fn tool(&mut self) -> Value {
        let output = if self.dice.chance(8) { "x".repeat(70_000) } else { self.line() };
        json!({
            "tool": self.line(), "name": "probe", "input": {"for": self.input_id}, "output": output,
            "delay_ms": self.dice.below(30), "fail": self.dice.chance(20),
            "no_tool_call": self.dice.chance(10), "unfinished": self.dice.chance(5),
        })
    }

    fn asks(&mut self) -> Steps {
        let mut steps = vec![self.text(1, 4)];
        for _ in 0..self.dice.between(1, 3) {
            let title = self.line();
            let (yes, no) = (self.line() + " yes\n", self.line() + " no\n");
            steps.push(json!({
                "ask": title, "input": {"command": title}, "no_tool_call": self.dice.chance(20),
                "then_text_on_allow": yes, "then_text_on_reject": no,
            }));
        }
        steps.push(self.text(1, 4));
        steps
    }

    /// A message, and an input, that do not fit into an event.
    fn large(&mut self) -> Value {
        let n = self.dice.between(4, 10);
        let fill = "y".repeat(20_000);
        let text: String = (0..n).map(|_| format!("{} {fill}\n", self.line())).collect();
        json!({"text": text, "chunks": n * 2})
    }

    fn fork(&mut self) -> Value {
        json!({
            "fork": {"sleep_s": 3000, "setsid": self.dice.chance(50), "hold_stdout": self.dice.chance(20),
            "ignore_term": self.dice.chance(30)}
        })
    }

    fn ending(&mut self) -> Value {
        match self.dice.below(3) {
            0 => json!({"exit": self.dice.below(3), "stderr": "the script says so"}),
            1 => json!("crash_stderr"),
            _ => json!("kill_self"),
        }
    }

    fn files(&mut self) -> Steps {
        let text = self.line();
        vec![json!({"fs_write": "file.txt", "text": text}), json!({"fs_read": "file.txt"}), self.text(1, 3)]
    }
}
