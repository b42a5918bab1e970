use std::sync::{Arc, Mutex};

use super::*;

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A terminal that knows what the screen uses: text, wrapping, and the few codes.
struct Terminal {
    columns: usize,
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Terminal {
    fn show(columns: usize, bytes: &[u8]) -> String {
        let mut t = Self { columns, rows: vec![vec![]], row: 0, column: 0 };
        let text = std::str::from_utf8(bytes).unwrap();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            match c {
                '\r' => t.column = 0,
                // As the kernel gives it to a terminal.
                '\n' => {
                    t.column = 0;
                    t.down();
                }
                '\u{1b}' => t.code(&mut rest),
                c => t.put(c),
            }
        }
        let lines: Vec<String> = t.rows.iter().map(|r| r.iter().collect::<String>()).collect();
        lines.join("\n").trim_end().to_owned()
    }

    fn down(&mut self) {
        self.row += 1;
        if self.row == self.rows.len() {
            self.rows.push(vec![]);
        }
    }

    fn put(&mut self, c: char) {
        if self.column == self.columns {
            self.column = 0;
            self.down();
        }
        let row = &mut self.rows[self.row];
        row.resize(row.len().max(self.column + 1), ' ');
        row[self.column] = c;
        self.column += 1;
    }

    fn code(&mut self, rest: &mut std::str::Chars<'_>) {
        let code: String = rest.by_ref().skip(1).take_while_inclusive();
        let (n, letter) = code.split_at(code.len() - 1);
        let n = n.parse().unwrap_or(1);
        match letter {
            "A" => self.row -= n,
            "C" => self.column += n,
            "J" => {
                self.rows.truncate(self.row + 1);
                self.rows[self.row].truncate(self.column);
            }
            _ => {}
        }
    }
}

trait TakeWhileInclusive {
    fn take_while_inclusive(self) -> String;
}

impl<I: Iterator<Item = char>> TakeWhileInclusive for I {
    fn take_while_inclusive(self) -> String {
        let mut out = String::new();
        for c in self {
            out.push(c);
            if c.is_ascii_alphabetic() {
                break;
            }
        }
        out
    }
}

fn screen(columns: usize) -> (Screen, Sink) {
    let sink = Sink::default();
    (Screen::new(Box::new(sink.clone()), Some(Box::new(move || columns))), sink)
}

fn bottom(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("bottom {i}")).collect()
}

#[test]
fn the_bottom_stands_below_open_and_closed_lines() {
    let (mut screen, sink) = screen(20);
    let shown = || Terminal::show(20, &sink.0.lock().unwrap());
    screen.set_bottom(bottom(2)).unwrap();
    assert_eq!(shown(), "bottom 0\nbottom 1");
    screen.print("open li").unwrap();
    assert_eq!(shown(), "open li\nbottom 0\nbottom 1");
    screen.print("ne\n").unwrap();
    assert_eq!(shown(), "open line\nbottom 0\nbottom 1");
    screen.set_bottom(bottom(1)).unwrap();
    screen.print("\x1b[2mdim\x1b[0m").unwrap();
    assert_eq!(shown(), "open line\ndim\nbottom 0");
    screen.finish().unwrap();
    assert_eq!(shown(), "open line\ndim");
}

#[test]
fn the_output_is_the_same_with_and_without_a_bottom_wherever_it_is_cut() {
    let text = "twelve chars and then some more\n\nzwölf, exactly 8\n12345678\nend";
    for columns in [4, 8, 11, 80] {
        let whole = Terminal::show(columns, text.as_bytes());
        for step in [1, 3, 8] {
            let (mut screen, sink) = screen(columns);
            screen.set_bottom(vec!["·".into()]).unwrap();
            let chars: Vec<char> = text.chars().collect();
            for piece in chars.chunks(step) {
                screen.print(&piece.iter().collect::<String>()).unwrap();
            }
            screen.finish().unwrap();
            assert_eq!(
                Terminal::show(columns, &sink.0.lock().unwrap()),
                whole,
                "{columns} columns, by {step}"
            );
        }
    }
}

#[test]
fn what_is_no_terminal_gets_the_output_alone() {
    let sink = Sink::default();
    let mut screen = Screen::new(Box::new(sink.clone()), None);
    screen.set_bottom(bottom(1)).unwrap();
    screen.print("a\nb").unwrap();
    screen.finish().unwrap();
    assert_eq!(String::from_utf8(sink.0.lock().unwrap().clone()).unwrap(), "a\nb\n");
}

#[test]
fn a_bottom_line_is_cut_to_the_screen() {
    assert_eq!(fit("\x1b[2mabcdef\x1b[0m", 3), "\x1b[2mabc\x1b[0m");
    assert_eq!(fit("日本", 3), "日\x1b[0m");
}
