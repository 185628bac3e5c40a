use serde_json::{Value, json};

use super::{ARN, ready, service, serving, texts, with};
use crate::cloud::Cloud;

fn tag(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": value })
}

fn tags_of(cloud: &mut Cloud, arn: &str) -> Value {
    cloud.call("ListTagsForResource", json!({ "resourceArn": arn }))["tags"].clone()
}

#[test]
fn everything_with_an_arn_takes_tags() {
    let (mut cloud, _) = serving();
    let tasks = texts(&cloud.call("ListTasks", json!({ "cluster": "prod" }))["taskArns"]);
    let mut arns = vec![
        format!("{ARN}:cluster/prod"),
        format!("{ARN}:service/prod/web"),
        format!("{ARN}:task-definition/web:1"),
    ];
    arns.extend(tasks);
    for arn in arns {
        cloud.call("TagResource", json!({ "resourceArn": arn, "tags": [tag("b", "1"), tag("a", "")] }));
        cloud.call("TagResource", json!({ "resourceArn": arn, "tags": [tag("b", "2")] }));
        assert_eq!(tags_of(&mut cloud, &arn), json!([tag("a", ""), tag("b", "2")]), "{arn}");
        cloud.call("UntagResource", json!({ "resourceArn": arn, "tagKeys": ["a", "absent"] }));
        assert_eq!(tags_of(&mut cloud, &arn), json!([tag("b", "2")]), "{arn}");
    }
}

#[test]
fn tags_that_aws_refuses_are_refused() {
    let (mut cloud, _) = ready();
    let many: Vec<Value> = (0..51).map(|number| tag(&format!("k{number}"), "")).collect();
    for (arn, tags, expected) in [
        ("cluster/prod", json!([tag("aws:x", "y")]), "Tag keys cannot begin with aws:."),
        ("cluster/prod", json!([tag("", "y")]), "Tag keys cannot be null or empty."),
        ("cluster/prod", json!([tag("a", "1"), tag("a", "2")]), "Tags cannot contain duplicate keys."),
        ("cluster/prod", json!(many), "Tags cannot have more than 50 entries."),
        ("cluster/nowhere", json!([tag("a", "1")]), "The specified resource is not found."),
        ("task-definition/web:9", json!([tag("a", "1")]), "The specified resource is not found."),
    ] {
        let input = json!({ "resourceArn": format!("{ARN}:{arn}"), "tags": tags });
        assert_eq!(cloud.refusal("TagResource", input), format!("InvalidParameterException: {expected}"));
    }
    cloud.call("TagResource", json!({ "resourceArn": format!("{ARN}:cluster/prod"), "tags": many[..30] }));
    let refused = cloud
        .refusal("TagResource", json!({ "resourceArn": format!("{ARN}:cluster/prod"), "tags": many[30..] }));
    assert!(refused.ends_with("more than 50 entries."), "those that are there count, too: {refused}");
}

#[test]
fn tasks_get_the_tags_that_their_service_propagates() {
    for (propagate, expected) in [
        (json!({}), json!([])),
        (json!({ "propagateTags": "SERVICE" }), json!([tag("team", "web")])),
        (json!({ "propagateTags": "TASK_DEFINITION" }), json!([tag("of", "definition")])),
        (
            json!({ "propagateTags": "SERVICE", "enableECSManagedTags": true }),
            json!([
                tag("aws:ecs:clusterName", "prod"),
                tag("aws:ecs:serviceName", "web"),
                tag("team", "web")
            ]),
        ),
    ] {
        let (mut cloud, group) = ready();
        let definition = format!("{ARN}:task-definition/web:1");
        cloud.call("TagResource", json!({ "resourceArn": definition, "tags": [tag("of", "definition")] }));
        let tagged = with(service(&group), json!({ "tags": [tag("team", "web")] }));
        cloud.call("CreateService", with(tagged, propagate.clone()));
        let tasks = texts(&cloud.call("ListTasks", json!({ "cluster": "prod" }))["taskArns"]);
        assert_eq!(tags_of(&mut cloud, &tasks[0]), expected, "{propagate}");
    }
}

#[test]
fn a_task_run_alone_gets_its_own_tags_over_its_definitions() {
    let (mut cloud, _) = ready();
    let definition = format!("{ARN}:task-definition/web:1");
    cloud.call("TagResource", json!({ "resourceArn": definition, "tags": [tag("a", "1"), tag("b", "1")] }));
    let run = json!({
        "cluster": "prod", "taskDefinition": "web", "launchType": "FARGATE", "enableECSManagedTags": true,
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
        "propagateTags": "TASK_DEFINITION", "tags": [tag("b", "2")],
    });
    let reply = cloud.call("RunTask", run);
    assert_eq!(
        reply["tasks"][0]["tags"],
        json!([tag("a", "1"), tag("aws:ecs:clusterName", "prod"), tag("b", "2")])
    );
}
