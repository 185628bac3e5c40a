//! No alarm that watches deployments is in ALARM already.

use super::Rule;
use crate::line::Line;
use crate::{Found, Look, Picture, Severity};

pub(super) const RULE: Rule = Rule {
    id: "alarm-state",
    severity: Severity::Error,
    title: "no alarm that watches deployments is in ALARM already",
    why: "ECS ignores an alarm that is in ALARM when a deployment begins, for that whole deployment, so that a fix can \
          be deployed: the next release goes out unwatched. An alarm without data watches nothing either.",
    practice: Some(6),
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    for name in picture.watched_alarms() {
        let Some(alarm) = picture.alarms.get(name).and_then(|asked| look.need(asked)) else { continue };
        let history = Line::aws("cloudwatch", "describe-alarm-history")
            .with("--alarm-name", name)
            .with("--max-items", "5");
        let found = match alarm.state.as_str() {
            "ALARM" => Found::new(
                format!("alarm {name} is in ALARM: the next deployment would not be watched by it"),
                "Heal what it tells of before the next release. If it tells of nothing, its threshold is wrong.",
            ),
            "INSUFFICIENT_DATA" => Found::new(
                format!("alarm {name} has no data"),
                "Check its metric and dimensions. A metric of errors is only there while there are errors: set TreatMissingData to notBreaching.",
            )
            .as_bad_as(Severity::Warning),
            _ => continue,
        };
        look.finds(
            found.seen_by(format!("{}: {}", alarm.state, alarm.reason)).by(history.written()).in_terraform(
                super::block("aws_cloudwatch_metric_alarm", name, "treat_missing_data = \"notBreaching\""),
            ),
        );
    }
    look
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Asked;
    use crate::testing::{quiet, sound, told};

    fn state(picture: &mut Picture, state: &str, reason: &str) {
        if let Some(Asked::Told(alarm)) = picture.alarms.get_mut("api-5xx") {
            alarm.state = state.into();
            alarm.reason = reason.into();
        }
    }

    #[test]
    fn an_alarm_that_is_off_already_or_has_no_data_is_found() {
        let mut picture = sound();
        state(
            &mut picture,
            "ALARM",
            "Threshold Crossed: 1 datapoint [12.0] was greater than the threshold (5.0).",
        );
        insta::assert_snapshot!(told(&RULE, &picture));
        state(&mut picture, "INSUFFICIENT_DATA", "Unchecked: Initial alarm creation");
        assert!(told(&RULE, &picture).starts_with("warning: alarm api-5xx has no data"));
        state(&mut picture, "OK", "");
        quiet(&RULE, &picture);
    }
}
