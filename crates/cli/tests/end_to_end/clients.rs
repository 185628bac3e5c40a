//! People's own clients against the local cloud: boto3 and the AWS CLI, with nothing changed but `AWS_ENDPOINT_URL`.
//!
//! Without Python and the clients these tests say loudly that they skip; with `TIDEGATE_REQUIRE_CLIENTS=1` they fail.

use std::{env, path::Path, process::Command};

use crate::cloud::{Cloud, Turn};

#[test]
fn the_guides_rolling_deployments_run_unchanged_with_boto3() {
    run_guide("guide_rolling.py");
}

#[test]
fn the_guides_blue_green_deployments_run_unchanged_with_boto3() {
    run_guide("guide_blue_green.py");
}

fn run_guide(script: &str) {
    if missing("python3", &["-c", "import boto3"]) {
        return;
    }
    let Some(guide) = env::var_os("TIDEGATE_GUIDE") else {
        return skip("TIDEGATE_GUIDE does not name the guide's text");
    };
    run("python3", script, &[("TIDEGATE_GUIDE", guide.to_string_lossy().as_ref())]);
}

#[test]
fn the_aws_cli_creates_updates_describes_and_deletes_everything() {
    if missing("aws", &["--version"]) {
        return;
    }
    run("bash", "aws_cli.sh", &[]);
}

#[test]
fn the_aws_clis_own_deployment_by_codedeploy_succeeds_and_fails_as_on_aws() {
    if missing("aws", &["--version"]) {
        return;
    }
    run("bash", "aws_deploy.sh", &[]);
}

#[test]
fn ecs_deploy_of_pypi_deploys_rolls_back_and_scales() {
    if missing("ecs", &["--version"]) {
        return;
    }
    run("bash", "ecs_deploy.sh", &[]);
}

#[test]
fn each_waiter_and_paginator_of_botocore_ends() {
    if missing("python3", &["-c", "import boto3"]) {
        return;
    }
    run("python3", "waiters.py", &[]);
}

#[test]
fn every_operation_answers_as_botocores_models_say() {
    if missing("python3", &["-c", "import boto3"]) {
        return;
    }
    run("python3", "conformance.py", &[]);
}

#[test]
fn a_users_own_boto3_tests_of_iam_and_application_auto_scaling_pass() {
    if missing("python3", &["-c", "import boto3"]) {
        return;
    }
    run("python3", "user_suite.py", &[]);
}

#[test]
fn boto3_and_the_aws_cli_log_follow_logs_and_keep_secrets() {
    if missing("python3", &["-c", "import boto3"]) || missing("aws", &["--version"]) {
        return;
    }
    run("python3", "logs_and_secrets.py", &[]);
}

#[test]
fn the_suite_of_pytest_runs_as_its_readme_says() {
    if missing("python3", &["-c", "import boto3, pytest"]) {
        return;
    }
    // It starts its own clouds.
    let _turn = Turn::Alone.wait();
    let scratch = tempfile::tempdir().unwrap();
    let output = Command::new("python3")
        .args(["-m", "pytest", "-p", "no:cacheprovider", "--basetemp"])
        .arg(scratch.path().join("pytest"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/pytest"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("TIDEGATE", env!("CARGO_BIN_EXE_tidegate"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("6 passed"), "{said}");
}

fn run(program: &str, script: &str, environment: &[(&str, &str)]) {
    let cloud = Cloud::start(&["--speed", "10"]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/end_to_end/scripts");
    let output = Command::new(program)
        .arg(folder.join(script))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(environment.iter().copied())
        .envs(cloud.aws_environment())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{script} failed\n--- stdout\n{}\n--- stderr\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}

/// Whether a client is not there, which is said, or is a failure where it must be there.
pub(crate) fn missing(program: &str, arguments: &[&str]) -> bool {
    let found = Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success());
    if !found {
        skip(&format!("`{program} {}` does not work here", arguments.join(" ")));
    }
    !found
}

fn skip(reason: &str) {
    assert!(
        env::var_os("TIDEGATE_REQUIRE_CLIENTS").is_none(),
        "TIDEGATE_REQUIRE_CLIENTS is set, but {reason}"
    );
    eprintln!("\n*** SKIPPED: {reason} ***\n");
}
