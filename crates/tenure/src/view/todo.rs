//! The agent's list of things to do: whole when it is new, then only what is done.

use tenure_event::{Todo, TodoStatus};

use crate::style::Style;
use crate::text::one_line;

const MOST: usize = 30;
const WIDEST: usize = 160;

/// What to show after the list changed from `before` to `now`.
pub(crate) fn changed(style: Style, before: &[Todo], now: &[Todo]) -> String {
    let same_items = before.len() == now.len() && before.iter().zip(now).all(|(b, n)| b.content == n.content);
    let done = now.iter().filter(|t| t.status == TodoStatus::Completed).count();
    let mut out = String::new();
    let shown = now.iter().enumerate().filter(|(i, t)| {
        !same_items || (t.status == TodoStatus::Completed && before[*i].status != TodoStatus::Completed)
    });
    for (i, todo) in shown.take(MOST) {
        let words = one_line(&todo.content, WIDEST);
        let line = match todo.status {
            TodoStatus::Completed => format!("{} {}", style.green("☑"), style.dim(&words)),
            TodoStatus::InProgress => format!("{} {words}", style.cyan("▸")),
            TodoStatus::Cancelled => format!("{} {}", style.dim("☒"), style.dim(&words)),
            TodoStatus::Pending => format!("{} {words}", style.dim("☐")),
        };
        let count = if same_items { style.dim(&format!("  {done}/{}", now.len())) } else { String::new() };
        let _ = i;
        out.push_str(&format!("{line}{count}\n"));
    }
    if !same_items && now.len() > MOST {
        out.push_str(&format!("{}\n", style.dim(&format!("… {} more", now.len() - MOST))));
    }
    out
}
