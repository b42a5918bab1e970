//! A daemon under measurement: the binary as it is given away (profile `dist`) in a scratch home, ended with everything it started.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::process;
use crate::wire::{Client, Endpoint};

/// What an acknowledged change survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Durability {
    Process,
    Power,
}

impl Durability {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Power => "power",
        }
    }
}

/// What is measured instead of the release binary.
static OTHER: Mutex<Option<PathBuf>> = Mutex::new(None);

/// The program that is measured.
pub(super) fn program() -> PathBuf {
    let other = OTHER.lock().unwrap_or_else(PoisonError::into_inner).clone();
    other.unwrap_or_else(|| process::root().join("target/dist/tenure"))
}

/// Measures another program from now on; the release binary if none.
pub(super) fn set_program(other: Option<&Path>) {
    *OTHER.lock().unwrap_or_else(PoisonError::into_inner) = other.map(Path::to_owned);
}

/// A running daemon and its home.
pub(super) struct Daemon {
    home: PathBuf,
    child: Child,
    endpoint: Endpoint,
    /// From the start of the process to `daemon.json`.
    pub(super) ready_ms: f64,
}

impl Daemon {
    pub(super) fn start(durability: Durability) -> anyhow::Result<Self> {
        Self::start_with(durability, "")
    }

    /// One with more in its configuration.
    pub(super) fn start_with(durability: Durability, more: &str) -> anyhow::Result<Self> {
        let home =
            std::env::temp_dir().join(format!("tenure-bench-{}-{}", std::process::id(), durability.word()));
        let _ = std::fs::remove_dir_all(&home);
        std::fs::create_dir_all(home.join("work"))?;
        std::fs::write(
            home.join("config.toml"),
            format!("[log]\ndurability = \"{}\"\n{more}", durability.word()),
        )?;
        Self::start_in(home)
    }

    fn start_in(home: PathBuf) -> anyhow::Result<Self> {
        let _ = std::fs::remove_file(home.join("daemon.json"));
        let begun = Instant::now();
        let mut child = process::program(program())
            .args(["up", "--listen", "127.0.0.1:0", "--home"])
            .arg(&home)
            .env_clear()
            .env("HOME", &home)
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(home.join("stderr"))?)
            .spawn()
            .context("target/dist/tenure cannot be started")?;
        let running = loop {
            if let Some(running) = read_running(&home, child.id()) {
                break running;
            }
            if let Some(status) = child.try_wait()? {
                let said = std::fs::read_to_string(home.join("stderr")).unwrap_or_default();
                bail!("the daemon ended with {status}: {said}");
            }
            if begun.elapsed() > Duration::from_secs(60) {
                let _ = child.kill();
                bail!("the daemon was not ready within a minute");
            }
            std::thread::sleep(Duration::from_micros(500));
        };
        let ready_ms = begun.elapsed().as_secs_f64() * 1e3;
        let address = running["url"].as_str().unwrap_or_default().trim_start_matches("http://").to_owned();
        let token = std::fs::read_to_string(home.join("token"))?.trim().to_owned();
        Ok(Self { home, child, endpoint: Endpoint::with_token(&address, &token), ready_ms })
    }

    /// SIGKILL, and a new one on the same home.
    pub(super) fn kill_and_restart(mut self) -> anyhow::Result<Self> {
        self.child.kill()?;
        self.child.wait()?;
        let home = self.home.clone();
        // What it started must stay.
        std::mem::forget(self);
        Self::start_in(home)
    }

    pub(super) fn client(&self) -> anyhow::Result<Client> {
        Client::connect(&self.endpoint)
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    /// A session of the built-in agent that is ready.
    pub(super) fn session(&self, client: &mut Client) -> anyhow::Result<String> {
        let body = json!({
            "agent": "scripted", "cwd": self.home.join("work"), "wait": "live", "limits": {"idle_seconds": 0},
        });
        let created = client.call("POST", "/v1/sessions", Some(&body))?;
        created["id"].as_str().map(str::to_owned).context("no session id")
    }

    /// Shims and agents of this home.
    pub(super) fn processes(&self) -> Vec<(u32, u32)> {
        processes_of(&self.home)
    }
}

fn read_running(home: &Path, pid: u32) -> Option<Value> {
    let running: Value = serde_json::from_slice(&std::fs::read(home.join("daemon.json")).ok()?).ok()?;
    (running["pid"].as_u64() == Some(u64::from(pid))).then_some(running)
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        end_processes_of(&self.home);
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

/// Ends shims and agents of a scratch home.
pub(super) fn end_processes_of(home: &Path) {
    for (shim, agent) in processes_of(home) {
        for pid in [agent, shim] {
            end(pid, home);
        }
    }
}

/// Shims and agents of a home, by the files that shims leave.
fn processes_of(home: &Path) -> Vec<(u32, u32)> {
    let sessions = std::fs::read_dir(home.join("sessions")).into_iter().flatten().flatten();
    let generations = sessions.filter_map(|s| std::fs::read_dir(s.path()).ok()).flatten().flatten();
    let identities = generations.filter_map(|g| std::fs::read(g.path().join("shim.json")).ok());
    let identities = identities.filter_map(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let pid = |v: &Value| v["pid"].as_u64().and_then(|p| u32::try_from(p).ok());
    identities.filter_map(|i| Some((pid(&i["shim"])?, pid(&i["agent"])?))).collect()
}

/// Ends a process of ours: one whose arguments or environment name the scratch home.
fn end(pid: u32, home: &Path) {
    let read = |what: &str| std::fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
    let home = home.as_os_str().as_encoded_bytes();
    let names = |bytes: &[u8]| bytes.windows(home.len()).any(|w| w == home);
    if names(&read("cmdline")) || names(&read("environ")) {
        let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

/// Proportional memory of a process in MB (10^6 bytes).
pub(super) fn memory_mb(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix("Pss:")).unwrap_or_default();
    let kb: f64 = line.trim().trim_end_matches(" kB").trim().parse().unwrap_or(0.0);
    kb * 1024.0 / 1e6
}

/// The monotonic clock of this machine, in nanoseconds: what the agent stamps its updates with.
pub(super) fn monotonic_ns() -> u64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(t.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(t.tv_nsec).unwrap_or(0)
}
