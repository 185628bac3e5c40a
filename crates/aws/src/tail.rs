//! The log of a whole service, or of tasks that are named: what all their containers print, in the order of time. Read
//! only. Each look finds a service's tasks anew, so those of a new deployment come by themselves. Start with
//! [`Tail::look`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use aws_sdk_ecs::types::DesiredStatus;
use serde_json::Value;
use tidegate_rollout::names::ServiceRef;
use tidegate_rollout::{Millis, pace};

use crate::client::{Client, Customized, ask};
use crate::error::AwsError;
use crate::logs::LogStream;
use crate::observe;
use crate::pacing::Bucket;

/// How far each look goes back behind the newest line, on the wall's clock: what arrives late is seen, too.
const LATE: Millis = 30_000;
/// How many lines are remembered as seen. Within [`LATE`] there are rarely more.
const REMEMBERED: usize = 50_000;
/// How many lines a container may have in one look, so that a log that grows faster than it is read does not hold the others.
const PAGES: usize = 20;

/// Whose lines are wanted, and which.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only this container.
    pub container: Option<String>,
    /// Only the task whose id begins so.
    pub task: Option<String>,
    /// Only lines that this filter pattern of CloudWatch Logs lets through.
    pub filter: Option<String>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was printed, on the endpoint's clock.
    pub at: Millis,
    /// The task's id.
    pub task: String,
    /// The container's name.
    pub container: String,
    /// What it says, without its end.
    pub message: String,
}

/// What a look saw.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// New lines, by time.
    pub lines: Vec<Line>,
    /// What could not be read, each said once.
    pub notes: Vec<String>,
}

/// Why a service's containers print nothing that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// None of them logs through awslogs with a stream prefix.
    NoLogDriver,
    /// None of them has the name that is wanted.
    NoSuchContainer {
        /// The names that they have.
        there_are: Vec<String>,
    },
}

/// Whether any container was found that logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Logs {
    Nowhere,
    Somewhere,
}

/// Where several tasks log to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    region: String,
    group: String,
    /// What the names of the streams begin with.
    prefix: String,
    container: String,
}

/// See the module's text.
#[derive(Debug)]
pub struct Tail {
    client: Client,
    /// The service whose tasks are found anew at each look; without one there are those that were named.
    target: Option<ServiceRef>,
    wanted: Wanted,
    since: Millis,
    /// [`LATE`] on the endpoint's clock: how late a line arrives is not up to that one.
    late: Millis,
    /// The time of the newest line of each source.
    newest: BTreeMap<Source, Millis>,
    seen: BTreeSet<String>,
    seen_in_order: VecDeque<String>,
    definitions: BTreeMap<String, Value>,
    /// Every task that was ever seen, with its definition: a stopped one is forgotten by ECS before its log is.
    tasks: BTreeMap<String, String>,
    said: BTreeSet<String>,
    logs: Logs,
}

impl Tail {
    /// From `ago` before now on, on the endpoint's clock.
    pub async fn open(
        client: Client,
        target: ServiceRef,
        wanted: Wanted,
        ago: Millis,
        tick: Millis,
    ) -> Result<Self, AwsError> {
        // The first reply tells what time it is there, and whether there is such a service.
        client.described_service(&target).await?;
        let now = client.clock(tick).aws(crate::sink::now());
        Ok(Self::of(client, Some(target), wanted, (now - ago).max(0), tick))
    }

    /// Of these tasks alone, by id with the ARN of their task definition, from a moment of the endpoint's clock on.
    pub fn of_tasks(
        client: Client,
        tasks: BTreeMap<String, String>,
        wanted: Wanted,
        since: Millis,
        tick: Millis,
    ) -> Self {
        Self { tasks, ..Self::of(client, None, wanted, since, tick) }
    }

    fn of(client: Client, target: Option<ServiceRef>, wanted: Wanted, since: Millis, tick: Millis) -> Self {
        Self {
            client,
            target,
            wanted,
            since,
            late: LATE.saturating_mul(pace::TICK) / tick.max(1),
            newest: BTreeMap::new(),
            seen: BTreeSet::new(),
            seen_in_order: VecDeque::new(),
            definitions: BTreeMap::new(),
            tasks: BTreeMap::new(),
            said: BTreeSet::new(),
            logs: Logs::Nowhere,
        }
    }

    /// The lines since the last look, or since the beginning.
    pub async fn look(&mut self) -> Result<Look, AwsError> {
        let mut look = Look::default();
        self.find_tasks().await?;
        for (source, tasks) in self.sources(&mut look.notes).await? {
            self.read(&source, &tasks, &mut look).await?;
        }
        look.lines.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.task.cmp(&b.task)));
        Ok(look)
    }

    /// Whether any task was found so far.
    pub fn has_tasks(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// Why no line can ever come of the tasks that were found so far, if that is so.
    pub fn silence(&self) -> Option<Silence> {
        let definitions = self.definitions.iter();
        let named: Vec<(&str, String)> = definitions
            .flat_map(|(arn, definition)| containers(definition).into_iter().map(move |it| (short(arn), it)))
            .collect();
        let wanted =
            |container: &str| self.wanted.container.as_ref().is_none_or(|wanted| wanted == container);
        if self.logs == Logs::Somewhere || named.is_empty() {
            return None;
        }
        if named.iter().any(|(_, container)| wanted(container)) {
            return Some(Silence::NoLogDriver);
        }
        let names: BTreeSet<String> = named.into_iter().map(|(_, container)| container).collect();
        Some(Silence::NoSuchContainer { there_are: names.into_iter().collect() })
    }

    async fn find_tasks(&mut self) -> Result<(), AwsError> {
        let Some(target) = &self.target else { return Ok(()) };
        for (id, definition) in self.client.tasks_of(target).await? {
            let is_wanted = self.wanted.task.as_ref().is_none_or(|wanted| id.starts_with(wanted.as_str()));
            if is_wanted {
                self.tasks.insert(id, definition);
            }
        }
        Ok(())
    }

    /// Where the tasks log to, and which of them do.
    async fn sources(
        &mut self,
        notes: &mut Vec<String>,
    ) -> Result<BTreeMap<Source, BTreeSet<String>>, AwsError> {
        let mut sources: BTreeMap<Source, BTreeSet<String>> = BTreeMap::new();
        for (id, arn) in &self.tasks {
            if !self.definitions.contains_key(arn) {
                let described = self.client.described_task_definition(arn).await?;
                self.definitions.insert(arn.clone(), described);
            }
            let Some(definition) = self.definitions.get(arn) else { continue };
            for container in containers(definition) {
                if self.wanted.container.as_ref().is_some_and(|wanted| *wanted != container) {
                    continue;
                }
                match LogStream::of(definition, &container, id) {
                    Some(stream) => {
                        let source = Source {
                            region: stream.region.unwrap_or_else(|| self.client.region().to_owned()),
                            prefix: stream.stream.trim_end_matches(id.as_str()).to_owned(),
                            group: stream.group,
                            container,
                        };
                        sources.entry(source).or_default().insert(id.clone());
                        self.logs = Logs::Somewhere;
                    }
                    None => {
                        let note = format!(
                            "container {container} of {} does not log through awslogs with a stream prefix",
                            short(arn)
                        );
                        if self.said.insert(note.clone()) {
                            notes.push(note);
                        }
                    }
                }
            }
        }
        Ok(sources)
    }

    async fn read(
        &mut self,
        source: &Source,
        tasks: &BTreeSet<String>,
        look: &mut Look,
    ) -> Result<(), AwsError> {
        let from = self.newest.get(source).map_or(self.since, |newest| (newest - self.late).max(self.since));
        // A single task's stream is all that its name begins.
        let only = tasks.iter().next().filter(|_| tasks.len() == 1);
        let prefix = only.map_or_else(|| source.prefix.clone(), |id| format!("{}{id}", source.prefix));
        let mut token = None;
        for _ in 0..PAGES {
            let page =
                self.client.filter_log_events(source, &prefix, self.wanted.filter.as_deref(), from, token);
            let (events, next) = match page.await {
                Ok(page) => page,
                Err(AwsError::Refused { code, .. }) if code == "ResourceNotFoundException" => {
                    let note = format!("there is no log group {} in {}", source.group, source.region);
                    if self.said.insert(note.clone()) {
                        look.notes.push(note);
                    }
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            for event in events {
                let Some(line) = self.take(source, tasks, &event) else { continue };
                let newest = self.newest.entry(source.clone()).or_insert(line.at);
                *newest = line.at.max(*newest);
                look.lines.push(line);
            }
            token = next;
            if token.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// The line of an event that was not seen and is one of the service's.
    fn take(&mut self, source: &Source, tasks: &BTreeSet<String>, event: &FilteredLogEvent) -> Option<Line> {
        let task = event.log_stream_name()?.strip_prefix(source.prefix.as_str())?;
        let task = tasks.get(task)?;
        let id = event.event_id()?.to_owned();
        if !self.seen.insert(id.clone()) {
            return None;
        }
        self.seen_in_order.push_back(id);
        if self.seen_in_order.len() > REMEMBERED
            && let Some(oldest) = self.seen_in_order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        Some(Line {
            at: event.timestamp()?,
            task: task.clone(),
            container: source.container.clone(),
            message: event.message().unwrap_or_default().trim_end().to_owned(),
        })
    }
}

/// `family:revision`
fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn containers(definition: &Value) -> Vec<String> {
    let named = observe::list(definition, "containerDefinitions").iter();
    named.filter_map(|container| container.get("name")?.as_str().map(str::to_owned)).collect()
}

impl Client {
    /// The tasks of a service, those too that stopped within about the last hour: ids and task definitions.
    async fn tasks_of(&self, target: &ServiceRef) -> Result<Vec<(String, String)>, AwsError> {
        let tasks = self.tasks_seen(target, &[DesiredStatus::Running, DesiredStatus::Stopped]).await?;
        Ok(tasks.into_iter().map(|task| (task.id, task.task_definition)).collect())
    }

    async fn filter_log_events(
        &self,
        source: &Source,
        prefix: &str,
        pattern: Option<&str>,
        from: Millis,
        token: Option<String>,
    ) -> Result<(Vec<FilteredLogEvent>, Option<String>), AwsError> {
        let request = self
            .logs
            .filter_log_events()
            .log_group_name(&source.group)
            .log_stream_name_prefix(prefix)
            .start_time(from)
            .set_filter_pattern(pattern.map(str::to_owned))
            .set_next_token(token);
        let region = aws_config::Region::new(source.region.clone());
        let request =
            request.customize().config_override(aws_sdk_cloudwatchlogs::Config::builder().region(region));
        let (output, _) = ask!(self, "logs", "FilterLogEvents", Bucket::Elsewhere, Customized(request))?;
        Ok((output.events.unwrap_or_default(), output.next_token))
    }
}
