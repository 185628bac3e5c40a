//! Rules of listeners: created, modified, described, deleted, reordered.
//!
//! What a rule may match is [`conditions`]', what it may do is [`actions`]'. The default rule of a listener is changed
//! through its listener only.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_models::elbv2::{
    CreateRuleInput, CreateRuleOutput, DeleteRuleInput, DeleteRuleOutput, DescribeRulesInput,
    DescribeRulesOutput, ModifyRuleInput, ModifyRuleOutput, ProtocolEnum as Protocol, Rule as Document,
    RuleTransform, SetRulePrioritiesInput, SetRulePrioritiesOutput,
};

use super::{
    super::records::{Listener, Rule},
    actions, changes, conditions,
    errors::{self, validation},
    load_balancers, lookup, tags,
};
use crate::{ApiError, Context, State, page::page};

/// AWS's default quota of rules of a load balancer, default rules not counted.
const MOST_RULES: usize = 100;

/// The priorities that a rule can have.
const PRIORITIES: std::ops::RangeInclusive<u32> = 1..=50_000;

/// `CreateRule`
pub(super) fn create(
    state: &mut State,
    context: &Context,
    input: CreateRuleInput,
) -> Result<CreateRuleOutput, ApiError> {
    let listener = lookup::listener(state, context, &input.listener_arn)?;
    let load_balancer_arn = listener.load_balancer_arn.clone();
    refuse_transforms(input.transforms)?;
    let priority = priority(input.priority)?;
    let conditions = conditions::checked(input.conditions)?;
    let actions = actions::checked(state, context, &place(listener), input.actions)?;
    let tags = tags::given(input.tags)?;
    if rules_of(state, &input.listener_arn).any(|rule| rule.priority == Some(priority)) {
        return Err(priority_in_use(priority));
    }
    let listeners = state.listeners.indexed_by(&load_balancer_arn);
    let rules = listeners.flat_map(|(arn, _)| rules_of(state, arn));
    if rules.filter(|rule| rule.priority.is_some()).count() >= MOST_RULES {
        return Err(ApiError::new(
            "TooManyRules",
            format!("You have reached the maximum number of rules of a load balancer: {MOST_RULES}"),
        ));
    }
    let arn = new_arn(state, &input.listener_arn);
    let rule = Rule {
        arn: arn.clone(),
        listener_arn: input.listener_arn,
        priority: Some(priority),
        conditions,
        actions,
    };
    let answer = described(&rule);
    changes::put_rule(state, &load_balancer_arn, rule);
    state.put_tags(&arn, tags);
    Ok(CreateRuleOutput { rules: Some(vec![answer]) })
}

/// `ModifyRule`: replaces what is given.
pub(super) fn modify(
    state: &mut State,
    context: &Context,
    input: ModifyRuleInput,
) -> Result<ModifyRuleOutput, ApiError> {
    let mut rule = lookup::rule(state, context, &input.rule_arn)?.clone();
    if rule.priority.is_none() {
        return Err(errors::not_permitted(format!("Default rule '{}' cannot be modified", rule.arn)));
    }
    refuse_transforms(input.transforms)?;
    if input.conditions.is_none() && input.actions.is_none() && input.reset_transforms.is_none() {
        return Err(validation("Either conditions or actions must be specified"));
    }
    let listener = lookup::listener(state, context, &rule.listener_arn)?;
    let load_balancer_arn = listener.load_balancer_arn.clone();
    if let Some(given) = input.conditions {
        rule.conditions = conditions::checked(given)?;
    }
    if let Some(given) = input.actions {
        rule.actions = actions::checked(state, context, &place(listener), given)?;
    }
    let answer = described(&rule);
    changes::put_rule(state, &load_balancer_arn, rule);
    Ok(ModifyRuleOutput { rules: Some(vec![answer]) })
}

/// `DescribeRules`: of a listener in the order in which they are tried, or those that are named.
pub(super) fn describe(
    state: &State,
    context: &Context,
    input: DescribeRulesInput,
) -> Result<DescribeRulesOutput, ApiError> {
    let arns = input.rule_arns.unwrap_or_default();
    let listener_arn = match (input.listener_arn, arns.is_empty()) {
        (Some(_), false) => {
            return Err(validation(
                "Listener rule ARNs and a listener ARN cannot be specified at the same time",
            ));
        }
        (None, true) => {
            return Err(validation("You must specify either listener rule ARNs or a listener ARN"));
        }
        (None, false) => {
            let found = arns.iter().map(|arn| lookup::rule(state, context, arn).map(described));
            return Ok(DescribeRulesOutput {
                rules: Some(found.collect::<Result<_, _>>()?),
                next_marker: None,
            });
        }
        (Some(arn), true) => arn,
    };
    lookup::listener(state, context, &listener_arn)?;
    let in_order: Vec<(String, &Rule)> = in_order(state, &listener_arn)
        .into_iter()
        // Tokens are ordered as the keys are, and the default rule is the last.
        .map(|rule| (format!("{:05}", rule.priority.unwrap_or(99_999)), rule))
        .collect();
    let found = page(
        in_order.iter().map(|(key, rule)| (key.as_str(), *rule)),
        "DescribeRules",
        input.marker.as_deref(),
        load_balancers::page_size(input.page_size),
        errors::invalid_marker,
    )?;
    Ok(DescribeRulesOutput {
        rules: Some(found.items.into_iter().map(described).collect()),
        next_marker: found.next,
    })
}

/// `DeleteRule`
pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteRuleInput,
) -> Result<DeleteRuleOutput, ApiError> {
    let rule = lookup::rule(state, context, &input.rule_arn)?;
    if rule.priority.is_none() {
        return Err(errors::not_permitted(format!("Default rule '{}' cannot be deleted", rule.arn)));
    }
    let load_balancer_arn = lookup::listener(state, context, &rule.listener_arn)?.load_balancer_arn.clone();
    changes::remove_rule(state, &load_balancer_arn, &input.rule_arn);
    Ok(DeleteRuleOutput {})
}

/// `SetRulePriorities`: all of them, or none when one of them would clash.
pub(super) fn set_priorities(
    state: &mut State,
    context: &Context,
    input: SetRulePrioritiesInput,
) -> Result<SetRulePrioritiesOutput, ApiError> {
    let mut wanted: BTreeMap<String, u32> = BTreeMap::new();
    let mut taken: BTreeSet<(String, u32)> = BTreeSet::new();
    for pair in input.rule_priorities {
        let arn = pair.rule_arn.ok_or_else(|| validation("A rule ARN must be specified"))?;
        let priority = priority(pair.priority.ok_or_else(|| validation("A priority must be specified"))?)?;
        let rule = lookup::rule(state, context, &arn)?;
        if rule.priority.is_none() {
            return Err(errors::not_permitted(format!("The priority of default rule '{arn}' cannot be set")));
        }
        if !taken.insert((rule.listener_arn.clone(), priority)) {
            return Err(validation(format!("Priority '{priority}' was provided multiple times")));
        }
        if wanted.insert(arn.clone(), priority).is_some() {
            return Err(validation(format!("Rule '{arn}' was provided multiple times")));
        }
    }
    for (listener, priority) in &taken {
        let clashes = |rule: &Rule| rule.priority == Some(*priority) && !wanted.contains_key(&rule.arn);
        if rules_of(state, listener).any(clashes) {
            return Err(priority_in_use(*priority));
        }
    }
    let mut answer = Vec::new();
    for (arn, priority) in wanted {
        let rule = Rule { priority: Some(priority), ..lookup::rule(state, context, &arn)?.clone() };
        let load_balancer_arn =
            lookup::listener(state, context, &rule.listener_arn)?.load_balancer_arn.clone();
        answer.push(described(&rule));
        changes::put_rule(state, &load_balancer_arn, rule);
    }
    Ok(SetRulePrioritiesOutput { rules: Some(answer) })
}

/// The ARN of a new rule of a listener.
pub(super) fn new_arn(state: &mut State, listener_arn: &str) -> String {
    format!("{}/{}", listener_arn.replacen(":listener/", ":listener-rule/", 1), state.ids.hex(16))
}

/// The rules of a listener in the order in which they are tried: by priority, the default rule last.
pub(in crate::elbv2) fn in_order<'a>(state: &'a State, listener_arn: &str) -> Vec<&'a Rule> {
    let mut rules: Vec<&Rule> = rules_of(state, listener_arn).collect();
    rules.sort_by_key(|rule| (rule.priority.is_none(), rule.priority));
    rules
}

fn rules_of<'a>(state: &'a State, listener_arn: &str) -> impl Iterator<Item = &'a Rule> {
    state.rules.indexed_by(listener_arn).map(|(_, rule)| rule)
}

/// As `DescribeRules` answers.
fn described(rule: &Rule) -> Document {
    Document {
        rule_arn: Some(rule.arn.clone()),
        priority: Some(rule.priority.map_or_else(|| "default".to_owned(), |priority| priority.to_string())),
        conditions: Some(rule.conditions.clone()),
        actions: Some(rule.actions.clone()),
        is_default: Some(rule.priority.is_none()),
        transforms: Some(Vec::new()),
    }
}

fn place(listener: &Listener) -> actions::Place<'_> {
    actions::Place {
        load_balancer_arn: &listener.load_balancer_arn,
        protocol: listener.document.protocol.unwrap_or(Protocol::Http),
        port: listener.port,
    }
}

fn priority(given: i32) -> Result<u32, ApiError> {
    u32::try_from(given).ok().filter(|priority| PRIORITIES.contains(priority)).ok_or_else(|| {
        validation(format!(
            "Priority '{given}' must be between '{}-{}' inclusive",
            PRIORITIES.start(),
            PRIORITIES.end()
        ))
    })
}

fn priority_in_use(priority: u32) -> ApiError {
    ApiError::new("PriorityInUse", format!("Priority '{priority}' is currently in use"))
}

fn refuse_transforms(given: Option<Vec<RuleTransform>>) -> Result<(), ApiError> {
    if given.is_some_and(|transforms| !transforms.is_empty()) {
        return Err(errors::not_implemented("Rule transforms are"));
    }
    Ok(())
}
