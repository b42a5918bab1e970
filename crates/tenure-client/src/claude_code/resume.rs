//! Conversations that are to be resumed: one that no session here holds is adopted, so that what was said in it is shown. Not here:
//! taking up a session that holds it.

use std::time::Duration;

use tenure_api::{AdoptConversation, CreateSession, ErrorCode};
use tenure_event::SessionId;

use crate::{Client, ClientError, HistoryFilter};

/// How long what was written on the disk a moment ago is waited for.
const LOOK: Duration = Duration::from_secs(10);

/// The session that goes on in the conversation; none if nothing is to be resumed, if the daemon cannot read the conversation, or if
/// the request says what only a new session can be told.
pub(super) async fn adopt(
    client: &Client,
    request: &CreateSession,
) -> Result<Option<SessionId>, ClientError> {
    let Some(resume) = request.resume.as_ref().filter(|resume| !resume.fork) else { return Ok(None) };
    let Some(body) = like(request) else { return Ok(None) };
    client.index_after(LOOK).await?;
    let native_id = match &resume.native_id {
        Some(native_id) => native_id.clone(),
        None => match newest(client, request).await? {
            Some(native_id) => native_id,
            None => return Ok(None),
        },
    };
    match client.adopt(&request.agent, &native_id, body).await {
        Ok(made) => Ok(Some(made.session.id)),
        Err(ClientError::Problem(problem)) if problem.code == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What of the request an adopted conversation can be told, if that is all of it.
fn like(request: &CreateSession) -> Option<AdoptConversation> {
    let mut body = serde_json::to_value(request).ok()?;
    let fields = body.as_object_mut()?;
    fields.remove("resume");
    // The only other field that is there also where nothing is said of it.
    if request.restart == CreateSession::default().restart {
        fields.remove("restart");
    }
    serde_json::from_value(body).ok()
}

/// The newest conversation of the agent in the directory, unless a session here holds it.
async fn newest(client: &Client, request: &CreateSession) -> Result<Option<String>, ClientError> {
    let filter = HistoryFilter {
        agent: Some(request.agent.clone()),
        cwd: request.cwd.clone(),
        include_worktrees: Some(false),
        archived: Some("any".to_owned()),
        limit: Some(1),
        ..HistoryFilter::default()
    };
    let newest = client.history(&filter).await?.items.into_iter().next();
    Ok(newest.filter(|entry| entry.session_id.is_none()).map(|entry| entry.native_id))
}

#[cfg(test)]
mod tests {
    use tenure_api::ResumeRequest;

    use super::*;

    #[test]
    fn a_request_is_told_whole_or_not_at_all() {
        let resume = Some(ResumeRequest { latest: true, ..ResumeRequest::default() });
        let plain = CreateSession {
            agent: "claude".into(),
            cwd: Some("/w".into()),
            resume,
            ..CreateSession::default()
        };
        assert_eq!(like(&plain).unwrap().cwd.as_deref(), Some("/w"));
        assert_eq!(like(&CreateSession { draft: Some("later".into()), ..plain }), None);
    }
}
