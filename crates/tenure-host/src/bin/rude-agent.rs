//! A badly behaved agent, for tests only: does what its arguments say, in order.
//!
//! | step | what it does |
//! |---|---|
//! | `say TEXT`, `raw TEXT`, `err TEXT` | a line, a line without its end, a line on standard error |
//! | `lines N LEN`, `errs N` | N numbered lines (of LEN bytes) |
//! | `long LEN` | one line of LEN bytes |
//! | `flood` | numbered lines for ever |
//! | `echo` | repeats its input line by line until its end |
//! | `count` | reads its input to the end, tells how many bytes and their sum |
//! | `line` | waits for one line of input |
//! | `env NAME`, `cwd` | says a variable, or `NAME unset`; says where it is |
//! | `ignore-term`, `setsid` | what they say |
//! | `mute` | closes its standard output and error |
//! | `fork STEPS… --` | starts itself with those steps, and says `forked PID` |
//! | `relay N` | starts a sleeper and a relay of N - 1, both in sessions of their own, says `relay N`, and goes on |
//! | `sleep` | does nothing for ever |
//! | `exit CODE`, `abort` | ends |

use std::io::{BufRead, Read, Write};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    while let Some(step) = args.next() {
        let mut next = || args.next().unwrap_or_default();
        match step.as_str() {
            "exit" => return ExitCode::from(next().parse::<u8>().unwrap_or(99)),
            "fork" => {
                fork(&until_its_end(&mut args));
            }
            "relay" => relay(next().parse().unwrap_or(0)),
            "lines" | "err" | "errs" | "say" | "raw" | "long" | "env" | "flood" | "cwd" => {
                if talk(&step, &mut next).is_err() {
                    return ExitCode::from(98);
                }
            }
            _ => act(&step),
        }
    }
    ExitCode::SUCCESS
}

/// The steps up to the `--` of this fork; those within may fork, too.
fn until_its_end(args: &mut impl Iterator<Item = String>) -> Vec<String> {
    let mut steps = Vec::new();
    let mut depth = 0;
    for arg in args {
        match arg.as_str() {
            "fork" => depth += 1,
            "--" if depth == 0 => break,
            "--" => depth -= 1,
            _ => {}
        }
        steps.push(arg);
    }
    steps
}

fn talk(step: &str, next: &mut dyn FnMut() -> String) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let number = |text: String| text.parse::<usize>().unwrap_or(0);
    match step {
        "say" => writeln!(out, "{}", next())?,
        "raw" => write!(out, "{}", next())?,
        "err" => writeln!(std::io::stderr(), "{}", next())?,
        "errs" => {
            let mut err = std::io::stderr().lock();
            (0..number(next())).try_for_each(|i| writeln!(err, "complaint {i}"))?;
        }
        "lines" => {
            let (count, len) = (number(next()), number(next()));
            let mut text = String::new();
            for i in 0..count {
                text.push_str(&format!("{i:0len$}\n"));
                if text.len() > 60_000 {
                    out.write_all(text.as_bytes())?;
                    text.clear();
                }
            }
            out.write_all(text.as_bytes())?;
        }
        "long" => {
            let mut left = number(next());
            while left > 0 {
                let now = left.min(1 << 16);
                out.write_all(&vec![b'x'; now])?;
                left -= now;
            }
            out.write_all(b"\n")?;
        }
        "env" => {
            let name = next();
            let value = std::env::var(&name).unwrap_or_else(|_| format!("{name} unset"));
            writeln!(out, "{value}")?;
        }
        "cwd" => writeln!(out, "{}", std::env::current_dir()?.display())?,
        "flood" => (0u64..).try_for_each(|i| writeln!(out, "flood {i:0100}"))?,
        _ => {}
    }
    out.flush()
}

fn act(step: &str) {
    match step {
        "echo" => {
            let mut out = std::io::stdout().lock();
            for line in std::io::stdin().lock().split(b'\n').map_while(Result::ok) {
                let _ = out.write_all(&[line.as_slice(), b"\n"].concat()).and_then(|()| out.flush());
            }
        }
        "count" => {
            let mut all = Vec::new();
            let _ = std::io::stdin().lock().read_to_end(&mut all);
            let sum = all.iter().fold(0u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
            let _ = writeln!(std::io::stdout(), "{} {sum}", all.len());
        }
        "line" => {
            let _ = std::io::stdin().lock().read_line(&mut String::new());
        }
        "ignore-term" => ignore_term(),
        "setsid" => {
            let _ = rustix::process::setsid();
        }
        "mute" => mute(),
        "abort" => std::process::abort(),
        _ => loop {
            std::thread::park();
        },
    }
}

#[expect(clippy::disallowed_methods, reason = "a test agent that starts processes is what is tested")]
fn fork(steps: &[String]) {
    if let Ok(own) = std::env::current_exe()
        && let Ok(child) = Command::new(own).args(steps).spawn()
    {
        let _ = writeln!(std::io::stdout(), "forked {}", child.id());
    }
}

/// A moving target: each one starts the next and ends. `N` bounds the whole.
fn relay(left: u32) {
    if left > 0 {
        let next = (left - 1).to_string();
        start(&["setsid", "sleep"]);
        let _ = writeln!(std::io::stdout(), "relay {left}");
        std::thread::sleep(std::time::Duration::from_millis(3));
        start(&["setsid", "relay", &next]);
    }
}

#[expect(clippy::disallowed_methods, reason = "a test agent that starts processes is what is tested")]
fn start(steps: &[&str]) {
    if let Ok(own) = std::env::current_exe() {
        let _ = Command::new(own).args(steps).spawn();
    }
}

fn mute() {
    if let Ok(null) = std::fs::File::options().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(&null);
        let _ = rustix::stdio::dup2_stderr(&null);
    }
}

#[expect(unsafe_code, reason = "signal dispositions are not in rustix's interface")]
fn ignore_term() {
    // SAFETY: ignoring a signal installs no handler and touches no memory.
    unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
}
