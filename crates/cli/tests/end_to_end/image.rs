//! The image of the action: built by the repository's own Dockerfile from this very program, with what it needs and nothing
//! else, and run as GitHub's runner runs it.
//!
//! What is published is compiled for musl, by the second half of that file; here that would be a second build of everything.
//! See docs/decisions/0008-action-image.md.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use crate::{
    api::ecs,
    cloud::Cloud,
    docker::{docker, no_daemon},
};

const IMAGE: &str = "tidegate-test/action:1";
const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");

#[test]
fn the_actions_image_holds_the_program_alone_and_registers_as_its_inputs_say() {
    if no_daemon() {
        return;
    }
    let cloud = Cloud::start_beside(&[]);
    let folder = tempfile::tempdir().unwrap();
    let context = folder.path().join("context");
    prebuilt(&context.join("dist"));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Dockerfile");
    docker(&[
        "build",
        "--quiet",
        "--target",
        "prebuilt",
        "--tag",
        IMAGE,
        "--file",
        text(&file),
        text(&context),
    ]);

    let version = docker(&["run", "--rm", IMAGE, "--version"]);
    assert!(String::from_utf8_lossy(&version.stdout).starts_with("tidegate "));

    let workspace = folder.path().join("workspace");
    fs::create_dir(&workspace).unwrap();
    let definition = json!({"family": "image", "containerDefinitions": [{"name": "app", "image": "sample:1", "memory": 64}]});
    fs::write(workspace.join("td.json"), definition.to_string()).unwrap();
    fs::write(workspace.join("output"), "").unwrap();
    let endpoint = format!("AWS_ENDPOINT_URL={}", cloud.endpoint());
    let mount = format!("{}:/github/workspace", text(&workspace));
    let ran = docker(&[
        "run",
        "--rm",
        "--network",
        "host",
        "--workdir",
        "/github/workspace",
        "--volume",
        &mount,
        "--env",
        &endpoint,
        "--env",
        "AWS_ACCESS_KEY_ID=test",
        "--env",
        "AWS_SECRET_ACCESS_KEY=test",
        "--env",
        "AWS_REGION=eu-west-1",
        "--env",
        "GITHUB_WORKSPACE=/github/workspace",
        "--env",
        "GITHUB_OUTPUT=/github/workspace/output",
        "--env",
        "INPUT_TASK-DEFINITION=td.json",
        IMAGE,
        "action",
    ]);
    let outputs = fs::read_to_string(workspace.join("output")).unwrap();
    assert!(
        outputs.contains(":task-definition/image:1"),
        "{outputs}{}",
        String::from_utf8_lossy(&ran.stdout)
    );
    let (status, answer) =
        ecs(cloud.endpoint(), "DescribeTaskDefinition", &json!({"taskDefinition": "image:1"})).unwrap();
    assert_eq!(status, 200, "{answer}");
    docker(&["rmi", "--force", IMAGE]);
}

/// This program with the libraries that it is linked to, each where it looks for them, and the certificates.
fn prebuilt(dist: &Path) {
    fs::create_dir_all(dist).unwrap();
    let program = dist.join("tidegate");
    let stripped = Command::new("strip").args(["-o", text(&program), PROGRAM]).status();
    if !stripped.is_ok_and(|status| status.success()) {
        fs::copy(PROGRAM, &program).unwrap();
    }
    let linked = Command::new("ldd").arg(PROGRAM).output().unwrap();
    let words = String::from_utf8_lossy(&linked.stdout).into_owned();
    let libraries = words.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from);
    let certificates = PathBuf::from("/etc/ssl/certs/ca-certificates.crt");
    for file in libraries.chain(Some(certificates).filter(|file| file.exists())) {
        let within = dist.join(file.strip_prefix("/").unwrap());
        fs::create_dir_all(within.parent().unwrap()).unwrap();
        fs::copy(file, within).unwrap();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
