//! `tenure allow`: says yes to an ask, or answers its questions.

use serde_json::{Map, Value};
use tenure_api::AnswerAsk;
use tenure_client::Client;
use tenure_event::{Ask, AskId, Question, Scope};

use super::common::find_ask;
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Failure, Outcome};
use crate::out;
use crate::view::{fields, filled};
use crate::watch::{allow, read_choice};

/// Allow what an ask asks for, or answer its questions
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its id, or a unique prefix
    ask: String,
    /// Always: the agent's own "always", where it offers one
    #[arg(long, conflicts_with = "session")]
    always: bool,
    /// Every like ask of this session, too
    #[arg(long)]
    session: bool,
    /// An answer: QUESTION is its number or text, or the name of a form's field; CHOICE a number, label or other words
    /// (several: 1,3)
    #[arg(long = "answer", value_name = "QUESTION=CHOICE")]
    answers: Vec<String>,
    /// Call the tool with this instead
    #[arg(long, value_name = "JSON")]
    input: Option<String>,
    /// Said to the agent with it, where the agent can take it
    #[arg(short, long)]
    message: Option<String>,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    let updated_input = match &args.input {
        Some(text) => {
            let input = serde_json::from_str::<Value>(text);
            Some(input.map_err(|e| Failure::usage(format!("--input is not JSON: {e}")))?)
        }
        None => None,
    };
    block_on(async {
        let client = context.client().await?;
        let id = find_ask(&client, &args.ask).await?;
        let answers = match args.answers.is_empty() {
            true => None,
            false => Some(Value::Object(read_answers(&open_ask(&client, &id).await?, &args.answers)?)),
        };
        let scope = match (args.always, args.session) {
            (true, _) => Some(Scope::Always),
            (_, true) => Some(Scope::Session),
            _ => None,
        };
        let answer = AnswerAsk { scope, message: args.message, updated_input, answers, ..allow() };
        let answered = client.answer(&id, &answer).await?;
        if context.json {
            out::json(&answered)?;
        } else {
            out::print(&format!("allowed: {}\n", crate::text::one_line(&answered.ask.title, 200)))?;
        }
        Ok(Exit::Done)
    })
}

async fn open_ask(client: &Client, id: &AskId) -> Result<Ask, Failure> {
    let found = client.asks(false).await?.items.into_iter().find(|a| a.id == *id);
    found.ok_or_else(|| Failure::new(Exit::NotFound, format!("the ask {id} is not open")))
}

fn read_answers(ask: &Ask, given: &[String]) -> Result<Map<String, Value>, Failure> {
    if !fields(ask).is_empty() {
        return filled(ask, given).map_err(Failure::usage);
    }
    let mut answers = Map::new();
    for text in given {
        let (question, choice) = split(ask, text)?;
        let value = read_choice(question, choice).map_err(|e| Failure::usage(format!("{text}: {e}")))?;
        answers.insert(question.question.clone(), value);
    }
    match ask.questions.iter().find(|q| !answers.contains_key(&q.question)) {
        Some(open) => Err(Failure::usage(format!("this question needs an answer too: {}", open.question))),
        None => Ok(answers),
    }
}

/// The question that an answer is for. A single question needs no name.
fn split<'a>(ask: &'a Ask, text: &'a str) -> Result<(&'a Question, &'a str), Failure> {
    if let Some((name, choice)) = text.rsplit_once('=') {
        let by_number = name.trim().parse::<usize>().ok().and_then(|n| ask.questions.get(n.checked_sub(1)?));
        let named = |q: &&Question| q.question == name || q.header.as_deref() == Some(name);
        if let Some(question) = by_number.or_else(|| ask.questions.iter().find(named)) {
            return Ok((question, choice));
        }
    }
    match ask.questions.as_slice() {
        [] => Err(Failure::usage("this ask has no questions; leave --answer out")),
        [only] => Ok((only, text)),
        several => {
            let list: Vec<String> =
                several.iter().enumerate().map(|(i, q)| format!("\n  {}  {}", i + 1, q.question)).collect();
            Err(Failure::usage(format!("`{text}` names none of the questions:{}", list.concat())))
        }
    }
}
