//! `tidegate iam-policy`: neither too narrow nor too wide. A cloud that enforces IAM counts what each caller needs: under
//! the printed policy every command gets through, and whatever the policy grants is used. Start with [`Role::fits`].

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::Read as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
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
    cloud::{Cloud, wait_until},
    front::Front,
};

/// What the policy of a service by CodeDeploy grants for what this test does not do: letting a rollout go on that
/// CodeDeploy holds, and pruning beside services that ECS deploys.
const BY_CODE_DEPLOY: &[&str] = &["codedeploy:ContinueDeployment", "ecs:DescribeServiceRevisions"];

/// Twenty times as fast as the wall's clock.
const SPEED: &[&str] = &["--speed", "20", "--enforce-iam"];

#[test]
fn under_its_own_policy_a_rolling_service_is_deployed_broken_rolled_back_and_pruned() {
    let cloud = Cloud::start(SPEED);
    let cell = Cell::set(&cloud, "rolling", Strategy::Rolling, "", "gates: [{ alarm: rolling-errors }]\n");
    cell.lives(&[]);
}

#[test]
fn under_its_own_policy_a_canary_by_ecs_is_deployed_broken_and_rolled_back() {
    let cloud = Cloud::start(SPEED);
    let config = "strategy: canary\ncanary: { percent: 10, stepBake: 2m, bake: 1m }\n";
    let gates =
        "gatesTimeout: 10m\ngates: [{ alarm: native-errors }, { errors: { tolerance: 50 }, name: worse }]\n";
    let cell = Cell::set(&cloud, "native", Strategy::Ecs(traffic()), config, gates);
    cell.lives(&[]);
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
    // Nobody says which deployment group the service has: it is found.
    let beginner = cell.role("beginner", "init");
    let made = beginner.tidegate(&["init", "service", "--dry-run"], 0);
    assert!(told(&made).contains("deploymentGroup: bydeploy"), "{}", told(&made));
    beginner.fits(&[]);
    cell.lives(BY_CODE_DEPLOY);
}

#[test]
fn under_its_own_policy_a_canary_by_listener_weights_is_deployed_broken_and_rolled_back() {
    let cloud = Cloud::start(SPEED);
    let candidate = Candidate { service: ServiceName::parse("byalb-candidate").unwrap(), rule: None };
    let config = "strategy: canary\ncontroller: alb\ncanary: { percent: 10, stepBake: 2m, bake: 1m }\n\
                  alb: { candidate: byalb-candidate }\n";
    let cell = Cell::set(&cloud, "byalb", Strategy::Alb(traffic(), candidate), config, "");
    cell.lives(&[]);
}

#[test]
fn who_only_looks_sees_everything_and_changes_nothing() {
    let cloud = Cloud::start(SPEED);
    let cell = Cell::set(&cloud, "seen", Strategy::Rolling, "", "gates: [{ alarm: seen-errors }]\n");
    cell.owner.tidegate(&["deploy", "--image", "sample:2"], 0);
    cell.owner.tidegate(&["deploy", "--image", "sample:crash"], 3);

    let onlooker = cell.role("onlooker", "look");
    onlooker.tidegate(&["status"], 0);
    onlooker.tidegate(&["tasks", "--all"], 0);
    onlooker.tidegate(&["history"], 0);
    onlooker.tidegate(&["logs"], 0);
    onlooker.tidegate(&["diagnose"], 0);
    onlooker.tidegate(&["diff", "--image", "sample:3"], 7);
    onlooker.tidegate(&["deploy", "--image", "sample:3", "--dry-run"], 0);
    // How the last rollout ended is what both end with.
    for follows in ["watch", "wait"] {
        let output = onlooker.command(&[follows]).output().unwrap();
        assert!(!told(&output).contains("not authorized"), "{}", told(&output));
    }
    onlooker.fits(&[]);
    onlooker.is_refused(&["deploy", "--image", "sample:3"], "ecs:RegisterTaskDefinition");
    onlooker.is_refused(&["scale", "3"], "ecs:UpdateService");

    let doctor = cell.role("doctor", "diagnose");
    doctor.tidegate(&["diagnose"], 0);
    // What else a diagnosis may ask: of a service that is not there, of one that was never deployed, and while a
    // deployment fails.
    doctor.fits(&["ecs:ListServices", "ecs:ListServiceDeployments", "ecs:DescribeServiceRevisions"]);
    doctor.is_refused(&["history"], "ecs:ListTaskDefinitions");
    let absent = ["--offline", "--account", "000000000000", "--service", "sene"];
    let stranger = cell.role_with("stranger", "diagnose", &absent);
    stranger.tidegate(&["diagnose", "--service", "sene"], 1);
    let (used, denied) = stranger.asked();
    assert!(used.contains("ecs:ListServices") && denied.is_empty(), "{used:?} {denied:?}");

    let beginner = cell.role("beginner", "init");
    beginner.tidegate(&["init", "service", "--dry-run"], 0);
    beginner.fits(&[]);
}

#[test]
fn under_its_own_policy_a_service_is_scaled_and_its_autoscaling_bounded() {
    let cloud = Cloud::start(SPEED);
    let cell = Cell::set(&cloud, "scaled", Strategy::Rolling, "", "");
    let role = cell.role("scaler", "scale");
    role.tidegate(&["scale", "--min", "1", "--max", "4"], 0);
    role.tidegate(&["scale", "3"], 0);
    role.fits_beyond(&cell.granted("look"));
    role.is_refused(&["deploy", "--image", "sample:2"], "ecs:RegisterTaskDefinition");
}

#[test]
fn under_its_own_policy_a_sync_keeps_its_lease_deploys_and_sets_the_count() {
    let cloud = Cloud::start(SPEED);
    let wanted = "images: { app: \"sample:2\" }\ndesiredCount: 3\n";
    let cell = Cell::set(&cloud, "synced", Strategy::Rolling, wanted, "");
    let role = cell.role("syncer", "sync");
    role.tidegate(&["sync", "--dry-run"], 7);
    role.tidegate(&["sync"], 0);
    role.tidegate(&["sync", "--dry-run"], 0);
    role.fits_beyond(&cell.granted("deploy"));
}

#[test]
fn under_its_own_policy_a_one_off_task_runs_and_is_stopped() {
    let images = "    \"job:*\": { command: [\"sh\", \"-c\", \"echo done\"] }\n";
    let cloud = Cloud::start_configured(images, SPEED);
    make_role(&cloud, "pull", "ecs-tasks.amazonaws.com");
    let ecs = |operation: &str, input: &Value| called(api::ecs(cloud.endpoint(), operation, input));
    ecs("CreateCluster", &json!({ "clusterName": "shop" }));
    let mut definition = definition("jobs");
    definition["containerDefinitions"][0]["image"] = json!("job:1");
    ecs("RegisterTaskDefinition", &definition);
    ecs("CreateService", &idle_service("jobs"));
    let owner = Role::owner(&cloud, "jobs", "");
    let role = Role::printed(&owner, "runner", "run", &[]);
    role.tidegate(&["run"], 0);
    role.tidegate(&["run", "--image", "job:2"], 0);
    let long = ["run", "--stop-on-interrupt", "--", "sh", "-c", "echo up; exec sleep 600"];
    let mut process = role.command(&long).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 3];
    process.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert!(Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap().success());
    assert_eq!(process.wait().unwrap().code(), Some(130));
    role.fits_beyond(&owner.granted("look"));
}

#[test]
fn under_its_own_policy_a_check_can_tell_everything() {
    let cloud = Cloud::start(SPEED);
    make_role(&cloud, "pull", "ecs-tasks.amazonaws.com");
    make_role(&cloud, "app", "ecs-tasks.amazonaws.com");
    let ecs = |operation: &str, input: &Value| called(api::ecs(cloud.endpoint(), operation, input));
    ecs("CreateCluster", &json!({ "clusterName": "shop" }));
    let front = Front::build(&cloud, "audited", ["audited", "audited-next"]);
    let mut definition = definition("audited");
    definition["taskRoleArn"] = json!("arn:aws:iam::000000000000:role/app");
    let container = &mut definition["containerDefinitions"][0];
    container["image"] = json!("000000000000.dkr.ecr.eu-west-1.amazonaws.com/audited:v1");
    // Neither has to be there: that it is missing is an answer, too.
    let secret = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:gone-AbCdEf";
    container["secrets"] =
        json!([{ "name": "A", "valueFrom": secret }, { "name": "B", "valueFrom": "/audited/b" }]);
    ecs("RegisterTaskDefinition", &definition);
    let mut service = idle_service("audited");
    service["loadBalancers"] =
        json!([{ "targetGroupArn": front.groups[0], "containerName": "app", "containerPort": 8080 }]);
    ecs("CreateService", &service);
    let owner = Role::owner(&cloud, "audited", "gates: [{ alarm: audited-errors }]\n");
    let role = Role::printed(&owner, "auditor", "check", &[]);
    let checked = role.command(&["check", "--output", "json"]).output().unwrap();
    let report: Value =
        serde_json::from_slice(&checked.stdout).unwrap_or_else(|_| panic!("{}", told(&checked)));
    assert_eq!(report["services"][0]["could_not_tell"], json!([]), "{report:#}");
    role.fits(&[]);
    role.is_refused(&["tasks"], "ecs:ListTasks");
}

#[test]
fn a_workflow_s_role_may_do_what_the_policy_of_the_same_config_says() {
    let folder = tempfile::tempdir().unwrap();
    let image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/web";
    let definition = json!({
        "family": "web", "executionRoleArn": "pull", "containerDefinitions": [{ "name": "app", "image": image }],
    });
    std::fs::write(folder.path().join("task-definition.json"), definition.to_string()).unwrap();
    for more in [
        "",
        "gates: [{ alarm: web-errors }]\n",
        "strategy: canary\ncanary: { percent: 10, stepBake: 2m, bake: 1m }\n",
        "strategy: blue_green\ncontroller: code_deploy\ndesiredCount: 3\n\
         codeDeploy: { application: web, deploymentGroup: web }\n",
        "strategy: canary\ncontroller: alb\ncanary: { percent: 10, stepBake: 2m, bake: 1m }\n\
         alb: { candidate: web-candidate }\n",
    ] {
        let config = format!(
            "cluster: shop\nservice: web\nregion: eu-west-1\ntaskDefinition: task-definition.json\n\
             images: {{ app: \"{image}:1\" }}\n{more}"
        );
        std::fs::write(folder.path().join("tidegate.yml"), &config).unwrap();
        let tidegate = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
            let output = command.current_dir(folder.path()).args(arguments).env_clear().output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{config}{}", told(&output));
            output.stdout
        };
        let account = ["--account", "123456789012"];
        let printed =
            tidegate(&[&["iam-policy", "--offline", "--for", "deploy,push"][..], &account[..]].concat());
        tidegate(&[&["init", "github", "--force"][..], &account[..]].concat());
        let written = std::fs::read(folder.path().join(".github/aws/permissions.json")).unwrap();
        assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(&printed), "{config}");
    }
}

fn traffic() -> Traffic {
    let steps = vec![CanaryStep { weight: Percent::whole(10), bake: 120_000 }];
    Traffic::Canary { steps, bake: 60_000 }
}

/// A task definition whose container logs.
fn definition(name: &str) -> Value {
    let logs = json!({
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": format!("/ecs/{name}"), "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "web",
            "awslogs-create-group": "true",
        },
    });
    json!({
        "family": name, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
        "memory": "512", "executionRoleArn": "arn:aws:iam::000000000000:role/pull",
        "containerDefinitions": [{
            "name": "app", "image": "sample:1", "portMappings": [{ "containerPort": 8080 }], "stopTimeout": 5,
            "logConfiguration": logs,
        }],
    })
}

/// A service that runs no task.
fn idle_service(name: &str) -> Value {
    json!({
        "cluster": "shop", "serviceName": name, "taskDefinition": name, "desiredCount": 0, "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
    })
}

fn called(answer: api::Answer) -> Value {
    let (status, body) = answer.unwrap();
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// A service, and who it belongs to.
struct Cell<'a> {
    /// Where it answers.
    address: String,
    /// The account itself, which may do everything.
    owner: Role<'a>,
}

impl<'a> Cell<'a> {
    fn set(cloud: &'a Cloud, name: &'static str, strategy: Strategy, config: &str, gates: &str) -> Self {
        make_role(cloud, "pull", "ecs-tasks.amazonaws.com");
        let target = ServiceRef {
            cluster: ClusterName::parse("shop").unwrap(),
            service: ServiceName::parse(name).unwrap(),
        };
        let stage = Stage {
            target,
            definition: definition(name),
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
        Self { address, owner: Role::owner(cloud, name, &format!("timeout: 20m\n{config}{gates}")) }
    }

    /// A role with the policy for these uses.
    fn role(&self, name: &'static str, uses: &str) -> Role<'a> {
        self.role_with(name, uses, &[])
    }

    /// The same by a policy that is printed with more arguments.
    fn role_with(&self, name: &'static str, uses: &str, arguments: &[&str]) -> Role<'a> {
        Role::printed(&self.owner, name, uses, arguments)
    }

    /// What the policy for these uses grants.
    fn granted(&self, uses: &str) -> BTreeSet<String> {
        self.owner.granted(uses)
    }

    /// All that is done with a service, and whether the policy fits but for what is granted for something else.
    fn lives(&self, otherwise: &[&str]) {
        let deployer = self.role("deployer", "deploy,prune");
        let users = Users::at(&self.address);
        deployer.tidegate(&["status"], 0);
        deployer.tidegate(&["deploy", "--image", "sample:2", "--dry-run"], 0);
        deployer.tidegate(&["deploy", "--image", "sample:2"], 0);
        deployer.tidegate(&["deploy", "--image", "sample:crash"], 3);
        deployer.tidegate(&["diagnose"], 0);
        deployer.tidegate(&["logs"], 0);
        deployer.tidegate(&["history"], 0);
        deployer.tidegate(&["rollback"], 0);
        deployer.tidegate(&["deploy", "--image", "sample:4"], 0);
        deployer.tidegate(&["revisions"], 0);
        deployer.tidegate(&["revisions", "prune", "--keep", "1", "--yes"], 0);
        is_thrown_back_by_hand(&deployer);
        users.end();
        deployer.fits(otherwise);

        // What it does not grant is refused, and says so.
        deployer.is_refused(&["run"], "ecs:RunTask");
    }
}

/// A rollout under way is looked on at, and stopped.
fn is_thrown_back_by_hand(role: &Role<'_>) {
    let mut child = role.command(&["deploy", "--image", "sample:5", "--quiet"]).spawn().unwrap();
    let moving = || {
        let status = role.tidegate(&["status", "--output", "json"], 0);
        let status: Value = serde_json::from_slice(&status.stdout).unwrap();
        // A rollout by weights moves no deployment of the service itself before it is past its return.
        status["rollout"].is_object()
            || status["code_deploy"]["deployment"].is_object()
            || status["service"].to_string().contains("IN_PROGRESS")
    };
    wait_until("the rollout is under way", moving);
    let mut watching = role.command(&["watch", "--quiet"]).spawn().unwrap();
    let aborted = role.command(&["abort", "--yes"]).output().unwrap();
    assert!(matches!(aborted.status.code(), Some(0 | 3)), "{}", told(&aborted));
    assert_eq!(child.wait().unwrap().code(), Some(3), "{}", told(&aborted));
    watching.wait().unwrap();
}

/// Somebody with credentials, a config file, and where it is not the account itself a printed policy.
struct Role<'a> {
    cloud: &'a Cloud,
    name: &'static str,
    config: PathBuf,
    policy: Value,
    credentials: Vec<(&'static str, String)>,
}

impl<'a> Role<'a> {
    /// The account itself, with a config file for a service of the cluster.
    fn owner(cloud: &'a Cloud, service: &str, config: &str) -> Self {
        let file = cloud.folder().join(format!("{service}.yml"));
        std::fs::write(&file, format!("cluster: shop\nservice: {service}\n{config}")).unwrap();
        let credentials = cloud.aws_environment();
        Self { cloud, name: "the account", config: file, policy: Value::Null, credentials }
    }

    /// A role that may do what is printed for these uses, and nothing else.
    fn printed(owner: &Self, name: &'static str, uses: &str, arguments: &[&str]) -> Self {
        let policy = owner.policy_for(uses, arguments);
        let cloud = owner.cloud;
        make_role(cloud, name, "ec2.amazonaws.com");
        let document = policy.to_string();
        let put = [("RoleName", name), ("PolicyName", "tidegate"), ("PolicyDocument", document.as_str())];
        iam(cloud, "PutRolePolicy", &put);
        let asks =
            format!("RoleArn=arn:aws:iam::000000000000:role/{name}&RoleSessionName=ci&DurationSeconds=43200");
        let (status, answer) = query(cloud.endpoint(), "sts", "2011-06-15", "AssumeRole", &asks).unwrap();
        assert_eq!(status, 200, "{answer}");
        let mut credentials = cloud.aws_environment();
        for (variable, member) in [
            ("AWS_ACCESS_KEY_ID", "AccessKeyId"),
            ("AWS_SECRET_ACCESS_KEY", "SecretAccessKey"),
            ("AWS_SESSION_TOKEN", "SessionToken"),
        ] {
            credentials.retain(|(known, _)| *known != variable);
            credentials.push((variable, element(&answer, member)));
        }
        Self { cloud, name, config: owner.config.clone(), policy, credentials }
    }

    fn policy_for(&self, uses: &str, arguments: &[&str]) -> Value {
        let printed = self.tidegate(&[&["iam-policy", "--for", uses][..], arguments].concat(), 0);
        serde_json::from_slice(&printed.stdout).unwrap()
    }

    /// What the policy for these uses grants.
    fn granted(&self, uses: &str) -> BTreeSet<String> {
        actions(&self.policy_for(uses, &[]))
    }

    /// Nothing was denied, and everything that is granted was used, but for what is granted for something else.
    #[track_caller]
    fn fits(&self, otherwise: &[&str]) {
        self.fits_beyond(&otherwise.iter().map(|&action| action.to_owned()).collect());
    }

    /// The same where what is granted for something else is a policy's.
    #[track_caller]
    fn fits_beyond(&self, otherwise: &BTreeSet<String>) {
        let (used, denied) = self.asked();
        assert_eq!(denied, BTreeSet::new(), "the policy is too narrow: {:#}", self.policy);
        let granted = actions(&self.policy);
        let unused: Vec<&String> =
            granted.difference(&used).filter(|action| !otherwise.contains(*action)).collect();
        assert!(unused.is_empty(), "the policy is too wide: nobody needed {unused:?} of {granted:#?}");
    }

    /// What is not granted is refused, with the action that was missed.
    #[track_caller]
    fn is_refused(&self, arguments: &[&str], action: &str) {
        let output = self.command(arguments).output().unwrap();
        let told = told(&output);
        assert_eq!(output.status.code(), Some(1), "{} {arguments:?}: {told}", self.name);
        assert!(told.contains(&format!("is not authorized to perform: {action} on resource")), "{told}");
    }

    /// The actions that the role was allowed, and those that it was not.
    fn asked(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let address = self.cloud.endpoint().strip_prefix("http://").unwrap();
        let (_, answer) = get(address, "/_tidegate/actions").unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let caller = format!(":assumed-role/{}/ci", self.name);
        let (mut used, mut denied) = (BTreeSet::new(), BTreeSet::new());
        for row in answer["actions"].as_array().unwrap() {
            if !row["caller"].as_str().unwrap().ends_with(&caller) {
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
        // Behind `--` everything is the task's.
        let own = arguments.iter().position(|&argument| argument == "--").unwrap_or(arguments.len());
        command
            .args(&arguments[..own])
            .arg("--config")
            .arg(&self.config)
            .args(&arguments[own..])
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

/// What a policy grants.
fn actions(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().unwrap().iter();
    let granted = statements.flat_map(|statement| statement["Action"].as_array().unwrap());
    granted.map(|action| action.as_str().unwrap().to_owned()).collect()
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
