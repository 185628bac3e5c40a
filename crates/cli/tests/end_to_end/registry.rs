//! The registry with a real Docker daemon: what `examples/registry/ship.sh` says, people's own tools do.
//!
//! Without a daemon or the AWS CLI the test says loudly that it skips; with `TIDEGATE_REQUIRE_DOCKER=1` and
//! `TIDEGATE_REQUIRE_CLIENTS=1` it fails.

use std::{env, path::Path, process::Command};

use crate::{clients, cloud::Cloud, docker};

#[test]
fn an_image_is_built_pushed_deployed_by_its_digest_and_rolled_back() {
    if docker::no_daemon() || clients::missing("aws", &["--version"]) {
        return;
    }
    let cloud = Cloud::start_in_docker(&["--speed", "10"]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/registry/ship.sh");
    let program = Path::new(env!("CARGO_BIN_EXE_tidegate")).parent().unwrap();
    let before = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([program.to_owned()].into_iter().chain(env::split_paths(&before))).unwrap();
    let output = Command::new("bash")
        .arg(script)
        .current_dir(cloud.folder())
        .env("PATH", path)
        // What Docker knows of registries on this machine stays as it is.
        .env("DOCKER_CONFIG", cloud.folder().join("docker"))
        .env("TIDEGATE_TICK_MS", "100")
        .envs(cloud.aws_environment())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "ship.sh failed\n--- stdout\n{}\n--- stderr\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}
