//! Parts that stand in blobs, made whole before they are sent.

use tenure_core::projection::{fill_part, fill_tool};
use tenure_event::{Event, Kind, Part, SessionId};
use tenure_log::{EventLog, LogError};

/// Puts the content of blobs into parts. A blob that is gone leaves what the event shows.
pub(crate) async fn parts(log: &impl EventLog, id: &SessionId, parts: &mut [Part]) -> Result<(), LogError> {
    for part in parts {
        let Some(hash) = &part.blob else { continue };
        if let Some(bytes) = log.blob(id, hash).await? {
            fill_part(part, &bytes);
        }
    }
    Ok(())
}

/// An event as it was before it was cut.
pub(crate) async fn uncut(log: &impl EventLog, event: &mut Event) -> Result<(), LogError> {
    let whole = match &event.kind {
        Kind::MessageCompleted(data) => &data.whole,
        Kind::ToolStarted(data) => &data.whole,
        Kind::ToolCompleted(data) => &data.whole,
        Kind::AskOpened(data) => &data.whole,
        _ => return Ok(()),
    };
    let Some(whole) = whole else { return Ok(()) };
    if let Some(bytes) = log.blob(&event.session_id, &whole.blob).await?
        && let Ok(data) = std::str::from_utf8(&bytes)
    {
        event.kind = Kind::read(event.kind.name(), data);
    }
    Ok(())
}

/// The same for an event.
pub(crate) async fn event(log: &impl EventLog, event: &mut Event) -> Result<(), LogError> {
    uncut(log, event).await?;
    match &mut event.kind {
        Kind::MessageCompleted(data) => parts(log, &event.session_id, &mut data.parts).await,
        Kind::InputAdmitted(data) => parts(log, &event.session_id, &mut data.parts).await,
        Kind::ToolCompleted(data) => {
            let Some(hash) = &data.blob else { return Ok(()) };
            if let Some(bytes) = log.blob(&event.session_id, hash).await? {
                fill_tool(data, &bytes);
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
