//! Tokens on a scratch home.

use std::os::unix::fs::PermissionsExt;

use tenure_api::TokenScope;
use tenure_event::Timestamp;

use super::{Caller, TokenError, Tokens};

const NOW: Timestamp = Timestamp::from_millis(1_795_139_670_306);

#[test]
fn the_homes_token_is_made_once_and_private() {
    let home = tempfile::tempdir().expect("a directory");
    let first = Tokens::open(home.path()).expect("opens");
    let path = home.path().join("token");
    let token = std::fs::read_to_string(&path).expect("readable");
    assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(token.trim().len(), "tnr_".len() + 64);
    assert_eq!(first.check(token.trim()), Some(Caller::owner()));
    let again = Tokens::open(home.path()).expect("opens");
    assert_eq!(again.check(token.trim()), Some(Caller::owner()));
    for wrong in ["", "tnr_", token.trim().to_uppercase().as_str(), &token.trim()[1..]] {
        assert_eq!(again.check(wrong), None, "{wrong}");
    }
}

#[test]
fn narrower_tokens_survive_a_restart_without_their_secret() {
    let home = tempfile::tempdir().expect("a directory");
    let tokens = Tokens::open(home.path()).expect("opens");
    let (made, new) = tokens.add("ci", TokenScope::Read, None, NOW).expect("made");
    assert!(new);
    let stored = std::fs::read_to_string(home.path().join("tokens.json")).expect("readable");
    assert!(!stored.contains(&made.token[4..]), "the secret is not stored");
    assert!(matches!(tokens.add("ci", TokenScope::Admin, None, NOW), Err(TokenError::Taken(_))));

    let again = Tokens::open(home.path()).expect("opens");
    let caller = again.check(&made.token).expect("known");
    assert_eq!((caller.name.as_str(), caller.scope), ("token:ci", TokenScope::Read));
    assert_eq!(again.remove("ci").expect("there").name, "ci");
    assert_eq!(again.check(&made.token), None);
    assert!(matches!(again.remove("ci"), Err(TokenError::Unknown(_))));
}

#[test]
fn a_repeated_request_gets_the_same_token() {
    let home = tempfile::tempdir().expect("a directory");
    let tokens = Tokens::open(home.path()).expect("opens");
    let (one, new) = tokens.add("ci", TokenScope::Read, Some("k1"), NOW).expect("made");
    let (two, repeated) = tokens.add("ci", TokenScope::Read, Some("k1"), NOW).expect("again");
    assert_eq!((one, new), (two, !repeated));
    assert!(tokens.add("ci", TokenScope::Read, Some("k2"), NOW).is_err());
}
