//! The programs that are known by name: data only.
//!
//! Whether one is installed, and where, is looked up elsewhere; so is what a user's
//! configuration makes of it. A program that is not here is configured by its command.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tenure_core::agent::{Codec, StartRecord};
use tenure_event::Support;

use crate::acp::AcpCodec;

mod presets;

/// The protocols that have a codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// The Agent Client Protocol over stdio: version 1, or 2 with programs that are known to serve it.
    Acp,
    /// Claude Code's stream-json with control requests.
    Claude,
    /// Codex's app-server.
    Codex,
    /// Pi's rpc mode.
    Pi,
    /// The scripted agent that is built in. It speaks ACP.
    Scripted,
}

impl Protocol {
    /// The word for it in configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Acp => "acp",
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Pi => "pi",
            Self::Scripted => "scripted",
        }
    }

    /// The protocol of this name in configuration.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Acp, Self::Claude, Self::Codex, Self::Pi, Self::Scripted]
            .into_iter()
            .find(|protocol| protocol.as_str() == word)
    }
}

/// A program that is known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// What a session calls it.
    pub name: &'static str,
    /// How it is spoken with.
    pub protocol: Protocol,
    /// Its command: program, then arguments. For `claude` and `pi` the program alone (their codecs
    /// know the arguments); empty for `scripted`, which is in the daemon's own binary.
    pub command: &'static [&'static str],
    /// File names to look for, in this order.
    pub programs: &'static [&'static str],
    /// Arguments that make it print its version and exit.
    pub version_args: &'static [&'static str],
    /// Environment names that carry its login or choose its provider; inherited unless the
    /// session says otherwise.
    pub auth_env: &'static [&'static str],
    /// Environment that it is given unless the session sets the same names. It makes the
    /// program ask, where it would not by itself.
    pub env: &'static [(&'static str, &'static str)],
    /// Modes in which it asks nobody; they need `allow_bypass`.
    pub bypass_modes: &'static [&'static str],
    /// It serves version 2 of ACP, which is a draft; others are spoken with in version 1.
    pub acp_two: bool,
    /// Why it never tells what it costs, if that is known of it.
    pub no_cost: Option<&'static str>,
    /// How to install it.
    pub install: &'static str,
    /// How to log in.
    pub login: &'static str,
}

impl Preset {
    /// Every known program, by name.
    #[must_use]
    pub fn all() -> &'static [Self] {
        presets::ALL
    }

    /// The program of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        presets::ALL.iter().find(|preset| preset.name == name)
    }

    /// Whether this mode needs `allow_bypass`.
    #[must_use]
    pub fn is_bypass(&self, mode: &str) -> bool {
        self.bypass_modes.contains(&mode)
    }
}

/// What an agent of this protocol can and cannot do as far as that is known before it is
/// started; its handshake tells the rest.
#[must_use]
pub fn known_supports(protocol: Protocol) -> BTreeMap<String, Support> {
    match protocol {
        Protocol::Codex => crate::codex::supports(),
        Protocol::Pi => crate::pi::supports(),
        Protocol::Claude => crate::claude::supports(),
        Protocol::Acp | Protocol::Scripted => crate::acp::known_supports(),
    }
}

/// Why an agent cannot be held to a sum of money, if it is known that it never tells what it costs.
#[must_use]
pub fn tells_no_cost(protocol: Protocol, preset: Option<&Preset>) -> Option<&'static str> {
    match protocol {
        Protocol::Codex => Some(crate::codex::NO_COST),
        Protocol::Acp => preset.and_then(|preset| preset.no_cost),
        Protocol::Claude | Protocol::Pi | Protocol::Scripted => None,
    }
}

/// Whether an agent asks nobody in this mode, as far as that is known before it is started: by what is known of the
/// program, and by the words of its protocol, which a program of the user's own may speak as well.
#[must_use]
pub fn asks_nobody(protocol: Protocol, preset: Option<&Preset>, mode: &str) -> bool {
    let by_its_words = match protocol {
        Protocol::Acp | Protocol::Scripted => crate::acp::sounds_like_bypass(mode),
        Protocol::Claude => crate::claude::BYPASS.contains(&mode),
        Protocol::Codex => crate::codex::BYPASS.contains(&mode),
        Protocol::Pi => false,
    };
    by_its_words || preset.is_some_and(|preset| preset.is_bypass(mode))
}

/// The codec for a process that was started so.
#[must_use]
pub fn codec_for(protocol: Protocol, record: StartRecord) -> Box<dyn Codec> {
    match protocol {
        Protocol::Acp | Protocol::Scripted => Box::new(AcpCodec::new(record)),
        Protocol::Claude => Box::new(crate::claude::ClaudeCodec::new(record)),
        Protocol::Codex => Box::new(crate::codex::CodexCodec::new(record)),
        Protocol::Pi => Box::new(crate::pi::PiCodec::new(record)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_told_once() {
        for (i, preset) in Preset::all().iter().enumerate() {
            assert_eq!(Preset::find(preset.name), Some(preset));
            assert!(Preset::all()[i + 1..].iter().all(|other| other.name != preset.name));
            assert_eq!(Protocol::parse(preset.protocol.as_str()), Some(preset.protocol));
            let own = preset.protocol == Protocol::Scripted;
            assert_eq!(preset.command.is_empty(), own, "{}", preset.name);
            assert!(own || preset.programs.first() == preset.command.first());
            assert!(!preset.install.is_empty() && !preset.login.is_empty());
        }
        assert_eq!(Preset::find("nobody"), None);
    }

    #[test]
    fn a_mode_that_asks_nobody_is_known_by_the_program_and_by_the_words_of_its_protocol() {
        let goose = Preset::find("goose");
        assert!(asks_nobody(Protocol::Acp, goose, "auto") && asks_nobody(Protocol::Acp, goose, "yolo"));
        assert!(!asks_nobody(Protocol::Acp, None, "auto") && asks_nobody(Protocol::Acp, None, "yolo"));
        for mode in ["bypassPermissions", "bypass", "agent-full-access", "https://a.b/modes#YOLO"] {
            assert!(asks_nobody(Protocol::Acp, None, mode), "{mode}");
        }
        assert!(["default", "plan", "acceptEdits", "ask"].iter().all(|mode| !asks_nobody(
            Protocol::Acp,
            None,
            mode
        )));
        assert!(asks_nobody(Protocol::Claude, None, "bypassPermissions"));
        assert!(asks_nobody(Protocol::Codex, None, "never/read-only"));
        assert!(!asks_nobody(Protocol::Codex, None, "ask") && !asks_nobody(Protocol::Pi, None, "yolo"));
    }

    #[test]
    fn nothing_is_started_in_a_mode_that_asks_nobody() {
        for preset in Preset::all() {
            let words = preset.command.iter().chain(preset.env.iter().map(|(_, value)| value));
            for word in words {
                assert!(!preset.is_bypass(word), "{} starts with {word}", preset.name);
                assert!(!word.contains("skip-permissions") && !word.contains("yolo"), "{word}");
            }
        }
    }
}
