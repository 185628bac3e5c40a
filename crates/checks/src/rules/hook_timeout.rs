//! Each lifecycle hook says how long it may take, and what happens then.

use super::{Rule, service_block, update_service};
use crate::picture::read::{last, list, word};
use crate::{Found, Look, Picture, Severity};
use serde_json::{Value, json};

/// What is suggested, in minutes.
const SUGGESTED: i64 = 30;

pub(super) const RULE: Rule = Rule {
    id: "hook-timeout",
    severity: Severity::Warning,
    title: "lifecycle hooks have a time-out",
    why: "A hook that nobody answers holds the deployment for a day before ECS rolls it back: twice the tasks, and no \
          other release meanwhile. One whose time-out continues lets a release pass that nobody approved.",
    practice: None,
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    let hooks = picture.deployment().map(|it| list(it, "lifecycleHooks")).unwrap_or_default();
    let mut healed: Vec<Value> = hooks.to_vec();
    let mut endless = Vec::new();
    let mut passing = Vec::new();
    for hook in &mut healed {
        let action = hook.pointer("/timeoutConfiguration/action").and_then(Value::as_str);
        let minutes = hook.pointer("/timeoutConfiguration/timeoutInMinutes").and_then(Value::as_i64);
        match (minutes, action) {
            (None, _) => endless.push(named(hook)),
            (Some(_), Some("CONTINUE")) => passing.push(named(hook)),
            _ => continue,
        }
        hook["timeoutConfiguration"] =
            json!({"timeoutInMinutes": minutes.unwrap_or(SUGGESTED), "action": "ROLLBACK"});
    }
    let command = || {
        update_service(picture)
            .with_json("--deployment-configuration", &json!({"lifecycleHooks": healed}))
            .written()
    };
    if !endless.is_empty() {
        let mut found = Found::new(
            format!("{} without a time-out", if endless.len() == 1 { "a hook is" } else { "hooks are" }),
            format!("Give each {SUGGESTED} minutes, or what it really takes, and ROLLBACK at the end."),
        )
        .by(command())
        .in_terraform(service_block(
            picture,
            "# the provider has no argument for a hook's time-out: set it with the command, and\nlifecycle {\n  ignore_changes = [deployment_configuration]\n}",
        ));
        found.evidence =
            endless.iter().map(|hook| format!("{hook}: no timeoutConfiguration, so 1440 minutes")).collect();
        look.finds(found);
    }
    if !passing.is_empty() {
        let mut found = Found::new(
            format!(
                "{} the deployment pass when nobody answers",
                if passing.len() == 1 { "a hook lets" } else { "hooks let" }
            ),
            "Let its time-out roll back.",
        )
        .as_bad_as(Severity::Info)
        .by(command());
        found.evidence = passing.iter().map(|hook| format!("{hook}: action CONTINUE")).collect();
        look.finds(found);
    }
    look
}

fn named(hook: &Value) -> String {
    let stages: Vec<&str> = list(hook, "lifecycleStages").iter().filter_map(Value::as_str).collect();
    let target =
        word(hook, "hookTargetArn").map_or("PAUSE", |arn| last(arn).rsplit(':').next().unwrap_or(arn));
    format!("{target} at {}", stages.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{quiet, sound, told};

    #[test]
    fn a_hook_without_a_time_out_is_found_and_the_fix_keeps_the_others() {
        let mut picture = sound();
        let hooks = json!([
            {"hookTargetArn": "arn:aws:lambda:r:1:function:smoke", "roleArn": "arn:aws:iam::1:role/hooks", "lifecycleStages": ["POST_SCALE_UP"]},
            {"targetType": "PAUSE", "lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"], "timeoutConfiguration": {"timeoutInMinutes": 60, "action": "ROLLBACK"}},
        ]);
        picture.service["deploymentConfiguration"]["lifecycleHooks"] = hooks;
        insta::assert_snapshot!(told(&RULE, &picture));
        picture.service["deploymentConfiguration"]["lifecycleHooks"][0]["timeoutConfiguration"] =
            json!({"timeoutInMinutes": 30, "action": "ROLLBACK"});
        quiet(&RULE, &picture);
        picture.service["deploymentConfiguration"]["lifecycleHooks"][0]["timeoutConfiguration"]["action"] =
            json!("CONTINUE");
        assert!(told(&RULE, &picture).starts_with("info: a hook lets the deployment pass"));
    }
}
