//! What is there before the random calls begin, what a sensible call looks like, and which words are usual.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::{Value, json};
use tidegate_engine::ecr::manifest::{DOCKER_IMAGE, OCI_INDEX, digest_of};
use tidegate_models::{
    ServiceModel, application_autoscaling, cloudwatch, codedeploy, ec2, ecr, ecs, elbv2, iam, logs,
    secretsmanager, ssm,
};

use super::inputs::Words;
use crate::{
    cloud::{Cloud, forward, not_found_page},
    codedeploy as guide, ecr as shop, ecs as fleet,
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

    /// Operations that somebody else answers are not called.
    fn without(mut self, others: &[&str]) -> Self {
        self.operations.retain(|operation| !others.contains(&operation.as_str()));
        self
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
    let examples = BTreeMap::from([
        (
            "PutParameter",
            json!({ "Name": "/tidegate/prod/web", "Value": "1", "Type": "SecureString", "Overwrite": true }),
        ),
        (
            "AddTagsToResource",
            json!({
                "ResourceType": "Parameter", "ResourceId": "one", "Tags": [{ "Key": "a", "Value": "b" }],
            }),
        ),
        ("ListTagsForResource", json!({ "ResourceType": "Parameter", "ResourceId": "one" })),
        (
            "RemoveTagsFromResource",
            json!({
                "ResourceType": "Parameter", "ResourceId": "one", "TagKeys": ["a"],
            }),
        ),
        ("LabelParameterVersion", json!({ "Name": "one", "Labels": ["live"] })),
        ("UnlabelParameterVersion", json!({ "Name": "one", "ParameterVersion": 1, "Labels": ["live"] })),
    ]);
    let words = words(&[
        (
            &["Name", "Names", "ResourceId"],
            &[
                "/tidegate/prod/web",
                "/tidegate/prod/web:1",
                "one",
                "one:live",
                "arn:aws:ssm:eu-west-1:123456789012:parameter/tidegate/prod/web",
                "/aws/reference/secretsmanager/db",
            ],
        ),
        (&["Path"], &["/tidegate", "/", "/tidegate/prod/", "//"]),
        (&["AllowedPattern"], &["^\\d+$", "(", ""]),
        (&["Key"], &["Type", "Name", "Label", "Path", "tag:a"]),
        (&["Option"], &["Equals", "BeginsWith", "Recursive", "OneLevel", "Contains"]),
        (&["Labels"], &["live", "1st", "aws-x"]),
    ]);
    World { examples, listings: &["DescribeParameters"], ..World::new(Cloud::new(), ssm::model(), words) }
}

pub(super) fn secrets() -> World {
    let token = |n: u32| format!("00000000-0000-4000-8000-{n:012}");
    let tokens = [token(1), token(2), token(3)];
    let put = json!({ "SecretId": "db", "SecretString": "1", "ClientRequestToken": tokens[1] });
    let examples = BTreeMap::from([
        ("CreateSecret", json!({ "Name": "db", "SecretString": "1", "ClientRequestToken": tokens[0] })),
        ("PutSecretValue", put.clone()),
        ("UpdateSecret", put),
        ("GetSecretValue", json!({ "SecretId": "db" })),
        ("DescribeSecret", json!({ "SecretId": "db" })),
        ("BatchGetSecretValue", json!({ "SecretIdList": ["db"] })),
        ("DeleteSecret", json!({ "SecretId": "db", "ForceDeleteWithoutRecovery": true })),
        ("RestoreSecret", json!({ "SecretId": "db" })),
        ("TagResource", json!({ "SecretId": "db", "Tags": [{ "Key": "a", "Value": "b" }] })),
        ("UntagResource", json!({ "SecretId": "db", "TagKeys": ["a"] })),
        ("ListSecretVersionIds", json!({ "SecretId": "db" })),
        ("GetResourcePolicy", json!({ "SecretId": "db" })),
        ("DeleteResourcePolicy", json!({ "SecretId": "db" })),
        ("PutResourcePolicy", json!({ "SecretId": "db", "ResourcePolicy": POLICY })),
        ("ValidateResourcePolicy", json!({ "ResourcePolicy": POLICY })),
        (
            "UpdateSecretVersionStage",
            json!({
                "SecretId": "db", "VersionStage": "AWSCURRENT", "RemoveFromVersionId": tokens[1], "MoveToVersionId": tokens[0],
            }),
        ),
        ("GetRandomPassword", json!({ "PasswordLength": 8 })),
    ]);
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let words = words(&[
        (&["Name", "SecretId", "SecretIdList"], &["db", "app/db", "none"]),
        (&["ClientRequestToken", "VersionId", "MoveToVersionId", "RemoveFromVersionId"], &tokens),
        (&["VersionStage", "VersionStages"], &["AWSCURRENT", "AWSPREVIOUS", "AWSPENDING", "mine"]),
        (&["ResourcePolicy"], &[POLICY, "{", "[]"]),
    ]);
    World { examples, listings: &["ListSecrets"], ..World::new(Cloud::new(), secretsmanager::model(), words) }
}

const POLICY: &str = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

pub(super) fn logs() -> World {
    let arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/web";
    let group = json!({ "logGroupName": "/ecs/web" });
    let stream = json!({ "logGroupName": "/ecs/web", "logStreamName": "web/web/1" });
    let examples = BTreeMap::from([
        ("CreateLogGroup", group.clone()),
        ("DeleteLogGroup", group.clone()),
        ("CreateLogStream", stream.clone()),
        ("DeleteLogStream", stream),
        ("PutRetentionPolicy", json!({ "logGroupName": "/ecs/web", "retentionInDays": 7 })),
        ("DeleteRetentionPolicy", group.clone()),
        ("ListTagsLogGroup", group),
        ("TagLogGroup", json!({ "logGroupName": "/ecs/web", "tags": { "a": "b" } })),
        ("UntagLogGroup", json!({ "logGroupName": "/ecs/web", "tags": ["a"] })),
        ("TagResource", json!({ "resourceArn": arn, "tags": { "a": "b" } })),
        ("UntagResource", json!({ "resourceArn": arn, "tagKeys": ["a"] })),
        ("ListTagsForResource", json!({ "resourceArn": arn })),
    ]);
    let words = words(&[
        (&["logGroupName", "logGroupNamePrefix", "logGroupNamePattern"], &["/ecs/web", "/ecs/api", "/ecs"]),
        (&["logStreamName", "logStreamNamePrefix"], &["web/web/1", "web/web/2"]),
        (&["resourceArn", "logGroupIdentifier", "logGroupIdentifiers"], &[arn, "/ecs/web"]),
    ]);
    let served = ["PutLogEvents", "GetLogEvents", "FilterLogEvents", "DescribeLogStreams"];
    World {
        examples,
        listings: &["DescribeLogGroups"],
        ..World::new(Cloud::new(), logs::model(), words).without(&served)
    }
}

/// EC2's networks.
pub(super) fn networks() -> World {
    let mut cloud = Cloud::new();
    let made = cloud.at("ec2", |cloud| {
        let vpc = cloud.call("CreateVpc", json!({ "CidrBlock": "10.0.0.0/16" }))["Vpc"]["VpcId"].clone();
        let subnet = cloud.call("CreateSubnet", json!({ "VpcId": vpc, "CidrBlock": "10.0.0.0/24" }));
        let group = json!({ "VpcId": vpc, "GroupName": "web", "Description": "web" });
        let group = cloud.call("CreateSecurityGroup", group)["GroupId"].clone();
        let gateway = cloud.call("CreateInternetGateway", json!({}))["InternetGateway"].clone();
        let address = cloud.call("AllocateAddress", json!({}))["AllocationId"].clone();
        let table = cloud.call("CreateRouteTable", json!({ "VpcId": vpc }))["RouteTable"].clone();
        (
            vpc,
            subnet["Subnet"]["SubnetId"].clone(),
            group,
            gateway["InternetGatewayId"].clone(),
            address,
            table,
        )
    });
    let (vpc, subnet, group, gateway, address, table) = made;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let permission = json!({
        "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{ "CidrIp": "10.0.0.0/8" }],
    });
    let rules = json!({ "GroupId": group, "IpPermissions": [permission] });
    let default = json!({ "RouteTableId": table["RouteTableId"], "DestinationCidrBlock": "0.0.0.0/0" });
    let mut route = default.clone();
    route["GatewayId"] = gateway.clone();
    let tags = json!({ "Resources": [vpc], "Tags": [{ "Key": "a", "Value": "1" }] });
    let examples = BTreeMap::from([
        ("CreateVpc", json!({ "CidrBlock": "10.1.0.0/16" })),
        ("CreateSubnet", json!({ "VpcId": vpc, "CidrBlock": "10.0.1.0/24" })),
        ("CreateSecurityGroup", json!({ "VpcId": vpc, "GroupName": "other", "Description": "other" })),
        ("AuthorizeSecurityGroupIngress", rules.clone()),
        ("AuthorizeSecurityGroupEgress", rules.clone()),
        ("RevokeSecurityGroupIngress", rules.clone()),
        ("RevokeSecurityGroupEgress", rules.clone()),
        ("UpdateSecurityGroupRuleDescriptionsIngress", rules.clone()),
        ("UpdateSecurityGroupRuleDescriptionsEgress", rules),
        ("AttachInternetGateway", json!({ "VpcId": vpc, "InternetGatewayId": gateway })),
        ("DetachInternetGateway", json!({ "VpcId": vpc, "InternetGatewayId": gateway })),
        ("CreateRoute", route.clone()),
        ("ReplaceRoute", route),
        ("DeleteRoute", default),
        ("CreateNatGateway", json!({ "SubnetId": subnet, "AllocationId": address })),
        ("AssociateRouteTable", json!({ "SubnetId": subnet, "RouteTableId": table["RouteTableId"] })),
        ("ModifyVpcAttribute", json!({ "VpcId": vpc, "EnableDnsHostnames": { "Value": true } })),
        ("ModifySubnetAttribute", json!({ "SubnetId": subnet, "MapPublicIpOnLaunch": { "Value": true } })),
        ("CreateTags", tags.clone()),
        ("DeleteTags", tags),
    ]);
    let words = words(&[
        (&["VpcId", "VpcIds"], &[text(&vpc).as_str(), "vpc-0"]),
        (
            &["CidrBlock", "CidrIp", "CidrIpv4", "DestinationCidrBlock"],
            &["10.0.2.0/24", "10.1.0.0/16", "0.0.0.0/0", "x"],
        ),
        (&["GroupId", "GroupIds", "ReferencedGroupId"], &[text(&group).as_str(), "sg-0"]),
        (&["GroupName", "GroupNames"], &["default", "web", "none"]),
        (&["IpProtocol"], &["tcp", "-1", "6", "smoke"]),
        (&["SubnetId", "SubnetIds"], &[text(&subnet).as_str(), "subnet-0"]),
        (&["InternetGatewayId", "GatewayId"], &[text(&gateway).as_str(), "igw-0"]),
        (&["RouteTableId"], &[text(&table["RouteTableId"]).as_str(), "rtb-0"]),
        (&["AllocationId"], &[text(&address).as_str(), "eipalloc-0"]),
        (&["AvailabilityZone", "ZoneNames"], &["eu-west-1a", "eu-west-1z"]),
        (&["RegionNames"], &["eu-west-1", "moon-1"]),
        (&["Resources"], &[text(&vpc).as_str(), "x"]),
        (&["Name"], &["vpc-id", "tag:a", "tag-key", "key", "zone-name", "moon"]),
    ]);
    let listings: &[_] = &[
        "DescribeVpcs",
        "DescribeSubnets",
        "DescribeSecurityGroups",
        "DescribeSecurityGroupRules",
        "DescribeInternetGateways",
        "DescribeRouteTables",
        "DescribeNatGateways",
        "DescribeAddresses",
        "DescribeTags",
    ];
    // Nothing here has an association that a call may end.
    let rare: &[_] = &["DisassociateAddress"];
    World { examples, rare, listings, ..World::new(cloud, ec2::model(), words) }
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

/// Uploads are not here: they are answered by whoever keeps the bytes.
pub(super) fn images() -> World {
    let mut cloud = shop::with_shop();
    for layer in ["config", "one", "two"] {
        shop::keep(&mut cloud, "shop", layer);
    }
    let (one, two) = (shop::manifest_of(&["config", "one"]), shop::manifest_of(&["config", "two"]));
    let digests = [one.as_str(), two.as_str()].map(|text| digest_of(text.as_bytes()));
    let index = shop::index_of(&[&digests[0]]);
    let policy = json!({ "rules": [{
        "rulePriority": 1, "action": { "type": "expire" },
        "selection": { "tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1 },
    }] });
    let policy = policy.to_string();
    let of_shop = |more: Value| fleet::with(json!({ "repositoryName": "shop" }), more);
    let tagged = || of_shop(json!({ "imageIds": [{ "imageTag": "v1" }] }));
    let scanned = || of_shop(json!({ "imageId": { "imageTag": "v1" } }));
    let arn = shop::arn("shop");
    let layer = shop::layer("one");
    let examples = BTreeMap::from([
        ("CreateRepository", json!({ "repositoryName": "other" })),
        ("DeleteRepository", json!({ "repositoryName": "other", "force": true })),
        ("DescribeRepositories", json!({})),
        ("DescribeImages", tagged()),
        ("ListImages", of_shop(json!({}))),
        ("BatchGetImage", tagged()),
        ("BatchDeleteImage", tagged()),
        ("PutImage", of_shop(json!({ "imageManifest": one, "imageTag": "v1" }))),
        ("PutImageTagMutability", of_shop(json!({ "imageTagMutability": "MUTABLE" }))),
        (
            "PutImageScanningConfiguration",
            of_shop(json!({ "imageScanningConfiguration": { "scanOnPush": true } })),
        ),
        ("PutLifecyclePolicy", of_shop(json!({ "lifecyclePolicyText": policy }))),
        ("GetLifecyclePolicy", of_shop(json!({}))),
        ("DeleteLifecyclePolicy", of_shop(json!({}))),
        ("StartLifecyclePolicyPreview", of_shop(json!({}))),
        ("GetLifecyclePolicyPreview", of_shop(json!({}))),
        ("SetRepositoryPolicy", of_shop(json!({ "policyText": POLICY }))),
        ("GetRepositoryPolicy", of_shop(json!({}))),
        ("DeleteRepositoryPolicy", of_shop(json!({}))),
        ("BatchCheckLayerAvailability", of_shop(json!({ "layerDigests": [layer] }))),
        ("GetDownloadUrlForLayer", of_shop(json!({ "layerDigest": layer }))),
        ("StartImageScan", scanned()),
        ("DescribeImageScanFindings", scanned()),
        ("TagResource", json!({ "resourceArn": arn, "tags": [{ "Key": "a", "Value": "b" }] })),
        ("UntagResource", json!({ "resourceArn": arn, "tagKeys": ["a"] })),
        ("ListTagsForResource", json!({ "resourceArn": arn })),
    ]);
    let digests = [digests[0].as_str(), digests[1].as_str(), "sha256:0"];
    let words = words(&[
        (&["repositoryName", "repositoryNames"], &["shop", "shop", "other"]),
        (&["registryId", "registryIds"], &["123456789012"]),
        (&["imageTag"], &["v1", "v2", "-"]),
        (&["imageDigest"], &digests),
        (&["layerDigest", "layerDigests"], &[&layer, &shop::layer("two"), "sha256:0"]),
        (&["imageManifest"], &[&one, &two, &index, "{}"]),
        (&["imageManifestMediaType", "acceptedMediaTypes"], &[DOCKER_IMAGE, OCI_INDEX]),
        (&["lifecyclePolicyText"], &[&policy, "{}"]),
        (&["policyText"], &[POLICY, "{"]),
        (&["resourceArn"], &[&arn, &shop::arn("other")]),
    ]);
    let listings = &["DescribeRepositories", "DescribeRegistry"];
    let world = World { examples, listings, ..World::new(cloud, ecr::model(), words) };
    world.without(&["InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload"])
}
