//! `tenure tasks`: background commands and subagents of a session.

use tenure_api::{TaskDetail, TaskState, TaskView};
use tenure_server::clock;

use super::common::tell;
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Outcome};
use crate::out;
use crate::table::Table;
use crate::text::{age, one_line};
use crate::view::word;

/// List a session's background tasks, read what one wrote, or stop one; the turn goes on
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tenure tasks fix-tests\n  tenure tasks fix-tests --output b1a2c3\n  tenure tasks fix-tests --stop b1a2c3"
)]
pub(crate) struct Args {
    /// Which session
    session: String,
    /// Stop this task
    #[arg(long, value_name = "TASK")]
    stop: Option<String>,
    /// Print the end of what this task wrote, also while it runs
    #[arg(long, value_name = "TASK", conflicts_with = "stop")]
    output: Option<String>,
    /// Only those that run
    #[arg(long, conflicts_with_all = ["stop", "output"])]
    running: bool,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let id = context.session(&client, &args.session).await?.id;
        if let Some(task) = &args.stop {
            let reply = client.stop_task(&id, task).await?;
            return tell(&context, "stopped", &reply);
        }
        if let Some(task) = &args.output {
            return written(&context, &client.task(&id, task, None).await?);
        }
        let mut page = client.tasks(&id).await?;
        if args.running {
            page.items.retain(|task| task.state == TaskState::Running);
        }
        if context.json {
            out::json(&page)?;
            return Ok(Exit::Done);
        }
        if page.items.is_empty() {
            out::note("no tasks");
            return Ok(Exit::Done);
        }
        let mut table = Table::new(&["TASK", "KIND", "STATE", "TIME", "WHAT"]);
        for task in &page.items {
            table.row(row(task));
        }
        out::print(&table.render(context.style, crate::term::columns(), &[4]))?;
        Ok(Exit::Done)
    })
}

fn written(context: &Context, task: &TaskDetail) -> Outcome {
    if context.json {
        out::json(task)?;
        return Ok(Exit::Done);
    }
    let Some(output) = &task.output else {
        out::note("the agent tells nothing of what it wrote");
        return Ok(Exit::Done);
    };
    if output.truncated {
        out::note("only the end of it");
    }
    out::print(&output.text)?;
    Ok(Exit::Done)
}

fn row(task: &TaskView) -> Vec<String> {
    let until = task.ended_at.unwrap_or_else(clock::now);
    let said = task.summary.as_deref().map(|summary| format!(": {summary}")).unwrap_or_default();
    vec![
        one_line(&task.task_id, 60),
        one_line(&task.kind, 20),
        word(&task.state),
        age(until.millis_since(task.started_at)),
        one_line(&format!("{}{said}", task.title), 400),
    ]
}
