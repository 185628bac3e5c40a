//! What users notice of a rolling update at a thousand requests a second: nothing, be the release good or bad.

use std::process::Command;

use serde_json::{Value, json};

use crate::cloud;

/// The least number of requests that a claim of "none failed" rests on.
const REQUESTS: u64 = 60_000;

#[test]
fn a_good_release_fails_no_request_of_sixty_thousand() {
    let (exit, report) = rehearse("sample:2");
    assert_eq!(exit, Some(0), "{report:#}");
    assert_eq!(report["outcome"], "deployed");
    no_request_failed(&report);
    let by_revision = &report["requests"]["by_revision"];
    assert!(by_revision["traffic:1"].as_u64() > Some(0), "the old release served at first: {report:#}");
    assert!(by_revision["traffic:2"].as_u64() > Some(0), "the new release serves at the end: {report:#}");
}

#[test]
fn a_release_that_crashes_at_start_is_rolled_back_at_the_breakers_threshold_and_fails_no_request() {
    let (exit, report) = rehearse("sample:crash");
    assert_eq!(exit, Some(3), "{report:#}");
    assert_eq!(report["outcome"], "rolled_back");
    no_request_failed(&report);
    // Three tasks: half of them is two, and AWS's least threshold is three.
    let breaker: Vec<&str> = report["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|moment| moment["event"].as_str()?.split_once("circuit breaker: "))
        .map(|(_, counted)| counted)
        .collect();
    assert_eq!(breaker.last().copied(), Some("3 of 3 failures"), "{report:#}");
    let served = report["requests"]["by_revision"].as_object().unwrap();
    assert_eq!(served.keys().collect::<Vec<_>>(), ["traffic:1"], "a task that crashes serves nobody");
}

fn no_request_failed(report: &Value) {
    assert_eq!(report["requests"]["failed"], 0, "{report:#}");
    assert!(report["requests"]["sent"].as_u64() >= Some(REQUESTS), "{report:#}");
}

/// Rolls a service of three tasks to `image` at 1,000 requests a second.
fn rehearse(image: &str) -> (Option<i32>, Value) {
    let _turn = cloud::turn();
    let folder = tempfile::tempdir().unwrap();
    let definition = json!({
        "family": "traffic", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
        "memory": "512",
        "containerDefinitions": [
            { "name": "app", "image": "sample:1", "portMappings": [{ "containerPort": 8080 }], "stopTimeout": 5 },
        ],
    });
    std::fs::write(folder.path().join("task.json"), definition.to_string()).unwrap();
    let config =
        format!("cluster: traffic\nservice: traffic\ntaskDefinition: task.json\n{}", cloud::images());
    std::fs::write(folder.path().join("tidegate.yml"), config).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .current_dir(folder.path())
        .args(["rehearse", "--output", "json", "--runtime", "process", "--health-check-path", "/health"])
        .args(["--rps", "1000", "--requests", &REQUESTS.to_string(), "--image", &format!("app={image}")])
        .output()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), report)
}
