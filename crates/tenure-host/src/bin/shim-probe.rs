//! Becomes what the real program becomes: `shim-probe shim DIR` a shim, and
//! `shim-probe detach LOG` starts `shim-probe daemon` in the background. For tests only.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let verb = args.next().unwrap_or_default();
    match (verb.to_str(), args.next()) {
        (Some("shim"), Some(dir)) => tenure_host::shim::main(dir.as_ref()),
        (Some("detach"), Some(log)) => {
            match tenure_host::detach_daemon(&["daemon".into()], log.as_ref(), &["DROPPED"]) {
                Ok(_) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }
        }
        (Some("daemon"), None) => daemon().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
        _ => ExitCode::from(2),
    }
}

fn daemon() -> std::io::Result<()> {
    // Not by the typed call: a session whose leader is outside our pid namespace has the id 0, which it does not allow.
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let session = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(3));
    let leads = if session == Some(&std::process::id().to_string()) { "leads" } else { "shares" };
    let var = |name| std::env::var(name).unwrap_or_else(|_| "none".to_owned());
    let cwd = std::env::current_dir()?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{leads} its session, in {}, DROPPED {}, KEPT {}",
        cwd.display(),
        var("DROPPED"),
        var("KEPT")
    )?;
    writeln!(std::io::stderr(), "end")
}
