//! Runs one task definition and prints its events as they come, until it stops or this program is killed.
//!
//!     cargo run --release -p tidegate-tasks --example run_task -- \
//!         FOLDER INSTANCE persistent|with-parent process|docker TASK.json
//!
//! `TASK.json` is `{"id": "…", "definition": {…}, "images": {"hello:*": ["program", "argument"]}}`. An instance that
//! left the task running finds it again and goes on with it.

use std::{collections::BTreeMap, error::Error, fs, path::PathBuf, process::ExitCode, sync::Arc};

use serde::Deserialize;
use tidegate_clock::{Clock, Speed};
use tidegate_models::ecs::TaskDefinition;
use tidegate_tasks::{
    Adopted, ImageCommand, ImageMap, Kind, Lifetime, Runtime, Settings, TaskEvent, TaskSpec,
};

#[derive(Deserialize)]
struct Task {
    id: String,
    definition: TaskDefinition,
    images: BTreeMap<String, Vec<String>>,
}

const USAGE: &str = "usage: run_task FOLDER INSTANCE persistent|with-parent process|docker TASK.json";

#[tokio::main]
#[expect(clippy::print_stderr, reason = "that is where errors go")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, instance, lifetime, kind, file] = arguments.as_slice() else { return Err(USAGE.into()) };
    let lifetime = match lifetime.as_str() {
        "persistent" => Lifetime::Persistent,
        "with-parent" => Lifetime::WithParent,
        _ => return Err(USAGE.into()),
    };
    let task: Task = serde_json::from_slice(&fs::read(file)?)?;
    let command = |command| ImageCommand { command, ..ImageCommand::default() };
    let images: ImageMap =
        task.images.into_iter().map(|(pattern, words)| (pattern, command(words))).collect();
    let spec = TaskSpec {
        task_arn: format!("arn:aws:ecs:us-east-1:000000000000:task/default/{}", task.id),
        task_id: task.id,
        cluster: "default".to_owned(),
        definition: Arc::new(task.definition),
        overrides: None,
        environment: Vec::new(),
        secrets: Vec::new(),
        image_digests: BTreeMap::new(),
        registry_images: BTreeMap::new(),
        group: "family:example".to_owned(),
        region: "us-east-1".to_owned(),
    };
    let settings = Settings {
        clock: Clock::starting_now(Speed::REAL),
        data_dir: PathBuf::from(folder),
        lifetime,
        instance: instance.clone(),
    };
    let (runtime, mut events) = match Kind::parse(kind) {
        Some(Kind::Process) => Runtime::process(settings, images).await?,
        Some(Kind::Docker) => Runtime::docker(settings).await?,
        Some(Kind::Simulated) => Runtime::simulated(settings).await?,
        None => return Err(USAGE.into()),
    };
    match runtime.adopt(vec![spec.clone()]).await.pop() {
        Some(Adopted::Running { facts, .. }) => facts.iter().for_each(print),
        _ => runtime.start(spec),
    }
    while let Some(event) = events.recv().await {
        print(&event);
        if matches!(event, TaskEvent::Stopped { .. }) {
            break;
        }
    }
    runtime.shutdown().await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "that is what it is for")]
fn print(event: &TaskEvent) {
    println!("{event:?}");
}
