//! The program as people and scripts meet it: its streams, its exit codes, its help, against an
//! endpoint that follows a script.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    unreachable_pub,
    dead_code,
    reason = "a test may stop at what it did not expect, and not every test uses all of the endpoint"
)]

#[path = "../../aws/tests/scripted/endpoint.rs"]
mod endpoint;

use endpoint::{Answer, Endpoint, deployment, service};
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// What the program said and how it ended.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn tidegate(endpoint: &Endpoint, folder: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command
        .current_dir(folder)
        .env_clear()
        .env("AWS_ENDPOINT_URL", endpoint.url())
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "123456789012")
        .env("AWS_SECRET_ACCESS_KEY", "x")
        .env("TIDEGATE_TICK_MS", "20")
        .kill_on_drop(true)
        .stdin(Stdio::null());
    command
}

async fn run_in(endpoint: &Endpoint, folder: &std::path::Path, arguments: &[&str]) -> Ended {
    let output = tidegate(endpoint, folder).args(arguments).output().await.expect("runs");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

async fn run(endpoint: &Endpoint, arguments: &[&str]) -> Ended {
    let folder = tempfile::tempdir().expect("a folder");
    let named: Vec<&str> =
        ["--cluster", "prod", "--service", "web"].iter().chain(arguments).copied().collect();
    run_in(endpoint, folder.path(), &named).await
}

fn definition() -> Value {
    json!({"taskDefinition": {
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7", "family": "web", "revision": 7, "status": "ACTIVE",
        "containerDefinitions": [{"name": "web", "image": "web:1"}, {"name": "side", "image": "side:1"}]}})
}

/// A service that runs web:7 and takes the update to web:8, with what comes after as `then`.
fn endpoint_with(
    then: impl Fn(&str, usize) -> Option<Answer> + Send + Sync + 'static,
) -> impl Fn(&str, &Value, usize) -> Answer + Send + Sync {
    move |operation, _, nth| {
        then(operation, nth).unwrap_or_else(|| match operation {
            "DescribeServices" => Answer::ok(json!({"services": [service(7, &[deployment(1, 7, "PRIMARY", 3, "COMPLETED")])]})),
            "DescribeTaskDefinition" => Answer::ok(definition()),
            "RegisterTaskDefinition" => {
                Answer::ok(json!({"taskDefinition": {"taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:8"}}))
            }
            "UpdateService" => Answer::ok(json!({"service": moving()})),
            "ListTasks" => Answer::ok(json!({"taskArns": []})),
            other => Answer { status: 400, body: json!({"__type": "ClientException", "message": format!("{other} is not in the script")}) },
        })
    }
}

fn moving() -> Value {
    service(8, &[deployment(2, 8, "PRIMARY", 1, "IN_PROGRESS"), deployment(1, 7, "ACTIVE", 3, "COMPLETED")])
}

fn after_update(described: Value) -> impl Fn(&str, usize) -> Option<Answer> + Send + Sync {
    move |operation, nth| {
        (operation == "DescribeServices" && nth > 1).then(|| Answer::ok(json!({"services": [described]})))
    }
}

#[tokio::test]
async fn a_promoted_deployment_exits_0_with_the_result_on_stdout_and_the_progress_on_stderr() {
    let done = service(8, &[deployment(2, 8, "PRIMARY", 3, "COMPLETED")]);
    let endpoint = Endpoint::start(endpoint_with(after_update(done))).await;
    let ended = run(&endpoint, &["deploy", "--image", "web=web:2"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.starts_with("promoted: web:8 serves with 3 tasks (after "), "{}", ended.stdout);
    assert_eq!(ended.stdout.lines().count(), 1);
    assert!(
        ended.stderr.contains("registered web:8") && !ended.stderr.contains('\u{1b}'),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn a_rollback_by_ecs_exits_3() {
    let back =
        service(7, &[deployment(1, 7, "PRIMARY", 3, "COMPLETED"), deployment(2, 8, "ACTIVE", 0, "FAILED")]);
    let answered = move |operation: &str, nth: usize| match (operation, nth) {
        ("DescribeServices", 2..) => Some(Answer::ok(json!({"services": [back]}))),
        ("DescribeServiceDeployments", _) => Some(Answer::ok(json!({"serviceDeployments": [{
            "serviceDeploymentArn": endpoint::SERVICE_DEPLOYMENT, "status": "ROLLBACK_SUCCESSFUL",
            "deploymentCircuitBreaker": {"failureCount": 3, "threshold": 3}}]}))),
        _ => None,
    };
    let endpoint = Endpoint::start(endpoint_with(answered)).await;
    let ended = run(&endpoint, &["deploy", "--image", "web=web:2"]).await;
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stdout.starts_with("rolled back to web:7"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_deployment_that_somebody_replaces_exits_6() {
    let theirs = service(
        9,
        &[deployment(3, 9, "PRIMARY", 0, "IN_PROGRESS"), deployment(2, 8, "ACTIVE", 1, "IN_PROGRESS")],
    );
    let endpoint = Endpoint::start(endpoint_with(after_update(theirs))).await;
    let ended = run(&endpoint, &["deploy", "--image", "web=web:2"]).await;
    assert_eq!(ended.code, Some(6), "{}{}", ended.stdout, ended.stderr);
}

#[tokio::test]
async fn a_wait_that_is_over_exits_5_and_says_how_far_it_came() {
    let endpoint = Endpoint::start(endpoint_with(after_update(moving()))).await;
    let ended = run(&endpoint, &["deploy", "--image", "web=web:2", "--timeout", "300ms"]).await;
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(ended.stdout.starts_with("timed out: web:8 1/3 running"), "{}", ended.stdout);
}

#[tokio::test]
async fn failed_with_nothing_to_go_back_to_exits_4() {
    let failed = service(8, &[deployment(2, 8, "PRIMARY", 0, "FAILED")]);
    let endpoint = Endpoint::start(endpoint_with(after_update(failed))).await;
    let ended = run(&endpoint, &["deploy", "--image", "web=web:2"]).await;
    assert_eq!(ended.code, Some(4), "{}{}", ended.stdout, ended.stderr);
}

#[tokio::test]
async fn a_container_that_does_not_exist_exits_1_and_changes_nothing() {
    let endpoint = Endpoint::start(endpoint_with(|_, _| None)).await;
    let ended = run(&endpoint, &["deploy", "--image", "wbe=web:2"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert_eq!(
        ended.stderr,
        "error: there is no container `wbe` in the task definition; it has: web, side\n"
    );
    assert_eq!(endpoint.count("RegisterTaskDefinition"), 0);
}

#[tokio::test]
async fn a_mistake_in_the_config_file_exits_2_before_any_call() {
    let endpoint = Endpoint::start(endpoint_with(|_, _| None)).await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("tidegate.yml"), "cluster: prod\nservise: web\n").expect("written");
    let ended = run_in(&endpoint, folder.path(), &["status"]).await;
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("tidegate.yml:2:1") && ended.stderr.contains("did you mean `service`?"),
        "{}",
        ended.stderr
    );
    assert!(endpoint.operations().is_empty());
}

#[tokio::test]
async fn a_difference_exits_7_and_none_exits_0() {
    let endpoint = Endpoint::start(endpoint_with(|_, _| None)).await;
    let differs = run(&endpoint, &["diff", "--image", "web=web:2"]).await;
    assert_eq!(
        (differs.code, differs.stdout.as_str()),
        (Some(7), "  containerDefinitions[web].image  restarts tasks\n    - web:1\n    + web:2\n")
    );
    let same = run(&endpoint, &["diff", "--image", "web=web:1"]).await;
    assert_eq!((same.code, same.stdout.as_str()), (Some(0), "no differences\n"));
}

#[tokio::test]
async fn an_interruption_exits_130_and_says_what_goes_on() {
    let endpoint = Endpoint::start(endpoint_with(after_update(moving()))).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = tidegate(&endpoint, folder.path())
        .args(["--cluster", "prod", "--service", "web", "deploy", "--image", "web=web:2"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    // The interruption comes when the deployment is ECS's already.
    while let Some(line) = lines.next_line().await.expect("text") {
        if line.contains("deployment ecs-svc/") {
            break;
        }
    }
    let pid = child.id().expect("runs").to_string();
    Command::new("kill").args(["-INT", &pid]).status().await.expect("kill is there");
    let mut rest = String::new();
    while let Some(line) = lines.next_line().await.expect("text") {
        rest.push_str(&line);
        rest.push('\n');
    }
    assert_eq!(child.wait().await.expect("ended").code(), Some(130), "{rest}");
    assert!(rest.contains("ECS goes on with deployment ecs-svc/0000000000000000002 of web:8"), "{rest}");
    assert!(rest.contains("tidegate watch --cluster prod --service web"), "{rest}");
}

#[tokio::test]
async fn json_output_is_one_object_a_line_and_nothing_else_on_stdout() {
    let done = service(8, &[deployment(2, 8, "PRIMARY", 3, "COMPLETED")]);
    let endpoint = Endpoint::start(endpoint_with(after_update(done))).await;
    let ended = run(&endpoint, &["deploy", "--image", "web=web:2", "--output", "json"]).await;
    let events: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["planned", "plan_made", "warned", "registered", "started", "progressed", "progressed", "decided"]
    );
    assert_eq!(events.last().unwrap()["verdict"], "promoted");
    assert_eq!(ended.stderr, "");
}

/// A rolling deployment under way, which goes back when it is stopped.
fn under_way() -> impl Fn(&str, usize) -> Option<Answer> + Send + Sync {
    let stopped = std::sync::atomic::AtomicBool::new(false);
    move |operation, _| {
        use std::sync::atomic::Ordering::SeqCst;
        let back = || service(7, &[deployment(1, 7, "PRIMARY", 3, "COMPLETED")]);
        match operation {
            "DescribeServices" => {
                let described = if stopped.load(SeqCst) { back() } else { moving() };
                Some(Answer::ok(json!({"services": [described]})))
            }
            "DescribeServiceDeployments" => Some(Answer::ok(json!({"serviceDeployments": [{
                "serviceDeploymentArn": endpoint::SERVICE_DEPLOYMENT,
                "status": if stopped.load(SeqCst) { "ROLLBACK_SUCCESSFUL" } else { "IN_PROGRESS" }}]}))),
            "StopServiceDeployment" => {
                stopped.store(true, SeqCst);
                Some(Answer::ok(json!({"serviceDeploymentArn": endpoint::SERVICE_DEPLOYMENT})))
            }
            _ => None,
        }
    }
}

#[tokio::test]
async fn abort_exits_3_once_the_service_is_steady_on_the_earlier_revision() {
    let endpoint = Endpoint::start(endpoint_with(under_way())).await;
    let ended = run(&endpoint, &["abort"]).await;
    assert_eq!(ended.code, Some(3), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.starts_with("rolled back to web:7"), "{}", ended.stdout);
}

#[tokio::test]
async fn what_ecs_cannot_do_and_what_is_not_there_exits_1_and_says_what_is_possible() {
    let endpoint = Endpoint::start(endpoint_with(under_way())).await;
    let paused = run(&endpoint, &["pause"]).await;
    assert_eq!(paused.code, Some(1), "{}{}", paused.stdout, paused.stderr);
    assert!(paused.stderr.contains("help: `tidegate abort` takes it back now"), "{}", paused.stderr);
    let endpoint = Endpoint::start(endpoint_with(|_, _| None)).await;
    for verb in ["resume", "pause", "promote", "abort"] {
        let ended = run(&endpoint, &[verb]).await;
        let wanted = format!("error: no deployment of prod/web is under way: there is nothing to {verb}\n");
        assert_eq!((ended.code, ended.stderr.starts_with(&wanted)), (Some(1), true), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn rollback_goes_to_what_was_last_steady_and_not_to_the_number_before() {
    let answered = |operation: &str, nth: usize| {
        let brief = |n: u32, status: &str| {
            json!({"serviceDeploymentArn": format!("arn:sd/{n}"), "status": status, "createdAt": n,
            "targetServiceRevisionArn": format!("arn:sr/{n}")})
        };
        let revision = |n: u32| json!({"serviceRevisionArn": format!("arn:sr/{n}"), "taskDefinition": format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:{n}")});
        match (operation, nth) {
            ("ListServiceDeployments", _) => Some(Answer::ok(
                json!({"serviceDeployments": [brief(7, "SUCCESSFUL"), brief(6, "ROLLBACK_SUCCESSFUL"), brief(4, "SUCCESSFUL")]}),
            )),
            ("DescribeServiceRevisions", _) => {
                Some(Answer::ok(json!({"serviceRevisions": [revision(7), revision(6), revision(4)]})))
            }
            ("DescribeTaskDefinition", 1..=2) => {
                let mut steady = definition();
                steady["taskDefinition"]["taskDefinitionArn"] =
                    json!("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:4");
                steady["taskDefinition"]["containerDefinitions"][0]["image"] = json!("web:0.9");
                Some(Answer::ok(steady))
            }
            _ => None,
        }
    };
    let endpoint = Endpoint::start(endpoint_with(answered)).await;
    let shown = run(&endpoint, &["rollback", "--dry-run"]).await;
    let way = "dry run: nothing is under way: a new deployment by Amazon ECS brings web:4 again\n";
    assert_eq!((shown.code, shown.stdout.as_str()), (Some(0), way));
    assert!(
        shown.stderr.contains("going back from web:7 to web:4, which was steady at 1970-01-01 00:00:04 UTC"),
        "{}",
        shown.stderr
    );
    assert!(shown.stderr.contains("+ web:0.9"), "{}", shown.stderr);
    assert_eq!(endpoint.count("UpdateService"), 0);
}

#[tokio::test]
async fn prune_keeps_what_runs_and_what_a_rollback_needs() {
    let arn = |n: u32| format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:{n}");
    let answered = move |operation: &str, _: usize| match operation {
        "ListTaskDefinitions" => {
            Some(Answer::ok(json!({"taskDefinitionArns": (1..=8).rev().map(arn).collect::<Vec<_>>()})))
        }
        "ListClusters" => {
            Some(Answer::ok(json!({"clusterArns": ["arn:aws:ecs:eu-west-1:123456789012:cluster/prod"]})))
        }
        "ListTasks" => Some(Answer::ok(json!({"taskArns": []}))),
        "ListServices" => {
            Some(Answer::ok(json!({"serviceArns": ["arn:aws:ecs:eu-west-1:123456789012:service/prod/web"]})))
        }
        "ListServiceDeployments" => Some(Answer::ok(json!({"serviceDeployments": [
            {"serviceDeploymentArn": "arn:sd/7", "status": "SUCCESSFUL", "createdAt": 7, "targetServiceRevisionArn": "arn:sr/7"},
            {"serviceDeploymentArn": "arn:sd/3", "status": "SUCCESSFUL", "createdAt": 3, "targetServiceRevisionArn": "arn:sr/3"}]}))),
        "DescribeServiceRevisions" => Some(Answer::ok(json!({"serviceRevisions": [
            {"serviceRevisionArn": "arn:sr/7", "taskDefinition": arn(7)}, {"serviceRevisionArn": "arn:sr/3", "taskDefinition": arn(3)}]}))),
        "DeregisterTaskDefinition" => Some(Answer::ok(json!({"taskDefinition": {}}))),
        _ => None,
    };
    let endpoint = Endpoint::start(endpoint_with(answered)).await;
    let refused = run(&endpoint, &["revisions", "prune", "--keep", "1"]).await;
    assert_eq!(
        (refused.code, endpoint.count("DeregisterTaskDefinition")),
        (Some(1), 0),
        "{}",
        refused.stderr
    );
    let pruned = run(&endpoint, &["revisions", "prune", "--keep", "1", "--yes"]).await;
    assert_eq!(pruned.code, Some(0), "{}", pruned.stderr);
    insta::assert_snapshot!(pruned.stdout, @r"
    stays: web:8, it is the newest: what the family's name alone means
    stays: web:7, prod/web runs it
    stays: web:3, prod/web may go back to it
    to deregister: web:1, web:2, web:4, web:5, web:6
    ");
    assert_eq!(endpoint.count("DeregisterTaskDefinition"), 5);
}

#[tokio::test]
async fn rollback_with_nothing_to_go_back_to_exits_1() {
    let answered = |operation: &str, _: usize| {
        (operation == "ListServiceDeployments").then(|| Answer::ok(json!({"serviceDeployments": []})))
    };
    let endpoint = Endpoint::start(endpoint_with(answered)).await;
    let ended = run(&endpoint, &["rollback"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("there is nothing to roll back to"), "{}", ended.stderr);
    assert_eq!(endpoint.count("UpdateService"), 0);
}

#[tokio::test]
async fn render_of_a_file_of_ones_own_asks_aws_nothing() {
    let endpoint = Endpoint::start(endpoint_with(|_, _| None)).await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(
        folder.path().join("td.yml"),
        "family: web\ncpu: 256\ncontainerDefinitions:\n- name: web\n  image: web:1\n",
    )
    .expect("written");
    let ended =
        run_in(&endpoint, folder.path(), &["render", "--task-definition", "td.yml", "--image", "web:2"])
            .await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let document: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(
        document,
        json!({"family": "web", "cpu": "256", "containerDefinitions": [{"name": "web", "image": "web:2"}]})
    );
    assert!(endpoint.operations().is_empty());
}

#[tokio::test]
async fn the_help_shows_every_option_and_the_exit_codes() {
    let endpoint = Endpoint::start(endpoint_with(|_, _| None)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let help = run_in(&endpoint, folder.path(), &["deploy", "--help"]).await;
    insta::assert_snapshot!("deploy_help", help.stdout);
    let help = run_in(&endpoint, folder.path(), &["rollback", "--help"]).await;
    insta::assert_snapshot!("rollback_help", help.stdout);
}
