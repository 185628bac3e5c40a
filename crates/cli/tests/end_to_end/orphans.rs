//! No task outlives what it was started for: not a `local down`, not the program that ran a cloud inside itself.

use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
};

use serde_json::json;

use crate::{
    api::ecs,
    cloud::{self, Cloud, wait_until},
};

#[test]
fn local_down_ends_every_task() {
    let cloud = Cloud::start(&["--speed", "20"]);
    run_tasks(&cloud);
    assert!(cloud.down());
    assert_eq!(cloud.sample_processes(), 0);
}

#[test]
fn local_down_ends_every_task_of_a_cloud_that_was_killed() {
    let mut cloud = Cloud::start(&["--speed", "20"]);
    run_tasks(&cloud);
    cloud.kill();
    assert!(cloud.sample_processes() > 0, "tasks outlive a cloud that may come back for them");
    assert!(cloud.down());
    assert_eq!(cloud.sample_processes(), 0);
}

#[test]
fn a_reset_ends_every_task_and_the_cloud_goes_on() {
    let cloud = Cloud::start(&["--speed", "20"]);
    run_tasks(&cloud);
    let reset = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(["local", "reset", "--data-dir"])
        .arg(cloud.data_dir())
        .output()
        .unwrap();
    assert!(reset.status.success(), "{}", String::from_utf8_lossy(&reset.stderr));
    wait_until("no task runs", || cloud.sample_processes() == 0);
    let (_, clusters) = ecs(cloud.endpoint(), "ListClusters", &json!({})).unwrap();
    assert_eq!(clusters, r#"{"clusterArns":[]}"#);
    run_tasks(&cloud);
}

/// A cloud inside another program has no one to come back for its tasks.
#[test]
fn the_tasks_of_a_program_that_is_killed_with_a_cloud_inside_it_end() {
    let _turn = cloud::Turn::Alone.wait();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .arg("demo")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut tasks = BTreeSet::new();
    wait_until("three tasks run", || {
        tasks = descendants(demo.id());
        tasks.iter().filter(|&&process| is_sample(process)).count() >= 3
    });
    demo.kill().unwrap();
    demo.wait().unwrap();
    wait_until("nothing of it is left", || !tasks.iter().any(|&process| is_sample(process)));
}

fn run_tasks(cloud: &Cloud) {
    let call = |operation: &str, input| {
        let (status, body) = ecs(cloud.endpoint(), operation, &input).unwrap();
        assert_eq!(status, 200, "{operation}: {body}");
    };
    call("CreateCluster", json!({ "clusterName": "orphans" }));
    call(
        "RegisterTaskDefinition",
        json!({
            "family": "orphans", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "512", "containerDefinitions": [{ "name": "app", "image": "sample:1" }],
        }),
    );
    call(
        "CreateService",
        json!({
            "cluster": "orphans", "serviceName": "orphans", "taskDefinition": "orphans", "desiredCount": 2,
            "launchType": "FARGATE",
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
        }),
    );
    wait_until("two tasks run", || cloud.sample_processes() == 2);
}

/// All processes that `ancestor` has started, and those that they have started.
fn descendants(ancestor: u32) -> BTreeSet<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let parents: Vec<(u32, u32)> = processes
        .filter_map(|entry| {
            let process = entry.file_name().to_str()?.parse().ok()?;
            let status = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name in parentheses may hold anything; the state and the parent follow it.
            let parent = status.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((process, parent))
        })
        .collect();
    let mut found = BTreeSet::from([ancestor]);
    loop {
        let before = found.len();
        let children =
            parents.iter().filter(|(_, parent)| found.contains(parent)).map(|(process, _)| *process);
        found.extend(children.collect::<Vec<_>>());
        if found.len() == before {
            return found;
        }
    }
}

fn is_sample(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/cmdline"))
        .is_ok_and(|command| command.split('\0').nth(1) == Some("sample-service"))
}
