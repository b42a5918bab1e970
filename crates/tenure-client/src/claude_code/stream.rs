//! What can be made of a turn that is streamed: text alone, tool calls alone, up to the result, all of it gathered.

use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use tenure_api::TurnResult;
use tenure_event::{TextKind, ToolCompleted, ToolStarted};

use crate::{ClientError, Turn, TurnEvent};

type Item = Result<TurnEvent, ClientError>;

/// A whole turn, gathered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Collected {
    /// What was said, over all messages.
    pub text: String,
    /// What was thought.
    pub thinking: String,
    /// Tool calls, as they began.
    pub tool_uses: Vec<ToolStarted>,
    /// Tool calls, as they ended.
    pub tool_results: Vec<ToolCompleted>,
    /// How it went; none if the stream was cut before.
    pub result: Option<TurnResult>,
}

/// Combinators over what a turn does. An error is handed on and ends the stream.
pub trait TurnStream: Sized {
    /// The items themselves.
    fn items(self) -> BoxStream<'static, Item>;

    /// Pieces of what is said, and nothing else. They add up to the text.
    fn text_content(self) -> BoxStream<'static, Result<String, ClientError>> {
        pieces(self, TextKind::Text)
    }

    /// Pieces of what is thought, and nothing else.
    fn thinking_content(self) -> BoxStream<'static, Result<String, ClientError>> {
        pieces(self, TextKind::Thought)
    }

    /// Tool calls as they begin, and nothing else.
    fn tool_uses(self) -> BoxStream<'static, Result<ToolStarted, ClientError>> {
        let tool = |item: Item| async move {
            match item {
                Ok(TurnEvent::ToolStarted(tool)) => Some(Ok(*tool)),
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            }
        };
        self.items().filter_map(tool).boxed()
    }

    /// Everything, the result being the last, also of a stream that would go on.
    fn until_result(self) -> BoxStream<'static, Item> {
        let cut = |over: &mut bool, item: Item| {
            let was_over = std::mem::replace(over, matches!(item, Ok(TurnEvent::Result(_)) | Err(_)));
            std::future::ready((!was_over).then_some(item))
        };
        self.items().scan(false, cut).boxed()
    }

    /// Reads it to its end and gathers what it brought.
    fn collected(self) -> impl Future<Output = Result<Collected, ClientError>> + Send {
        gather(self.until_result())
    }
}

impl TurnStream for Turn {
    fn items(self) -> BoxStream<'static, Item> {
        self.into_stream().boxed()
    }
}

impl<S: Stream<Item = Item> + Send + 'static> TurnStream for S {
    fn items(self) -> BoxStream<'static, Item> {
        self.boxed()
    }
}

fn pieces(stream: impl TurnStream, wanted: TextKind) -> BoxStream<'static, Result<String, ClientError>> {
    let piece = move |item: Item| async move {
        match item {
            Ok(TurnEvent::Text { kind, text, .. }) if kind == wanted => Some(Ok(text)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        }
    };
    stream.items().filter_map(piece).boxed()
}

async fn gather(mut items: BoxStream<'static, Item>) -> Result<Collected, ClientError> {
    let mut all = Collected::default();
    while let Some(item) = items.next().await {
        match item? {
            TurnEvent::Text { kind: TextKind::Text, text, .. } => all.text += &text,
            TurnEvent::Text { kind: TextKind::Thought, text, .. } => all.thinking += &text,
            TurnEvent::ToolStarted(tool) => all.tool_uses.push(*tool),
            TurnEvent::ToolCompleted(tool) => all.tool_results.push(*tool),
            TurnEvent::Result(result) => all.result = Some(*result),
            TurnEvent::Ask(_) | TurnEvent::Event(_) | TurnEvent::Connection { .. } => {}
        }
    }
    Ok(all)
}
