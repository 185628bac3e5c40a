use super::configuration::Hooks;
use super::*;
use crate::gate::{AlarmReading, At, Check, Gate, Reading};
use crate::names::{
    ClusterName, DeploymentId, ServiceDeploymentArn, ServiceName, ServiceRef, TaskDefinitionArn,
};
use crate::observation::{
    CircuitBreaker, Deployment, RolloutState, Service, ServiceDeploymentStatus as Status, ServiceSeen,
};
use crate::plan::Size;
use crate::rolling::Start;
use crate::strategy::{CanaryStep, Traffic};
use crate::{Strategy, Verdict};
use serde_json::json;
use std::collections::BTreeSet;

const MINUTE: Millis = 60_000;
const TIMEOUT: Millis = 10 * MINUTE;

fn arn(revision: u32) -> TaskDefinitionArn {
    TaskDefinitionArn::parse(&format!("arn:aws:ecs:r:1:task-definition/web:{revision}")).expect("valid")
}

fn id(number: u32) -> DeploymentId {
    DeploymentId::answered(format!("ecs-svc/{number}"))
}

/// A canary of 10 % with an alarm as its gate, and what is seen of it.
struct World {
    staged: Staged,
    now: Millis,
    stage: &'static str,
    weight: u16,
    pauses: Vec<Pause>,
    status: Status,
    alarm: AlarmReading,
    stable: Requests,
    state: RolloutState,
    /// Everything that was done, in order.
    done: Vec<Action>,
    /// The deployments of the service, newest first.
    primary: (u32, u32),
}

impl World {
    fn of(gates: Vec<Gate>, traffic: Traffic) -> Self {
        let target = ServiceRef {
            cluster: ClusterName::parse("prod").expect("valid"),
            service: ServiceName::parse("web").expect("valid"),
        };
        let size = Size { desired: 3, maximum_percent: 200 };
        let plan = Plan::of(target.clone(), Strategy::Ecs(traffic), gates, size);
        let start = Start {
            target,
            candidate: arn(8),
            deployment: id(2),
            service_deployment: Some(ServiceDeploymentArn::answered("arn:sd/2")),
            earlier_service_deployment: None,
            earlier_deployments: BTreeSet::from([id(1)]),
            known_events: BTreeSet::new(),
            started_at: 0,
            deadline: 3_600_000,
        };
        let hooks = Hooks::of(&plan, &json!({}));
        let course = Course { plan, hooks, gates_timeout: TIMEOUT, settle: SETTLE };
        Self {
            staged: Staged::begin(Rollout::begin(start), course),
            now: 0,
            stage: "SCALE_UP",
            weight: 0,
            pauses: Vec::new(),
            status: Status::InProgress,
            alarm: AlarmReading::Ok,
            stable: Requests::Perhaps,
            state: RolloutState::InProgress,
            done: Vec::new(),
            primary: (2, 8),
        }
    }

    fn canary() -> Self {
        let steps = vec![CanaryStep { weight: Percent::whole(10), bake: 5 * MINUTE }];
        let gate =
            Gate { name: "5xx".into(), check: Check::Alarm { alarm: "web-5xx".into() }, at: At::EveryStep };
        Self::of(vec![gate], Traffic::Canary { steps, bake: 3 * MINUTE })
    }

    fn service(&self) -> Service {
        let deployment = |number: u32, revision: u32, status: &str, state| Deployment {
            id: id(number),
            status: status.into(),
            task_definition: arn(revision),
            desired: 3,
            running: 3,
            pending: 0,
            failed: 0,
            rollout_state: Some(state),
            rollout_state_reason: None,
            created_at: None,
        };
        let mut deployments = vec![deployment(self.primary.0, self.primary.1, "PRIMARY", self.state)];
        if self.state != RolloutState::Completed {
            let (other, revision) = if self.primary.0 == 2 { (1, 7) } else { (2, 8) };
            deployments.push(deployment(other, revision, "ACTIVE", RolloutState::Completed));
        }
        Service {
            status: "ACTIVE".into(),
            task_definition: arn(self.primary.1),
            desired_count: 3,
            deployments,
            events: Vec::new(),
            current_service_deployment: Some(ServiceDeploymentArn::answered("arn:sd/2")),
            circuit_breaker: CircuitBreaker::Off,
        }
    }

    /// One look with all that its steps ask for; answers what was done at it.
    fn look(&mut self) -> Vec<Action> {
        let mut seen = Observation::of(ServiceSeen::Described(Box::new(self.service())));
        let mut done = Vec::new();
        for _ in 0..10 {
            let (next, actions) = self.staged.step(&seen, self.now);
            self.staged = next;
            let mut fuller = false;
            for action in actions {
                match &action {
                    Action::ReadServiceDeployment(arn) => {
                        seen.service_deployment = Some(ServiceDeployment {
                            arn: arn.clone(),
                            status: self.status,
                            status_reason: None,
                            breaker: None,
                            rollback_reason: None,
                            triggered_alarms: Vec::new(),
                            staging: Staging {
                                stage: Some(self.stage.to_owned()),
                                pauses: self.pauses.clone(),
                                weight: Some(Percent::whole(self.weight)),
                            },
                        });
                        fuller = true;
                    }
                    Action::AskGates(gates) => {
                        let readings =
                            gates.iter().map(|gate| (*gate, Reading::Alarm(self.alarm.clone()))).collect();
                        seen.gates = Some(GatesSeen {
                            readings,
                            measured: Some(Percent::whole(self.weight)),
                            stable: self.stable,
                        });
                        fuller = true;
                    }
                    _ => {}
                }
                done.push(action);
            }
            if !fuller {
                self.done.extend(done.clone());
                return done;
            }
        }
        panic!("a look never ends: {done:?}");
    }

    /// Looks every two seconds for so long.
    fn pass(&mut self, time: Millis) -> Vec<Action> {
        let until = self.now + time;
        let mut done = Vec::new();
        while self.now < until {
            self.now += 2_000;
            done.extend(self.look());
        }
        done
    }

    fn at(&mut self, stage: &'static str, weight: u16) -> Vec<Action> {
        (self.stage, self.weight) = (stage, weight);
        self.pauses.clear();
        self.pass(2_000)
    }

    fn pauses_at(&mut self, stage: &'static str, weight: u16, hook: &str) -> Vec<Action> {
        (self.stage, self.weight) = (stage, weight);
        self.pauses = vec![Pause { id: hook.into(), state: PauseState::AwaitsAction }];
        self.pass(2_000)
    }

    fn verdict(&self) -> Option<&Verdict> {
        self.staged.followed().verdict()
    }
}

fn continued(done: &[Action]) -> Vec<&str> {
    done.iter()
        .filter_map(|action| match action {
            Action::Continue { hook, .. } => Some(hook.as_str()),
            _ => None,
        })
        .collect()
}

fn thrown_back(done: &[Action]) -> bool {
    done.iter().any(|action| matches!(action, Action::RequestRollback(_)))
}

fn reported(done: &[Action], name: &str) -> Vec<serde_json::Value> {
    done.iter()
        .filter_map(|action| match action {
            Action::Report(event) => serde_json::to_value(event).ok(),
            _ => None,
        })
        .filter(|event| event["event"] == name)
        .collect()
}

#[test]
fn a_canary_whose_gate_holds_is_let_go_at_each_hook_and_promoted() {
    let mut world = World::canary();
    world.look();
    assert_eq!(continued(&world.pauses_at("PRODUCTION_TRAFFIC_SHIFT", 0, "first")), ["first"]);
    world.at("PRODUCTION_TRAFFIC_SHIFT", 10);
    assert_eq!(continued(&world.pass(5 * MINUTE)), Vec::<&str>::new(), "ECS counts the bake");
    assert_eq!(continued(&world.pauses_at("PRODUCTION_TRAFFIC_SHIFT", 10, "second")), ["second"]);
    world.at("PRODUCTION_TRAFFIC_SHIFT", 100);
    world.stable = Requests::NoneSince(world.now);
    assert_eq!(
        continued(&world.pauses_at("POST_PRODUCTION_TRAFFIC_SHIFT", 100, "third")),
        Vec::<&str>::new(),
        "stable was asked a moment ago"
    );
    assert_eq!(continued(&world.pass(SETTLE)), ["third"]);
    world.at("BAKE_TIME", 100);
    world.at("CLEAN_UP", 100);
    (world.state, world.status) = (RolloutState::Completed, Status::Successful);
    world.look();
    assert!(matches!(world.verdict(), Some(Verdict::Promoted { running: 3, .. })), "{:?}", world.verdict());
    let steps: Vec<_> =
        reported(&world.done, "step_began").iter().map(|event| event["kind"].clone()).collect();
    assert_eq!(
        steps,
        [
            json!("scale_up"),
            json!("test_traffic"),
            json!({"shift": 10.0}),
            json!({"shift": 100.0}),
            json!("clean_up")
        ]
    );
}

#[test]
fn a_broken_gate_takes_it_back_at_once_and_is_the_reason_of_the_verdict() {
    let mut world = World::canary();
    world.at("PRODUCTION_TRAFFIC_SHIFT", 10);
    world.alarm = AlarmReading::Alarm("Threshold Crossed".into());
    let done = world.pass(2_000);
    assert!(thrown_back(&done), "{done:?}");
    world.status = Status::RollbackInProgress;
    assert!(!thrown_back(&world.pass(20_000)), "asked once");
    (world.primary, world.state, world.status) =
        ((1, 7), RolloutState::Completed, Status::RollbackSuccessful);
    world.pass(20_000);
    let Some(Verdict::RolledBack { to, reason, .. }) = world.verdict() else {
        panic!("{:?}", world.verdict())
    };
    assert_eq!(to, &arn(7));
    assert_eq!(reason, "gate 5xx: alarm web-5xx was in ALARM: Threshold Crossed");
}

#[test]
fn a_gate_that_breaks_in_the_last_bake_still_takes_it_back() {
    let mut world = World::canary();
    world.at("PRODUCTION_TRAFFIC_SHIFT", 10);
    world.at("BAKE_TIME", 100);
    assert!(!thrown_back(&world.pass(MINUTE)));
    world.alarm = AlarmReading::Alarm(String::new());
    assert!(thrown_back(&world.pass(2_000)));
}

#[test]
fn a_hook_waits_until_the_gate_can_be_asked_and_no_longer_than_its_time() {
    let mut world = World::canary();
    world.at("PRODUCTION_TRAFFIC_SHIFT", 10);
    world.alarm = AlarmReading::Missing;
    let done = world.pauses_at("PRODUCTION_TRAFFIC_SHIFT", 10, "second");
    assert!(continued(&done).is_empty() && !thrown_back(&done));
    let done = world.pass(TIMEOUT);
    assert!(continued(&done).is_empty() && thrown_back(&done));
    let asked = reported(&done, "rollback_requested");
    assert_eq!(asked[0]["reason"], "gate 5xx: could not be asked in time: there is no alarm web-5xx");
}

#[test]
fn an_answer_that_aws_has_not_shown_yet_is_not_sent_at_every_look() {
    let mut world = World::canary();
    world.at("PRODUCTION_TRAFFIC_SHIFT", 10);
    world.pauses_at("PRODUCTION_TRAFFIC_SHIFT", 10, "second");
    assert!(continued(&world.pass(8_000)).is_empty());
    assert_eq!(continued(&world.pass(4_000)), ["second"], "after a while it is sent again");
}

#[test]
fn stable_that_still_gets_requests_after_all_was_moved_keeps_its_tasks_and_takes_it_back() {
    let mut world = World::canary();
    world.at("PRODUCTION_TRAFFIC_SHIFT", 100);
    let done = [world.pauses_at("POST_PRODUCTION_TRAFFIC_SHIFT", 100, "third"), world.pass(TIMEOUT + SETTLE)]
        .concat();
    assert!(continued(&done).is_empty() && thrown_back(&done));
}

#[test]
fn without_gates_no_hook_is_answered_and_ecs_decides_alone() {
    let mut world = World::of(Vec::new(), Traffic::BlueGreen { bake: MINUTE });
    let done = world.pauses_at("POST_SCALE_UP", 0, "somebody-elses");
    assert!(continued(&done).is_empty());
}

#[test]
fn the_share_is_told_as_asked_set_and_measured() {
    let mut world = World::canary();
    let done = world.at("PRODUCTION_TRAFFIC_SHIFT", 10);
    assert_eq!(
        reported(&done, "weighed"),
        [json!({"event": "weighed", "asked": 10.0, "set": 10.0, "measured": 10.0})]
    );
    assert_eq!(reported(&world.pass(MINUTE), "weighed"), Vec::<serde_json::Value>::new(), "nothing new");
}

#[test]
fn a_stage_is_told_once() {
    let mut world = World::canary();
    world.pass(10_000);
    assert_eq!(reported(&world.done, "stage_entered").len(), 1);
}
