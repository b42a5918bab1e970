//! How a conversation is taken up, by what the agent has kept of it. An agent that lets its host choose the id writes
//! nothing before the first prompt, and refuses to continue what it has not written, or to begin what it has.

use tenure_core::agent::{Back, Fork, ResumeHow};

/// What is asked of the agent. `fork` is how the conversation was begun, if it is a fork; `kept` tells whether the agent
/// has kept a conversation, where that can be told.
pub(super) fn as_kept(
    resume: ResumeHow,
    fork: Option<&Fork>,
    kept: impl Fn(&str) -> Option<bool>,
) -> ResumeHow {
    match resume {
        ResumeHow::Resume(id) if kept(&id) == Some(false) => again(id, None, fork),
        ResumeHow::Back(Back { id, point }) if kept(&id) == Some(false) => again(id, Some(point), fork),
        // Made by a process of which nothing more was heard.
        ResumeHow::Fork(Fork { chosen: Some(id), point, .. }) if kept(&id) == Some(true) => match point {
            Some(point) => ResumeHow::Back(Back { id, point }),
            None => ResumeHow::Resume(id),
        },
        other => other,
    }
}

/// Nothing was kept: it is begun again, with the id that is known.
fn again(id: String, point: Option<tenure_core::agent::Point>, fork: Option<&Fork>) -> ResumeHow {
    match fork {
        Some(fork) => ResumeHow::Fork(Fork {
            point: point.or_else(|| fork.point.clone()),
            chosen: Some(id),
            from: fork.from.clone(),
        }),
        None => ResumeHow::NewAs(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_core::agent::Point;

    #[test]
    fn what_was_not_kept_is_begun_again() {
        let id = || "a".to_owned();
        let point = |kept: &str| Point { kept: vec![kept.to_owned()] };
        let fork = |point| Fork { from: "p".to_owned(), point, chosen: Some(id()) };
        let back = |point| ResumeHow::Back(Back { id: id(), point });
        let one = fork(Some(point("1")));
        for (asked, of, kept, said) in [
            (ResumeHow::Resume(id()), None, Some(true), ResumeHow::Resume(id())),
            (ResumeHow::Resume(id()), None, Some(false), ResumeHow::NewAs(id())),
            (ResumeHow::Resume(id()), None, None, ResumeHow::Resume(id())),
            (ResumeHow::Resume(id()), Some(&one), Some(false), ResumeHow::Fork(one.clone())),
            (back(point("2")), Some(&one), Some(false), ResumeHow::Fork(fork(Some(point("2"))))),
            (back(point("2")), Some(&one), Some(true), back(point("2"))),
            (ResumeHow::Fork(one.clone()), Some(&one), Some(true), back(point("1"))),
            (ResumeHow::Fork(fork(None)), None, Some(true), ResumeHow::Resume(id())),
            (ResumeHow::Fork(one.clone()), Some(&one), Some(false), ResumeHow::Fork(one.clone())),
            (ResumeHow::New, None, Some(false), ResumeHow::New),
        ] {
            assert_eq!(as_kept(asked.clone(), of, |_| kept), said, "{asked:?} {kept:?}");
        }
    }
}
