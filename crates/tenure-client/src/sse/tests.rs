use super::*;

fn read(pieces: &[&[u8]]) -> Result<Vec<(Option<String>, String, String)>, FrameError> {
    let mut reader = FrameReader::new(64);
    let mut frames = Vec::new();
    for piece in pieces {
        reader.feed(piece)?;
        while let Some(f) = reader.next_frame() {
            frames.push((f.id, f.event, f.data));
        }
    }
    Ok(frames)
}

fn frame(id: Option<&str>, event: &str, data: &str) -> (Option<String>, String, String) {
    (id.map(str::to_owned), event.to_owned(), data.to_owned())
}

#[test]
fn fields_lines_and_comments_are_read_as_the_format_says() {
    let text = b": hello\n\nid: 7\nevent: turn.started\ndata: {\"a\":1}\n\ndata:x\ndata:\ndata:  y\nretry: 5\nodd\n\nid: 9\n\n";
    let want = vec![frame(Some("7"), "turn.started", "{\"a\":1}"), frame(None, "message", "x\n\n y")];
    assert_eq!(read(&[text]), Ok(want));
}

#[test]
fn where_the_bytes_are_cut_makes_no_difference() {
    let text = "\u{feff}id: 1\r\ndata: zwölf\r\rdata: b\n\r\ndata: c\n\n".as_bytes();
    let whole = read(&[text]);
    assert_eq!(
        whole,
        Ok(vec![
            frame(Some("1"), "message", "zwölf"),
            frame(None, "message", "b"),
            frame(None, "message", "c")
        ])
    );
    for at in 0..=text.len() {
        assert_eq!(read(&[&text[..at], &text[at..]]), whole, "cut at {at}");
    }
    let single: Vec<&[u8]> = text.chunks(1).collect();
    assert_eq!(read(&single), whole);
}

#[test]
fn a_frame_without_its_end_is_not_given() {
    assert_eq!(read(&[b"data: a\n"]), Ok(vec![]));
}

#[test]
fn a_line_or_a_frame_that_is_too_long_is_refused() {
    assert_eq!(read(&[&[b'x'; 65]]), Err(FrameError::TooLong { max: 64 }));
    let line = b"data: 0123456789\n".repeat(5);
    assert_eq!(read(&[&line]), Err(FrameError::TooLong { max: 64 }));
    assert_eq!(read(&[b"data: \xff\n\n"]), Err(FrameError::NotText));
}

#[test]
fn keep_alives_do_not_add_up() {
    let comments = b":\n: still here\n".repeat(50);
    assert_eq!(read(&[&comments, b"data: a\n\n"]), Ok(vec![frame(None, "message", "a")]));
}

#[test]
fn a_line_end_that_is_cut_takes_no_other_with_it() {
    let mut reader = FrameReader::default();
    for byte in b"data: a\r\n\ndata: b\n\n" {
        reader.feed(&[*byte]).expect("fits");
    }
    let data: Vec<String> = std::iter::from_fn(|| reader.next_frame()).map(|frame| frame.data).collect();
    assert_eq!(data, ["a", "b"]);
}
