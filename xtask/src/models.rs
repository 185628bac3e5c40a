//! Derives `crates/models` from botocore's service models.
//!
//! It keeps what the local cloud implements and drops all prose. It never edits by hand what it can derive. To add an
//! operation, add its name to [`SERVICES`] and run the task again.

pub(crate) mod rust;

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fs,
    io::Read,
    path::Path,
    process::Command,
};

use serde_json::{Map, Value, json};

/// A service to derive: module name, folder in botocore's data, implemented operations.
struct Service {
    module: &'static str,
    folder: &'static str,
    operations: &'static [&'static str],
}

const SERVICES: &[Service] = &[
    Service {
        module: "ecs",
        folder: "ecs/2014-11-13",
        operations: &[
            "ContinueServiceDeployment",
            "CreateCapacityProvider",
            "CreateCluster",
            "CreateService",
            "CreateTaskSet",
            "DeleteAccountSetting",
            "DeleteCapacityProvider",
            "DeleteCluster",
            "DeleteService",
            "DeleteTaskDefinitions",
            "DeleteTaskSet",
            "DeregisterTaskDefinition",
            "DescribeCapacityProviders",
            "DescribeClusters",
            "DescribeServiceDeployments",
            "DescribeServiceRevisions",
            "DescribeServices",
            "DescribeTaskDefinition",
            "DescribeTaskSets",
            "DescribeTasks",
            "ListAccountSettings",
            "ListClusters",
            "ListServiceDeployments",
            "ListServices",
            "ListTagsForResource",
            "ListTaskDefinitionFamilies",
            "ListTaskDefinitions",
            "ListTasks",
            "PutAccountSetting",
            "PutAccountSettingDefault",
            "PutClusterCapacityProviders",
            "RegisterTaskDefinition",
            "RunTask",
            "StopServiceDeployment",
            "StopTask",
            "TagResource",
            "UntagResource",
            "UpdateCapacityProvider",
            "UpdateCluster",
            "UpdateClusterSettings",
            "UpdateService",
            "UpdateServicePrimaryTaskSet",
            "UpdateTaskSet",
        ],
    },
    Service {
        module: "elbv2",
        folder: "elbv2/2015-12-01",
        operations: &[
            "AddTags",
            "CreateListener",
            "CreateLoadBalancer",
            "CreateRule",
            "CreateTargetGroup",
            "DeleteListener",
            "DeleteLoadBalancer",
            "DeleteRule",
            "DeleteTargetGroup",
            "DeregisterTargets",
            "DescribeAccountLimits",
            "DescribeCapacityReservation",
            "DescribeListenerAttributes",
            "DescribeListenerCertificates",
            "DescribeListeners",
            "DescribeLoadBalancerAttributes",
            "DescribeLoadBalancers",
            "DescribeRules",
            "DescribeSSLPolicies",
            "DescribeTags",
            "DescribeTargetGroupAttributes",
            "DescribeTargetGroups",
            "DescribeTargetHealth",
            "ModifyListener",
            "ModifyListenerAttributes",
            "ModifyLoadBalancerAttributes",
            "ModifyRule",
            "ModifyTargetGroup",
            "ModifyTargetGroupAttributes",
            "RegisterTargets",
            "RemoveTags",
            "SetIpAddressType",
            "SetRulePriorities",
            "SetSecurityGroups",
            "SetSubnets",
        ],
    },
    Service {
        module: "cloudwatch",
        folder: "cloudwatch/2010-08-01",
        operations: &[
            "DeleteAlarms",
            "DescribeAlarmHistory",
            "DescribeAlarms",
            "DescribeAlarmsForMetric",
            "DisableAlarmActions",
            "EnableAlarmActions",
            "GetMetricData",
            "GetMetricStatistics",
            "ListMetrics",
            "ListTagsForResource",
            "PutCompositeAlarm",
            "PutMetricAlarm",
            "PutMetricData",
            "SetAlarmState",
            "TagResource",
            "UntagResource",
        ],
    },
    Service {
        module: "codedeploy",
        folder: "codedeploy/2014-10-06",
        operations: &[
            "BatchGetApplicationRevisions",
            "BatchGetApplications",
            "BatchGetDeploymentGroups",
            "BatchGetDeploymentTargets",
            "BatchGetDeployments",
            "ContinueDeployment",
            "CreateApplication",
            "CreateDeployment",
            "CreateDeploymentConfig",
            "CreateDeploymentGroup",
            "DeleteApplication",
            "DeleteDeploymentConfig",
            "DeleteDeploymentGroup",
            "GetApplication",
            "GetApplicationRevision",
            "GetDeployment",
            "GetDeploymentConfig",
            "GetDeploymentGroup",
            "GetDeploymentTarget",
            "ListApplicationRevisions",
            "ListApplications",
            "ListDeploymentConfigs",
            "ListDeploymentGroups",
            "ListDeploymentTargets",
            "ListDeployments",
            "ListTagsForResource",
            "PutLifecycleEventHookExecutionStatus",
            "RegisterApplicationRevision",
            "StopDeployment",
            "TagResource",
            "UntagResource",
            "UpdateApplication",
            "UpdateDeploymentGroup",
        ],
    },
    Service {
        module: "logs",
        folder: "logs/2014-03-28",
        operations: &[
            "CreateLogGroup",
            "CreateLogStream",
            "DeleteLogGroup",
            "DeleteLogStream",
            "DeleteRetentionPolicy",
            "DescribeLogGroups",
            "DescribeLogStreams",
            "FilterLogEvents",
            "GetLogEvents",
            "ListTagsForResource",
            "ListTagsLogGroup",
            "PutLogEvents",
            "PutRetentionPolicy",
            "TagLogGroup",
            "TagResource",
            "UntagLogGroup",
            "UntagResource",
        ],
    },
    Service {
        module: "secretsmanager",
        folder: "secretsmanager/2017-10-17",
        operations: &[
            "BatchGetSecretValue",
            "CreateSecret",
            "DeleteResourcePolicy",
            "DeleteSecret",
            "DescribeSecret",
            "GetRandomPassword",
            "GetResourcePolicy",
            "GetSecretValue",
            "ListSecretVersionIds",
            "ListSecrets",
            "PutResourcePolicy",
            "PutSecretValue",
            "RestoreSecret",
            "TagResource",
            "UntagResource",
            "UpdateSecret",
            "UpdateSecretVersionStage",
            "ValidateResourcePolicy",
        ],
    },
    Service {
        module: "ecr",
        folder: "ecr/2015-09-21",
        operations: &[
            "BatchCheckLayerAvailability",
            "BatchDeleteImage",
            "BatchGetImage",
            "CompleteLayerUpload",
            "CreateRepository",
            "DeleteLifecyclePolicy",
            "DeleteRepository",
            "DeleteRepositoryPolicy",
            "DescribeImageScanFindings",
            "DescribeImages",
            "DescribeRegistry",
            "DescribeRepositories",
            "GetAuthorizationToken",
            "GetDownloadUrlForLayer",
            "GetLifecyclePolicy",
            "GetLifecyclePolicyPreview",
            "GetRegistryScanningConfiguration",
            "GetRepositoryPolicy",
            "InitiateLayerUpload",
            "ListImages",
            "ListTagsForResource",
            "PutImage",
            "PutImageScanningConfiguration",
            "PutImageTagMutability",
            "PutLifecyclePolicy",
            "SetRepositoryPolicy",
            "StartImageScan",
            "StartLifecyclePolicyPreview",
            "TagResource",
            "UntagResource",
            "UploadLayerPart",
        ],
    },
    Service {
        module: "ssm",
        folder: "ssm/2014-11-06",
        operations: &[
            "AddTagsToResource",
            "DeleteParameter",
            "DeleteParameters",
            "DescribeParameters",
            "GetParameter",
            "GetParameterHistory",
            "GetParameters",
            "GetParametersByPath",
            "LabelParameterVersion",
            "ListTagsForResource",
            "PutParameter",
            "RemoveTagsFromResource",
            "UnlabelParameterVersion",
        ],
    },
    Service {
        module: "ec2",
        folder: "ec2/2016-11-15",
        operations: &[
            "AllocateAddress",
            "AssociateRouteTable",
            "AttachInternetGateway",
            "AuthorizeSecurityGroupEgress",
            "AuthorizeSecurityGroupIngress",
            "CreateDefaultVpc",
            "CreateInternetGateway",
            "CreateNatGateway",
            "CreateRoute",
            "CreateRouteTable",
            "CreateSecurityGroup",
            "CreateSubnet",
            "CreateTags",
            "CreateVpc",
            "DeleteInternetGateway",
            "DeleteNatGateway",
            "DeleteRoute",
            "DeleteRouteTable",
            "DeleteSecurityGroup",
            "DeleteSubnet",
            "DeleteTags",
            "DeleteVpc",
            "DescribeAccountAttributes",
            "DescribeAddresses",
            "DescribeAddressesAttribute",
            "DescribeAvailabilityZones",
            "DescribeInternetGateways",
            "DescribeNatGateways",
            "DescribeNetworkAcls",
            "DescribeNetworkInterfaces",
            "DescribeRegions",
            "DescribeRouteTables",
            "DescribeSecurityGroupRules",
            "DescribeSecurityGroups",
            "DescribeSubnets",
            "DescribeTags",
            "DescribeVpcAttribute",
            "DescribeVpcs",
            "DetachInternetGateway",
            "DisassociateAddress",
            "DisassociateRouteTable",
            "ModifySecurityGroupRules",
            "ModifySubnetAttribute",
            "ModifyVpcAttribute",
            "ReleaseAddress",
            "ReplaceRoute",
            "ReplaceRouteTableAssociation",
            "RevokeSecurityGroupEgress",
            "RevokeSecurityGroupIngress",
            "UpdateSecurityGroupRuleDescriptionsEgress",
            "UpdateSecurityGroupRuleDescriptionsIngress",
        ],
    },
    Service {
        module: "sts",
        folder: "sts/2011-06-15",
        operations: &[
            "AssumeRole",
            "AssumeRoleWithWebIdentity",
            "GetAccessKeyInfo",
            "GetCallerIdentity",
            "GetSessionToken",
        ],
    },
    Service {
        module: "application_autoscaling",
        folder: "application-autoscaling/2016-02-06",
        operations: &[
            "DeleteScalingPolicy",
            "DeleteScheduledAction",
            "DeregisterScalableTarget",
            "DescribeScalableTargets",
            "DescribeScalingActivities",
            "DescribeScalingPolicies",
            "DescribeScheduledActions",
            "ListTagsForResource",
            "PutScalingPolicy",
            "PutScheduledAction",
            "RegisterScalableTarget",
            "TagResource",
            "UntagResource",
        ],
    },
    Service {
        module: "iam",
        folder: "iam/2010-05-08",
        operations: &[
            "AddClientIDToOpenIDConnectProvider",
            "AddRoleToInstanceProfile",
            "AttachRolePolicy",
            "CreateInstanceProfile",
            "CreateOpenIDConnectProvider",
            "CreatePolicy",
            "CreatePolicyVersion",
            "CreateRole",
            "CreateServiceLinkedRole",
            "DeleteInstanceProfile",
            "DeleteOpenIDConnectProvider",
            "DeletePolicy",
            "DeletePolicyVersion",
            "DeleteRole",
            "DeleteRolePolicy",
            "DeleteServiceLinkedRole",
            "DetachRolePolicy",
            "GetInstanceProfile",
            "GetOpenIDConnectProvider",
            "GetPolicy",
            "GetPolicyVersion",
            "GetRole",
            "GetRolePolicy",
            "GetServiceLinkedRoleDeletionStatus",
            "GetUser",
            "ListAccountAliases",
            "ListAttachedRolePolicies",
            "ListEntitiesForPolicy",
            "ListInstanceProfileTags",
            "ListInstanceProfiles",
            "ListInstanceProfilesForRole",
            "ListOpenIDConnectProviderTags",
            "ListOpenIDConnectProviders",
            "ListPolicies",
            "ListPolicyTags",
            "ListPolicyVersions",
            "ListRolePolicies",
            "ListRoleTags",
            "ListRoles",
            "PutRolePolicy",
            "RemoveClientIDFromOpenIDConnectProvider",
            "RemoveRoleFromInstanceProfile",
            "SetDefaultPolicyVersion",
            "TagInstanceProfile",
            "TagOpenIDConnectProvider",
            "TagPolicy",
            "TagRole",
            "UntagInstanceProfile",
            "UntagOpenIDConnectProvider",
            "UntagPolicy",
            "UntagRole",
            "UpdateAssumeRolePolicy",
            "UpdateOpenIDConnectProviderThumbprint",
            "UpdateRole",
            "UpdateRoleDescription",
        ],
    },
];

/// What AWS answers though its model does not say so: module, enum, value.
const UNLISTED_VALUES: &[(&str, &str, &str)] = &[
    // An internet gateway that is attached is `available`; the enum is that of other attachments.
    ("ec2", "AttachmentStatus", "available"),
];

/// Writes the tables and modules of every service; `botocore` is the package's folder.
pub(crate) fn generate(botocore: &Path) -> Result<(), Box<dyn Error>> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("crates").join("models").join("src");
    for service in SERVICES {
        let mut model = read(&botocore.join("data").join(service.folder).join("service-2.json.gz"))?;
        for (_, shape, value) in UNLISTED_VALUES.iter().filter(|(module, ..)| *module == service.module) {
            let values =
                model["shapes"][shape]["enum"].as_array_mut().ok_or("an unlisted value of no enum")?;
            values.push((*value).into());
        }
        let table = reduce(&model, service.operations)?;
        fs::write(target.join(format!("{}.json", service.module)), format!("{table:#}\n"))?;
        let module = target.join(format!("{}.rs", service.module));
        fs::write(&module, rust::module(service.module, &table)?)?;
        let formatted = Command::new("rustfmt").args(["--edition", "2024"]).arg(&module).status()?;
        if !formatted.success() {
            return Err(format!("rustfmt refused {}", module.display()).into());
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Value, Box<dyn Error>> {
    let packed = fs::File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text)?)
}

/// The table of one service: only what the operations reach, no prose.
fn reduce(model: &Value, implemented: &[&str]) -> Result<Value, Box<dyn Error>> {
    let metadata = &model["metadata"];
    let all = model["operations"].as_object().ok_or("the model has no operations")?;
    let shapes = model["shapes"].as_object().ok_or("the model has no shapes")?;
    let mut operations = Map::new();
    let mut errors = BTreeMap::new();
    let mut reached = BTreeSet::new();
    for name in implemented {
        let operation = all.get(*name).ok_or_else(|| format!("the model has no operation {name}"))?;
        let mut kept = Map::new();
        for side in ["input", "output"] {
            if let Some(shape) = operation[side]["shape"].as_str() {
                kept.insert(side.into(), shape.into());
                reach(shapes, shape, &mut reached);
            }
        }
        if let Some(wrapper) = operation["output"]["resultWrapper"].as_str() {
            kept.insert("resultWrapper".into(), wrapper.into());
        }
        let names: Vec<&str> = operation["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|error| error["shape"].as_str())
            .collect();
        for error in &names {
            errors.insert((*error).to_owned(), reduce_error(error, &shapes[*error]));
        }
        kept.insert("errors".into(), json!(names));
        operations.insert((*name).into(), kept.into());
    }
    let unimplemented: Vec<&String> = all.keys().filter(|name| !operations.contains_key(*name)).collect();
    let reduced: BTreeMap<&String, Value> =
        reached.iter().map(|name| (name, reduce_shape(&shapes[name.as_str()]))).collect();
    let protocol = |name: &Value| match name.as_str() {
        Some("json") => format!("json-{}", metadata["jsonVersion"].as_str().unwrap_or("1.1")),
        other => other.unwrap_or_default().to_owned(),
    };
    let mut table = json!({
        "signingName": metadata.get("signingName").unwrap_or(&metadata["endpointPrefix"]),
        "protocol": protocol(&metadata["protocol"]),
        "apiVersion": metadata["apiVersion"],
        "targetPrefix": metadata["targetPrefix"],
        "xmlNamespace": metadata["xmlNamespace"],
        "operations": operations,
        "unimplemented": unimplemented,
        "errors": errors,
        "shapes": reduced,
    });
    if let Some(names) = metadata["protocols"].as_array().filter(|names| names.len() > 1) {
        table["protocols"] = names.iter().map(protocol).collect();
    }
    if metadata.get("awsQueryCompatible").is_some() {
        table["queryCompatible"] = true.into();
    }
    Ok(table)
}

fn reach(shapes: &Map<String, Value>, name: &str, reached: &mut BTreeSet<String>) {
    if !reached.insert(name.to_owned()) {
        return;
    }
    let shape = &shapes[name];
    if shape.get("document").is_some() {
        return;
    }
    let members = shape["members"].as_object().into_iter().flat_map(Map::values);
    for inner in members.chain([&shape["member"], &shape["key"], &shape["value"]]) {
        if let Some(inner) = inner["shape"].as_str() {
            reach(shapes, inner, reached);
        }
    }
}

fn reduce_shape(shape: &Value) -> Value {
    if shape.get("document").is_some() {
        return json!({ "type": "document" });
    }
    let mut kept = Map::new();
    for key in ["type", "min", "max", "pattern", "enum", "flattened", "sensitive", "union"] {
        if let Some(value) = shape.get(key) {
            kept.insert(key.into(), value.clone());
        }
    }
    for key in ["member", "key", "value"] {
        if let Some(inner) = shape[key]["shape"].as_str() {
            kept.insert(key.into(), inner.into());
        }
    }
    if let Some(name) = shape["member"]["locationName"].as_str() {
        kept.insert("locationName".into(), name.into());
    }
    if let Some(members) = shape["members"].as_object() {
        let required: Vec<&str> =
            shape["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let reduced = members.iter().map(|(name, member)| {
            let mut kept = Map::new();
            kept.insert("shape".into(), member["shape"].clone());
            for key in ["locationName", "queryName"] {
                if let Some(name) = member.get(key) {
                    kept.insert(key.into(), name.clone());
                }
            }
            if required.contains(&name.as_str()) {
                kept.insert("required".into(), true.into());
            }
            (name.clone(), kept.into())
        });
        kept.insert("members".into(), Value::Object(reduced.collect()));
    }
    kept.into()
}

fn reduce_error(name: &str, shape: &Value) -> Value {
    let server = shape.get("fault").is_some();
    let status = shape["error"]["httpStatusCode"].as_u64().unwrap_or(if server { 500 } else { 400 });
    json!({ "code": shape["error"]["code"].as_str().unwrap_or(name), "status": status })
}
