//! What a cloud still has of everything that the example makes.

use serde_json::{Value, json};

use crate::api;

/// Queries whose answers are empty when nothing is left: signing name, API version, operation, parameters.
const QUERIES: &[(&str, &str, &str, &str)] = &[
    ("ec2", "2016-11-15", "DescribeVpcs", ""),
    ("ec2", "2016-11-15", "DescribeSubnets", ""),
    ("ec2", "2016-11-15", "DescribeSecurityGroups", ""),
    ("ec2", "2016-11-15", "DescribeSecurityGroupRules", ""),
    ("ec2", "2016-11-15", "DescribeInternetGateways", ""),
    ("ec2", "2016-11-15", "DescribeRouteTables", ""),
    ("ec2", "2016-11-15", "DescribeTags", ""),
    ("elasticloadbalancing", "2015-12-01", "DescribeLoadBalancers", ""),
    ("elasticloadbalancing", "2015-12-01", "DescribeTargetGroups", ""),
    ("iam", "2010-05-08", "ListPolicies", "Scope=Local"),
    (
        "monitoring",
        "2010-08-01",
        "DescribeAlarms",
        "AlarmTypes.member.1=MetricAlarm&AlarmTypes.member.2=CompositeAlarm",
    ),
];

/// Calls whose answers hold empty lists alone when nothing is left: signing name, target, operation.
const CALLS: &[(&str, &str, &str)] = &[
    ("ecs", "AmazonEC2ContainerServiceV20141113", "ListClusters"),
    ("ecs", "AmazonEC2ContainerServiceV20141113", "ListTaskDefinitions"),
    ("codedeploy", "CodeDeploy_20141006", "ListApplications"),
    ("logs", "Logs_20140328", "DescribeLogGroups"),
    ("ecr", "AmazonEC2ContainerRegistry_V20150921", "DescribeRepositories"),
    ("secretsmanager", "secretsmanager", "ListSecrets"),
    ("ssm", "AmazonSSM", "DescribeParameters"),
];

/// The operations whose answers show something.
pub(super) fn over(endpoint: &str) -> Vec<String> {
    let mut left = Vec::new();
    for (service, version, operation, parameters) in QUERIES {
        let answer = api::query(endpoint, service, version, operation, parameters).unwrap();
        if answer.0 != 200 || ["<item>", "<member>"].iter().any(|entry| answer.1.contains(entry)) {
            left.push(format!("{service} {operation}: {}", answer.1));
        }
    }
    for (service, target, operation) in CALLS {
        let answer = api::json(endpoint, service, target, operation, &json!({})).unwrap();
        let body: Value = serde_json::from_str(&answer.1).unwrap();
        let lists = body.as_object().into_iter().flat_map(|members| members.values());
        if answer.0 != 200 || lists.filter_map(Value::as_array).any(|list| !list.is_empty()) {
            left.push(format!("{service} {operation}: {}", answer.1));
        }
    }
    // The role that Application Auto Scaling makes for itself stays, as in AWS.
    let (status, body) = api::query(endpoint, "iam", "2010-05-08", "ListRoles", "").unwrap();
    let mut roles = body.split("<Arn>").skip(1);
    if status != 200 || roles.any(|role| !role.contains(":role/aws-service-role/")) {
        left.push(format!("iam ListRoles: {body}"));
    }
    let input = json!({"ServiceNamespace": "ecs"});
    let target = "AnyScaleFrontendService";
    let (status, body) =
        api::json(endpoint, "application-autoscaling", target, "DescribeScalableTargets", &input).unwrap();
    if status != 200 || body.contains("ResourceId") {
        left.push(format!("application-autoscaling DescribeScalableTargets: {body}"));
    }
    left
}
