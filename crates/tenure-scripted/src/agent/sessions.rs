//! `session/new`, `load`, `resume`, `fork`, `list`, `close`, `set_mode` and `set_config_option`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::{Agent, random_hex};
use crate::history::Item;
use crate::record::Act;
use crate::rpc::{self, INTERNAL, NOT_FOUND, Reply, RpcError};
use crate::session::Session;
use crate::turn::Cancel;

impl Agent {
    /// Answers with the new session, then tells its commands, as real agents do.
    pub(super) fn new_session(&self, id: &Value, params: &Value) {
        let created = self.require_login().and_then(|()| {
            let cwd = cwd(params)?;
            let id = format!("scripted-{}", random_hex(8));
            let history = self.store.create(&id, cwd).map_err(|e| on_disk(&e))?;
            Ok(Arc::new(Session::new(id, cwd, history)))
        });
        self.opened(id, created, true);
    }

    /// `session/load` with its replay before the answer, or `session/resume` without one.
    pub(super) fn take_up(&self, id: &Value, params: &Value, replay: bool) {
        let taken = self.require_login().and_then(|()| {
            let cwd = cwd(params)?;
            let wanted = text(params, "sessionId")?;
            let kept = self.store.load(wanted).map_err(|e| on_disk(&e))?;
            let (history, items) = kept.ok_or_else(|| unknown(wanted))?;
            let session = self.sessions().get(wanted).cloned();
            let session = session.unwrap_or_else(|| Arc::new(Session::new(wanted.to_owned(), cwd, history)));
            session.restore(&items);
            if replay {
                self.replay(&session, &items);
            }
            Ok(session)
        });
        self.opened(id, taken, false);
    }

    /// A new session that begins with all that another one has kept.
    pub(super) fn fork_session(&self, id: &Value, params: &Value) {
        let forked = self.require_login().and_then(|()| {
            let (cwd, from) = (cwd(params)?, text(params, "sessionId")?);
            let kept = self.store.load(from).map_err(|e| on_disk(&e))?;
            let (_, items) = kept.ok_or_else(|| unknown(from))?;
            let id = format!("scripted-{}", random_hex(8));
            let history = self.store.create(&id, cwd).map_err(|e| on_disk(&e))?;
            for item in items.iter().filter(|item| !matches!(item, Item::Session { .. })) {
                history.append(item).map_err(|e| on_disk(&e))?;
            }
            let session = Arc::new(Session::new(id, cwd, history));
            session.restore(&items);
            Ok(session)
        });
        self.opened(id, forked, true);
    }

    fn opened(&self, id: &Value, session: Result<Arc<Session>, RpcError>, tell_id: bool) {
        let session = match session {
            Ok(session) => session,
            Err(error) => return self.reply(id, &Err(error)),
        };
        let mut result = json!({});
        if tell_id {
            result["sessionId"] = json!(session.id);
        }
        result["modes"] = session.modes();
        result["configOptions"] = session.config_options();
        self.sessions().insert(session.id.clone(), session.clone());
        self.reply(id, &Ok(result));
        self.update(&session, &commands(None));
    }

    fn replay(&self, session: &Session, items: &[Item]) {
        let message_id = |id| (!self.flags.no_message_id).then_some(id);
        for item in items {
            match item {
                Item::User { message_id: id, text } => {
                    self.update(session, &rpc::chunk("user_message_chunk", message_id(id.as_str()), text));
                }
                Item::Update(update) => self.update(session, update),
                Item::Session { .. } | Item::Set { .. } | Item::End { .. } => {}
            }
        }
    }

    pub(super) fn list_sessions(&self, params: &Value) -> Reply {
        let wanted = params["cwd"].as_str();
        let known = self.store.list().map_err(|e| on_disk(&e))?;
        let known = known.into_iter().filter(|row| wanted.is_none_or(|cwd| cwd == row.cwd));
        let rows = known.map(|row| {
            json!({"sessionId": row.id, "cwd": row.cwd, "title": row.title, "updatedAt": row.updated_at})
        });
        Ok(json!({"sessions": rows.collect::<Vec<_>>()}))
    }

    /// Ends the session's turn, which is still answered, and forgets the session; its history stays.
    pub(super) fn close_session(&self, params: &Value) -> Reply {
        let session = self.session(params)?;
        if let Some(turn) = session.turn() {
            turn.cancel(Cancel::Turn);
        }
        self.sessions().remove(&session.id);
        Ok(json!({}))
    }

    pub(super) fn set_mode(&self, params: &Value) -> Reply {
        let session = self.session(params)?;
        let mode = text(params, "modeId")?;
        session.set_mode(mode)?;
        self.keep(&session, &Item::Set { key: "mode".into(), value: mode.into() });
        self.update(&session, &json!({"sessionUpdate": "current_mode_update", "currentModeId": mode}));
        Ok(json!({}))
    }

    pub(super) fn set_config_option(&self, params: &Value) -> Reply {
        let session = self.session(params)?;
        let (key, value) = (text(params, "configId")?, text(params, "value")?);
        session.set(key, value)?;
        self.keep(&session, &Item::Set { key: key.into(), value: value.into() });
        let options = session.config_options();
        self.update(&session, &json!({"sessionUpdate": "config_option_update", "configOptions": options}));
        Ok(json!({"configOptions": options}))
    }

    /// Appends to the session's history; a full disk is no reason to end the turn.
    pub(crate) fn keep(&self, session: &Session, item: &Item) {
        if let Err(error) = session.history.append(item) {
            self.record.write(|| Act::HistoryFailed { error: error.to_string() });
        }
    }

    /// The open session that the params name.
    pub(super) fn session(&self, params: &Value) -> Result<Arc<Session>, RpcError> {
        let id = text(params, "sessionId")?;
        self.sessions().get(id).cloned().ok_or_else(|| unknown(id))
    }

    pub(super) fn sessions(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The update that tells the commands; none given means the two that plain prompts know.
pub(crate) fn commands(given: Option<&[Value]>) -> Value {
    let known = [
        json!({"name": "echo", "description": "Say something back", "input": {"hint": "what to say"}}),
        json!({"name": "help", "description": "Tell how to write a script"}),
    ];
    json!({"sessionUpdate": "available_commands_update", "availableCommands": given.unwrap_or(&known)})
}

fn cwd(params: &Value) -> Result<&str, RpcError> {
    let cwd = text(params, "cwd")?;
    if Path::new(cwd).is_absolute() { Ok(cwd) } else { Err(RpcError::params("cwd must be an absolute path")) }
}

fn text<'a>(params: &'a Value, name: &str) -> Result<&'a str, RpcError> {
    params[name].as_str().ok_or_else(|| RpcError::params(format!("{name} must be a string")))
}

fn unknown(session: &str) -> RpcError {
    RpcError::new(NOT_FOUND, format!("Resource not found: session {session}"))
}

fn on_disk(error: &std::io::Error) -> RpcError {
    RpcError::new(INTERNAL, format!("the session's history cannot be used: {error}"))
}
