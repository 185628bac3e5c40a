//! The alarms that are named exist.

use super::Rule;
use crate::line::Line;
use crate::{Asked, Found, Look, Picture, Severity};

pub(super) const RULE: Rule = Rule {
    id: "alarm-exists",
    severity: Severity::Error,
    title: "the alarms that watch deployments exist",
    why: "An alarm that does not exist never goes off, and a deployment that nobody watches looks like one that is watched.",
    practice: Some(6),
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    for name in picture.watched_alarms() {
        match picture.alarms.get(name) {
            Some(Asked::CouldNotAsk(why)) => look.cannot_tell(why),
            Some(Asked::Absent) => {
                let by = if picture.deployment_alarms().contains(&name) {
                    "deploymentConfiguration.alarms"
                } else {
                    "gates in the config file"
                };
                look.finds(
                    Found::new(
                        format!("alarm {name} does not exist"),
                        "Make the alarm under this name, or name the one that is meant; names are case-sensitive, and alarms are of one Region.",
                    )
                    .seen_by(format!("{by} name it, and DescribeAlarms does not know it"))
                    .by(Line::aws("cloudwatch", "describe-alarms")
                        .with("--alarm-name-prefix", &prefix(name))
                        .with("--query", "MetricAlarms[].AlarmName")
                        .written())
                    .in_terraform(super::service_block(
                        picture,
                        "alarms {\n  alarm_names = [aws_cloudwatch_metric_alarm.this.alarm_name] # by reference, so that it exists\n  enable      = true\n  rollback    = true\n}",
                    )),
                );
            }
            Some(Asked::Told(_)) | None => {}
        }
    }
    look
}

/// What similar names begin with.
fn prefix(name: &str) -> String {
    name.chars().take(name.chars().count().div_ceil(2)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{quiet, sound, told};

    #[test]
    fn an_alarm_that_is_only_a_name_is_found() {
        let mut picture = sound();
        let there = picture.alarms.insert("api-5xx".into(), Asked::Absent).expect("it was there");
        insta::assert_snapshot!(told(&RULE, &picture));
        picture.alarms.insert("api-5xx".into(), there);
        quiet(&RULE, &picture);
    }

    #[test]
    fn so_is_one_of_a_gate() {
        let mut picture = sound();
        picture.gate_alarms = vec!["api-slow".into()];
        picture.alarms.insert("api-slow".into(), Asked::Absent);
        assert!(told(&RULE, &picture).contains("gates in the config file name it"));
    }
}
