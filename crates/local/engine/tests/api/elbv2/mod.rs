//! Load balancers, target groups, listeners, rules, targets and tags.

mod actions;
mod attributes;
mod conditions;
mod listeners;
mod load_balancers;
mod routing;
mod rules;
mod tags;
mod target_groups;
mod targets;
