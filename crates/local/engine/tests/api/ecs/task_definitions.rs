use serde_json::{Value, json};

use super::{ARN, all_pages, definition, texts, with};
use crate::cloud::{Cloud, text};

#[test]
fn a_revision_is_answered_with_the_defaults_of_aws() {
    let mut cloud = Cloud::new();
    let reply = cloud.call("RegisterTaskDefinition", definition("web"));
    let made = &reply["taskDefinition"];
    assert_eq!(made["taskDefinitionArn"], format!("{ARN}:task-definition/web:1"));
    assert_eq!((&made["revision"], &made["status"]), (&json!(1), &json!("ACTIVE")));
    assert_eq!(made["compatibilities"], json!(["EC2", "FARGATE"]));
    assert_eq!(made["volumes"], json!([]));
    let container = &made["containerDefinitions"][0];
    assert_eq!(container["essential"], true);
    assert_eq!(container["cpu"], 0);
    assert_eq!(container["environment"], json!([]));
    assert_eq!(
        container["portMappings"],
        json!([{ "containerPort": 8080, "hostPort": 8080, "protocol": "tcp" }])
    );
    let described = cloud.call("DescribeTaskDefinition", json!({ "taskDefinition": "web:1" }));
    assert_eq!(described["taskDefinition"], *made);
}

#[test]
fn in_bridge_mode_a_port_is_dynamic_unless_given() {
    let mut cloud = Cloud::new();
    let bridge = json!({
        "family": "web",
        "containerDefinitions": [{ "name": "app", "image": "app:1", "memory": 64,
            "portMappings": [{ "containerPort": 80 }, { "containerPort": 81, "hostPort": 8081 }] }],
    });
    let reply = cloud.call("RegisterTaskDefinition", bridge);
    let mappings = &reply["taskDefinition"]["containerDefinitions"][0]["portMappings"];
    assert_eq!((&mappings[0]["hostPort"], &mappings[1]["hostPort"]), (&json!(0), &json!(8081)));
}

#[test]
fn a_revision_is_found_by_family_number_and_arn_and_numbers_are_never_given_twice() {
    let mut cloud = Cloud::new();
    for _ in 0..3 {
        cloud.call("RegisterTaskDefinition", definition("web"));
    }
    let revision = |cloud: &mut Cloud, name: &str| {
        cloud.call("DescribeTaskDefinition", json!({ "taskDefinition": name }))["taskDefinition"]["revision"]
            .clone()
    };
    assert_eq!(revision(&mut cloud, "web"), 3);
    assert_eq!(revision(&mut cloud, "web:2"), 2);
    assert_eq!(revision(&mut cloud, &format!("{ARN}:task-definition/web:1")), 1);

    cloud.call("DeregisterTaskDefinition", json!({ "taskDefinition": "web:3" }));
    assert_eq!(revision(&mut cloud, "web"), 2, "a family is its latest ACTIVE revision");
    assert_eq!(revision(&mut cloud, "web:3"), 3, "an inactive one is described");
    cloud.call("DeleteTaskDefinitions", json!({ "taskDefinitions": ["web:3"] }));
    let next = cloud.call("RegisterTaskDefinition", definition("web"));
    assert_eq!(next["taskDefinition"]["revision"], 4);
    for unknown in ["web:9", "api", "web:x", &format!("{ARN}:task-definition/api:1")] {
        let refused = cloud.refusal("DescribeTaskDefinition", json!({ "taskDefinition": unknown }));
        assert_eq!(refused, "ClientException: Unable to describe task definition.", "{unknown}");
    }
}

#[test]
fn tags_are_described_when_asked_for() {
    let mut cloud = Cloud::new();
    let tags = json!([{ "key": "team", "value": "web" }]);
    let made = cloud.call("RegisterTaskDefinition", with(definition("web"), json!({ "tags": tags })));
    assert_eq!(made["tags"], tags);
    let plain = cloud.call("DescribeTaskDefinition", json!({ "taskDefinition": "web" }));
    assert_eq!(plain["tags"], Value::Null);
    let full = cloud.call("DescribeTaskDefinition", json!({ "taskDefinition": "web", "include": ["TAGS"] }));
    assert_eq!(full["tags"], tags);
}

#[test]
fn revisions_and_families_are_listed_by_status_in_order_and_in_pages() {
    let mut cloud = Cloud::new();
    for family in ["api", "web"] {
        for _ in 0..12 {
            cloud.call("RegisterTaskDefinition", definition(family));
        }
    }
    cloud.call("RegisterTaskDefinition", definition("web-admin"));
    cloud.call("DeregisterTaskDefinition", json!({ "taskDefinition": "web-admin:1" }));

    let (arns, pages) =
        all_pages(&mut cloud, "ListTaskDefinitions", json!({ "familyPrefix": "web" }), "taskDefinitionArns");
    let expected: Vec<String> =
        (1..=12).map(|number| format!("{ARN}:task-definition/web:{number}")).collect();
    assert_eq!((arns.iter().map(text).collect::<Vec<_>>(), pages), (expected.clone(), 6), "10 comes after 9");
    let newest = json!({ "familyPrefix": "web", "sort": "DESC", "maxResults": 3 });
    let newest = texts(&cloud.call("ListTaskDefinitions", newest)["taskDefinitionArns"]);
    assert_eq!(newest, expected.iter().rev().take(3).cloned().collect::<Vec<_>>());
    let (all, _) =
        all_pages(&mut cloud, "ListTaskDefinitions", json!({ "sort": "DESC" }), "taskDefinitionArns");
    assert_eq!(all.len(), 24);
    let inactive = cloud.call("ListTaskDefinitions", json!({ "status": "INACTIVE" }));
    assert_eq!(texts(&inactive["taskDefinitionArns"]), [format!("{ARN}:task-definition/web-admin:1")]);

    let mut families = |input| texts(&cloud.call("ListTaskDefinitionFamilies", input)["families"]);
    assert_eq!(families(json!({})), ["api", "web", "web-admin"]);
    assert_eq!(families(json!({ "status": "ACTIVE" })), ["api", "web"]);
    assert_eq!(families(json!({ "status": "INACTIVE" })), ["web-admin"]);
    assert_eq!(families(json!({ "familyPrefix": "web" })), ["web", "web-admin"]);
}

#[test]
fn deletion_takes_inactive_revisions_and_says_why_not_of_others() {
    let mut cloud = Cloud::new();
    cloud.call("RegisterTaskDefinition", definition("web"));
    cloud.call("RegisterTaskDefinition", definition("web"));
    let deregistered = cloud.call("DeregisterTaskDefinition", json!({ "taskDefinition": "web:1" }));
    assert_eq!(deregistered["taskDefinition"]["status"], "INACTIVE");
    assert!(deregistered["taskDefinition"]["deregisteredAt"].is_number());
    let reply =
        cloud.call("DeleteTaskDefinitions", json!({ "taskDefinitions": ["web:1", "web:2", "web:9"] }));
    assert_eq!(reply["taskDefinitions"][0]["status"], "DELETE_IN_PROGRESS");
    assert_eq!(reply["failures"][0]["arn"], "web:2");
    assert!(text(&reply["failures"][0]["reason"]).contains("still in ACTIVE status"));
    assert_eq!(reply["failures"][1]["reason"], "The specified task definition does not exist.");
    let refused = cloud.refusal("DeregisterTaskDefinition", json!({ "taskDefinition": "web" }));
    assert!(refused.starts_with("ClientException: Invalid revision number."), "{refused}");
    let many: Vec<String> = (0..11).map(|number| format!("web:{number}")).collect();
    let refused = cloud.refusal("DeleteTaskDefinitions", json!({ "taskDefinitions": many }));
    assert_eq!(refused, "InvalidParameterException: taskDefinitions can have at most 10 items.");
}

#[test]
fn a_definition_that_cannot_run_is_refused() {
    let container = |change: Value| {
        let base = json!({ "name": "app", "image": "app:1" });
        json!({ "containerDefinitions": [with(base, change)] })
    };
    let two = |second: Value| {
        let first = json!({ "name": "app", "image": "app:1" });
        json!({ "containerDefinitions": [first, with(json!({ "name": "init", "image": "init:1" }), second)] })
    };
    let check = |change: Value| {
        container(json!({ "healthCheck": with(json!({ "command": ["CMD", "true"] }), change) }))
    };
    for (change, text) in [
        (json!({ "family": "a b" }), "Family contains invalid characters."),
        (json!({ "containerDefinitions": [] }), "Container list cannot be empty."),
        (container(json!({ "name": "a b" })), "Container.name contains invalid characters."),
        (container(json!({ "image": "" })), "Container.image should not be null or empty."),
        (two(json!({ "name": "app" })), "Container names must be unique; app is used more than once."),
        (
            container(json!({ "essential": false })),
            "Invalid 'essential' parameter: at least one container must be essential.",
        ),
        (
            container(json!({ "memory": 64, "memoryReservation": 128 })),
            "Invalid setting for container 'app'. 'memory' must be greater than or equal to 'memoryReservation'.",
        ),
        (check(json!({ "interval": 4 })), "Container.healthCheck.interval must be between 5 and 300."),
        (check(json!({ "timeout": 61 })), "Container.healthCheck.timeout must be between 2 and 60."),
        (check(json!({ "retries": 0 })), "Container.healthCheck.retries must be between 1 and 10."),
        (
            check(json!({ "startPeriod": 301 })),
            "Container.healthCheck.startPeriod must be between 0 and 300.",
        ),
        (
            container(json!({ "dependsOn": [{ "containerName": "db", "condition": "START" }] })),
            "The container 'app' depends on 'db', which is not in the task definition.",
        ),
        (
            two(json!({ "dependsOn": [{ "containerName": "app", "condition": "SUCCESS" }] })),
            "A dependency condition of SUCCESS cannot be set on the essential container 'app'.",
        ),
        (
            two(json!({ "dependsOn": [{ "containerName": "app", "condition": "HEALTHY" }] })),
            "The container 'app' must have a health check to be depended on with HEALTHY.",
        ),
        (
            container(json!({ "dependsOn": [{ "containerName": "app", "condition": "START" }] })),
            "The containers' dependencies have a cycle.",
        ),
        (
            container(json!({ "portMappings": [{ "containerPort": 70_000 }] })),
            "Port must be between 0 and 65535.",
        ),
        (
            container(json!({ "portMappings": [{ "containerPort": 80, "hostPort": 81 }] })),
            "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
        ),
        (
            container(json!({ "portMappings": [{ "containerPort": 80 }, { "containerPort": 80 }] })),
            "Port 80 is mapped more than once.",
        ),
        (json!({ "networkMode": "bridge" }), "Fargate only supports network mode 'awsvpc'."),
        (json!({ "cpu": null }), "Fargate requires task definition to have valid 'cpu' and 'memory' values."),
        (json!({ "memory": "4096" }), "No Fargate configuration exists for given values."),
        (json!({ "cpu": "300" }), "No Fargate configuration exists for given values."),
        (json!({ "tags": [] }), "Tags can not be empty."),
    ] {
        let mut cloud = Cloud::new();
        let refused = cloud.refusal("RegisterTaskDefinition", with(definition("web"), change));
        assert_eq!(refused, format!("ClientException: {text}"));
    }
}

#[test]
fn a_container_outside_of_fargate_has_a_memory_limit_of_some_kind() {
    let mut cloud = Cloud::new();
    let bare = json!({ "family": "web", "containerDefinitions": [{ "name": "app", "image": "app:1" }] });
    let refused = cloud.refusal("RegisterTaskDefinition", bare.clone());
    assert!(
        refused.contains("At least one of 'memory' or 'memoryReservation' must be specified."),
        "{refused}"
    );
    for limit in ["memory", "memoryReservation"] {
        let mut limited = bare.clone();
        limited["containerDefinitions"][0][limit] = json!(64);
        cloud.call("RegisterTaskDefinition", limited);
    }
}

#[test]
fn fargate_takes_the_sizes_that_aws_publishes() {
    let mut cloud = Cloud::new();
    for (cpu, memory) in [
        ("256", "512"),
        (".25 vCPU", "0.5 GB"),
        ("512", "4096"),
        ("1 vCPU", "8 GB"),
        ("2048", "4096"),
        ("4096", "30720"),
        ("8192", "61440"),
        ("16384", "122880"),
    ] {
        cloud
            .call("RegisterTaskDefinition", with(definition("web"), json!({ "cpu": cpu, "memory": memory })));
    }
    for (cpu, memory) in
        [("256", "3072"), ("512", "512"), ("1024", "9216"), ("8192", "17408"), ("16384", "32769")]
    {
        let odd = with(definition("web"), json!({ "cpu": cpu, "memory": memory }));
        let refused = cloud.refusal("RegisterTaskDefinition", odd);
        assert_eq!(
            refused, "ClientException: No Fargate configuration exists for given values.",
            "{cpu}/{memory}"
        );
    }
}

#[test]
fn a_deregistered_definition_starts_nothing_new() {
    let (mut cloud, group) = super::serving();
    cloud.call("DeregisterTaskDefinition", json!({ "taskDefinition": "web:1" }));
    let inactive = "ClientException: TaskDefinition is inactive";
    let update = json!({ "cluster": "prod", "service": "web", "taskDefinition": "web:1" });
    assert_eq!(cloud.refusal("UpdateService", update), inactive);
    let another = with(super::service(&group), json!({ "serviceName": "other", "taskDefinition": "web:1" }));
    assert_eq!(cloud.refusal("CreateService", another), inactive);
    let scaled = json!({ "cluster": "prod", "service": "web", "desiredCount": 3 });
    assert_eq!(cloud.call("UpdateService", scaled)["service"]["desiredCount"], 3, "what runs goes on");
}
