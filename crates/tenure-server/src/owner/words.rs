//! What an input says, word for word, where its row and its events say less: a client may put a secret of the session
//! into a prompt, and the agent is to get it, also if the input waits while the daemon is restarted.
//!
//! The words are kept as a blob in which marks stand for the secrets; the values stay in the private file alone.

use bytes::Bytes;
use tenure_event::{InputId, Kind, NewEvent, Part};
use tenure_log::{EventLog, LogError};

use super::Owner;

impl Owner {
    /// Takes secrets out of an event that is about to be stored.
    pub(super) async fn clean(&mut self, event: &mut NewEvent) -> Result<(), LogError> {
        if self.redactor.is_empty() {
            return Ok(());
        }
        let said = match &event.kind {
            Kind::InputAdmitted(input) => Some((input.input_id.clone(), input.parts.clone())),
            _ => None,
        };
        self.redactor.event(event);
        if let (Some((id, parts)), Kind::InputAdmitted(shown)) = (said, &event.kind) {
            self.keep_words(id, &parts, &shown.parts).await?;
        }
        Ok(())
    }

    /// The words of an edited input as they may be shown.
    pub(super) async fn shown_words(
        &mut self,
        id: &InputId,
        parts: Vec<Part>,
    ) -> Result<Vec<Part>, LogError> {
        if self.redactor.is_empty() {
            return Ok(parts);
        }
        let clean = serde_json::to_string(&parts).map(|json| self.redactor.view::<Vec<Part>>(json));
        let shown: Vec<Part> =
            clean.and_then(|json| serde_json::from_str(&json)).map_err(|e| unwritable(&e))?;
        self.keep_words(id.clone(), &parts, &shown).await?;
        Ok(shown)
    }

    async fn keep_words(&mut self, id: InputId, said: &[Part], shown: &[Part]) -> Result<(), LogError> {
        if said == shown {
            self.words.remove(&id);
            return Ok(());
        }
        let json = serde_json::to_string(said).map_err(|e| unwritable(&e))?;
        let hash = self.shared.log.put_blob(&self.id, Bytes::from(self.redactor.hidden(json))).await?;
        self.words.insert(id, hash);
        Ok(())
    }

    /// What an input that waits really says, if its row does not tell.
    pub(super) async fn true_words(&mut self, id: &InputId) -> Result<Option<Vec<Part>>, LogError> {
        let Some(hash) = self.words.get(id).cloned() else { return Ok(None) };
        let Some(bytes) = self.shared.log.blob(&self.id, &hash).await? else { return Ok(None) };
        let json = self.redactor.unhidden(String::from_utf8_lossy(&bytes).into_owned());
        Ok(serde_json::from_str(&json).ok())
    }
}

fn unwritable(e: &serde_json::Error) -> LogError {
    LogError::Corrupt(format!("the words of an input cannot be written as JSON: {e}"))
}
