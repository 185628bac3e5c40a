//! `tidegate iam-policy`: neither too narrow nor too wide. A cloud that enforces IAM counts what each caller needs: under
//! the printed policy every command gets through, and whatever the policy grants is used.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    process::{Command, Output},
    time::Duration,
};

use serde_json::{Value, json};
use tidegate_aws::{
    Client, ConnectOptions, StaticCredentials,
    provision::{Stage, StageAlarm, Watches},
};
use tidegate_rollout::{
    Percent, Strategy,
    names::{ClusterName, ServiceName, ServiceRef},
    strategy::{CanaryStep, Candidate, DeploymentGroup, Traffic},
};

use crate::{
    api::{self, element, get, query},
    blue_green::Users,
    cloud::Cloud,
};

/// What a policy grants for what this test does not do: letting a rollout go on that CodeDeploy holds.
const BY_HAND: &[&str] = &["codedeploy:ContinueDeployment"];

/// Twenty times as fast as the wall's clock.
const SPEED: &[&str] = &["--speed", "20", "--enforce-iam"];

#[test]
fn under_its_own_policy_a_rolling_service_is_deployed_broken_rolled_back_and_pruned() {
    let cloud = Cloud::start(SPEED);
    let cell = Cell::set(&cloud, "rolling", Strategy::Rolling, "", "gates: [{ alarm: rolling-errors }]\n");
    cell.lives();
}

#[test]
fn under_its_own_policy_a_canary_by_ecs_is_deployed_broken_and_rolled_back() {
    let cloud = Cloud::start(SPEED);
    let config = "strategy: canary\ncanary: { percent: 10, stepBake: 2m, bake: 1m }\n";
    let gates =
        "gatesTimeout: 10m\ngates: [{ alarm: native-errors }, { errors: { tolerance: 50 }, name: worse }]\n";
    let cell = Cell::set(&cloud, "native", Strategy::Ecs(traffic()), config, gates);
    cell.lives();
}

#[test]
fn under_its_own_policy_a_canary_by_codedeploy_is_deployed_broken_and_rolled_back() {
    let cloud = Cloud::start(SPEED);
    let group = DeploymentGroup {
        application: "bydeploy".into(),
        group: "bydeploy".into(),
        config: None,
        hooks: std::collections::BTreeMap::new(),
    };
    let config = "strategy: canary\ncontroller: code_deploy\ncanary: { percent: 10, stepBake: 2m, bake: 1m }\n\
                  codeDeploy: { application: bydeploy, deploymentGroup: bydeploy }\n";
    let cell = Cell::set(&cloud, "bydeploy", Strategy::CodeDeploy(traffic(), group), config, "");
    cell.lives();
}

#[test]
fn under_its_own_policy_a_canary_by_listener_weights_is_deployed_broken_and_rolled_back() {
    let cloud = Cloud::start(SPEED);
    let candidate = Candidate { service: ServiceName::parse("byalb-candidate").unwrap(), rule: None };
    let config = "strategy: canary\ncontroller: alb\ncanary: { percent: 10, stepBake: 2m, bake: 1m }\n\
                  alb: { candidate: byalb-candidate }\n";
    let cell = Cell::set(&cloud, "byalb", Strategy::Alb(traffic(), candidate), config, "");
    cell.lives();
}

fn traffic() -> Traffic {
    let steps = vec![CanaryStep { weight: Percent::whole(10), bake: 120_000 }];
    Traffic::Canary { steps, bake: 60_000 }
}

/// A service, its config, and a role that may do what the printed policy says.
struct Cell<'a> {
    cloud: &'a Cloud,
    name: &'static str,
    policy: Value,
    /// Where it answers.
    address: String,
    /// The role's credentials.
    credentials: Vec<(&'static str, String)>,
}

impl<'a> Cell<'a> {
    fn set(cloud: &'a Cloud, name: &'static str, strategy: Strategy, config: &str, gates: &str) -> Self {
        make_role(cloud, "pull", "ecs-tasks.amazonaws.com");
        let logs = json!({
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": format!("/ecs/{name}"), "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "web",
                "awslogs-create-group": "true",
            },
        });
        let definition = json!({
            "family": name, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "512", "executionRoleArn": "arn:aws:iam::000000000000:role/pull",
            "containerDefinitions": [{
                "name": "app", "image": "sample:1", "portMappings": [{ "containerPort": 8080 }], "stopTimeout": 5,
                "logConfiguration": logs,
            }],
        });
        let target = ServiceRef {
            cluster: ClusterName::parse("shop").unwrap(),
            service: ServiceName::parse(name).unwrap(),
        };
        let stage = Stage {
            target,
            definition,
            tasks: 2,
            health_check_path: "/health".to_owned(),
            listener_port: 8080,
            strategy,
            alarms: vec![StageAlarm { name: format!("{name}-errors"), watches: Watches::Errors(1.0) }],
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let url = runtime.block_on(async {
            let client = Client::connect(ConnectOptions {
                region: Some("eu-west-1".to_owned()),
                endpoint_url: Some(cloud.endpoint().to_owned()),
                credentials: Some(StaticCredentials {
                    access_key_id: "test".to_owned(),
                    secret_access_key: "test".to_owned(),
                }),
                ..ConnectOptions::default()
            });
            let client = client.await.unwrap();
            let staged = client.provision(&stage).await.unwrap();
            for service in &staged.services {
                client.wait_until_steady(service, Duration::from_secs(40)).await.unwrap();
            }
            staged.url
        });
        let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        std::fs::write(
            cloud.folder().join(format!("{name}.yml")),
            format!("cluster: shop\nservice: {name}\ntimeout: 20m\n{config}{gates}"),
        )
        .unwrap();
        let credentials = cloud.aws_environment();
        let mut cell = Self { cloud, name, policy: Value::Null, address, credentials };
        let printed = cell.tidegate(&["iam-policy", "--for", "deploy,prune"], 0);
        cell.policy = serde_json::from_slice(&printed.stdout).unwrap();
        make_role(cloud, "deployer", "ec2.amazonaws.com");
        iam(
            cloud,
            "PutRolePolicy",
            &[
                ("RoleName", "deployer"),
                ("PolicyName", "tidegate"),
                ("PolicyDocument", &cell.policy.to_string()),
            ],
        );
        let assumed = query(
            cloud.endpoint(),
            "sts",
            "2011-06-15",
            "AssumeRole",
            "RoleArn=arn:aws:iam::000000000000:role/deployer&RoleSessionName=ci&DurationSeconds=43200",
        );
        let (status, answer) = assumed.unwrap();
        assert_eq!(status, 200, "{answer}");
        for (variable, member) in [
            ("AWS_ACCESS_KEY_ID", "AccessKeyId"),
            ("AWS_SECRET_ACCESS_KEY", "SecretAccessKey"),
            ("AWS_SESSION_TOKEN", "SessionToken"),
        ] {
            cell.credentials.retain(|(known, _)| *known != variable);
            cell.credentials.push((variable, element(&answer, member)));
        }
        cell
    }

    /// All that is done with a service, and whether the policy fits.
    fn lives(&self) {
        let users = Users::at(&self.address);
        self.tidegate(&["status"], 0);
        self.tidegate(&["deploy", "--image", "sample:2", "--dry-run"], 0);
        self.tidegate(&["deploy", "--image", "sample:2"], 0);
        self.tidegate(&["deploy", "--image", "sample:crash"], 3);
        self.tidegate(&["logs"], 0);
        self.tidegate(&["history"], 0);
        self.tidegate(&["rollback"], 0);
        self.tidegate(&["deploy", "--image", "sample:4"], 0);
        self.tidegate(&["revisions", "prune", "--keep", "1", "--yes"], 0);
        self.is_thrown_back_by_hand();
        users.end();

        let (used, denied) = self.asked();
        assert_eq!(denied, BTreeSet::new(), "the policy is too narrow: {:#}", self.policy);
        let granted: BTreeSet<String> = self.policy["Statement"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|statement| statement["Action"].as_array().unwrap())
            .map(|action| action.as_str().unwrap().to_owned())
            .collect();
        let unused = granted.difference(&used).filter(|action| !BY_HAND.contains(&action.as_str()));
        let unused: Vec<&String> = unused.collect();
        assert!(unused.is_empty(), "the policy is too wide: nobody needed {unused:?} of {granted:#?}");

        // What it does not grant is refused, and says so.
        let other = self.tidegate(&["status", "--service", "somebody-elses"], 1);
        let told = String::from_utf8_lossy(&other.stderr);
        assert!(told.contains("is not authorized to perform: ecs:DescribeServices on resource"), "{told}");
    }

    /// A rollout under way is stopped.
    fn is_thrown_back_by_hand(&self) {
        let mut child = self.command(&["deploy", "--image", "sample:5", "--quiet"]).spawn().unwrap();
        let moving = || {
            let status = self.tidegate(&["status", "--output", "json"], 0);
            let status: Value = serde_json::from_slice(&status.stdout).unwrap();
            status.to_string().contains("IN_PROGRESS") || status["code_deploy"]["deployment"].is_object()
        };
        crate::cloud::wait_until("the rollout is under way", moving);
        let aborted = self.command(&["abort", "--yes"]).output().unwrap();
        assert!(matches!(aborted.status.code(), Some(0 | 3)), "{}", told(&aborted));
        assert_eq!(child.wait().unwrap().code(), Some(3));
    }

    /// The actions that the role was allowed, and those that it was not.
    fn asked(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let address = self.cloud.endpoint().strip_prefix("http://").unwrap();
        let (_, answer) = get(address, "/_tidegate/actions").unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let (mut used, mut denied) = (BTreeSet::new(), BTreeSet::new());
        for row in answer["actions"].as_array().unwrap() {
            if !row["caller"].as_str().unwrap().ends_with(":assumed-role/deployer/ci") {
                continue;
            }
            used.insert(row["action"].as_str().unwrap().to_owned());
            if row["denied"] != 0 {
                denied.insert(format!("{} on {}", row["action"], row["resource"]));
            }
        }
        (used, denied)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command
            .args(arguments)
            .arg("--config")
            .arg(self.cloud.folder().join(format!("{}.yml", self.name)))
            .env_clear()
            .envs(std::env::var("PATH").map(|path| ("PATH", path)))
            .envs(self.credentials.clone())
            .env("TIDEGATE_TICK_MS", "100");
        command
    }

    #[track_caller]
    fn tidegate(&self, arguments: &[&str], exit: i32) -> Output {
        let output = self.command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(exit), "{} {arguments:?}: {}", self.name, told(&output));
        output
    }
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn make_role(cloud: &Cloud, name: &str, trusted: &str) {
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": trusted }, "Action": "sts:AssumeRole" }],
    });
    iam(cloud, "CreateRole", &[("RoleName", name), ("AssumeRolePolicyDocument", &trust.to_string())]);
}

fn iam(cloud: &Cloud, operation: &str, parameters: &[(&str, &str)]) {
    let mut form = String::new();
    for (name, value) in parameters {
        let _ = write!(form, "{name}=");
        for byte in value.bytes() {
            let _ = write!(form, "%{byte:02X}");
        }
        form.push('&');
    }
    let (status, answer) = api::query(cloud.endpoint(), "iam", "2010-05-08", operation, &form).unwrap();
    assert_eq!(status, 200, "{operation}: {answer}");
}
