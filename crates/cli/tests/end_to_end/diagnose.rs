//! `tidegate diagnose` of failures that are made to happen: real tasks, a real load balancer, one service for each
//! failure, all on one cloud at once. Start with the test; `World` makes the failures.

use std::{
    fmt::Write as _,
    process::{Command, Output},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    api::{self, codedeploy, ecs, elbv2, element},
    cloud::{Cloud, wait_until},
    front::Front,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");
const SECRETS: &str = "arn:aws:secretsmanager:eu-west-1:000000000000:secret";

/// A service whose trouble is known.
struct Story {
    service: &'static str,
    /// What `diagnose` is to name first.
    rule: &'static str,
    /// A part of the evidence, of the words or of the next command.
    says: &'static str,
}

const fn story(service: &'static str, rule: &'static str, says: &'static str) -> Story {
    Story { service, rule, says }
}

/// What passes by itself comes first, then in the order of the rules.
const STORIES: &[Story] = &[
    story("drains", "old-tasks-drain", "deregistration delay of 300 s"),
    story("image", "image-not-found", "nope:1: not found"),
    story("role", "role-not-assumed", "aws iam get-role --role-name nobody"),
    story("secret", "secret-missing", "the secret none does not exist"),
    story("key", "secret-key-missing", "has no JSON key password"),
    story("parameter", "parameter-missing", "aws ssm get-parameter --name /none"),
    story("loggroup", "log-configuration", "aws logs create-log-group --log-group-name /nowhere"),
    story("command", "command-not-found", "/no/such/program"),
    story("executable", "command-not-executable", "permission denied"),
    story("exits", "application-exits", "app logged: error: cannot connect to the database"),
    story("ends", "application-ends", "app logged: all done"),
    story("memory", "out-of-memory", "memory of the task: 512 MiB"),
    story("inner", "container-check", "no-such-curl"),
    story("path", "check-wrong-answer", "/healthz answers 404"),
    story("boot", "killed-while-booting", "--health-check-grace-period-seconds"),
    story("port", "port-not-listening", "the application logged: listening on 9999"),
    story("slow", "still-moving", "0 pending"),
    story("zero", "desired-zero", "desiredCount 0"),
    story("healthy", "nothing-wrong", "1 of 1 tasks run"),
    story("idle", "alarm-guards-nothing", "does not exist"),
    story("stuck", "percentages-stuck", "ceil(2 × 75 %) = 2 must stay healthy"),
    story("lonely", "target-group-unused", "Target.NotInUse"),
    story("alarmed", "alarm-went-off", "diag-5xx: HTTPCode_Target_5XX_Count"),
    story("stopped", "stopped-by-hand", "stopped by user"),
    story("deaf", "sigterm-ignored", "stopTimeout of app: 2 s"),
    story("hooked", "hook-failed", "the lifecycle hook diag-no failed at POST_SCALE_UP"),
    story("waits", "hook-waiting", "--action CONTINUE"),
    story("weights", "networking-invalid", "2 target groups which are serving traffic"),
    story("ready", "code-deploy-waits", "tidegate promote --cluster diag --service ready"),
    story("moved", "code-deploy-timeout", "This time out period is 5 minutes"),
    story("gone", "service-inactive", "INACTIVE"),
    story("helthy", "service-missing", "--service healthy"),
];

#[test]
fn every_failure_that_is_made_to_happen_is_named_first_with_its_evidence() {
    let world = World::make();
    world.fails_at_first();
    for name in world.serves_at_first() {
        wait_until(&format!("{name} serves"), || world.is_steady(name));
    }
    world.goes_wrong();

    let mut wrong = Vec::new();
    for story in STORIES {
        let deadline = Instant::now() + Duration::from_secs(25);
        loop {
            let (code, found) = world.diagnosed(story.service);
            let first = &found["causes"][0];
            let is_right = first["rule"] == story.rule && first.to_string().contains(story.says);
            let expected = if matches!(story.service, "helthy") { Some(1) } else { Some(0) };
            if is_right && code == expected {
                assert!(first["next"].as_str().is_some_and(|next| !next.is_empty()), "{first:#}");
                break;
            }
            if Instant::now() > deadline {
                wrong.push(format!("{}: not {} with {:?}: {found:#}", story.service, story.rule, story.says));
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    world.tells_what_follows();
    world.deploys_tell_the_first_cause();
}

#[test]
fn the_rules_that_are_shown_on_the_local_cloud_are_those_of_the_documentation() {
    use tidegate_rollout::rules::{RULES, Shown};
    let on_the_cloud = RULES.iter().filter(|rule| rule.shown == Shown::OnTheLocalCloud);
    let mut promised: Vec<&str> = on_the_cloud.map(|rule| rule.id).collect();
    let mut shown: Vec<&str> = STORIES.iter().map(|story| story.rule).collect();
    shown.extend(FOLLOW);
    promised.sort_unstable();
    shown.sort_unstable();
    assert_eq!(promised, shown);
}

/// Rules that come behind the cause that they follow from.
const FOLLOW: [&str; 3] = ["breaker-tripped", "nothing-to-go-back-to", "starts-throttled"];

/// The cloud, with its load balancer.
struct World {
    cloud: Cloud,
    listener: String,
    fronts: Vec<(&'static str, Front)>,
}

impl World {
    fn make() -> Self {
        let images = "    \"shell:*\": { command: [\"sh\"] }\n  functions:\n    \
                      \"diag-no\": { command: [\"echo\", '{\"hookStatus\": \"FAILED\"}'] }\n";
        let cloud = Cloud::start_configured_beside(images, &["--speed", "20"]);
        let elb = |operation: &str, parameters: &str| called(elbv2(cloud.endpoint(), operation, parameters));
        let subnets = "Subnets.member.1=subnet-1&Subnets.member.2=subnet-2";
        let balancer =
            element(&elb("CreateLoadBalancer", &format!("Name=diag&{subnets}")), "LoadBalancerArn");
        let listener = elb(
            "CreateListener",
            &format!(
                "LoadBalancerArn={balancer}&Protocol=HTTP&Port=8080&DefaultActions.member.1.Type=fixed-response\
                 &DefaultActions.member.1.FixedResponseConfig.StatusCode=404"
            ),
        );
        let listener = element(&listener, "ListenerArn");
        let fronts = ["hooked", "waits", "weights"]
            .map(|name| (name, Front::build(&cloud, name, [&format!("{name}-a"), &format!("{name}-b")])));
        let world = Self { cloud, listener, fronts: fronts.into_iter().collect() };
        world.ecs("CreateCluster", &json!({ "clusterName": "diag" }));
        let trust = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C\
                     %22Principal%22%3A%7B%22Service%22%3A%22ecs-tasks.amazonaws.com%22%7D%2C\
                     %22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D";
        let role = format!("RoleName=execution&AssumeRolePolicyDocument={trust}");
        called(api::query(world.cloud.endpoint(), "iam", "2010-05-08", "CreateRole", &role));
        for name in ["diag-5xx", "diag-old"] {
            let alarm = format!(
                "AlarmName={name}&Namespace=AWS/ApplicationELB&MetricName=HTTPCode_Target_5XX_Count&Period=60\
                 &EvaluationPeriods=1&Threshold=5&ComparisonOperator=GreaterThanThreshold&Statistic=Sum\
                 &TreatMissingData=notBreaching"
            );
            called(api::query(world.cloud.endpoint(), "monitoring", "2010-08-01", "PutMetricAlarm", &alarm));
        }
        world
    }

    fn ecs(&self, operation: &str, input: &Value) -> Value {
        serde_json::from_str(&called(ecs(self.cloud.endpoint(), operation, input))).unwrap()
    }

    fn code_deploy(&self, operation: &str, input: &Value) -> Value {
        serde_json::from_str(&called(codedeploy(self.cloud.endpoint(), operation, input))).unwrap()
    }

    /// Registers a revision: the sample service, but for these members of its container and of the whole.
    fn define(&self, family: &str, container: Value, whole: Value) {
        let container = with(
            json!({
                "name": "app", "image": "sample:1", "portMappings": [{ "containerPort": 8080 }], "stopTimeout": 2,
                "logConfiguration": { "logDriver": "awslogs", "options": {
                    "awslogs-group": "/diag", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "d",
                    "awslogs-create-group": "true",
                } },
            }),
            container,
        );
        let definition = json!({
            "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "512", "executionRoleArn": "arn:aws:iam::000000000000:role/execution",
            "containerDefinitions": [container],
        });
        self.ecs("RegisterTaskDefinition", &with(definition, whole));
    }

    /// Creates a service of one task, with these members.
    fn serve(&self, name: &str, more: Value) {
        let service = json!({
            "cluster": "diag", "serviceName": name, "taskDefinition": name, "desiredCount": 1,
            "launchType": "FARGATE", "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
        });
        self.ecs("CreateService", &with(service, more));
    }

    /// [`Self::define`] and [`Self::serve`] for what fails from its first deployment on.
    fn fail(&self, name: &str, container: Value, whole: Value, service: Value) {
        self.define(name, container, whole);
        self.serve(name, service);
    }

    /// A target group behind a rule of its own, as a service names it.
    fn behind(&self, name: &str, path: &str, priority: u32) -> (Value, String) {
        let elb =
            |operation: &str, parameters: &str| called(elbv2(self.cloud.endpoint(), operation, parameters));
        let created = elb(
            "CreateTargetGroup",
            &format!(
                "Name={name}&Protocol=HTTP&Port=8080&VpcId=vpc-1&TargetType=ip&HealthCheckPath={path}\
                 &HealthCheckIntervalSeconds=10&HealthCheckTimeoutSeconds=8&HealthyThresholdCount=2"
            ),
        );
        let group = element(&created, "TargetGroupArn");
        let rule = elb(
            "CreateRule",
            &format!(
                "ListenerArn={}&Priority={priority}&Conditions.member.1.Field=path-pattern\
                 &Conditions.member.1.Values.member.1=/{name}&Actions.member.1.Type=forward\
                 &Actions.member.1.TargetGroupArn={group}",
                self.listener
            ),
        );
        let balancer = json!([{ "targetGroupArn": group, "containerName": "app", "containerPort": 8080 }]);
        (balancer, element(&rule, "RuleArn"))
    }

    /// Services that fail, or do not, from their first deployment on.
    fn fails_at_first(&self) {
        let none = || json!({});
        let secret = |from: &str| json!({ "secrets": [{ "name": "A", "valueFrom": from }] });
        let shell = |script: &str| json!({ "image": "shell:1", "command": ["sh", "-c", script] });
        self.fail("image", json!({ "image": "nope:1" }), none(), none());
        let role = json!({ "executionRoleArn": "arn:aws:iam::000000000000:role/nobody" });
        self.fail("role", none(), role, none());
        self.fail("secret", secret(&format!("{SECRETS}:none")), none(), none());
        let made = json!({ "Name": "db", "SecretString": "{\"user\":\"app\"}", "ClientRequestToken": "0".repeat(32) });
        let made = called(api::json(
            self.cloud.endpoint(),
            "secretsmanager",
            "secretsmanager",
            "CreateSecret",
            &made,
        ));
        let made: Value = serde_json::from_str(&made).unwrap();
        self.fail("key", secret(&format!("{}:password::", made["ARN"].as_str().unwrap())), none(), none());
        self.fail("parameter", secret("/none"), none(), none());
        let logs = json!({ "logConfiguration": { "logDriver": "awslogs", "options": {
            "awslogs-group": "/nowhere", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "d" } } });
        self.fail("loggroup", logs, none(), none());
        self.fail("command", json!({ "command": ["/no/such/program"] }), none(), none());
        let file = self.cloud.folder().join("tidegate.yml");
        self.fail("executable", json!({ "command": [file] }), none(), none());
        self.fail("exits", json!({ "image": "sample:crash" }), none(), none());
        self.fail("ends", shell("echo all done"), none(), none());
        self.fail("memory", shell("kill -9 $$"), none(), none());
        let check = json!({ "healthCheck": {
            "command": ["CMD-SHELL", "no-such-curl -f http://localhost/"], "interval": 5, "retries": 2 } });
        self.fail("inner", check, none(), none());
        let (path, _) = self.behind("path", "/healthz", 1);
        let strict = json!({ "environment": [{ "name": "SAMPLE_CRASH", "value": "paths" }] });
        self.fail("path", strict, none(), json!({ "loadBalancers": path }));
        let (boot, _) = self.behind("boot", "/health", 2);
        let boots =
            shell(&format!("echo loading rules 1 of 9; sleep 60 & wait; exec {PROGRAM} sample-service"));
        self.fail("boot", boots, none(), json!({ "loadBalancers": boot }));
        let (port, _) = self.behind("port", "/health", 3);
        let grace = json!({ "loadBalancers": port, "healthCheckGracePeriodSeconds": 60 });
        self.fail("port", shell("echo listening on 9999; exec sleep 600"), none(), grace);
        let patient = json!({ "healthCheck": {
            "command": ["CMD-SHELL", "exit 1"], "interval": 300, "retries": 10, "startPeriod": 300 } });
        self.fail("slow", patient, none(), none());
        self.fail("zero", none(), none(), json!({ "desiredCount": 0 }));
        self.fail("healthy", none(), none(), none());
        let alarm = json!({ "deploymentConfiguration": { "alarms": {
            "alarmNames": ["diag-old"], "enable": true, "rollback": true } } });
        self.fail("idle", none(), none(), alarm);
        let old = "AlarmNames.member.1=diag-old";
        called(api::query(self.cloud.endpoint(), "monitoring", "2010-08-01", "DeleteAlarms", old));
        let breaker = json!({ "deploymentConfiguration": { "deploymentCircuitBreaker": {
            "enable": true, "rollback": true } } });
        self.fail("stays", json!({ "image": "sample:crash" }), none(), breaker);
        self.fail("gone", none(), none(), json!({ "desiredCount": 0 }));
        self.ecs("DeleteService", &json!({ "cluster": "diag", "service": "gone", "force": true }));
    }

    /// Services that serve at first, and whose next deployment goes wrong. Answers their names.
    fn serves_at_first(&self) -> Vec<&'static str> {
        let none = || json!({});
        let percent = json!({ "desiredCount": 2, "deploymentConfiguration": {
            "minimumHealthyPercent": 75, "maximumPercent": 100 } });
        self.fail("stuck", none(), none(), percent);
        let (lonely, rule) = self.behind("lonely", "/health", 4);
        self.fail("lonely", none(), none(), json!({ "loadBalancers": lonely }));
        let (drains, _) = self.behind("drains", "/health", 5);
        self.fail("drains", none(), none(), json!({ "loadBalancers": drains }));
        let alarm = json!({ "deploymentConfiguration": { "alarms": {
            "alarmNames": ["diag-5xx"], "enable": true, "rollback": true } } });
        self.fail("alarmed", none(), none(), alarm);
        self.fail("stopped", none(), none(), none());
        let deaf =
            json!({ "image": "shell:1", "command": ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"] });
        self.fail("deaf", deaf, none(), none());
        let breaker = json!({ "deploymentConfiguration": { "deploymentCircuitBreaker": {
            "enable": true, "rollback": true } } });
        self.fail("goes-back", none(), none(), breaker);
        self.fail("deployed", none(), none(), none());
        for (name, front) in &self.fronts {
            self.fail(
                name,
                none(),
                none(),
                json!({
                    "deploymentConfiguration": { "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0 },
                    "loadBalancers": [{
                        "targetGroupArn": front.groups[0], "containerName": "app", "containerPort": 8080,
                        "advancedConfiguration": {
                            "alternateTargetGroupArn": front.groups[1], "productionListenerRule": front.rule,
                            "roleArn": "arn:aws:iam::000000000000:role/ecs",
                        },
                    }],
                }),
            );
        }
        self.by_code_deploy("ready");
        self.by_code_deploy("moved");
        wait_until("lonely serves", || self.is_steady("lonely"));
        called(elbv2(self.cloud.endpoint(), "DeleteRule", &format!("RuleArn={rule}")));
        vec![
            "stuck",
            "drains",
            "alarmed",
            "stopped",
            "deaf",
            "goes-back",
            "deployed",
            "hooked",
            "waits",
            "weights",
            "ready",
            "moved",
            "healthy",
            "idle",
        ]
    }

    /// A service that CodeDeploy deploys, with two target groups, and a listener on a port of its own.
    fn by_code_deploy(&self, name: &str) {
        let front =
            Front::build(&self.cloud, &format!("cd-{name}"), [&format!("{name}-a"), &format!("{name}-b")]);
        self.fail(name, json!({}), json!({}), json!({
            "deploymentController": { "type": "CODE_DEPLOY" },
            "loadBalancers": [{ "targetGroupArn": front.groups[0], "containerName": "app", "containerPort": 8080 }],
        }));
        self.code_deploy("CreateApplication", &json!({ "applicationName": name, "computePlatform": "ECS" }));
        self.code_deploy("CreateDeploymentGroup", &json!({
            "applicationName": name, "deploymentGroupName": name,
            "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
            "serviceRoleArn": "arn:aws:iam::000000000000:role/codedeploy",
            "blueGreenDeploymentConfiguration": {
                "deploymentReadyOption": { "actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 600 },
                "terminateBlueInstancesOnDeploymentSuccess": {
                    "action": "TERMINATE", "terminationWaitTimeInMinutes": 5 },
            },
            "deploymentStyle": { "deploymentOption": "WITH_TRAFFIC_CONTROL", "deploymentType": "BLUE_GREEN" },
            "ecsServices": [{ "clusterName": "diag", "serviceName": name }],
            "loadBalancerInfo": { "targetGroupPairInfoList": [{
                "prodTrafficRoute": { "listenerArns": [listener_of(&front.rule)] },
                "targetGroups": [{ "name": format!("{name}-a") }, { "name": format!("{name}-b") }],
            }] },
        }));
    }

    /// Takes the service's target groups out of the listener when a deployment is ready to move the traffic.
    fn moves_the_listener(&self, deployment: &Value) {
        let info = || {
            self.code_deploy("GetDeployment", &json!({ "deploymentId": deployment }))["deploymentInfo"]
                .clone()
        };
        wait_until("moved is ready", || info()["status"] == "Ready");
        let pair = info()["loadBalancerInfo"]["targetGroupPairInfoList"][0].clone();
        let listener = pair["prodTrafficRoute"]["listenerArns"][0].as_str().unwrap();
        let answer = "DefaultActions.member.1.Type=fixed-response\
                      &DefaultActions.member.1.FixedResponseConfig.StatusCode=404";
        let moved = format!("ListenerArn={listener}&{answer}");
        called(elbv2(self.cloud.endpoint(), "ModifyListener", &moved));
        let go_on = json!({ "deploymentId": deployment, "deploymentWaitType": "READY_WAIT" });
        called(codedeploy(self.cloud.endpoint(), "ContinueDeployment", &go_on));
    }

    /// Is its first deployment completed?
    fn is_steady(&self, name: &str) -> bool {
        let services = json!({ "cluster": "diag", "services": [name] });
        let service = self.ecs("DescribeServices", &services)["services"][0].clone();
        service["deployments"][0]["rolloutState"] == "COMPLETED"
            || service["taskSets"][0]["stabilityStatus"] == "STEADY_STATE"
            || (service["taskSets"][0]["runningCount"] == 1)
    }

    /// What serves is deployed anew, and each goes wrong in its own way.
    fn goes_wrong(&self) {
        let deploy = |name: &str, container: Value, more: Value| {
            self.define(name, container, json!({}));
            let update = json!({ "cluster": "diag", "service": name, "taskDefinition": name });
            self.ecs("UpdateService", &with(update, more))["service"]["currentServiceDeployment"].clone()
        };
        let (none, next) = (|| json!({}), || json!({ "image": "sample:2" }));
        deploy("stuck", next(), none());
        deploy("drains", next(), none());
        deploy("goes-back", json!({ "image": "sample:crash" }), none());
        deploy("deaf", next(), none());
        let stopped = deploy("stopped", next(), none());
        self.ecs(
            "StopServiceDeployment",
            &json!({ "serviceDeploymentArn": stopped, "stopType": "ROLLBACK" }),
        );
        let hook = json!([{ "hookTargetArn": "arn:aws:lambda:eu-west-1:000000000000:function:diag-no",
            "roleArn": "arn:aws:iam::000000000000:role/hooks", "lifecycleStages": ["POST_SCALE_UP"] }]);
        deploy("hooked", next(), json!({ "deploymentConfiguration": { "lifecycleHooks": hook } }));
        let pause = json!([{ "targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"],
            "timeoutConfiguration": { "timeoutInMinutes": 600, "action": "ROLLBACK" } }]);
        deploy("waits", next(), json!({ "deploymentConfiguration": { "lifecycleHooks": pause } }));
        let (_, front) = &self.fronts[2];
        let weighted = "DefaultActions.member.1.ForwardConfig.TargetGroups.member";
        let both = format!(
            "ListenerArn={}&DefaultActions.member.1.Type=forward&{weighted}.1.TargetGroupArn={}&{weighted}.1.Weight=1\
             &{weighted}.2.TargetGroupArn={}&{weighted}.2.Weight=1",
            listener_of(&front.rule),
            front.groups[0],
            front.groups[1],
        );
        called(elbv2(self.cloud.endpoint(), "ModifyListener", &both));
        deploy("weights", next(), none());
        for name in ["ready", "moved"] {
            self.define(name, next(), none());
            let spec = json!({ "version": 0.0, "Resources": [{ "TargetService": {
                "Type": "AWS::ECS::Service", "Properties": {
                    "TaskDefinition": format!("arn:aws:ecs:eu-west-1:000000000000:task-definition/{name}:2"),
                    "LoadBalancerInfo": { "ContainerName": "app", "ContainerPort": 8080 } } } }] });
            let revision = json!({ "revisionType": "AppSpecContent", "appSpecContent": { "content": spec.to_string() } });
            let deployment =
                json!({ "applicationName": name, "deploymentGroupName": name, "revision": revision });
            let made = self.code_deploy("CreateDeployment", &deployment);
            if name == "moved" {
                self.moves_the_listener(&made["deploymentId"]);
            }
        }
        let alarmed = deploy("alarmed", next(), none());
        let input = json!({ "serviceDeploymentArns": [alarmed] });
        wait_until("the new task of alarmed runs", || {
            let known = self.ecs("DescribeServiceDeployments", &input)["serviceDeployments"][0].clone();
            known["targetServiceRevision"]["runningTaskCount"] == 1
        });
        let state = "AlarmName=diag-5xx&StateValue=ALARM&StateReason=five%20were%20too%20many";
        called(api::query(self.cloud.endpoint(), "monitoring", "2010-08-01", "SetAlarmState", state));
    }

    fn command(&self, service: &str, arguments: &[&str]) -> Output {
        let config = self.cloud.folder().join("diag.yml");
        let mut text = format!("cluster: diag\nservice: {service}\n");
        if ["ready", "moved"].contains(&service) {
            text += "strategy: blue_green\ncontroller: code_deploy\nblueGreen: { bake: 5m }\n";
            let _ = writeln!(text, "codeDeploy: {{ application: {service}, deploymentGroup: {service} }}");
        }
        std::fs::write(&config, text).unwrap();
        Command::new(PROGRAM)
            .arg("--config")
            .arg(&config)
            .args(arguments)
            .env_clear()
            .envs(std::env::var("PATH").map(|path| ("PATH", path)))
            .envs(self.cloud.aws_environment())
            .env("TIDEGATE_TICK_MS", "100")
            .output()
            .unwrap()
    }

    /// The exit code and the document of `tidegate diagnose --output json`.
    fn diagnosed(&self, service: &str) -> (Option<i32>, Value) {
        let output = self.command(service, &["diagnose", "--output", "json"]);
        let found = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{service}: {error}: {}", String::from_utf8_lossy(&output.stderr))
        });
        (output.status.code(), found)
    }

    /// What follows from a cause comes behind it: a rollback that looks like a success, a failure that stays.
    fn tells_what_follows(&self) {
        let expected = [
            (
                "goes-back",
                "application-exits",
                "breaker-tripped",
                "steady on goes-back:1, and not on goes-back:2",
            ),
            ("stays", "application-exits", "nothing-to-go-back-to", "No rollback candidate"),
            ("image", "image-not-found", "starts-throttled", "consistently"),
        ];
        for (service, cause, follows, says) in expected {
            let mut found = Value::Null;
            wait_until(&format!("{service}: {follows} follows from {cause}"), || {
                found = self.diagnosed(service).1;
                let causes = found["causes"].as_array().unwrap();
                let behind = causes.iter().skip(1).find(|it| it["rule"] == follows);
                causes[0]["rule"] == cause && behind.is_some_and(|it| it.to_string().contains(says))
            });
        }
        let screen = self.command("goes-back", &["diagnose", "--top", "1"]);
        let screen = String::from_utf8_lossy(&screen.stdout).into_owned();
        assert!(
            screen.starts_with("diag/goes-back: goes-back:2 was taken back; goes-back:1 serves"),
            "{screen}"
        );
        assert!(screen.contains("more: --top") && screen.contains("looked at"), "{screen}");
    }

    /// A deployment that is thrown back, and one that hangs, name the first cause by themselves.
    fn deploys_tell_the_first_cause(&self) {
        let failed = self.command("deployed", &["deploy", "--image", "sample:crash", "--timeout", "20s"]);
        let told = told(&failed);
        assert_eq!(failed.status.code(), Some(3), "{told}");
        for part in [
            "the application in container app exits with code 1",
            "app logged: error: cannot connect to the database",
            "tidegate logs --cluster diag --service deployed --task ",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        self.define(
            "deployed",
            json!({ "image": "sample:2", "healthCheck": {
            "command": ["CMD-SHELL", "exit 1"], "interval": 300, "retries": 10, "startPeriod": 300 } }),
            json!({}),
        );
        let hangs =
            self.command("deployed", &["deploy", "--task-definition", "deployed:3", "--timeout", "2s"]);
        let told = self::told(&hangs);
        assert_eq!(hangs.status.code(), Some(5), "{told}");
        assert!(
            told.contains("the deployment is under way, and nothing that was seen stands against it"),
            "{told}"
        );
    }
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The body of an answer that has to be a good one.
fn called(answer: api::Answer) -> String {
    let (status, body) = answer.unwrap();
    assert_eq!(status, 200, "{body}");
    body
}

/// An object with members added or replaced.
fn with(mut object: Value, members: Value) -> Value {
    for (name, value) in members.as_object().into_iter().flatten() {
        object[name] = value.clone();
    }
    object
}

/// The listener of a rule's ARN.
fn listener_of(rule: &str) -> String {
    let rule = rule.replacen(":listener-rule/", ":listener/", 1);
    rule.rsplit_once('/').map_or_else(|| rule.clone(), |(listener, _)| listener.to_owned())
}
