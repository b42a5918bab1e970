//! A session is forked: there is one child, which knows what was said, and its parent tells of it once.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::picture::{Picture, furnish};
use super::repo::Repo;
use super::{Doer, Done, REFUSED_FOR, Stop, expect};
use crate::crash::daemon::Place;

impl Doer<'_> {
    pub(super) fn forks(&mut self, place: &Place, id: &str) -> Done {
        let dir = place.workspace(id);
        furnish(&dir, "shared")?;
        let repo = Repo::new(&dir)?;
        self.create(place, id, json!({"cwd": dir.to_string_lossy()}))?;
        if !self.say_until_heard(id, "hello")? {
            return self.destroy(id);
        }
        let child = format!("{id}-child");
        // Whoever wants a point passed wants it all.
        let files = if self.is_wanted().is_some() || self.dice.chance(60) { "copy" } else { "worktree" };
        let body = json!({"id": child, "files": files});
        let made = self.insist("POST", &format!("/v1/sessions/{id}/fork"), Some(&body), None, &[])?.json();
        self.once(id, "session.forked", "child", &child);
        let there = made["cwd"].as_str().unwrap_or_default();
        let mut pictures = (Picture::of(&dir)?, Picture::of(Path::new(there))?);
        if files == "worktree" {
            // Git keeps less of them.
            pictures = (pictures.0.without_modes(), pictures.1.without_modes());
        }
        let (ours, theirs) = pictures;
        expect(ours == theirs, || format!("{there} differs in {}", ours.difference(&theirs)))?;
        let heard = self.say_until_heard(&child, "hello again")?;
        expect(heard, || format!("{child} ends no turn well"))?;
        let said = self.get(&format!("/v1/sessions/{child}/messages"))?;
        let said = said["items"].as_array().map_or(0, Vec::len);
        expect(said >= 4, || format!("{child} knows only {said} messages"))?;
        self.parent_knows(id, &child)?;
        self.destroy(&child)?;
        self.destroy(id)?;
        self.is_alone(&repo)
    }

    /// It is told in the background.
    fn parent_knows(&mut self, id: &str, child: &str) -> Done {
        let path = format!("/v1/sessions/{id}/events?types=session.forked");
        let until = Instant::now() + REFUSED_FOR;
        while Instant::now() < until {
            if self.get(&path)?["items"].as_array().is_some_and(|items| !items.is_empty()) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(Stop::Fault(format!("{id} never tells of its fork {child}")))
    }
}
