//! Which session a person means: by id, unique prefix of an id (with or without `ses_`), or exact title.

use tenure_api::{ErrorCode, Session};
use tenure_event::SessionId;

use crate::client::Client;
use crate::{ClientError, SessionFilter};

/// How many sessions are looked through.
const MOST_PAGES: usize = 100;
const PAGE: u32 = 1000;
/// How many candidates are named.
const MOST_CANDIDATES: usize = 8;

/// A name stands for no session, or for several.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// None has this id, a prefix like it or this title.
    #[error("no session `{name}`; `tenure ls` lists them (archived ones with --all)")]
    None {
        /// What was asked for.
        name: String,
    },
    /// Several do.
    #[error("`{name}` may be any of several sessions; give more of the id:{}", list(candidates))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// Id and title of some of them.
        candidates: Vec<(SessionId, Option<String>)>,
    },
    /// The daemon could not be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
}

fn list(candidates: &[(SessionId, Option<String>)]) -> String {
    candidates.iter().map(|(id, title)| format!("\n  {id}  {}", title.as_deref().unwrap_or(""))).collect()
}

impl Client {
    /// Finds the session that a person means.
    ///
    /// # Errors
    /// [`FindError`].
    pub async fn find_session(&self, name: &str) -> Result<Session, FindError> {
        if let Ok(id) = name.parse::<SessionId>() {
            match self.session(&id).await {
                Err(error) if error.code() == Some(ErrorCode::NotFound) => {}
                other => return Ok(other?),
            }
        }
        let mut found = Vec::new();
        let mut filter =
            SessionFilter { archived: Some("any".into()), limit: Some(PAGE), ..Default::default() };
        for _ in 0..MOST_PAGES {
            let page = self.sessions(&filter).await?;
            found.extend(page.items.into_iter().filter(|s| matches(s, name)));
            match page.next {
                Some(next) => filter.cursor = Some(next),
                None => break,
            }
        }
        match found.len() {
            0 => Err(FindError::None { name: name.to_owned() }),
            1 => Ok(self.session(&found.remove(0).id).await?),
            _ => {
                let candidates = found.into_iter().take(MOST_CANDIDATES).map(|s| (s.id, s.title)).collect();
                Err(FindError::Ambiguous { name: name.to_owned(), candidates })
            }
        }
    }
}

fn matches(session: &Session, name: &str) -> bool {
    let id = session.id.as_str();
    let short = id.strip_prefix(SessionId::PREFIX).unwrap_or(id);
    !name.is_empty()
        && (id.starts_with(name) || short.starts_with(name) || session.title.as_deref() == Some(name))
}
