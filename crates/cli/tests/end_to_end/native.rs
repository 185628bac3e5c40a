//! The program deploys a canary by Amazon ECS under traffic, as its config file says: the gates decide, a
//! failing release is thrown back early, and nothing of Tidegate is left in the service.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::{
    blue_green::{Stage, Users},
    cloud::Cloud,
    stage::rehearse_by,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");

#[test]
fn a_canary_by_ecs_is_promoted_by_its_gates_and_one_that_fails_is_thrown_back_early() {
    let failing = format!(
        "    \"failing:*\": {{ command: [{PROGRAM:?}, \"sample-service\"], environment: {{ SAMPLE_ERRORS: 30 }} }}\n"
    );
    let cloud = Cloud::start_configured(&failing, &["--speed", "20"]);
    let stage = Stage::set(&cloud);
    let users = Users::at(&stage.address);

    let good = deploy(&cloud, "sample:2");
    assert_eq!(good.status.code(), Some(0), "{}", told(&good));
    let (_, failed) = users.so_far();
    assert_eq!(failed, Vec::<String>::new());
    assert_eq!(hooks(&stage), json!([]), "the hooks went with the rollout");

    let bad = deploy(&cloud, "failing:3");
    assert_eq!(bad.status.code(), Some(3), "{}", told(&bad));
    let verdict = String::from_utf8_lossy(&bad.stdout).into_owned();
    assert!(
        verdict.contains("gate errors: ") && verdict.contains("sure that the candidate's error rate"),
        "{verdict}"
    );
    let (answers, failed) = users.end();
    let all = answers.len() + failed.len();
    // 30 % of the candidate's 10 %, and thrown back before its bake of six minutes was over.
    assert!(!failed.is_empty() && failed.len() * 20 < all, "{} of {all} requests failed", failed.len());
    assert!(answers.last().is_some_and(|(_, body)| body.contains("sample:2")), "stable serves at the end");
    assert_eq!(hooks(&stage), json!([]));
}

#[test]
fn a_canary_that_answers_800_ms_later_is_thrown_back_by_its_latency_gate_and_no_request_fails() {
    let gates = "strategy: canary\ncanary: { percent: 10, stepBake: 6m, bake: 1m }\n\
                 gates:\n  - latency: { percentile: 95, tolerance: 50 }\n    name: slow\n";
    let slow = ["--fault", "latency=800ms", "--rps", "500", "--speed", "20"];
    let (exit, report) = rehearse_by(gates, "ecs", "canary", &slow);
    assert_eq!(exit, Some(3), "{report:#}");
    assert_eq!(
        (&report["thrown_back_by"], &report["requests"]["failed"]),
        (&json!("gate slow"), &json!(0)),
        "{report:#}"
    );
    let by_revision = &report["requests"]["by_revision"];
    let (candidate, stable) = (by_revision["stage:2"].as_u64(), by_revision["stage:1"].as_u64());
    assert!(candidate > Some(0) && candidate < stable, "only the canary's share was slow: {report:#}");
}

fn deploy(cloud: &Cloud, image: &str) -> Output {
    let config = cloud.folder().join("canary.yml");
    std::fs::write(
        &config,
        "cluster: turns\nservice: turns\nstrategy: canary\n\
         canary: { percent: 10, stepBake: 6m, bake: 1m }\n\
         gatesTimeout: 10m\n\
         gates:\n  - errors: { tolerance: 1 }\n  - command: [\"true\"]\n    at: 10\n",
    )
    .unwrap();
    Command::new(PROGRAM)
        .args(["deploy", "--image", image, "--timeout", "5m", "--config"])
        .arg(&config)
        .env_clear()
        .envs(std::env::var("PATH").map(|path| ("PATH", path)))
        .envs(cloud.aws_environment())
        .env("TIDEGATE_TICK_MS", "100")
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn hooks(stage: &Stage<'_>) -> Value {
    let input = json!({ "cluster": "turns", "services": ["turns"] });
    let service = stage.call("DescribeServices", &input)["services"][0].clone();
    let hooks = service["deploymentConfiguration"]["lifecycleHooks"].clone();
    if hooks.is_null() { json!([]) } else { hooks }
}
