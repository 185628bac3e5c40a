//! A local cloud as a process of its own: the real binary, on a free port, in a folder that goes with the test.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// A running `tidegate local up`; brought down, with everything that it runs, when dropped.
pub struct Cloud {
    process: Child,
    folder: TempDir,
    endpoint: String,
}

impl Cloud {
    /// Starts one with more `arguments`, with the sample service for every image called `sample`.
    pub fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = env!("CARGO_BIN_EXE_tidegate");
        let config = format!(
            "local:\n  images:\n    \"sample:*\": {{ command: [{program:?}, \"sample-service\"] }}\n    \
             \"sample:crash\": {{ command: [{program:?}, \"sample-service\"], environment: {{ SAMPLE_CRASH: start }} }}\n"
        );
        std::fs::write(folder.path().join("tidegate.yml"), config).unwrap();
        let (process, endpoint) = up(folder.path(), arguments);
        Self { process, folder, endpoint }
    }

    /// What AWS clients need to find it, and nothing of the machine's own configuration.
    pub fn aws_environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_ACCESS_KEY_ID", "test".into()),
            ("AWS_SECRET_ACCESS_KEY", "test".into()),
            ("AWS_DEFAULT_REGION", "eu-west-1".into()),
            ("AWS_REGION", "eu-west-1".into()),
            ("AWS_CONFIG_FILE", self.folder.path().join("no-config").display().to_string()),
            ("AWS_SHARED_CREDENTIALS_FILE", self.folder.path().join("no-credentials").display().to_string()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
        ]
    }

    /// Its folder.
    #[allow(dead_code, reason = "each test binary uses its own part of this module")]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let down = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(["local", "down", "--data-dir"])
            .arg(self.folder.path().join("state"))
            .output();
        if !down.is_ok_and(|output| output.status.success()) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

fn up(folder: &Path, arguments: &[&str]) -> (Child, String) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(["--output", "json", "--config"])
        .arg(folder.join("tidegate.yml"))
        .args(["local", "up", "--port", "0", "--runtime", "process", "--data-dir"])
        .arg(folder.join("state"))
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The first line of stdout says where it serves.
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let said: serde_json::Value = serde_json::from_str(&line).unwrap();
    (process, said["endpoint"].as_str().unwrap().to_owned())
}
