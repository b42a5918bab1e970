//! How the process behaves as a whole: from `--flags`, or from `TENURE_SCRIPTED_…` variables where only the
//! environment can be set. What one turn does is the script's business.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

/// The version of the protocol that `initialize` answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Always this number.
    Fixed(u64),
    /// Whatever the client asked for, as some agents do without speaking it.
    Echo,
}

impl Protocol {
    pub(crate) fn answer(self, asked: &Value) -> Value {
        match self {
            Self::Fixed(version) => json!(version),
            Self::Echo => asked.clone(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) string_ids: bool,
    pub(crate) ignore_eof: bool,
    pub(crate) ignore_term: bool,
    pub(crate) no_load: bool,
    pub(crate) no_resume: bool,
    pub(crate) no_steering: bool,
    pub(crate) no_images: bool,
    pub(crate) no_message_id: bool,
    pub(crate) garbage_start: bool,
    pub(crate) auth_required: bool,
    pub(crate) forks: bool,
    pub(crate) slow_start: Duration,
    pub(crate) fail_start: Option<String>,
    pub(crate) protocol: Protocol,
    pub(crate) record: Option<PathBuf>,
    pub(crate) home: Option<PathBuf>,
}

/// Flags without a value, each with its place.
type Switch = (&'static str, fn(&mut Flags) -> &mut bool);

const SWITCHES: &[Switch] = &[
    ("string-ids", |f| &mut f.string_ids),
    ("ignore-eof", |f| &mut f.ignore_eof),
    ("ignore-term", |f| &mut f.ignore_term),
    ("no-load", |f| &mut f.no_load),
    ("no-resume", |f| &mut f.no_resume),
    ("no-steering", |f| &mut f.no_steering),
    ("no-images", |f| &mut f.no_images),
    ("no-message-id", |f| &mut f.no_message_id),
    ("garbage-start", |f| &mut f.garbage_start),
    ("auth-required", |f| &mut f.auth_required),
    ("forks", |f| &mut f.forks),
];

const VALUES: &[&str] = &["slow-start", "fail-start", "protocol", "record", "home"];

impl Flags {
    /// Reads the environment first, then the arguments, which win.
    ///
    /// # Errors
    /// A sentence for the user about the argument or variable that cannot be honoured.
    pub(crate) fn read(args: &[String], env: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut flags = Self::defaults(&env);
        for (name, place) in SWITCHES {
            if let Some(value) = env(&variable(name)) {
                *place(&mut flags) = !matches!(value.as_str(), "" | "0" | "false");
            }
        }
        for name in VALUES {
            if let Some(value) = env(&variable(name)) {
                flags.set(name, &value).map_err(|e| format!("{}: {e}", variable(name)))?;
            }
        }
        flags.read_args(args)?;
        Ok(flags)
    }

    fn defaults(env: &impl Fn(&str) -> Option<String>) -> Self {
        Self {
            string_ids: false,
            ignore_eof: false,
            ignore_term: false,
            no_load: false,
            no_resume: false,
            no_steering: false,
            no_images: false,
            no_message_id: false,
            garbage_start: false,
            auth_required: false,
            forks: false,
            slow_start: Duration::ZERO,
            fail_start: None,
            protocol: Protocol::Fixed(1),
            record: None,
            home: env("HOME").filter(|h| !h.is_empty()).map(|h| PathBuf::from(h).join(".tenure-scripted")),
        }
    }

    fn read_args(&mut self, args: &[String]) -> Result<(), String> {
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let Some(flag) = arg.strip_prefix("--") else {
                return Err(format!(
                    "unexpected argument {arg:?}; the prompt comes over ACP, only --flags go here"
                ));
            };
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (flag, None),
            };
            if let Some((_, place)) = SWITCHES.iter().find(|(switch, _)| *switch == name) {
                if value.is_some() {
                    return Err(format!("--{name} takes no value"));
                }
                *place(self) = true;
            } else if VALUES.contains(&name) {
                let value = value.or_else(|| args.next().cloned());
                let value = value.ok_or_else(|| format!("--{name} needs a value"))?;
                self.set(name, &value).map_err(|e| format!("--{name}: {e}"))?;
            } else {
                return Err(format!("unknown flag --{name}; known are {}", known()));
            }
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "slow-start" => {
                let ms: u64 =
                    value.parse().map_err(|_| format!("{value:?} is not a number of milliseconds"))?;
                self.slow_start = Duration::from_millis(ms);
            }
            "fail-start" => self.fail_start = Some(value.to_owned()),
            "protocol" if value == "echo" => self.protocol = Protocol::Echo,
            "protocol" => {
                let version =
                    value.parse().map_err(|_| format!("{value:?} is neither a number nor \"echo\""))?;
                self.protocol = Protocol::Fixed(version);
            }
            "record" => self.record = Some(value.into()),
            _ => self.home = Some(value.into()),
        }
        Ok(())
    }
}

/// `slow-start` is set by `TENURE_SCRIPTED_SLOW_START`.
fn variable(flag: &str) -> String {
    format!("TENURE_SCRIPTED_{}", flag.replace('-', "_").to_uppercase())
}

fn known() -> String {
    let switches = SWITCHES.iter().map(|(name, _)| *name);
    let all: Vec<String> = switches.chain(VALUES.iter().copied()).map(|name| format!("--{name}")).collect();
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str], env: &[(&str, &str)]) -> Result<Flags, String> {
        let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
        Flags::read(&args, |name| env.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn arguments_win_over_the_environment() {
        let env = [
            ("HOME", "/h"),
            ("TENURE_SCRIPTED_RECORD", "/env"),
            ("TENURE_SCRIPTED_STRING_IDS", "1"),
            ("TENURE_SCRIPTED_NO_LOAD", "0"),
        ];
        let flags = read(&["--record=/arg", "--protocol", "echo", "--slow-start", "5"], &env).unwrap();
        assert_eq!(flags.record, Some("/arg".into()));
        assert_eq!(flags.home, Some("/h/.tenure-scripted".into()));
        assert_eq!(flags.protocol, Protocol::Echo);
        assert_eq!(flags.slow_start, Duration::from_millis(5));
        assert!(flags.string_ids && !flags.no_load && !flags.ignore_eof);
    }

    #[test]
    fn what_cannot_be_honoured_is_refused_by_name() {
        for (args, says) in [
            (&["--nonsense"][..], "unknown flag --nonsense"),
            (&["hello"], "unexpected argument \"hello\""),
            (&["--record"], "--record needs a value"),
            (&["--no-load=1"], "--no-load takes no value"),
            (&["--slow-start=soon"], "not a number of milliseconds"),
        ] {
            let error = read(args, &[]).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        let error = read(&[], &[("TENURE_SCRIPTED_PROTOCOL", "x")]).unwrap_err();
        assert!(error.starts_with("TENURE_SCRIPTED_PROTOCOL"), "{error}");
    }
}
