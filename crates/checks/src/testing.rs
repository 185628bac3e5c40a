//! Pictures for tests: one of a service that does everything, and one that breaks the eight practices. Start with
//! [`sound`].

use crate::Asked::{self, Told};
use crate::picture::{Alarm, HealthCheck, Image, ListenerRule, Role, Secret, Target, TargetGroup, WayBack};
use crate::{Picture, Rule};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use tidegate_rollout::Millis;
use tidegate_rollout::names::{ServiceDeploymentArn, TaskDefinitionArn};
use tidegate_rollout::observation::ServiceDeploymentStatus;
use tidegate_rollout::rollback::PastDeployment;

/// 15 November 2026, noon.
pub(crate) const NOW: Millis = 1_794_744_000_000;
pub(crate) const GROUP: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/api/0123456789abcdef";
const BALANCER: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/front/0123456789abcdef";
const LISTENER_RULE: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/front/0123456789abcdef/1/2";
pub(crate) const EXECUTION_ROLE: &str = "arn:aws:iam::123456789012:role/api-execution";
const INFRASTRUCTURE_ROLE: &str = "arn:aws:iam::123456789012:role/ecs-infrastructure";
pub(crate) const SECRET: &str =
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:api/db-AbCdEf:password::";
const REGISTRY: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
pub(crate) const IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api@sha256:7777777777777777777777777777777777777777777777777777777777777777";
pub(crate) const OLD_IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api@sha256:6666666666666666666666666666666666666666666666666666666666666666";
const TAGGED: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:v7";

/// A service that every rule is content with.
pub(crate) fn sound() -> Picture {
    let service = json!({
        "serviceName": "api", "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/prod",
        "serviceArn": "arn:aws:ecs:eu-west-1:123456789012:service/prod/api",
        "desiredCount": 3, "launchType": "FARGATE", "schedulingStrategy": "REPLICA",
        "deploymentController": {"type": "ECS"}, "healthCheckGracePeriodSeconds": 60,
        "deploymentConfiguration": {
            "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 10,
            "minimumHealthyPercent": 100, "maximumPercent": 200,
            "deploymentCircuitBreaker": {"enable": true, "rollback": true},
            "alarms": {"alarmNames": ["api-5xx"], "enable": true, "rollback": true},
        },
        "loadBalancers": [{
            "targetGroupArn": GROUP, "containerName": "app", "containerPort": 8080,
            "advancedConfiguration": {"roleArn": INFRASTRUCTURE_ROLE},
        }],
        "events": [], "tags": [],
    });
    let trust = |who: &str| {
        let statement = json!({"Effect": "Allow", "Principal": {"Service": who}, "Action": "sts:AssumeRole"});
        Told(Role { trust: json!({"Version": "2012-10-17", "Statement": [statement]}) })
    };
    let alarm = Alarm { state: "OK".into(), reason: String::new(), looks_back: Some(120) };
    Picture {
        now: NOW,
        service,
        definition: Told(definition(7, IMAGE)),
        history: Told(vec![
            past(7, ServiceDeploymentStatus::Successful, 1),
            past(8, ServiceDeploymentStatus::RollbackSuccessful, 5),
            past(6, ServiceDeploymentStatus::Successful, 9),
        ]),
        way_back: Told(WayBack { revision: "api:6".into(), definition: Told(definition(6, OLD_IMAGE)) }),
        target_groups: BTreeMap::from([(GROUP.to_owned(), Told(target_group()))]),
        alarms: BTreeMap::from([("api-5xx".to_owned(), Told(alarm))]),
        gate_alarms: Vec::new(),
        images: [(IMAGE, '7'), (OLD_IMAGE, '6')].map(|(name, digit)| (name.to_owned(), image(digit))).into(),
        roles: BTreeMap::from([
            (EXECUTION_ROLE.to_owned(), trust("ecs-tasks.amazonaws.com")),
            (INFRASTRUCTURE_ROLE.to_owned(), trust("ecs.amazonaws.com")),
        ]),
        secrets: BTreeMap::from([(SECRET.to_owned(), Told(Secret::There))]),
        log_groups: BTreeMap::from([("/ecs/api".to_owned(), Told(()))]),
        drill_days: 30,
    }
}

/// A service that breaks each of the eight practices.
pub(crate) fn broken() -> Picture {
    let mut picture = sound();
    picture.service["deploymentConfiguration"] = json!({"minimumHealthyPercent": 100, "maximumPercent": 200});
    picture.service["loadBalancers"][0]["advancedConfiguration"] = Value::Null;
    container(&mut picture)["healthCheck"] = Value::Null;
    group(&mut picture).health_check.path = Some("/".into());
    tagged(&mut picture);
    if let Some(image) = picture.images.get_mut(TAGGED) {
        image.mutability = Told("MUTABLE".into());
    }
    picture.history = Told(vec![past(7, ServiceDeploymentStatus::Successful, 40)]);
    picture.way_back =
        Told(WayBack { revision: "api:6".into(), definition: Told(json!({"status": "INACTIVE"})) });
    picture
}

fn definition(revision: u32, image: &str) -> Value {
    json!({
        "family": "api", "revision": revision, "status": "ACTIVE", "executionRoleArn": EXECUTION_ROLE,
        "containerDefinitions": [{
            "name": "app", "image": image, "essential": true, "stopTimeout": 60,
            "portMappings": [{"containerPort": 8080}],
            "healthCheck": {"command": ["CMD-SHELL", "curl -f http://127.0.0.1:8080/health"], "startPeriod": 30},
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/api"}},
            "secrets": [{"name": "DB_PASSWORD", "valueFrom": SECRET}],
        }],
    })
}

fn target_group() -> TargetGroup {
    let target = Target {
        id: "10.0.0.7".into(),
        port: 8080,
        state: "healthy".into(),
        reason: None,
        description: None,
    };
    TargetGroup {
        name: "api".into(),
        protocol: "HTTP".into(),
        health_check: HealthCheck {
            enabled: true,
            protocol: "HTTP".into(),
            path: Some("/health".into()),
            interval: 30,
            unhealthy_threshold: 2,
            matcher: Some("200".into()),
        },
        deregistration_delay: Told(60),
        idle_timeout: Told(60),
        targets: Told(vec![target]),
        rules: Told(vec![ListenerRule {
            arn: LISTENER_RULE.into(),
            listener:
                "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/front/0123456789abcdef/1"
                    .into(),
            is_default: false,
        }]),
        load_balancer: Told(BALANCER.into()),
        target_type: "ip".into(),
        port: Some(8080),
        vpc: Some("vpc-1".into()),
    }
}

fn image(digit: char) -> Image {
    Image {
        repository: "api".into(),
        registry: REGISTRY.into(),
        mutability: Told("IMMUTABLE".into()),
        digest: Told(format!("sha256:{}", digit.to_string().repeat(64))),
    }
}

/// A deployment that ended so many days ago.
pub(crate) fn past(revision: u32, status: ServiceDeploymentStatus, days_ago: Millis) -> PastDeployment {
    let arn = format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/api:{revision}");
    let at = NOW - days_ago * 24 * 60 * 60 * 1000;
    PastDeployment {
        arn: ServiceDeploymentArn::answered(format!("arn:sd/{days_ago}")),
        status,
        reason: None,
        images: Vec::new(),
        task_definition: TaskDefinitionArn::parse(&arn).expect("valid"),
        created_at: at - 60_000,
        finished_at: Some(at),
    }
}

/// The one container of the definition that runs.
pub(crate) fn container(picture: &mut Picture) -> &mut Value {
    match &mut picture.definition {
        Asked::Told(definition) => &mut definition["containerDefinitions"][0],
        other => panic!("the definition is told, and this is {other:?}"),
    }
}

/// The one target group.
pub(crate) fn group(picture: &mut Picture) -> &mut TargetGroup {
    match picture.target_groups.get_mut(GROUP) {
        Some(Asked::Told(group)) => group,
        other => panic!("the target group is told, and this is {other:?}"),
    }
}

/// Names the image by its tag.
pub(crate) fn tagged(picture: &mut Picture) {
    container(picture)["image"] = json!(TAGGED);
    let image = picture.images.remove(IMAGE).expect("it is there");
    picture.images.insert(TAGGED.to_owned(), image);
}

/// What one rule says, as a text.
pub(crate) fn told(rule: &Rule, picture: &Picture) -> String {
    let look = (rule.look)(picture);
    let mut text = String::new();
    for found in look.found {
        let severity = found.severity.unwrap_or(rule.severity);
        let _ = writeln!(text, "{}: {}", severity.word(), found.what);
        for line in &found.evidence {
            let _ = writeln!(text, "  evidence: {line}");
        }
        let _ = writeln!(text, "  fix: {}", found.fix);
        let parts = [("$", &found.command), ("terraform", &found.terraform)];
        for (kind, lines) in parts.into_iter().filter_map(|(kind, part)| Some((kind, part.as_ref()?))) {
            let _ = writeln!(text, "  {kind}: {}", lines.replace('\n', "\n     "));
        }
    }
    for why in look.untold {
        let _ = writeln!(text, "could not tell: {why}");
    }
    text
}

/// The rule says nothing.
pub(crate) fn quiet(rule: &Rule, picture: &Picture) {
    assert_eq!(told(rule, picture), "");
}
