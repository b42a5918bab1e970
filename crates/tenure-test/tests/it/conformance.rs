//! The conformance suite of `sdk/conformance`, carried out with `tenure-client`. What the words of its data mean is
//! told in its README; that the daemon does right is the business of other tests.

mod ask;
mod follower;
mod run;
mod words;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use run::Run;
use words::Case;

fn suite() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/conformance")
}

/// Where `node` is, by whose name alone an agent may not find it.
pub(super) fn node() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join("node")).find(|program| program.is_file())
}

fn cases_dir() -> PathBuf {
    suite().join("cases")
}

/// The cases of a file.
fn cases(file: &str) -> Vec<Case> {
    serde_json::from_slice(&std::fs::read(cases_dir().join(file)).unwrap()).unwrap()
}

/// Carries out the cases of a file with one agent.
async fn carry_out(file: &str, agent: &str) {
    for case in cases(file) {
        if case.agents.contains_key(agent) {
            Run::start(&case, agent).await.run(&case).await;
        }
    }
}

/// A test for each file and each agent that it names, and one that none is forgotten.
macro_rules! files {
    ($($file:ident: $($agent:ident)+),* $(,)?) => {
        $(mod $file {
            $(#[tokio::test]
            async fn $agent() {
                super::carry_out(concat!(stringify!($file), ".json"), stringify!($agent)).await;
            })+
        })*

        #[test]
        fn every_file_is_carried_out_with_every_agent_that_it_names() {
            let known = BTreeSet::from([$($((concat!(stringify!($file), ".json"), stringify!($agent)),)+)*]);
            let known = known.into_iter().map(|(file, agent)| (file.to_owned(), agent.to_owned())).collect();
            assert_eq!(named(), known);
        }
    };
}

/// Every file with every agent that its cases name.
fn named() -> BTreeSet<(String, String)> {
    let files = std::fs::read_dir(cases_dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let agents = |file: String| {
        let all = cases(&file).into_iter().flat_map(|case| case.agents.into_keys());
        all.map(move |agent| (file.clone(), agent)).collect::<Vec<_>>()
    };
    files.flat_map(agents).collect()
}

files! {
    asks: scripted claude,
    control: scripted claude,
    errors: scripted,
    history: scripted claude,
    looking: scripted,
    resume: scripted claude,
    sessions: scripted claude,
    tools: scripted claude,
    turns: scripted claude,
    work: scripted,
    workspaces: scripted claude,
}
