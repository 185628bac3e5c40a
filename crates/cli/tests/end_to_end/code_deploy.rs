//! What users notice of a deployment by CodeDeploy that fails three requests in ten. See [`crate::matrix`] for every other
//! strategy, controller and fault.

use crate::stage::rehearse;

#[test]
fn the_way_back_of_a_blue_green_release_is_instant() {
    let (exit, report) =
        rehearse("code_deploy", "blue_green", &["--fault", "error-rate=30%", "--rps", "1000"]);
    assert_eq!(exit, Some(3), "{report:#}");
    let left = report["left_ms"].as_u64().unwrap_or(0);
    assert!(left < 100, "green answered {left} ms after the decision: {report:#}");
}
