use tidegate_rollout::{
    Percent,
    gate::At,
    names::{ClusterName, ServiceName},
    strategy::{CanaryStep, Candidate, DeploymentGroup, Traffic},
};

use super::*;

fn target() -> ServiceRef {
    ServiceRef {
        cluster: ClusterName::parse("shop").unwrap_or_else(|error| panic!("{error}")),
        service: ServiceName::parse("web").unwrap_or_else(|error| panic!("{error}")),
    }
}

fn known() -> Known {
    let set = |text: &str| BTreeSet::from([text.to_owned()]);
    Known {
        account: Some("123456789012".to_owned()),
        family: Some("web".to_owned()),
        task_roles: set("arn:aws:iam::123456789012:role/pull"),
        service_roles: set("arn:aws:iam::123456789012:role/infrastructure"),
        repositories: set("arn:aws:ecr:eu-west-1:123456789012:repository/web"),
        log_groups: set("/ecs/web"),
        rules: set("arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/front/1/2/3"),
        looked: Looked::Yes,
    }
}

fn canary() -> Traffic {
    Traffic::Canary { steps: vec![CanaryStep { weight: Percent::whole(10), bake: 1 }], bake: 1 }
}

fn written(strategy: &Strategy, gates: &[Gate], known: Known, uses: &[Use]) -> String {
    let target = target();
    let subject =
        Subject { target: &target, region: "eu-west-1", account: "123456789012", strategy, gates, known };
    let policy = policy(&subject, &uses.iter().copied().collect());
    serde_json::to_string_pretty(&policy).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_rolling_service_that_was_looked_at() {
    let gates = [Gate { name: "5xx".into(), check: Check::Alarm { alarm: "5xx".into() }, at: At::EveryStep }];
    insta::assert_snapshot!(written(&Strategy::Rolling, &gates, known(), &[Use::Deploy]));
}

#[test]
fn what_nobody_looked_at_is_granted_by_patterns() {
    insta::assert_snapshot!(written(&Strategy::Rolling, &[], Known::default(), &[Use::Deploy]));
}

#[test]
fn who_only_looks_may_change_nothing() {
    let target = target();
    for strategy in strategies() {
        let subject = Subject {
            target: &target,
            region: "eu-west-1",
            account: "*",
            strategy: &strategy,
            gates: &[],
            known: known(),
        };
        for action in policy(&subject, &BTreeSet::from([Use::Look])).actions() {
            let (_, verb) = action.split_once(':').unwrap_or_else(|| panic!("{action} has no service"));
            let looks = ["Describe", "List", "Get", "BatchGet", "Filter"];
            assert!(looks.iter().any(|verbs| verb.starts_with(verbs)), "{action}");
        }
    }
}

#[test]
fn the_other_controllers_need_their_own_calls() {
    let [_, ecs, code_deploy, alb] = strategies();
    insta::assert_snapshot!(
        [ecs, code_deploy, alb].map(|strategy| written(&strategy, &[], known(), &[Use::Deploy])).join("\n\n")
    );
}

fn strategies() -> [Strategy; 4] {
    let group = DeploymentGroup {
        application: "shop".into(),
        group: "web".into(),
        config: None,
        hooks: std::collections::BTreeMap::new(),
    };
    let service = ServiceName::parse("web-candidate").unwrap_or_else(|error| panic!("{error}"));
    [
        Strategy::Rolling,
        Strategy::Ecs(canary()),
        Strategy::CodeDeploy(canary(), group),
        Strategy::Alb(canary(), Candidate { service, rule: None }),
    ]
}
