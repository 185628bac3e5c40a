//! Asks what the gates look at: alarms and metrics of CloudWatch here, everything else of somebody who
//! is handed in. It must never say what an answer means (that is `tidegate_rollout::gate`). Start with
//! [`GateAsker::ask_all`].

mod requests;

use crate::client::Client;
use crate::cloudwatch::{Point, Series};
use crate::error::AwsError;
use crate::sink::now;
use requests::{Count, Groups, Measured, Side};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use tidegate_rollout::gate::{AlarmReading, Check, Counts, Gate, HttpProbe, MetricCheck, Reading};
use tidegate_rollout::observation::Requests;
use tidegate_rollout::{Millis, Percent};

pub use requests::TrafficGroups;

/// How long stable is looked at before a step that leaves it no request.
const BEFORE: Millis = 15 * MINUTE;
/// The period of the load balancer's metrics.
const MINUTE: Millis = 60_000;

/// An answer that is on its way.
pub type Asking<'a> = Pin<Box<dyn Future<Output = Reading> + Send + 'a>>;

/// Whom to ask about what is not AWS's: an HTTP address, a command, a person.
pub trait Elsewhere: std::fmt::Debug + Send + Sync {
    /// Sends the request once: [`Reading::Http`].
    fn http<'a>(&'a self, probe: &'a HttpProbe) -> Asking<'a>;
    /// Runs the command to its end: [`Reading::Command`].
    fn command<'a>(&'a self, command: &'a [String], timeout: Millis) -> Asking<'a>;
    /// What somebody has said so far; asks them the first time: [`Reading::Approval`].
    fn approval<'a>(&'a self, gate: &'a str, question: &'a str) -> Asking<'a>;
}

/// Nobody can be asked: for rollouts without gates, and for tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Elsewhere for Nobody {
    fn http<'a>(&'a self, _probe: &'a HttpProbe) -> Asking<'a> {
        nobody()
    }

    fn command<'a>(&'a self, _command: &'a [String], _timeout: Millis) -> Asking<'a> {
        nobody()
    }

    fn approval<'a>(&'a self, _gate: &'a str, _question: &'a str) -> Asking<'a> {
        nobody()
    }
}

fn nobody<'a>() -> Asking<'a> {
    Box::pin(async { Reading::CouldNotAsk("this program has nobody to ask".to_owned()) })
}

/// Asks the gates of one rollout.
pub struct GateAsker<'a> {
    client: &'a Client,
    elsewhere: &'a dyn Elsewhere,
    groups: Option<Groups>,
    tick: Millis,
    /// When the step began, on AWS's clock.
    since: Millis,
    /// From when on stable's requests count, on AWS's clock.
    stable_since: Millis,
    /// From how many seconds on a request is slow, by percentile and tolerance; fixed for the step.
    slow_from: Mutex<BTreeMap<(u64, u64), f64>>,
    measured: Mutex<Measured>,
}

impl<'a> GateAsker<'a> {
    /// For a rollout between these target groups, which begins now, watched with this tick. `groups` is
    /// `None` for a service without a load balancer, whose requests nobody counts.
    pub fn new(
        client: &'a Client,
        elsewhere: &'a dyn Elsewhere,
        groups: Option<TrafficGroups>,
        tick: Millis,
    ) -> Self {
        let since = client.clock(tick).aws(now());
        Self {
            client,
            elsewhere,
            groups: groups.map(Groups::of),
            tick,
            since,
            stable_since: since,
            slow_from: Mutex::default(),
            measured: Mutex::new(Measured::from(since)),
        }
    }

    /// A step begins, at `at` on this machine's clock: from here on requests count. A step that gives
    /// everything to the candidate leaves stable no request to be compared with, so there stable's last
    /// minutes before the step count.
    pub fn begin_step(&mut self, weight: Percent, at: Millis) {
        self.since = self.aws(at);
        self.stable_since = if weight == Percent::ALL { self.since - BEFORE } else { self.since };
        self.slow_from.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A moment of this machine on AWS's clock.
    fn aws(&self, at: Millis) -> Millis {
        self.client.clock(self.tick).aws(at)
    }

    /// What the check says now.
    pub async fn ask(&self, gate: &Gate) -> Reading {
        self.ask_all(&[gate]).await.pop().unwrap_or_else(|| Reading::CouldNotAsk(String::new()))
    }

    /// What each check says now, in the order given: all alarms by one call, all metrics by another.
    pub async fn ask_all(&self, gates: &[&Gate]) -> Vec<Reading> {
        let (alarms, metrics) = tokio::join!(self.alarms(gates), self.metrics(gates));
        let mut readings = Vec::with_capacity(gates.len());
        for (index, gate) in gates.iter().enumerate() {
            readings.push(match &gate.check {
                Check::Alarm { alarm } => match &alarms {
                    Ok(states) => Reading::Alarm(states.get(alarm).cloned().unwrap_or(AlarmReading::Missing)),
                    Err(error) => Reading::CouldNotAsk(error.to_string()),
                },
                Check::Metric(_) | Check::Errors(_) | Check::Latency(_) => match &metrics {
                    Ok(answers) => answers.get(&index).cloned().unwrap_or(Reading::CouldNotAsk(
                        "the service has no load balancer that counts its requests".to_owned(),
                    )),
                    Err(error) => Reading::CouldNotAsk(error.to_string()),
                },
                Check::Http(probe) => self.elsewhere.http(probe).await,
                Check::Command { command, timeout } => self.elsewhere.command(command, *timeout).await,
                Check::Approval { question } => self.elsewhere.approval(&gate.name, question).await,
            });
        }
        readings
    }

    /// The candidate's share of production by the request counts of both groups over the last looks.
    /// `None` while nothing was counted, or where nobody counts.
    pub async fn measured(&self) -> Option<Percent> {
        if self.groups.is_some() && !self.known(|measured| measured.is_fresh(now())) {
            // A failure leaves what is known as it is: a share that is not known is said to be unknown.
            let _ = self.metrics(&[]).await;
        }
        self.known(Measured::share)
    }

    /// Since when, on this machine's clock, stable's group has counted no request. `None` while that
    /// is not known.
    pub fn stable_quiet_since(&self) -> Option<Millis> {
        self.known(Measured::quiet_since)
    }

    /// Whether stable's group still gets requests, as far as its count tells.
    pub(crate) fn stable_requests(&self) -> Requests {
        match (&self.groups, self.stable_quiet_since()) {
            (None, _) => Requests::NobodyCounts,
            (Some(_), Some(at)) => Requests::NoneSince(at),
            (Some(_), None) => Requests::Perhaps,
        }
    }

    fn known<T>(&self, what: impl FnOnce(&Measured) -> T) -> T {
        what(&self.measured.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn alarms(&self, gates: &[&Gate]) -> Result<BTreeMap<String, AlarmReading>, AwsError> {
        let names = alarm_names(gates.iter().copied());
        if names.is_empty() { Ok(BTreeMap::new()) } else { self.client.alarm_states(&names).await }
    }

    /// The readings of all checks that are metrics, by their place; and the request counts, which tell
    /// the measured share, in the same call.
    async fn metrics(&self, gates: &[&Gate]) -> Result<BTreeMap<usize, Reading>, AwsError> {
        let mut call = Call::default();
        let questions: Vec<Question> =
            gates.iter().map(|gate| self.question(&gate.check, &mut call)).collect();
        let shares = self.groups.as_ref().map(|groups| {
            let mut sum = |group| call.place(groups.series(group, Count::Requests));
            (sum(Side::Stable), sum(Side::Candidate))
        });
        if call.series.is_empty() {
            return Ok(BTreeMap::new());
        }
        let here = now();
        let upto = self.aws(here);
        let began = self.known(Measured::began);
        let from = self.stable_since.min(self.since).min(began);
        // To the end of the minute that is under way, whose requests count already.
        let points = self.client.points(&call.series, whole(from), whole(upto) + MINUTE).await?;
        let answers = Points { points: &points, upto };
        if let Some((stable, candidate)) = shares {
            let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
            measured.counted(here, answers.sum(stable, began), answers.sum(candidate, began));
        }
        let readings = questions.into_iter().enumerate();
        Ok(readings
            .filter_map(|(index, question)| Some((index, self.reading(question, &answers)?)))
            .collect())
    }

    fn question(&self, check: &Check, call: &mut Call) -> Question {
        match (check, &self.groups) {
            (Check::Metric(metric), _) => Question::Metric(call.place(of_metric(metric)), metric.period),
            (Check::Errors(_), Some(groups)) => {
                let mut both = |counts: &[Count]| {
                    [Side::Stable, Side::Candidate].map(|side| {
                        counts.iter().map(|count| call.place(groups.series(side, *count))).collect()
                    })
                };
                Question::Requests {
                    all: both(&[Count::Requests]),
                    bad: both(&[Count::Errors, Count::Unconnected]),
                    slow_from: None,
                }
            }
            (Check::Latency(wanted), Some(groups)) => {
                let key = (wanted.percentile.to_bits(), wanted.tolerance_percent.to_bits());
                let fixed = self.slow_from.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
                let Some(slow_from) = fixed else {
                    // One point over all of stable's time, as far as the alignment of periods allows.
                    let window = whole(self.aws(now()) - self.stable_since) + MINUTE;
                    return Question::Percentile {
                        place: call.place(groups.percentile(wanted.percentile, window)),
                        key,
                        stretch: 1.0 + wanted.tolerance_percent / 100.0,
                    };
                };
                let mut both = |count: Count| {
                    [Side::Stable, Side::Candidate].map(|side| vec![call.place(groups.series(side, count))])
                };
                Question::Requests {
                    all: both(Count::Timed),
                    bad: both(Count::SlowerThan(slow_from)),
                    slow_from: Some(slow_from),
                }
            }
            _ => Question::NotHere,
        }
    }

    fn reading(&self, question: Question, points: &Points<'_>) -> Option<Reading> {
        Some(match question {
            Question::NotHere => return None,
            Question::Metric(place, period) => Reading::Metric(points.newest(place, period, self.since)),
            Question::Requests { all: [stable, candidate], bad: [stable_bad, candidate_bad], slow_from } => {
                let sum =
                    |places: Vec<usize>, since| places.into_iter().map(|it| points.sum(it, since)).sum();
                let counts = |all, bad, since| {
                    let requests: u64 = sum(all, since);
                    Counts { requests, bad: sum(bad, since).min(requests) }
                };
                Reading::Requests {
                    stable: counts(stable, stable_bad, self.stable_since),
                    candidate: counts(candidate, candidate_bad, self.since),
                    slow_from,
                }
            }
            Question::Percentile { place, key, stretch } => {
                let slowest = points.all(place).iter().map(|(_, value)| *value).reduce(f64::max);
                if let Some(seconds) = slowest {
                    let mut fixed = self.slow_from.lock().unwrap_or_else(PoisonError::into_inner);
                    fixed.insert(key, seconds * stretch);
                }
                Reading::Requests {
                    stable: Counts::default(),
                    candidate: Counts::default(),
                    slow_from: slowest.map(|seconds| seconds * stretch),
                }
            }
        })
    }
}

/// The names of the alarms among these gates.
pub(crate) fn alarm_names<'g>(gates: impl Iterator<Item = &'g Gate>) -> Vec<String> {
    let named = gates.filter_map(|gate| match &gate.check {
        Check::Alarm { alarm } => Some(alarm.clone()),
        _ => None,
    });
    named.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

/// The series of one call, each once.
#[derive(Debug, Default)]
struct Call {
    series: Vec<Series>,
}

impl Call {
    fn place(&mut self, series: Series) -> usize {
        self.series.push(series);
        self.series.len() - 1
    }
}

/// Which series answer a check.
enum Question {
    NotHere,
    Metric(usize, Millis),
    /// Of each group the series that add up to its requests, and to the bad ones among them.
    Requests {
        all: [Vec<usize>; 2],
        bad: [Vec<usize>; 2],
        slow_from: Option<f64>,
    },
    Percentile {
        place: usize,
        key: (u64, u64),
        stretch: f64,
    },
}

/// What came back, and when it was asked on AWS's clock.
struct Points<'p> {
    points: &'p [Vec<Point>],
    upto: Millis,
}

impl Points<'_> {
    fn all(&self, place: usize) -> &[Point] {
        self.points.get(place).map_or(&[], Vec::as_slice)
    }

    /// The sum since a moment, whose whole minute counts.
    fn sum(&self, place: usize, since: Millis) -> u64 {
        let own = self.all(place).iter().filter(|(at, _)| *at >= whole(since));
        own.map(|(_, value)| *value).sum::<f64>().round() as u64
    }

    /// The value of the newest period that is over and began no sooner than the step.
    fn newest(&self, place: usize, period: Millis, since: Millis) -> Option<f64> {
        let own = self.all(place).iter().rev();
        own.filter(|(at, _)| *at >= since && at + period <= self.upto).map(|(_, value)| *value).next()
    }
}

/// The beginning of its minute.
fn whole(at: Millis) -> Millis {
    at - at.rem_euclid(MINUTE)
}

fn of_metric(metric: &MetricCheck) -> Series {
    Series {
        namespace: metric.namespace.clone(),
        metric: metric.metric.clone(),
        dimensions: metric.dimensions.clone(),
        statistic: metric.statistic.clone(),
        period: metric.period,
    }
}
