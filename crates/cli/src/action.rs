//! `tidegate action`: what action.yml runs. It reads inputs as GitHub's runner gives them to any action, so that a
//! workflow written for Amazon's render and deploy actions needs no other change than its `uses:` lines, and answers as
//! the runner expects: outputs and a summary in files, annotations on lines. It must never show a value that may be
//! secret, nor let what tasks print become a command. Start with [`Action::run`].

mod app_spec;
mod deploy;
mod inputs;
mod render;
mod rollback;
mod runner;

use crate::args::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use clap::Args;
use inputs::{Inputs, wrong};
use runner::Runner;
use tidegate_report::summary::Record;

/// `tidegate action`.
#[derive(Debug, Args)]
pub struct Action {}

/// What a step of a workflow is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    /// Write a task definition with the image in it.
    Render,
    /// Register a task definition, and bring it to a service.
    Deploy,
    /// Register a task definition.
    Register,
    /// Go back to what was last steady.
    Rollback,
}

/// How a step ended, and what it leaves for later ones.
struct Done {
    exit: Exit,
    outputs: Vec<(&'static str, String)>,
}

impl Action {
    /// One step of a workflow, to its end.
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let inputs = Inputs::of_environment();
        let runner = Runner::of_environment();
        let record = Record::default();
        runner.silence();
        let done = Box::pin(act(&inputs, &runner, &record, global)).await;
        runner.speak();
        let outputs = done.as_ref().map_or(&[][..], |done| done.outputs.as_slice());
        runner.finish(&record, outputs, done.as_ref().err())?;
        Ok(done.map_or_else(|failure| failure.exit(), |done| done.exit))
    }
}

async fn act(inputs: &Inputs, runner: &Runner, record: &Record, global: &Global) -> Result<Done, Failure> {
    for message in inputs.refusals()? {
        runner.note(message);
    }
    let workspace = inputs.workspace();
    let config = workspace.config(inputs)?;
    match command(inputs, config.is_some())? {
        Command::Render => render::run(inputs, global).await,
        command @ (Command::Deploy | Command::Register) => {
            deploy::run(command, inputs, config.as_deref(), runner, record, global).await
        }
        Command::Rollback => rollback::run(inputs, config.as_deref(), runner, record, global).await,
    }
}

/// What is to be done: the input `mode`, else what the inputs of Amazon's two actions mean. Its render action has a
/// container and an image and no service; its deploy action without a service only registers.
fn command(inputs: &Inputs, has_config: bool) -> Result<Command, Failure> {
    if let Some(word) = inputs.get("mode") {
        return match word.as_str() {
            "render" => Ok(Command::Render),
            "deploy" => Ok(Command::Deploy),
            "register" => Ok(Command::Register),
            "rollback" => Ok(Command::Rollback),
            _ => Err(wrong("mode", "render, deploy, register or rollback")),
        };
    }
    let names_definition = inputs::DEFINITIONS.iter().any(|name| inputs.get(name).is_some());
    let has = |name: &str| inputs.get(name).is_some();
    if has("service") {
        Ok(Command::Deploy)
    } else if names_definition && has("container-name") && has("image") {
        Ok(Command::Render)
    } else if has_config {
        Ok(Command::Deploy)
    } else if names_definition {
        Ok(Command::Register)
    } else {
        let what =
            "nothing says what to do: there is neither a service nor a task definition, and no tidegate.yml";
        Err(Failure::new(Exit::Usage, what)
            .with_help(Some("give the inputs service and cluster, or a config file".to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(pairs: &[(&str, &str)], has_config: bool) -> Option<Command> {
        command(&Inputs::of(pairs), has_config).ok()
    }

    #[test]
    fn what_amazon_s_actions_are_given_says_what_to_do() {
        let rendered = [("task-definition", "td.json"), ("container-name", "app"), ("image", "app:2")];
        assert_eq!(meant(&rendered, false), Some(Command::Render));
        assert_eq!(meant(&rendered, true), Some(Command::Render), "also beside a config file");
        let deployed = [("task-definition", "td.json"), ("service", "web")];
        assert_eq!(meant(&deployed, false), Some(Command::Deploy));
        assert_eq!(meant(&[("task-definition", "td.json")], false), Some(Command::Register));
        assert_eq!(meant(&[("image", "app:2")], true), Some(Command::Deploy));
        assert_eq!(meant(&[("mode", "rollback")], true), Some(Command::Rollback));
        assert_eq!(meant(&[], false), None);
        assert_eq!(meant(&[("mode", "undo")], true), None);
    }
}
