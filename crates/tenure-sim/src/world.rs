//! The scheduler: throws the dice for what happens next, then lets everything come to rest
//! and asks the oracle.

use std::fmt::Write as _;

use tenure_api::{PermissionDefault, RestartPolicy};
use tenure_core::Request;
use tenure_core::machine::{ExitNews, Spec};
use tenure_event::{Decision, Lifecycle, SessionId};

use crate::agent::{AcpTraits, Breed};
use crate::client::Clients;
use crate::dice::Dice;
use crate::env::{Env, Killed, Plan};
use crate::node::Node;
use crate::oracle;
use crate::watch::Watcher;

/// Rounds within which everything must come to rest.
const ROUNDS: usize = 3000;

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Every event of the node, one line each, and what each follower got. The same for the
    /// same seed.
    pub transcript: String,
    /// Events in the log.
    pub events: usize,
    /// How often the daemon was killed.
    pub kills: usize,
    /// How many processes were started.
    pub processes: usize,
    /// Inputs that were acknowledged.
    pub inputs: usize,
    /// Pieces of text that were shown before their message was whole.
    pub pieces: usize,
}

/// Runs one seed for about so many steps.
///
/// # Panics
/// When a promise of the contract is broken, or nothing moves any more before all is done.
#[must_use]
pub fn run(seed: u64, steps: usize) -> Report {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().build().expect("a runtime, for the followers' clock only");
    let _entered = runtime.enter();
    let mut world = World::new(seed);
    for _ in 0..steps {
        world.step();
    }
    world.settle();
    world.close();
    world.judge()
}

struct World {
    env: Env,
    node: Option<Node>,
    clients: Vec<Clients>,
    watchers: Vec<Watcher>,
    kills: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let plans: Vec<Plan> = (0..1 + dice.roll(3)).map(|n| plan(&mut dice, n)).collect();
        let mut watchers = vec![Watcher::new(None, false), Watcher::new(None, true)];
        for plan in &plans {
            watchers.push(Watcher::new(Some(plan.id.clone()), true));
            watchers.push(Watcher::new(Some(plan.id.clone()), false));
        }
        let clients = plans.iter().map(|_| Clients::default()).collect();
        Self { env: Env::new(dice, plans), node: None, clients, watchers, kills: 0 }
    }

    /// Something happens.
    fn step(&mut self) {
        let index = self.env.dice.roll(self.env.plans.len());
        match self.env.dice.roll(100) {
            0..=27 => self.agents(index),
            28..=79 => self.daemon(index),
            80..=94 => self.watch(),
            95 => self.accident(index),
            _ => {
                let ms = [1, 20, 300, 2000, 9000][self.env.dice.roll(5)];
                self.env.later(ms);
            }
        }
    }

    fn agents(&mut self, index: usize) {
        let Env { shims, dice, .. } = &mut self.env;
        for (_, shim) in shims.iter_mut().filter(|((i, _), shim)| *i == index && shim.lives()) {
            for _ in 0..1 + dice.roll(4) {
                match dice.roll(5) {
                    0 | 1 => drop(shim.agent_step(dice)),
                    2 => drop(shim.write(1 + dice.roll(700))),
                    3 => drop(shim.read(1 + dice.roll(700))),
                    _ => drop(shim.deliver()),
                }
            }
            if shim.end_asked && dice.chance(20) {
                shim.exit(ExitNews { code: Some(0), ..ExitNews::default() });
            }
        }
    }

    fn accident(&mut self, index: usize) {
        let Env { shims, dice, .. } = &mut self.env;
        let living = shims.iter_mut().find(|((i, _), shim)| *i == index && shim.lives());
        match living {
            Some((_, shim)) if dice.chance(50) => {
                shim.exit(ExitNews { signal: Some(11), ..ExitNews::default() });
            }
            Some((_, shim)) => shim.vanish(),
            None => {}
        }
    }

    /// The daemon does something, unless it is down; and may be killed while it does.
    fn daemon(&mut self, index: usize) {
        if self.node.is_none() && self.env.dice.chance(60) {
            return;
        }
        if self.env.dice.chance(4) {
            self.env.fuse = Some(self.env.dice.roll(8));
        }
        let done = self.work(index);
        if done.is_err() || self.env.fuse.is_some() {
            self.kill();
        }
    }

    fn work(&mut self, index: usize) -> Result<(), Killed> {
        let mut node = match self.node.take() {
            Some(node) => node,
            None => Node::start(&mut self.env)?,
        };
        let done = self.work_in(&mut node, index);
        // A daemon that is killed leaves behind what it was about to start.
        self.node = Some(node);
        done
    }

    fn work_in(&mut self, node: &mut Node, index: usize) -> Result<(), Killed> {
        let env = &mut self.env;
        match env.dice.roll(20) {
            0..=4 => self.clients[index].act(node, env, index),
            5 | 6 if env.dice.chance(97) => {
                node.launch(env, index);
                Ok(())
            }
            5 | 6 => node.awake(index).map_or(Ok(()), |owner| owner.spawn_failed(env)),
            7 | 8 => node.awake(index).map_or(Ok(()), |owner| {
                owner.attach(env)?;
                owner.take_up(env).map(drop)
            }),
            9 => node.awake(index).map_or(Ok(()), |owner| owner.serve(env).map(drop)),
            10 => node.awake(index).map_or(Ok(()), |owner| owner.probed(env).map(drop)),
            11 => node.awake(index).map_or(Ok(()), |owner| owner.deadline(env).map(drop)),
            _ => {
                let most = 1 + env.dice.roll(6);
                node.awake(index).map_or(Ok(()), |owner| owner.drain(env, most).map(drop))
            }
        }
    }

    fn kill(&mut self) {
        self.kills += 1;
        match self.node.take() {
            Some(node) => node.killed(&mut self.env),
            None => self.env.restarted(),
        }
        self.watchers.iter_mut().for_each(Watcher::disconnect);
    }

    fn watch(&mut self) {
        let at = self.env.dice.roll(self.watchers.len());
        let (watcher, env) = (&mut self.watchers[at], &mut self.env);
        if self.node.is_none() {
            return;
        }
        watcher.connect(&env.desk);
        for _ in 0..env.dice.roll(4) {
            watcher.serve();
        }
        watcher.receive(&mut env.dice, false);
        if env.dice.chance(5) {
            watcher.disconnect();
        }
    }

    /// Nothing goes wrong any more, and nobody wants anything else: all comes to an end.
    fn settle(&mut self) {
        for _ in 0..ROUNDS {
            let moved = self.round().unwrap_or_else(|Killed| unreachable!("no fuse burns any more"));
            if !moved && self.rests() {
                return;
            }
        }
        panic!("it does not come to rest: {}", self.where_it_stands());
    }

    fn round(&mut self) -> Result<bool, Killed> {
        let mut node = match self.node.take() {
            Some(node) => node,
            None => Node::start(&mut self.env)?,
        };
        let env = &mut self.env;
        let mut moved = false;
        for index in 0..env.plans.len() {
            self.clients[index].ask_again(&mut node, env, index)?;
            moved |= node.launch(env, index);
            let owner = node.owner(env, index)?;
            moved |= owner.attach(env)?
                | owner.take_up(env)?
                | owner.serve(env)?
                | owner.probed(env)?
                | owner.deadline(env)?;
            moved |= owner.drain(env, usize::MAX)?;
            moved |= self.clients[index].answer(&mut node, env, index, Decision::Deny)?;
        }
        self.node = Some(node);
        for shim in self.env.shims.values_mut().filter(|shim| shim.lives()) {
            moved |= shim.deliver() | shim.agent_step(&mut self.env.dice);
            moved |= shim.write(usize::MAX) | shim.read(usize::MAX);
            if shim.end_asked && shim.is_quiet() {
                shim.exit(ExitNews { code: Some(0), ..ExitNews::default() });
                moved = true;
            }
            moved |= shim.lives() && shim.agent.is_busy();
        }
        for watcher in &mut self.watchers {
            watcher.connect(&self.env.desk);
            moved |= watcher.serve() | watcher.receive(&mut self.env.dice, true);
        }
        Ok(moved)
    }

    /// Nothing moves: is that as it should be? Else whatever would move it is done.
    fn rests(&mut self) -> bool {
        let mut node = self.node.take().expect("a daemon");
        let mut all = true;
        for index in 0..self.env.plans.len() {
            let state = node.awake(index).expect("an owner").machine.state().clone();
            let due = node.awake(index).and_then(|owner| owner.machine.next_deadline());
            let waits = !state.queue.is_empty() || state.turn.is_some() || state.ending.is_some();
            if !waits && state.process.as_ref().is_none_or(|p| p.ready) {
                continue;
            }
            all = false;
            let ms = due.map(|at| at.millis_since(self.env.at())).filter(|ms| *ms <= 61_000);
            if let Some(ms) = ms {
                self.env.later(ms);
            } else if state.held_by_limit || state.lifecycle == Lifecycle::Suspended {
                let resumed = Clients::verb(&mut node, &mut self.env, index, Request::Resume);
                assert!(matches!(resumed, Ok(Ok(_))), "it cannot be resumed: {resumed:?}");
            } else {
                self.node = Some(node);
                panic!("it hangs: {}", self.where_it_stands());
            }
        }
        self.node = Some(node);
        all
    }

    /// Ends every session, and everything with it.
    fn close(&mut self) {
        let mut node = self.node.take().expect("a daemon");
        for index in 0..self.env.plans.len() {
            let agents = self.env.shims.iter().filter(|((i, _), shim)| *i == index && shim.lives());
            for (_, shim) in agents {
                assert!(!shim.agent.waits_for_an_answer(), "a request of the agent was never answered");
            }
            // What could not be created is over already.
            let _ = Clients::verb(&mut node, &mut self.env, index, Request::Close);
        }
        self.node = Some(node);
        self.settle();
    }

    fn where_it_stands(&mut self) -> String {
        let mut out = String::new();
        for index in 0..self.env.plans.len() {
            let state = self.node.as_mut().and_then(|n| n.awake(index)).map(|o| o.machine.state());
            let _ = writeln!(out, "session {index}: {state:?}");
        }
        for ((index, generation), shim) in &self.env.shims {
            let _ = writeln!(
                out,
                "process {generation} of {index}: lives {}, quiet {}",
                shim.lives(),
                shim.is_quiet()
            );
        }
        out
    }

    fn judge(&self) -> Report {
        let Self { env, clients, watchers, kills, .. } = self;
        for (index, clients) in clients.iter().enumerate() {
            oracle::session(env, index, clients);
        }
        let mut transcript = String::new();
        let all = oracle::everything(env, None);
        for event in &all {
            let _ = writeln!(transcript, "{}", String::from_utf8_lossy(&event.bytes));
        }
        for watcher in watchers {
            oracle::watcher(env, watcher);
            let _ = writeln!(transcript, "{:?}", watcher.pieces);
        }
        Report {
            transcript,
            events: all.len(),
            kills: *kills,
            processes: env.shims.len(),
            inputs: clients.iter().map(|c| c.receipts.len()).sum(),
            pieces: watchers.iter().map(|w| w.pieces.len()).sum(),
        }
    }
}

/// Whoever looks for the reason of a failure wants to see what led to it.
impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() || std::env::var_os("TENURE_SIM_SEED").is_none() {
            return;
        }
        let mut out = String::new();
        for event in oracle::everything(&self.env, None) {
            let _ = writeln!(out, "{}", String::from_utf8_lossy(&event.bytes));
        }
        for ((index, generation), shim) in &self.env.shims {
            let _ = writeln!(out, "\nprocess {generation} of session {index}");
            let _ = writeln!(out, "{}", shim.exchange());
        }
        let _ = std::io::Write::write_all(&mut std::io::stderr(), out.as_bytes());
    }
}

fn plan(dice: &mut Dice, n: usize) -> Plan {
    let id = SessionId::parse(&format!("s{n}")).expect("an id");
    let breed = if dice.chance(50) {
        Breed::Claude
    } else {
        Breed::Acp(AcpTraits {
            resumes: dice.chance(50),
            steers: dice.chance(50),
            closes: dice.chance(50),
            strays: dice.chance(30),
        })
    };
    let default = [PermissionDefault::Ask, PermissionDefault::Ask, PermissionDefault::Allow];
    let spec = Spec {
        id: id.clone(),
        agent: "made-up".to_owned(),
        cwd: "/srv/project".to_owned(),
        cwd_canonical: "/srv/project".to_owned(),
        workspace_id: "w1".parse().expect("an id"),
        workspace_kind: "directory".to_owned(),
        project_id: "p1".parse().expect("an id"),
        project_path: "/srv/project".to_owned(),
        parent: None,
        fork: None,
        permission_default: default[dice.roll(3)],
        ask_timeout_seconds: [40, 40, 5, 0][dice.roll(4)],
        ask_timeout_by_default: false,
        permission_rules: Vec::new(),
        allow_bypass: false,
        project_trusted: false,
        ceilings: tenure_core::machine::Ceilings::default(),
        turn_seconds: [0, 0, 30][dice.roll(3)],
        idle_seconds: [0, 10][dice.roll(2)],
        restart: [RestartPolicy::Never, RestartPolicy::on_crash()][dice.roll(2)],
        native_id_chosen: matches!(breed, Breed::Claude).then(|| format!("n{n}")),
        resumes: None,
        always_writes_settings: false,
        start_seconds: 60,
        stall_seconds: [0, 20][dice.roll(2)],
        checkpoints: tenure_api::CheckpointMode::Manual,
        node: "here".to_owned(),
    };
    Plan { id, spec, breed }
}
