//! Clusters, task definitions, services, tasks, deployments, tags and settings.

mod capacity_providers;
mod clusters;
mod deployments;
mod secrets;
mod services;
mod settings;
mod tags;
mod task_definitions;
mod task_sets;
mod tasks;

use serde_json::{Value, json};

use crate::cloud::{Cloud, forward, text};

/// The members of `base`, with those of `change` in their place; `null` takes one away.
pub(crate) fn with(mut base: Value, change: Value) -> Value {
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::Null => drop(base.as_object_mut().unwrap().remove(name)),
            value => base[name] = value.clone(),
        }
    }
    base
}

/// A task definition that Fargate takes: one container with one port.
pub(crate) fn definition(family: &str) -> Value {
    json!({
        "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
        "memory": "512",
        "containerDefinitions": [
            { "name": "app", "image": "app:1", "portMappings": [{ "containerPort": 8080 }] },
        ],
    })
}

/// A service of it behind `group`.
pub(crate) fn service(group: &str) -> Value {
    json!({
        "cluster": "prod", "serviceName": "web", "taskDefinition": "web", "desiredCount": 2, "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
        "loadBalancers": [{ "targetGroupArn": group, "containerName": "app", "containerPort": 8080 }],
    })
}

/// A cloud with the cluster `prod`, revision `web:1` and a target group behind a listener; answers the group's ARN.
pub(crate) fn ready() -> (Cloud, String) {
    let mut cloud = Cloud::new();
    cloud.call("CreateCluster", json!({ "clusterName": "prod" }));
    cloud.call("RegisterTaskDefinition", definition("web"));
    let group = cloud.target_group("web");
    let load_balancer = cloud.load_balancer("web");
    cloud.listener(&load_balancer, 80, forward(&group));
    (cloud, group)
}

/// [`ready`], with the service `web` of two tasks.
pub(crate) fn serving() -> (Cloud, String) {
    let (mut cloud, group) = ready();
    cloud.call("CreateService", service(&group));
    (cloud, group)
}

/// The texts of a list.
fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(text).collect()
}

/// Every item of a list that is answered in pages of two, and how many pages it took.
fn all_pages(cloud: &mut Cloud, operation: &str, input: Value, member: &str) -> (Vec<Value>, usize) {
    let (mut items, mut pages) = (Vec::new(), 0);
    let mut token = Value::Null;
    loop {
        let asked = with(input.clone(), json!({ "maxResults": 2, "nextToken": token }));
        let reply = cloud.call(operation, asked);
        pages += 1;
        let page = reply[member].as_array().unwrap();
        assert!(page.len() <= 2, "{operation} answers more than was asked for");
        items.extend(page.iter().cloned());
        token = reply["nextToken"].clone();
        if token.is_null() {
            return (items, pages);
        }
    }
}

pub(crate) const ARN: &str = "arn:aws:ecs:eu-west-1:123456789012";
