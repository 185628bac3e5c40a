//! A bake lasts at least as long as the alarms look back. For a rolling deployment ECS reckons that itself.

use super::{Rule, service_block, update_service};
use crate::{Found, Look, Picture, Severity};
use serde_json::json;

pub(super) const RULE: Rule = Rule {
    id: "bake-time",
    severity: Severity::Warning,
    title: "a bake lasts as long as the alarms need to go off",
    why: "An alarm decides only after its periods are over. A bake that ends earlier lets a release pass that the alarm \
          would have thrown back, and after the bake the old tasks are gone.",
    practice: Some(6),
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    if !picture.is_deployed_by_ecs() || picture.strategy() == "ROLLING" {
        return look;
    }
    let mut slowest: Option<(&str, i64)> = None;
    for name in picture.watched_alarms() {
        let Some(alarm) = picture.alarms.get(name).and_then(|asked| look.need(asked)) else { continue };
        if let Some(seconds) = alarm.looks_back
            && slowest.is_none_or(|(_, longest)| seconds > longest)
        {
            slowest = Some((name, seconds));
        }
    }
    let Some((name, seconds)) = slowest else { return look };
    let needed = (seconds + 59) / 60;
    let stages = [
        ("bakeTimeInMinutes", "/bakeTimeInMinutes", "the bake after all of the traffic has moved"),
        ("canaryBakeTimeInMinutes", "/canaryConfiguration/canaryBakeTimeInMinutes", "the canary's bake"),
        ("stepBakeTimeInMinutes", "/linearConfiguration/stepBakeTimeInMinutes", "the bake of a step"),
    ];
    for (member, pointer, words) in stages {
        let setting =
            picture.deployment().and_then(|it| it.pointer(pointer)).and_then(serde_json::Value::as_i64);
        let Some(minutes) = setting.filter(|minutes| *minutes < needed) else { continue };
        let (document, terraform) = setting_of(picture, member, needed);
        look.finds(
            Found::new(
                format!("{words} is {minutes} min, and alarm {name} needs {needed} min to go off"),
                format!("Set {member} to {needed} or more, or give the alarm a shorter period."),
            )
            .seen_by(format!("{member} {minutes} min; {name} looks back {seconds} s"))
            .by(update_service(picture).with_json("--deployment-configuration", &document).written())
            .in_terraform(service_block(picture, &format!("deployment_configuration {{\n{terraform}\n}}"))),
        );
    }
    look
}

/// The change for ECS and for Terraform.
fn setting_of(picture: &Picture, member: &str, minutes: i64) -> (serde_json::Value, String) {
    let of =
        |name: &str| picture.deployment().and_then(|it| it.get(name)).cloned().unwrap_or_else(|| json!({}));
    match member {
        "canaryBakeTimeInMinutes" => {
            let mut canary = of("canaryConfiguration");
            canary["canaryBakeTimeInMinutes"] = json!(minutes);
            let text =
                format!("  canary_configuration {{\n    canary_bake_time_in_minutes = {minutes}\n  }}");
            (json!({"canaryConfiguration": canary}), text)
        }
        "stepBakeTimeInMinutes" => {
            let mut linear = of("linearConfiguration");
            linear["stepBakeTimeInMinutes"] = json!(minutes);
            let text = format!("  linear_configuration {{\n    step_bake_time_in_minutes = {minutes}\n  }}");
            (json!({"linearConfiguration": linear}), text)
        }
        _ => {
            let strategy = picture.deployment().and_then(|it| crate::picture::read::word(it, "strategy"));
            let text = format!(
                "  strategy             = \"{}\"\n  bake_time_in_minutes = {minutes}",
                strategy.unwrap_or("ROLLING")
            );
            (json!({"bakeTimeInMinutes": minutes}), text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::read::number;
    use crate::testing::{quiet, sound, told};

    #[test]
    fn a_bake_that_ends_before_the_alarm_can_go_off_is_found() {
        let mut picture = sound();
        picture.service["deploymentConfiguration"]["bakeTimeInMinutes"] = json!(1);
        insta::assert_snapshot!(told(&RULE, &picture));
        picture.service["deploymentConfiguration"]["bakeTimeInMinutes"] = json!(2);
        quiet(&RULE, &picture);
    }

    #[test]
    fn so_is_that_of_a_canary_and_its_percentage_stays() {
        let mut picture = sound();
        picture.service["deploymentConfiguration"]["strategy"] = json!("CANARY");
        picture.service["deploymentConfiguration"]["canaryConfiguration"] =
            json!({"canaryPercent": 10.0, "canaryBakeTimeInMinutes": 0});
        insta::assert_snapshot!(told(&RULE, &picture));
    }

    #[test]
    fn a_rolling_deployment_bakes_by_the_alarms_themselves() {
        let mut picture = sound();
        picture.service["deploymentConfiguration"]["strategy"] = json!("ROLLING");
        picture.service["deploymentConfiguration"]["bakeTimeInMinutes"] = json!(0);
        quiet(&RULE, &picture);
    }

    #[test]
    fn the_number_of_minutes_is_that_of_the_document() {
        let picture = sound();
        assert_eq!(number(&setting_of(&picture, "bakeTimeInMinutes", 7).0, "bakeTimeInMinutes"), Some(7));
    }
}
