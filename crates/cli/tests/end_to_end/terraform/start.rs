//! `local up --terraform`: a folder is applied before the cloud is announced.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::json;

use super::program;
use crate::{
    api::{self, ecs},
    cloud::{Cloud, Turn, wait_until},
};

fn folder(name: &str) -> PathBuf {
    program::workspace().join("crates/cli/tests/end_to_end/terraform/start").join(name)
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The command, with its state in `scratch` and nothing but what it needs on the PATH.
fn up(scratch: &Path, terraform: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command
        .current_dir(scratch)
        .args(["local", "up", "--port", "0", "--runtime", "process", "--data-dir", "state", "--terraform"])
        .arg(terraform)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn errors(output: &Output) -> String {
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_folder_is_applied_before_the_cloud_is_announced_and_a_restart_has_nothing_to_do() {
    let Some(plugins) = program::plugins() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let (shop, configuration) = (folder("shop"), program::configuration_of(scratch.path(), &plugins));
    let arguments = ["--terraform", shop.to_str().unwrap()];
    let mut cloud = Cloud::start_in_environment(
        &arguments,
        vec![
            ("TF_CLI_CONFIG_FILE", configuration),
            ("AWS_REGION", "eu-west-1".to_owned()),
            ("AWS_PROFILE", "somebodys-own".to_owned()),
        ],
    );
    let is_there = |cloud: &Cloud| {
        let (status, answer) =
            ecs(cloud.endpoint(), "DescribeClusters", &json!({"clusters": ["shop"]})).unwrap();
        assert!(status == 200 && answer.contains("\"ACTIVE\""), "{answer}");
        let asked = json!({"Name": "/shop/greeting"});
        let (status, answer) =
            api::json(cloud.endpoint(), "ssm", "AmazonSSM", "GetParameter", &asked).unwrap();
        assert!(status == 200 && answer.contains("\"hello\""), "{answer}");
    };
    assert_eq!(cloud.announcement()["terraform"], json!({"added": 2, "changed": 0, "removed": 0}));
    is_there(&cloud);
    // On another port, from the same state.
    cloud.kill_and_restart();
    assert_eq!(cloud.announcement()["terraform"], json!({"added": 0, "changed": 0, "removed": 0}));
    is_there(&cloud);
    // Nothing of it is in the user's folder, and nothing that is not needed in the cloud's.
    assert_eq!(files(&shop), ["main.tf"]);
    assert_eq!(files(&cloud.data_dir().join("terraform")), ["kept"]);
}

#[test]
fn a_folder_that_cannot_be_applied_ends_the_cloud_with_terraforms_words() {
    let Some(plugins) = program::plugins() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let configuration = program::configuration_of(scratch.path(), &plugins);
    let _turn = Turn::WithOthers.wait();
    let ended =
        up(scratch.path(), &folder("broken")).env("TF_CLI_CONFIG_FILE", configuration).output().unwrap();
    let said = errors(&ended);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    for words in [
        "error: terraform apply failed in ",
        "  Error: creating ECS Service (broken)",
        "    with aws_ecs_service.main,",
        "    on main.tf line 13, in resource \"aws_ecs_service\" \"main\":",
        "help: what it had made is kept: mend the folder, and start again",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    assert!(!scratch.path().join("state/cloud.json").exists());
}

#[test]
fn a_signal_while_terraform_runs_ends_terraform_and_then_the_cloud() {
    if program::plugins().is_none() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let sign = scratch.path().join("sign");
    let _turn = Turn::WithOthers.wait();
    let child = up(scratch.path(), &folder("waits")).env("TF_VAR_sign", &sign).spawn().unwrap();
    wait_until("the provisioner runs", || sign.exists());
    let provisioner = fs::read_to_string(&sign).unwrap();
    let signalled = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(signalled.success());
    let ended = child.wait_with_output().unwrap();
    let said = errors(&ended);
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("error: ended while terraform applied "), "{said}");
    assert!(!Path::new("/proc").join(provisioner.trim()).exists());
    assert!(!scratch.path().join("state/cloud.json").exists());
}

#[test]
fn what_cannot_be_applied_is_refused_before_anything_starts() {
    let scratch = tempfile::tempdir().unwrap();
    let refused_with = |terraform: &Path, more: &[&str], code: i32, words: &str| {
        let ended = up(scratch.path(), terraform).args(more).env("PATH", scratch.path()).output().unwrap();
        let said = errors(&ended);
        assert_eq!(ended.status.code(), Some(code), "{said}");
        assert!(said.contains(words), "{words}\n{said}");
        assert!(!scratch.path().join("state").exists());
    };
    let refused = |terraform: &Path, words: &str| refused_with(terraform, &[], 1, words);
    refused_with(&folder("shop"), &["--snapshot", "a.snapshot"], 2, "a second time");
    refused(&folder("shop"), "--terraform runs the program `terraform`, which is not on the PATH");
    refused(scratch.path(), "holds no Terraform configuration");
    refused(&scratch.path().join("nowhere"), "cannot read ");
}
