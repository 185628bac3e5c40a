//! What users notice of a release that cannot start, at a thousand requests a second: nothing.

use serde_json::Value;

use crate::stage::rehearse;

#[test]
fn a_release_that_crashes_at_start_is_rolled_back_at_the_breakers_threshold_and_fails_no_request() {
    let arguments = ["--rps", "1000", "--requests", "60000", "--image", "app=sample:crash"];
    let (exit, report) = rehearse("ecs", "rolling", &arguments);
    assert_eq!(exit, Some(3), "{report:#}");
    assert_eq!(report["outcome"], "rolled_back");
    assert_eq!(report["requests"]["failed"], 0, "{report:#}");
    assert!(report["requests"]["sent"].as_u64() >= Some(60_000), "{report:#}");
    // Three tasks: half of them is two, and AWS's least threshold is three.
    let moments = report["timeline"].as_array().map_or(&[][..], Vec::as_slice).iter();
    let breaker: Vec<&str> = moments
        .filter_map(|moment| moment["event"].as_str()?.split_once("circuit breaker: "))
        .map(|(_, counted)| counted)
        .collect();
    assert_eq!(breaker.last().copied(), Some("3 of 3 failures"), "{report:#}");
    let served = report["requests"]["by_revision"].as_object().map(|served| served.keys().cloned().collect());
    assert_eq!(served, Some(vec!["stage:1".to_owned()]), "a task that crashes serves nobody");
    assert_eq!(report["thrown_back_by"], Value::from("circuit breaker"));
}
