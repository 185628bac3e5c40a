//! What a rehearsal found, as programs read it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Fault, Measured};

/// `rehearse --output json`. All times are real milliseconds, however fast the local cloud's clock ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How the rollout ended.
    pub outcome: Outcome,
    /// `rolling`, `blue_green`, `linear` or `canary`.
    pub strategy: String,
    /// `ecs`, `code_deploy` or `alb`.
    pub controller: String,
    /// The fault that the candidate was given.
    pub fault: Option<String>,
    /// Who threw the candidate back: `gate errors`, `circuit breaker` or `failing tasks`.
    pub thrown_back_by: Option<String>,
    /// The revision that was rolled out, for example `hello:2`.
    pub candidate: String,
    /// What users would have noticed.
    pub requests: Requests,
    /// From UpdateService's answer to the moment at which the deployment failed; absent when it did not.
    pub detected_ms: Option<u64>,
    /// From then to the moment at which the service was steady again on the revision from before.
    pub restored_ms: Option<u64>,
    /// From the decision to go back to the candidate's last answer; absent when there was none, or it came before.
    pub left_ms: Option<u64>,
    /// From UpdateService's answer to the verdict.
    pub duration_ms: u64,
    /// What happened, and when.
    pub timeline: Vec<Moment>,
}

/// How a rehearsed rollout ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The candidate serves.
    Deployed,
    /// The revision from before serves again.
    RolledBack,
    /// Neither.
    Failed,
}

impl Outcome {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Deployed => "deployed",
            Self::RolledBack => "rolled back",
            Self::Failed => "failed",
        }
    }
}

/// The traffic of a rehearsal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Requests {
    /// All of them.
    pub sent: u64,
    /// Those that got no answer or a 5xx.
    pub failed: u64,
    /// Requests answered by the tasks of each revision, for example `hello:2`.
    pub by_revision: BTreeMap<String, u64>,
    /// Those of them that were answered with a 5xx.
    pub failed_by_revision: BTreeMap<String, u64>,
    /// Failed requests by what they ended with.
    pub failures: BTreeMap<String, u64>,
    /// Of all requests, from the moment at which each should have left.
    pub latency_ms: Latency,
}

/// Percentiles in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// The median.
    pub p50: f64,
    /// 95 % were not slower.
    pub p95: f64,
    /// 99 % were not slower.
    pub p99: f64,
}

/// A point of the timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Milliseconds after UpdateService's answer.
    pub at_ms: u64,
    /// What happened.
    pub event: String,
    /// The share of production that each revision has, in percent; of a rolling update the share of the tasks in service.
    pub weights: Weights,
}

/// Shares in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights {
    /// The revision from before.
    pub stable: u32,
    /// The revision that is rolled out.
    pub candidate: u32,
}

impl Requests {
    /// What was measured, with targets resolved to revisions; those that no revision is known for are left out.
    pub fn of(measured: &Measured, revision_of: impl Fn(std::net::SocketAddr) -> Option<String>) -> Self {
        let (mut by_revision, mut failed_by_revision) = (BTreeMap::new(), BTreeMap::new());
        for (target, answers) in &measured.by_target {
            if let Some(revision) = revision_of(*target) {
                *failed_by_revision.entry(revision.clone()).or_default() += answers.failed;
                *by_revision.entry(revision).or_default() += answers.total;
            }
        }
        Self {
            sent: measured.sent,
            failed: measured.failed,
            by_revision,
            failed_by_revision,
            failures: measured.failures.clone(),
            latency_ms: Latency {
                p50: measured.latency_ms(0.5),
                p95: measured.latency_ms(0.95),
                p99: measured.latency_ms(0.99),
            },
        }
    }
}

impl Report {
    /// The share of all requests that the candidate answered, or that failed, if those are more: 0–1. A slow answer is no
    /// failure, and somebody saw it all the same.
    pub fn share_that_saw_it(&self) -> f64 {
        let answered = match self.fault.as_deref().map(str::parse) {
            Some(Ok(Fault::Latency(_))) => self.requests.by_revision.get(&self.candidate).copied(),
            _ => None,
        };
        let saw = answered.unwrap_or(0).max(self.requests.failed);
        if self.requests.sent == 0 { 0.0 } else { saw as f64 / self.requests.sent as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcome: Outcome, times: Option<(u64, u64)>) -> Report {
        Report {
            outcome,
            strategy: "rolling".into(),
            controller: "ecs".into(),
            fault: times.map(|_| "crash-on-start".into()),
            thrown_back_by: times.map(|_| "circuit breaker".into()),
            candidate: "hello:2".into(),
            requests: Requests {
                sent: 60_000,
                failed: 0,
                by_revision: BTreeMap::from([("hello:1".into(), 31_000), ("hello:2".into(), 29_000)]),
                failed_by_revision: BTreeMap::from([("hello:2".into(), 600)]),
                failures: BTreeMap::new(),
                latency_ms: Latency { p50: 0.4, p95: 0.9, p99: 2.25 },
            },
            detected_ms: times.map(|(detected, _)| detected),
            restored_ms: times.map(|(_, restored)| restored),
            left_ms: times.map(|_| 12),
            duration_ms: 6_400,
            timeline: vec![Moment {
                at_ms: 0,
                event: "UpdateService answered".into(),
                weights: Weights { stable: 100, candidate: 0 },
            }],
        }
    }

    #[test]
    fn slow_answers_are_seen_by_those_who_got_them_and_failures_by_those_who_met_them() {
        let mut slow = report(Outcome::RolledBack, Some((1_250, 80)));
        slow.fault = Some("latency=800ms".into());
        let per_thousand = |report: &Report| (report.share_that_saw_it() * 1000.0).round() as u32;
        assert_eq!(per_thousand(&slow), 483);
        let mut failing = report(Outcome::RolledBack, Some((1_250, 80)));
        failing.requests.failed = 600;
        assert_eq!(per_thousand(&failing), 10);
    }

    #[test]
    fn the_report_is_the_published_json() {
        insta::assert_snapshot!(
            serde_json::to_string_pretty(&report(Outcome::RolledBack, Some((1_250, 80)))).unwrap()
        );
    }
}
