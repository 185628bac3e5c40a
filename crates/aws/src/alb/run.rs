//! The loop: look, step, save, act, look again. What is to be saved is saved before anything is
//! changed, and whoever lost the lease changes nothing more. Start with [`Runner::run`].

use super::lease::{Lease, LeaseError, parameter_name};
use crate::client::Client;
use crate::cloudwatch::Series;
use crate::error::{AwsError, Fate};
use crate::gates::{Elsewhere, GateAsker, TrafficGroups};
use crate::history;
use crate::observe;
use crate::sink::{EventSink, now};
use serde_json::{Value, json};
use std::time::Duration;
use tidegate_rollout::alb::{
    Act, Action, Counted, Haste, Progress, Question, Request, RevisionSeen, Role, Seen, step,
};
use tidegate_rollout::names::ServiceRef;
use tidegate_rollout::observation::ServiceSeen;
use tidegate_rollout::{Event, Millis, Verdict, rolling};

/// How late CloudWatch may be with a minute in which nobody had a request.
const LATE: Millis = 180_000;
/// The period of the load balancer's metrics.
const MINUTE: Millis = 60_000;

/// Why a rollout goes no further here. The weights stay where they are.
#[derive(Debug, thiserror::Error)]
pub enum AlbError {
    /// AWS cannot be asked any more.
    #[error("cannot go on: {0}; nothing moves any more, the weights stay where they are")]
    Aws(#[from] AwsError),
    /// The lease.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// There is nothing to do it to.
    #[error("{0}")]
    Nothing(String),
    /// An abort after the stable service was touched.
    #[error(
        "it is too late to abort: the stable service runs {revision} already, or in part; the work goes on"
    )]
    TooLate {
        /// `family:revision`.
        revision: String,
    },
}

impl AlbError {
    /// What to do.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Aws(error) => {
                let help = error.help().map(|help| format!("{help}; then ")).unwrap_or_default();
                Some(format!("{help}`tidegate resume` goes on, `tidegate abort` takes the traffic back"))
            }
            Self::Lease(LeaseError::Lost { .. }) => Some("follow it with `tidegate status`".into()),
            Self::Lease(LeaseError::Held(_)) => Some("wait until it ends, or `tidegate abort` it".into()),
            Self::TooLate { .. } => Some("once the rollout has ended, `tidegate rollback` goes back".into()),
            Self::Lease(_) | Self::Nothing(_) => None,
        }
    }
}

/// One process's part of a rollout.
pub(super) struct Runner<'a> {
    client: &'a Client,
    lease: Lease,
    progress: Progress,
    gates: GateAsker<'a>,
    /// The step that the gates are asked about.
    step_asked: Option<usize>,
    load_balancer: Option<String>,
    unsaved: bool,
    said: Option<String>,
}

impl<'a> Runner<'a> {
    pub(super) fn of(
        client: &'a Client,
        lease: Lease,
        progress: Progress,
        elsewhere: &'a dyn Elsewhere,
    ) -> Self {
        let load_balancer = load_balancer_of(progress.rule());
        let groups = traffic_groups(&progress);
        let gates = GateAsker::new(client, elsewhere, groups, lease.tick());
        Self { client, lease, progress, gates, step_asked: None, load_balancer, unsaved: false, said: None }
    }

    /// Runs to the verdict; `request` is something that was asked for before the first look.
    pub(super) async fn run(
        mut self,
        request: Option<Request>,
        sink: &mut dyn EventSink,
    ) -> Result<Verdict, AlbError> {
        let mut asked = request;
        let mut refused = None;
        loop {
            let mut seen = self.look(sink).await?;
            seen.refused = refused.take();
            seen.request = asked.take().or(seen.request);
            let changed = self.consider(&mut seen, &mut refused, sink).await?;
            if let Some(verdict) = self.progress.verdict().filter(|_| !self.unsaved).cloned() {
                history::keep(self.client, self.progress.revision(), &verdict, sink).await;
                return Ok(verdict);
            }
            if self.lease.is_due() || self.unsaved {
                self.unsaved = true;
                self.save(sink).await?;
            }
            if changed == Changed::Nothing {
                let wait = self.progress.next_look().unsigned_abs();
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
        }
    }

    /// Steps until the look is used up.
    async fn consider(
        &mut self,
        seen: &mut Seen,
        refused: &mut Option<String>,
        sink: &mut dyn EventSink,
    ) -> Result<Changed, AlbError> {
        loop {
            let (next, actions) = step(&self.progress, seen, now());
            // Each answer is heard once.
            seen.request = None;
            seen.refused = None;
            seen.readings.clear();
            self.progress = next;
            let (mut changed, mut fuller) = (Changed::Nothing, false);
            for action in actions {
                match action {
                    Action::Save => self.unsaved = true,
                    Action::Act(act) => {
                        self.save(sink).await?;
                        if !self.unsaved || is_hasty(&act) {
                            *refused = self.act(&act, sink).await?;
                            changed = Changed::Something;
                        }
                    }
                    Action::Report(event) => sink.event(now(), &event),
                    Action::Read(read) => {
                        self.read(&read, seen).await;
                        fuller = true;
                    }
                }
            }
            self.save(sink).await?;
            if !fuller || changed == Changed::Something {
                return Ok(changed);
            }
        }
    }

    /// Writes the progress if there is news. Where that fails in a way that passes, it is tried again at
    /// the next look; until then nothing is changed but what users cannot wait for.
    async fn save(&mut self, sink: &mut dyn EventSink) -> Result<(), AlbError> {
        if !self.unsaved {
            return Ok(());
        }
        match self.lease.save(self.client, &self.progress).await {
            Ok(()) => self.unsaved = false,
            Err(LeaseError::Aws(error)) if error.passes() => {
                self.warn(format!("cannot save the progress at the moment, trying again: {error}"), sink);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// One look: each question one call.
    async fn look(&mut self, sink: &mut dyn EventSink) -> Result<Seen, AlbError> {
        let mut seen = Seen::default();
        let mut trouble = None;
        for question in self.progress.questions() {
            match self.ask(&question, &mut seen).await {
                Ok(()) => {}
                Err(error) if error.passes() || matches!(question, Question::Traffic { .. }) => {
                    trouble = Some(format!("cannot look at the moment, trying again: {error}"));
                }
                Err(error) => return Err(error.into()),
            }
        }
        match trouble {
            Some(trouble) => self.warn(trouble, sink),
            None => self.said = None,
        }
        Ok(seen)
    }

    async fn ask(&mut self, question: &Question, seen: &mut Seen) -> Result<(), AwsError> {
        match question {
            Question::Request => seen.request = read_request(self.client, self.progress.target()).await?,
            Question::Rule(arn) => seen.rule = Some(self.client.rule(arn).await?),
            Question::Services => {
                seen.stable = Some(self.service(Role::Stable).await?);
                seen.candidate = Some(self.service(Role::Candidate).await?);
            }
            Question::Targets(role) => {
                let targets = self.client.targets(self.progress.target_group(*role)).await?;
                match role {
                    Role::Stable => seen.stable_targets = Some(targets),
                    Role::Candidate => seen.candidate_targets = Some(targets),
                }
            }
            Question::Traffic { since } => seen.counted = self.counted(*since).await?,
            Question::Revision(revision) => {
                let described = self.client.described_task_definition(revision.as_str()).await?;
                let is_active = observe::word(&described, "status") == Some("ACTIVE");
                seen.revision = Some(if is_active { RevisionSeen::Active } else { RevisionSeen::Gone });
            }
            Question::Gates(indices) => {
                let Some(watch) = self.progress.watch() else { return Ok(()) };
                if self.step_asked != Some(watch.step()) {
                    self.step_asked = Some(watch.step());
                    self.gates.begin_step(self.progress.share(), now());
                }
                let gates: Vec<_> =
                    indices.iter().filter_map(|index| self.progress.plan().gates.get(*index)).collect();
                let readings = self.gates.ask_all(&gates).await;
                seen.readings = indices.iter().copied().zip(readings).collect();
            }
        }
        Ok(())
    }

    async fn service(&self, role: Role) -> Result<ServiceSeen, AwsError> {
        self.client.observed_service(&self.progress.service(role)).await
    }

    /// The requests of whole minutes, as far as CloudWatch has them.
    async fn counted(&self, since: Millis) -> Result<Option<Counted>, AwsError> {
        let Some(load_balancer) = &self.load_balancer else { return Ok(None) };
        let clock = self.client.clock(self.lease.tick());
        let upto = clock.aws(now());
        let from = whole(clock.aws(since) + MINUTE - 1);
        // Not one whole minute yet.
        if from >= whole(upto) {
            return Ok(None);
        }
        let series = [Role::Stable, Role::Candidate].map(|role| Series {
            namespace: "AWS/ApplicationELB".to_owned(),
            metric: "RequestCount".to_owned(),
            dimensions: vec![
                ("TargetGroup".to_owned(), suffix(self.progress.target_group(role), "targetgroup/")),
                ("LoadBalancer".to_owned(), suffix(load_balancer, "app/")),
            ],
            statistic: "Sum".to_owned(),
            period: MINUTE,
        });
        let points = self.client.points(&series, from, whole(upto)).await?;
        let [stable, candidate] = points.as_slice() else { return Ok(None) };
        // A minute of which either group has a point is known of both.
        let known =
            stable.iter().chain(candidate).map(|(at, _)| at + MINUTE).filter(|end| *end <= upto).max();
        let until = known.unwrap_or(0).max(whole(upto - LATE));
        if until <= from {
            return Ok(None);
        }
        let sum = |points: &[(Millis, f64)]| {
            let inside = points.iter().filter(|(at, _)| (from..until).contains(at));
            inside.map(|(_, value)| *value).sum::<f64>().round() as u64
        };
        Ok(Some(Counted {
            from: clock.here(from).max(since),
            until: clock.here(until),
            stable: sum(stable),
            candidate: sum(candidate),
        }))
    }

    /// More of the same moment; what cannot be had is done without.
    async fn read(&mut self, action: &rolling::Action, seen: &mut Seen) {
        match action {
            rolling::Action::ReadServiceDeployment(arn) => match self.client.service_deployment(arn).await {
                Ok(Some(known)) => seen.service_deployment = Some(known),
                _ => self.progress.forget_service_deployment(),
            },
            rolling::Action::ReadStoppedTasks(_) => {
                let target = self.progress.following().map(|rollout| rollout.target().clone());
                seen.stopped_tasks = Some(match target {
                    Some(target) => self.client.stopped_tasks(&target).await.unwrap_or_default(),
                    None => Vec::new(),
                });
            }
            _ => {}
        }
    }

    /// Carries an act out; answers what AWS refused.
    async fn act(&mut self, act: &Act, sink: &mut dyn EventSink) -> Result<Option<String>, AlbError> {
        let done = match act {
            Act::SetWeights { seen, stable, candidate, to, .. } => {
                // A rule that is not as it was seen was left alone: the next look judges it.
                self.client.set_weights(seen, stable, candidate, *to).await.map(|_| ())
            }
            Act::UpdateService { role, task_definition, desired } => {
                let target = self.progress.service(*role);
                let mut request = json!({
                    "cluster": target.cluster, "service": target.service, "taskDefinition": task_definition,
                });
                if let (Some(count), Some(members)) = (desired, request.as_object_mut()) {
                    members.insert("desiredCount".into(), json!(count));
                }
                self.update(&target, &request).await
            }
        };
        match done {
            Ok(()) => Ok(None),
            Err(error) if error.fate() == Fate::Refused => Ok(Some(error.to_string())),
            // It may have happened: the next look tells.
            Err(error) => {
                self.warn(error.to_string(), sink);
                Ok(None)
            }
        }
    }

    async fn update(&self, target: &ServiceRef, request: &Value) -> Result<(), AwsError> {
        // An update of unknown fate is read back by the next look, not here: nothing is known to be new.
        self.client.update(target, request, &std::collections::BTreeSet::new()).await.map(|_| ())
    }

    fn warn(&mut self, message: String, sink: &mut dyn EventSink) {
        if self.said.as_ref() != Some(&message) {
            sink.event(now(), &Event::Warned { message: message.clone() });
            self.said = Some(message);
        }
    }
}

/// Whether something was changed, so that it must be read back at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changed {
    Nothing,
    Something,
}

fn is_hasty(act: &Act) -> bool {
    matches!(act, Act::SetWeights { haste: Haste::UsersFirst, .. })
}

/// The groups whose requests are counted.
pub(super) fn traffic_groups(progress: &Progress) -> Option<TrafficGroups> {
    Some(TrafficGroups {
        stable: progress.target_group(Role::Stable).to_owned(),
        candidate: progress.target_group(Role::Candidate).to_owned(),
        load_balancer: load_balancer_of(progress.rule())?,
    })
}

/// What somebody asked of the rollout, if it can be read.
async fn read_request(client: &Client, target: &ServiceRef) -> Result<Option<Request>, AwsError> {
    let parameter = client.parameter(&request_name(target)).await?;
    Ok(parameter.and_then(|parameter| serde_json::from_str(&parameter.value).ok()))
}

/// The parameter that requests are written to: one of its own, so that no write of the runner loses one.
pub(super) fn request_name(target: &ServiceRef) -> String {
    format!("{}/request", parameter_name(target))
}

/// `…:listener-rule/app/<name>/<id>/…` is a rule of `…:loadbalancer/app/<name>/<id>`.
fn load_balancer_of(rule: &str) -> Option<String> {
    let (head, tail) = rule.split_once(":listener-rule/")?;
    let parts: Vec<&str> = tail.split('/').take(3).collect();
    (parts.len() == 3).then(|| format!("{head}:loadbalancer/{}", parts.join("/")))
}

fn suffix(arn: &str, from: &str) -> String {
    arn.find(from).map_or(arn, |at| &arn[at..]).to_owned()
}

/// The beginning of its minute.
fn whole(at: Millis) -> Millis {
    at - at.rem_euclid(MINUTE)
}
