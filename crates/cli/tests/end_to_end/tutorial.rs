//! docs/tutorial.md, as it stands: every command of it in order, in a folder that is empty at first. Each must end with the
//! exit code that the page gives and say what the page shows.
//!
//! A block of the page is of language `console`: a line that begins with `$ ` is a command, the others are lines that it
//! says, with `…` for any text. A comment `<!-- exit: 3 -->` before a block is of its last command.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::cloud::Turn;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");
/// The addresses that the page shows: those of the test's cloud are put in their place.
const ENDPOINT: &str = "http://127.0.0.1:4566";
const FRONT: &str = "http://127.142.0.1:8080/";
/// What the page leaves to the default and a test cannot: a free port, no Docker, and less to wait for.
const MORE: &str = "--port 0 --runtime process --speed 5";
/// How long the cloud may take until it has said everything.
const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn from_an_empty_folder_to_a_release_that_is_thrown_back_as_the_tutorial_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tutorial.md");
    let steps = steps(&fs::read_to_string(page).unwrap());
    assert!(steps.len() > 10, "the page has no commands: {steps:?}");
    let _turn = Turn::WithOthers.wait();
    let mut reader = Reader::new();
    for step in &steps {
        reader.follow(step);
    }
}

/// A command of the page.
#[derive(Debug)]
struct Step {
    command: String,
    /// What it says, line by line.
    says: Vec<String>,
    exit: i32,
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut is_block, mut exit) = (false, 0);
    for line in page.lines() {
        let comment = line.strip_prefix("<!-- exit: ").and_then(|rest| rest.strip_suffix(" -->"));
        if let Some(code) = comment {
            exit = code.parse().unwrap();
        } else if line == "```console" {
            is_block = true;
        } else if line == "```" {
            if is_block && let Some(last) = steps.last_mut() {
                last.exit = exit;
            }
            (is_block, exit) = (false, 0);
        } else if is_block && let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.to_owned(), says: Vec::new(), exit: 0 });
        } else if is_block && let Some(last) = steps.last_mut() {
            last.says.push(line.to_owned());
        }
    }
    steps
}

/// Somebody who types what the page says.
struct Reader {
    cloud: Option<Up>,
    exported: Vec<(String, String)>,
    path: OsString,
    folder: TempDir,
    home: TempDir,
}

impl Reader {
    fn new() -> Self {
        let beside = Path::new(PROGRAM).parent().map(Path::to_owned);
        let known = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths(beside.into_iter().chain(env::split_paths(&known))).unwrap();
        let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        Self { cloud: None, exported: Vec::new(), path, folder, home }
    }

    fn follow(&mut self, step: &Step) {
        if step.command.starts_with("tidegate local up") {
            let command = self.shell(&format!("exec {} {MORE} 2>&1", step.command));
            self.cloud = Some(Up::start(command, self.home.path(), step));
            return;
        }
        let typed = self.with_real_addresses(&step.command);
        if let Some(exported) = typed.strip_prefix("export ") {
            let printed = self.cloud.as_ref().map(|cloud| cloud.printed.join("\n")).unwrap_or_default();
            let is_printed = printed.lines().any(|line| line.trim() == typed);
            assert!(is_printed, "`{typed}` is not what the cloud printed:\n{printed}");
            let pairs = exported.split(' ').filter_map(|pair| pair.split_once('='));
            self.exported.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
            return;
        }
        if typed.starts_with("curl ") && !has_curl() {
            eprintln!("*** SKIPPED, since there is no curl: {typed} ***");
            return;
        }
        let output = self.shell(&typed).output().unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let code = output.status.code();
        assert_eq!(code, Some(step.exit), "the exit code of `{typed}`, which said:\n{said}");
        for line in step.says.iter().map(|line| self.with_real_addresses(line)) {
            assert!(is_said(&said, &line), "`{typed}` did not say\n  {line}\nbut\n{said}");
        }
    }

    /// A command for the shell, which knows of the machine only where its programs are.
    fn shell(&self, typed: &str) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", typed])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", self.home.path())
            .env("TIDEGATE_TICK_MS", "100")
            .envs(self.exported.iter().map(|(name, value)| (name, value)));
        command
    }

    fn with_real_addresses(&self, text: &str) -> String {
        self.cloud.as_ref().map_or_else(|| text.to_owned(), |cloud| cloud.with_real_addresses(text))
    }
}

/// The cloud of the first terminal; brought down when dropped.
struct Up {
    process: Child,
    lines: Receiver<String>,
    printed: Vec<String>,
    home: PathBuf,
}

impl Up {
    /// Starts it, and waits until it has said what the page shows.
    fn start(mut command: Command, home: &Path, step: &Step) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut cloud = Self { process, lines, printed: Vec::new(), home: home.to_owned() };
        let deadline = Instant::now() + PATIENCE;
        while let Some(missing) = cloud.not_said_yet(step) {
            let left = deadline.saturating_duration_since(Instant::now());
            match cloud.lines.recv_timeout(left) {
                Ok(line) => cloud.printed.push(line),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("`{}` did not say within {PATIENCE:?}\n  {missing}", step.command)
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("`{}` ended, and did not say\n  {missing}", step.command)
                }
            }
        }
        cloud
    }

    fn not_said_yet(&self, step: &Step) -> Option<String> {
        let printed = self.printed.join("\n");
        let mut wanted = step.says.iter().map(|line| self.with_real_addresses(line));
        wanted.find(|line| !line.is_empty() && !is_said(&printed, line))
    }

    fn down(&self) -> bool {
        let mut down = Command::new(PROGRAM);
        down.args(["local", "down"]).env_clear().env("HOME", &self.home);
        down.output().is_ok_and(|output| output.status.success())
    }

    /// What the page shows, with this cloud's addresses as far as they are known.
    fn with_real_addresses(&self, text: &str) -> String {
        let endpoint = self.printed.iter().find_map(|line| line.strip_prefix("local cloud up at "));
        let front = self.printed.iter().find_map(|line| line.split_once(" behind ")?.1.split_once(','));
        text.replace(ENDPOINT, endpoint.unwrap_or(ENDPOINT)).replace(FRONT, front.map_or(FRONT, |it| it.0))
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let has_said = !self.printed.is_empty();
        if std::thread::panicking() {
            let printed: Vec<String> = self.printed.drain(..).chain(self.lines.try_iter()).collect();
            eprintln!("--- the cloud said\n{}\n---", printed.join("\n"));
        }
        // One that has said nothing may not be known to `down` yet.
        if !has_said || !self.down() {
            let _ = self.process.kill();
            let _ = self.process.wait();
            self.down();
        }
        let _ = self.process.wait();
    }
}

fn has_curl() -> bool {
    let is_required = env::var_os("TIDEGATE_REQUIRE_CLIENTS").is_some();
    is_required || Command::new("curl").arg("--version").output().is_ok()
}

/// Whether a line of a text has the pieces of `wanted` between its `…`, in their order. How wide a gap is does not matter.
fn is_said(text: &str, wanted: &str) -> bool {
    let wanted = with_single_gaps(wanted);
    text.lines().any(|line| {
        let line = with_single_gaps(line);
        let mut rest = line.as_str();
        wanted.split('…').map(str::trim).all(|piece| match rest.find(piece) {
            Some(at) => {
                rest = &rest[at + piece.len()..];
                true
            }
            None => false,
        })
    }) || wanted.is_empty()
        || wanted == "…"
}

fn with_single_gaps(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
