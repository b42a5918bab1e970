//! Tables of plain cells: columns as wide as they must be, the last one cut to the terminal.

use crate::style::Style;
use crate::text::{cut, width};

/// A table with a heading; every row has as many cells.
pub(crate) struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

const GAP: usize = 2;

impl Table {
    pub(crate) fn new(heads: &[&'static str]) -> Self {
        Self { heads: heads.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as text. With a width, the widest of the `flexible` columns give way until it fits.
    pub(crate) fn render(&self, style: Style, max_width: Option<usize>, flexible: &[usize]) -> String {
        let mut widths: Vec<usize> = self.heads.iter().map(|h| width(h)).collect();
        for row in &self.rows {
            for (w, cell) in widths.iter_mut().zip(row) {
                *w = (*w).max(width(cell));
            }
        }
        if let Some(max) = max_width {
            fit(&mut widths, max, flexible);
        }
        let mut out = String::new();
        let heads: Vec<String> = self.heads.iter().map(|h| style.dim(h)).collect();
        for row in std::iter::once(&heads).chain(&self.rows) {
            push_row(&mut out, row, &widths);
        }
        out
    }
}

fn fit(widths: &mut [usize], max: usize, flexible: &[usize]) {
    const NARROWEST: usize = 8;
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > max {
        let widest = flexible.iter().copied().filter(|&i| i < widths.len()).max_by_key(|&i| widths[i]);
        match widest {
            Some(i) if widths[i] > NARROWEST => widths[i] -= 1,
            _ => return,
        }
    }
}

fn push_row(out: &mut String, row: &[String], widths: &[usize]) {
    let mut line = String::new();
    for (cell, &w) in row.iter().zip(widths) {
        // Cells with colour codes are short by construction and never cut.
        let cell = if cell.contains('\u{1b}') { cell.clone() } else { cut(cell, w) };
        let pad = w.saturating_sub(width(&cell)) + GAP;
        line.push_str(&cell);
        line.push_str(&" ".repeat(pad));
    }
    out.push_str(line.trim_end());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_the_flexible_one_gives_way() {
        let mut table = Table::new(&["ID", "TITLE", "AGE"]);
        table.row(["a1".into(), "日本 and a title that goes on".into(), "3 min".into()]);
        table.row(["b22".into(), "short".into(), "now".into()]);
        let text = table.render(Style::PLAIN, Some(26), &[1]);
        assert_eq!(text, "ID   TITLE           AGE\na1   日本 and a ti…  3 min\nb22  short           now\n");
        let wide = table.render(Style::PLAIN, None, &[1]);
        assert!(wide.contains("日本 and a title that goes on  3 min\n"), "{wide}");
    }
}
