//! A local cloud as a process of its own: the real binary, on a free port, in a folder that goes with the test.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// A running `tidegate local up`; brought down, with everything that it runs, when dropped.
pub(crate) struct Cloud {
    process: Child,
    folder: TempDir,
    announcement: Value,
    arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
    _turn: Held,
}

/// Whether a test shares the machine.
#[derive(Clone, Copy)]
pub(crate) enum Turn {
    /// One that measures traffic or time: another's load would be its latency.
    Alone,
    /// One that mostly waits.
    WithOthers,
}

/// A turn that has come.
pub(crate) enum Held {
    Alone { _turn: RwLockWriteGuard<'static, ()> },
    WithOthers { _turn: RwLockReadGuard<'static, ()> },
}

static TURN: RwLock<()> = RwLock::new(());

impl Turn {
    /// Waits until it comes.
    pub(crate) fn wait(self) -> Held {
        match self {
            Self::Alone => Held::Alone { _turn: TURN.write().unwrap_or_else(PoisonError::into_inner) },
            Self::WithOthers => {
                Held::WithOthers { _turn: TURN.read().unwrap_or_else(PoisonError::into_inner) }
            }
        }
    }
}

/// The part of a config file that makes the sample service stand for images called `sample`.
pub(crate) fn images() -> String {
    let program = env!("CARGO_BIN_EXE_tidegate");
    format!(
        "local:\n  images:\n    \"sample:*\": {{ command: [{program:?}, \"sample-service\"] }}\n    \
         \"sample:crash\": {{ command: [{program:?}, \"sample-service\"], environment: {{ SAMPLE_CRASH: start }} }}\n"
    )
}

impl Cloud {
    /// Starts one with more `arguments`, with the sample service for every image called `sample`.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_with(Turn::Alone, "process", "", arguments, Vec::new())
    }

    /// [`Self::start`], beside those of other tests.
    pub(crate) fn start_beside(arguments: &[&str]) -> Self {
        Self::start_configured_beside("", arguments)
    }

    /// [`Self::start_configured`], beside those of other tests.
    pub(crate) fn start_configured_beside(local: &str, arguments: &[&str]) -> Self {
        Self::start_with(Turn::WithOthers, "process", local, arguments, Vec::new())
    }

    /// [`Self::start`], with more of the section `local` of the config file.
    pub(crate) fn start_configured(local: &str, arguments: &[&str]) -> Self {
        Self::start_with(Turn::Alone, "process", local, arguments, Vec::new())
    }

    /// [`Self::start_beside`], with more in its environment.
    pub(crate) fn start_in_environment(arguments: &[&str], environment: Vec<(&'static str, String)>) -> Self {
        Self::start_with(Turn::WithOthers, "process", "", arguments, environment)
    }

    /// Starts one that runs no program for its tasks.
    pub(crate) fn start_simulated(arguments: &[&str]) -> Self {
        Self::start_with(Turn::Alone, "simulated", "", arguments, Vec::new())
    }

    /// Starts one whose tasks are containers.
    pub(crate) fn start_in_docker(arguments: &[&str]) -> Self {
        Self::start_with(Turn::Alone, "docker", "", arguments, Vec::new())
    }

    fn start_with(
        turn: Turn,
        runtime: &str,
        local: &str,
        arguments: &[&str],
        environment: Vec<(&'static str, String)>,
    ) -> Self {
        let turn = turn.wait();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tidegate.yml"), images() + local).unwrap();
        let arguments: Vec<String> =
            ["--runtime", runtime].iter().chain(arguments).map(|&argument| argument.to_owned()).collect();
        let (process, announcement) = up(folder.path(), &arguments, &environment);
        Self { process, folder, announcement, arguments, environment, _turn: turn }
    }

    /// Whether its tasks are containers.
    pub(crate) fn runs_in_docker(&self) -> bool {
        self.arguments.iter().any(|argument| argument == "docker")
    }

    /// What it said to stderr so far.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join(SAID)).unwrap()
    }

    /// Where its AWS API is.
    pub(crate) fn endpoint(&self) -> &str {
        self.announcement["endpoint"].as_str().unwrap()
    }

    /// What it said when it was up.
    pub(crate) fn announcement(&self) -> &Value {
        &self.announcement
    }

    /// What AWS clients need to find it, and nothing of the machine's own configuration.
    pub(crate) fn aws_environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint().to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".into()),
            ("AWS_SECRET_ACCESS_KEY", "test".into()),
            ("AWS_DEFAULT_REGION", "eu-west-1".into()),
            ("AWS_REGION", "eu-west-1".into()),
            ("AWS_CONFIG_FILE", self.folder.path().join("no-config").display().to_string()),
            ("AWS_SHARED_CREDENTIALS_FILE", self.folder.path().join("no-credentials").display().to_string()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
        ]
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Ends it with SIGKILL, as a power cut would, and starts it again from its folder.
    pub(crate) fn kill_and_restart(&mut self) {
        self.kill();
        self.restart();
    }

    /// Starts it again after [`Self::kill`].
    pub(crate) fn restart(&mut self) {
        (self.process, self.announcement) = up(self.folder.path(), &self.arguments, &self.environment);
    }

    /// Ends it with SIGKILL, and starts it again with these arguments on top.
    pub(crate) fn kill_and_restart_with(&mut self, arguments: &[&str]) {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self.kill_and_restart();
    }

    /// The folder of its config file.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder that holds its state.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// `tidegate local down`.
    pub(crate) fn down(&self) -> bool {
        let down = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(["local", "down", "--data-dir"])
            .arg(self.data_dir())
            .output();
        down.is_ok_and(|output| output.status.success())
    }

    /// How many processes on this machine run the sample service for this cloud.
    pub(crate) fn sample_processes(&self) -> usize {
        let instance = std::fs::read_to_string(self.data_dir().join("instance")).unwrap();
        let mark = format!("TIDEGATE_INSTANCE={}", instance.trim());
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let environments = processes.filter_map(|entry| {
            let command = std::fs::read(entry.path().join("cmdline")).ok()?;
            let is_sample = String::from_utf8_lossy(&command).split('\0').nth(1)? == "sample-service";
            is_sample.then(|| std::fs::read(entry.path().join("environ")).ok()).flatten()
        });
        environments.filter(|environment| String::from_utf8_lossy(environment).contains(&mark)).count()
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the cloud said\n{}---", self.said());
        }
        if !self.down() {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// The file in a cloud's folder that has its stderr.
const SAID: &str = "said";

fn up(folder: &Path, arguments: &[String], environment: &[(&'static str, String)]) -> (Child, Value) {
    let said = std::fs::File::options().create(true).append(true).open(folder.join(SAID)).unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(["--output", "json", "--config"])
        .arg(folder.join("tidegate.yml"))
        .args(["local", "up", "--port", "0", "--data-dir"])
        .arg(folder.join("state"))
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::piped())
        .stderr(said)
        .spawn()
        .unwrap();
    // The first line of stdout says where it serves.
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let said = serde_json::from_str(&line).unwrap_or_else(|error| {
        panic!("{error}: {line:?}\n{}", std::fs::read_to_string(folder.join(SAID)).unwrap_or_default())
    });
    (process, said)
}

/// Looks until it holds, for half a minute at most.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
