//! The table of agents and verbs in `docs/agents.md`, made from what the real agents' sessions tell. It fails when the page
//! is stale; with UPDATE_AGENTS=1 it writes it.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::Value;
use tenure_agents::verbs;
use tenure_model::Script;

use super::ground::{Ground, Kind};

const BEGIN: &str = "<!-- generated: begin -->\n";
const END: &str = "<!-- generated: end -->\n";

struct Column {
    name: &'static str,
    supports: Value,
}

async fn column(kind: Kind) -> Column {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    // Some tell their commands only later.
    session.run(&Script::new().text("Here.").prompt("There?")).await;
    let told = session.get("/capabilities").await;
    // What is told of the agent alone is what its last session told.
    let agents = ground.daemon.get("/v1/agents").await.ok(200);
    let entry =
        agents["items"].as_array().unwrap().iter().find(|entry| entry["name"] == kind.name()).unwrap();
    assert_eq!(entry["capabilities"], told);
    Column { name: kind.name(), supports: told["supports"].clone() }
}

fn table(columns: &[Column]) -> String {
    let mut text = String::from("| verb | what a client can do |");
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    writeln!(text, " {} |\n|---|---|{}", names.join(" | "), "---|".repeat(names.len())).unwrap();
    for verb in verbs::ALL {
        write!(text, "| `{}` | {} |", verb.name, verb.does).unwrap();
        for column in columns {
            let cell = if column.supports[verb.name] == true { "yes" } else { "–" };
            write!(text, " {cell} |").unwrap();
        }
        text.push('\n');
    }
    for column in columns {
        writeln!(text, "\nWhat `{}` lacks:\n", column.name).unwrap();
        for verb in verbs::ALL {
            if let Some(why) = column.supports[verb.name].as_str() {
                writeln!(text, "- `{}`: {why}", verb.name).unwrap();
            }
        }
    }
    text
}

#[tokio::test]
async fn the_page_of_agents_is_what_they_tell() {
    let mut columns = Vec::new();
    for kind in Kind::ALL {
        columns.push(column(kind).await);
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/agents.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = page.split_once(BEGIN).unwrap();
    let (_, tail) = rest.split_once(END).unwrap();
    let made = format!("{head}{BEGIN}{}{END}{tail}", table(&columns));
    if std::env::var_os("UPDATE_AGENTS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    assert!(
        page == made || std::env::var_os("UPDATE_AGENTS").is_some(),
        "docs/agents.md is not what the agents tell: run this test with UPDATE_AGENTS=1"
    );
}
