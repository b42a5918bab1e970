//! Title, tags, metadata, the archived mark and the draft; and the very first step.

use tenure_api::Problem;
use tenure_event::{ErrorInfo, Kind, Lifecycle, MessageCompleted, SessionCreated, SessionUpdated};

use super::Step;
use crate::{Reply, Request, Until, UpdateRequest};

impl Step<'_> {
    pub(super) fn created(&mut self, start: bool, past: Vec<MessageCompleted>) {
        let axes = self.axes_now();
        let spec = &self.s.spec;
        let event = SessionCreated {
            axes,
            agent: spec.agent.clone(),
            cwd: spec.cwd.clone(),
            workspace_id: spec.workspace_id.clone(),
            project_id: spec.project_id.clone(),
            title: self.s.title.clone(),
            tags: self.s.tags.clone(),
            parent: spec.parent.clone(),
            resumes: spec.resumes.clone(),
        };
        self.emit_bare(Kind::SessionCreated(event));
        // The agent may tell it all again.
        self.s.history_taken |= !past.is_empty();
        for message in past {
            self.emit_bare(Kind::MessageCompleted(message));
        }
        self.tell_left_out();
        self.tell_parent();
        if start {
            self.spawn();
        }
    }

    pub(super) fn request(&mut self, request: Request) -> Result<Reply, Problem> {
        if self.s.lifecycle == Lifecycle::Destroyed {
            return Err(self.destroyed());
        }
        match request {
            Request::Admit(admit) => self.admit(admit),
            Request::CancelInput(id) => self.cancel_input(&id),
            Request::EditInput { input_id, parts } => self.edit_input(&input_id, parts),
            Request::Interrupt { queue } => {
                let waited = self.s.waits_for_reset();
                let reply = self.interrupt(queue);
                if waited {
                    self.sync_axes();
                    self.start_next();
                }
                Ok(reply)
            }
            Request::Suspend => self.suspend(),
            Request::Resume => self.resume(),
            Request::Close => Ok(self.close()),
            Request::Kill => Ok(self.kill()),
            Request::Destroy { keep_transcript } => self.destroy(keep_transcript),
            Request::Answer(answer) => self.answer(answer),
            Request::Configure(patch) => self.configure(*patch),
            Request::Compact { instructions } => self.compact(instructions),
            Request::Clear => self.clear(),
            Request::StopTask { task_id } => self.stop_task(task_id),
            Request::Mcp(request) => self.mcp(request),
            Request::Update(update) => Ok(self.update(*update)),
            Request::Checkpoint { label, taken } => self.manual_checkpoint(label, &taken),
            Request::Rewind(way) => self.rewind(*way),
            Request::Forked { child, seq } => Ok(self.forked(child, seq)),
            Request::KeepArtifact(artifact) => self.keep_artifact(*artifact),
        }
    }

    fn update(&mut self, update: UpdateRequest) -> Reply {
        let mut event = SessionUpdated {
            axes: self.s.axes(),
            title: None,
            tags: None,
            metadata: None,
            by: Some("client".into()),
        };
        let mut changed = false;
        if let Some(title) = update.title.filter(|t| *t != self.s.title) {
            event.title = Some(title.clone().unwrap_or_default());
            self.s.title = title;
            self.s.title_by_agent = false;
            changed = true;
        }
        if let Some(tags) = update.tags.filter(|t| *t != self.s.tags) {
            event.tags = Some(tags.clone());
            self.s.tags = tags;
            changed = true;
        }
        if let Some(metadata) = update.metadata.filter(|m| *m != self.s.metadata) {
            event.metadata = Some(metadata.clone());
            self.s.metadata = metadata;
            changed = true;
        }
        if let Some(archived) = update.archived.filter(|a| *a != self.s.archived) {
            self.s.archived = archived;
            changed = true;
        }
        if let Some(draft) = update.draft {
            let draft = Some(draft).filter(|d| !d.is_empty());
            changed |= draft != self.s.draft;
            self.s.draft = draft;
        }
        if changed {
            event.axes = self.axes_now();
            self.emit(Kind::SessionUpdated(event));
        }
        self.done(if changed { vec![format!("session:{}", self.s.spec.id)] } else { Vec::new() }, Until::Now)
    }

    pub(super) fn titled_by_agent(&mut self, title: String) {
        let ours = self.s.title.is_some() && !self.s.title_by_agent;
        if ours || self.s.title.as_ref() == Some(&title) || title.is_empty() {
            return;
        }
        self.s.title_by_agent = true;
        self.s.title = Some(title.clone());
        let axes = self.axes_now();
        let by = Some("agent".to_owned());
        self.emit(Kind::SessionUpdated(SessionUpdated {
            axes,
            title: Some(title),
            tags: None,
            metadata: None,
            by,
        }));
    }
}

/// An error as data.
pub(super) fn error(code: &str, message: impl Into<String>) -> ErrorInfo {
    ErrorInfo { code: code.to_owned(), message: message.into(), data: None }
}
