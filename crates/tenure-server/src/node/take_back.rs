//! Where a conversation is to be taken back to, in the words of the machine. That it is done is the machine's business.

use tenure_api::{Problem, RewindScope, RewindTo};
use tenure_core::agent::Point;
use tenure_core::machine::Cut;
use tenure_event::SessionId;

use super::Node;
use crate::story::{self, NoCut, Story};

impl Node {
    /// The cut, if what was said is to be taken back at all. `Ok(Err(…))` says why there is none.
    pub(super) async fn cut_for(
        &self,
        id: &SessionId,
        to: &RewindTo,
        scope: RewindScope,
    ) -> Result<Result<Option<Cut>, String>, Problem> {
        if scope == RewindScope::Files {
            return Ok(Ok(None));
        }
        let state = self.state_of(id).await?;
        let agent = &state.spec.agent;
        if let Some(why) = self.why_not(&state, "rewind") {
            return Err(Problem::unsupported(agent, "rewind", &why).about(id));
        }
        let cut = match Story::read(&self.shared.log, id).await?.cut(to) {
            Ok(cut) => cut,
            Err(NoCut::Unknown) => return Err(story::unknown(id, "to", to)),
            Err(NoCut::Within(why)) => return Err(Problem::unsupported(agent, "rewind", &why).about(id)),
            Err(NoCut::Not(why)) => return Ok(Err(why)),
        };
        if cut.removed.is_empty() {
            let none = "nothing was said after it, so there is nothing to take back".to_owned();
            return Ok(if scope == RewindScope::Both { Ok(None) } else { Err(none) });
        }
        if cut.keeps && cut.kept.is_empty() {
            let why = "the agent gave no name to anything that was said there";
            return Err(Problem::unsupported(agent, "rewind", why).about(id));
        }
        let point = cut.keeps.then_some(Point { kept: cut.kept });
        Ok(Ok(Some(Cut::new(story::id_of(to).to_owned(), cut.seq, point, cut.removed))))
    }
}
