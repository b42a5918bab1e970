//! `tenure cp`: files and directories between this machine and where a session works.

mod copy;
mod place;

use serde::Serialize;

use crate::cli::{Context, block_on};
use crate::exit::{Exit, Failure, Outcome};
use crate::out;
use copy::Copying;
use place::Place;

const HELP: &str = "One side or both are SESSION:PATH, with PATH below the session's directory (`SESSION:` or
`SESSION:.` is that directory). The other is a path of this machine, or - for standard input or output.
A local name with a colon in it is written ./a:b.

Examples:
  tenure cp fix-login:target/report.html .         a file out of a session's directory
  tenure cp notes.md fix-login:docs/                into a directory
  tenure cp fix-login:logs old-logs                 a directory with all that it holds
  tenure cp fix-login:data.json - | jq .            to standard output
  git diff | tenure cp - fix-login:change.patch     from standard input
  tenure cp fix-login:a.txt other-session:b.txt     from one session to another

If DST is a directory, or ends with /, SRC goes into it under its own name; else DST is the new name. A file is
replaced once all of its bytes are there; permission bits come along. Links, pipes, devices and what has a name that
is not UTF-8 are not copied: each is named, and the exit code is 1.";

/// Copy files and directories into or out of where a session works
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// What to copy: SESSION:PATH, a local path, or -
    src: String,
    /// Where to: SESSION:PATH, a local path, or -
    dst: String,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
struct Copied {
    files: u64,
    directories: u64,
    bytes: u64,
    /// What was not copied, and why.
    skipped: Vec<String>,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let (src, dst) = (Place::parse(&args.src), Place::parse(&args.dst));
        if !matches!(src, Place::Session { .. }) && !matches!(dst, Place::Session { .. }) {
            let what =
                "none of the two is in a session; write it as SESSION:PATH (`tenure ls` lists sessions)";
            return Err(Failure::usage(what));
        }
        let client = context.client().await?;
        let to_stdout = matches!(dst, Place::Stream);
        let (from, to) = (src.found(&context, &client).await?, dst.found(&context, &client).await?);
        let mut copying = Copying { client, done: Copied::default() };
        copying.run(from, to).await?;
        let done = copying.done;
        for skipped in &done.skipped {
            out::note(&format!("not copied: {}", crate::text::clean(skipped)));
        }
        if context.json && !to_stdout {
            out::json(&done)?;
        } else if !to_stdout {
            out::print(&format!("{}\n", told(&done)))?;
        }
        Ok(if done.skipped.is_empty() { Exit::Done } else { Exit::Failed })
    })
}

fn told(done: &Copied) -> String {
    let counted = |n: u64, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let mut text = format!("copied {}", counted(done.files, "file", "files"));
    if done.directories > 0 {
        text.push_str(&format!(" in {}", counted(done.directories, "directory", "directories")));
    }
    format!("{text}, {}", counted(done.bytes, "byte", "bytes"))
}
