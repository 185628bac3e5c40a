//! The sentence for each event. It must never say more than the event does. Start with [`sentence`].

use crate::share::Share;
use crate::style::{Style, Tone};
use std::borrow::Cow;
use std::fmt::Write as _;
use tidegate_rollout::gate::{Check, MustBe, NoEvidence, Standing};
use tidegate_rollout::observation::{BreakerCount, Deployment, RolloutState};
use tidegate_rollout::plan::StepKind;
use tidegate_rollout::{DeploymentId, Event, Millis, Verdict};

/// One line for an event, or nothing where the event has a picture of its own (the difference, the
/// plan, the failure screen).
pub fn sentence(event: &Event, style: Style) -> Option<String> {
    Some(match event {
        Event::Planned { target, from, differences } => format!(
            "{} runs {}; {}",
            style.paint(Tone::Strong, &target.to_string()),
            from.short(),
            match differences.len() {
                0 => "no differences in the task definition".to_owned(),
                1 => "1 difference".to_owned(),
                n => format!("{n} differences"),
            }
        ),
        Event::RollbackChosen { from, to, steady_at } => {
            let steady = steady_at.map_or_else(String::new, |at| {
                format!(", which was steady at {}", crate::failure::moment(at))
            });
            format!("going back from {} to {}{steady}", from.short(), style.paint(Tone::Strong, to.short()))
        }
        Event::ImageResolved { image, resolved, .. } => format!("{image} is {resolved}"),
        Event::Warned { message } => format!("{} {message}", style.paint(Tone::Warning, "note:")),
        Event::NothingDone { reason } => reason.clone(),
        Event::Registered { task_definition } => {
            format!("registered {}", style.paint(Tone::Strong, task_definition.short()))
        }
        Event::Started { deployment, task_definition, desired, .. } => {
            format!(
                "deployment {deployment} brings {} to {}",
                style.paint(Tone::Strong, task_definition.short()),
                tasks(*desired)
            )
        }
        Event::Progressed { deployments, followed } => {
            let parts: Vec<String> = deployments.iter().map(|d| counts(d, followed, style)).collect();
            parts.join(" · ")
        }
        Event::ServiceSaid { message, .. } => style.paint(Tone::Quiet, &format!("ecs: {}", told(message))),
        Event::StepBegan { step, kind, bake } => {
            let watched = if *bake == 0 { String::new() } else { format!(", watched for {}", span(*bake)) };
            format!("step {}: {}{watched}", step + 1, style.paint(Tone::Strong, &step_words(*kind)))
        }
        Event::StageEntered { stage } => style.paint(Tone::Quiet, &format!("stage {stage}")),
        Event::Weighed { .. } => {
            let share = Share::of(event)?;
            format!("candidate's share: {}", share.words(style))
        }
        Event::GateStands { gate, standing } => gate_words(gate, standing, style),
        Event::Held { reason } => style.paint(Tone::Warning, reason),
        Event::CauseFound { cause } => {
            format!("{} {} ({})", style.paint(Tone::Bad, "cause:"), cause.what, told(cause.said()))
        }
        Event::RollbackRequested { reason } => {
            format!("waiting cannot help ({}); asking ECS to roll back now", told(reason))
        }
        Event::RollingBack { to, reason } => {
            format!("{} to {}: {reason}", style.paint(Tone::Warning, "rolling back"), to.short())
        }
        // Figures that move twice a second are for a live view; the report at the end has them all.
        Event::PlanMade { .. } | Event::Traffic { .. } | Event::Diagnosed { .. } => return None,
        // It was so already.
        Event::Decided { verdict, duration_ms: 0 } => verdict_sentence(verdict, style),
        Event::Decided { verdict, duration_ms } => {
            format!("{} (after {})", verdict_sentence(verdict, style), duration(*duration_ms))
        }
    })
}

/// What a step does.
pub fn step_words(kind: StepKind) -> String {
    match kind {
        StepKind::Roll => "replace the tasks".to_owned(),
        StepKind::ScaleUp => "start the candidate beside stable".to_owned(),
        StepKind::TestTraffic => "test traffic to the candidate".to_owned(),
        StepKind::Shift(weight) => format!("{weight} of production to the candidate"),
        StepKind::RollStable => "roll the stable service to the candidate's revision".to_owned(),
        StepKind::ShiftHome => "production home to the stable service".to_owned(),
        StepKind::CleanUp => "clean up".to_owned(),
    }
}

fn gate_words(gate: &str, standing: &Standing, style: Style) -> String {
    let word = match standing {
        Standing::Holds { .. } => "holds",
        Standing::Broken { .. } => "is broken",
        Standing::TooLittle { .. } => "cannot tell yet",
        Standing::CouldNotAsk { .. } => "could not be asked",
        Standing::WaitsForApproval { .. } => "waits for approval",
    };
    format!(
        "gate {} {}: {}",
        style.paint(Tone::Strong, gate),
        style.paint(gate_tone(standing), word),
        standing.evidence()
    )
}

/// How loudly a standing is said.
pub(crate) fn gate_tone(standing: &Standing) -> Tone {
    match standing {
        Standing::Holds { .. } => Tone::Good,
        Standing::Broken { .. } => Tone::Bad,
        Standing::TooLittle { .. } | Standing::CouldNotAsk { .. } | Standing::WaitsForApproval { .. } => {
            Tone::Warning
        }
    }
}

/// What a gate does, in one line.
pub fn gate_meaning(check: &Check) -> String {
    let certain = |certainty: f64, what: String, too_little: NoEvidence| {
        format!(
            "thrown back once {certainty} % sure that the candidate's {what}; too little traffic: {}",
            no_evidence(too_little)
        )
    };
    match check {
        Check::Alarm { alarm } => format!("thrown back when alarm {alarm} is in ALARM"),
        Check::Metric(metric) => {
            let side = match metric.must_be {
                MustBe::Below => "not below",
                MustBe::AtMost => "above",
                MustBe::Above => "not above",
                MustBe::AtLeast => "below",
            };
            format!(
                "thrown back when {} of {} over {} is {side} {}; no data: {}",
                metric.statistic,
                metric.metric,
                span(metric.period),
                metric.threshold,
                no_evidence(metric.no_data)
            )
        }
        Check::Http(probe) => {
            let statuses = probe.expects.iter().map(|(first, last)| {
                if first == last { first.to_string() } else { format!("{first}–{last}") }
            });
            let row = match probe.failures {
                0 | 1 => "when it once fails".to_owned(),
                n => format!("after {n} failures in a row"),
            };
            format!(
                "thrown back {row}: {} must answer {} within {}",
                probe.url,
                statuses.collect::<Vec<_>>().join(" or "),
                span(probe.timeout)
            )
        }
        Check::Command { command, timeout } => {
            format!("thrown back unless `{}` exits with 0 within {}", command.join(" "), span(*timeout))
        }
        Check::Approval { question } => format!("waits until somebody agrees: {question}"),
        Check::Errors(errors) => certain(
            errors.certainty,
            format!("error rate is more than {} points worse", errors.tolerance_points),
            errors.too_little,
        ),
        Check::Latency(latency) => certain(
            latency.certainty,
            format!("p{} is more than {} % slower", latency.percentile, latency.tolerance_percent),
            latency.too_little,
        ),
    }
}

fn no_evidence(policy: NoEvidence) -> &'static str {
    match policy {
        NoEvidence::Wait => "waits",
        NoEvidence::Pass => "passes",
        NoEvidence::Fail => "thrown back",
    }
}

/// The verdict in one sentence.
pub fn verdict_sentence(verdict: &Verdict, style: Style) -> String {
    match verdict {
        Verdict::Promoted { task_definition, running } => format!(
            "{}: {} serves with {}",
            style.paint(Tone::Good, "promoted"),
            task_definition.short(),
            tasks(*running)
        ),
        Verdict::RolledBack { to, reason, breaker } => {
            let back = style.paint(Tone::Bad, "rolled back");
            match thrown_back_by(reason) {
                Some((gate, evidence)) => {
                    format!(
                        "{back} to {} by gate {}: {evidence}",
                        to.short(),
                        style.paint(Tone::Strong, gate)
                    )
                }
                None => format!("{back} to {}: {}", to.short(), why(reason, *breaker)),
            }
        }
        Verdict::Failed { reason, left, breaker } => {
            format!("{}: {}; {left}", style.paint(Tone::Bad, "failed"), why(reason, *breaker))
        }
        Verdict::Aborted { reason } => format!("{}: {reason}", style.paint(Tone::Bad, "aborted")),
        Verdict::TimedOut { reached } => {
            format!("{}: {reached}; ECS goes on", style.paint(Tone::Warning, "timed out"))
        }
        Verdict::Superseded { by, task_definition } => format!(
            "{}: deployment {by} of {} took its place",
            style.paint(Tone::Warning, "superseded"),
            task_definition.short()
        ),
    }
}

/// The gate that decided and its numbers, where it was one: the reason is `gate NAME: NUMBERS` then.
fn thrown_back_by(reason: &str) -> Option<(&str, &str)> {
    reason.strip_prefix("gate ")?.split_once(": ")
}

/// AWS's reason; where the circuit breaker tripped, its count says more than AWS's sentence about it.
fn why(reason: &str, breaker: Option<BreakerCount>) -> String {
    match breaker {
        Some(BreakerCount { failures, threshold }) if failures >= threshold => {
            format!("the circuit breaker counted {failures} of {threshold} failures")
        }
        _ => told(reason).trim_end_matches('.').to_owned(),
    }
}

fn counts(d: &Deployment, followed: &DeploymentId, style: Style) -> String {
    let name = if d.id == *followed {
        style.paint(Tone::Strong, d.task_definition.short())
    } else {
        d.task_definition.short().to_owned()
    };
    let mut text = format!("{name} {}/{} running", d.running, d.desired);
    if d.pending > 0 {
        let _ = write!(text, ", {} pending", d.pending);
    }
    if d.failed > 0 {
        text.push_str(&style.paint(Tone::Bad, &format!(", {} failed", d.failed)));
    }
    if d.rollout_state == Some(RolloutState::Failed) {
        text.push_str(&style.paint(Tone::Bad, " (FAILED)"));
    }
    text
}

/// `1 task`, `3 tasks`.
pub fn tasks(count: u32) -> String {
    if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") }
}

/// A duration as people say it: `850 ms`, `12.3 s`, `3 min 5 s`.
pub fn duration(ms: i64) -> String {
    let ms = ms.max(0);
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
    }
}

/// A length of time that somebody chose, without what it has none of: `10 min`, `1 min 30 s`, `1 h`, `330 ms`.
pub fn span(ms: Millis) -> String {
    let ms = ms.max(0);
    let parts = [(ms / 3_600_000, "h"), (ms / 60_000 % 60, "min"), (ms / 1_000 % 60, "s")];
    let said: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}")).collect();
    if ms < 1_000 { format!("{ms} ms") } else { said.join(" ") }
}

/// A clock: `0:07`, `12:05`, `1:00:00`.
pub(crate) fn clock(ms: Millis) -> String {
    let seconds = ms.max(0) / 1000;
    match seconds / 3600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

/// `60,000`
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// An event's message without the service's name, which every one of them starts with and the reader knows, and with
/// target groups by their names. Task ids stay whole: they are what people search logs for.
pub fn told(message: &str) -> String {
    let message = match message.strip_prefix("(service ").and_then(|rest| rest.split_once(") ")) {
        None => message.to_owned(),
        Some((named, rest)) => match named.split_once(", ") {
            None => rest.to_owned(),
            Some((_, also)) => format!("({also}) {rest}"),
        },
    };
    let words: Vec<Cow<'_, str>> = message.split(' ').map(named_group).collect();
    words.join(" ")
}

/// A target group's ARN by the group's name; any other word as it is.
fn named_group(word: &str) -> Cow<'_, str> {
    let found = word.split_once("arn:aws").and_then(|(before, arn)| {
        let group = arn.split_once(":targetgroup/")?.1;
        Some((before, group.split_once('/').unwrap_or((group, ""))))
    });
    match found {
        None => Cow::Borrowed(word),
        Some((before, (name, id))) => {
            Cow::Owned(format!("{before}{name}{}", id.trim_start_matches(|c: char| c.is_ascii_hexdigit())))
        }
    }
}

/// The message with the ids of tasks and deployments cut short, for a view that has one line for it.
pub fn with_short_ids(message: &str) -> String {
    let words: Vec<Cow<'_, str>> = message.split(' ').map(short_id).collect();
    words.join(" ")
}

fn short_id(word: &str) -> Cow<'_, str> {
    // What follows may be a bracket, a full stop, or the end of a colour.
    let (before, id) = word.split_at(word.find("ecs-svc/").map_or(0, |at| at + "ecs-svc/".len()));
    match id.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(id.len()) {
        32 => Cow::Owned(format!("{before}{}…{}", &id[..8], &id[32..])),
        19 if !before.is_empty() => Cow::Owned(format!("{before}{}…{}", &id[..4], &id[19..])),
        _ => Cow::Borrowed(word),
    }
}

/// One line of figures for a live view.
pub fn traffic(event: &Event) -> Option<String> {
    let Event::Traffic { per_second, sent, failed, p50_us, p99_us } = event else { return None };
    let ms = |us: &u64| *us as f64 / 1000.0;
    Some(format!(
        "{per_second}/s   {sent} requests   {failed} failed   p50 {:.1} ms   p99 {:.1} ms",
        ms(p50_us),
        ms(p99_us)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        let said: Vec<String> =
            [0, 999, 1_000, 12_345, 59_999, 60_000, 185_000].iter().map(|ms| duration(*ms)).collect();
        assert_eq!(said, ["0 ms", "999 ms", "1.0 s", "12.3 s", "59.9 s", "1 min 0 s", "3 min 5 s"]);
    }

    #[test]
    fn spans_leave_out_what_they_have_none_of() {
        let said: Vec<String> =
            [330, 1_000, 90_000, 600_000, 3_600_000, 3_900_000].iter().map(|ms| span(*ms)).collect();
        assert_eq!(said, ["330 ms", "1 s", "1 min 30 s", "10 min", "1 h", "1 h 5 min"]);
    }

    #[test]
    fn a_verdict_names_the_gate_that_decided_and_its_numbers() {
        let reason = format!("gate errors: {}", crate::stories::BROKE);
        let to = tidegate_rollout::TaskDefinitionArn::parse("arn:aws:ecs:r:1:task-definition/web:7");
        let verdict = Verdict::RolledBack { to: to.expect("valid"), reason, breaker: None };
        insta::assert_snapshot!(verdict_sentence(&verdict, Style::Plain), @"rolled back to web:7 by gate errors: more than 99.9999 % sure that the candidate's error rate is more than 0.5 points worse: 31.0 % (9 of 29) against 0.0 % (0 of 265)");
        assert!(
            crate::stories::visible(&verdict_sentence(&verdict, Style::Coloured))
                .contains("by gate ␛[1merrors␛[0m: ")
        );
    }

    #[test]
    fn a_view_has_no_room_for_whole_ids() {
        let task = "0123456789abcdef0123456789abcdef";
        assert_eq!(
            with_short_ids(&format!("has started 1 tasks: (task {task}).")),
            "has started 1 tasks: (task 01234567…)."
        );
        assert_eq!(
            with_short_ids(&format!("\u{1b}[2m(task {task}\u{1b}[0m")),
            "\u{1b}[2m(task 01234567…\u{1b}[0m"
        );
        assert_eq!(
            with_short_ids("(deployment ecs-svc/2222222222222222222) deployment completed."),
            "(deployment ecs-svc/2222…) deployment completed."
        );
        assert_eq!(with_short_ids("has reached a steady state."), "has reached a steady state.");
    }

    #[test]
    fn neither_the_service_nor_a_whole_target_group_is_on_every_line() {
        let group = "(target-group arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef)";
        for (said, expected) in [
            ("(service web) has reached a steady state.".to_owned(), "has reached a steady state."),
            (
                "(service web, taskSet ecs-svc/1) has begun draining connections on 1 tasks.".to_owned(),
                "(taskSet ecs-svc/1) has begun draining connections on 1 tasks.",
            ),
            (
                format!("(service web) registered 2 targets in {group}"),
                "registered 2 targets in (target-group web)",
            ),
            (
                format!(
                    "(service web) (task 01) (port 80) is unhealthy in {group} due to (reason Request timed out)"
                ),
                "(task 01) (port 80) is unhealthy in (target-group web) due to (reason Request timed out)",
            ),
            ("nothing to leave out".to_owned(), "nothing to leave out"),
        ] {
            assert_eq!(told(&said), expected);
        }
    }
}
