//! The past, as the daemon serves it: an index over what agents left on disk and over our own sessions, kept up to date
//! by one thread of low priority, and connections that read it.
//!
//! It is a side of the daemon that may fail alone: without it lists of the past, search and usage answer with an error,
//! and no session notices. What is in the index is read by `tenure_history` and kept by `tenure_index`; nothing is
//! written to an agent's files.

mod bell;
mod held;
mod keep;
mod own;
mod places;
mod watch;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tenure_api::{ErrorCode, HistoryWarning, IndexState, Problem};
use tenure_event::Timestamp;
use tenure_history::{Found, ReadError, Reader, Roots};
use tenure_index::{Index, IndexError, Looker, Opened, Prices, Round};
use tenure_log::EventLog as _;
use tokio::sync::watch::Sender;

use crate::config::Config;
use crate::node::{Node, RecordRoot};

use bell::Bell;
use held::{Held, Named};
use keep::Keeper;
use own::{Elsewhere, Noting, Own};

/// Connections that are kept for the next question.
const LOOKERS: usize = 4;
/// How often growth of our own log is noticed.
const NOTICE: Duration = Duration::from_millis(500);
/// How far back our own sessions are looked at again: lists of them lag behind what they say.
const LAG_SECONDS: i64 = 120;
/// Warnings that are told.
const WARNINGS: usize = 100;
/// Files that are known to have changed, at most; of more everything is looked at.
const NEAR: usize = 1_000;
/// Homes of agents that sessions brought along, at most.
const HOMES: usize = 200;

/// The past of one node.
pub(crate) struct History {
    node: Arc<Node>,
    /// None where the file cannot be made; why was logged.
    index: Option<Index>,
    lookers: Mutex<Vec<Looker>>,
    state: Mutex<State>,
    bell: Bell,
    /// Files that have changed since the keeper looked.
    near: Mutex<BTreeSet<PathBuf>>,
    /// What our sessions say of conversations that their agents keep.
    held: Held,
    /// Held while the index's file is another one's for a moment.
    remaking: RwLock<()>,
    /// There is a keeper.
    kept: AtomicBool,
    runtime: tokio::runtime::Handle,
    /// When the last whole look began.
    looked: Sender<Timestamp>,
}

#[derive(Default)]
struct State {
    busy: bool,
    /// Changes are taken up of which not all is read yet.
    behind: bool,
    looked_at: Option<Timestamp>,
    warnings: Vec<HistoryWarning>,
    /// Our own sessions were all looked at then.
    own_seen: Option<Timestamp>,
    /// Where sessions with an environment of their own have their agents' records.
    homes: BTreeSet<RecordRoot>,
    /// There are new ones, of which nothing was read yet.
    new_homes: bool,
}

impl History {
    /// Opens the index of a home. Nothing is read until [`keep`](Self::keep).
    pub(crate) fn open(node: Arc<Node>) -> Arc<Self> {
        let index = match Index::open(&node.home().join("search.db")) {
            Ok((index, Opened::Kept | Opened::Anew(None))) => Some(index),
            Ok((index, Opened::Anew(Some(why)))) => {
                tracing::warn!(why, "the index of the past was of no use and is made anew");
                Some(index)
            }
            Err(error) => {
                tracing::warn!(%error, "there will be no list of the past, no search and no usage");
                None
            }
        };
        Arc::new(Self {
            node,
            index,
            lookers: Mutex::default(),
            state: Mutex::default(),
            bell: Bell::default(),
            near: Mutex::default(),
            held: Held::default(),
            remaking: RwLock::default(),
            kept: AtomicBool::new(false),
            runtime: tokio::runtime::Handle::current(),
            looked: Sender::default(),
        })
    }

    /// Begins to keep the index up to date, on a thread of its own that ends after [`stop`](Self::stop).
    pub(crate) fn keep(self: &Arc<Self>) -> Option<std::thread::JoinHandle<()>> {
        if self.kept.swap(true, Ordering::Relaxed) {
            return None;
        }
        let keeper = Keeper::new(Arc::clone(self));
        let thread = std::thread::Builder::new().name("history".to_owned()).spawn(move || keeper.run());
        thread.inspect_err(|error| tracing::warn!(%error, "the past will not be read")).ok()
    }

    /// Tells the keeper of what our own sessions say, until the daemon stops.
    pub(crate) async fn follow_the_log(self: Arc<Self>, stopping: tokio_util::sync::CancellationToken) {
        let mut tail = self.node.log().tail_all();
        let growth = async {
            while tail.changed().await.is_ok() {
                let begun = Instant::now();
                self.grown().await;
                // With very many sessions at work: a tenth of the time, as everything that is looked at here.
                tokio::time::sleep(NOTICE.max(keep::rest_after(begun.elapsed()))).await;
            }
        };
        let _ = stopping.run_until_cancelled(growth).await;
    }

    /// Our own log has grown.
    async fn grown(self: &Arc<Self>) {
        // All of ours are looked at the first time.
        let is_known = self.state.lock().unwrap_or_else(PoisonError::into_inner).own_seen.is_some();
        self.bell.ring(|asked| if is_known { asked.near = true } else { asked.changed = true });
        match self.held.look(&self.node).await {
            Ok(changed) if !changed.is_empty() => match self.files_of(changed).await {
                Ok(files) => self.changed_at(files),
                Err(_) => self.changed(),
            },
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "what sessions say of the past is looked at later"),
        }
    }

    /// Hears of what our sessions say, for a look at everything.
    fn hear_of_ours(&self) {
        if let Err(error) = self.runtime.block_on(self.held.look(&self.node)) {
            tracing::debug!(%error, "what sessions say of the past is looked at later");
        }
    }

    /// The files of conversations, of those that are listed.
    async fn files_of(self: &Arc<Self>, all: Vec<Named>) -> Result<Vec<PathBuf>, Problem> {
        self.ask(move |looker| {
            let listed = all.iter().map(|(agent, id)| looker.conversation(agent, id));
            let paths =
                listed.map(|found| Ok::<_, IndexError>(found?.map(|listed| listed.conversation.path)));
            paths.filter_map(Result::transpose).collect()
        })
        .await
    }

    fn config(&self) -> Arc<Config> {
        self.node.config()
    }

    /// What the readers are to look at.
    fn roots(&self) -> Roots {
        let var = |name: &str| std::env::var_os(name).map(PathBuf::from);
        // A daemon without a home has no past but its own.
        let mut roots = var("HOME").map_or_else(Roots::default, |home| Roots::of_user(&home, &var));
        let history = &self.config().history;
        let named = [
            (&mut roots.claude, &history.claude),
            (&mut roots.codex, &history.codex),
            (&mut roots.pi, &history.pi),
            (&mut roots.opencode, &history.opencode),
            (&mut roots.goose, &history.goose),
        ];
        let mut given_by_name = BTreeSet::new();
        for ((place, given), agent) in named.into_iter().zip(["claude", "codex", "pi", "opencode", "goose"]) {
            if let Some(roots) = &given.roots {
                place.clone_from(roots);
                given_by_name.insert(agent);
            }
        }
        let configured = self.node.record_roots().into_iter();
        let homes = self.state.lock().unwrap_or_else(PoisonError::into_inner).homes.clone();
        let more = configured.filter(|(agent, _)| !given_by_name.contains(agent.as_str())).chain(homes);
        more.for_each(|(agent, root)| roots.add(&agent, root));
        roots
    }

    /// Takes note of where a session's agent keeps its records.
    fn note_home(&self, home: RecordRoot) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.homes.len() < HOMES && state.homes.insert(home) {
            state.new_homes = true;
        }
    }

    /// The readers of what agents keep, which note what they find, and ours.
    fn readers(self: &Arc<Self>, elsewhere: &Elsewhere) -> Vec<Box<dyn Reader>> {
        let said = self.held.words();
        let noting = |inner| {
            Box::new(Noting { inner, found: Arc::clone(elsewhere), said: Arc::clone(&said) })
                as Box<dyn Reader>
        };
        let mut readers: Vec<_> = tenure_history::readers(&self.roots()).into_iter().map(noting).collect();
        // Behind the others, so that it knows what they found.
        readers.push(Box::new(self.own(Arc::clone(elsewhere))));
        readers
    }

    fn own(self: &Arc<Self>, elsewhere: Elsewhere) -> Own {
        let since = self.state.lock().unwrap_or_else(PoisonError::into_inner).own_seen;
        Own {
            history: Arc::clone(self),
            node: Arc::clone(&self.node),
            runtime: self.runtime.clone(),
            elsewhere,
            since,
        }
    }

    /// Whether a conversation that is listed is a session of ours that nobody else keeps: its native id is the session's then. Ids
    /// tell nothing: clients choose some, and OpenCode's begin as ours do.
    pub(crate) fn is_own(&self, path: &Path) -> bool {
        path == own::path(self.node.home())
    }

    /// The reader of a conversation that is listed.
    pub(crate) fn reader_of(self: &Arc<Self>, found: &Found) -> Option<Box<dyn Reader>> {
        if self.is_own(&found.path) {
            return Some(Box::new(self.own(Elsewhere::default())));
        }
        tenure_history::readers(&self.roots()).into_iter().find(|reader| reader.agent() == found.agent)
    }

    /// Runs a question on a connection of its own, off the runtime's threads.
    pub(crate) async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        question: impl FnOnce(&mut Looker) -> Result<T, IndexError> + Send + 'static,
    ) -> Result<T, Problem> {
        let history = Arc::clone(self);
        let asked = tokio::task::spawn_blocking(move || {
            let mut looker = history.looker()?;
            let answer = question(&mut looker).map_err(|error| of_index(&error));
            if answer.is_ok() {
                let mut lookers = history.lookers.lock().unwrap_or_else(PoisonError::into_inner);
                if lookers.len() < LOOKERS {
                    lookers.push(looker);
                }
            }
            answer
        });
        asked.await.map_err(|error| Problem::new(ErrorCode::Internal, error.to_string()))?
    }

    fn looker(&self) -> Result<Looker, Problem> {
        let none = || {
            Problem::new(
                ErrorCode::Storage,
                "the index of the past cannot be made; the daemon's log says why",
            )
        };
        let index = self.index.as_ref().ok_or_else(none)?;
        let _is_whole = self.remaking.read().unwrap_or_else(PoisonError::into_inner);
        let waiting = self.lookers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match waiting.filter(|looker| looker.stands(index)) {
            Some(looker) => Ok(looker),
            // It may have been removed under our hands: a look makes it anew.
            None => index.looker().inspect_err(|_| self.changed()).map_err(|error| of_index(&error)),
        }
    }

    /// Whether the configuration wants the past to be read.
    pub(crate) fn is_enabled(&self) -> bool {
        self.config().history.enabled
    }

    /// How far the index is.
    pub(crate) async fn index_state(self: &Arc<Self>) -> Result<IndexState, Problem> {
        Ok(self.state_of(self.ask(|looker| looker.counts()).await?))
    }

    /// The same, where what [`Looker::counts`] tells is known.
    pub(crate) fn state_of(&self, (conversations, read): (u64, u64)) -> IndexState {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (enabled, asked) = (self.is_enabled(), self.bell.asked());
        let waits = asked.changed || asked.near || asked.rebuild || state.behind || state.looked_at.is_none();
        IndexState {
            enabled,
            busy: state.busy,
            pending: enabled && waits,
            conversations,
            read,
            looked_at: state.looked_at,
            warnings: state.warnings.clone(),
        }
    }

    /// Waits until everything is read that was there when this was called, but no longer than `most`.
    pub(crate) async fn settle(&self, most: Duration) {
        let asked = crate::clock::now();
        let mut looked = self.looked.subscribe();
        self.changed();
        let _ = tokio::time::timeout(most, looked.wait_for(|began| *began >= asked)).await;
    }

    /// Prices, as the configuration has them.
    pub(crate) fn prices(&self) -> Prices {
        Prices::with(&self.config().usage.prices)
    }

    /// Throws everything away that was read and reads it again.
    pub(crate) fn rebuild(&self) {
        self.bell.ring(|asked| asked.rebuild = true);
    }

    /// Looks again soon.
    pub(crate) fn changed(&self) {
        self.bell.ring(|asked| asked.changed = true);
    }

    /// Looks at these files soon.
    fn changed_at(&self, files: Vec<PathBuf>) {
        let mut near = self.near.lock().unwrap_or_else(PoisonError::into_inner);
        near.extend(files);
        let too_many = near.len() > NEAR;
        if too_many {
            near.clear();
        }
        self.bell.ring(|asked| if too_many { asked.changed = true } else { asked.near = true });
    }

    /// Takes up what is known to have changed.
    fn take_near(&self) -> Vec<PathBuf> {
        let mut near = self.near.lock().unwrap_or_else(PoisonError::into_inner);
        self.bell.done(|asked| asked.near = false);
        std::mem::take(&mut *near).into_iter().collect()
    }

    /// Begins with an empty index.
    fn make_anew(&self, index: &Index) -> Result<(), IndexError> {
        let _nobody_else = self.remaking.write().unwrap_or_else(PoisonError::into_inner);
        index.make_anew()
    }

    /// Ends the keeper.
    pub(crate) fn stop(&self) {
        self.bell.ring(|asked| asked.stop = true);
    }

    /// What was told before this is seen by the look that begins now.
    fn began(&self) -> Timestamp {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.busy = true;
        self.bell.done(|asked| state.behind |= std::mem::take(&mut asked.changed));
        crate::clock::now()
    }

    /// A look at what is known to have changed begins or has ended.
    fn looks_near(&self, begins: bool) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).busy = begins;
    }

    fn ended(&self, began: Timestamp, round: Option<&Round>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.busy = false;
        let whole = round.is_some_and(|round| !round.broken_off);
        if whole {
            state.behind = false;
            self.looked.send_replace(began);
        }
        // What is in them may be listed as ours until it is read there.
        let again = std::mem::take(&mut state.new_homes);
        state.own_seen = (whole && !again).then(|| began.plus_millis(-LAG_SECONDS * 1000));
        if again {
            self.changed();
        }
        if let Some(round) = round.filter(|round| !round.broken_off) {
            state.looked_at = Some(crate::clock::now());
            state.warnings = round.warnings.iter().take(WARNINGS).map(shown).collect();
        }
    }
}

fn shown(warning: &tenure_history::Warning) -> HistoryWarning {
    let kind = serde_json::to_value(warning.kind).ok();
    HistoryWarning {
        path: warning.path.display().to_string(),
        offset: warning.offset,
        kind: kind.and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default(),
        detail: warning.detail.clone(),
    }
}

/// What a question about the past fails with.
fn of_index(error: &IndexError) -> Problem {
    let text = error.to_string();
    match error {
        IndexError::NoWords(_) => Problem::invalid("q", text),
        IndexError::Cursor(_) => Problem::invalid("cursor", text),
        IndexError::TooLong(_) => Problem::new(ErrorCode::Timeout, text),
        IndexError::Database(_) | IndexError::File { .. } | IndexError::Content(_) => {
            Problem::new(ErrorCode::Storage, text)
        }
    }
}

/// What reading a conversation fails with.
pub(crate) fn of_reading(error: &ReadError) -> Problem {
    let code = if matches!(error, ReadError::Gone { .. }) { ErrorCode::NotFound } else { ErrorCode::Storage };
    Problem::new(code, error.to_string())
}
