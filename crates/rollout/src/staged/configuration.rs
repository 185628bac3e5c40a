//! The `deploymentConfiguration` of a staged deployment: the strategy's numbers, and the PAUSE hooks that
//! the gates become. It must never lose what the service has beside them: hooks of somebody else's and
//! fields that nobody here knows go back as they came. Start with [`deployment_configuration`].

use crate::observation::{Pause, Staging};
use crate::plan::StepKind;
use crate::strategy::{CanaryStep, Traffic};
use crate::{Millis, Percent, Plan};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The key of `hookDetails` by which our hooks are known again.
const MARK: &str = "tidegate";
/// What a PAUSE hook may take at most, in minutes.
const LONGEST: Millis = 20_160;
const MINUTE: Millis = 60_000;

const BEFORE_SHIFTS: &str = "PRE_PRODUCTION_TRAFFIC_SHIFT";
const AFTER_TEST: &str = "POST_TEST_TRAFFIC_SHIFT";
const AFTER_SHIFTS: &str = "POST_PRODUCTION_TRAFFIC_SHIFT";

/// At which stages ECS stops for us, and how often it stops there for others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hooks {
    /// `lifecycleStages` of our hook.
    stages: Vec<String>,
    /// PAUSE hooks of somebody else's by stage.
    others: BTreeMap<String, usize>,
}

impl Hooks {
    /// The hooks that the gates of a plan need, in a service whose configuration is this.
    pub fn of(plan: &Plan, configuration: &Value) -> Self {
        let mut others = BTreeMap::new();
        let pauses =
            hooks(configuration).iter().filter(|hook| !is_ours(hook) && hook["targetType"] == "PAUSE");
        for stage in pauses.flat_map(|hook| hook["lifecycleStages"].as_array().into_iter().flatten()) {
            *others.entry(stage.as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        Self { stages: stages(plan).into_iter().map(str::to_owned).collect(), others }
    }

    /// The hooks of a deployment that is under way, by the configuration of its service.
    pub fn in_force(configuration: &Value) -> Self {
        let mut found = Self::default();
        for hook in hooks(configuration).iter().filter(|hook| hook["targetType"] == "PAUSE") {
            let stages = hook["lifecycleStages"].as_array().into_iter().flatten();
            for stage in stages.filter_map(Value::as_str) {
                if is_ours(hook) {
                    found.stages.push(stage.to_owned());
                } else {
                    *found.others.entry(stage.to_owned()).or_default() += 1;
                }
            }
        }
        found
    }

    /// Our hook where it waits. The description of a hook does not say whose it is: where others pause at
    /// the same stage, ours is the last, since it was put behind theirs.
    pub fn ours<'s>(&self, staging: &'s Staging) -> Option<&'s Pause> {
        let last = staging.pauses.last()?;
        let stage = match staging.stage.as_deref()? {
            // AWS has no stage of this name in its answers.
            "PRODUCTION_TRAFFIC_SHIFT" => BEFORE_SHIFTS,
            other => other,
        };
        let others = self.others.get(stage).copied().unwrap_or(0);
        let is_ours = if self.others.is_empty() {
            !self.stages.is_empty()
        } else {
            self.stages.iter().any(|own| own == stage) && staging.pauses.len() > others
        };
        Some(last).filter(|pause| is_ours && pause.waits())
    }
}

/// The stages at which gates are answered: before each shift but the first of a linear or canary, after
/// the test traffic where a gate looks at it, and after the last shift, before stable may go.
fn stages(plan: &Plan) -> Vec<&'static str> {
    let has_gates = |wanted: &dyn Fn(StepKind) -> bool| {
        plan.steps.iter().any(|step| wanted(step.kind) && !step.gates.is_empty())
    };
    let mut stages = Vec::new();
    if has_gates(&|kind| kind == StepKind::TestTraffic) {
        stages.push(AFTER_TEST);
    }
    if has_gates(&|kind| matches!(kind, StepKind::Shift(share) if share < Percent::ALL)) {
        stages.push(BEFORE_SHIFTS);
    }
    if !plan.gates.is_empty() {
        stages.push(AFTER_SHIFTS);
    }
    stages
}

/// The configuration to send: the service's own with the strategy, its numbers and our hook in it.
pub fn deployment_configuration(
    service: &Value,
    traffic: &Traffic,
    hooks: &Hooks,
    gates_timeout: Millis,
) -> Value {
    let mut configuration = own(service);
    for other in ["linearConfiguration", "canaryConfiguration"] {
        configuration.remove(other);
    }
    let minutes = |time: Millis| time / MINUTE;
    let bake = match traffic {
        Traffic::BlueGreen { bake } => *bake,
        Traffic::Linear { step, step_bake, bake } => {
            configuration.insert(
                "linearConfiguration".into(),
                json!({"stepPercent": step.as_f64(), "stepBakeTimeInMinutes": minutes(*step_bake)}),
            );
            *bake
        }
        Traffic::Canary { steps, bake } => {
            if let Some(step) = steps.first() {
                configuration.insert(
                    "canaryConfiguration".into(),
                    json!({"canaryPercent": step.weight.as_f64(), "canaryBakeTimeInMinutes": minutes(step.bake)}),
                );
            }
            *bake
        }
    };
    configuration.insert("strategy".into(), json!(traffic.name().to_uppercase()));
    configuration.insert("bakeTimeInMinutes".into(), json!(minutes(bake)));
    let mut all = others(service);
    if !hooks.stages.is_empty() {
        all.push(hook(&hooks.stages, gates_timeout));
    }
    put_hooks(&mut configuration, service, all);
    Value::Object(configuration)
}

/// The traffic that a service's configuration describes; nothing for ROLLING.
pub fn traffic(configuration: &Value) -> Option<Traffic> {
    let number = |pointer: &str| configuration.pointer(pointer).and_then(Value::as_f64);
    let percent = |pointer: &str| Percent::parse((number(pointer)? * 10.0).round() / 10.0).ok();
    let minutes = |pointer: &str| number(pointer).unwrap_or(0.0) as Millis * MINUTE;
    let bake = bake_minutes(configuration) * MINUTE;
    match configuration.get("strategy")?.as_str()? {
        "BLUE_GREEN" => Some(Traffic::BlueGreen { bake }),
        "LINEAR" => Some(Traffic::Linear {
            step: percent("/linearConfiguration/stepPercent")?,
            step_bake: minutes("/linearConfiguration/stepBakeTimeInMinutes"),
            bake,
        }),
        "CANARY" => {
            let weight = percent("/canaryConfiguration/canaryPercent")?;
            let step = CanaryStep { weight, bake: minutes("/canaryConfiguration/canaryBakeTimeInMinutes") };
            Some(Traffic::Canary { steps: vec![step], bake })
        }
        _ => None,
    }
}

/// How many minutes Amazon ECS bakes after the last shift.
pub fn bake_minutes(configuration: &Value) -> Millis {
    configuration.get("bakeTimeInMinutes").and_then(Value::as_i64).unwrap_or(0)
}

/// The configuration without our hooks, or nothing if it has none.
pub fn without_our_hooks(service: &Value) -> Option<Value> {
    let configuration = service.get("deploymentConfiguration")?;
    if !hooks(configuration).iter().any(is_ours) {
        return None;
    }
    let mut left = own(service);
    left.insert("lifecycleHooks".into(), Value::Array(others(service)));
    Some(Value::Object(left))
}

/// A hook that waits for our answer, and takes the deployment back if there is none: so a laptop that
/// goes away leaves ECS in charge. Its time is the gates' own and a little more, so that who still
/// watches is the one who decides.
fn hook(stages: &[String], gates_timeout: Millis) -> Value {
    let minutes = (gates_timeout + super::SETTLE) / MINUTE + 2;
    json!({
        "targetType": "PAUSE",
        "lifecycleStages": stages,
        "hookDetails": {MARK: "answered by the gates of a rollout"},
        "timeoutConfiguration": {"timeoutInMinutes": minutes.clamp(1, LONGEST), "action": "ROLLBACK"},
    })
}

fn own(service: &Value) -> Map<String, Value> {
    service.get("deploymentConfiguration").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn hooks(configuration: &Value) -> &[Value] {
    configuration.get("lifecycleHooks").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What a rollout that was cut off left behind is ours as well, and is not kept.
fn others(service: &Value) -> Vec<Value> {
    let all = service.get("deploymentConfiguration").map_or(&[][..], hooks);
    all.iter().filter(|hook| !is_ours(hook)).cloned().collect()
}

fn is_ours(hook: &Value) -> bool {
    hook.get("hookDetails").is_some_and(|details| details.get(MARK).is_some())
}

/// An absent list and an empty one are two things: it is sent only where there is one, or was.
fn put_hooks(configuration: &mut Map<String, Value>, service: &Value, all: Vec<Value>) {
    let had_some = service.get("deploymentConfiguration").is_some_and(|before| !hooks(before).is_empty());
    if !all.is_empty() || had_some {
        configuration.insert("lifecycleHooks".into(), Value::Array(all));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Strategy;
    use crate::gate::{At, Check, Gate};
    use crate::names::{ClusterName, ServiceName, ServiceRef};
    use crate::observation::PauseState;
    use crate::plan::Size;

    fn plan(traffic: Traffic, at: &[At]) -> Plan {
        let gates = at.iter().enumerate().map(|(index, at)| Gate {
            name: format!("gate {index}"),
            check: Check::Alarm { alarm: "a".into() },
            at: at.clone(),
        });
        let target = ServiceRef {
            cluster: ClusterName::parse("prod").expect("valid"),
            service: ServiceName::parse("web").expect("valid"),
        };
        Plan::of(target, Strategy::Ecs(traffic), gates.collect(), Size { desired: 2, maximum_percent: 200 })
    }

    fn canary() -> Traffic {
        let steps = vec![CanaryStep { weight: Percent::whole(10), bake: 5 * MINUTE }];
        Traffic::Canary { steps, bake: 3 * MINUTE }
    }

    #[test]
    fn hooks_of_others_and_fields_of_next_year_go_back_as_they_came() {
        let service = json!({"deploymentConfiguration": {
        "maximumPercent": 150, "settingOfNextYear": {"a": 1}, "strategy": "LINEAR",
        "linearConfiguration": {"stepPercent": 20.0},
        "lifecycleHooks": [
            {"hookTargetArn": "arn:lambda", "roleArn": "arn:role", "lifecycleStages": ["POST_SCALE_UP"], "new": true},
            {"targetType": "PAUSE", "lifecycleStages": ["PRE_SCALE_UP"], "hookDetails": {"tidegate": "left behind"}},
        ]}});
        let plan = plan(canary(), &[At::EveryStep]);
        let hooks = Hooks::of(&plan, &service["deploymentConfiguration"]);
        let sent = deployment_configuration(&service, &canary(), &hooks, 10 * MINUTE);
        assert_eq!((Hooks::in_force(&sent), traffic(&sent)), (hooks, Some(canary())), "they are read back");
        insta::assert_snapshot!(serde_json::to_string_pretty(&sent).expect("plain data"));
        let cleaned = without_our_hooks(&json!({"deploymentConfiguration": sent})).expect("ours was there");
        assert_eq!(cleaned["lifecycleHooks"].as_array().map(Vec::len), Some(1));
        assert_eq!(without_our_hooks(&json!({"deploymentConfiguration": cleaned})), None);
    }

    #[test]
    fn ecs_stops_only_where_a_gate_is_asked() {
        let none = json!({});
        let stages = |traffic, at: &[At]| Hooks::of(&plan(traffic, at), &none).stages;
        let blue_green = || Traffic::BlueGreen { bake: MINUTE };
        assert_eq!(stages(canary(), &[]), Vec::<String>::new());
        assert_eq!(stages(canary(), &[At::EveryStep]), [BEFORE_SHIFTS, AFTER_SHIFTS]);
        assert_eq!(stages(blue_green(), &[At::EveryStep]), [AFTER_SHIFTS]);
        assert_eq!(stages(blue_green(), &[At::Steps(vec![Percent::NONE])]), [AFTER_TEST, AFTER_SHIFTS]);
    }

    #[test]
    fn a_hook_of_somebody_elses_is_never_answered() {
        use PauseState::{AwaitsAction, Over};
        let pause = |id: &str, state| Pause { id: id.into(), state };
        let at =
            |stage: &str, pauses: Vec<Pause>| Staging { stage: Some(stage.into()), pauses, weight: None };
        let plan = plan(canary(), &[At::EveryStep]);
        let alone = Hooks::of(&plan, &json!({}));
        let waits = at("PRODUCTION_TRAFFIC_SHIFT", vec![pause("ours", AwaitsAction)]);
        assert_eq!(alone.ours(&waits).map(|pause| pause.id.as_str()), Some("ours"));
        assert_eq!(alone.ours(&at("PRODUCTION_TRAFFIC_SHIFT", vec![pause("ours", Over)])), None);
        let theirs = json!({"lifecycleHooks": [{"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP", BEFORE_SHIFTS]}]});
        let beside = Hooks::of(&plan, &theirs);
        assert_eq!(beside.ours(&at("POST_SCALE_UP", vec![pause("theirs", AwaitsAction)])), None);
        assert_eq!(beside.ours(&waits), None, "one hook is theirs");
        let both = vec![pause("theirs", AwaitsAction), pause("ours", AwaitsAction)];
        assert_eq!(
            beside.ours(&at("PRODUCTION_TRAFFIC_SHIFT", both)).map(|pause| pause.id.as_str()),
            Some("ours")
        );
        assert_eq!(Hooks::default().ours(&waits), None, "without gates every hook is somebody else's");
    }
}
