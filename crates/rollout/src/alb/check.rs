//! What must be so before anything changes. Each complaint says what is, and what to do. Start with
//! [`begin`].

use super::progress::{Baseline, Fresh, Hold, MeasuredYet, Phase, Planned, Progress, Update};
use super::rule::{Rule, Way, Weights, group_name};
use crate::gate::Gate;
use crate::names::ServiceRef;
use crate::observation::{RolloutState, Service};
use crate::plan::Size;
use crate::strategy::Strategy;
use crate::{Millis, TaskDefinitionArn};

/// What was found, and what is wanted.
#[derive(Debug, Clone)]
pub struct Found<'a> {
    /// The stable service's name.
    pub target: ServiceRef,
    /// How, with the candidate service.
    pub strategy: Strategy,
    /// What must hold for each step to pass.
    pub gates: Vec<Gate>,
    /// Who starts it.
    pub by: String,
    /// The revision to roll out.
    pub revision: TaskDefinitionArn,
    /// The stable service.
    pub stable: &'a Service,
    /// Its `maximumPercent`.
    pub maximum_percent: u32,
    /// The candidate service.
    pub candidate: &'a Service,
    /// The only target group of the stable service.
    pub stable_group: &'a str,
    /// The only target group of the candidate service.
    pub candidate_group: &'a str,
    /// The rule whose weights are moved.
    pub rule: &'a Rule,
    /// How long anything but a bake may take.
    pub timeout: Millis,
    /// How long after a step's bake its gates may take to answer.
    pub gates_timeout: Millis,
    /// The tick of the clock that it runs on.
    pub tick: Millis,
    /// The moment.
    pub now: Millis,
}

/// Why a rollout cannot begin. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// The candidate is the service itself.
    #[error("the candidate service is the service itself; controller `alb` needs a second service")]
    SameService,
    /// Both services are behind the same target group.
    #[error("both services register in target group {group}; each needs one of its own")]
    SameGroup {
        /// Its name.
        group: String,
    },
    /// A service without a target group, or with several.
    #[error("service {service} has {count} target groups, and it needs exactly one")]
    GroupsOfService {
        /// The service.
        service: String,
        /// How many it has.
        count: usize,
    },
    /// No rule forwards to both.
    #[error(
        "no listener rule forwards to both {stable} and {candidate}{found}; put both into the forward action of one rule, {stable} with weight 100 and {candidate} with 0"
    )]
    NoRule {
        /// Stable's group.
        stable: String,
        /// The candidate's group.
        candidate: String,
        /// What there is instead.
        found: String,
    },
    /// Several do.
    #[error("{} listener rules forward to both {stable} and {candidate}; name one as `alb.rule`: {}", rules.len(), rules.join(", "))]
    SeveralRules {
        /// Stable's group.
        stable: String,
        /// The candidate's group.
        candidate: String,
        /// Their ARNs.
        rules: Vec<String>,
    },
    /// The rule forwards to other groups, too, or not to both.
    #[error("rule {rule} forwards to {groups}, and it must forward to exactly {stable} and {candidate}")]
    OtherGroups {
        /// The rule.
        rule: String,
        /// What it forwards to.
        groups: String,
        /// Stable's group.
        stable: String,
        /// The candidate's group.
        candidate: String,
    },
    /// The candidate has traffic, or nobody has.
    #[error(
        "the rule's weights are {weights}, and stable must have everything before a rollout; `tidegate shift --to 0` brings it home"
    )]
    NotHome {
        /// The weights.
        weights: Weights,
    },
    /// A service that moves, or does not run in full.
    #[error("service {service} is not steady: {why}")]
    NotSteady {
        /// Which.
        service: String,
        /// Why not.
        why: String,
    },
    /// Nothing to compare with, and nothing to promote to.
    #[error("service {service} wants no task; it must run before it can be rolled")]
    NothingRuns {
        /// Which.
        service: String,
    },
}

/// A rollout that may begin.
pub fn begin(found: Found<'_>) -> Result<Progress, CheckError> {
    let Strategy::Alb(_, candidate) = &found.strategy else {
        return Err(CheckError::SameService);
    };
    if candidate.service.short() == found.target.service.short() {
        return Err(CheckError::SameService);
    }
    if found.stable_group == found.candidate_group {
        return Err(CheckError::SameGroup { group: group_name(found.stable_group).to_owned() });
    }
    let home = found.rule.weights(found.stable_group, found.candidate_group).ok_or_else(|| {
        let groups: Vec<&str> = found.rule.groups.iter().map(|group| group_name(&group.arn)).collect();
        CheckError::OtherGroups {
            rule: found.rule.arn.clone(),
            groups: if groups.is_empty() { "no target group".into() } else { groups.join(", ") },
            stable: group_name(found.stable_group).to_owned(),
            candidate: group_name(found.candidate_group).to_owned(),
        }
    })?;
    if !home.are_home() {
        return Err(CheckError::NotHome { weights: home });
    }
    steady(found.target.service.short(), found.stable)?;
    if found.stable.desired_count == 0 {
        return Err(CheckError::NothingRuns { service: found.target.service.short().to_owned() });
    }
    resting(candidate.service.short(), found.candidate)?;
    let size = Size { desired: found.stable.desired_count, maximum_percent: found.maximum_percent };
    Ok(Progress {
        way: Way::of(found.rule, found.stable_group, found.candidate_group, home),
        plan: Planned::of(found.target, found.strategy, found.gates, size, found.tick),
        by: found.by,
        started_at: found.now,
        timeout: found.timeout,
        gates_timeout: found.gates_timeout,
        tick: found.tick,
        revision: found.revision,
        found: Baseline {
            stable_revision: found.stable.task_definition.clone(),
            desired: found.stable.desired_count,
            candidate_revision: found.candidate.task_definition.clone(),
            candidate_desired: found.candidate.desired_count,
        },
        phase: Phase::ScalingUp,
        deadline: found.now + found.timeout,
        update: Update::NotAsked,
        failures: 0,
        candidate_deployment: None,
        hold: Hold::Free,
        last_request: None,
        watch: None,
        quiet: None,
        measured: MeasuredYet::NotYet,
        verdict: None,
        fresh: Fresh::default(),
    })
}

/// Runs in full, and nothing moves.
fn steady(name: &str, service: &Service) -> Result<(), CheckError> {
    resting(name, service)?;
    let running: u32 = service.deployments.iter().filter(|d| d.is_primary()).map(|d| d.running).sum();
    if running < service.desired_count {
        let why = format!("{running} of {} tasks run", service.desired_count);
        return Err(CheckError::NotSteady { service: name.to_owned(), why });
    }
    Ok(())
}

/// Nothing moves.
fn resting(name: &str, service: &Service) -> Result<(), CheckError> {
    let not_steady = |why: String| Err(CheckError::NotSteady { service: name.to_owned(), why });
    if service.status != "ACTIVE" {
        return not_steady(format!("it is {}", service.status));
    }
    let moving = service.deployments.iter().find(|d| d.rollout_state == Some(RolloutState::InProgress));
    match moving {
        Some(moving) => not_steady(format!(
            "deployment {} of {} is in progress; wait for it with `tidegate wait`",
            moving.id,
            moving.task_definition.short()
        )),
        None if service.deployments.is_empty() => not_steady(
            "it has no deployment of its own; controller `alb` needs services with the ECS controller".into(),
        ),
        None => Ok(()),
    }
}

/// The rule that forwards to both groups: the one that is named, or the only one.
pub fn find_rule<'a>(
    rules: &'a [Rule],
    stable: &str,
    candidate: &str,
    named: Option<&str>,
) -> Result<&'a Rule, CheckError> {
    let names = || (group_name(stable).to_owned(), group_name(candidate).to_owned());
    let has = |rule: &Rule, arn: &str| rule.groups.iter().any(|group| group.arn == arn);
    if let Some(named) = named {
        return rules.iter().find(|rule| rule.arn == named).ok_or_else(|| {
            let (stable, candidate) = names();
            let found = format!(" (there is no rule {named} on their load balancer)");
            CheckError::NoRule { stable, candidate, found }
        });
    }
    let both: Vec<&Rule> = rules.iter().filter(|rule| has(rule, stable) && has(rule, candidate)).collect();
    let (stable_name, candidate_name) = names();
    match both.as_slice() {
        [only] => Ok(only),
        [] => {
            let one = rules.iter().find(|rule| has(rule, stable) || has(rule, candidate));
            let found = one.map_or_else(String::new, |rule| {
                let groups: Vec<&str> = rule.groups.iter().map(|group| group_name(&group.arn)).collect();
                format!(" (rule {} forwards to {})", rule.arn, groups.join(", "))
            });
            Err(CheckError::NoRule { stable: stable_name, candidate: candidate_name, found })
        }
        several => Err(CheckError::SeveralRules {
            stable: stable_name,
            candidate: candidate_name,
            rules: several.iter().map(|rule| rule.arn.clone()).collect(),
        }),
    }
}
