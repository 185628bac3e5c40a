//! From what a commit describes to a plan, and to what deploys each service. Start with [`Services::of`].

use super::source::Described;
use crate::args::Global;
use crate::config::Config;
use crate::config::sync::Entry;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tidegate_aws::deploy::DeployPlan;
use tidegate_gitops::freeze::{self, Window};
use tidegate_gitops::{Frozen, Id, Plan, Wanted, digest};
use tidegate_probe::{Person, Probe};
use tidegate_rollout::Millis;
use tidegate_rollout::origin::Origin;

/// What deploys one service.
#[derive(Debug, Clone)]
pub struct Service {
    /// How it is deployed.
    pub plan: Arc<DeployPlan>,
    /// What its file says.
    pub config: Arc<Config>,
}

/// Everything that a commit wants.
#[derive(Debug, Clone)]
pub struct Services {
    /// In order.
    pub plan: Plan,
    /// What deploys each.
    pub services: BTreeMap<Id, Service>,
}

impl Services {
    /// Puts what a commit describes in order; with `only`, as if the others were not there.
    pub fn of(described: Described, only: &[String], global: &Global) -> Result<Self, Failure> {
        let mut services = BTreeMap::new();
        let mut wanted = Vec::new();
        // A work tree's own commit is asked of git.
        let commit = Some(&described.commit.id).filter(|id| id.len() >= 40).cloned();
        let origin = crate::origin::of_here(commit);
        for (file, entry) in described.entries {
            let (one, service) = of_entry(file, entry, global, &origin)?;
            services.entry(one.id.clone()).or_insert(service);
            wanted.push(one);
        }
        if !only.is_empty() {
            wanted = only_these(wanted, only)?;
        }
        let plan = Plan::of(described.commit, wanted).map_err(|error| {
            Failure::new(Exit::Usage, error.to_string()).with_help(Some(error.help().into()))
        })?;
        services.retain(|id, _| plan.unit_of(id).is_some());
        Ok(Self { plan, services })
    }

    /// The services whose freeze window is open.
    pub fn frozen(&self, now: Millis) -> BTreeMap<Id, Frozen> {
        let open = |windows: &[Window]| {
            freeze::open(windows, now)
                .map(|(window, until)| Frozen { message: window.message.clone(), until })
        };
        let frozen = self
            .services
            .iter()
            .filter_map(|(id, service)| Some((id.clone(), open(&service.config.freeze)?)));
        frozen.collect()
    }
}

fn of_entry(
    file: String,
    entry: Entry,
    global: &Global,
    origin: &Origin,
) -> Result<(Wanted, Service), Failure> {
    let config = entry.config;
    // The flags that name one service mean nothing here, and every gate is asked without a terminal.
    let global = Global { cluster: None, service: None, ..global.clone() };
    let session = Session { global: &global, config };
    let mut plan = session.plan(Vec::new())?;
    plan.elsewhere = Arc::new(Probe::new(Person::Elsewhere));
    plan.desired_count = None;
    plan.origin = origin.clone();
    let id = Id::of(&plan.target);
    let sync = &session.config.sync;
    let wanted = Wanted {
        depends_on: sync.depends_on.iter().map(|name| Id::named(name, &id)).collect(),
        wave: sync.wave,
        release: sync.release.clone(),
        digest: digest(&entry.content),
        file,
        id,
    };
    Ok((wanted, Service { plan: Arc::new(plan), config: Arc::new(session.config) }))
}

fn only_these(wanted: Vec<Wanted>, only: &[String]) -> Result<Vec<Wanted>, Failure> {
    let is_meant = |one: &Wanted, name: &str| one.id.as_str() == name || one.id.service() == name;
    if let Some(nobody) = only.iter().find(|name| !wanted.iter().any(|one| is_meant(one, name))) {
        let all: Vec<&str> = wanted.iter().map(|one| one.id.as_str()).take(20).collect();
        return Err(Failure::new(Exit::Usage, format!("--only {nobody}: no file describes that service"))
            .with_help(Some(format!("they describe {}", all.join(", ")))));
    }
    let mut kept: Vec<Wanted> =
        wanted.into_iter().filter(|one| only.iter().any(|name| is_meant(one, name))).collect();
    let ids: BTreeSet<Id> = kept.iter().map(|one| one.id.clone()).collect();
    for one in &mut kept {
        one.depends_on.retain(|on| ids.contains(on));
    }
    Ok(kept)
}
