//! The loop around `tidegate_gitops::step`: read the branch, look, step, keep, act, wait. What is to be kept is kept
//! before what follows it is done, and whoever lost the lease begins nothing more. Start with [`Loop::run`].

use super::looking::{Looking, standing};
use super::source::Source;
use super::tell::{Teller, Told};
use super::wanted::Services;
use super::work;
use crate::args::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tidegate_aws::Client;
use tidegate_aws::deploy::DeployPlan;
use tidegate_aws::sync::{Store, StoreError};
use tidegate_gitops::{Action, Commit, Ended, How, Id, Memory, Outcome, Plan, Seen, State, step};
use tidegate_rollout::Millis;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How often something is tried to be kept before the program gives up.
const TRIES: u32 = 5;

/// One sync, from the lease to its end.
pub struct Loop<'a> {
    /// The flags of every command.
    pub global: &'a Global,
    /// Where the wanted services come from.
    pub source: Source,
    /// Only these services, if any are named.
    pub only: &'a [String],
    /// Why rollouts may begin in a freeze window.
    pub overridden: Option<String>,
    /// How often the branch and the services are looked at; `None` for once.
    pub every: Option<Duration>,
    /// Who hears of it.
    pub teller: Teller,
    /// The connection.
    pub client: Client,
    /// The lease.
    pub store: Store,
    /// What is known.
    pub state: State,
    /// The tick of watches.
    pub tick: Millis,
}

/// Where the loop is between two turns.
struct Course {
    looking: Looking,
    services: Option<Services>,
    /// The commit that was read last, whether or not it could be understood.
    read: Option<Commit>,
    work: JoinSet<Option<Ended>>,
    /// Ends what follows rollouts when it goes.
    stop: watch::Sender<()>,
    /// Whose work each task is.
    whose: BTreeMap<tokio::task::Id, Id>,
    ended: Vec<(Id, Ended)>,
    look_at: Instant,
    /// What went wrong with the source, told once.
    trouble: Option<String>,
}

impl Loop<'_> {
    /// Runs until everything is settled, or with `every` until a signal.
    pub async fn run(mut self) -> Result<Exit, Failure> {
        let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
            .map_err(|error| Failure::new(Exit::Refused, format!("cannot listen for signals: {error}")))?;
        let mut course = Course {
            looking: Looking::new(self.client.clone()),
            services: None,
            read: None,
            work: JoinSet::new(),
            stop: watch::Sender::new(()),
            whose: BTreeMap::new(),
            ended: Vec::new(),
            look_at: Instant::now(),
            trouble: None,
        };
        let end = loop {
            let turned = tokio::select! {
                turned = self.turn(&mut course) => turned,
                _ = tokio::signal::ctrl_c() => break Err(None),
                _ = terminated.recv() => break Err(None),
            };
            match turned {
                Ok(Turn::GoesOn) => {}
                Ok(Turn::Settled) => break Ok(()),
                Err(failure) => break Err(Some(failure)),
            }
        };
        // Rollouts that are under way are left as they are: the next sync takes them up.
        let left: Vec<String> = self.state.at_work().map(|id| id.as_str().to_owned()).collect();
        let (teller, every) = (self.teller.clone(), self.every);
        let exit =
            course.services.as_ref().map_or(Exit::Refused, |services| worst(&self.state, &services.plan));
        drop(course);
        let _ = self.store.release().await;
        match end {
            Ok(()) => Ok(exit),
            Err(Some(failure)) => Err(failure),
            Err(None) if left.is_empty() && every.is_some() => Ok(Exit::Done),
            Err(None) => {
                let what = match left.as_slice() {
                    [] => "interrupted; nothing is under way".to_owned(),
                    some => format!("interrupted; what is under way is left as it is: {}", some.join(", ")),
                };
                let help = "the same sync takes it up again, from any machine";
                if every.is_some() {
                    teller.note(now(), &format!("{what}; {help}"));
                    return Ok(Exit::Done);
                }
                let help = (!left.is_empty()).then(|| help.to_owned());
                Err(Failure::new(Exit::Interrupted, what).with_help(help))
            }
        }
    }

    async fn turn(&mut self, course: &mut Course) -> Result<Turn, Failure> {
        let is_due = Instant::now() >= course.look_at;
        if is_due {
            self.read(course).await?;
            course.look_at = Instant::now() + self.every.unwrap_or(Duration::from_mins(1));
        }
        let looked = self.look(course, is_due).await;
        let frozen = course.services.as_ref().map(|services| services.frozen(now())).unwrap_or_default();
        let ended = std::mem::take(&mut course.ended);
        let seen = Seen {
            plan: course.services.as_ref().map(|services| &services.plan),
            standings: looked,
            ended,
            frozen,
            overridden: self.overridden.clone(),
        };
        let (state, actions) = step(&self.state, &seen, now());
        self.state = state;
        let acted = !actions.is_empty();
        for action in actions {
            self.act(course, action).await?;
        }
        let Some(services) = &course.services else { return self.wait(course).await };
        let is_unseen = self.state.unseen(&services.plan).next().is_some();
        if self.every.is_none() && self.state.is_settled(&services.plan) && !acted {
            return Ok(Turn::Settled);
        }
        if is_unseen || (self.every.is_none() && self.state.is_settled(&services.plan)) {
            return Ok(Turn::GoesOn);
        }
        self.wait(course).await
    }

    /// Reads the branch; what cannot be read or understood leaves what was wanted before.
    async fn read(&mut self, course: &mut Course) -> Result<(), Failure> {
        let read = self.read_new(course).await;
        match (read, self.every) {
            (Ok(()), _) => {
                course.trouble = None;
                Ok(())
            }
            (Err(failure), None) => Err(failure),
            (Err(failure), Some(_)) => {
                let told = failure.in_one_line();
                if course.trouble.as_ref() != Some(&told) {
                    let stays = if course.services.is_some() { "; what was wanted before stays" } else { "" };
                    self.teller.note(now(), &format!("{told}{stays}"));
                    course.trouble = Some(told);
                }
                Ok(())
            }
        }
    }

    async fn read_new(&mut self, course: &mut Course) -> Result<(), Failure> {
        let commit = self.source.head(course.read.as_ref()).await?;
        let is_new = course.read.as_ref() != Some(&commit) || matches!(self.source, Source::WorkTree { .. });
        if !is_new {
            // A commit that could not be understood is as wrong as before.
            return match &course.trouble {
                Some(_) if course.services.as_ref().is_none_or(|it| *it.plan.commit() != commit) => {
                    self.understood(course, commit).await
                }
                _ => Ok(()),
            };
        }
        course.read = Some(commit.clone());
        self.understood(course, commit).await
    }

    async fn understood(&self, course: &mut Course, commit: Commit) -> Result<(), Failure> {
        let described = self.source.read(commit).await?;
        let services = Services::of(described, self.only, self.global)?;
        super::of_one_region(&services, &self.client)?;
        course.services = Some(services);
        Ok(())
    }

    /// Looks at everything that does not move, or only at what has to be known now.
    async fn look(&self, course: &mut Course, everything: bool) -> BTreeMap<Id, tidegate_gitops::Standing> {
        let Some(services) = &course.services else { return BTreeMap::new() };
        // What the plan wants now may be new to the state: all that it has not seen for this very content.
        let at_work: Vec<&Id> = self.state.at_work().collect();
        let ids: Vec<Id> = if everything {
            services.services.keys().filter(|id| !at_work.contains(id)).cloned().collect()
        } else {
            self.state.unseen(&services.plan).cloned().collect()
        };
        if ids.is_empty() {
            return BTreeMap::new();
        }
        let seen = course.looking.look(services, &ids).await;
        seen.iter().map(|(id, seen)| (id.clone(), standing(seen))).collect()
    }

    async fn act(&mut self, course: &mut Course, action: Action) -> Result<(), Failure> {
        match action {
            Action::Save { id, memory } => self.save(&id, &memory).await,
            Action::Report(event) => {
                self.teller.sync(now(), &event);
                Ok(())
            }
            Action::Deploy { id } => {
                let plan = course.services.as_ref().and_then(|services| course.looking.plan(services, &id));
                self.begin(course, id, plan, |client, plan, mut sink| async move {
                    work::deploy(&client, &plan, &mut sink).await
                });
                Ok(())
            }
            Action::TakeUp { id, moving } => {
                let plan = course.services.as_ref().and_then(|services| course.looking.plan(services, &id));
                self.begin(course, id, plan, |client, plan, mut sink| async move {
                    work::take_up(&client, &plan, &moving, &mut sink).await
                });
                Ok(())
            }
            Action::GoBack { id, to } => {
                let plan = course.services.as_ref().and_then(|services| course.looking.plan(services, &id));
                self.begin(course, id, plan, |client, plan, mut sink| async move {
                    work::go_back(&client, &plan, &to, &mut sink).await
                });
                Ok(())
            }
        }
    }

    fn begin<F>(
        &self,
        course: &mut Course,
        id: Id,
        plan: Option<Arc<DeployPlan>>,
        work: impl FnOnce(Client, Arc<DeployPlan>, Told) -> F + Send + 'static,
    ) where
        F: Future<Output = Ended>,
    {
        let Some(plan) = plan else {
            let reason = "no file of the branch describes it any more".to_owned();
            course.ended.push((id, Ended::GoesOn { reason }));
            return;
        };
        let sink = Told { id: id.clone(), teller: self.teller.clone() };
        let (client, mut stop) = (self.client.clone(), course.stop.subscribe());
        let runtime = tokio::runtime::Handle::current();
        // A rollout stays on one thread: what it reports to need not be shared.
        let task = course.work.spawn_blocking(move || {
            runtime.block_on(async move {
                tokio::select! {
                    ended = work(client, plan, sink) => Some(ended),
                    _ = stop.changed() => None,
                }
            })
        });
        course.whose.insert(task.id(), id);
    }

    async fn save(&mut self, id: &Id, memory: &Memory) -> Result<(), Failure> {
        let text = serde_json::to_string(memory).unwrap_or_else(|_| "{}".to_owned());
        let mut tried = 0;
        loop {
            tried += 1;
            match self.store.save(id.as_str(), &text).await {
                Ok(()) => return Ok(()),
                Err(StoreError::Aws(error)) if tried < TRIES => {
                    self.teller.note(now(), &format!("what is known of {id} could not be kept yet: {error}"));
                    tokio::time::sleep(Duration::from_millis(self.tick.unsigned_abs() << tried)).await;
                }
                Err(error) => return Err(failed_to_keep(&error)),
            }
        }
    }

    /// Until something ends, or it is time for something.
    async fn wait(&mut self, course: &mut Course) -> Result<Turn, Failure> {
        if !course.ended.is_empty() {
            return Ok(Turn::GoesOn);
        }
        let mut until = course.look_at;
        if self.every.is_some()
            && let Some(next) = self.state.next_try()
        {
            let wait = Duration::from_millis((next - now()).max(0).unsigned_abs());
            // A wait that is over is taken up with the next look.
            if !wait.is_zero() {
                until = until.min(Instant::now() + wait);
            }
        }
        let renew = Instant::now() + self.store.renew_in();
        tokio::select! {
            Some(done) = course.work.join_next_with_id() => {
                let (task, ended) = match done {
                    Ok(ended) => ended,
                    Err(broken) => {
                        (broken.id(), Some(Ended::GoesOn { reason: format!("its watch broke off: {broken}") }))
                    }
                };
                course.ended.extend(course.whose.remove(&task).zip(ended));
            }
            () = tokio::time::sleep_until(until) => {}
            () = tokio::time::sleep_until(renew) => {
                if let Err(error) = self.store.renew_if_due().await {
                    match error {
                        StoreError::Aws(error) => {
                            self.teller.note(now(), &format!("the lease could not be renewed yet: {error}"));
                            tokio::time::sleep(Duration::from_millis(self.tick.unsigned_abs())).await;
                        }
                        error => return Err(failed_to_keep(&error)),
                    }
                }
            }
        }
        Ok(Turn::GoesOn)
    }
}

/// What a turn came to.
enum Turn {
    GoesOn,
    Settled,
}

/// Without the lease, or without what is kept, nothing more may be begun.
pub fn failed_to_keep(error: &StoreError) -> Failure {
    Failure::new(Exit::Refused, error.to_string()).with_help(error.help())
}

/// The moment, in milliseconds since the Unix epoch.
pub fn now() -> Millis {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as Millis)
}

/// The worst of all services' outcomes as an exit code.
fn worst(state: &State, plan: &Plan) -> Exit {
    let of = |outcome: Outcome| match outcome {
        Outcome::ThrownBack(How::Failed | How::Aborted) => (7, Exit::Failed),
        Outcome::ThrownBack(How::RolledBack | How::WithItsRelease) => (6, Exit::RolledBack),
        Outcome::GoesOn => (5, Exit::StillGoing),
        Outcome::ThrownBack(How::Superseded) => (4, Exit::Superseded),
        Outcome::Refused => (3, Exit::Refused),
        Outcome::Frozen => (2, Exit::Refused),
        Outcome::Waits => (1, Exit::Refused),
        Outcome::InSync => (0, Exit::Done),
    };
    let all = plan.services().map(|one| of(state.outcome(plan, &one.id)));
    all.max_by_key(|(badness, _)| *badness).map_or(Exit::Done, |(_, exit)| exit)
}
