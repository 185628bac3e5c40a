//! Going back as a step of a workflow: to what was last steady, or to the revision that somebody typed. Start with
//! [`run`].

use super::Done;
use super::deploy::{reporter, with_inputs};
use super::inputs::Inputs;
use super::runner::Runner;
use crate::args::Global;
use crate::config::{Config, Reading};
use crate::failure::Failure;
use crate::interrupt::{Part, uninterrupted};
use crate::session::Session;
use std::path::Path;
use tidegate_aws::deploy::Then;
use tidegate_aws::rollback::{Wish, find};
use tidegate_report::summary::Record;

/// Rolls back, and waits unless told otherwise.
pub(super) async fn run(
    inputs: &Inputs,
    config: Option<&Path>,
    runner: &Runner,
    record: &Record,
    global: &Global,
) -> Result<Done, Failure> {
    let global = with_inputs(inputs, global, runner)?;
    let config =
        config.map_or_else(|| Ok(Config::default()), |file| Config::read(file, Reading::TargetOnly))?;
    let session = Session { global: &global, config };
    let mut plan = session.plan(Vec::new())?;
    let waits =
        inputs.get("wait-for-service-stability").is_none() || inputs.is_true("wait-for-service-stability")?;
    plan.then = match (inputs.is_true("dry-run")?, waits) {
        (true, _) => Then::OnlyShow,
        (false, true) => Then::Wait,
        (false, false) => Then::Return,
    };
    let client = session.connect().await?;
    let wish = inputs.get("to-revision").map_or(Wish::LastSteady, Wish::Revision);
    plan.origin = crate::origin::of_here(None);
    let back = find(&client, &plan, &wish).await?;
    let outcome = uninterrupted(reporter(record), &plan.target, Part::Runs, async |sink| {
        tidegate_aws::rollback::run(&client, &plan, &back, sink).await
    })
    .await??;
    Ok(Done { exit: crate::rollback::exit_of(&back, &outcome), outputs: Vec::new() })
}
