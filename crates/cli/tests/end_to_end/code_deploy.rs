//! What users notice of deployments by CodeDeploy under traffic: nothing of a good release, and of one that fails three
//! requests in ten at most the candidate's share, until the gate throws it back.

use serde_json::Value;

use crate::stage::rehearse;

#[test]
fn a_good_blue_green_release_fails_no_request() {
    let (exit, report) = rehearse("code_deploy", "blue_green", &["--requests", "60000", "--rps", "1000"]);
    assert_eq!(exit, Some(0), "{report:#}");
    assert_eq!(
        (&report["outcome"], &report["requests"]["failed"]),
        (&"deployed".into(), &0.into()),
        "{report:#}"
    );
    let by_revision = &report["requests"]["by_revision"];
    assert!(
        by_revision["stage:1"].as_u64() > Some(0) && by_revision["stage:2"].as_u64() > Some(0),
        "{report:#}"
    );
}

#[test]
fn a_canary_that_fails_three_requests_in_ten_is_thrown_back_by_its_gate() {
    let (exit, report) = rehearse("code_deploy", "canary", &["--fault", "error-rate=30%", "--rps", "1000"]);
    assert_eq!(exit, Some(3), "{report:#}");
    assert_eq!(report["thrown_back_by"], "gate errors", "{report:#}");
    let (failed, answered) =
        (of_candidate(&report, "failed_by_revision"), of_candidate(&report, "by_revision"));
    assert!(failed > 0 && failed <= answered, "{report:#}");
    assert_eq!(report["requests"]["failed"].as_u64(), Some(failed), "nobody else failed: {report:#}");
}

#[test]
fn the_way_back_of_a_blue_green_release_is_instant() {
    let (exit, report) =
        rehearse("code_deploy", "blue_green", &["--fault", "error-rate=30%", "--rps", "1000"]);
    assert_eq!(exit, Some(3), "{report:#}");
    let left = report["left_ms"].as_u64().unwrap_or(0);
    assert!(left < 100, "green answered {left} ms after the decision: {report:#}");
}

#[test]
fn tasks_that_crash_at_start_are_thrown_back_though_codedeploy_would_wait_an_hour_and_nobody_notices() {
    let (exit, report) =
        rehearse("code_deploy", "blue_green", &["--fault", "crash-on-start", "--rps", "200"]);
    assert_eq!(exit, Some(3), "{report:#}");
    assert_eq!(report["requests"]["failed"], 0, "{report:#}");
}

fn of_candidate(report: &Value, what: &str) -> u64 {
    report["requests"][what]["stage:2"].as_u64().unwrap_or(0)
}
