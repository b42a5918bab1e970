//! What a person at a terminal sees: the program on a pseudo-terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::process::Child;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::home::{Home, prompt};

/// A command on a terminal of 80 columns.
struct Terminal {
    screen: File,
    child: Child,
    seen: String,
}

impl Terminal {
    fn open(home: &Home, args: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = File::options().read(true).write(true).open(path).unwrap();
        let mut command = home.command(args);
        command.env("TERM", "xterm-256color");
        command.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap()).stderr(slave);
        let child = command.spawn().unwrap();
        Self { screen: File::from(master), child, seen: String::new() }
    }

    /// Reads until the program has written this.
    fn until(&mut self, text: &str) -> &mut Self {
        let mut bytes = [0; 4096];
        while !self.seen.contains(text) {
            let n = self.screen.read(&mut bytes).unwrap_or(0);
            assert!(n > 0, "ended before {text:?}: {}", self.seen);
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..n]));
        }
        self
    }

    fn press(&mut self, keys: &str) -> &mut Self {
        self.screen.write_all(keys.as_bytes()).unwrap();
        self
    }

    fn end(mut self) -> (String, i32) {
        let mut bytes = [0; 4096];
        // The end of a terminal whose program is gone is an error.
        while let Ok(n) = self.screen.read(&mut bytes) {
            if n == 0 {
                break;
            }
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..n]));
        }
        (self.seen, self.child.wait().unwrap().code().unwrap())
    }
}

#[test]
fn an_ask_is_answered_with_a_key() {
    let home = Home::new();
    home.up();
    let script = prompt(r#"[{"write": "a.txt", "text": "x\n", "ask": true}, {"text": "thank you"}]"#);
    let mut terminal = Terminal::open(&home, &["run", "-a", "scripted", &script]);
    terminal.until("yes, this session").press("y").until("thank you");
    let (seen, code) = terminal.end();
    assert_eq!(code, 0, "{seen}");
    assert!(seen.contains("→ allowed") && seen.contains("\x1b[32m✓\x1b[0m"), "{seen}");
    assert!(seen.contains("\x1b[?25l") && !seen.trim_end().ends_with("Ctrl-C interrupts"), "{seen:?}");
    let shown = seen.rfind("\x1b[?25h").unwrap();
    assert!(shown > seen.rfind("\x1b[?25l").unwrap(), "the cursor is there again");
    assert_eq!(std::fs::read_to_string(home.work("a.txt")).unwrap(), "x\n");
}

#[test]
fn a_denial_with_a_reason_is_written_in_place() {
    let home = Home::new();
    home.up();
    let script =
        prompt(r#"[{"write": "a.txt", "text": "x\n", "ask": true, "on_reject": [{"text": "so be it"}]}]"#);
    let mut terminal = Terminal::open(&home, &["run", "-a", "scripted", &script]);
    terminal.until("yes, this session").press("n").until("so be it");
    let (seen, code) = terminal.end();
    assert_eq!(code, 5, "{seen}");
    assert!(seen.contains("→ denied"), "{seen}");
}

#[test]
fn inputs_are_written_while_one_is_attached() {
    let home = Home::new();
    home.up();
    let session = home.session(r#"[{"text": "hello"}]"#, &[]);
    home.wait_for(&session, "turn.completed");
    let mut terminal = Terminal::open(&home, &["attach", &session]);
    terminal.until("Enter sends").press("are you therX\x7fe?\r").until("✓ completed").until("are you there?");
    terminal.press("\x04");
    let (seen, code) = terminal.end();
    assert_eq!(code, 0, "{seen}");
    assert!(seen.contains("left; it goes on"), "{seen}");
}

#[test]
fn what_an_agent_says_moves_no_cursor() {
    let home = Home::new();
    home.up();
    let evil = "red\u{9b}31m\u{202e}turned";
    let session = home.session(&serde_json::json!([{"text": evil}]).to_string(), &[]);
    home.wait_for(&session, "turn.completed");
    assert!(home.run(&["export", &session]).expect(0).contains(evil), "to a file it is as it was said");
    assert!(home.run(&["logs", "--json", &session]).expect(0).contains(evil));
    for args in [
        &["export", &session][..],
        &["export", &session, "--format", "jsonl"],
        &["show", &session, "--transcript", "jsonl"],
        &["logs", "--json", &session],
        &["show", "--json", &session],
    ] {
        let (seen, code) = Terminal::open(&home, args).end();
        assert_eq!(code, 0, "{args:?}: {seen}");
        assert!(!seen.contains(['\u{9b}', '\u{202e}']), "{args:?}: {seen:?}");
    }
    let (seen, _) = Terminal::open(&home, &["logs", "--json", &session]).end();
    assert!(seen.contains(r"red\u009b31m\u202eturned"), "{seen}");
}

#[test]
fn who_attaches_to_a_closed_session_sees_that_it_is_closed() {
    let home = Home::new();
    home.up();
    let session = home.session(r#"[{"text": "hello"}]"#, &[]);
    home.wait_for(&session, "turn.completed");
    home.run(&["close", &session]).expect(0);
    let mut terminal = Terminal::open(&home, &["attach", &session]);
    terminal.until("closed; `tenure resume` opens it again").press("\x04");
    let (seen, code) = terminal.end();
    assert!(code == 0 && !seen.contains("starting"), "{seen}");
}
