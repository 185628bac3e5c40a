//! Each rule that AWS tells by sentences, told one; what outranks what; and the page of the documentation.

use super::*;
use crate::case::{Alarm, AlarmState, Case, Described, Fact, HealthCheck, Log, Target, TargetGroup, Task};
use crate::names::{ClusterName, DeploymentId, ServiceName, ServiceRef, TaskDefinitionArn};
use crate::observation::{
    CircuitBreaker, Deployment, RolloutState, Service, ServiceEvent, StoppedContainer, StoppedTask,
};
use serde_json::{Value, json};
use std::fmt::Write as _;

const GROUP: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web-blue/0123456789abcdef";
const SECOND: crate::Millis = 1000;

/// A service whose deployment of web:8 is under way, ten minutes after it began.
fn moving() -> Case {
    case("IN_PROGRESS", RolloutState::InProgress)
}

/// The same after it was completed.
fn steady() -> Case {
    case("SUCCESSFUL", RolloutState::Completed)
}

/// The same after it failed and was gone back from.
fn rolled_back(reason: &str) -> Case {
    let mut case = case("ROLLBACK_SUCCESSFUL", RolloutState::Completed);
    case.brought = Some(arn(8));
    if let Some(service) = &mut case.service {
        service.seen.deployments[0].id = DeploymentId::answered("ecs-svc/1");
        service.seen.deployments[0].task_definition = TaskDefinitionArn::parse(&arn(7)).unwrap();
        service.seen.task_definition = TaskDefinitionArn::parse(&arn(7)).unwrap();
    }
    if let Fact::Known(known) = &mut case.service_deployment {
        known["statusReason"] = json!(reason);
    }
    case
}

fn case(status: &str, state: RolloutState) -> Case {
    let target = ServiceRef {
        cluster: ClusterName::parse("prod").unwrap(),
        service: ServiceName::parse("web").unwrap(),
    };
    let deployment = Deployment {
        id: DeploymentId::answered("ecs-svc/2"),
        status: "PRIMARY".into(),
        task_definition: TaskDefinitionArn::parse(&arn(8)).unwrap(),
        desired: 2,
        running: if state == RolloutState::Completed { 2 } else { 0 },
        pending: 0,
        failed: 0,
        rollout_state: Some(state),
        rollout_state_reason: None,
        created_at: Some(0),
    };
    let seen = Service {
        status: "ACTIVE".into(),
        task_definition: TaskDefinitionArn::parse(&arn(8)).unwrap(),
        desired_count: 2,
        deployments: vec![deployment],
        events: Vec::new(),
        current_service_deployment: None,
        circuit_breaker: CircuitBreaker::RollsBack,
    };
    let raw = json!({
        "runningCount": 2, "deploymentController": {"type": "ECS"},
        "deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 200},
        "loadBalancers": [{"targetGroupArn": GROUP, "containerName": "app", "containerPort": 8080}],
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}},
    });
    let mut case = Case::of(target, 600 * SECOND, Some(Described { seen, raw }));
    case.service_deployment = Fact::Known(json!({
        "serviceDeploymentArn": "arn:sd", "status": status, "createdAt": 0.0, "finishedAt": 100.0,
        "deploymentCircuitBreaker": {"failureCount": 3, "threshold": 3},
    }));
    if let Fact::Known(known) = &mut case.service_deployment
        && status == "IN_PROGRESS"
    {
        known.as_object_mut().unwrap().remove("finishedAt");
    }
    case.task_definition = Fact::Known(json!({ "memory": "512", "containerDefinitions": [{
        "name": "app", "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/web:v8", "stopTimeout": 5,
        "healthCheck": {"command": ["CMD-SHELL", "curl -f http://localhost/"], "interval": 10},
        "secrets": [{"name": "A", "valueFrom": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf:pw::"}],
    }]}));
    case.stopped = Fact::Known(Vec::new());
    case
}

fn arn(revision: u32) -> String {
    format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:{revision}")
}

/// A task of web:8 that ended so, 30 s after it had started.
fn task(code: &str, reason: &str, exit: Option<i32>, own: Option<&str>) -> Task {
    let container = StoppedContainer {
        name: "app".into(),
        exit_code: exit,
        reason: own.map(str::to_owned),
        health_status: None,
    };
    Task {
        end: StoppedTask {
            id: "0123456789abcdef0123456789abcdef".into(),
            started_by: Some(DeploymentId::answered("ecs-svc/2")),
            stop_code: Some(code.into()),
            stopped_reason: Some(reason.into()),
            stopped_at: Some(240 * SECOND),
            containers: vec![container],
        },
        task_definition: Some(arn(8)),
        last_status: "STOPPED".into(),
        health: None,
        created_at: Some(200 * SECOND),
        started_at: exit.map(|_| 205 * SECOND),
        stopping_at: Some(235 * SECOND),
        execution_stopped_at: Some(240 * SECOND),
    }
}

fn with_task(mut case: Case, task: Task) -> Case {
    case.stopped = Fact::Known(vec![task]);
    case
}

fn with_event(mut case: Case, message: &str) -> Case {
    let event =
        ServiceEvent { id: "e".into(), at: 300 * SECOND, message: format!("(service web) {message}") };
    case.service.as_mut().unwrap().seen.events.push(event);
    case
}

fn with_group(mut case: Case, state: &str, reason: Option<&str>, description: Option<&str>) -> Case {
    let target = Target {
        id: "10.0.0.1".into(),
        port: 8080,
        state: state.into(),
        reason: reason.map(str::to_owned),
        description: description.map(str::to_owned),
    };
    let check = HealthCheck {
        protocol: "HTTP".into(),
        path: Some("/health".into()),
        port: "traffic-port".into(),
        matcher: "200".into(),
        interval: 10,
        timeout: 5,
        passes: 2,
        failures: 2,
    };
    case.groups = Fact::Known(vec![TargetGroup {
        arn: GROUP.into(),
        name: "web-blue".into(),
        load_balancers: vec!["arn:lb".into()],
        check,
        delay_seconds: Fact::Known(300),
        targets: Fact::Known(vec![target]),
    }]);
    case
}

fn with_log(mut case: Case, lines: &[&str]) -> Case {
    let lines = lines.iter().map(|line| (210 * SECOND, (*line).to_owned())).collect();
    case.logs = Fact::Known(vec![Log {
        task: "0123456789abcdef0123456789abcdef".into(),
        container: "app".into(),
        group: "/ecs".into(),
        stream: "app/app/0".into(),
        lines,
    }]);
    case
}

/// Killed by the balancer's check, which said this.
fn killed(reason: &str, log: &[&str]) -> Case {
    let ended = format!("Task failed ELB health checks in (target-group {GROUP})");
    let case = with_task(moving(), task("ServiceSchedulerInitiated", &ended, Some(143), None));
    let case = with_group(case, "draining", None, None);
    let said =
        format!("(task 0) (port 8080) is unhealthy in (target-group {GROUP}) due to (reason {reason})");
    with_log(with_event(case, &said), log)
}

fn to_start(reason: &str) -> Case {
    with_task(moving(), task("TaskFailedToStart", reason, None, None))
}

fn exited(code: i32) -> Case {
    with_task(
        moving(),
        task("EssentialContainerExited", "Essential container in task exited", Some(code), None),
    )
}

fn by_code_deploy(info: Value) -> Case {
    let mut case = moving();
    let service = case.service.as_mut().unwrap();
    service.raw["deploymentController"] = json!({"type": "CODE_DEPLOY"});
    service.raw["taskSets"] = json!([{"id": "ecs-svc/1", "status": "PRIMARY",
        "loadBalancers": [{"targetGroupArn": GROUP}]}]);
    case.service_deployment = Fact::Absent;
    case.code_deploy = Fact::Known(info);
    case
}

fn failed_by_code_deploy(code: &str, message: &str) -> Case {
    by_code_deploy(json!({"deploymentId": "d-1", "status": "Failed", "createTime": 0.0,
        "errorInformation": {"code": code, "message": message}}))
}

/// For each rule a case in which it comes first, and a part of what it says.
fn stories() -> Vec<(&'static str, Case, &'static str)> {
    let init = |why: &str| to_start(&format!("ResourceInitializationError: {why}"));
    let secrets = "unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s)";
    let mut missing = moving();
    missing.service = None;
    missing.neighbours = Fact::Known(vec!["wob".into(), "billing".into()]);
    let mut inactive = steady();
    inactive.service.as_mut().unwrap().seen.status = "INACTIVE".into();
    let mut stuck = moving();
    stuck.service.as_mut().unwrap().raw["deploymentConfiguration"] =
        json!({"minimumHealthyPercent": 75, "maximumPercent": 100});
    let mut hook = moving();
    hook.service_deployment = Fact::Known(json!({"serviceDeploymentArn": "arn:sd", "status": "IN_PROGRESS",
        "createdAt": 0.0, "lifecycleStage": "POST_SCALE_UP", "lifecycleHookDetails": [
        {"hookId": "ecs-pause-1", "status": "AWAITING_ACTION", "expiresAt": 4200.0, "timeoutAction": "ROLLBACK"}]}));
    let alarm = |state| Alarm {
        name: "web-5xx".into(),
        state,
        reason: Some("1 datapoint was over".into()),
        watches: Some("HTTPCode_Target_5XX_Count GreaterThanThreshold 5".into()),
        since: None,
    };
    let mut by_alarm = rolled_back("Service deployment rolled back because an alarm was detected.");
    by_alarm.alarms = Fact::Known(vec![alarm(AlarmState::Alarm)]);
    if let Fact::Known(known) = &mut by_alarm.service_deployment {
        known["alarms"] = json!({"triggeredAlarmNames": ["web-5xx"]});
    }
    let mut idle_alarm = steady();
    idle_alarm.alarms = Fact::Known(vec![alarm(AlarmState::InsufficientData)]);
    let mut draining = with_group(moving(), "draining", None, None);
    draining.service.as_mut().unwrap().seen.deployments[0].running = 2;
    let mut old =
        task("ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/1)", None, None);
    (old.end.stopped_at, old.last_status) = (None, "DEACTIVATING".into());
    draining = with_task(draining, old);
    let mut deaf = task(
        "ServiceSchedulerInitiated",
        "Scaling activity initiated by (deployment ecs-svc/1)",
        Some(137),
        None,
    );
    deaf.end.started_by = Some(DeploymentId::answered("ecs-svc/1"));
    let mut pending = moving();
    let mut waiting = task("", "", None, None);
    (waiting.end.stop_code, waiting.end.stopped_reason, waiting.end.stopped_at) = (None, None, None);
    (waiting.stopping_at, waiting.last_status) = (None, "PENDING".into());
    pending.live = Fact::Known(vec![waiting]);
    let mut none_wanted = steady();
    none_wanted.service.as_mut().unwrap().seen.desired_count = 0;
    let mut stays = moving();
    stays.service_deployment = Fact::Known(json!({"status": "ROLLBACK_FAILED", "createdAt": 0.0,
        "statusReason": "No rollback candidate was found to run the rollback"}));
    let sick = |reason: &str| with_task(moving(), task("ServiceSchedulerInitiated", reason, Some(143), None));
    vec![
        ("service-missing", missing, "wob"),
        ("service-inactive", inactive, "INACTIVE"),
        ("percentages-stuck", stuck, "ceil(2 × 75 %) = 2"),
        (
            "role-not-assumed",
            with_event(
                moving(),
                "failed to launch a task with (error ECS was unable to assume the role 'arn:aws:iam::123456789012:role/web' that was provided for this task.",
            ),
            "aws iam get-role --role-name web",
        ),
        (
            "image-platform",
            to_start(
                "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/amd64'",
            ),
            "imageTag=v8",
        ),
        (
            "image-not-found",
            to_start(
                "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref docker.io/library/web:nope: docker.io/library/web:nope: not found",
            ),
            "docker manifest inspect web:nope",
        ),
        (
            "image-denied",
            to_start("CannotPullContainerError: pull access denied for web"),
            "aws ecr describe-images --registry-id 123456789012 --repository-name team/web",
        ),
        ("image-name-invalid", to_start("CannotPullContainerError: invalid reference format"), "render"),
        (
            "image-rate-limited",
            to_start("CannotPullContainerError: toomanyrequests: You have reached your pull rate limit"),
            "pull-through",
        ),
        (
            "image-not-pulled",
            to_start("CannotPullContainerError: dial tcp 10.0.0.1:443: i/o timeout"),
            "route",
        ),
        (
            "secret-denied",
            init(&format!("{secrets}: AccessDeniedException: User is not authorized")),
            "describe-secret --secret-id db-AbCdEf",
        ),
        (
            "secret-missing",
            init(&format!(
                "{secrets}: failed to fetch secret arn:aws:secretsmanager:eu-west-1:1:secret:none-AbCdEf from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified secret."
            )),
            "the secret none-AbCdEf does not exist",
        ),
        (
            "secret-key-missing",
            init(&format!("{secrets}: retrieved secret from Secrets Manager did not contain json key pw")),
            "JSON key pw",
        ),
        (
            "parameter-missing",
            init(
                "unable to pull secrets or registry auth: unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm parameters: /web/none",
            ),
            "get-parameter --name /web/none",
        ),
        (
            "log-configuration",
            init(
                "failed to validate logger args: unknown log opt 'awslogs-colour' for awslogs log driver : exit status 1",
            ),
            "awslogs-colour",
        ),
        (
            "resources-not-ready",
            init("unable to pull secrets or registry auth: context deadline exceeded"),
            "Values=subnet-1",
        ),
        (
            "command-not-found",
            to_start("CannotStartContainerError: exec: \"serve\": executable file not found in $PATH"),
            "serve",
        ),
        ("command-not-executable", exited(126), "render"),
        ("container-not-started", to_start("CannotStartContainerError: no space left on device"), "no space"),
        (
            "container-not-created",
            to_start("CannotCreateContainerError: no space left on device"),
            "no space",
        ),
        (
            "out-of-memory",
            with_task(
                moving(),
                task(
                    "EssentialContainerExited",
                    "Essential container in task exited",
                    Some(137),
                    Some("OutOfMemoryError: Container killed due to memory usage"),
                ),
            ),
            "memory of the task: 512 MiB",
        ),
        (
            "cannot-place",
            with_event(
                moving(),
                "was unable to place a task because no container instance met all of its requirements. The closest matching (container-instance 0) has insufficient memory available.",
            ),
            "enough memory free",
        ),
        (
            "networking-invalid",
            rolled_back(
                "Service deployment rolled back because of invalid networking configuration. One or more rules not found",
            ),
            "rules not found",
        ),
        (
            "hook-failed",
            rolled_back(
                "Service deployment rolled back because POST_SCALE_UP lifecycle hook(s) failed. Lifecycle hook target arn:aws:lambda:eu-west-1:1:function:check returned FAILED status.",
            ),
            "the lifecycle hook check failed at POST_SCALE_UP",
        ),
        ("hook-waiting", hook, "--hook-id ecs-pause-1 --action CONTINUE"),
        ("alarm-went-off", by_alarm, "web-5xx: HTTPCode_Target_5XX_Count"),
        (
            "code-deploy-waits",
            by_code_deploy(json!({"deploymentId": "d-1", "status": "Ready", "createTime": 0.0})),
            "tidegate promote --cluster prod --service web",
        ),
        (
            "code-deploy-listener",
            failed_by_code_deploy(
                "ECS_UPDATE_ERROR",
                "The ELB could not be updated due to the following error: Primary taskset target group must be behind listener arn:l",
            ),
            "modify-listener --listener-arn arn:l",
        ),
        (
            "code-deploy-timeout",
            failed_by_code_deploy(
                "TIMEOUT",
                "The deployment timed out while waiting for the replacement task set to become healthy. This time out period is 60 minutes.",
            ),
            "60 minutes",
        ),
        (
            "code-deploy-failed",
            failed_by_code_deploy("IAM_ROLE_MISSING", "no role"),
            "service role does not exist",
        ),
        ("target-group-unused", with_group(moving(), "unused", Some("Target.NotInUse"), None), "web-blue"),
        (
            "check-wrong-answer",
            killed("Health checks failed with these codes: [404]", &[]),
            "/health answers 404",
        ),
        ("check-timeout", killed("Request timed out", &["listening on 8080"]), "sg-1"),
        (
            "killed-while-booting",
            killed("Health checks failed", &["loading rules"]),
            "--health-check-grace-period-seconds 90",
        ),
        (
            "port-not-listening",
            killed("Health checks failed", &["listening on 9999"]),
            "the application logged: listening on 9999",
        ),
        (
            "balancer-check",
            sick(&format!("Task failed ELB health checks in (target-group {GROUP})")),
            "matcher",
        ),
        ("container-check", sick("Task failed container health checks"), "curl -f http://localhost/"),
        (
            "application-exits",
            with_log(exited(1), &["panic: no DATABASE_URL"]),
            "app logged: panic: no DATABASE_URL",
        ),
        ("application-ends", exited(0), "foreground"),
        ("spot-interrupted", to_start("Your Spot Task was interrupted."), "on-demand"),
        ("host-gone", to_start("Host EC2 (instance i-1) terminated."), "list-container-instances"),
        (
            "targets-not-registered",
            with_event(moving(), "failed to register targets in (target-group x) with (error y)"),
            "target group",
        ),
        (
            "tasks-protected",
            with_event(
                moving(),
                "was unable to reach steady state because (taskSet ecs-svc/1) was unable to scale in due to (reason 2 tasks under protection)",
            ),
            "2 tasks",
        ),
        ("old-tasks-drain", draining, "deregistration delay of 300 s"),
        (
            "starts-throttled",
            with_event(moving(), "is unable to consistently start tasks successfully."),
            "deploy",
        ),
        (
            "breaker-tripped",
            rolled_back("Service deployment rolled back because the circuit breaker threshold was exceeded."),
            "steady on web:7, and not on web:8",
        ),
        ("nothing-to-go-back-to", stays, "No rollback candidate"),
        (
            "stopped-by-hand",
            rolled_back("Service deployment rolled back because it was stopped by user."),
            "history",
        ),
        (
            "api-throttled",
            with_event(moving(), "operations are being throttled. Will try again later."),
            "throttle",
        ),
        ("task-pending", pending, "is PENDING since 6 min"),
        ("alarm-guards-nothing", idle_alarm, "INSUFFICIENT_DATA"),
        ("sigterm-ignored", with_task(steady(), deaf), "stopTimeout of app: 5 s"),
        ("desired-zero", none_wanted, "desiredCount 0"),
        ("still-moving", moving(), "web:8 (PRIMARY): 0 of 2 run"),
        ("nothing-wrong", steady(), "steady on web:8, 2 of 2 tasks run"),
    ]
}

#[test]
fn every_rule_comes_first_in_its_own_story_with_evidence_a_fix_and_a_command() {
    let stories = stories();
    let told: Vec<&str> = stories.iter().map(|(id, ..)| *id).collect();
    let all: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(told, all, "one story for each rule, in the order of the table");
    for (id, case, part) in stories {
        let found = causes(&case);
        let first = found.first().unwrap_or_else(|| panic!("{id}: nothing found"));
        assert_eq!(first.rule, id, "{found:#?}");
        let text = format!("{first:?}");
        assert!(text.contains(part), "{id}: no {part:?} in {first:#?}");
        assert!(!first.evidence.is_empty() && !first.fix.is_empty(), "{id}: {first:#?}");
        let tells_command = first.next.as_ref().is_some_and(|it| {
            it.starts_with("tidegate ") || it.starts_with("aws ") || it.starts_with("docker ")
        });
        assert!(tells_command, "{id}: {first:#?}");
    }
}

#[test]
fn what_follows_from_a_cause_comes_after_it() {
    let mut case =
        rolled_back("Service deployment rolled back because the circuit breaker threshold was exceeded.");
    let mut failed = task("EssentialContainerExited", "Essential container in task exited", Some(1), None);
    failed.end.started_by = Some(DeploymentId::answered("ecs-svc/2"));
    case = with_event(with_task(case, failed), "is unable to consistently start tasks successfully.");
    let found: Vec<String> = causes(&case).into_iter().map(|cause| cause.rule).collect();
    assert_eq!(found, ["application-exits", "starts-throttled", "breaker-tripped"]);
}

#[test]
fn tasks_of_an_earlier_deployment_are_over() {
    let mut old = task("EssentialContainerExited", "Essential container in task exited", Some(1), None);
    old.end.started_by = Some(DeploymentId::answered("ecs-svc/1"));
    let found = causes(&with_task(steady(), old));
    assert_eq!(found.iter().map(|cause| cause.rule.as_str()).collect::<Vec<_>>(), ["nothing-wrong"]);
}

#[test]
fn the_time_that_a_killed_task_drains_is_not_its_life() {
    let mut case = killed("Health checks failed", &["loading rules"]);
    if let Fact::Known(tasks) = &mut case.stopped {
        (tasks[0].stopping_at, tasks[0].end.stopped_at) = (Some(535 * SECOND), Some(540 * SECOND));
    }
    assert_eq!(
        causes(&case)[0].what,
        "tasks are killed 30 s after start, while they still start: the grace period is 0 s"
    );
    let service = case.service.as_mut().unwrap();
    service.seen.events[0].at = 232 * SECOND;
    service.seen.events[0].message =
        service.seen.events[0].message.replace("(task 0)", "(task 0123456789abcdef0123456789abcdef)");
    assert_eq!(
        causes(&case)[0].what,
        "tasks are killed 27 s after start, while they still start: the grace period is 0 s"
    );
}

#[test]
fn a_killed_task_that_drains_is_no_old_one() {
    let mut case = killed("Health checks failed", &["loading rules"]);
    case.service.as_mut().unwrap().seen.deployments[0].running = 2;
    if let Fact::Known(tasks) = &mut case.stopped {
        (tasks[0].end.stopped_at, tasks[0].last_status) = (None, "DEACTIVATING".into());
    }
    let found: Vec<String> = causes(&case).into_iter().map(|cause| cause.rule).collect();
    assert_eq!(found, ["killed-while-booting", "port-not-listening"]);
}

#[test]
fn what_was_known_at_first_sight_is_kept_where_nothing_explains_more() {
    let stuck = at_first_sight(Place::Event, &["(service web) was unable to stop or start tasks during a deployment because of the service deployment configuration."]).unwrap();
    let placed =
        at_first_sight(Place::Event, &["(service web) was unable to place a task. Reason: none."]).unwrap();
    let rules = |found: Vec<Cause>| found.into_iter().map(|cause| cause.rule).collect::<Vec<_>>();
    let known = [placed, stuck];
    assert_eq!(rules(with_known(Vec::new(), &known)), ["percentages-stuck", "cannot-place"]);
    let explained = with_known(causes(&exited(1)), &known);
    assert_eq!(rules(explained), ["percentages-stuck", "application-exits"]);
}

#[test]
fn what_could_not_be_asked_is_not_absent() {
    let mut case = steady();
    case.alarms = Fact::Unasked("cloudwatch:DescribeAlarms is not allowed".into());
    assert_eq!(case.not_asked(), ["alarms: cloudwatch:DescribeAlarms is not allowed"]);
}

#[test]
fn every_rule_is_in_the_documentation() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/diagnosis.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (head, rest) = page.split_once("<!-- rules -->\n").expect("the mark before the table");
    let (_, tail) = rest.split_once("<!-- end of rules -->").expect("the mark after the table");
    let mut table = String::from(
        "| rule | symptom | what it finds | waiting helps | shown by |\n| --- | --- | --- | --- | --- |\n",
    );
    for rule in RULES {
        let heals = if rule.heals == Heals::Never { "no" } else { "perhaps" };
        let shown = match rule.shown {
            Shown::OnTheLocalCloud => "a failure on the local cloud",
            Shown::InSentences => "AWS's sentences",
        };
        let _ = writeln!(table, "| `{}` | {} | {} | {heals} | {shown} |", rule.id, rule.symptom, rule.what);
    }
    let fresh = format!("{head}<!-- rules -->\n{table}<!-- end of rules -->{tail}");
    if std::env::var_os("TIDEGATE_WRITE_DOCS").is_some() {
        std::fs::write(path, &fresh).unwrap();
    }
    assert!(page == fresh, "docs/diagnosis.md is stale: run this test with TIDEGATE_WRITE_DOCS=1");
}
