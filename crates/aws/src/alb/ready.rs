//! What is looked at before a rollout by `controller: alb` begins. Nothing is changed here. Start with
//! [`Ready::of`].

use super::lease::{self, Lease, LeaseError, whoami};
use super::run::{AlbError, Runner};
use crate::client::Client;
use crate::deploy::{Before, DeployError, DeployPlan, Outcome, Then};
use crate::ecs::seen;
use crate::observe;
use crate::sink::{EventSink, now};
use serde_json::Value;
use tidegate_rollout::alb::check::find_rule;
use tidegate_rollout::alb::{CheckError, Found, Progress, begin};
use tidegate_rollout::names::{ServiceRef, TaskDefinitionArn};
use tidegate_rollout::observation::ServiceSeen;
use tidegate_rollout::strategy::Candidate;
use tidegate_rollout::{Event, Plan, pace};

/// A rollout that may begin.
pub(crate) struct Ready {
    progress: Progress,
}

impl Ready {
    pub(crate) async fn of(
        client: &Client,
        plan: &DeployPlan,
        candidate: &Candidate,
        before: &Before,
    ) -> Result<Self, DeployError> {
        before.controlled_by("ECS", &plan.strategy)?;
        if plan.then == Then::Return {
            return Err(DeployError::refused(
                "with controller `alb` this program moves the traffic, and --no-wait leaves before the first step",
                "leave out --no-wait; `tidegate resume` goes on with a rollout whose runner is gone",
            ));
        }
        if plan.desired_count.is_some() {
            return Err(DeployError::refused(
                "--desired-count and controller `alb` do not go together: the candidate gets stable's count",
                "set the count first, with `strategy: rolling`",
            ));
        }
        if let Some((held, ..)) = lease::read(client, &plan.target).await? {
            lease::free(&held)?;
        }
        let target = ServiceRef { cluster: plan.target.cluster.clone(), service: candidate.service.clone() };
        let second = client.described_service(&target).await?;
        let ServiceSeen::Described(service) = seen("DescribeServices", &second)? else {
            return Err(DeployError::refused("the candidate service does not exist", "create it first"));
        };
        let stable_group = only_group(plan.target.service.short(), &before.raw)?;
        let candidate_group = only_group(candidate.service.short(), &second)?;
        let rule = rule(client, &stable_group, &candidate_group, candidate.rule.as_deref()).await?;
        let progress = begin(Found {
            target: plan.target.clone(),
            strategy: plan.strategy.clone(),
            gates: plan.gates.clone(),
            by: whoami(),
            revision: before.service.task_definition.clone(),
            stable: &before.service,
            maximum_percent: before.size(plan).maximum_percent,
            candidate: &service,
            stable_group: &stable_group,
            candidate_group: &candidate_group,
            rule: &rule,
            timeout: plan.timeout_ms,
            gates_timeout: pace::on_clock(plan.gates_timeout, plan.watch.tick),
            tick: plan.watch.tick,
            now: now(),
        })?;
        Ok(Self { progress })
    }

    pub(crate) fn plan(&self) -> &Plan {
        self.progress.plan()
    }

    pub(crate) async fn start(
        self,
        client: &Client,
        plan: &DeployPlan,
        task_definition: TaskDefinitionArn,
        sink: &mut dyn EventSink,
    ) -> Result<Outcome, DeployError> {
        let progress = self.progress.of_revision(task_definition);
        if progress.is_sticky() {
            let message = "the rule keeps clients at the target group that they were sent to first; \
                           they follow the weights only when their cookie ends"
                .to_owned();
            sink.event(now(), &Event::Warned { message });
        }
        for event in progress.announced().into_iter().filter(|event| matches!(event, Event::StepBegan { .. }))
        {
            sink.event(now(), &event);
        }
        let lease = Lease::take(client, &whoami(), plan.watch.tick, &progress).await?;
        let runner = Runner::of(client, lease, progress, &*plan.elsewhere);
        Ok(Outcome::Ended(runner.run(None, sink).await?))
    }
}

/// The rule that a described service and its candidate are behind.
pub(crate) async fn rule_between(
    client: &Client,
    target: &ServiceRef,
    stable: &Value,
    candidate: &Candidate,
) -> Result<tidegate_rollout::alb::Rule, DeployError> {
    let second = ServiceRef { cluster: target.cluster.clone(), service: candidate.service.clone() };
    let second = client.described_service(&second).await?;
    let stable_group = only_group(target.service.short(), stable)?;
    let candidate_group = only_group(candidate.service.short(), &second)?;
    rule(client, &stable_group, &candidate_group, candidate.rule.as_deref()).await
}

/// The only target group of a described service.
fn only_group(name: &str, described: &Value) -> Result<String, CheckError> {
    let groups: Vec<String> = observe::list(described, "loadBalancers")
        .iter()
        .filter_map(|balancer| observe::text(balancer, "targetGroupArn"))
        .collect();
    match <[String; 1]>::try_from(groups) {
        Ok([only]) => Ok(only),
        Err(groups) => Err(CheckError::GroupsOfService { service: name.to_owned(), count: groups.len() }),
    }
}

/// The rule that both groups are behind.
async fn rule(
    client: &Client,
    stable: &str,
    candidate: &str,
    named: Option<&str>,
) -> Result<tidegate_rollout::alb::Rule, DeployError> {
    if stable == candidate {
        // `begin` says it in words.
        return Ok(find_rule(&[], stable, candidate, None).cloned().unwrap_or(tidegate_rollout::alb::Rule {
            arn: String::new(),
            place: tidegate_rollout::alb::Place::Rule,
            groups: Vec::new(),
            stickiness: tidegate_rollout::alb::Stickiness::Off,
            others: Vec::new(),
        }));
    }
    let balancer = common_balancer(client, stable, candidate).await?;
    let rules = client.rules_behind(&balancer).await?;
    Ok(find_rule(&rules, stable, candidate, named)?.clone())
}

/// The load balancer that both groups are behind.
pub(super) async fn common_balancer(
    client: &Client,
    stable: &str,
    candidate: &str,
) -> Result<String, DeployError> {
    let of = client.load_balancers_of(&[stable, candidate]).await?;
    let balancers = |group: &str| {
        of.iter().find(|(arn, _)| arn == group).map(|(_, balancers)| balancers.clone()).unwrap_or_default()
    };
    let (first, second) = (balancers(stable), balancers(candidate));
    if let Some(common) = first.iter().find(|arn| second.contains(arn)) {
        return Ok(common.clone());
    }
    let named = |balancers: &[String]| match balancers {
        [] => "no load balancer".to_owned(),
        some => some.iter().map(|arn| balancer_name(arn)).collect::<Vec<_>>().join(", "),
    };
    Err(DeployError::refused(
        format!(
            "the two target groups are on different load balancers: {} on {}, {} on {}",
            group_name(stable),
            named(&first),
            group_name(candidate),
            named(&second)
        ),
        "put both into the forward action of one listener rule",
    ))
}

/// The name in a load balancer's ARN.
fn balancer_name(arn: &str) -> String {
    arn.rsplit('/').nth(1).unwrap_or(arn).to_owned()
}

/// The name in a target group's ARN.
pub(super) fn group_name(arn: &str) -> &str {
    arn.rsplit('/').nth(1).unwrap_or(arn)
}

impl From<CheckError> for DeployError {
    fn from(error: CheckError) -> Self {
        Self::refused(error.to_string(), "nothing was changed; put it right and deploy again")
    }
}

impl From<LeaseError> for DeployError {
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Aws(error) => Self::Aws(error),
            LeaseError::Held(_) => Self::refused(
                error.to_string(),
                "follow it with `tidegate status`, or stop it with `tidegate abort`",
            ),
            LeaseError::Unfinished(_) => Self::refused(
                error.to_string(),
                "go on with `tidegate resume`, or take the traffic back with `tidegate abort`",
            ),
            other => Self::refused(other.to_string(), "see the parameter with `aws ssm get-parameter`"),
        }
    }
}

impl From<AlbError> for DeployError {
    fn from(error: AlbError) -> Self {
        let help = error.help();
        Self::Left { what: error.to_string(), help }
    }
}
