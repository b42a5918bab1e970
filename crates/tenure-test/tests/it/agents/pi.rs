//! Pi over its rpc mode.

use std::path::Path;

use serde_json::{Value, json};
use tenure_agents::pi::{Instructions, PiCodec, command_line};
use tenure_core::agent::{AgentError, Codec, Command, EncodeContext, ResumeHow, Signal, StartRecord};
use tenure_event::{InputId, Part, PartBody, SessionId, Timestamp};
use tenure_model::Script;
use tenure_test::agents::{FAKE_KEY, pi};

use super::Ground;
use super::driver::Driver;

fn start(ground: &Ground) -> Driver {
    let setup = pi(&ground.model.url(), ground.scratch.path()).unwrap();
    let mut driver = Driver::start(&setup, &["--mode", "rpc"], ground.work.path(), ground.scratch.path());
    driver.send(&json!({"id": "1", "type": "get_state"}));
    let answer = until(&mut driver, |message| message["id"] == "1").pop().unwrap();
    assert_eq!(answer["success"], true);
    assert_eq!(answer["data"]["model"]["provider"], "fake");
    driver
}

/// Reads up to and with the first message for which `last` is true; says yes to what is asked.
fn until(driver: &mut Driver, mut last: impl FnMut(&Value) -> bool) -> Vec<Value> {
    let mut seen = Vec::new();
    loop {
        let message = driver.next();
        if message["method"] == "confirm" {
            let answer = json!({"type": "extension_ui_response", "id": message["id"], "confirmed": true});
            driver.send(&answer);
        }
        let done = last(&message);
        seen.push(message);
        if done {
            return seen;
        }
    }
}

fn is_settled(message: &Value) -> bool {
    message["type"] == "agent_settled"
}

fn turn(driver: &mut Driver, prompt: &str) -> Vec<Value> {
    driver.send(&json!({"id": "p", "type": "prompt", "message": prompt}));
    until(driver, is_settled)
}

fn said(seen: &[Value]) -> String {
    let pieces = seen.iter().map(|message| &message["assistantMessageEvent"]);
    pieces.filter(|event| event["type"] == "text_delta").filter_map(|event| event["delta"].as_str()).collect()
}

#[test]
fn pi_says_what_the_model_says() {
    let ground = Ground::new();
    let mut driver = start(&ground);
    let seen = turn(&mut driver, &Script::new().text("Hello from the script.").prompt("Say hello."));
    assert_eq!(said(&seen), "Hello from the script.");
    assert!(driver.end().success());
    let requests = ground.model.scripted_calls();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("authorization"), Some(format!("Bearer {FAKE_KEY}").as_str()));
}

#[test]
fn pi_runs_a_tool_that_was_allowed() {
    let ground = Ground::new();
    let mut driver = start(&ground);
    let input = json!({"command": "echo hi > hello.txt; cat hello.txt"});
    let seen = turn(&mut driver, &Script::new().tool("bash", input).text("Made it.").prompt("Make a file."));
    assert_eq!(seen.iter().filter(|message| message["method"] == "confirm").count(), 1);
    assert_eq!(said(&seen), "Made it.");
    assert_eq!(ground.made(), "hi\n");
    assert_eq!(ground.steps(), [0, 1]);
    assert_eq!(ground.model.scripted_calls()[1].tool_results(), ["hi\n"]);
}

#[test]
fn pi_shows_half_of_a_text_while_the_gate_is_closed() {
    let ground = Ground::new();
    let mut driver = start(&ground);
    driver.send(&json!({
        "id": "p", "type": "prompt", "message": Script::new().gate("half", "First. Second").prompt("Talk."),
    }));
    let half = |message: &Value| message["assistantMessageEvent"]["delta"] == "First. ";
    until(&mut driver, half);
    ground.model.open_gate("half");
    let seen = until(&mut driver, is_settled);
    assert_eq!(said(&seen), "Second");
}

/// The codec and the real program, with nothing in between.
struct Spoken {
    driver: Driver,
    codec: PiCodec,
    n: u64,
    offset: u64,
}

impl Spoken {
    fn start(ground: &Ground) -> Self {
        let setup = pi(&ground.model.url(), ground.scratch.path()).unwrap();
        let record = record(ground.work.path());
        let args = command_line(&record, &Instructions::default());
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let driver = Driver::start(&setup, &args, ground.work.path(), ground.scratch.path());
        let mut spoken = Self { driver, codec: PiCodec::new(record), n: 0, offset: 0 };
        spoken.say(&Command::Hello);
        spoken.until(|signal| matches!(signal, Signal::Ready { .. }));
        spoken
    }

    fn say(&mut self, command: &Command) -> u64 {
        self.n += 1;
        let bytes = self.codec.encode(self.n, command, &EncodeContext::default()).unwrap();
        for line in String::from_utf8(bytes).unwrap().lines() {
            self.driver.send(&serde_json::from_str(line).unwrap());
        }
        self.n
    }

    /// Reads until the signal that is wanted, and sends what the codec wants sent.
    fn until(&mut self, wanted: impl Fn(&Signal) -> bool) -> Signal {
        loop {
            let line = self.driver.next().to_string();
            let signals = self.codec.decode(self.offset, line.as_bytes());
            self.offset += line.len() as u64 + 1;
            for signal in signals {
                if wanted(&signal) {
                    return signal;
                }
                if let Signal::Send(command) = signal {
                    self.say(&command);
                }
            }
        }
    }

    fn turn(&mut self, prompt: &str) {
        let part =
            Part { id: "p".into(), body: PartBody::Text { text: prompt.into() }, bytes: None, blob: None };
        let input_id = InputId::parse(&format!("in_{}", self.n)).unwrap();
        self.say(&Command::Prompt { input_id, attempt: 0, parts: vec![part] });
        self.until(|signal| matches!(signal, Signal::TurnEnded(_)));
    }

    /// A command's answer.
    fn ask(&mut self, command: &Command) -> Result<Value, AgentError> {
        let asked = self.say(command);
        match self.until(|signal| matches!(signal, Signal::Answered { n, .. } if *n == asked)) {
            Signal::Answered { result, .. } => result,
            _ => unreachable!("only answers were looked for"),
        }
    }
}

fn record(work: &Path) -> StartRecord {
    StartRecord {
        session_id: SessionId::parse("ses_1").unwrap(),
        generation: 1,
        started_at: Timestamp::from_millis(1_795_139_670_000),
        cwd: work.display().to_string(),
        resume: ResumeHow::NewAs("0a1b2c3d-0000-4000-8000-000000000001".to_owned()),
        model: None,
        mode: None,
        effort: None,
        append_instructions: None,
        replace_instructions: None,
        mcp_servers: Vec::new(),
        mcp_put: Vec::new(),
        mcp_off: Vec::new(),
        project_trusted: false,
        allow_bypass: false,
        terminals: false,
        preset: None,
    }
}

#[test]
fn pi_copies_its_conversation_and_goes_on_in_the_old_one() {
    let ground = Ground::new();
    let mut pi = Spoken::start(&ground);
    assert!(pi.ask(&Command::Fork { through: None }).is_err(), "there is nothing to copy yet");
    pi.turn(&Script::new().text("One.").prompt("First."));
    let copy = pi.ask(&Command::Fork { through: None }).unwrap();
    let copy = copy["native_id"].as_str().unwrap().to_owned();
    assert_ne!(copy, "0a1b2c3d-0000-4000-8000-000000000001");
    pi.turn(&Script::new().text("Two.").prompt("Second."));
    // The copy was not told of it; the old one was.
    let sessions = ground.scratch.path().join("pi/home/.pi/agent/sessions");
    let folder = std::fs::read_dir(sessions).unwrap().next().unwrap().unwrap().path();
    let mut told = std::fs::read_dir(folder).unwrap().map(|file| {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        (path.to_string_lossy().contains(&copy), text.contains("First."), text.contains("Second."))
    });
    let mut told = [told.next().unwrap(), told.next().unwrap()];
    told.sort_unstable();
    assert_eq!(told, [(false, true, true), (true, true, false)]);
}

#[test]
fn pi_sums_up_what_was_said() {
    let ground = Ground::new();
    let mut pi = Spoken::start(&ground);
    assert!(pi.ask(&Command::Compact { instructions: None }).is_err(), "there is nothing to sum up yet");
    pi.turn(&Script::new().text("One.").prompt("First."));
    pi.turn(&Script::new().text("Two.").prompt("Second."));
    let instructions = Some(Script::new().text("A summary.").prompt("Keep the numbers."));
    let answer = pi.ask(&Command::Compact { instructions }).unwrap();
    assert!(answer["summary"].as_str().unwrap().contains("A summary."), "{answer}");
    pi.turn(&Script::new().text("Three.").prompt("Third."));
    let told = ground.model.scripted_calls().pop().unwrap().body.to_string();
    assert!(told.contains("A summary."), "{told}");
}
