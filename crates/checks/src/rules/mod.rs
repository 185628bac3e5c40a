//! The rules: one a file, each with its test. A new one is a file with its `RULE`, and one line in [`TABLE`].
//! Each reads the picture and says what it found; none may ask, guess, or rely on another. Start with [`Rule`].

mod alarm_exists;
mod alarm_state;
mod alarms;
mod bake_time;
mod balancer_health_check;
mod blue_green;
mod circuit_breaker;
mod container_health_check;
mod deregistration_delay;
mod digests;
mod grace_period;
mod hook_timeout;
mod listening_port;
mod log_configuration;
mod log_group;
mod one_task;
mod percentages;
mod roles;
mod rollback_drill;
mod rollback_image;
mod rollback_target;
mod secrets;
mod tag_mutability;
mod task_health;

#[cfg(test)]
mod document;

use crate::line::Line;
use crate::{Look, Picture, Severity};

/// One thing that goes wrong one day.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name in the config file and in reports.
    pub id: &'static str,
    /// How bad it is, unless a finding says otherwise.
    pub severity: Severity,
    /// What should be so, in a few words.
    pub title: &'static str,
    /// Why it matters, in a sentence or two.
    pub why: &'static str,
    /// Which of the guide's eight best practices it stands for.
    pub practice: Option<u8>,
    /// Looks.
    pub look: fn(&Picture) -> Look,
}

/// Every rule, in the order in which findings of the same severity are told.
pub const TABLE: &[Rule] = &[
    circuit_breaker::RULE,
    percentages::RULE,
    listening_port::RULE,
    roles::RULE,
    secrets::RULE,
    log_group::RULE,
    rollback_target::RULE,
    rollback_image::RULE,
    alarms::RULE,
    alarm_exists::RULE,
    alarm_state::RULE,
    bake_time::RULE,
    container_health_check::RULE,
    task_health::RULE,
    balancer_health_check::RULE,
    digests::RULE,
    tag_mutability::RULE,
    deregistration_delay::RULE,
    grace_period::RULE,
    one_task::RULE,
    hook_timeout::RULE,
    log_configuration::RULE,
    rollback_drill::RULE,
    blue_green::RULE,
];

/// The rule of this id.
pub fn named(id: &str) -> Option<&'static Rule> {
    TABLE.iter().find(|rule| rule.id == id)
}

/// `aws ecs update-service` for this service.
fn update_service(picture: &Picture) -> Line {
    Line::aws("ecs", "update-service").with("--cluster", picture.cluster()).with("--service", picture.name())
}

/// `tidegate COMMAND` for this service.
fn tidegate(picture: &Picture, command: &str) -> Line {
    Line::tidegate(command).with("--cluster", picture.cluster()).with("--service", picture.name())
}

/// A Terraform block of the service: `resource "aws_ecs_service" "…" { … }` around these lines.
fn service_block(picture: &Picture, lines: &str) -> String {
    block("aws_ecs_service", picture.name(), lines)
}

/// A Terraform block of the task definition.
fn definition_block(picture: &Picture, lines: &str) -> String {
    block("aws_ecs_task_definition", picture.family(), lines)
}

/// `resource "KIND" "NAME" { … }` around these lines.
fn block(kind: &str, name: &str, lines: &str) -> String {
    let mut text = format!("resource \"{kind}\" \"{}\" {{\n", label(name));
    for line in lines.lines() {
        text.push_str("  ");
        text.push_str(line);
        text.push('\n');
    }
    text.push('}');
    text
}

/// A name as Terraform takes it for a resource.
fn label(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

/// `1 task`, `2 tasks`.
fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
