//! Every strategy by every controller, a good release and each fault, under traffic: `tidegate rehearse --strategy all
//! --fault all`, the controllers beside each other.

use std::time::Instant;

use serde_json::Value;

use crate::{cloud, stage::Rehearsal};

const CONTROLLERS: [&str; 3] = ["ecs", "code_deploy", "alb"];
/// Rolling, blue/green, linear and canary by ECS, the last three by the two others.
const CELLS: usize = 10;

/// Rehearses every cell, those of a controller one after the other. Answers all reports.
fn rehearse_all(arguments: &[&str]) -> Vec<Value> {
    let _turn = cloud::Turn::Alone.wait();
    let begun = CONTROLLERS.map(|controller| {
        let all: Vec<&str> =
            ["--strategy", "all", "--controller", controller].iter().chain(arguments).copied().collect();
        Rehearsal::begin("", &all)
    });
    let mut reports = Vec::new();
    for rehearsal in begun {
        let (exit, found) = rehearsal.end();
        assert_eq!(exit, Some(0), "a good release stays and a bad one does not: {found:#}");
        reports.extend(found.as_array().cloned().unwrap_or_default());
    }
    reports
}

fn cell(report: &Value) -> String {
    let word = |name: &str| report[name].as_str().unwrap_or("none").to_owned();
    format!("{} × {}, {}", word("strategy"), word("controller"), word("fault"))
}

fn count(report: &Value, pointer: &str) -> u64 {
    report.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

#[test]
fn a_good_release_fails_none_of_sixty_thousand_requests_in_any_cell() {
    let reports = rehearse_all(&["--rps", "1000", "--requests", "60000"]);
    assert_eq!(reports.len(), CELLS);
    for report in &reports {
        let cell = cell(report);
        assert_eq!(report["outcome"], "deployed", "{cell}: {report:#}");
        assert_eq!(report["requests"]["failed"], 0, "{cell}: {report:#}");
        assert!(count(report, "/requests/sent") >= 60_000, "{cell}: {report:#}");
        for revision in ["stage:1", "stage:2"] {
            let served = count(report, &format!("/requests/by_revision/{revision}"));
            assert!(served > 0, "{cell}: {revision} served nobody: {report:#}");
        }
    }
}

#[test]
fn each_fault_is_thrown_back_in_each_cell_and_no_more_requests_fail_than_the_candidate_got() {
    let began = Instant::now();
    let reports = rehearse_all(&["--fault", "all", "--rps", "1000"]);
    assert_eq!(reports.len(), CELLS * 6);
    for report in reports.iter().filter(|report| !report["fault"].is_null()) {
        let cell = cell(report);
        assert_eq!(report["outcome"], "rolled_back", "{cell}: {report:#}");
        assert!(report["thrown_back_by"].is_string(), "{cell}: {report:#}");
        let (failed, answered) =
            (count(report, "/requests/failed"), count(report, "/requests/by_revision/stage:2"));
        match report["fault"].as_str().unwrap_or_default() {
            "error-rate=30%" => {
                assert!(failed > 0 && failed <= answered, "{cell}: {failed} of {answered}: {report:#}");
            }
            // Whoever is connected to a task that dies, or is sent to it before its next health check, meets it.
            "crash-after=20s" => {
                let sent = count(report, "/requests/sent");
                assert!(failed * 3 <= sent, "{cell}: {failed} of {sent}: {report:#}");
            }
            _ => assert_eq!(failed, 0, "{cell}: {report:#}"),
        }
        let duration = count(report, "/duration_ms");
        for moment in ["detected_ms", "restored_ms"] {
            let at = report[moment].as_u64();
            assert!(at.is_some_and(|at| at <= duration + 1_000), "{cell}: {moment} is {at:?}: {report:#}");
        }
    }
    eprintln!("the whole matrix took {} s", began.elapsed().as_secs());
}
