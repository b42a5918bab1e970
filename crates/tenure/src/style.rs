//! Colours, or their absence. The only place that writes colour codes.

/// Whether and how text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    colour: bool,
}

impl Style {
    /// Colours for a terminal, unless the environment says otherwise.
    pub(crate) fn for_terminal(is_terminal: bool) -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
        let dumb = set("TERM").is_none_or(|t| t == "dumb");
        Self { colour: is_terminal && !dumb && set("NO_COLOR").is_none() }
    }

    /// Never any colour.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { colour: false };
    /// Always.
    #[cfg(test)]
    pub(crate) const COLOURED: Self = Self { colour: true };

    /// Text with codes around it; each line has its own, so that a line can be shown alone.
    fn paint(self, codes: &str, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let line = |l: &str| if l.is_empty() { String::new() } else { format!("\x1b[{codes}m{l}\x1b[0m") };
        text.split('\n').map(line).collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }
    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }
    pub(crate) fn thought(self, text: &str) -> String {
        self.paint("2;3", text)
    }
    pub(crate) fn red(self, text: &str) -> String {
        self.paint("31", text)
    }
    pub(crate) fn green(self, text: &str) -> String {
        self.paint("32", text)
    }
    pub(crate) fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }
    pub(crate) fn cyan(self, text: &str) -> String {
        self.paint("36", text)
    }
    pub(crate) fn ask(self, text: &str) -> String {
        self.paint("1;33", text)
    }
    /// A block that stands for the cursor.
    pub(crate) fn inverse(self, text: &str) -> String {
        if self.colour { self.paint("7", text) } else { format!("\x1b[7m{text}\x1b[0m") }
    }
}
