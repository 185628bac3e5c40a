//! The same with containers: the demo, and a local cloud that is killed while its tasks run on.
//!
//! Without a Docker daemon these tests say loudly that they skip; with `TIDEGATE_REQUIRE_DOCKER=1` they fail.

use std::{
    collections::BTreeSet,
    env, fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

use crate::{
    api::{ecs, elbv2, element, get},
    cloud::{self, Cloud, wait_until},
};

/// The image that [`import_image`] makes.
pub(crate) const IMAGE: &str = "tidegate-test/end-to-end:1";

#[test]
fn the_demo_runs_in_docker_fails_no_request_that_stable_got_and_leaves_nothing() {
    if no_daemon() {
        return;
    }
    let _turn = cloud::Turn::Alone.wait();
    let before = everything_in_docker();
    let demo = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(["demo", "--docker", "--output", "json"])
        .output()
        .unwrap();
    assert!(demo.status.success(), "{}", String::from_utf8_lossy(&demo.stderr));
    let reports: Value = serde_json::from_slice(&demo.stdout).unwrap();
    let outcomes: Vec<&str> =
        reports.as_array().unwrap().iter().filter_map(|report| report["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["deployed", "rolled_back", "rolled_back", "rolled_back", "rolled_back"]);
    for report in reports.as_array().unwrap() {
        let failed = report["requests"]["failed"].as_u64().unwrap();
        // The last two acts fail three requests in ten until their gate throws them back.
        let candidate = report["candidate"].as_str().unwrap();
        let of_candidate = report["requests"]["failed_by_revision"][candidate].as_u64().unwrap_or(0);
        assert_eq!(failed, of_candidate, "{report:#}");
        assert_eq!(failed > 0, report["fault"].is_string(), "{report:#}");
    }
    let after = everything_in_docker();
    assert_eq!(after.difference(&before).collect::<Vec<_>>(), [""; 0]);
}

/// Interrupted as soon as there is something to leave behind: while the stage is still being set.
#[test]
fn a_demo_that_is_interrupted_takes_everything_with_it() {
    if no_daemon() {
        return;
    }
    let _turn = cloud::Turn::Alone.wait();
    let before = everything_in_docker();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(["demo", "--docker"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let is_there = || words(&docker(&["ps", "--quiet", "--filter", "label=dev.tidegate.instance"])).len();
    wait_until("a container is there", || is_there() > 0);
    assert!(Command::new("kill").args(["-INT", &demo.id().to_string()]).status().unwrap().success());
    assert_eq!(demo.wait().unwrap().code(), Some(130));
    let after = everything_in_docker();
    assert_eq!(after.difference(&before).collect::<Vec<_>>(), [""; 0]);
}

/// The equivalent of what `orphans` shows for processes: nobody comes back for the tasks of a cloud inside a program.
#[test]
fn the_containers_of_a_demo_that_is_killed_end() {
    if no_daemon() {
        return;
    }
    let _turn = cloud::Turn::Alone.wait();
    let of_anyone = ["ps", "--all", "--quiet", "--filter", "label=dev.tidegate.instance"];
    let before = words(&docker(&of_anyone));
    let mine = || words(&docker(&of_anyone)).difference(&before).count();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(["demo", "--docker"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("three containers are there", || mine() >= 3);
    demo.kill().unwrap();
    demo.wait().unwrap();
    wait_until("none is left", || mine() == 0);
    // Its images stay, since it was killed; they are no business of the next test.
    let images = ["tidegate-demo:1", "tidegate-demo:2", "tidegate-demo:3", "tidegate-demo:4"];
    Command::new("docker").args(["rmi", "--force"]).args(images).output().unwrap();
}

#[test]
fn bridge_tasks_serve_behind_an_instance_target_group_at_their_dynamic_host_ports() {
    if no_daemon() {
        return;
    }
    let cloud = Cloud::start_in_docker(&["--speed", "20"]);
    import_image();
    let elb = |operation: &str, parameters: &str| {
        let (status, body) = elbv2(cloud.endpoint(), operation, parameters).unwrap();
        assert_eq!(status, 200, "{operation}: {body}");
        body
    };
    let balancer =
        elb("CreateLoadBalancer", "Name=bridge&Subnets.member.1=subnet-1&Subnets.member.2=subnet-2");
    let group = elb(
        "CreateTargetGroup",
        "Name=bridge&Protocol=HTTP&Port=80&VpcId=vpc-1&TargetType=instance&HealthCheckIntervalSeconds=5\
         &HealthCheckTimeoutSeconds=2&HealthyThresholdCount=2",
    );
    let (balancer_arn, group) = (element(&balancer, "LoadBalancerArn"), element(&group, "TargetGroupArn"));
    let action = format!(
        "DefaultActions.member.1.Type=forward&DefaultActions.member.1.TargetGroupArn={group}&Protocol=HTTP&Port=8080"
    );
    elb("CreateListener", &format!("LoadBalancerArn={balancer_arn}&{action}"));
    run_service(
        &cloud,
        &json!({ "command": ["serve-http", "8080"], "portMappings": [{ "containerPort": 8080, "hostPort": 0 }] }),
        &json!([{ "targetGroupArn": group, "containerName": "app", "containerPort": 8080 }]),
    );
    let address = format!("{}:8080", element(&balancer, "DNSName"));
    wait_until(
        "the balancer reaches a container",
        || matches!(get(&address, "/"), Ok((200, body)) if body == "hello\n"),
    );
    wait_until("both are healthy", || {
        let health = elb("DescribeTargetHealth", &format!("TargetGroupArn={group}"));
        health.matches("<State>healthy</State>").count() == 2
    });
}

#[test]
fn without_a_daemon_the_demo_says_where_it_looked_and_what_to_do_and_starts_nothing() {
    let demo = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(["demo", "--docker"])
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&demo.stderr);
    assert_eq!(demo.status.code(), Some(1), "{said}");
    assert!(said.contains("no Docker daemon answers at unix:///nowhere/docker.sock"), "{said}");
    assert!(said.contains("start it, or use the process runtime"), "{said}");
}

#[test]
fn containers_outlive_a_killed_cloud_are_adopted_and_are_gone_after_local_down() {
    if no_daemon() {
        return;
    }
    let mut cloud = Cloud::start_in_docker(&["--speed", "20"]);
    import_image();
    run_service(&cloud, &json!({ "command": ["wait"] }), &json!([]));
    wait_until("two containers run", || running(&cloud).len() == 2);
    let before = running(&cloud);

    cloud.kill();
    assert_eq!(running(&cloud), before, "containers outlive a cloud that may come back for them");
    let lost = before.first().unwrap().clone();
    docker(&["kill", &lost]);
    cloud.restart();
    wait_until("the lost one is replaced", || running(&cloud).len() == 2);
    let after = running(&cloud);
    assert_eq!(after.intersection(&before).count(), 1, "the other one was adopted, not started again");

    cloud.kill();
    assert!(cloud.down());
    assert_eq!(containers_of(&cloud, &["--all"]), BTreeSet::new());
}

/// A service of two tasks of the test image; `container` is what their one container has besides.
fn run_service(cloud: &Cloud, container: &Value, load_balancers: &Value) {
    let mut definition = json!({ "name": "app", "image": IMAGE, "memory": 32 });
    definition.as_object_mut().unwrap().extend(container.as_object().unwrap().clone());
    let call = |operation: &str, input| {
        let (status, body) = ecs(cloud.endpoint(), operation, &input).unwrap();
        assert_eq!(status, 200, "{operation}: {body}");
    };
    call("CreateCluster", json!({ "clusterName": "docker" }));
    call(
        "RegisterTaskDefinition",
        json!({
            "family": "docker", "networkMode": "bridge", "requiresCompatibilities": ["EC2"],
            "containerDefinitions": [definition],
        }),
    );
    call(
        "CreateService",
        json!({
            "cluster": "docker", "serviceName": "docker", "taskDefinition": "docker", "desiredCount": 2,
            "launchType": "EC2", "loadBalancers": load_balancers,
        }),
    );
}

/// Builds the one static program of the test image.
pub(crate) fn build_program(program: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../local/tasks/tests/image/program.rs");
    let built = Command::new(env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()))
        .args(["--edition", "2024", "-O", "-C", "target-feature=+crt-static", "-o"])
        .args([program, &source])
        .status()
        .unwrap();
    assert!(built.success(), "the test image's program does not build");
}

/// Makes an image of that program, without a registry.
pub(crate) fn import_image() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    build_program(&program);
    let mut archive = tar::Builder::new(Vec::new());
    archive.sparse(false);
    archive.append_path_with_name(&program, "program").unwrap();
    let mut import = Command::new("docker")
        .args(["import", "--change", "ENTRYPOINT [\"/program\"]", "-", IMAGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    import.stdin.take().unwrap().write_all(&archive.into_inner().unwrap()).unwrap();
    assert!(import.wait().unwrap().success());
}

/// The running containers that stand for tasks of this cloud.
fn running(cloud: &Cloud) -> BTreeSet<String> {
    containers_of(cloud, &[])
}

pub(crate) fn containers_of(cloud: &Cloud, more: &[&str]) -> BTreeSet<String> {
    let instance = fs::read_to_string(cloud.data_dir().join("instance")).unwrap();
    let filter = format!("label=dev.tidegate.instance={}", instance.trim());
    let mut arguments = vec!["ps", "--quiet", "--filter", &filter];
    arguments.extend(more);
    words(&docker(&arguments))
}

/// Containers, networks and images: what a run may leave behind.
fn everything_in_docker() -> BTreeSet<String> {
    [&["ps", "--all", "--quiet"][..], &["network", "ls", "--quiet"], &["images", "--quiet"]]
        .iter()
        .flat_map(|arguments| words(&docker(arguments)))
        .collect()
}

fn words(output: &Output) -> BTreeSet<String> {
    String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::to_owned).collect()
}

pub(crate) fn docker(arguments: &[&str]) -> Output {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Whether no daemon answers, which is said, or is a failure where one must.
pub(crate) fn no_daemon() -> bool {
    let answers = Command::new("docker").arg("info").output().is_ok_and(|output| output.status.success());
    if !answers {
        assert!(
            env::var_os("TIDEGATE_REQUIRE_DOCKER").is_none(),
            "TIDEGATE_REQUIRE_DOCKER is set, but no Docker daemon answers"
        );
        eprintln!("\n*** SKIPPED: no Docker daemon answers ***\n");
    }
    !answers
}
