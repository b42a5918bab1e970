//! The session as clients see it, from the state alone. The process's memory and the
//! capabilities come from elsewhere.

use tenure_api::{Process, ProcessKind, ProcessState, ProjectRef, QueuedInput, Session, WorkspaceRef};

use super::State;

impl State {
    /// The public view.
    #[must_use]
    pub fn view(&self) -> Session {
        let spec = &self.spec;
        Session {
            id: spec.id.clone(),
            agent: spec.agent.clone(),
            native_id: self.native_id.clone(),
            title: self.title.clone(),
            tags: self.tags.clone(),
            metadata: self.metadata.clone(),
            cwd: spec.cwd.clone(),
            workspace: WorkspaceRef {
                id: spec.workspace_id.clone(),
                kind: spec.workspace_kind.clone(),
                path: spec.cwd_canonical.clone(),
            },
            project: ProjectRef { id: spec.project_id.clone(), path: spec.project_path.clone() },
            axes: self.axes(),
            model: self.model.clone(),
            model_effective: self.model_effective.clone(),
            mode: self.mode.clone(),
            effort: self.effort.clone(),
            epoch: self.epoch,
            branch: self.branch,
            parent: spec.parent.clone(),
            draft: self.draft.clone(),
            first_input: self.first_input.clone(),
            queue: self.queue.iter().map(queued).collect(),
            pending_asks: self.asks.values().map(|o| o.ask.clone()).collect(),
            process: self.process_view(),
            usage: self.usage,
            limit_reached: self.limit_reached.map(|kind| kind.word().to_owned()),
            agent_info: self.agent_info.clone(),
            capabilities: None,
            node: spec.node.clone(),
            last_seq: self.last_seq,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    fn process_view(&self) -> Option<Process> {
        let process = self.process.as_ref()?;
        Some(Process {
            session_id: Some(self.spec.id.clone()),
            exec_id: None,
            pid: process.pid?,
            started_at: process.started_at,
            runtime_seconds: 0,
            memory_mb: None,
            kind: ProcessKind::Agent,
            state: ProcessState::Running,
            exit: None,
        })
    }
}

fn queued(q: &super::QueuedInput) -> QueuedInput {
    QueuedInput {
        input_id: q.input_id.clone(),
        delivery: q.delivery,
        text: q.brief.clone(),
        admitted_at: q.admitted_at,
    }
}
