//! The line below the output: what the session does at this moment.

use tenure_event::{Activity, ActivityState, ContextUse, Lifecycle, Timestamp, Usage, WaitReason};

use crate::style::Style;
use crate::text::{self, one_line};

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// What the status line tells.
#[derive(Debug, Clone, Default)]
pub(crate) struct Status {
    pub(crate) activity: Option<Activity>,
    /// How far its life has come; none before the first event.
    pub(crate) lifecycle: Option<Lifecycle>,
    pub(crate) turn_since: Option<Timestamp>,
    pub(crate) usage: Option<Usage>,
    pub(crate) context: Option<ContextUse>,
    /// The tool that runs, or what is to be done now.
    pub(crate) doing: Option<String>,
    pub(crate) queued: usize,
    pub(crate) tasks: u32,
    /// The daemon cannot be reached.
    pub(crate) lost: bool,
}

impl Status {
    /// The line at a time, in the `frame`-th frame of its spinner.
    pub(crate) fn line(&self, style: Style, now: Timestamp, frame: usize, hint: &str) -> String {
        let mut parts = vec![self.state(style, now, frame)];
        if let Some(doing) = &self.doing {
            parts.push(one_line(doing, 60));
        }
        parts.extend(self.figures());
        if self.queued > 0 {
            parts.push(format!("{} queued", self.queued));
        }
        if self.tasks > 0 {
            parts.push(text::plural(self.tasks as usize, "task"));
        }
        if !hint.is_empty() {
            parts.push(hint.to_owned());
        }
        let first = parts.remove(0);
        let rest: String = parts.iter().map(|p| format!(" · {p}")).collect();
        format!("{first}{}", style.dim(&rest))
    }

    fn state(&self, style: Style, now: Timestamp, frame: usize) -> String {
        if self.lost {
            return style.yellow("… looking for the daemon");
        }
        let Some(activity) = &self.activity else { return self.without_activity(style) };
        let since = self.turn_since.unwrap_or(activity.since);
        let elapsed = text::age(now.millis_since(since));
        let elapsed = if elapsed == "now" { String::new() } else { format!(" {elapsed}") };
        match activity.state {
            ActivityState::Idle => style.dim("idle"),
            ActivityState::Waiting => {
                style.yellow(&format!("? waiting for {}{elapsed}", waits_for(activity)))
            }
            ActivityState::Stalled => {
                let since = text::age(now.millis_since(activity.since));
                style.yellow(&format!("! no sign of life for {since} (`tenure kill` always works)"))
            }
            state => {
                let spinner = SPINNER[frame % SPINNER.len()];
                format!("{} {}{elapsed}", style.cyan(spinner), state.as_str())
            }
        }
    }

    /// Only a live session does something.
    fn without_activity(&self, style: Style) -> String {
        match self.lifecycle {
            None | Some(Lifecycle::Creating | Lifecycle::Live) => style.dim("… starting"),
            Some(Lifecycle::Suspended) => style.dim("suspended; an input brings it back"),
            Some(Lifecycle::Closed) => style.dim("closed; `tenure resume` opens it again"),
            Some(Lifecycle::Failed) => style.red("failed"),
            Some(other) => style.dim(other.as_str()),
        }
    }

    fn figures(&self) -> Option<String> {
        if let Some(context) = self.context {
            let max = context.max.map(|max| format!("/{}", text::count(max))).unwrap_or_default();
            return Some(format!("{}{max} tokens", text::count(context.used)));
        }
        let usage = self.usage.filter(|u| u.input_tokens + u.output_tokens > 0)?;
        Some(format!("{} in {} out", text::count(usage.input_tokens), text::count(usage.output_tokens)))
    }
}

/// What a waiting session waits for, in words.
pub(crate) fn waits_for(activity: &Activity) -> &'static str {
    match activity.reason {
        Some(WaitReason::Permission) => "your permission",
        Some(WaitReason::Question | WaitReason::Elicitation) => "your answer",
        Some(WaitReason::Plan) => "your approval of the plan",
        Some(WaitReason::RateLimit) => "the provider's rate limit",
        Some(WaitReason::Auth) => "the agent to be logged in",
        Some(WaitReason::Retry) => "another try of a failed model call",
        Some(WaitReason::Other(_)) | None => "something outside the agent",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_without_an_activity_says_where_its_life_is() {
        let line = |lifecycle| {
            let status = Status { lifecycle, ..Status::default() };
            status.line(Style::PLAIN, Timestamp::from_millis(0), 0, "")
        };
        assert_eq!(line(None), "… starting");
        assert_eq!(line(Some(Lifecycle::Creating)), "… starting");
        assert!(line(Some(Lifecycle::Closed)).starts_with("closed"));
        assert!(line(Some(Lifecycle::Suspended)).starts_with("suspended"));
        assert_eq!(line(Some(Lifecycle::Failed)), "failed");
    }
}
