//! What a service's file says against what runs, field by field, and to whom each field belongs. What the file does not
//! name is nobody's drift: autoscaling sets counts, Amazon ECS swaps target groups, Terraform sets the rest. Start with
//! [`drift`].

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidegate_rollout::Strategy;
use tidegate_rollout::task_definition::diff::{Difference, Effect, Shown};
use tidegate_rollout::update::BreakerPolicy;

/// One field that the file and the service do not agree on, or that somebody else sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    /// Where, such as `taskDefinition.containerDefinitions[web].image` or `desiredCount`.
    pub path: String,
    /// What runs.
    pub runs: Shown,
    /// What the file wants.
    pub wanted: Shown,
    /// Whose it is.
    pub owner: Owner,
    /// Whether it is drift, which a rollout takes away.
    pub is_drift: bool,
    /// Why it is, or is not.
    pub why: String,
}

/// Who sets a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// The file in git.
    File,
    /// Application Auto Scaling.
    AutoScaling,
    /// Amazon ECS, when it swaps blue and green.
    Ecs,
    /// Terraform, by the service's tags.
    Terraform,
    /// Whoever set it: the file does not name it.
    Others,
}

impl Owner {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "the file's",
            Self::AutoScaling => "autoscaling's",
            Self::Ecs => "Amazon ECS's",
            Self::Terraform => "Terraform's",
            Self::Others => "not the file's",
        }
    }
}

/// What the file says of the service itself.
#[derive(Debug, Clone)]
pub struct Settings<'a> {
    /// How it moves, and who moves it.
    pub strategy: &'a Strategy,
    /// Whether the circuit breaker is switched on where it is off.
    pub breaker: BreakerPolicy,
    /// How many tasks, if the file says so.
    pub desired_count: Option<u32>,
}

/// Whether autoscaling sets the service's count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scaling {
    /// It has no scalable target, or nobody needed to know.
    None,
    /// It has one, between these two counts.
    Between(u32, u32),
}

/// Every field, drift first. `service` is the service as DescribeServices answered it, `differences` are those of the
/// task definition.
pub fn drift(
    differences: &[Difference],
    settings: &Settings<'_>,
    service: &Value,
    scaling: Scaling,
) -> Vec<Field> {
    let mut fields: Vec<Field> = differences.iter().map(of_task_definition).collect();
    fields.extend(rollout_state(service, differences));
    fields.extend(count(settings, service, scaling));
    fields.extend(controller(settings, service));
    fields.extend(strategy(settings, service));
    fields.extend(breaker(settings, service));
    fields.extend(target_groups(service));
    fields.sort_by_key(|field| !field.is_drift);
    fields
}

/// Is any of it drift?
pub fn is_drift(fields: &[Field]) -> bool {
    fields.iter().any(|field| field.is_drift)
}

fn of_task_definition(difference: &Difference) -> Field {
    let is_drift = difference.needs_a_revision();
    Field {
        path: format!("taskDefinition.{}", difference.path),
        runs: difference.before.clone(),
        wanted: difference.after.clone(),
        owner: Owner::File,
        is_drift,
        why: match &difference.effect {
            Effect::RestartsTasks => "a rollout replaces every task".into(),
            Effect::Risk(risk) => format!("a rollout replaces every task; risk: {risk}"),
            Effect::Nothing => "no task notices: it comes with the next revision".into(),
        },
    }
}

/// What runs may be what is wanted and not be steady.
fn rollout_state(service: &Value, differences: &[Difference]) -> Option<Field> {
    if differences.iter().any(Difference::needs_a_revision) {
        return None;
    }
    let deployments = service.get("deployments").and_then(Value::as_array)?;
    let primary = deployments.iter().find(|d| d.get("status").and_then(Value::as_str) == Some("PRIMARY"))?;
    let state = primary.get("rolloutState").and_then(Value::as_str)?;
    let why = match state {
        "IN_PROGRESS" => "the wanted revision is on its way; its deployment is followed",
        "FAILED" => "the wanted revision was deployed, and its deployment failed",
        _ => return None,
    };
    Some(Field {
        path: "deployments[PRIMARY].rolloutState".into(),
        runs: Shown::Value(json!(state)),
        wanted: Shown::Value(json!("COMPLETED")),
        owner: Owner::File,
        is_drift: true,
        why: why.into(),
    })
}

fn count(settings: &Settings<'_>, service: &Value, scaling: Scaling) -> Option<Field> {
    let runs = service.get("desiredCount").and_then(Value::as_u64)?;
    let field = |wanted: Shown, owner: Owner, is_drift: bool, why: String| Field {
        path: "desiredCount".into(),
        runs: Shown::Value(json!(runs)),
        wanted,
        owner,
        is_drift,
        why,
    };
    let wanted = settings.desired_count;
    match (wanted, scaling) {
        (Some(wanted), _) if u64::from(wanted) == runs => None,
        (Some(wanted), Scaling::Between(least, most)) => Some(field(
            Shown::Value(json!(wanted)),
            Owner::AutoScaling,
            false,
            format!("Application Auto Scaling sets it between {least} and {most}; take it out of the file"),
        )),
        (Some(wanted), Scaling::None) => Some(field(
            Shown::Value(json!(wanted)),
            Owner::File,
            true,
            "the file names it, and the service has no scalable target".into(),
        )),
        (None, _) => Some(field(
            Shown::Absent,
            others(service),
            false,
            "the file does not name it: whoever sets it, autoscaling or a person, is left alone".into(),
        )),
    }
}

fn controller(settings: &Settings<'_>, service: &Value) -> Option<Field> {
    let runs = service.pointer("/deploymentController/type").and_then(Value::as_str).unwrap_or("ECS");
    let wanted = if matches!(settings.strategy, Strategy::CodeDeploy(..)) { "CODE_DEPLOY" } else { "ECS" };
    (runs != wanted).then(|| Field {
        path: "deploymentController.type".into(),
        runs: Shown::Value(json!(runs)),
        wanted: Shown::Value(json!(wanted)),
        owner: Owner::File,
        is_drift: true,
        why: "no rollout changes it: write the service's own controller into the file, or change it with UpdateService"
            .into(),
    })
}

fn strategy(settings: &Settings<'_>, service: &Value) -> Option<Field> {
    let runs =
        service.pointer("/deploymentConfiguration/strategy").and_then(Value::as_str).unwrap_or("ROLLING");
    let wanted = match settings.strategy {
        Strategy::Rolling | Strategy::Alb(..) => "ROLLING".to_owned(),
        Strategy::Ecs(traffic) => traffic.name().to_uppercase(),
        Strategy::CodeDeploy(..) => return None,
    };
    (runs != wanted).then(|| Field {
        path: "deploymentConfiguration.strategy".into(),
        runs: Shown::Value(json!(runs)),
        wanted: Shown::Value(json!(wanted)),
        owner: Owner::File,
        is_drift: false,
        why: if matches!(settings.strategy, Strategy::Ecs(_)) {
            "no task notices: it comes with the next rollout".into()
        } else {
            "no task notices; the next rollout is refused until one of the two is changed".into()
        },
    })
}

fn breaker(settings: &Settings<'_>, service: &Value) -> Option<Field> {
    let is_counted = matches!(settings.strategy, Strategy::Rolling | Strategy::Ecs(_));
    let on = service
        .pointer("/deploymentConfiguration/deploymentCircuitBreaker/enable")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    (is_counted && !on && settings.breaker == BreakerPolicy::EnsureOn).then(|| Field {
        path: "deploymentConfiguration.deploymentCircuitBreaker.enable".into(),
        runs: Shown::Value(json!(false)),
        wanted: Shown::Value(json!(true)),
        owner: Owner::File,
        is_drift: false,
        why: "no task notices: the next rollout switches it on".into(),
    })
}

/// Which of the two groups serves changes with every deployment, and back with a rollback.
fn target_groups(service: &Value) -> Vec<Field> {
    let balancers = service.get("loadBalancers").and_then(Value::as_array).into_iter().flatten().enumerate();
    let swapped = balancers
        .filter(|(_, balancer)| balancer.pointer("/advancedConfiguration").is_some_and(Value::is_object));
    swapped
        .filter_map(|(at, balancer)| {
            Some(Field {
                path: format!("loadBalancers[{at}].targetGroupArn"),
                runs: Shown::Value(balancer.get("targetGroupArn")?.clone()),
                wanted: Shown::Absent,
                owner: Owner::Ecs,
                is_drift: false,
                why: "Amazon ECS swaps it with its alternate, and the rule's weights with it, at every deployment".into(),
            })
        })
        .collect()
}

/// Whose a field is that the file does not name.
fn others(service: &Value) -> Owner {
    let tags = service.get("tags").and_then(Value::as_array).into_iter().flatten();
    let is_terraform = |tag: &Value| {
        let says = |name: &str| {
            tag.get(name)
                .and_then(Value::as_str)
                .is_some_and(|text| text.to_lowercase().contains("terraform"))
        };
        says("key") || says("value")
    };
    if tags.into_iter().any(is_terraform) { Owner::Terraform } else { Owner::Others }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_rollout::Percent;
    use tidegate_rollout::strategy::{CanaryStep, Traffic};

    fn lines(fields: &[Field]) -> String {
        let line = |f: &Field| {
            format!(
                "{:5} {} | {:?} | {:?} | {} | {}",
                if f.is_drift { "DRIFT" } else { "-" },
                f.path,
                f.runs,
                f.wanted,
                f.owner.name(),
                f.why
            )
        };
        fields.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn canary() -> Strategy {
        let step = CanaryStep { weight: Percent::whole(10), bake: 60_000 };
        Strategy::Ecs(Traffic::Canary { steps: vec![step], bake: 0 })
    }

    fn settings(strategy: &Strategy, desired_count: Option<u32>) -> Settings<'_> {
        Settings { strategy, breaker: BreakerPolicy::EnsureOn, desired_count }
    }

    #[test]
    fn each_field_says_whose_it_is_and_whether_it_is_drift() {
        let service = json!({"desiredCount": 5, "tags": [{"key": "ManagedBy", "value": "Terraform"}],
            "deploymentConfiguration": {"strategy": "BLUE_GREEN"},
            "loadBalancers": [{"targetGroupArn": "green", "advancedConfiguration": {"alternateTargetGroupArn": "blue"}}],
            "deployments": [{"status": "PRIMARY", "rolloutState": "COMPLETED"}]});
        let image = Difference {
            path: "containerDefinitions[web].image".into(),
            before: Shown::Value(json!("web:1")),
            after: Shown::Value(json!("web:2")),
            effect: Effect::RestartsTasks,
        };
        let team = Difference {
            path: "tags[team].value".into(),
            before: Shown::Absent,
            after: Shown::Value(json!("a")),
            effect: Effect::Nothing,
        };
        insta::assert_snapshot!(lines(&drift(&[image, team], &settings(&canary(), None), &service, Scaling::None)), @r#"
DRIFT taskDefinition.containerDefinitions[web].image | Value(String("web:1")) | Value(String("web:2")) | the file's | a rollout replaces every task
-     taskDefinition.tags[team].value | Absent | Value(String("a")) | the file's | no task notices: it comes with the next revision
-     desiredCount | Value(Number(5)) | Absent | Terraform's | the file does not name it: whoever sets it, autoscaling or a person, is left alone
-     deploymentConfiguration.strategy | Value(String("BLUE_GREEN")) | Value(String("CANARY")) | the file's | no task notices: it comes with the next rollout
-     deploymentConfiguration.deploymentCircuitBreaker.enable | Value(Bool(false)) | Value(Bool(true)) | the file's | no task notices: the next rollout switches it on
-     loadBalancers[0].targetGroupArn | Value(String("green")) | Absent | Amazon ECS's | Amazon ECS swaps it with its alternate, and the rule's weights with it, at every deployment
"#);
    }

    #[test]
    fn a_count_of_the_file_is_drift_unless_autoscaling_sets_it() {
        let service = json!({"desiredCount": 5, "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true}}});
        let rolling = Strategy::Rolling;
        let with = |scaling| drift(&[], &settings(&rolling, Some(3)), &service, scaling);
        assert!(is_drift(&with(Scaling::None)));
        assert!(!is_drift(&with(Scaling::Between(2, 9))));
        insta::assert_snapshot!(lines(&with(Scaling::Between(2, 9))), @"-     desiredCount | Value(Number(5)) | Value(Number(3)) | autoscaling's | Application Auto Scaling sets it between 2 and 9; take it out of the file");
        assert_eq!(drift(&[], &settings(&rolling, Some(5)), &service, Scaling::None), []);
    }

    #[test]
    fn a_wanted_revision_that_is_not_steady_is_drift() {
        let rolling = Strategy::Rolling;
        let with = |state: &str| {
            let service = json!({"deployments": [{"status": "PRIMARY", "rolloutState": state}],
                "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true}}});
            drift(&[], &settings(&rolling, None), &service, Scaling::None)
        };
        assert!(is_drift(&with("IN_PROGRESS")) && is_drift(&with("FAILED")) && !is_drift(&with("COMPLETED")));
        let controller = drift(
            &[],
            &settings(&rolling, None),
            &json!({"deploymentController": {"type": "CODE_DEPLOY"}}),
            Scaling::None,
        );
        assert!(is_drift(&controller), "{}", lines(&controller));
    }
}
