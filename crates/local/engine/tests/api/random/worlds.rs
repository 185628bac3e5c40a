//! What is there before the random calls begin, what a sensible call looks like, and which words are usual.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::{Value, json};
use tidegate_models::{ServiceModel, application_autoscaling, cloudwatch, codedeploy, ecs, elbv2, iam, ssm};

use super::inputs::Words;
use crate::{
    cloud::{Cloud, forward, not_found_page},
    codedeploy as guide, ecs as fleet,
};

/// A cloud with something in it.
pub(super) struct World {
    pub(super) cloud: Cloud,
    pub(super) model: &'static ServiceModel,
    /// The operations that are called.
    pub(super) operations: Vec<String>,
    /// Calls that were accepted at the start.
    pub(super) examples: BTreeMap<&'static str, Value>,
    pub(super) words: Words,
    /// Operations that only worlds of their own accept.
    pub(super) rare: &'static [&'static str],
    /// Calls without arguments that show what is there.
    pub(super) listings: &'static [&'static str],
}

impl World {
    fn new(cloud: Cloud, model: &'static ServiceModel, words: Words) -> Self {
        let mut operations: Vec<String> =
            model.operations().map(|operation| operation.name.clone()).collect();
        operations.sort_unstable();
        Self { cloud, model, operations, examples: BTreeMap::new(), words, rare: &[], listings: &[] }
    }

    /// The operation of the next call. What deletes comes less often, so that something is there.
    pub(super) fn draw(&self, rng: &mut Rng) -> String {
        let mut one = || &self.operations[rng.usize(..self.operations.len())];
        let mut drawn = one();
        if drawn.starts_with("De") && !drawn.starts_with("Describe") {
            drawn = one();
        }
        drawn.clone()
    }

    /// The operations of which some call must have been accepted.
    pub(super) fn told(self) -> impl Iterator<Item = String> {
        self.operations.into_iter().filter(move |operation| !self.rare.contains(&operation.as_str()))
    }
}

fn words(usual: &[(&'static [&'static str], &[&str])]) -> Words {
    usual.iter().map(|(names, words)| (*names, words.iter().map(|&word| word.to_owned()).collect())).collect()
}

fn of_ecs(group: &str) -> Words {
    let service = format!("{}:service/prod/web", fleet::ARN);
    words(&[
        (&["cluster", "clusterName", "clusters"], &["prod", "other"]),
        (&["service", "serviceName", "services"], &["web", "api", &service]),
        (&["taskDefinition", "family", "taskDefinitions", "familyPrefix"], &["web", "web:1", "api"]),
        (&["targetGroupArn"], &[group]),
        (&["containerName", "name"], &["app", "init"]),
        (&["resourceArn"], &[&service]),
        (&["networkMode"], &["awsvpc"]),
        (&["cpu"], &["256", "512"]),
        (&["memory"], &["512", "1024"]),
        (&["image"], &["app:1", "app@sha256:0000"]),
    ])
}

pub(super) fn ecs() -> World {
    let (cloud, group) = fleet::serving();
    let examples = BTreeMap::from([
        ("CreateService", fleet::service(&group)),
        ("RegisterTaskDefinition", fleet::definition("web")),
        ("UpdateService", json!({ "cluster": "prod", "service": "web", "desiredCount": 2 })),
        ("DeleteService", json!({ "cluster": "prod", "service": "web", "force": true })),
    ]);
    let listings = &["ListClusters", "DescribeClusters", "ListTaskDefinitions", "ListTaskDefinitionFamilies"];
    let rare = &[
        "ContinueServiceDeployment",
        "CreateTaskSet",
        "DeleteTaskSet",
        "DescribeTaskSets",
        "UpdateServicePrimaryTaskSet",
        "UpdateTaskSet",
    ];
    World { examples, rare, listings, ..World::new(cloud, ecs::model(), of_ecs(&group)) }
}

/// Services whose deployments are CodeDeploy's, and somebody else's.
pub(super) fn task_sets() -> World {
    let (mut cloud, group) = fleet::ready();
    let under = |name: &str, controller: &str| {
        let change =
            json!({ "serviceName": name, "deploymentController": { "type": controller }, "desiredCount": 1 });
        fleet::with(fleet::service(&group), change)
    };
    cloud.call("CreateService", under("api", "CODE_DEPLOY"));
    let bare = json!({ "taskDefinition": null, "launchType": null, "networkConfiguration": null, "loadBalancers": null });
    let external = fleet::with(under("web", "EXTERNAL"), bare);
    cloud.call("CreateService", external.clone());
    let task_set = json!({
        "cluster": "prod", "service": "web", "taskDefinition": "web", "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
        "scale": { "value": 50.0, "unit": "PERCENT" },
    });
    let examples = BTreeMap::from([
        ("CreateService", external),
        ("CreateTaskSet", task_set),
        ("UpdateService", json!({ "cluster": "prod", "service": "api", "desiredCount": 2 })),
        ("DescribeTaskSets", json!({ "cluster": "prod", "service": "web" })),
    ]);
    let mut world =
        World { examples, listings: &["ListClusters"], ..World::new(cloud, ecs::model(), of_ecs(&group)) };
    world.operations.retain(|operation| {
        operation.contains("TaskSet") || operation.ends_with("Service") || operation == "DescribeServices"
    });
    world
}

pub(super) fn load_balancing() -> World {
    let mut cloud = Cloud::new();
    let (blue, green) = (cloud.target_group("blue"), cloud.target_group("green"));
    let load_balancer = cloud.load_balancer("front");
    let listener = cloud.listener(&load_balancer, 80, forward(&blue));
    let rule = cloud.rule(&listener, 1, not_found_page());
    let examples = BTreeMap::from([
        ("CreateLoadBalancer", json!({ "Name": "other", "Subnets": ["subnet-1", "subnet-2"] })),
        (
            "CreateListener",
            json!({
                "LoadBalancerArn": load_balancer, "Protocol": "HTTP", "Port": 81, "DefaultActions": [forward(&blue)],
            }),
        ),
        (
            "CreateRule",
            json!({
                "ListenerArn": listener, "Priority": 2, "Actions": [forward(&green)],
                "Conditions": [{ "Field": "path-pattern", "Values": ["/2"] }],
            }),
        ),
        ("ModifyRule", json!({ "RuleArn": rule, "Actions": [not_found_page()] })),
        (
            "CreateTargetGroup",
            json!({
                "Name": "more", "Protocol": "HTTP", "Port": 8080, "VpcId": "vpc-1", "TargetType": "ip",
            }),
        ),
        (
            "RegisterTargets",
            json!({ "TargetGroupArn": blue, "Targets": [{ "Id": "127.0.0.1", "Port": 8001 }] }),
        ),
    ]);
    let words = words(&[
        (&["TargetGroupArn", "TargetGroupArns"], &[&blue, &green]),
        (&["LoadBalancerArn", "LoadBalancerArns"], &[&load_balancer]),
        (&["ListenerArn", "ListenerArns"], &[&listener]),
        (&["RuleArn", "RuleArns"], &[&rule]),
        (&["ResourceArn", "ResourceArns"], &[&rule, &blue]),
        (&["Field"], &["path-pattern", "host-header", "http-header"]),
        (&["Name", "Names"], &["blue", "front"]),
        (&["Id"], &["127.0.0.1", "10.0.0.1"]),
        (&["HttpCode"], &["200", "200-299"]),
    ]);
    let listings = &["DescribeLoadBalancers", "DescribeTargetGroups"];
    World { examples, listings, ..World::new(cloud, elbv2::model(), words) }
}

pub(super) fn code_deploy() -> World {
    let mut stage = guide::with_application();
    let alarm = json!({
        "AlarmName": "errors", "Namespace": "App", "MetricName": "Errors", "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold",
    });
    stage.cloud.at("monitoring", |cloud| cloud.call("PutMetricAlarm", alarm));
    let with_hook = guide::with(guide::app_spec(3), "/Hooks", json!([{ "BeforeAllowTraffic": "check" }]));
    let (plain, hooked) = (guide::app_spec(2).to_string(), with_hook.to_string());
    let wait = "/blueGreenDeploymentConfiguration/terminateBlueInstancesOnDeploymentSuccess";
    let wait = format!("{wait}/terminationWaitTimeInMinutes");
    let group = guide::with(guide::group(&stage), &wait, json!(60));
    stage.cloud.at("codedeploy", |cloud| cloud.call("CreateDeploymentGroup", group.clone()));
    let update = guide::with(group.clone(), "/deploymentGroupName", Value::Null);
    let update = guide::with(update, "/currentDeploymentGroupName", json!("app-dg"));
    let deployment = guide::deployment(&guide::app_spec(2));
    let revision = json!({ "applicationName": "app-deploy", "revision": deployment["revision"] });
    let config = json!({
        "deploymentConfigName": "half", "computePlatform": "ECS",
        "trafficRoutingConfig": {
            "type": "TimeBasedLinear", "timeBasedLinear": { "linearPercentage": 50, "linearInterval": 1 },
        },
    });
    let examples = BTreeMap::from([
        ("CreateApplication", json!({ "applicationName": "app-deploy", "computePlatform": "ECS" })),
        ("CreateDeploymentGroup", group),
        ("UpdateDeploymentGroup", update),
        ("CreateDeployment", deployment),
        ("RegisterApplicationRevision", revision.clone()),
        ("GetApplicationRevision", revision),
        ("CreateDeploymentConfig", config),
    ]);
    let words = words(&[
        (&["applicationName", "applicationNames"], &["app-deploy", "other"]),
        (&["deploymentGroupName", "deploymentGroupNames", "currentDeploymentGroupName"], &["app-dg"]),
        (
            &["deploymentConfigName"],
            &["CodeDeployDefault.ECSAllAtOnce", "CodeDeployDefault.ECSLinear10PercentEvery1Minutes", "half"],
        ),
        (&["content"], &[&plain, &hooked, &hooked, &hooked, "{}", "version: 0.0"]),
        (&["targetId", "targetIds"], &["prod:app"]),
        (
            &["ResourceArn"],
            &[
                "arn:aws:codedeploy:eu-west-1:123456789012:application:app-deploy",
                "arn:aws:codedeploy:eu-west-1:123456789012:deploymentgroup:app-deploy/app-dg",
                "arn:aws:codedeploy:eu-west-1:123456789012:application:a b",
            ],
        ),
        (&["serviceName"], &["app"]),
        (&["clusterName"], &["prod"]),
        (&["serviceRoleArn"], &["arn:aws:iam::123456789012:role/codedeploy"]),
        (&["listenerArns"], &[&stage.production, &stage.test]),
        (&["name"], &["app-blue", "app-green", "errors"]),
    ]);
    let listings = &["ListApplications", "ListDeployments", "ListDeploymentConfigs"];
    // Needs the two ids of one call of a hook within its hour.
    let rare = &["PutLifecycleEventHookExecutionStatus"];
    World { examples, rare, listings, ..World::new(stage.cloud, codedeploy::model(), words) }
}

pub(super) fn alarms() -> World {
    let metrics = json!([
        {
            "Id": "e", "ReturnData": false,
            "MetricStat": { "Metric": { "Namespace": "App", "MetricName": "Errors" }, "Period": 60, "Stat": "Sum" },
        },
        { "Id": "rate", "Expression": "e / 2", "ReturnData": true },
    ]);
    let examples = BTreeMap::from([
        (
            "PutMetricAlarm",
            json!({
                "AlarmName": "errors", "Namespace": "App", "MetricName": "Errors", "Statistic": "Sum", "Period": 60,
                "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold",
            }),
        ),
        ("PutCompositeAlarm", json!({ "AlarmName": "all", "AlarmRule": "ALARM(errors)" })),
        (
            "PutMetricData",
            json!({
                "Namespace": "App", "MetricData": [{ "MetricName": "Errors", "Value": 2.0, "Unit": "Count" }],
            }),
        ),
        (
            "GetMetricData",
            json!({ "MetricDataQueries": metrics, "StartTime": 1_789_999_400.0, "EndTime": 1_790_000_600.0 }),
        ),
        (
            "GetMetricStatistics",
            json!({
                "Namespace": "App", "MetricName": "Errors", "StartTime": 1_789_999_400.0, "EndTime": 1_790_000_600.0,
                "Period": 60, "Statistics": ["Sum"],
            }),
        ),
        ("SetAlarmState", json!({ "AlarmName": "errors", "StateValue": "ALARM", "StateReason": "by hand" })),
    ]);
    let words = words(&[
        (
            &["AlarmName", "AlarmNames", "AlarmNamePrefix", "ChildrenOfAlarmName", "ParentsOfAlarmName"],
            &["errors", "all", "rate"],
        ),
        (
            &["AlarmRule"],
            &[
                "ALARM(errors)",
                "NOT OK(all) OR ALARM(\"rate\")",
                "TRUE",
                "ALARM(all)",
                "((",
                "ALARM(errors) AND",
            ],
        ),
        (
            &["Expression"],
            &[
                "e / 2",
                "e + rate",
                "SUM(METRICS())",
                "1/0",
                "RATE(e)",
                "FILL(e, 0)",
                "((",
                "e +",
                "IF(e > 1, 1, 0)",
            ],
        ),
        (&["Id"], &["e", "rate", "r"]),
        (&["Namespace"], &["App", "AWS/ECS"]),
        (&["MetricName"], &["Errors", "Requests"]),
        (
            &["Stat", "ExtendedStatistic", "ExtendedStatistics"],
            &["Sum", "p99", "p99.9", "Average", "tm(10%:90%)", "p101"],
        ),
        (&["ResourceARN"], &["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors"]),
        (&["TreatMissingData"], &["missing", "breaching", "notBreaching", "ignore"]),
        (&["StateReasonData"], &["{}", "{\"a\": 1}", "no JSON"]),
    ]);
    let listings = &["DescribeAlarms", "ListMetrics", "DescribeAlarmHistory"];
    World { examples, listings, ..World::new(Cloud::new(), cloudwatch::model(), words) }
}

pub(super) fn parameters() -> World {
    let examples = BTreeMap::from([(
        "PutParameter",
        json!({ "Name": "/tidegate/prod/web", "Value": "1", "Type": "String", "Overwrite": true }),
    )]);
    let words = words(&[
        (
            &["Name", "Names"],
            &[
                "/tidegate/prod/web",
                "/tidegate/prod/web:1",
                "one",
                "arn:aws:ssm:eu-west-1:123456789012:parameter/tidegate/prod/web",
            ],
        ),
        (&["Path"], &["/tidegate", "/", "/tidegate/prod/", "//"]),
        (&["AllowedPattern"], &["^\\d+$", "(", ""]),
        (&["Key"], &["Type", "Name"]),
        (&["Option"], &["Equals", "BeginsWith"]),
    ]);
    World { examples, ..World::new(Cloud::new(), ssm::model(), words) }
}

pub(super) fn identities() -> World {
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}"#;
    let read = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    let policy = "arn:aws:iam::123456789012:policy/read";
    let provider = "arn:aws:iam::123456789012:oidc-provider/a.example";
    let examples = BTreeMap::from([
        ("CreateRole", json!({ "RoleName": "web", "AssumeRolePolicyDocument": trust })),
        ("CreatePolicy", json!({ "PolicyName": "read", "PolicyDocument": read })),
        ("CreatePolicyVersion", json!({ "PolicyArn": policy, "PolicyDocument": read })),
        ("PutRolePolicy", json!({ "RoleName": "web", "PolicyName": "p", "PolicyDocument": read })),
        ("UpdateAssumeRolePolicy", json!({ "RoleName": "web", "PolicyDocument": trust })),
        ("CreateOpenIDConnectProvider", json!({ "Url": "https://a.example" })),
        ("CreateServiceLinkedRole", json!({ "AWSServiceName": "ecs.amazonaws.com" })),
        ("CreateInstanceProfile", json!({ "InstanceProfileName": "web" })),
    ]);
    let words = words(&[
        (&["RoleName"], &["web", "WEB", "AWSServiceRoleForECS"]),
        (&["InstanceProfileName"], &["web", "other"]),
        (&["PolicyName"], &["read", "p"]),
        (
            &["PolicyArn", "PermissionsBoundary"],
            &[
                policy,
                "arn:aws:iam::123456789012:policy/p",
                "arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess",
                "arn:aws:iam::aws:policy/None",
            ],
        ),
        (&["PolicyDocument", "AssumeRolePolicyDocument"], &[trust, read, "{"]),
        (&["VersionId"], &["v1", "v2", "v9"]),
        (&["OpenIDConnectProviderArn"], &[provider]),
        (&["ClientID"], &["sts.amazonaws.com"]),
        (&["AWSServiceName"], &["ecs.amazonaws.com", "none.amazonaws.com"]),
        (
            &["DeletionTaskId"],
            &[
                "task/aws-service-role/elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing/1",
            ],
        ),
        (&["Path", "PathPrefix"], &["/", "/apps/"]),
        (&["Key", "TagKeys"], &["a", "A", "aws:x"]),
    ]);
    let listings = &["ListRoles", "ListPolicies", "ListInstanceProfiles", "ListOpenIDConnectProviders"];
    World { examples, listings, ..World::new(Cloud::new(), iam::model(), words) }
}

pub(super) fn scaling() -> World {
    let (mut cloud, _) = fleet::serving();
    let of = |more: Value| {
        let target = json!({
            "ServiceNamespace": "ecs", "ResourceId": "service/prod/web",
            "ScalableDimension": "ecs:service:DesiredCount",
        });
        fleet::with(target, more)
    };
    let target = of(json!({ "MinCapacity": 1, "MaxCapacity": 4 }));
    let target = cloud.at("application-autoscaling", |cloud| cloud.call("RegisterScalableTarget", target));
    let arn = target["ScalableTargetARN"].as_str().unwrap().to_owned();
    let examples = BTreeMap::from([
        ("RegisterScalableTarget", of(json!({ "MinCapacity": 1, "MaxCapacity": 4 }))),
        ("DeregisterScalableTarget", of(json!({}))),
        ("DescribeScalableTargets", of(json!({ "ResourceId": null }))),
        ("DescribeScalingActivities", of(json!({}))),
        ("DescribeScalingPolicies", of(json!({}))),
        ("DescribeScheduledActions", of(json!({}))),
        (
            "PutScalingPolicy",
            of(json!({
                "PolicyName": "cpu", "PolicyType": "TargetTrackingScaling",
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": 50.0,
                    "PredefinedMetricSpecification": { "PredefinedMetricType": "ECSServiceAverageCPUUtilization" },
                },
            })),
        ),
        ("DeleteScalingPolicy", of(json!({ "PolicyName": "cpu" }))),
        (
            "PutScheduledAction",
            of(json!({
                "ScheduledActionName": "peak", "Schedule": "rate(1 minute)",
                "ScalableTargetAction": { "MinCapacity": 2 },
            })),
        ),
        ("DeleteScheduledAction", of(json!({ "ScheduledActionName": "peak" }))),
    ]);
    let words = words(&[
        (&["ResourceId", "ResourceIds"], &["service/prod/web", "service/prod/web", "service/prod/none"]),
        (&["PolicyName", "PolicyNames"], &["cpu", "steps"]),
        (&["ScheduledActionName", "ScheduledActionNames"], &["peak"]),
        (&["Schedule"], &["rate(1 minute)", "cron(0/5 * * * ? *)", "at(2027-01-01T00:00:00)", "cron(0)"]),
        (&["Timezone"], &["UTC", "Europe/Berlin"]),
        (&["ResourceARN"], &[&arn]),
        (&["ResourceLabel"], &["app/a/1/targetgroup/b/2"]),
    ]);
    World { examples, ..World::new(cloud, application_autoscaling::model(), words) }
}
