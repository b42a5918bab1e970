//! `tenure doctor`: what this machine gives, what is missing, and what to do about it. It changes nothing and starts
//! nothing.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::Serialize;
use tenure_client::{Client, VERSION};
use tenure_host::{disk_free, facts};
use tenure_server::config::load::{config_path, load};

use super::common::tilde;
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Outcome};
use crate::out;
use crate::style::Style;
use crate::text::bytes;

/// The oldest kernel that is supported.
const KERNEL: (u32, u32) = (5, 10);
const LITTLE_DISK: u64 = 2_000_000_000;
const NO_DISK: u64 = 50_000_000;

/// Check this machine and this home, and say what to do about what is wrong
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Grade {
    Ok,
    /// It works, with less.
    Warning,
    /// It does not work.
    Wrong,
}

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    grade: Grade,
    /// What was found.
    found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Check {
    fn ok(name: &'static str, found: impl ToString) -> Self {
        Self { name, grade: Grade::Ok, found: found.to_string(), advice: None }
    }

    fn warning(name: &'static str, found: impl ToString, advice: impl ToString) -> Self {
        Self { name, grade: Grade::Warning, found: found.to_string(), advice: Some(advice.to_string()) }
    }

    fn wrong(name: &'static str, found: impl ToString, advice: impl ToString) -> Self {
        Self { grade: Grade::Wrong, ..Self::warning(name, found, advice) }
    }
}

pub(crate) fn run(_: Args, context: Context) -> Outcome {
    context.needs_home("doctor")?;
    block_on(async {
        let mut checks = machine();
        checks.extend(home(context.home.dir()));
        checks.push(config(context.home.dir()));
        checks.extend(log(context.home.dir()));
        match Client::discover(&context.home).await {
            Ok(client) => checks.extend(daemon(&context, &client).await),
            Err(error) => checks.push(no_daemon(&context, &error.to_string())),
        }
        let wrong = checks.iter().any(|c| c.grade == Grade::Wrong);
        if context.json {
            out::json(&serde_json::json!({"ok": !wrong, "checks": checks}))?;
        } else {
            let text: String = checks.iter().map(|c| line(context.style, c)).collect();
            out::print(&text)?;
        }
        Ok(if wrong { Exit::Failed } else { Exit::Done })
    })
}

fn line(style: Style, check: &Check) -> String {
    let mark = match check.grade {
        Grade::Ok => style.green("✓"),
        Grade::Warning => style.yellow("!"),
        Grade::Wrong => style.red("✗"),
    };
    let advice = check.advice.as_ref().map(|a| format!("    {}\n", style.yellow(a))).unwrap_or_default();
    format!("{mark} {:<13}{}\n{advice}", check.name, check.found)
}

fn machine() -> Vec<Check> {
    let facts = facts();
    let mut version = facts.kernel.split(['.', '-']).map_while(|n| n.parse::<u32>().ok());
    let version = (version.next().unwrap_or(0), version.next().unwrap_or(0));
    let mut checks = vec![if version >= KERNEL {
        Check::ok("kernel", &facts.kernel)
    } else {
        Check::wrong("kernel", &facts.kernel, format!("Linux {}.{} or later is needed", KERNEL.0, KERNEL.1))
    }];
    checks.push(match facts.pidfd {
        true => Check::ok("pidfd", "processes are held by descriptor"),
        false => {
            Check::wrong("pidfd", "not to be had", "a sandbox or an old kernel refuses pidfd_open; allow it")
        }
    });
    checks.push(match facts.subreaper {
        true => Check::ok("subreaper", "what an agent leaves behind is found"),
        false => Check::wrong(
            "subreaper",
            "not to be had",
            "a sandbox refuses prctl(PR_SET_CHILD_SUBREAPER); allow it",
        ),
    });
    checks.push(match (&facts.cgroup_trouble, facts.cgroup_kill) {
        (None, true) => Check::ok("cgroups", "an agent's whole tree is ended at once"),
        (None, false) => Check::ok("cgroups", "one per agent, without cgroup.kill (Linux 5.14)"),
        (Some(why), _) => Check::warning(
            "cgroups",
            format!("none of our own ({why})"),
            "agents' processes are ended by walking their tree instead; under systemd, Delegate=yes gives cgroups",
        ),
    });
    if !facts.proportional_memory {
        let advice = "memory of processes is shown with shared pages counted several times";
        checks.push(Check::warning("memory", "smaps_rollup cannot be read", advice));
    }
    checks
}

fn home(dir: &Path) -> Vec<Check> {
    let shown = tilde(&dir.display().to_string());
    let mut checks = Vec::new();
    let there = std::fs::metadata(dir);
    // The disk is that of the nearest directory that exists.
    let existing = dir.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"));
    let writable = rustix::fs::access(existing, rustix::fs::Access::WRITE_OK).is_ok();
    checks.push(match there {
        Ok(meta) if !meta.is_dir() => {
            Check::wrong("home", shown, "it is no directory; move it away or give --home")
        }
        _ if !writable => {
            let advice = format!("{} cannot be written by this user; give --home DIR", existing.display());
            Check::wrong("home", shown, advice)
        }
        Ok(meta) if meta.permissions().mode() & 0o077 != 0 => Check::warning(
            "home",
            shown,
            "others may look into it; the daemon makes it private when it starts",
        ),
        Ok(_) => Check::ok("home", shown),
        Err(_) => Check::ok("home", format!("{shown} (made when it is needed)")),
    });
    checks.push(match disk_free(existing) {
        Ok(free) if free < NO_DISK => Check::wrong(
            "disk",
            format!("{} free", bytes(free)),
            "nothing can be stored; make room or move the home",
        ),
        Ok(free) if free < LITTLE_DISK => {
            Check::warning("disk", format!("{} free", bytes(free)), "make room before long sessions")
        }
        Ok(free) => Check::ok("disk", format!("{} free", bytes(free))),
        Err(error) => Check::warning("disk", error, "how much is free cannot be told"),
    });
    let token = dir.join("token");
    if let Ok(meta) = std::fs::metadata(&token)
        && meta.permissions().mode() & 0o077 != 0
    {
        let advice = format!("chmod 600 {}", token.display());
        checks.push(Check::wrong("token", "others can read it", advice));
    }
    checks
}

fn config(dir: &Path) -> Check {
    let path = config_path(dir);
    let shown = tilde(&path.display().to_string());
    match load(&path) {
        Ok(_) if !path.exists() => Check::ok("config", format!("none ({shown} would be read)")),
        Ok(config) => {
            let agent = config.default_agent.map(|a| format!(", default agent {a}")).unwrap_or_default();
            Check::ok("config", format!("{shown}{agent}"))
        }
        Err(error) => Check::wrong("config", shown, error),
    }
}

/// Reads the whole log: what of it cannot be read is told session by session.
fn log(dir: &Path) -> Vec<Check> {
    const ADVICE: &str = "keep a copy of tenure.db and tenure.db-wal; restore an older copy while the daemon is down, or \
                          go on with the sessions that can be read";
    let file = dir.join("tenure.db");
    let Ok(meta) = std::fs::metadata(&file) else { return Vec::new() };
    let damage = match tenure_log::examine(dir) {
        Ok(damage) if damage.is_empty() => {
            return vec![Check::ok(
                "log",
                format!(
                    "{} in {}, all of it can be read",
                    bytes(meta.len()),
                    tilde(&file.display().to_string())
                ),
            )];
        }
        Ok(damage) => damage,
        Err(tenure_log::LogError::Corrupt(found)) => {
            return vec![Check::wrong("log", format!("none of it can be read: {found}"), ADVICE)];
        }
        Err(error) => return vec![Check::wrong("log", error, "make it readable, then ask again")],
    };
    let of = damage.into_iter().map(|found| match found.session {
        Some(id) => Check::wrong("log", format!("session {id} cannot be read: {}", found.message), ADVICE),
        None => Check::wrong("log", format!("what sessions have in common: {}", found.message), ADVICE),
    });
    of.collect()
}

fn no_daemon(context: &Context, why: &str) -> Check {
    match context.home.daemon_file() {
        None => Check::ok("daemon", "not running; the first verb that needs it starts it"),
        Some(file) => Check::warning(
            "daemon",
            why,
            format!("it ended without a word (it was process {}); the next verb starts it again", file.pid),
        ),
    }
}

async fn daemon(context: &Context, client: &Client) -> Vec<Check> {
    let mut checks = Vec::new();
    let info = match client.info().await {
        Ok(info) => info,
        Err(error) => return vec![Check::wrong("daemon", error, "see the end of tenure.log in the home")],
    };
    let found = format!(
        "process {}, version {}, {} live of {} sessions, {} asks open",
        info.pid, info.version, info.counts.live, info.counts.sessions, info.counts.open_asks
    );
    checks.push(if info.version == VERSION {
        Check::ok("daemon", found)
    } else {
        let advice =
            format!("this program is {VERSION}; `tenure down` and `tenure up` bring the daemon to it");
        Check::warning("daemon", found, advice)
    });
    if let Some(warning) = info.config_warning {
        checks.push(Check::warning("config", warning, "the configuration in force is an older one"));
    }
    if let Some(file) = context.home.daemon_file() {
        checks.push(Check::ok("socket", tilde(&file.socket.display().to_string())));
        checks.push(Check::ok("address", file.url));
    }
    checks.extend(inherited(info.pid));
    checks.push(agents(client).await);
    checks
}

/// Names in the daemon's environment that agents may be given. Names only, never values.
fn inherited(pid: u32) -> Option<Check> {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let interesting = |name: &str| {
        ["PATH", "HOME", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"].contains(&name)
            || ["_API_KEY", "_TOKEN", "_BASE_URL", "_CREDENTIALS"].iter().any(|end| name.ends_with(end))
    };
    let mut names: Vec<String> = environment
        .split(|b| *b == 0)
        .filter_map(|pair| std::str::from_utf8(pair).ok()?.split_once('=').map(|(name, _)| name.to_owned()))
        .filter(|name| interesting(name))
        .collect();
    names.sort();
    Some(Check::ok(
        "environment",
        format!("the daemon has {} (names that agents may inherit)", names.join(", ")),
    ))
}

async fn agents(client: &Client) -> Check {
    match client.agents().await {
        Ok(page) => {
            let here: Vec<String> = page
                .items
                .iter()
                .filter(|a| a.installed)
                .map(|a| match &a.auth {
                    Some(auth) if auth.logged_in == "no" => format!("{} (not logged in)", a.name),
                    _ => a.name.clone(),
                })
                .collect();
            let real = page.items.iter().any(|a| a.installed && a.protocol != "scripted");
            if real {
                Check::ok("agents", here.join(", "))
            } else {
                Check::warning(
                    "agents",
                    "none but the built-in scripted one",
                    "`tenure agents` says how to get one",
                )
            }
        }
        Err(error) => Check::warning("agents", error, "they cannot be told"),
    }
}
