//! Ctrl-C and SIGTERM: the program stops, the deployment does not. It must always say what goes on
//! without it and how to come back. Start with [`uninterrupted`].

use crate::exit::Exit;
use crate::failure::Failure;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tidegate_aws::EventSink;
use tidegate_report::Reporter;
use tidegate_rollout::names::ServiceRef;
use tidegate_rollout::{Controller, Event, Millis, Percent};

/// How often a live view moves its clock.
const REFRESH: Duration = Duration::from_millis(250);

/// How far the work has come, for the words of an interruption.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    NothingSent,
    Registered {
        revision: String,
    },
    Started {
        deployment: String,
        revision: String,
    },
    /// Tidegate itself moves the traffic.
    Moving {
        share: Percent,
    },
    /// It goes back, by whoever moves it.
    GoingBack {
        to: String,
    },
    /// Somebody else runs it.
    OnlyWatched,
}

/// What the program has to do with the deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It runs it.
    Runs,
    /// It only looks on.
    LooksOn,
}

struct Shared {
    reporter: Box<dyn Reporter>,
    stage: Stage,
    /// Whether Tidegate itself moves the traffic.
    is_own: bool,
}

/// The sink that work reports to.
#[derive(Clone)]
pub struct Interruptible(Arc<Mutex<Shared>>);

impl EventSink for Interruptible {
    fn event(&mut self, at: Millis, event: &Event) {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Registered { task_definition } => {
                shared.stage = Stage::Registered { revision: task_definition.short().to_owned() };
            }
            Event::Started { deployment, task_definition, .. } => {
                shared.stage = Stage::Started {
                    deployment: deployment.to_string(),
                    revision: task_definition.short().to_owned(),
                };
            }
            Event::RollingBack { to, .. } if shared.stage == Stage::NothingSent => {
                shared.stage = Stage::GoingBack { to: to.short().to_owned() };
            }
            Event::RollbackRequested { .. } if shared.stage == Stage::NothingSent => {
                shared.stage = Stage::GoingBack { to: "the earlier revision".to_owned() };
            }
            Event::PlanMade { plan } if plan.strategy.controller() == Controller::Alb => {
                shared.is_own = true;
            }
            Event::StepBegan { .. } if shared.is_own && !matches!(shared.stage, Stage::Moving { .. }) => {
                shared.stage = Stage::Moving { share: Percent::NONE };
            }
            Event::Weighed { asked, set, .. } if shared.is_own => {
                shared.stage = Stage::Moving { share: set.unwrap_or(*asked) };
            }
            _ => {}
        }
        shared.reporter.event(at, event);
    }
}

impl Interruptible {
    fn refresh(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as Millis);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).reporter.refresh(now);
    }

    /// How far it has come, for the last words.
    fn stage(&self, part: Part) -> Stage {
        let stage = self.finish();
        if part == Part::LooksOn { Stage::OnlyWatched } else { stage }
    }

    fn finish(&self) -> Stage {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shared.reporter.finish();
        shared.stage.clone()
    }
}

/// Ctrl-C and SIGTERM, for work that is no deployment.
pub struct Signals {
    interrupted: tokio::signal::unix::Signal,
    terminated: tokio::signal::unix::Signal,
}

impl Signals {
    /// From here on they do not end the program by themselves.
    pub fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Failure::new(Exit::Refused, format!("cannot listen for signals: {error}")))
        };
        Ok(Self {
            interrupted: listen(SignalKind::interrupt())?,
            terminated: listen(SignalKind::terminate())?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupted.recv() => {}
            _ = self.terminated.recv() => {}
        }
    }
}

/// Runs the work to its end, or to the first Ctrl-C or SIGTERM.
pub async fn uninterrupted<T, W>(
    reporter: Box<dyn Reporter>,
    target: &ServiceRef,
    part: Part,
    work: W,
) -> Result<T, Failure>
where
    W: AsyncFnOnce(&mut Interruptible) -> T,
{
    let shared =
        Interruptible(Arc::new(Mutex::new(Shared { reporter, stage: Stage::NothingSent, is_own: false })));
    let mut sink = shared.clone();
    let work = work(&mut sink);
    tokio::pin!(work);
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(|error| Failure::new(Exit::Refused, format!("cannot listen for signals: {error}")))?;
    let mut clock = tokio::time::interval(REFRESH);
    loop {
        tokio::select! {
            done = &mut work => {
                shared.finish();
                return Ok(done);
            }
            _ = clock.tick() => shared.refresh(),
            _ = tokio::signal::ctrl_c() => return Err(interrupted(&shared.stage(part), target)),
            _ = terminated.recv() => return Err(interrupted(&shared.stage(part), target)),
        }
    }
}

fn interrupted(stage: &Stage, target: &ServiceRef) -> Failure {
    let place = format!("--cluster {} --service {}", target.cluster.short(), target.service.short());
    let (what, help) = match stage {
        Stage::NothingSent => ("interrupted; nothing that runs was changed".to_owned(), None),
        Stage::OnlyWatched => (
            "interrupted; this program only looked on, and what it looked at goes on".to_owned(),
            Some(format!("look again with `tidegate watch {place}`")),
        ),
        Stage::GoingBack { to } => (
            format!("interrupted; the service goes back to {to} without this program"),
            Some(format!("see it with `tidegate watch {place}`")),
        ),
        Stage::Registered { revision } => (
            format!(
                "interrupted after {revision} was registered; whether UpdateService was sent is not known"
            ),
            Some(format!("see with `tidegate status {place}`")),
        ),
        Stage::Started { deployment, revision } => (
            format!(
                "interrupted; ECS goes on with deployment {deployment} of {revision} without this program"
            ),
            Some(format!(
                "see it with `tidegate watch {place}`, have its gates asked again with `tidegate resume {place}`, or undo it with `tidegate abort {place}`"
            )),
        ),
        Stage::Moving { share } => (
            format!(
                "interrupted; nothing moves any more: the candidate keeps {share} of the traffic, and no gate is asked"
            ),
            Some(format!(
                "go on with `tidegate resume {place}`, from any machine, or take the traffic back with `tidegate abort {place}`"
            )),
        ),
    };
    Failure::new(Exit::Interrupted, what).with_help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_rollout::names::{ClusterName, ServiceName};

    #[test]
    fn an_interruption_says_what_goes_on_and_how_to_come_back() {
        let target = ServiceRef {
            cluster: ClusterName::parse("prod").expect("valid"),
            service: ServiceName::parse("web").expect("valid"),
        };
        let stages = [
            Stage::NothingSent,
            Stage::Registered { revision: "web:8".into() },
            Stage::Started { deployment: "ecs-svc/2".into(), revision: "web:8".into() },
            Stage::Moving { share: Percent::whole(25) },
        ];
        let said: Vec<String> =
            stages.iter().map(|stage| format!("{:?}", interrupted(stage, &target))).collect();
        insta::assert_snapshot!(said.join("\n"));
    }
}
