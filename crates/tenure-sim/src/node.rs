//! The daemon: the owners that are awake. All of it is gone when the daemon is killed.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use tenure_core::agent::{ResumeHow, StartRecord};
use tenure_core::machine::{ExitNews, SpawnPlan};
use tenure_log::EventLog;

use crate::agent::{Agent, Breed};
use crate::env::{Env, Killed, at_once};
use crate::owner::Owner;
use crate::shim::Shim;

#[derive(Default)]
pub(crate) struct Node {
    owners: BTreeMap<usize, Owner>,
}

impl Node {
    /// Takes up what was live.
    pub(crate) fn start(env: &mut Env) -> Result<Self, Killed> {
        let mut node = Self::default();
        let mut live = at_once(env.log.live_sessions()).expect("the log can be read");
        live.sort();
        for index in 0..env.plans.len() {
            if live.contains(&env.plans[index].id) {
                node.owner(env, index)?;
            }
        }
        Ok(node)
    }

    /// The owner of a session: awake, or woken, or of a session that is created now.
    pub(crate) fn owner(&mut self, env: &mut Env, index: usize) -> Result<&mut Owner, Killed> {
        let entry = match self.owners.entry(index) {
            Entry::Occupied(awake) => return Ok(awake.into_mut()),
            Entry::Vacant(entry) => entry,
        };
        let start = !index.is_multiple_of(3);
        let owner = match Owner::wake(env, index)? {
            Some(owner) => owner,
            None => Owner::born(env, index, start)?,
        };
        Ok(entry.insert(owner))
    }

    /// An owner that is awake.
    pub(crate) fn awake(&mut self, index: usize) -> Option<&mut Owner> {
        self.owners.get_mut(&index)
    }

    /// Starts a process that an owner wants.
    pub(crate) fn launch(&mut self, env: &mut Env, index: usize) -> bool {
        let Some(owner) = self.owners.get_mut(&index) else { return false };
        let Some(plan) = owner.launching.take() else { return false };
        owner.launched = Some(plan.generation);
        start(env, index, plan);
        true
    }

    /// The daemon is killed. What it was about to start may start all the same.
    pub(crate) fn killed(mut self, env: &mut Env) {
        for (index, owner) in &mut self.owners {
            if let Some(plan) = owner.launching.take()
                && env.dice.chance(50)
            {
                start(env, *index, plan);
            }
        }
        env.restarted();
    }
}

fn start(env: &mut Env, index: usize, plan: SpawnPlan) {
    let key = (index, plan.generation);
    let earlier: Vec<u32> = env.shims.keys().filter(|(i, _)| *i == index).map(|(_, g)| *g).collect();
    for generation in earlier {
        let old = &mut env.shims.get_mut(&(index, generation)).expect("it is known");
        assert!(!old.lives(), "a second process while one is there");
        env.disks[index] = old.agent.disk.clone();
    }
    let known = |id: &String| env.disks[index].conversations.contains_key(id);
    let resume = match plan.resume {
        // This agent keeps no conversation in which nothing was said.
        ResumeHow::Resume(id) if matches!(env.plans[index].breed, Breed::Claude) && !known(&id) => {
            ResumeHow::NewAs(id)
        }
        other => other,
    };
    let record = StartRecord {
        session_id: env.plans[index].id.clone(),
        generation: plan.generation,
        started_at: env.at(),
        cwd: "/srv/project".to_owned(),
        resume,
        model: plan.model,
        mode: plan.mode,
        effort: plan.effort,
        append_instructions: None,
        replace_instructions: None,
        mcp_servers: Vec::new(),
        mcp_put: Vec::new(),
        mcp_off: Vec::new(),
        project_trusted: false,
        allow_bypass: false,
        preset: None,
        terminals: false,
    };
    let agent = Agent::new(env.plans[index].breed, &record, env.disks[index].clone());
    env.records.insert(key, record);
    let mut shim = Shim::new(agent);
    if env.dice.chance(2) {
        shim.exit(ExitNews { code: Some(127), ..ExitNews::default() });
    }
    env.shims.insert(key, shim);
}
