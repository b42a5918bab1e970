//! Text that people and clients write: the configuration, scripts, positions and cursors.

use std::path::Path;

use tenure_event::SessionId;
use tenure_server::config::load::{ConfigError, parse};
use tenure_server::http::readers::{last_event_id, message_cursor, session_cursor};

/// A configuration file: it is read the same each time, or its fault is told on one of its lines.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = || parse(Path::new("config.toml"), text);
    match (read(), read()) {
        (Ok(one), Ok(two)) => assert_eq!(format!("{one:?}"), format!("{two:?}")),
        (Err(ConfigError::Invalid { line, message, .. }), Err(_)) => {
            assert!(!message.is_empty());
            assert!(line.is_none_or(|line| line >= 1 && line <= text.matches('\n').count() + 1));
        }
        (one, two) => panic!("{one:?}, then {two:?}"),
    }
}

/// A prompt with a script: its steps are known, or the one is named that is not.
pub fn script(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for prompt in [text.to_owned(), format!("@@[{text}]@@")] {
        if let Err(error) = tenure_scripted::count_steps(&prompt) {
            assert!(!error.is_empty());
        }
    }
}

/// What a client says of where it was: what is understood is understood the same when it is written again, and a cursor
/// of one session is none of another.
pub fn places(data: &[u8]) {
    if let Some(position) = last_event_id(data) {
        assert_eq!(last_event_id(position.to_string().as_bytes()), Some(position));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(again) = session_cursor(text) {
        assert_eq!(session_cursor(&again).as_deref(), Some(again.as_str()));
    }
    let [one, other] = ["s1", "s2"].map(|id| SessionId::parse(id).expect("an id"));
    if let Some(again) = message_cursor(text, &one) {
        assert_eq!(message_cursor(&again, &one).as_deref(), Some(again.as_str()));
        assert_eq!(message_cursor(text, &other), None, "it is bound to its session");
    }
}
