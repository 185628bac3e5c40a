//! What one answer of a gate means. It must never take "no data" or "no answer" for "it holds". Start
//! with [`meaning`].

use super::comparison::{self, Told};
use super::{
    AlarmReading, Approval, Check, HttpProbe, LatencyComparison, MetricCheck, MustBe, Reading, Standing,
};
use serde::{Deserialize, Serialize};

/// What of the earlier answers of a gate is needed to understand the next one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Answers heard.
    answers: u32,
    /// Probes that failed, in a row.
    failures: u32,
}

/// How the gate stands after this answer.
pub(super) fn meaning(check: &Check, reading: Reading, kept: &mut Kept) -> Standing {
    if let Reading::CouldNotAsk(reason) = reading {
        return Standing::CouldNotAsk { reason };
    }
    kept.answers += 1;
    match (check, reading) {
        (Check::Alarm { alarm }, Reading::Alarm(state)) => of_alarm(alarm, state, *kept),
        (Check::Metric(metric), Reading::Metric(value)) => of_metric(metric, value),
        (Check::Http(probe), Reading::Http(answer)) => of_probe(probe, answer, kept),
        (Check::Command { timeout, .. }, Reading::Command { exit_code, last_line }) => {
            of_command(*timeout, exit_code, &last_line)
        }
        (Check::Approval { question }, Reading::Approval(approval)) => of_approval(question, approval),
        (Check::Errors(wanted), Reading::Requests { stable, candidate, .. }) => {
            of_comparison(comparison::errors(wanted, stable, candidate))
        }
        (Check::Latency(wanted), Reading::Requests { stable, candidate, slow_from: Some(slow_from) }) => {
            of_comparison(comparison::latency(wanted, stable, candidate, slow_from))
        }
        (Check::Latency(LatencyComparison { percentile, .. }), Reading::Requests { .. }) => {
            Standing::TooLittle {
                evidence: format!("stable has no request yet that tells its p{percentile}"),
            }
        }
        _ => Standing::CouldNotAsk { reason: "the answer is of another kind than the question".to_owned() },
    }
}

/// An alarm that is in ALARM when the step begins breaks the gate at once. ECS's own deployment alarms
/// are ignored for the whole deployment then (facts §2.2), so that a fix can be deployed; whoever writes
/// a gate wants the opposite, and whoever deploys a fix leaves the gate out.
fn of_alarm(alarm: &str, state: AlarmReading, kept: Kept) -> Standing {
    match state {
        AlarmReading::Ok => Standing::Holds { evidence: format!("alarm {alarm} is OK") },
        AlarmReading::Alarm(reason) => {
            let since = if kept.answers == 1 { " already when the step began" } else { "" };
            let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            Standing::Broken { evidence: format!("alarm {alarm} was in ALARM{since}{reason}") }
        }
        // As ECS takes it: many alarms have data only while something goes wrong.
        AlarmReading::InsufficientData => {
            Standing::Holds { evidence: format!("alarm {alarm} has no data, which is not ALARM") }
        }
        AlarmReading::Missing => Standing::CouldNotAsk { reason: format!("there is no alarm {alarm}") },
    }
}

fn of_metric(metric: &MetricCheck, value: Option<f64>) -> Standing {
    let (name, statistic, threshold) = (&metric.metric, &metric.statistic, metric.threshold);
    let Some(value) = value else {
        return Standing::TooLittle { evidence: format!("{statistic} of {name} has no data") };
    };
    let (holds, words) = match metric.must_be {
        MustBe::Below => (value < threshold, "below"),
        MustBe::AtMost => (value <= threshold, "at most"),
        MustBe::Above => (value > threshold, "above"),
        MustBe::AtLeast => (value >= threshold, "at least"),
    };
    let evidence = format!("{statistic} of {name} is {}, must be {words} {threshold}", short(value));
    if holds { Standing::Holds { evidence } } else { Standing::Broken { evidence } }
}

fn of_probe(probe: &HttpProbe, answer: Result<u16, String>, kept: &mut Kept) -> Standing {
    let said = match &answer {
        Ok(status) => format!("{} answered {status}", probe.url),
        Err(why) => format!("{} did not answer: {why}", probe.url),
    };
    let holds = answer
        .is_ok_and(|status| probe.expects.iter().any(|(first, last)| (*first..=*last).contains(&status)));
    if holds {
        kept.failures = 0;
        return Standing::Holds { evidence: said };
    }
    kept.failures += 1;
    let limit = probe.failures.max(1);
    if kept.failures >= limit {
        let row = if limit == 1 { String::new() } else { format!(", {limit} failures in a row") };
        return Standing::Broken { evidence: format!("{said}{row}") };
    }
    Standing::TooLittle { evidence: format!("{said}; {} of {limit} failures in a row", kept.failures) }
}

fn of_command(timeout: crate::Millis, exit_code: Option<i32>, last_line: &str) -> Standing {
    let line = if last_line.is_empty() { String::new() } else { format!(": {last_line}") };
    match exit_code {
        Some(0) => Standing::Holds { evidence: format!("exited with 0{line}") },
        Some(code) => Standing::Broken { evidence: format!("exited with {code}{line}") },
        None => Standing::Broken {
            evidence: format!("was ended by a signal or took longer than {} s{line}", timeout / 1000),
        },
    }
}

fn of_approval(question: &str, approval: Approval) -> Standing {
    match approval {
        Approval::Pending => Standing::WaitsForApproval { question: question.to_owned() },
        Approval::Granted { by } => Standing::Holds { evidence: format!("approved by {by}") },
        Approval::Refused { by } => Standing::Broken { evidence: format!("refused by {by}: {question}") },
    }
}

fn of_comparison(told: Told) -> Standing {
    match told {
        Told::Worse(evidence) => Standing::Broken { evidence },
        Told::NotWorse(evidence) => Standing::Holds { evidence },
        Told::TooLittle(evidence) => Standing::TooLittle { evidence },
    }
}

/// At most three digits after the point, none of them a trailing zero.
fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
