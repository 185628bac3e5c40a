//! `tidegate rehearse` of a small service by any strategy and controller.

use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cloud;

/// A rehearsal under way, in a folder of its own.
pub(crate) struct Rehearsal {
    child: Child,
    /// The config file and the task definition.
    _folder: TempDir,
}

/// Rehearses while nothing else of this suite loads the machine; answers the exit code and the report.
pub(crate) fn rehearse(controller: &str, strategy: &str, arguments: &[&str]) -> (Option<i32>, Value) {
    rehearse_by("", controller, strategy, arguments)
}

/// [`rehearse`], with more of the config file.
pub(crate) fn rehearse_by(
    more: &str,
    controller: &str,
    strategy: &str,
    arguments: &[&str],
) -> (Option<i32>, Value) {
    let _turn = cloud::Turn::Alone.wait();
    let all: Vec<&str> =
        ["--controller", controller, "--strategy", strategy].iter().chain(arguments).copied().collect();
    Rehearsal::begin(more, &all).end()
}

impl Rehearsal {
    /// Starts it with `more` of the config file and these `arguments`.
    pub(crate) fn begin(more: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let definition = json!({
            "family": "stage", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "512",
            "containerDefinitions": [
                { "name": "app", "image": "sample:1", "portMappings": [{ "containerPort": 8080 }], "stopTimeout": 5 },
            ],
        });
        std::fs::write(folder.path().join("task.json"), definition.to_string()).unwrap();
        let config =
            format!("cluster: stage\nservice: stage\ntaskDefinition: task.json\n{more}{}", cloud::images());
        std::fs::write(folder.path().join("tidegate.yml"), config).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .current_dir(folder.path())
            .args(["rehearse", "--output", "json", "--runtime", "process", "--health-check-path", "/health"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, _folder: folder }
    }

    /// Waits for its end; answers the exit code and the report, or the list of reports.
    pub(crate) fn end(self) -> (Option<i32>, Value) {
        let output = self.child.wait_with_output().unwrap();
        let report = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code(), report)
    }
}
