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
        shipped: BTreeSet::new(),
        rules: set("arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/front/1/2/3"),
        target_groups: set("arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/1"),
        alarms: set("web-5xx"),
        secrets: set("arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"),
        parameters: set("/web/key"),
        controller: Some("ECS".to_owned()),
        looked: Looked::Yes,
    }
}

fn canary() -> Traffic {
    Traffic::Canary { steps: vec![CanaryStep { weight: Percent::whole(10), bake: 1 }], bake: 1 }
}

fn written(strategy: &Strategy, gates: &[Gate], known: Known, uses: &[Use]) -> String {
    serde_json::to_string_pretty(&granted(strategy, gates, known, uses))
        .unwrap_or_else(|error| panic!("{error}"))
}

fn granted(strategy: &Strategy, gates: &[Gate], known: Known, uses: &[Use]) -> Policy {
    with_count(None, strategy, gates, known, uses)
}

fn with_count(
    desired_count: Option<u32>,
    strategy: &Strategy,
    gates: &[Gate],
    known: Known,
    uses: &[Use],
) -> Policy {
    let target = target();
    let subject = Subject {
        target: &target,
        region: "eu-west-1",
        account: "123456789012",
        strategy,
        gates,
        desired_count,
        freeze_windows: 0,
        known,
    };
    policy(&subject, &uses.iter().copied().collect())
}

/// What a policy allows on `*`.
fn anywhere(policy: &Policy) -> BTreeSet<String> {
    let statements = policy.statements().into_iter();
    let unnarrowed = statements.filter(|it| it.resource.contains("*") && it.condition.is_empty());
    unnarrowed.flat_map(|it| it.action).collect()
}

/// What a policy allows an action on.
fn resources(policy: &Policy, action: &str) -> BTreeSet<String> {
    let statements = policy.statements().into_iter().filter(|it| it.action.contains(action));
    statements.flat_map(|it| it.resource).collect()
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
    for strategy in strategies() {
        for one in [Use::Look, Use::Diagnose, Use::Check, Use::Init] {
            for known in [known(), Known::default()] {
                for action in granted(&strategy, &[], known, &[one]).actions() {
                    let (_, verb) =
                        action.split_once(':').unwrap_or_else(|| panic!("{action} has no service"));
                    let looks = ["Describe", "List", "Get", "BatchGet", "Filter"];
                    assert!(looks.iter().any(|verbs| verb.starts_with(verbs)), "{action}");
                    // No value of a secret, and no image's bytes.
                    assert!(
                        !["GetSecretValue", "GetParameters", "BatchGetImage"].contains(&verb),
                        "{action}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_a_use_has_beside_others_is_in_the_policy_of_all() {
    for strategy in strategies() {
        let all: Vec<Use> = Use::ALL.iter().map(|(_, one)| *one).collect();
        let together = granted(&strategy, &[], known(), &all).actions();
        for one in all {
            let alone = granted(&strategy, &[], known(), &[one]).actions();
            assert!(alone.is_subset(&together) && !alone.is_empty(), "{one:?}");
        }
    }
}

#[test]
fn who_looks_on_may_ask_all_that_a_diagnosis_asks_of_a_service_that_is_there() {
    for strategy in strategies() {
        let looking = granted(&strategy, &[], known(), &[Use::Look]).actions();
        let mut diagnosing = granted(&strategy, &[], known(), &[Use::Diagnose]).actions();
        assert!(diagnosing.remove("ecs:ListServices"), "for one that is not there");
        assert!(diagnosing.is_subset(&looking), "{:?}", diagnosing.difference(&looking));
    }
}

#[test]
fn the_service_itself_is_changed_by_everybody_but_code_deploy_whose_count_is_left() {
    let [rolling, ecs, code_deploy, alb] = strategies();
    let updates = |count, strategy: &Strategy| {
        with_count(count, strategy, &[], known(), &[Use::Deploy]).actions().contains("ecs:UpdateService")
    };
    assert_eq!([&rolling, &ecs, &alb].map(|strategy| updates(None, strategy)), [true; 3]);
    assert_eq!([None, Some(3)].map(|count| updates(count, &code_deploy)), [false, true]);
}

#[test]
fn only_a_strategy_that_no_config_of_code_deploy_s_own_has_may_create_one_and_only_that_one() {
    let create = "codedeploy:CreateDeploymentConfig";
    let [_, _, code_deploy, _] = strategies();
    let created = resources(&granted(&code_deploy, &[], known(), &[Use::Deploy]), create);
    let ours =
        "arn:aws:codedeploy:eu-west-1:123456789012:deploymentconfig:tidegate-canary-10-percent-1-minutes";
    assert_eq!(created, BTreeSet::from([ours.to_owned()]));
    let Strategy::CodeDeploy(_, group) = code_deploy else { panic!("it is CodeDeploy's") };
    let at_once = Strategy::CodeDeploy(Traffic::BlueGreen { bake: 0 }, group);
    assert!(!granted(&at_once, &[], known(), &[Use::Deploy]).actions().contains(create));
}

#[test]
fn a_push_is_to_what_is_shipped_and_to_nothing_that_stands_beside_it() {
    let side = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/web:v2";
    let policy = granted(&Strategy::Rolling, &[], known().and_image(side), &[Use::Push]);
    let shipped = "arn:aws:ecr:eu-west-1:123456789012:repository/shop/web";
    assert_eq!(resources(&policy, "ecr:PutImage"), BTreeSet::from([shipped.to_owned()]));
    assert_eq!(anywhere(&policy), BTreeSet::from(["ecr:GetAuthorizationToken".to_owned()]));
    let policy = granted(&Strategy::Rolling, &[], known(), &[Use::Push]);
    assert_eq!(resources(&policy, "ecr:PutImage"), known().repositories);
}

#[test]
fn roles_of_a_definition_that_was_read_are_all_that_are_passed_on() {
    let named = |known| resources(&granted(&Strategy::Rolling, &[], known, &[Use::Deploy]), "iam:PassRole");
    let document = serde_json::json!({ "family": "web" });
    assert_eq!(named(Known::default().and_next(&document)), BTreeSet::new());
    let any = BTreeSet::from(["arn:aws:iam::123456789012:role/*".to_owned()]);
    assert_eq!(named(Known::default()), any);
}

#[test]
fn who_starts_from_a_service_of_code_deploy_s_looks_through_its_groups_and_nobody_else_does() {
    let lists = |controller: &str| {
        let known = Known { controller: Some(controller.to_owned()), ..known() };
        granted(&Strategy::Rolling, &[], known, &[Use::Init])
            .actions()
            .contains("codedeploy:ListApplications")
    };
    assert_eq!(["ECS", "CODE_DEPLOY"].map(lists), [false, true]);
}

#[test]
fn a_freeze_window_lets_the_reason_be_kept_that_it_was_deployed_in() {
    let target = target();
    let kept = |freeze_windows| {
        let subject = Subject {
            target: &target,
            region: "eu-west-1",
            account: "123456789012",
            strategy: &Strategy::Rolling,
            gates: &[],
            desired_count: None,
            freeze_windows,
            known: known(),
        };
        resources(&policy(&subject, &BTreeSet::from([Use::Deploy])), "ssm:PutParameter")
    };
    assert_eq!(kept(0), BTreeSet::new());
    let name = "arn:aws:ssm:eu-west-1:123456789012:parameter/tidegate/shop/web/freeze-override";
    assert_eq!(kept(1), BTreeSet::from([name.to_owned()]));
}

#[test]
fn what_else_there_is_to_do_with_a_service() {
    let uses = [Use::Check, Use::Diagnose, Use::Init, Use::Sync, Use::Push];
    insta::assert_snapshot!(
        uses.map(|one| format!("{one:?}: {}", written(&Strategy::Rolling, &[], known(), &[one])))
            .join("\n\n")
    );
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
