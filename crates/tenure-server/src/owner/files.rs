//! Serving an agent's file requests, confined to the session's directory.

use tenure_core::agent::{AgentError, AgentRequest, FsAnswer};
use tenure_workspace::Root;

/// Serves one request. Never fails: an error is an answer too.
pub(super) async fn serve(root: String, request: AgentRequest) -> FsAnswer {
    let work = tokio::task::spawn_blocking(move || serve_blocking(&root, request));
    work.await.unwrap_or_else(|_| refused("the request could not be served"))
}

fn serve_blocking(root: &str, request: AgentRequest) -> FsAnswer {
    let opened = match Root::open(std::path::Path::new(root)) {
        Ok(root) => root,
        Err(e) => return refused(&e.to_string()),
    };
    match request {
        AgentRequest::FsRead { path, line, limit } => {
            match opened.read_text(std::path::Path::new(&path), line, limit) {
                Ok(text) => FsAnswer::Read(text),
                Err(e) => refused(&e.to_string()),
            }
        }
        AgentRequest::FsWrite { path, content } => {
            match opened.write_text(std::path::Path::new(&path), &content) {
                Ok(()) => FsAnswer::Written,
                Err(e) => refused(&e.to_string()),
            }
        }
        AgentRequest::Terminal(_) => refused("a command is no file"),
    }
}

pub(super) fn refused(message: &str) -> FsAnswer {
    FsAnswer::Error(AgentError { code: "invalid".to_owned(), message: message.to_owned(), data: None })
}
