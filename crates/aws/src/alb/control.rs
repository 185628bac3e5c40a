//! What people ask of a rollout from another terminal: pause, resume, promote, abort. While a process
//! runs it, that is a request which the runner honours at its next look; where nobody does, `resume`
//! and `abort` take the rollout over and carry it to its end. Start with [`ask`].

use super::lease::{self, Held, Lease, LeaseError, whoami};
use super::run::{AlbError, Runner, request_name, traffic_groups};
use crate::client::Client;
use crate::gates::{Elsewhere, GateAsker, Nobody};
use crate::sink::{EventSink, now};
use crate::watch::WatchOptions;
use std::collections::BTreeMap;
use std::time::Duration;
use tidegate_rollout::alb::{Progress, Request, Verb};
use tidegate_rollout::names::ServiceRef;
use tidegate_rollout::{Event, Millis, Percent, Verdict};

/// How many ticks a measured share is good for.
const MEASURED_EVERY: Millis = 5;

/// What is asked, of which rollout.
pub struct Asking<'a> {
    /// The stable service.
    pub target: &'a ServiceRef,
    /// What is asked for.
    pub verb: Verb,
    /// Whom to ask what is not AWS's, should this process run the rollout.
    pub elsewhere: &'a dyn Elsewhere,
    /// How to watch.
    pub watch: WatchOptions,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The process that runs the rollout has heard it.
    Heard {
        /// Who runs it.
        by: String,
    },
    /// Nobody ran it; this process did, to this end.
    Ended(Verdict),
}

/// The rollout of a service that was written down last, if there is one.
pub async fn held(client: &Client, target: &ServiceRef) -> Result<Option<Held>, AlbError> {
    Ok(lease::read(client, target).await?.map(|(held, ..)| held))
}

/// Follows a rollout that another process runs, to its end or until nobody runs it any more.
pub async fn follow(
    client: &Client,
    target: &ServiceRef,
    timeout_ms: Millis,
    watch: WatchOptions,
    sink: &mut dyn EventSink,
) -> Result<Option<Verdict>, AlbError> {
    let began = now();
    let mut said = Said::default();
    let mut shares: Option<Shares<'_>> = None;
    loop {
        let Some(held) = held(client, target).await? else { return Ok(None) };
        let progress = &held.progress;
        let shares = match &mut shares {
            Some(shares) => shares,
            none => none.insert(Shares {
                asker: GateAsker::new(client, &Nobody, traffic_groups(progress), watch.tick),
                asked_at: 0,
                measured: None,
            }),
        };
        let weighed = Event::Weighed {
            asked: progress.asked(),
            set: Some(progress.share()),
            measured: shares.measured(progress, watch.tick).await,
        };
        said.once("who runs it", Event::Held { reason: held.in_words() }, &held.by, sink);
        for event in progress.announced() {
            let about = if matches!(event, Event::PlanMade { .. }) { "plan" } else { "step" };
            said.once(about, event, "", sink);
        }
        said.once("weights", weighed, "", sink);
        for (gate, standing) in
            progress.watch().into_iter().flat_map(tidegate_rollout::gate::Watch::standings)
        {
            let Some(name) = progress.plan().gates.get(gate).map(|gate| gate.name.clone()) else { continue };
            let about = format!("gate {name}");
            // Numbers that move without meaning anything else are no news.
            let kind = format!("{:?}", std::mem::discriminant(standing));
            said.once(&about, Event::GateStands { gate: name, standing: standing.clone() }, &kind, sink);
        }
        if let Some(verdict) = progress.verdict() {
            let duration_ms = now() - progress.beginning().0;
            sink.event(now(), &Event::Decided { verdict: verdict.clone(), duration_ms });
            return Ok(Some(verdict.clone()));
        }
        if !held.is_running(now()) {
            return Ok(None);
        }
        if now() - began >= timeout_ms {
            let reached =
                format!("{} of production is with the candidate; {} runs it", progress.share(), held.by);
            let verdict = Verdict::TimedOut { reached };
            sink.event(now(), &Event::Decided { verdict: verdict.clone(), duration_ms: now() - began });
            return Ok(Some(verdict));
        }
        tokio::time::sleep(Duration::from_millis(watch.tick.unsigned_abs())).await;
    }
}

/// What was told last, by what it is about.
#[derive(Default)]
struct Said(BTreeMap<String, (Event, String)>);

impl Said {
    /// Tells an event unless it was told: the same one, or where it has a `key`, one with the same key.
    fn once(&mut self, about: &str, event: Event, key: &str, sink: &mut dyn EventSink) {
        let known = self.0.get(about).is_some_and(|(earlier, earlier_key)| {
            if key.is_empty() { *earlier == event } else { earlier_key == key }
        });
        if !known {
            sink.event(now(), &event);
            self.0.insert(about.to_owned(), (event, key.to_owned()));
        }
    }
}

/// The candidate's share by the request counts, asked for now and then.
struct Shares<'a> {
    asker: GateAsker<'a>,
    asked_at: Millis,
    measured: Option<Percent>,
}

impl Shares<'_> {
    async fn measured(&mut self, progress: &Progress, tick: Millis) -> Option<Percent> {
        if progress.share() > Percent::NONE && now() - self.asked_at >= MEASURED_EVERY * tick {
            self.asked_at = now();
            self.measured = self.asker.measured().await;
        }
        self.measured
    }
}

/// Asks it.
pub async fn ask(client: &Client, asking: &Asking<'_>, sink: &mut dyn EventSink) -> Result<Answer, AlbError> {
    let request = Request { id: format!("{:016x}", fastrand::u64(..)), verb: asking.verb, by: whoami() };
    let mut latest = existing(client, asking).await?;
    if latest.is_running(now()) {
        let text = serde_json::to_string(&request).unwrap_or_default();
        client.write_parameter(&request_name(asking.target), &text).await?;
        // It may be heard, and the rollout over, between two looks.
        while latest.is_running(now()) && latest.progress.last_request() != Some(&request.id) {
            tokio::time::sleep(Duration::from_millis(asking.watch.tick.unsigned_abs())).await;
            latest = held(client, asking.target).await?.ok_or_else(|| no_rollout(asking))?;
        }
        if latest.progress.last_request() == Some(&request.id) {
            return heard(asking, latest);
        }
    }
    take_over(client, asking, under_way(asking, latest)?, request, sink).await
}

/// Who runs it has heard it. An abort that comes too late is heard, too, and changes nothing.
fn heard(asking: &Asking<'_>, held: Held) -> Result<Answer, AlbError> {
    if asking.verb == Verb::Abort && held.progress.is_past_return() {
        return Err(AlbError::TooLate { revision: held.progress.revision().short().to_owned() });
    }
    Ok(Answer::Heard { by: held.by })
}

/// The rollout that is asked something.
async fn existing(client: &Client, asking: &Asking<'_>) -> Result<Held, AlbError> {
    let held = held(client, asking.target).await?.ok_or_else(|| no_rollout(asking))?;
    under_way(asking, held)
}

/// Refuses a rollout that has ended.
fn under_way(asking: &Asking<'_>, held: Held) -> Result<Held, AlbError> {
    if held.progress.can_be_taken_up() {
        return Ok(held);
    }
    Err(AlbError::Nothing(format!(
        "the last rollout of {} has ended: there is nothing to {}",
        asking.target,
        asking.verb.name()
    )))
}

fn no_rollout(asking: &Asking<'_>) -> AlbError {
    AlbError::Nothing(format!("{} has no rollout by controller `alb`", asking.target))
}

/// Nobody runs it: this process does from here on.
async fn take_over(
    client: &Client,
    asking: &Asking<'_>,
    held: Held,
    request: Request,
    sink: &mut dyn EventSink,
) -> Result<Answer, AlbError> {
    let request = match asking.verb {
        Verb::Resume => None,
        Verb::Abort => Some(request),
        Verb::Pause | Verb::Promote => {
            return Err(AlbError::Nothing(format!(
                "nobody runs the rollout of {}, which {} left; `tidegate resume` goes on with it, `tidegate abort` takes the traffic back",
                asking.target, held.by
            )));
        }
    };
    let progress = held.progress.taken_up(now());
    let lease = match Lease::take_over(client, &whoami(), asking.watch.tick, &progress).await {
        Err(LeaseError::Aws(error)) => return Err(AlbError::Nothing(error.to_string())),
        other => other?,
    };
    sink.event(now(), &Event::Held { reason: format!("taken over from {}, who left it", held.by) });
    for event in progress.announced() {
        sink.event(now(), &event);
    }
    let runner = Runner::of(client, lease, progress, asking.elsewhere);
    runner.run(request, sink).await.map(Answer::Ended)
}
