//! The terminal: a screen with a bottom that never mixes with the output, keys, and a line editor.

mod edit;
mod keys;
mod raw;
mod screen;

pub(crate) use edit::{Edit, LineEdit};
pub(crate) use keys::{Key, Keys};
pub(crate) use screen::Screen;

/// Columns of the terminal at standard output; none if it is none.
pub(crate) fn columns() -> Option<usize> {
    size().map(|(columns, _)| columns)
}

/// Columns and rows of the terminal at standard output.
pub(crate) fn size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    let given = (usize::from(size.ws_col), usize::from(size.ws_row));
    // A terminal that does not know its size says 0.
    Some(if given.0 == 0 { (80, 24) } else { given })
}

/// Whether standard output is a terminal.
pub(crate) fn stdout_is_terminal() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stdout())
}
