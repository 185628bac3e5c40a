//! The words and sections that say how traffic moves, and by whom. It must never let a section pass that
//! the chosen pair does not look at. Start with [`wish`].

use super::error::{ConfigError, Source};
use super::section::{Section, share, text};
use super::yaml::{Data, Node};
use std::collections::BTreeMap;
use tidegate_rollout::Percent;
use tidegate_rollout::code_deploy::app_spec::HOOKS;
use tidegate_rollout::names::ServiceName;
use tidegate_rollout::strategy::{Candidate, DeploymentGroup, Wish};

/// The sections of strategies and of controllers, each with the word that it belongs to.
const OF_STRATEGIES: [(&str, &str); 3] =
    [("blueGreen", "blue_green"), ("linear", "linear"), ("canary", "canary")];
const OF_CONTROLLERS: [(&str, &str); 2] = [("codeDeploy", "code_deploy"), ("alb", "alb")];

/// What the file wishes for.
pub fn wish(source: &Source, top: &Section<'_>) -> Result<Wish, ConfigError> {
    let mut wish =
        Wish { strategy: top.text("strategy")?, controller: top.text("controller")?, ..Wish::default() };
    belongs(source, top, &OF_STRATEGIES, "strategy", wish.strategy.as_deref().unwrap_or("rolling"))?;
    belongs(source, top, &OF_CONTROLLERS, "controller", wish.controller.as_deref().unwrap_or("ecs"))?;
    if let Some(node) = top.node("blueGreen") {
        wish.bake = Section::of(source, node, "blueGreen", &["bake"])?.time("bake")?;
    }
    if let Some(node) = top.node("linear") {
        let linear = Section::of(source, node, "linear", &["step", "stepBake", "bake"])?;
        wish.linear_step = linear.share("step")?;
        wish.linear_bake = linear.time("stepBake")?;
        wish.bake = linear.time("bake")?;
    }
    if let Some(node) = top.node("canary") {
        let canary = Section::of(source, node, "canary", &["steps", "percent", "stepBake", "bake"])?;
        wish.canary_steps = steps(source, &canary)?;
        wish.canary_bake = canary.time("stepBake")?;
        wish.bake = canary.time("bake")?;
    }
    if let Some(node) = top.node("codeDeploy") {
        let known = &["application", "deploymentGroup", "config", "hooks"];
        let group = Section::of(source, node, "codeDeploy", known)?;
        let named = |key: &str| text(source, group.required(key, "codeDeploy", node.place)?, key);
        wish.deployment_group = Some(DeploymentGroup {
            application: named("application")?,
            group: named("deploymentGroup")?,
            config: group.text("config")?,
            hooks: hooks(source, &group)?,
        });
    }
    if let Some(node) = top.node("alb") {
        let alb = Section::of(source, node, "alb", &["candidate", "rule"])?;
        let named = alb.required("candidate", "alb", node.place)?;
        let service = ServiceName::parse(&text(source, named, "candidate")?)
            .map_err(|error| ConfigError::at(source, named.place, error.to_string()))?;
        wish.candidate = Some(Candidate { service, rule: alb.text("rule")? });
    }
    Ok(wish)
}

/// `hooks: { BeforeAllowTraffic: smoke }`: functions by the lifecycle event that calls them.
fn hooks(source: &Source, group: &Section<'_>) -> Result<BTreeMap<String, String>, ConfigError> {
    let Some(node) = group.node("hooks") else { return Ok(BTreeMap::new()) };
    let hooks = Section::of(source, node, "codeDeploy.hooks", &HOOKS)?;
    let named = HOOKS.into_iter().filter_map(|event| Some((event, hooks.node(event)?)));
    let function = |(event, node): (&str, &Node)| {
        let name = text(source, node, event)?;
        if is_function(&name) {
            return Ok((event.to_owned(), name));
        }
        let what = format!("{event} must be a Lambda function, by its name or ARN, and this is `{name}`");
        Err(ConfigError::at(source, node.place, what))
    };
    named.map(function).collect()
}

/// A name, with its version or alias if it has one, or an ARN.
fn is_function(name: &str) -> bool {
    let name = match name.strip_prefix("arn:") {
        Some(arn) => arn.split_once(":lambda:").and_then(|(_, rest)| rest.split_once(":function:")),
        None => Some(("", name)),
    };
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "-_:$".contains(c);
    name.is_some_and(|(_, name)| !name.is_empty() && name.chars().all(is_letter))
}

/// A section that the chosen word does not look at is a mistake: its author thinks that it counts.
fn belongs(
    source: &Source,
    top: &Section<'_>,
    sections: &[(&str, &str)],
    key: &str,
    chosen: &str,
) -> Result<(), ConfigError> {
    for (section, word) in sections {
        let place = top.node(section).and_then(|_| top.key_place(section));
        if let Some(place) = place.filter(|_| *word != chosen) {
            let what =
                format!("the section `{section}` belongs to {key} `{word}`, and the {key} is `{chosen}`");
            return Err(ConfigError::at(source, place, what)
                .with_help(format!("write `{key}: {word}`, or take the section out")));
        }
    }
    Ok(())
}

/// Shares below 100 %, each with its bake where the file says one, in milliseconds.
type Steps = Vec<(Percent, Option<i64>)>;

/// `steps: [10, {weight: 25, bake: 2m}]`, or `percent: 10` for a single one.
fn steps(source: &Source, canary: &Section<'_>) -> Result<Option<Steps>, ConfigError> {
    let (steps, percent) = (canary.node("steps"), canary.share("percent")?);
    match (steps, percent) {
        (None, percent) => Ok(percent.map(|percent| vec![(percent, None)])),
        (Some(node), Some(_)) => Err(ConfigError::at(
            source,
            node.place,
            "canary has both `steps` and `percent`; percent is the one step of a canary with one",
        )),
        (Some(node), None) => match &node.data {
            Data::List(items) => {
                items.iter().map(|item| step(source, item)).collect::<Result<_, _>>().map(Some)
            }
            _ => Err(ConfigError::at(source, node.place, "steps must be a list, such as [10, 25, 50]")),
        },
    }
}

fn step(source: &Source, node: &Node) -> Result<(Percent, Option<i64>), ConfigError> {
    if !matches!(node.data, Data::Mapping(_)) {
        return Ok((share(source, node, "a step")?, None));
    }
    let step = Section::of(source, node, "a step", &["weight", "bake"])?;
    Ok((share(source, step.required("weight", "a step", node.place)?, "weight")?, step.time("bake")?))
}
