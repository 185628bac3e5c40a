use super::*;
use crate::gate::{
    AlarmReading, Approval, At, Check, Comparison, Counts, Gate, HttpProbe, MetricCheck, MustBe,
};
use crate::names::{ClusterName, ServiceName, ServiceRef};
use crate::plan::{Size, StepKind};
use crate::strategy::{CanaryStep, Traffic};
use crate::{Percent, Strategy};

const BAKE: Millis = 60_000;
const TIMEOUT: Millis = 600_000;

pub(super) fn plan(checks: Vec<Check>) -> Plan {
    let gates = checks.into_iter().enumerate().map(|(index, check)| Gate {
        name: format!("gate {index}"),
        check,
        at: At::EveryStep,
    });
    let traffic =
        Traffic::Canary { steps: vec![CanaryStep { weight: Percent::whole(10), bake: BAKE }], bake: BAKE };
    let target = ServiceRef {
        cluster: ClusterName::parse("prod").expect("valid"),
        service: ServiceName::parse("web").expect("valid"),
    };
    let size = Size { desired: 3, maximum_percent: 200 };
    Plan::of(target, Strategy::Ecs(traffic), gates.collect(), size)
}

pub(super) fn first_shift(plan: &Plan) -> usize {
    plan.steps.iter().position(|step| matches!(step.kind, StepKind::Shift(_))).expect("it shifts")
}

/// A watch of the first shift of a plan with this gate, that hears these readings a second apart, the
/// first at once.
fn heard(check: Check, readings: Vec<Reading>) -> (Plan, Watch, Vec<Event>) {
    let plan = plan(vec![check]);
    let mut watch = Watch::begin(&plan, first_shift(&plan), 0, TIMEOUT);
    let mut events = Vec::new();
    for (second, reading) in readings.into_iter().enumerate() {
        events.extend(watch.hear(&plan, 0, reading, second as Millis * 1000));
    }
    (plan, watch, events)
}

fn alarm() -> Check {
    Check::Alarm { alarm: "web-5xx".into() }
}

fn metric(no_data: NoEvidence) -> Check {
    Check::Metric(MetricCheck {
        namespace: "Web".into(),
        metric: "Queue".into(),
        dimensions: Vec::new(),
        statistic: "Average".into(),
        period: 60_000,
        must_be: MustBe::Below,
        threshold: 10.0,
        no_data,
    })
}

fn probe() -> Check {
    Check::Http(HttpProbe {
        url: "http://web/health".into(),
        expects: vec![(200, 299)],
        timeout: 5_000,
        failures: 3,
    })
}

fn command() -> Check {
    Check::Command { command: vec!["./smoke".into()], timeout: 60_000 }
}

fn approval() -> Check {
    Check::Approval { question: "Do the pages look right?".into() }
}

fn errors(too_little: NoEvidence) -> Check {
    Check::Errors(Comparison { tolerance_points: 0.5, certainty: 99.0, too_little })
}

fn requests(stable: (u64, u64), candidate: (u64, u64)) -> Reading {
    let counts = |(requests, bad)| Counts { requests, bad };
    Reading::Requests { stable: counts(stable), candidate: counts(candidate), slow_from: None }
}

fn ok() -> Reading {
    Reading::Alarm(AlarmReading::Ok)
}

fn ran(exit_code: i32) -> Reading {
    Reading::Command { exit_code: Some(exit_code), last_line: "3 checks".into() }
}

fn breaks(judgement: &Judgement) -> &str {
    match judgement {
        Judgement::Break { evidence, .. } => evidence,
        other => panic!("{other:?} is no break"),
    }
}

#[test]
fn a_step_without_gates_passes_when_its_bake_is_over() {
    let plan = plan(Vec::new());
    let watch = Watch::begin(&plan, first_shift(&plan), 0, TIMEOUT);
    assert_eq!(watch.judgement(&plan, BAKE - 1), Judgement::Wait);
    assert_eq!(watch.judgement(&plan, BAKE), Judgement::Pass);
}

#[test]
fn gates_that_hold_pass_no_sooner_than_the_bake_is_over() {
    let (plan, watch, _) = heard(alarm(), vec![ok()]);
    assert_eq!(watch.judgement(&plan, BAKE - 1), Judgement::Wait);
    assert_eq!(watch.judgement(&plan, BAKE), Judgement::Pass);
}

#[test]
fn a_broken_gate_decides_before_the_bake_is_over_and_is_not_asked_again() {
    let alarmed = Reading::Alarm(AlarmReading::Alarm("Threshold Crossed".into()));
    let (plan, mut watch, _) = heard(alarm(), vec![ok(), alarmed]);
    let judgement = watch.judgement(&plan, 1_000);
    assert_eq!(breaks(&judgement), "alarm web-5xx was in ALARM: Threshold Crossed");
    assert_eq!(watch.questions(&plan), Vec::<usize>::new());
    assert_eq!(watch.hear(&plan, 0, ok(), 2_000), Vec::new());
    assert_eq!(watch.judgement(&plan, BAKE), judgement, "what is broken stays broken");
}

#[test]
fn an_alarm_that_is_there_when_the_step_begins_breaks_at_once_and_says_so() {
    let (plan, watch, _) = heard(alarm(), vec![Reading::Alarm(AlarmReading::Alarm(String::new()))]);
    assert_eq!(breaks(&watch.judgement(&plan, 0)), "alarm web-5xx was in ALARM already when the step began");
}

#[test]
fn a_command_that_succeeded_and_an_approval_that_was_granted_are_not_asked_again() {
    for (check, reading) in
        [(command(), ran(0)), (approval(), Reading::Approval(Approval::Granted { by: "ada".into() }))]
    {
        let (plan, watch, _) = heard(check, vec![reading]);
        assert_eq!(watch.questions(&plan), Vec::<usize>::new());
        assert_eq!(watch.judgement(&plan, BAKE), Judgement::Pass);
    }
    let (plan, watch, _) = heard(alarm(), vec![ok()]);
    assert_eq!(watch.questions(&plan), [0], "an alarm may still come");
}

#[test]
fn a_probe_breaks_after_so_many_failures_in_a_row_and_not_before() {
    let (good, bad) = (Reading::Http(Ok(200)), Reading::Http(Ok(503)));
    let twice = vec![bad.clone(), bad.clone(), good, bad.clone(), bad.clone()];
    let (plan, watch, _) = heard(probe(), twice.clone());
    assert_eq!(watch.judgement(&plan, BAKE), Judgement::Wait);
    let (plan, watch, _) = heard(probe(), [twice, vec![bad]].concat());
    assert_eq!(breaks(&watch.judgement(&plan, 5_000)), "http://web/health answered 503, 3 failures in a row");
}

#[test]
fn too_little_waits_passes_or_fails_as_the_gate_says() {
    let judged = |policy, at| {
        let (plan, watch, _) = heard(metric(policy), vec![Reading::Metric(None)]);
        watch.judgement(&plan, at)
    };
    for policy in [NoEvidence::Wait, NoEvidence::Pass, NoEvidence::Fail] {
        assert_eq!(judged(policy, BAKE - 1), Judgement::Wait, "nothing is decided while it bakes");
    }
    assert_eq!(judged(NoEvidence::Wait, BAKE), Judgement::Wait);
    assert_eq!(judged(NoEvidence::Pass, BAKE), Judgement::Pass);
    assert!(matches!(judged(NoEvidence::Fail, BAKE), Judgement::Break { .. }));
    assert!(matches!(judged(NoEvidence::Wait, BAKE + TIMEOUT), Judgement::Break { .. }));
}

#[test]
fn three_things_that_may_be_missing_in_the_end_have_three_texts() {
    let at_the_end = |check, readings| {
        let (plan, watch, _) = heard(check, readings);
        assert_eq!(watch.judgement(&plan, BAKE + TIMEOUT - 1), Judgement::Wait);
        breaks(&watch.judgement(&plan, BAKE + TIMEOUT)).to_owned()
    };
    let said = [
        at_the_end(errors(NoEvidence::Wait), vec![requests((20, 0), (2, 0))]),
        at_the_end(alarm(), vec![ok(), Reading::CouldNotAsk("AWS throttles DescribeAlarms".into())]),
        at_the_end(approval(), vec![Reading::Approval(Approval::Pending)]),
        at_the_end(alarm(), Vec::new()),
    ];
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_candidate_that_fails_one_request_in_three_is_thrown_back_after_a_handful() {
    let (plan, watch, _) = heard(errors(NoEvidence::Wait), vec![requests((900, 1), (30, 10))]);
    let evidence = breaks(&watch.judgement(&plan, 0)).to_owned();
    assert!(evidence.contains("33.3 % (10 of 30)"), "{evidence}");
    let (plan, watch, _) = heard(errors(NoEvidence::Wait), vec![requests((9_000, 9), (9_000, 10))]);
    assert_eq!(watch.judgement(&plan, BAKE), Judgement::Pass, "as good as stable");
}

#[test]
fn a_change_is_said_at_once_and_moving_numbers_now_and_then() {
    let value = |value| Reading::Metric(Some(value));
    let readings = (0..70).map(|second| value(f64::from(second) / 10.0)).collect();
    let (_, _, events) = heard(metric(NoEvidence::Wait), readings);
    assert_eq!(events.len(), 3, "at 0, 30 and 60 seconds");
    let (_, _, events) =
        heard(metric(NoEvidence::Wait), vec![Reading::Metric(None), value(1.0), value(1.0), value(99.0)]);
    assert_eq!(events.len(), 3, "no data, holds, broken");
}

#[test]
fn a_bake_that_is_cut_short_is_over() {
    let (plan, mut watch, _) = heard(alarm(), vec![ok()]);
    watch.end_bake(5_000);
    assert_eq!(watch.judgement(&plan, 5_000), Judgement::Pass);
}

#[test]
fn what_each_answer_means_is_said_with_its_numbers() {
    let readings = [
        (alarm(), Reading::Alarm(AlarmReading::InsufficientData)),
        (alarm(), Reading::Alarm(AlarmReading::Missing)),
        (metric(NoEvidence::Wait), Reading::Metric(Some(3.25))),
        (metric(NoEvidence::Wait), Reading::Metric(Some(12.0))),
        (probe(), Reading::Http(Err("connection refused".into()))),
        (command(), ran(0)),
        (command(), ran(2)),
        (command(), Reading::Command { exit_code: None, last_line: String::new() }),
        (approval(), Reading::Approval(Approval::Granted { by: "ada".into() })),
        (approval(), Reading::Approval(Approval::Refused { by: "ada".into() })),
        (errors(NoEvidence::Wait), requests((0, 0), (0, 0))),
        (approval(), ok()),
    ];
    let said: Vec<String> = readings
        .into_iter()
        .map(|(check, reading)| {
            let (_, watch, _) = heard(check, vec![reading]);
            format!("{:?}", watch.standings().map(|(_, standing)| standing).next())
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}
