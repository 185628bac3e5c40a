//! Every operation with inputs that the model allows and nobody would write: none may panic, a refused one changes
//! nothing ([`Cloud::try_call`](crate::cloud::Cloud::try_call) holds it to that) and names an error of the model, and what
//! was stored makes the same cloud again.

mod inputs;
mod worlds;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
    time::Duration,
};

use fastrand::Rng;
use serde_json::{Value, json};
use tidegate_engine::{Effect, Event, StopCause, TaskChange};
use tidegate_models::ServiceModel;

use inputs::{Inputs, Memory};
use worlds::World;

/// Many short lives: what is deleted, renamed or broken early would leave a long one little to do. As many more as
/// properties have more cases by `PROPTEST_CASES`.
static SEEDS: LazyLock<u64> = LazyLock::new(|| {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    (48 * cases.unwrap_or(256) / 256).max(48)
});
const CALLS: usize = 500;

#[test]
fn no_valid_input_of_ecs_panics_and_no_refused_one_changes_anything() {
    hold(worlds::ecs);
}

#[test]
fn no_valid_input_of_task_sets_panics_and_no_refused_one_changes_anything() {
    hold(worlds::task_sets);
}

#[test]
fn no_valid_input_of_load_balancing_panics_and_no_refused_one_changes_anything() {
    hold(worlds::load_balancing);
}

#[test]
fn no_valid_input_of_code_deploy_panics_and_no_refused_one_changes_anything() {
    hold(worlds::code_deploy);
}

#[test]
fn no_valid_input_of_alarms_and_metrics_panics_and_no_refused_one_changes_anything() {
    hold(worlds::alarms);
}

#[test]
fn no_valid_input_of_parameter_store_panics_and_no_refused_one_changes_anything() {
    hold(worlds::parameters);
}

#[test]
fn no_valid_input_of_secrets_panics_and_no_refused_one_changes_anything() {
    hold(worlds::secrets);
}

#[test]
fn no_valid_input_of_log_groups_panics_and_no_refused_one_changes_anything() {
    hold(worlds::logs);
}

#[test]
fn no_valid_input_of_networks_panics_and_no_refused_one_changes_anything() {
    hold(worlds::networks);
}

#[test]
fn no_valid_input_of_iam_panics_and_no_refused_one_changes_anything() {
    hold(worlds::identities);
}

#[test]
fn no_valid_input_of_auto_scaling_panics_and_no_refused_one_changes_anything() {
    hold(worlds::scaling);
}

#[test]
fn no_valid_input_of_repositories_and_images_panics_and_no_refused_one_changes_anything() {
    hold(worlds::images);
}

fn hold(world: fn() -> World) {
    let mut strange = BTreeMap::new();
    let mut untouched: BTreeSet<String> = world().told().collect();
    for seed in 0..*SEEDS {
        let mut rng = Rng::with_seed(seed);
        let mut world = world();
        let mut memory = Memory::default();
        let mut accepted = 0;
        for _ in 0..CALLS {
            let operation = world.draw(&mut rng);
            let mut inputs =
                Inputs { model: world.model, words: &world.words, memory: &memory, rng: &mut rng };
            let input = inputs.of(&operation, world.examples.get(operation.as_str()));
            let service = world.model.signing_name.as_str();
            match world.cloud.at(service, |cloud| cloud.try_call(&operation, input.clone())) {
                Ok(reply) => {
                    memory.remember("", &reply);
                    accepted += 1;
                    untouched.remove(&operation);
                }
                Err(refused) => {
                    let error = refused.split(": ").next().unwrap();
                    if !is_modelled(world.model, &operation, error) {
                        strange
                            .entry(format!("{operation} has no error {error}"))
                            .or_insert(format!("{refused}\n{input}"));
                    }
                }
            }
            live(&mut world, &mut memory, &mut rng);
        }
        assert!(
            accepted > CALLS / 10,
            "seed {seed}: only {accepted} calls were accepted; the inputs teach nothing"
        );
        a_restart_changes_nothing(&mut world);
    }
    assert!(strange.is_empty(), "{strange:#?}");
    assert!(untouched.is_empty(), "never accepted: {untouched:?}");
}

/// Time goes by now and then; tasks stop when they should, and the ids that functions are given become known.
fn live(world: &mut World, memory: &mut Memory, rng: &mut Rng) {
    if rng.usize(..4) == 0 {
        world.cloud.live(Duration::from_secs(rng.u64(..200)));
    }
    for effect in world.cloud.take_effects() {
        match effect {
            Effect::StopTask(task) => {
                let change = TaskChange::Stopped { cause: StopCause::Requested, reason: String::new() };
                world.cloud.observe(Event::Task { task, change });
            }
            Effect::InvokeFunction(id) => {
                if let Some(row) = world.cloud.engine.state().invocations.get(&id) {
                    memory.remember("", &row.payload.clone());
                }
            }
            _ => {}
        }
    }
}

/// Errors that AWS documents for all operations of a service, and the local cloud's own word for what it does not do.
const COMMON: [&str; 6] = [
    "ValidationException",
    "ValidationError",
    "MissingParameter",
    "InvalidParameterValue",
    "InvalidParameterCombination",
    "NotImplemented",
];

/// The model has it for `CreateLoadBalancer` and `AddTags`, but forgot the other operations that take tags.
const FORGOTTEN: &str = "DuplicateTagKeys";

/// A boundary that does not exist: IAM answers so, and its model does not say it.
const NO_BOUNDARY: (&str, &str) = ("CreateRole", "NoSuchEntity");

fn is_modelled(model: &ServiceModel, operation: &str, code: &str) -> bool {
    // EC2's model knows of no errors at all.
    if model.operations().all(|operation| operation.errors.is_empty()) {
        return true;
    }
    let listed = &model.operation(operation).unwrap().errors;
    listed.iter().any(|shape| shape == code || model.error(shape).unwrap().code == code)
        || COMMON.contains(&code)
        || code == FORGOTTEN
        || (operation, code) == NO_BOUNDARY
}

fn a_restart_changes_nothing(world: &mut World) {
    let seen = |world: &mut World| -> Vec<Value> {
        let service = world.model.signing_name.as_str();
        let listings = world.listings.iter();
        let listings = listings
            .map(|operation| world.cloud.at(service, |cloud| cloud.try_call(operation, json!({})).unwrap()));
        listings.collect()
    };
    let before = seen(world);
    world.cloud.restart();
    assert_eq!(seen(world), before);
}
