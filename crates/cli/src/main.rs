//! The `tidegate` program: arguments and the config file become one call of a library, and its
//! answer becomes an exit code. It must never hold logic of its own. One file per subcommand; start
//! with [`Command`].

#![allow(unreachable_pub, reason = "nothing outside of a program can reach into it")]

mod action;
mod args;
mod check;
mod config;
mod confirm;
mod control;
mod demo;
mod demo_image;
mod deploy;
mod diagnose;
mod diff;
mod exit;
mod failure;
mod history;
mod iam_policy;
mod init;
mod interrupt;
mod local;
mod logs;
mod origin;
mod rehearse;
mod render;
mod revisions;
mod rollback;
mod run;
mod sample;
mod scale;
mod session;
mod shift;
mod status;
mod sync;
mod tasks;
mod theatre;
mod wait;
mod watch;

use args::Global;
use clap::{CommandFactory as _, Parser, Subcommand};
use exit::Exit;
use failure::Failure;
use std::process::ExitCode;

/// Ships new versions of Amazon ECS services safely, and rehearses them on a local cloud.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, after_help = exit::TABLE, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Roll a new version out and watch it to a verdict
    Deploy(deploy::Deploy),
    /// Show what runs and what moves
    Status(status::Status),
    /// Follow the deployment in progress, whoever started it
    Watch(watch::Watch),
    /// Wait for the deployment in progress and say only how it ended
    Wait(wait::Wait),
    /// Show who rolled out what, from which commit, how it ended, and why
    History(history::History),
    /// Find out why a deployment failed or hangs: causes, evidence, the next command
    Diagnose(diagnose::Diagnose),
    /// Show what the containers of the service print
    Logs(logs::Logs),
    /// Show the tasks of the service, running and stopped ones with their reasons
    Tasks(tasks::Tasks),
    /// Run a one-off task where the service runs, with its log and its exit code
    Run(run::Run),
    /// Set how many tasks run, or hold autoscaling
    Scale(scale::Scale),
    /// Go back to what was last steady
    Rollback(rollback::Rollback),
    /// Go on with a rollout: let a paused one go, or take over one whose runner is gone
    Resume(control::Resume),
    /// Hold a rollout by controller alb at its step; gates go on deciding
    Pause(control::Pause),
    /// Skip the rest of the step's bake, and grant what waits for approval
    Promote(control::Promote),
    /// Take the traffic back to stable now, also where the runner is gone
    Abort(control::Abort),
    /// Move the weights of a listener rule by hand
    Shift(shift::Shift),
    /// Show how the wanted task definition differs from the one that runs
    Diff(diff::Diff),
    /// Print the task definition that a deploy would register
    Render(render::Render),
    /// Audit a service, or all of a cluster: what is wrong with how it is deployed, and the fix
    Check(check::Check),
    /// List the revisions of the task definition, or prune old ones
    Revisions(revisions::Revisions),
    /// Print the least IAM policy for what this config does
    IamPolicy(iam_policy::IamPolicy),
    /// Make services what a git branch says, once or always
    Sync(sync::Sync),
    /// Write the files to start from: of a running service, for Terraform, for GitHub
    Init(init::Init),
    /// Rehearse the deployment on a local cloud, under traffic, with a fault if wanted
    Rehearse(rehearse::Rehearse),
    /// Run AWS's API, tasks and a load balancer on this machine
    Local(local::Local),
    /// Show it all: five releases of a small service under traffic, four of them bad
    Demo(demo::Demo),
    /// What action.yml runs: inputs and files as GitHub's runner gives them
    #[command(hide = true)]
    Action(action::Action),
    /// The small service that the demo deploys
    #[command(hide = true)]
    SampleService(sample::Sample),
}

impl Command {
    async fn run(self, global: &Global) -> Result<Exit, Failure> {
        match self {
            Self::Deploy(command) => command.run(global).await,
            Self::Status(command) => command.run(global).await,
            Self::Watch(command) => command.run(global).await,
            Self::Wait(command) => command.run(global).await,
            Self::History(command) => command.run(global).await,
            Self::Diagnose(command) => command.run(global).await,
            Self::Logs(command) => command.run(global).await,
            Self::Tasks(command) => command.run(global).await,
            Self::Run(command) => command.run(global).await,
            Self::Scale(command) => command.run(global).await,
            Self::Rollback(command) => command.run(global).await,
            Self::Resume(command) => command.run(global).await,
            Self::Pause(command) => command.run(global).await,
            Self::Promote(command) => command.run(global).await,
            Self::Abort(command) => command.run(global).await,
            Self::Shift(command) => command.run(global).await,
            Self::Diff(command) => command.run(global).await,
            Self::Render(command) => command.run(global).await,
            Self::Check(command) => command.run(global).await,
            Self::Revisions(command) => command.run(global).await,
            Self::IamPolicy(command) => command.run(global).await,
            Self::Sync(command) => Box::pin(command.run(global)).await,
            Self::Init(command) => command.run(global).await,
            Self::Rehearse(command) => Box::pin(command.run(global)).await,
            Self::Local(command) => command.run(global).await,
            Self::Demo(command) => command.run(global).await,
            Self::Action(command) => Box::pin(command.run(global)).await,
            Self::SampleService(command) => command.run(global).await,
        }
    }
}

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    if let Err(wrong) = arguments.global.settle(matches!(arguments.command, Command::Check(_))) {
        Arguments::command().error(clap::error::ErrorKind::ArgumentConflict, wrong).exit();
    }
    arguments.global.start_logging();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return Failure::new(Exit::Refused, format!("cannot start: {error}")).report(&arguments.global);
        }
    };
    match runtime.block_on(arguments.command.run(&arguments.global)) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(&arguments.global),
    }
}
