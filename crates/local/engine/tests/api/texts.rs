//! Texts that the engine takes apart itself, because the models say of them no more than that they are strings: manifests,
//! policies, rules of alarms, formulas, schedules, paths. Damaged at random and nested without end, none makes it panic,
//! and a refused one changes nothing ([`Cloud::try_call`] holds it to that).

use fastrand::Rng;
use serde_json::{Value, json};

use crate::{
    cloud::Cloud,
    ecr::{keep, manifest_of, with_shop},
};

/// A text that is taken, and the call that brings it.
struct Text {
    service: &'static str,
    operation: &'static str,
    valid: String,
    input: fn(&str) -> Value,
    /// What opens and closes a nesting.
    nested: (&'static str, &'static str),
}

const ARRAYS: (&str, &str) = ("[", "]");
const GROUPS: (&str, &str) = ("(", ")");

fn texts() -> Vec<Text> {
    let lifecycle = json!({"rules": [
        {"rulePriority": 1, "selection": {"tagStatus": "tagged", "tagPatternList": ["v*"], "countType": "imageCountMoreThan",
            "countNumber": 2}, "action": {"type": "expire"}},
    ]});
    let of = |service, operation, valid: &str, nested, input| Text {
        service,
        operation,
        valid: valid.to_owned(),
        input,
        nested,
    };
    vec![
        of(
            "ecr",
            "PutImage",
            &manifest_of(&["config", "one"]),
            ARRAYS,
            |text| json!({"repositoryName": "shop", "imageManifest": text, "imageTag": "v"}),
        ),
        of(
            "ecr",
            "PutLifecyclePolicy",
            &lifecycle.to_string(),
            ARRAYS,
            |text| json!({"repositoryName": "shop", "lifecyclePolicyText": text}),
        ),
        of(
            "ecr",
            "SetRepositoryPolicy",
            &trust(),
            ARRAYS,
            |text| json!({"repositoryName": "shop", "policyText": text}),
        ),
        of(
            "iam",
            "UpdateAssumeRolePolicy",
            &trust(),
            ARRAYS,
            |text| json!({"RoleName": "r", "PolicyDocument": text}),
        ),
        of(
            "monitoring",
            "PutCompositeAlarm",
            "ALARM(a) AND NOT (OK(b) OR FALSE)",
            GROUPS,
            |text| json!({"AlarmName": "composite", "AlarmRule": text}),
        ),
        of("monitoring", "PutMetricAlarm", "IF(m > 1, m / 2, -m) * 100", GROUPS, |text| {
            json!({"AlarmName": "formula", "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 1.0, "Metrics": [
                {"Id": "m", "ReturnData": false, "MetricStat": {
                    "Metric": {"Namespace": "n", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}},
                {"Id": "e", "Expression": text},
            ]})
        }),
        of("application-autoscaling", "PutScheduledAction", "cron(0 9-17/2 ? * MON-FRI *)", GROUPS, |text| {
            json!({"ServiceNamespace": "ecs", "ResourceId": "service/c/web", "ScheduledActionName": "s",
                "ScalableDimension": "ecs:service:DesiredCount", "Schedule": text,
                "ScalableTargetAction": {"MinCapacity": 1}})
        }),
        of(
            "ssm",
            "PutParameter",
            "/shop/web/port",
            ("/a", "/b"),
            |text| json!({"Name": text, "Value": "1", "Type": "String", "Overwrite": true}),
        ),
        of("ssm", "GetParametersByPath", "/shop/web", ("/a", "/b"), |text| json!({"Path": text})),
        of("ssm", "GetParameter", "/shop/web/port:1", (":", ":"), |text| json!({"Name": text})),
        of(
            "secretsmanager",
            "GetSecretValue",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s-aBcDeF",
            (":", ":"),
            |text| json!({"SecretId": text}),
        ),
    ]
}

fn trust() -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ]})
    .to_string()
}

/// Something of it is left out, doubled, exchanged or replaced.
fn damaged(rng: &mut Rng, valid: &str) -> String {
    let mut text: Vec<char> = valid.chars().collect();
    for _ in 0..rng.usize(1..5) {
        let from = rng.usize(..=text.len());
        let to = (from + rng.usize(..12)).min(text.len());
        match rng.u8(..4) {
            0 => drop(text.drain(from..to)),
            1 => {
                let piece: Vec<char> = text[from..to].to_vec();
                text.splice(from..from, piece);
            }
            2 => text.splice(from..to, (0..rng.usize(..4)).map(|_| rng.char(..))).for_each(drop),
            _ => {
                let signs = "(){}[]\",:;/*?-+.0919e\\ \n\u{0}";
                let sign = signs.chars().nth(rng.usize(..signs.chars().count()));
                text.splice(from..from, sign);
            }
        }
    }
    text.into_iter().collect()
}

/// What the calls are about.
fn cloud() -> Cloud {
    let mut cloud = with_shop();
    for name in ["config", "one"] {
        keep(&mut cloud, "shop", name);
    }
    cloud.at("iam", |cloud| {
        cloud.call("CreateRole", json!({"RoleName": "r", "AssumeRolePolicyDocument": trust()}));
    });
    cloud.at("ecs", |cloud| {
        cloud.call("CreateCluster", json!({"clusterName": "c"}));
        let containers = json!([{"name": "app", "image": "a:1", "memory": 64}]);
        cloud.call("RegisterTaskDefinition", json!({"family": "web", "containerDefinitions": containers}));
        let service =
            json!({"cluster": "c", "serviceName": "web", "taskDefinition": "web", "desiredCount": 1});
        cloud.call("CreateService", service);
    });
    cloud.at("application-autoscaling", |cloud| {
        let target = json!({"ServiceNamespace": "ecs", "ResourceId": "service/c/web", "MinCapacity": 1, "MaxCapacity": 2,
            "ScalableDimension": "ecs:service:DesiredCount"});
        cloud.call("RegisterScalableTarget", target);
    });
    cloud.at("monitoring", |cloud| {
        for name in ["a", "b"] {
            let alarm = json!({"AlarmName": name, "EvaluationPeriods": 1, "Threshold": 1.0, "Period": 60, "Statistic": "Sum",
                "ComparisonOperator": "GreaterThanThreshold", "Namespace": "n", "MetricName": "m"});
            cloud.call("PutMetricAlarm", alarm);
        }
    });
    cloud
}

#[test]
fn no_damaged_text_makes_it_panic_and_no_refused_one_changes_anything() {
    let cases: usize =
        std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256);
    let mut rng = Rng::with_seed(1);
    for text in texts() {
        let mut cloud = cloud();
        let mut refused = 0;
        let valid = cloud.at(text.service, |cloud| cloud.try_call(text.operation, (text.input)(&text.valid)));
        // What is named there need not exist: it was taken apart all the same.
        let is_answered = valid.as_ref().err().is_none_or(|error| error.contains("NotFound"));
        assert!(is_answered, "{}: {valid:?}", text.operation);
        for _ in 0..cases {
            let damaged = damaged(&mut rng, &text.valid);
            let answer =
                cloud.at(text.service, |cloud| cloud.try_call(text.operation, (text.input)(&damaged)));
            refused += usize::from(answer.is_err());
        }
        assert!(refused > 0, "{} takes everything", text.operation);
    }
}

#[test]
fn no_text_that_is_nested_without_end_makes_it_panic() {
    for text in texts() {
        let mut cloud = cloud();
        let (open, close) = text.nested;
        for depth in [1, 64, 10_000, 200_000] {
            for inner in ["", text.valid.as_str()] {
                for nested in [
                    open.repeat(depth) + inner + &close.repeat(depth),
                    open.repeat(depth) + inner,
                    inner.to_owned() + &close.repeat(depth),
                ] {
                    // Taken or refused: both are answers.
                    let _ =
                        cloud.at(text.service, |cloud| cloud.try_call(text.operation, (text.input)(&nested)));
                }
            }
        }
    }
}
