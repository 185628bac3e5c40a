//! One-off tasks: started in the place of a service, followed with their logs to their end. It must never start a second
//! one for one wish: the call carries a token. Start with [`start`], then [`Follower::run`].

use crate::client::{Client, Customized, ask};
use crate::deploy::{DeployError, DeployPlan, TaskDefinitionSource, resolved_images};
use crate::ecs::json;
use crate::error::AwsError;
use crate::exchange::Exchange;
use crate::observe;
use crate::pacing::Bucket;
use crate::sink::{EventSink, now};
use crate::tail::{Line, Tail, Wanted};
use serde_json::Value;
use std::time::Duration;
use tidegate_rollout::names::{ClusterName, TaskDefinitionArn};
use tidegate_rollout::one_off::{OneOffError, Wish, placed, request};
use tidegate_rollout::task_definition::{Registering, prepare};
use tidegate_rollout::tasks::TaskSeen;
use tidegate_rollout::{Event, Millis};
use tokio::time::Instant;

/// How long no line must come before the log of a stopped task is taken to be whole. Lines are shipped on their own time,
/// whatever the task's clock says.
const SILENCE: Duration = Duration::from_secs(3);
/// How long a stopped task is listened to at most.
const LAST_WORDS: Duration = Duration::from_secs(20);
/// How long to wait between two looks at the log of a stopped task, at most.
const PAUSE: Duration = Duration::from_millis(500);

/// Tasks that were started.
#[derive(Debug, Clone)]
pub struct Started {
    /// Their cluster.
    pub cluster: ClusterName,
    /// The container whose exit code counts.
    pub container: String,
    /// The tasks as `RunTask` answered them.
    pub tasks: Vec<TaskSeen>,
}

/// Why none was started.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// AWS did not do what was asked, or what is wanted cannot be made.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// No task, or not all.
    #[error(transparent)]
    OneOff(#[from] OneOffError),
}

impl From<AwsError> for RunError {
    fn from(error: AwsError) -> Self {
        Self::Deploy(error.into())
    }
}

impl RunError {
    /// What to do.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Deploy(error) => error.help(),
            Self::OneOff(error) => error.help(),
        }
    }
}

/// Starts the tasks that are wished for, by the plan's task definition and images, where the plan's service runs.
///
/// An image other than the definition's needs a revision of its own, since `RunTask` takes none. It is registered for this
/// run alone and deregistered once the tasks have it, so that nobody deploys it by the family's name.
///
/// # Errors
///
/// [`RunError`]. Tasks that did start although others did not are named in it and run on.
pub async fn start(
    client: &Client,
    plan: &DeployPlan,
    wish: &Wish,
    sink: &mut dyn EventSink,
) -> Result<Started, RunError> {
    let service = client.described_service(&plan.target).await?;
    let name = match &plan.source {
        TaskDefinitionSource::Registered(name) => name.clone(),
        TaskDefinitionSource::Running | TaskDefinitionSource::Document(_) => {
            observe::running_task_definition(&service)
                .map_err(|error| crate::ecs::unexpected("DescribeServices", &error.to_string()))?
                .as_str()
                .to_owned()
        }
    };
    let base = client.described_task_definition(&name).await?;
    let images = resolved_images(client, plan, sink).await;
    let wanted = match &plan.source {
        TaskDefinitionSource::Document(document) => document,
        TaskDefinitionSource::Running | TaskDefinitionSource::Registered(_) => &base,
    };
    let prepared = prepare(&base, wanted, &images).map_err(DeployError::from)?;
    // What cannot be sent is refused before anything is registered.
    let mut definition = prepared.document.clone();
    definition["taskDefinitionArn"] = base["taskDefinitionArn"].clone();
    let mut one_off = request(&plan.target, &service, &definition, wish)?;
    let of_its_own = match prepared.registering() {
        Registering::NotNeeded => None,
        Registering::Needed => {
            let arn = crate::origin::register(client, plan, &prepared.document, "run", sink).await?;
            one_off.request["taskDefinition"] = Value::String(arn.as_str().to_owned());
            Some(arn)
        }
    };
    let answer = client.run_task(&one_off.request).await;
    if let Some(arn) = of_its_own {
        put_away(client, &arn, sink).await;
    }
    let answer = answer?;
    placed(&answer, wish.count)?;
    let tasks = observe::list(&answer, "tasks").iter().filter_map(TaskSeen::read).collect();
    Ok(Started { cluster: plan.target.cluster.clone(), container: one_off.container, tasks })
}

/// A token for one wish: whoever sends it again starts nothing more.
pub fn token() -> String {
    format!("tidegate-{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..))
}

/// Tasks that have a revision keep it; nobody else gets it any more.
async fn put_away(client: &Client, arn: &TaskDefinitionArn, sink: &mut dyn EventSink) {
    if let Err(error) = client.deregister(arn).await {
        let message = format!("{} was registered for this run alone and stays ACTIVE: {error}", arn.short());
        sink.event(now(), &Event::Warned { message });
    }
}

/// What is told on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A task has another status than before.
    Moved(Box<TaskSeen>),
    /// New lines of their logs.
    Lines(Vec<Line>),
    /// Something about the logs that could not be read.
    Note(String),
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// All are STOPPED.
    Stopped(Vec<TaskSeen>),
    /// The time was over; those that are not STOPPED run on.
    TimedOut(Vec<TaskSeen>),
    /// Somebody interrupted; those that are not STOPPED run on.
    Interrupted(Vec<TaskSeen>),
}

/// Follows tasks to their end.
#[derive(Debug)]
pub struct Follower {
    client: Client,
    cluster: ClusterName,
    tasks: Vec<TaskSeen>,
    tail: Tail,
    tick: Millis,
    notes: Vec<String>,
    has_spoken: bool,
}

impl Follower {
    /// Of tasks that were started.
    pub fn of(client: &Client, started: &Started, tick: Millis) -> Self {
        let ids = started.tasks.iter().map(|task| (task.id.clone(), task.task_definition.clone()));
        let since = started.tasks.iter().filter_map(|task| task.created_at).min().unwrap_or(0);
        let tail = Tail::of_tasks(client.clone(), ids.collect(), Wanted::default(), since, tick);
        Self {
            client: client.clone(),
            cluster: started.cluster.clone(),
            tasks: started.tasks.clone(),
            tail,
            tick,
            notes: Vec::new(),
            has_spoken: false,
        }
    }

    /// To the end, to the deadline (in milliseconds from now), or to when `interrupted` is ready. May be called again.
    ///
    /// # Errors
    ///
    /// When AWS refuses to be looked at. A look that fails in a way that passes is taken again.
    pub async fn run(
        &mut self,
        within: Millis,
        interrupted: impl Future<Output = ()>,
        tell: &mut dyn FnMut(Told),
    ) -> Result<End, AwsError> {
        let deadline = now() + within;
        tokio::pin!(interrupted);
        loop {
            match self.look(tell).await {
                Err(error) if !error.passes() || now() >= deadline => return Err(error),
                Err(_) | Ok(()) => {}
            }
            if self.tasks.iter().all(TaskSeen::is_stopped) {
                self.hear_the_rest(tell).await;
                return Ok(End::Stopped(self.tasks.clone()));
            }
            if now() >= deadline {
                return Ok(End::TimedOut(self.tasks.clone()));
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(self.tick.unsigned_abs())) => {}
                () = &mut interrupted => return Ok(End::Interrupted(self.tasks.clone())),
            }
        }
    }

    async fn look(&mut self, tell: &mut dyn FnMut(Told)) -> Result<(), AwsError> {
        let arns: Vec<String> = self.tasks.iter().map(|task| task.arn.clone()).collect();
        // Just started, they may not be found yet; what was seen before stands.
        for task in self.client.described_tasks_seen(&self.cluster, &arns).await? {
            let Some(known) = self.tasks.iter_mut().find(|known| known.arn == task.arn) else { continue };
            let moved = known.last_status != task.last_status;
            *known = task;
            if moved {
                tell(Told::Moved(Box::new(known.clone())));
            }
        }
        self.hear(tell).await;
        Ok(())
    }

    /// Hears what there is; answers how many lines. A log that cannot be read does not end the task.
    async fn hear(&mut self, tell: &mut dyn FnMut(Told)) -> usize {
        match self.tail.look().await {
            Ok(look) => {
                self.notes.extend(look.notes);
                let heard = look.lines.len();
                if heard > 0 {
                    self.has_spoken = true;
                    tell(Told::Lines(look.lines));
                }
                heard
            }
            Err(error) => {
                let note = format!("its log cannot be read now: {error}");
                if !self.notes.contains(&note) {
                    self.notes.push(note);
                }
                0
            }
        }
    }

    /// Lines arrive after the task is over: until no more come.
    async fn hear_the_rest(&mut self, tell: &mut dyn FnMut(Told)) {
        let pause = PAUSE.min(Duration::from_millis(self.tick.unsigned_abs()));
        let stopped = Instant::now();
        let mut heard = stopped;
        while heard.elapsed() < SILENCE && stopped.elapsed() < LAST_WORDS {
            if self.hear(tell).await > 0 {
                heard = Instant::now();
            }
            if self.tail.silence().is_some() {
                break;
            }
            tokio::time::sleep(pause).await;
        }
        // A log group that is made by the first line is missing before it: no news once there are lines.
        if !self.has_spoken {
            self.notes.drain(..).for_each(|note| tell(Told::Note(note)));
        }
    }

    /// Asks ECS to stop those that run.
    ///
    /// # Errors
    ///
    /// When AWS refuses.
    pub async fn stop(&self, reason: &str) -> Result<(), AwsError> {
        for task in self.tasks.iter().filter(|task| !task.is_stopped()) {
            let request = self.client.ecs.stop_task().cluster(self.cluster.as_str());
            let request = request.task(&task.arn).reason(reason);
            ask!(self.client, "ecs", "StopTask", Bucket::ServiceModify, request)?;
        }
        Ok(())
    }
}

impl Client {
    /// Runs what the document says. It has a `clientToken`: the same document sent twice starts nothing more, so that the
    /// SDK may repeat it.
    async fn run_task(&self, document: &Value) -> Result<Value, AwsError> {
        let request = self.ecs.run_task().task_definition("of the document");
        let exchange = Exchange::of("RunTask", self).sending(document);
        let (_, reply) =
            ask!(self, "ecs", "RunTask", Bucket::ServiceModify, Customized(request.customize()), exchange)?;
        json("RunTask", &reply)
    }
}
