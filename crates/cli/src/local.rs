//! `tidegate local`: the local cloud as a program of its own: up, down, status, reset. It must never leave tasks behind
//! that nobody can find. Start with [`Local`].

mod sample;
mod terraform;
mod up;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use tidegate_local::{
    Function, FunctionCommand, FunctionMap, ImageCommand, ImageMap, Speed,
    remote::{self, Down, Presence},
    snapshot,
};

use crate::{
    args::{Global, Output},
    config::{FunctionTarget, LocalConfig},
    exit::Exit,
    failure::Failure,
};
use up::Up;

/// Run AWS's API, tasks and a load balancer on this machine
#[derive(Debug, Args)]
pub struct Local {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Start the local cloud and serve until Ctrl-C
    Up(Up),
    /// End the local cloud and everything that it runs; its state stays
    Down(Folder),
    /// Say whether it runs, where and with what
    Status(Folder),
    /// Forget everything: services, tasks, load balancers
    Reset(Folder),
    /// Keep the whole state in one file, or start from one
    #[command(subcommand)]
    Snapshot(Snapshot),
}

#[derive(Debug, Subcommand)]
enum Snapshot {
    /// Write the state to a file, whether the local cloud is up or not; it holds secrets
    Save(SnapshotFile),
    /// Make a file the state of a local cloud that is not up, instead of what it had
    Load(SnapshotFile),
}

#[derive(Debug, Args)]
struct SnapshotFile {
    /// The file
    file: PathBuf,
    #[command(flatten)]
    folder: Folder,
}

#[derive(Debug, Args)]
struct Folder {
    /// Where the state lives [default: tidegate in the user's state folder]
    #[arg(long, value_name = "DIR", env = "TIDEGATE_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

impl Local {
    /// Does it.
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        match self.action {
            Action::Up(up) => up.run(global).await,
            Action::Down(folder) => down(global, &folder.path()?).await,
            Action::Status(folder) => status(global, &folder.path()?).await,
            Action::Reset(folder) => reset(global, &folder.path()?).await,
            Action::Snapshot(Snapshot::Save(saved)) => save(global, &saved.folder.path()?, &saved.file).await,
            Action::Snapshot(Snapshot::Load(saved)) => load(global, &saved.folder.path()?, &saved.file),
        }
    }
}

async fn down(global: &Global, data_dir: &Path) -> Result<Exit, Failure> {
    let down = remote::down(data_dir).await.map_err(refused)?;
    let (word, text) = match down {
        Down::Ended => ("ended", "the local cloud is down; its state stays"),
        Down::CleanedUp => ("cleaned_up", "the local cloud had died; what it had left running is gone now"),
        Down::WasNotUp => ("was_not_up", "no local cloud was up"),
    };
    result(global, &serde_json::json!({ "down": word }), text);
    Ok(Exit::Done)
}

async fn status(global: &Global, data_dir: &Path) -> Result<Exit, Failure> {
    let Some(presence) =
        Presence::read(data_dir).map_err(|error| Failure::new(Exit::Refused, error.to_string()))?
    else {
        result(global, &serde_json::json!({ "up": false }), "no local cloud is up");
        return Ok(Exit::Refused);
    };
    let health = remote::health(&presence.endpoint).await.map_err(refused)?;
    let count = |what: &str| health["counts"][what].as_u64().unwrap_or(0);
    let text = format!(
        "local cloud up at {}\n  tasks run as {} · time runs at {}× · version {}\n  {} clusters · {} services · {} tasks · {} load balancers",
        presence.endpoint,
        presence.runtime,
        health["speed"],
        health["version"].as_str().unwrap_or("unknown"),
        count("clusters"),
        count("services"),
        count("tasks"),
        count("loadBalancers"),
    );
    let mut document = health.clone();
    document["up"] = true.into();
    document["endpoint"] = presence.endpoint.into();
    result(global, &document, &text);
    Ok(Exit::Done)
}

async fn reset(global: &Global, data_dir: &Path) -> Result<Exit, Failure> {
    let presence =
        Presence::read(data_dir).map_err(|error| Failure::new(Exit::Refused, error.to_string()))?;
    if let Some(presence) = presence
        && remote::health(&presence.endpoint).await.is_ok()
    {
        remote::reset(&presence.endpoint).await.map_err(refused)?;
    } else {
        remote::down(data_dir).await.map_err(refused)?;
        snapshot::remove_state(data_dir).map_err(|error| Failure::new(Exit::Refused, error.to_string()))?;
    }
    result(global, &serde_json::json!({ "reset": true }), "the local cloud is empty");
    Ok(Exit::Done)
}

async fn save(global: &Global, data_dir: &Path, file: &Path) -> Result<Exit, Failure> {
    remote::save_snapshot(data_dir, file).await.map_err(refused)?;
    let text = format!(
        "the state is in {}; `tidegate local up --snapshot` starts from it in another folder",
        file.display()
    );
    result(global, &serde_json::json!({ "snapshot": file }), &text);
    Ok(Exit::Done)
}

fn load(global: &Global, data_dir: &Path, file: &Path) -> Result<Exit, Failure> {
    let presence =
        Presence::read(data_dir).map_err(|error| Failure::new(Exit::Refused, error.to_string()))?;
    if let Some(presence) = presence {
        return Err(Failure::new(
            Exit::Refused,
            format!(
                "the local cloud is up at {}, and its state cannot be replaced below it",
                presence.endpoint
            ),
        )
        .with_help(Some("end it first: `tidegate local down`".into())));
    }
    snapshot::unpack(file, data_dir)
        .and_then(|unpacked| unpacked.put_in_place(data_dir))
        .map_err(|error| Failure::new(Exit::Refused, error.to_string()))?;
    let text = format!("{} is the state now; start it with `tidegate local up`", file.display());
    result(global, &serde_json::json!({ "loaded": file }), &text);
    Ok(Exit::Done)
}

impl Folder {
    fn path(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = &self.data_dir {
            return Ok(path.clone());
        }
        let given = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let state =
            given("XDG_STATE_HOME").or_else(|| given("HOME").map(|home| home.join(".local").join("state")));
        let state = state.ok_or_else(|| {
            Failure::new(Exit::Usage, "there is no home folder to keep the state in")
                .with_help(Some("name a folder: --data-dir DIR".into()))
        })?;
        Ok(state.join("tidegate"))
    }
}

/// What runs for which image. Relative programs and folders start at the config file's folder.
pub fn images(config: &LocalConfig, folder: &Path) -> ImageMap {
    let entries = config.images.iter().map(|image| {
        let command = ImageCommand {
            command: relative_to(folder, &image.command),
            environment: image.environment.clone(),
            working_directory: Some(folder.to_owned()),
            ..ImageCommand::default()
        };
        (image.pattern.clone(), command)
    });
    entries.collect()
}

/// What stands for which Lambda function. Relative programs and folders start at the config file's folder.
pub fn functions(config: &LocalConfig, folder: &Path) -> FunctionMap {
    let entries = config.functions.iter().map(|function| {
        let target = match &function.target {
            FunctionTarget::Url(url) => Function::Http(url.clone()),
            FunctionTarget::Command { command, environment } => Function::Command(FunctionCommand {
                command: relative_to(folder, command),
                environment: environment.clone(),
                working_directory: Some(folder.to_owned()),
            }),
        };
        (function.pattern.clone(), target)
    });
    entries.collect()
}

fn relative_to(folder: &Path, command: &[String]) -> Vec<String> {
    let mut command = command.to_vec();
    if let Some(program) = command.first_mut()
        && program.contains('/')
    {
        *program = folder.join(&*program).display().to_string();
    }
    command
}

/// The folder of the config file, as an absolute path where there is one.
pub fn config_folder(global: &Global) -> &Path {
    match global.config.as_deref().and_then(Path::parent) {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A speed as people write it.
pub fn parse_speed(text: &str) -> Result<Speed, String> {
    let factor: f64 = text.parse().map_err(|_| format!("'{text}' is no number"))?;
    Speed::new(factor).ok_or_else(|| "a speed is above 0 and at most 10000".to_owned())
}

pub fn parse_account(text: &str) -> Result<String, String> {
    let valid = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if valid { Ok(text.to_owned()) } else { Err("an AWS account has twelve digits".to_owned()) }
}

/// Completes at Ctrl-C or SIGTERM.
pub async fn ended_by_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

fn refused(error: remote::RemoteError) -> Failure {
    Failure::new(Exit::Refused, error.to_string())
}

fn result(global: &Global, document: &serde_json::Value, text: &str) {
    let mut stdout = std::io::stdout();
    let _ = match global.output {
        Output::Json => writeln!(stdout, "{document}"),
        Output::Text => writeln!(stdout, "{text}"),
    };
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
