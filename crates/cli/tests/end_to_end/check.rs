//! `tidegate check` on a real local cloud: a service that breaks the guide's eight practices is told of each, the
//! commands that it prints are run as they are printed, and each finding is gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::{
    api::{ecs, elbv2, element, json as call_json, query},
    clients::missing,
    cloud::{Cloud, wait_until},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");
const REPOSITORY: &str = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/sample";

/// Which rule stands for which practice in this story.
const PRACTICES: [(&str, u64); 10] = [
    ("circuit-breaker", 1),
    ("blue-green", 2),
    ("container-health-check", 3),
    ("task-health", 3),
    ("balancer-health-check", 3),
    ("digests", 4),
    ("tag-mutability", 5),
    ("alarms", 6),
    ("rollback-drill", 7),
    ("rollback-target", 8),
];

#[test]
fn a_service_that_breaks_the_eight_practices_is_told_of_each_and_the_printed_fixes_heal_it() {
    if missing("aws", &["--version"]) {
        return;
    }
    let cloud = Cloud::start_beside(&["--speed", "20"]);
    let world = World::set(&cloud);
    world.release(&definition("v1", &Value::Null));
    world.release(&definition("v2", &Value::Null));
    // What tidies up too well: the revision that a rollback would go to.
    world.ecs("DeregisterTaskDefinition", &json!({ "taskDefinition": "api:1" }));

    let told = world.findings();
    for (rule, practice) in PRACTICES {
        assert_eq!(
            told.get(rule).map(|finding| &finding["practice"]),
            Some(&json!(practice)),
            "{rule} of {told:#?}"
        );
    }
    let target = told["rollback-target"]["what"].as_str().unwrap();
    assert_eq!(target, "api:1, which a rollback would go to, is INACTIVE");
    assert_eq!(told.len(), PRACTICES.len(), "nothing else is wrong with it: {:?}", told.keys());

    // 1, 6, 5, and the load balancer's part of 3: a command each.
    for rule in ["circuit-breaker", "alarms", "tag-mutability", "balancer-health-check"] {
        world.heal_by_command(rule);
    }
    wait_until("the new alarm has been evaluated", || !world.findings().contains_key("alarm-state"));

    // The container's and the task's part of 3: the fix has the health check to add. It calls a program that is not in
    // this "image", as it warns.
    let fix = world.finding("container-health-check")["fix"].as_str().unwrap().to_owned();
    let (_, snippet) = fix.split_once("\"healthCheck\": ").unwrap();
    let mut check: Value = serde_json::from_str(snippet).unwrap();
    assert_eq!(check["command"][1], "curl -fsS http://127.0.0.1:8080/health || exit 1");
    check["command"][1] = json!("exit 0");
    world.release(&definition("v2", &check));
    world.is_healed("container-health-check");
    world.is_healed("task-health");

    // 4: a deploy puts the digest in the tag's place. With that release there is a way back again, as the fix of 8 says.
    let by_digest = world.heal_by_command("digests");
    world.is_healed("rollback-target");

    // 7: there, and back again.
    world.run(world.finding("rollback-drill")["command"].as_str().unwrap());
    world.run(&by_digest);
    world.is_healed("rollback-drill");

    // 2: a second target group behind the same listener.
    world.heal_by_command("blue-green");

    let told = world.findings();
    assert!(told.is_empty(), "nothing is left: {told:#?}");
    let output = world.check(&["--service", "api", "--fail-on", "info"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).ends_with("1 service: nothing found\n"), "{}", text(&output));
}

#[test]
fn a_whole_cluster_is_audited_in_every_format_and_the_exit_code_tells() {
    let cloud = Cloud::start_beside(&["--speed", "20"]);
    let world = World::set(&cloud);
    world.release(&definition("v1", &Value::Null));
    world.broken_neighbour();

    let all = world.check(&["--all"]);
    let (screen, said) = (text(&all), String::from_utf8_lossy(&all.stderr).into_owned());
    assert_eq!(all.status.code(), Some(7), "{screen}{said}");
    for what in [
        "role nobody does not exist",
        "role api-execution does not let ecs.amazonaws.com take it on",
        "secret gone does not exist",
        "secret going-",
        "log group /ecs/nowhere does not exist",
        "a hook is without a time-out",
        "the circuit breaker is off",
    ] {
        assert!(screen.contains(what), "{what}\n{screen}");
    }
    assert!(!screen.contains("secret there"), "{screen}");
    assert!(screen.lines().last().is_some_and(|line| line.starts_with("2 services: ")), "{screen}");

    let report: Value = serde_json::from_slice(&world.check(&["--all", "--output", "json"]).stdout).unwrap();
    let names: Vec<&str> =
        report["services"].as_array().unwrap().iter().filter_map(|it| it["service"].as_str()).collect();
    assert_eq!(names, ["api", "jobs"]);
    let log: Value = serde_json::from_slice(&world.check(&["--all", "--output", "sarif"]).stdout).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(log["version"], "2.1.0");
    let tally = &report["tally"];
    let count = ["errors", "warnings", "infos"].iter().filter_map(|kind| tally[kind].as_u64()).sum::<u64>();
    assert_eq!(results.len() as u64, count);
    let github = text(&world.check(&["--all", "--output", "github"]));
    let annotations = github.lines().filter(|line| line.starts_with("::") && !line.starts_with("::debug"));
    assert_eq!(annotations.count() as u64, count, "{github}");

    // What is lived with is counted, and no longer fails.
    let config = cloud.folder().join("check.yml");
    let rules: BTreeSet<&str> = results.iter().filter_map(|result| result["ruleId"].as_str()).collect();
    let suppress: Vec<String> =
        rules.iter().map(|rule| format!("    - {{ rule: {rule}, reason: \"a test\" }}\n")).collect();
    std::fs::write(&config, format!("cluster: prod\ncheck:\n  suppress:\n{}", suppress.concat())).unwrap();
    let quiet = world.check(&["--all", "--fail-on", "info", "--config", config.to_str().unwrap()]);
    assert_eq!(quiet.status.code(), Some(0), "{}", text(&quiet));
    assert!(text(&quiet).contains(&format!("nothing found; {count} suppressed")), "{}", text(&quiet));
    let shown = world.check(&["--all", "-v", "--config", config.to_str().unwrap()]);
    assert!(
        text(&shown).contains("suppressed  circuit-breaker: the circuit breaker is off (a test)"),
        "{}",
        text(&shown)
    );

    let refusals: [(&[&str], i32, &str); 4] = [
        (
            &["check", "--cluster", "prod", "--service", "nope"],
            1,
            "there is no service `nope` in cluster `prod`",
        ),
        (&["check", "--cluster", "nope", "--all"], 1, "there is no cluster `nope`"),
        (&["check", "--cluster", "prod", "--all", "--service", "api"], 2, "exclude each other"),
        (
            &["status", "--cluster", "prod", "--service", "api", "--output", "sarif"],
            2,
            "only `tidegate check` answers in",
        ),
    ];
    for (arguments, code, sentence) in refusals {
        let output = world.tidegate(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(sentence), "{arguments:?}: {said}");
    }
}

/// A cluster with a load balancer, a repository, roles and a log group; its service breaks the practices.
struct World<'a> {
    cloud: &'a Cloud,
    group: String,
}

impl<'a> World<'a> {
    fn set(cloud: &'a Cloud) -> Self {
        let mut world = Self { cloud, group: String::new() };
        world.role("api-execution", "ecs-tasks.amazonaws.com");
        world.role("ecs-infrastructure", "ecs.amazonaws.com");
        world.call("logs", "Logs_20140328", "CreateLogGroup", &json!({ "logGroupName": "/ecs/api" }));
        world.images();
        world.group = world.front();
        world.ecs("CreateCluster", &json!({ "clusterName": "prod" }));
        world
    }

    /// A repository with tags that can be moved, and two images in it.
    fn images(&self) {
        const EMPTY: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        let ecr = |operation: &str, input: &Value| {
            self.call("ecr", "AmazonEC2ContainerRegistry_V20150921", operation, input)
        };
        ecr("CreateRepository", &json!({ "repositoryName": "sample" }));
        let upload = ecr("InitiateLayerUpload", &json!({ "repositoryName": "sample" }))["uploadId"].clone();
        // `{}` in base64.
        let part = json!({ "repositoryName": "sample", "uploadId": upload, "partFirstByte": 0, "partLastByte": 1, "layerPartBlob": "e30=" });
        ecr("UploadLayerPart", &part);
        ecr(
            "CompleteLayerUpload",
            &json!({ "repositoryName": "sample", "uploadId": upload, "layerDigests": [EMPTY] }),
        );
        for tag in ["v1", "v2"] {
            let layer = |kind: &str| json!({ "mediaType": format!("application/vnd.oci.image.{kind}"), "digest": EMPTY, "size": 2 });
            let manifest = json!({
                "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": layer("config.v1+json"), "layers": [layer("layer.v1.tar+gzip")],
                "annotations": { "version": tag },
            });
            ecr(
                "PutImage",
                &json!({ "repositoryName": "sample", "imageTag": tag, "imageManifest": manifest.to_string() }),
            );
        }
    }

    /// A target group with the checks that come by default, behind a listener. Its ARN.
    fn front(&self) -> String {
        let created = self.elb(
            "CreateTargetGroup",
            "Name=api&Protocol=HTTP&Port=8080&VpcId=vpc-1&TargetType=ip&HealthCheckIntervalSeconds=5\
             &HealthCheckTimeoutSeconds=2&HealthyThresholdCount=2",
        );
        let group = element(&created, "TargetGroupArn");
        let delay =
            "Attributes.member.1.Key=deregistration_delay.timeout_seconds&Attributes.member.1.Value=60";
        self.elb("ModifyTargetGroupAttributes", &format!("TargetGroupArn={group}&{delay}"));
        let subnets = "Subnets.member.1=subnet-1&Subnets.member.2=subnet-2";
        let balancer =
            element(&self.elb("CreateLoadBalancer", &format!("Name=api&{subnets}")), "LoadBalancerArn");
        let forward =
            format!("DefaultActions.member.1.Type=forward&DefaultActions.member.1.TargetGroupArn={group}");
        self.elb("CreateListener", &format!("LoadBalancerArn={balancer}&Protocol=HTTP&Port=8080&{forward}"));
        group
    }

    /// A service that never runs a task, with names that lead nowhere.
    fn broken_neighbour(&self) {
        let secret = |name: &str| {
            // A client token has 32 characters or more.
            let token = format!("{name:0>32}");
            let input = json!({ "Name": name, "SecretString": "s", "ClientRequestToken": token });
            self.call("secretsmanager", "secretsmanager", "CreateSecret", &input)["ARN"].clone()
        };
        let (there, going) = (secret("there"), secret("going"));
        self.call("secretsmanager", "secretsmanager", "DeleteSecret", &json!({ "SecretId": going }));
        let gone = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:gone";
        let mut definition = definition("v1", &Value::Null);
        definition["family"] = json!("jobs");
        definition["taskRoleArn"] = json!("arn:aws:iam::000000000000:role/nobody");
        definition["containerDefinitions"][0]["secrets"] = json!([{ "name": "A", "valueFrom": there }, { "name": "B", "valueFrom": going }, { "name": "C", "valueFrom": gone }]);
        definition["containerDefinitions"][0]["logConfiguration"]["options"]["awslogs-group"] =
            json!("/ecs/nowhere");
        let arn =
            self.ecs("RegisterTaskDefinition", &definition)["taskDefinition"]["taskDefinitionArn"].clone();
        self.ecs("CreateService", &json!({
            "cluster": "prod", "serviceName": "jobs", "taskDefinition": arn, "desiredCount": 0, "launchType": "FARGATE",
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
            "deploymentConfiguration": {
                "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0,
                "lifecycleHooks": [{ "hookTargetArn": "arn:aws:lambda:eu-west-1:000000000000:function:smoke",
                    "roleArn": "arn:aws:iam::000000000000:role/api-execution", "lifecycleStages": ["POST_SCALE_UP"] }],
            },
        }));
    }

    fn role(&self, name: &str, who: &str) {
        let trust = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": { "Service": who }, "Action": "sts:AssumeRole" }] });
        let encoded: Vec<String> = trust.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect();
        let parameters = format!("RoleName={name}&AssumeRolePolicyDocument={}", encoded.concat());
        let (status, body) =
            query(self.cloud.endpoint(), "iam", "2010-05-08", "CreateRole", &parameters).unwrap();
        assert_eq!(status, 200, "{body}");
    }

    /// Registers the definition, and has the service run it until that is done.
    fn release(&self, definition: &Value) {
        let arn =
            self.ecs("RegisterTaskDefinition", definition)["taskDefinition"]["taskDefinitionArn"].clone();
        let there = self.ecs("DescribeServices", &json!({ "cluster": "prod", "services": ["api"] }));
        if there["services"].as_array().is_none_or(Vec::is_empty) {
            self.ecs("CreateService", &json!({
                "cluster": "prod", "serviceName": "api", "taskDefinition": arn, "desiredCount": 2, "launchType": "FARGATE",
                "healthCheckGracePeriodSeconds": 60,
                "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
                "loadBalancers": [{ "targetGroupArn": self.group, "containerName": "app", "containerPort": 8080 }],
            }));
        } else {
            self.ecs("UpdateService", &json!({ "cluster": "prod", "service": "api", "taskDefinition": arn }));
        }
        wait_until("the release is deployed", || {
            let listed = self.ecs("ListServiceDeployments", &json!({ "cluster": "prod", "service": "api" }));
            let running =
                self.ecs("DescribeServices", &json!({ "cluster": "prod", "services": ["api"] }))["services"]
                    [0]["deployments"]
                    .clone();
            listed["serviceDeployments"][0]["status"] == "SUCCESSFUL"
                && running[0]["taskDefinition"] == arn
                && running[0]["rolloutState"] == "COMPLETED"
        });
    }

    /// What is found, by rule.
    fn findings(&self) -> BTreeMap<String, Value> {
        let output = self.check(&["--service", "api", "--output", "json"]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{error}: {}{}", text(&output), String::from_utf8_lossy(&output.stderr))
        });
        let service = &report["services"][0];
        assert_eq!(service["could_not_tell"], json!([]), "everything may be asked here");
        let findings = service["findings"].as_array().unwrap().iter();
        findings.map(|finding| (finding["rule"].as_str().unwrap().to_owned(), finding.clone())).collect()
    }

    fn finding(&self, rule: &str) -> Value {
        self.findings().remove(rule).unwrap_or_else(|| panic!("{rule} is found"))
    }

    fn is_healed(&self, rule: &str) {
        let told = self.findings();
        assert!(!told.contains_key(rule), "{:#?}", told[rule]);
    }

    /// Runs the command that the finding prints, and looks again. The command.
    fn heal_by_command(&self, rule: &str) -> String {
        let command = self.finding(rule)["command"]
            .as_str()
            .unwrap_or_else(|| panic!("{rule} has a command"))
            .to_owned();
        self.run(&command);
        self.is_healed(rule);
        command
    }

    /// Runs a command as a person who pastes it would.
    fn run(&self, command: &str) {
        let program = Path::new(PROGRAM).parent().unwrap();
        let before = env::var_os("PATH").unwrap_or_default();
        let path =
            env::join_paths([program.to_owned()].into_iter().chain(env::split_paths(&before))).unwrap();
        let output = Command::new("sh")
            .args(["-euc", command])
            .current_dir(self.cloud.folder().join("state"))
            .envs(self.cloud.aws_environment())
            .env("PATH", path)
            .env("AWS_PAGER", "")
            .env("ROLE", "arn:aws:iam::000000000000:role/ecs-infrastructure")
            .env("TIDEGATE_TICK_MS", "100")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{command}\n{}{}",
            text(&output),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn check(&self, arguments: &[&str]) -> Output {
        let all: Vec<&str> =
            ["check", "--cluster", "prod"].into_iter().chain(arguments.iter().copied()).collect();
        self.tidegate(&all)
    }

    fn tidegate(&self, arguments: &[&str]) -> Output {
        Command::new(PROGRAM)
            .args(arguments)
            .current_dir(self.cloud.folder().join("state"))
            .env_clear()
            .envs(self.cloud.aws_environment())
            .env("TIDEGATE_TICK_MS", "100")
            .output()
            .unwrap()
    }

    fn ecs(&self, operation: &str, input: &Value) -> Value {
        let (status, body) = ecs(self.cloud.endpoint(), operation, input).unwrap();
        assert_eq!(status, 200, "{operation}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    fn elb(&self, operation: &str, parameters: &str) -> String {
        let (status, body) = elbv2(self.cloud.endpoint(), operation, parameters).unwrap();
        assert_eq!(status, 200, "{operation}: {body}");
        body
    }

    fn call(&self, service: &str, target: &str, operation: &str, input: &Value) -> Value {
        let (status, body) = call_json(self.cloud.endpoint(), service, target, operation, input).unwrap();
        assert_eq!(status, 200, "{operation}: {body}");
        serde_json::from_str(&body).unwrap_or_default()
    }
}

/// A definition with an image by its tag, and this health check.
fn definition(tag: &str, check: &Value) -> Value {
    json!({
        "family": "api", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "executionRoleArn": "arn:aws:iam::000000000000:role/api-execution",
        "containerDefinitions": [{
            "name": "app", "image": format!("{REPOSITORY}:{tag}"), "portMappings": [{ "containerPort": 8080 }],
            "stopTimeout": 60, "healthCheck": check,
            "logConfiguration": { "logDriver": "awslogs", "options": {
                "awslogs-group": "/ecs/api", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "app" } },
        }],
    })
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
