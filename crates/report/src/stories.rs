//! Plans and events that the tests of several screens tell.

use tidegate_rollout::gate::{
    At, Check, Comparison, Gate, HttpProbe, LatencyComparison, MetricCheck, MustBe, NoEvidence, Standing,
};
use tidegate_rollout::names::{ClusterName, ServiceName, ServiceRef};
use tidegate_rollout::plan::Size;
use tidegate_rollout::strategy::{CanaryStep, Candidate, DeploymentGroup, Traffic};
use tidegate_rollout::{Event, Millis, Percent, Plan, Strategy, TaskDefinitionArn};

const MINUTE: Millis = 60_000;

/// What the gate `errors` says while it holds, and once it does not.
pub(crate) const HELD: &str = "99.8 % sure that the candidate's error rate is not more than 0.5 points worse: 0.020 % (2 of 10,000) against 0.013 % (12 of 90,000)";
pub(crate) const BROKE: &str = "more than 99.9999 % sure that the candidate's error rate is more than 0.5 points worse: 31.0 % (9 of 29) against 0.0 % (0 of 265)";
/// What the gate `latency` says while there is little traffic.
pub(crate) const TOO_LITTLE: &str = "too little evidence whether the candidate's share of requests slower than 212 ms is more than 5 points larger: 3.4 % (1 of 29) against 0.0 % (0 of 265); about 150 more requests to the candidate like these would tell";

/// Colour codes that can be read in a snapshot.
pub(crate) fn visible(text: &str) -> String {
    text.replace('\u{1b}', "␛")
}

pub(crate) fn target() -> ServiceRef {
    ServiceRef {
        cluster: ClusterName::parse("prod").expect("valid"),
        service: ServiceName::parse("web").expect("valid"),
    }
}

pub(crate) fn arn(n: u32) -> TaskDefinitionArn {
    TaskDefinitionArn::parse(&format!("arn:aws:ecs:r:1:task-definition/web:{n}")).expect("valid")
}

fn plan(strategy: Strategy, gates: Vec<Gate>) -> Plan {
    Plan::of(target(), strategy, gates, Size { desired: 4, maximum_percent: 150 })
}

fn gate(name: &str, check: Check) -> Gate {
    Gate { name: name.into(), check, at: At::EveryStep }
}

pub(crate) fn errors() -> Gate {
    gate(
        "errors",
        Check::Errors(Comparison { tolerance_points: 0.5, certainty: 99.0, too_little: NoEvidence::Wait }),
    )
}

fn latency() -> Gate {
    gate(
        "latency",
        Check::Latency(LatencyComparison {
            percentile: 95.0,
            tolerance_percent: 20.0,
            certainty: 99.0,
            too_little: NoEvidence::Pass,
        }),
    )
}

pub(crate) fn rolling() -> Plan {
    plan(Strategy::Rolling, Vec::new())
}

/// The guide's canary by `alb`, with a gate of each kind.
pub(crate) fn canary() -> Plan {
    let candidate = Candidate { service: ServiceName::parse("web-next").expect("valid"), rule: None };
    let steps = [10, 25, 50].map(|weight| CanaryStep { weight: Percent::whole(weight), bake: 10 * MINUTE });
    let gates = vec![
        errors(),
        latency(),
        Gate {
            at: At::Steps(vec![Percent::whole(50)]),
            ..gate("go-ahead", Check::Approval { question: "does the new checkout look right?".into() })
        },
        Gate {
            at: At::Steps(vec![Percent::whole(10), Percent::ALL]),
            ..gate(
                "smoke",
                Check::Command { command: vec!["./smoke.sh".into(), "--fast".into()], timeout: 30_000 },
            )
        },
        gate("5xx", Check::Alarm { alarm: "web-5xx".into() }),
        Gate {
            at: At::Steps(vec![Percent::ALL]),
            ..gate(
                "queue",
                Check::Metric(MetricCheck {
                    namespace: "AWS/SQS".into(),
                    metric: "ApproximateNumberOfMessagesVisible".into(),
                    dimensions: vec![("QueueName".into(), "orders".into())],
                    statistic: "Maximum".into(),
                    period: MINUTE,
                    must_be: MustBe::AtMost,
                    threshold: 1000.0,
                    no_data: NoEvidence::Fail,
                }),
            )
        },
        Gate {
            at: At::Steps(vec![Percent::ALL]),
            ..gate(
                "front page",
                Check::Http(HttpProbe {
                    url: "https://shop.example.com/health".into(),
                    expects: vec![(200, 299), (304, 304)],
                    timeout: 2_000,
                    failures: 3,
                }),
            )
        },
    ];
    let steps = steps.to_vec();
    plan(Strategy::Alb(Traffic::Canary { steps, bake: 5 * MINUTE }, candidate), gates)
}

pub(crate) fn blue_green() -> Plan {
    let smoke = "arn:aws:lambda:eu-west-1:123456789012:function:smoke-test-of-the-shop:live";
    let hooks = [("BeforeInstall", "migrate"), ("AfterAllowTestTraffic", smoke)];
    let group = DeploymentGroup {
        application: "shop".into(),
        group: "web".into(),
        config: None,
        hooks: hooks.map(|(event, function)| (event.to_owned(), function.to_owned())).into(),
    };
    plan(Strategy::CodeDeploy(Traffic::BlueGreen { bake: 90_000 }, group), Vec::new())
}

pub(crate) fn linear() -> Plan {
    let traffic = Traffic::Linear { step: Percent::whole(10), step_bake: 6 * MINUTE, bake: 5 * MINUTE };
    plan(Strategy::Ecs(traffic), vec![errors()])
}

pub(crate) fn began(plan: &Plan, step: usize) -> Event {
    let of_plan = &plan.steps[step];
    Event::StepBegan { step, kind: of_plan.kind, bake: of_plan.bake }
}

pub(crate) fn weighed(asked: f64, set: Option<f64>, measured: Option<f64>) -> Event {
    let percent = |share| Percent::parse(share).expect("a share");
    Event::Weighed { asked: percent(asked), set: set.map(percent), measured: measured.map(percent) }
}

pub(crate) fn stands(gate: &str, standing: Standing) -> Event {
    Event::GateStands { gate: gate.into(), standing }
}

pub(crate) fn holds(evidence: &str) -> Standing {
    Standing::Holds { evidence: evidence.into() }
}
