//! What is looked at, how, and until when; and what is drawn below the output.

use tenure_client::{Client, Followed};
use tenure_event::{InputId, SessionId, Timestamp};

use super::Desk;
use crate::style::Style;
use crate::term::{Keys, LineEdit, Screen};
use crate::view::Transcript;

/// When looking ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Goal {
    /// With the turn that serves this input.
    Input(InputId),
    /// When the person leaves.
    Never,
}

/// Sees everything that comes, before it is shown; what it returns is shown as a note.
pub(crate) type Observer = Box<dyn FnMut(&Followed) -> Option<String> + Send>;

/// One look at one session.
pub(crate) struct Look {
    pub(crate) client: Client,
    pub(crate) session: SessionId,
    /// The last event that is known already.
    pub(crate) after: u64,
    pub(crate) goal: Goal,
    /// The first Ctrl-C interrupts the turn; else it leaves at once.
    pub(crate) ctrl_c_interrupts: bool,
    /// Events as they are stored, nothing else.
    pub(crate) json: bool,
    /// Nobody is there to answer asks: they are allowed, with a note.
    pub(crate) answers_itself: bool,
    /// With `json`: ephemeral events too.
    pub(crate) deltas: bool,
    pub(crate) style: Style,
    pub(crate) transcript: Transcript,
    pub(crate) screen: Screen,
    /// A person's keys, if there is a person.
    pub(crate) keys: Option<Keys>,
    pub(crate) desk: Desk,
    /// Where inputs are written, if they may be.
    pub(crate) line: Option<LineEdit>,
    pub(crate) observer: Option<Observer>,
}

impl Look {
    /// A look at a session from after an event on. With keys, asks are answered in place.
    pub(crate) fn new(client: Client, session: SessionId, cwd: &str, after: u64, keys: Option<Keys>) -> Self {
        let style = Style::for_terminal(crate::term::stdout_is_terminal());
        Self {
            client,
            session,
            after,
            goal: Goal::Never,
            ctrl_c_interrupts: false,
            json: false,
            answers_itself: false,
            deltas: false,
            style,
            transcript: Transcript::new(style, cwd, keys.is_some()),
            screen: Screen::stdout(),
            keys,
            desk: Desk::default(),
            line: None,
            observer: None,
        }
    }

    /// The lines below the output at a time.
    pub(super) fn bottom(&self, now: Timestamp, frame: usize) -> Vec<String> {
        let columns = crate::term::columns().unwrap_or(80);
        let hint = match (self.ctrl_c_interrupts, self.line.is_some()) {
            (true, _) => "Ctrl-C interrupts",
            (false, true) => "Enter sends, Ctrl-C leaves",
            (false, false) => "Ctrl-C leaves",
        };
        let status = self.transcript.status().line(self.style, now, frame, hint);
        let mut lines = vec![String::new(), status];
        if self.desk.is_asking() && self.keys.is_some() {
            lines.extend(self.desk.prompt(self.style, columns));
        } else if let Some(line) = &self.line {
            lines.push(format!(
                "{} {}",
                self.style.cyan("›"),
                line.view(self.style, columns.saturating_sub(4))
            ));
        }
        lines
    }
}
