//! The plan of a rollout as a table of 80 columns: every step with its share, how long it takes at least,
//! how many tasks run at most, its gates, and what a failure there does. Start with [`table`].

use crate::style::{Style, Tone};
use crate::words;
use std::fmt::Write as _;
use tidegate_rollout::gate::{Check, Gate, MustBe, NoEvidence};
use tidegate_rollout::plan::{OnFailure, Plan, Step, StepKind};

/// Cells for the names of gates in a row.
const GATES: usize = 22;

/// The table, with the gates beneath it.
pub fn table(plan: &Plan, style: Style) -> String {
    let mut text = format!(
        "  {}: at least {}, at most {}\n",
        style.paint(Tone::Strong, &plan.strategy.to_string()),
        time(plan.least()),
        words::tasks(plan.most_tasks())
    );
    let heads = format!(
        "{:>3}  {:<15}  {:>9}  {:>5}  {:<GATES$}  IF IT FAILS",
        "", "STEP", "AT LEAST", "TASKS", "GATES"
    );
    let _ = writeln!(text, "{}", style.paint(Tone::Quiet, &heads));
    for (index, step) in plan.steps.iter().enumerate() {
        let row = format!(
            "{:>3}  {:<15}  {:>9}  {:>5}  {:<GATES$}  {}",
            index + 1,
            name(step.kind),
            if step.bake > 0 { time(step.bake) } else { "-".to_owned() },
            step.most_tasks,
            gates(plan, step),
            failure(step.on_failure)
        );
        let _ = writeln!(text, "{row}");
    }
    for gate in &plan.gates {
        let _ = writeln!(text, "  gate {}: {}", style.paint(Tone::Strong, &gate.name), looks_at(gate));
    }
    text
}

/// What a step does, short.
pub fn name(kind: StepKind) -> String {
    match kind {
        StepKind::Roll => "replace tasks".to_owned(),
        StepKind::ScaleUp => "start candidate".to_owned(),
        StepKind::TestTraffic => "test traffic".to_owned(),
        StepKind::Shift(weight) => format!("shift to {weight}"),
        StepKind::RollStable => "roll stable".to_owned(),
        StepKind::ShiftHome => "shift home".to_owned(),
        StepKind::CleanUp => "clean up".to_owned(),
    }
}

fn failure(on_failure: OnFailure) -> &'static str {
    match on_failure {
        OnFailure::EcsRollsBack => "ECS rolls back",
        OnFailure::CandidateGoes => "candidate goes",
        OnFailure::WeightsBack => "weights go back",
        OnFailure::CandidateStays => "tried again",
    }
}

/// Whole minutes, as bakes mostly are, without seconds.
fn time(ms: i64) -> String {
    if ms > 0 && ms % 60_000 == 0 { format!("{} min", ms / 60_000) } else { words::duration(ms) }
}

/// The names of a step's gates, as many as fit, and how many more there are.
fn gates(plan: &Plan, step: &Step) -> String {
    let names: Vec<&str> =
        step.gates.iter().filter_map(|gate| plan.gates.get(*gate)).map(|gate| gate.name.as_str()).collect();
    for shown in (1..=names.len()).rev() {
        let more = names.len() - shown;
        let tail = if more > 0 { format!(" +{more}") } else { String::new() };
        let text = format!("{}{tail}", names[..shown].join(", "));
        if text.chars().count() <= GATES {
            return text;
        }
    }
    match names.len() {
        0 => "-".to_owned(),
        1 => "1 gate".to_owned(),
        count => format!("{count} gates"),
    }
}

/// What a gate looks at, and what breaks it.
fn looks_at(gate: &Gate) -> String {
    match &gate.check {
        Check::Alarm { alarm } => format!("alarm {alarm} is not in ALARM"),
        Check::Metric(metric) => format!(
            "{} of {} {} is {} {}{}",
            metric.statistic,
            metric.namespace,
            metric.metric,
            match metric.must_be {
                MustBe::Below => "below",
                MustBe::AtMost => "at most",
                MustBe::Above => "above",
                MustBe::AtLeast => "at least",
            },
            metric.threshold,
            too_little("no data", metric.no_data)
        ),
        Check::Http(probe) => {
            format!("{} answers; {} failures in a row break it", probe.url, probe.failures)
        }
        Check::Command { command, timeout } => {
            format!("`{}` exits with 0 within {}", command.join(" "), words::duration(*timeout))
        }
        Check::Approval { question } => format!("somebody says yes: {question}"),
        Check::Errors(errors) => format!(
            "error rate not more than {} points worse than stable's, {} % sure{}",
            errors.tolerance_points,
            errors.certainty,
            too_little("too little traffic", errors.too_little)
        ),
        Check::Latency(latency) => format!(
            "p{} not more than {} % slower than stable's, {} % sure{}",
            latency.percentile,
            latency.tolerance_percent,
            latency.certainty,
            too_little("too little traffic", latency.too_little)
        ),
    }
}

fn too_little(what: &str, policy: NoEvidence) -> String {
    match policy {
        NoEvidence::Wait => String::new(),
        NoEvidence::Pass => format!("; {what} passes"),
        NoEvidence::Fail => format!("; {what} fails"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_rollout::gate::{At, Comparison};
    use tidegate_rollout::names::{ClusterName, ServiceName, ServiceRef};
    use tidegate_rollout::plan::Size;
    use tidegate_rollout::strategy::{CanaryStep, Candidate, Traffic};
    use tidegate_rollout::{Controller, Percent, Strategy};

    const MINUTE: i64 = 60_000;

    fn plan(controller: Controller) -> Plan {
        let steps =
            [10, 25, 50].map(|weight| CanaryStep { weight: Percent::whole(weight), bake: 5 * MINUTE });
        let alb = controller == Controller::Alb;
        let traffic = Traffic::Canary {
            steps: if alb { steps.to_vec() } else { steps[..1].to_vec() },
            bake: 10 * MINUTE,
        };
        let candidate = Candidate { service: ServiceName::parse("web-canary").expect("valid"), rule: None };
        let strategy = if alb { Strategy::Alb(traffic, candidate) } else { Strategy::Ecs(traffic) };
        let gates = vec![
            Gate {
                name: "errors".into(),
                check: Check::Errors(Comparison {
                    tolerance_points: 0.5,
                    certainty: 99.0,
                    too_little: NoEvidence::Wait,
                }),
                at: At::EveryStep,
            },
            Gate {
                name: "web-queue-too-long".into(),
                check: Check::Alarm { alarm: "web-queue-too-long".into() },
                at: At::EveryStep,
            },
            Gate {
                name: "look".into(),
                check: Check::Approval { question: "Do the pages look right?".into() },
                at: At::Steps(vec![Percent::whole(10)]),
            },
        ];
        let target = ServiceRef {
            cluster: ClusterName::parse("prod").expect("valid"),
            service: ServiceName::parse("web").expect("valid"),
        };
        Plan::of(target, strategy, gates, Size { desired: 3, maximum_percent: 200 })
    }

    #[test]
    fn a_plan_is_a_table_that_fits_eighty_columns() {
        let text =
            [plan(Controller::Ecs), plan(Controller::Alb)].map(|plan| table(&plan, Style::Plain)).join("\n");
        insta::assert_snapshot!(text);
        for line in text.lines().filter(|line| !line.contains("gate ")) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
