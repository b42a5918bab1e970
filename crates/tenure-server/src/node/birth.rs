//! A session comes into being: once for each wish, whatever it was wished by (a create, a fork), and in one change of the
//! log. What the session is to be, and whether it may be, was decided before.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use tenure_api::{CreateSession, ErrorCode, Problem};
use tenure_core::machine::{Machine, McpServers, Spec};
use tenure_core::{Admit, Reply};
use tenure_crash_point::crash_point;
use tenure_event::{Delivery, InputId, MessageCompleted, SessionId};
use tenure_log::{EventLog, ProjectRow, Write};
use tokio::sync::{OwnedMutexGuard, oneshot};

use super::place::{Place, make_private_dir};
use super::{CreateOutcome, IdempotencyKey, Node};
use crate::hex::hex;
use crate::owner::{Birth, Owner, Private, off_thread, session_dir};
use crate::{clock, problem};

/// What somebody wants to come into being, and by what it is known again when it is asked for once more.
pub(super) struct Wish {
    pub id: SessionId,
    /// Of the request's content.
    pub hash: String,
    has_input: bool,
    key: Option<IdempotencyKey>,
}

/// A wish that is not fulfilled yet: no other session comes into being until this one has.
pub(super) struct Claim {
    wish: Wish,
    one_at_a_time: OwnedMutexGuard<()>,
}

/// What became of a wish.
pub(super) enum Claimed {
    /// It was fulfilled before.
    Known(CreateOutcome),
    /// It can be fulfilled now.
    Ours(Claim),
}

/// What a session is to be.
pub(super) struct Newborn {
    /// The request; for a fork the one that would create a session like the other one.
    pub request: CreateSession,
    pub spec: Spec,
    pub private: Private,
    /// What was said in the session that it is forked from.
    pub past: Vec<MessageCompleted>,
    /// Its tool servers.
    pub servers: McpServers,
    pub place: Place,
}

impl Wish {
    /// With the id that the client chose, or one of ours.
    pub(super) fn new(
        id: Option<&str>,
        hash: String,
        has_input: bool,
        key: Option<IdempotencyKey>,
    ) -> Result<Self, Problem> {
        let id = match id {
            Some(id) => SessionId::parse(id).map_err(|e| Problem::invalid("id", e.to_string()))?,
            None => SessionId::from_uuid(clock::new_uuid()),
        };
        Ok(Self { id, hash, has_input, key })
    }
}

impl Claim {
    pub(super) fn id(&self) -> &SessionId {
        &self.wish.id
    }
}

impl Node {
    /// What the same wish led to before: known by its key, or by the session's id.
    pub(super) async fn made_before(&self, wish: &Wish) -> Result<Option<CreateOutcome>, Problem> {
        let remembered = self.shared.remembered::<(SessionId, Option<Reply>)>(wish.key.as_ref()).await?;
        match remembered {
            Some((id, reply)) => Ok(Some(outcome(id, false, reply))),
            None => self.known_session(wish).await,
        }
    }

    /// A session with this id that exists: the same request again, or a conflict.
    async fn known_session(&self, wish: &Wish) -> Result<Option<CreateOutcome>, Problem> {
        let id = &wish.id;
        let row = self.shared.log.session(id).await.map_err(|e| problem::from_log(&e))?;
        let Some(row) = row else { return Ok(None) };
        if row.lifecycle == "destroyed" {
            return Err(problem::destroyed(id));
        }
        let known = Private::read(&session_dir(&self.shared.home, id)).map(|p| p.create_hash);
        if !known.is_ok_and(|known| known == wish.hash) {
            let what = format!("session {id} exists and was created by another request; use another id");
            return Err(Problem::new(ErrorCode::Conflict, what).about(id));
        }
        let receipt = if wish.has_input { self.receipt_of_first(id).await? } else { None };
        Ok(Some(CreateOutcome { session_id: id.clone(), created: false, receipt }))
    }

    async fn receipt_of_first(&self, id: &SessionId) -> Result<Option<tenure_api::Receipt>, Problem> {
        let input = first_input_id(id);
        let row = self.shared.log.input(id, &input).await.map_err(|e| problem::from_log(&e))?;
        Ok(row.map(crate::owner::receipt))
    }

    /// Takes the turn to fulfil a wish, unless it was fulfilled meanwhile. It is kept until the session is stored, also if
    /// the caller goes away and asks again.
    pub(super) async fn claim(&self, wish: Wish) -> Result<Claimed, Problem> {
        let one_at_a_time = Arc::clone(&self.shared.creating).lock_owned().await;
        Ok(match self.made_before(&wish).await? {
            Some(known) => Claimed::Known(known),
            None => Claimed::Ours(Claim { wish, one_at_a_time }),
        })
    }

    /// Brings a session into being.
    pub(super) async fn bear(&self, claim: Claim, newborn: Newborn) -> Result<CreateOutcome, Problem> {
        let Claim { wish: Wish { id, key, .. }, one_at_a_time } = claim;
        let Newborn { request, spec, private, past, servers, place } = newborn;
        self.keep_private(&id, private.clone()).await?;
        let start = request.start.unwrap_or(true) && request.draft.is_none();
        let writes = rows(place, request.trust_project == Some(true));
        let input = request.input.map(|content| first_input(&id, content, &private.create_hash));
        let mut machine = Machine::new(spec, clock::now());
        machine.describe(request.title, request.tags, request.metadata, request.draft);
        machine.equip(servers);
        machine.configure(request.model, request.mode, request.effort);
        let (reply, answer) = oneshot::channel();
        let birth = Birth { machine, private, start, past, input, writes, key, one_at_a_time, reply };
        let shared = Arc::clone(&self.shared);
        let handle = self
            .shared
            .registry
            .get_or_start(&id, || Owner::start(shared, id.clone(), Some(Box::new(birth))));
        drop(handle);
        match answer.await {
            Ok(Ok(reply)) => Ok(outcome(id, true, reply)),
            Ok(Err(e)) => Err(e),
            Err(_) => Err(self.shared.owner_gone(&id)),
        }
    }

    /// Makes the session's own directory, with what is private in it.
    async fn keep_private(&self, id: &SessionId, private: Private) -> Result<(), Problem> {
        let dir = session_dir(&self.shared.home, id);
        let made = off_thread(move || {
            make_private_dir(&dir)?;
            crash_point!("create.directory");
            private.write(&dir)
        });
        made.await.map_err(|e| {
            let advice = problem::remedy(&e, "make the home writable");
            let what = format!("the session's directory cannot be written: {e}; {advice}");
            Problem::new(ErrorCode::Storage, what)
        })?;
        crash_point!("create.private");
        Ok(())
    }
}

/// The rows of its place that are new.
fn rows(place: Place, trust: bool) -> Vec<Write> {
    let Place { mut writes, project, .. } = place;
    if trust && !project.trusted {
        writes.retain(|write| !matches!(write, Write::Project(_)));
        writes.push(Write::Project(ProjectRow { trusted: true, ..project }));
    }
    writes
}

fn outcome(session_id: SessionId, created: bool, reply: Option<Reply>) -> CreateOutcome {
    let receipt = match reply {
        Some(Reply::Admitted(receipt)) => Some(receipt),
        _ => None,
    };
    CreateOutcome { session_id, created, receipt }
}

fn first_input(id: &SessionId, content: tenure_api::InputContent, body_hash: &str) -> Admit {
    let input_id = first_input_id(id);
    let parts = content.into_parts(input_id.as_str());
    Admit {
        input_id,
        delivery: Delivery::Queue,
        parts,
        model: None,
        effort: None,
        body_hash: body_hash.to_owned(),
        minted: false,
    }
}

/// The first input's id follows from the session's, so that a repeated create finds it.
fn first_input_id(id: &SessionId) -> InputId {
    let hash = Sha256::digest(format!("first input of {id}"));
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&hash[..16]);
    InputId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// What a request is known by.
pub(super) fn hash_of_json(plain: &impl serde::Serialize) -> String {
    let text = serde_json::to_string(plain).unwrap_or_default();
    hex(&Sha256::digest(text))
}
