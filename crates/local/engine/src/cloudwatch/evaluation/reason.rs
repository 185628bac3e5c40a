//! Why an alarm is in its state, in CloudWatch's words and in its JSON. Start at [`text`].

use serde_json::{Value, json};
use tidegate_models::{
    Timestamp,
    cloudwatch::{ComparisonOperator as Operator, MetricAlarm, StateValue},
};

use super::judge::{Finding, Rule, TreatMissingData};
use crate::cloudwatch::civil;

/// AWS's longest reason.
const LONGEST: usize = 1023;

/// AWS's longest data.
const LONGEST_DATA: usize = 4000;

/// Why, in words. `before` is the state that the alarm was in.
pub(super) fn text(rule: &Rule, finding: &Finding, before: StateValue) -> String {
    let filled = finding.filled;
    let treated = || {
        let as_what = match rule.missing {
            TreatMissingData::Breaching => "Breaching",
            TreatMissingData::NotBreaching => "NonBreaching",
            TreatMissingData::Missing => "Missing",
            TreatMissingData::Ignore => "Ignore",
        };
        let were = if filled == 1 { "missing datapoint was" } else { "missing datapoints were" };
        format!("{filled} {were} treated as [{as_what}]")
    };
    if finding.value == StateValue::InsufficientData {
        let were = if filled == 1 { "datapoint was" } else { "datapoints were" };
        return format!("Insufficient Data: {filled} {were} unknown.");
    }
    if finding.points.is_empty() {
        let periods = if filled == 1 { "period" } else { "periods" };
        return format!(
            "Threshold Crossed: no datapoints were received for {filled} {periods} and {}.",
            treated()
        );
    }
    let text = crossed(rule, finding, before);
    let is_filled =
        filled > 0 && matches!(rule.missing, TreatMissingData::Breaching | TreatMissingData::NotBreaching);
    let text = if is_filled { format!("{text} {}.", capitalized(&treated())) } else { text };
    text.chars().take(LONGEST).collect()
}

fn crossed(rule: &Rule, finding: &Finding, before: StateValue) -> String {
    let is_alarm = finding.value == StateValue::Alarm;
    let counted: Vec<&(i64, f64)> =
        finding.points.iter().filter(|(_, value)| rule.is_breaching(*value) == is_alarm).collect();
    // Newest first, as AWS lists them.
    let listed = counted
        .iter()
        .rev()
        .map(|(at, value)| format!("{value:?} ({})", civil::day_first(Timestamp::from_millis(at * 1_000))));
    let listed = listed.collect::<Vec<_>>().join(", ");
    let side = match rule.operator {
        Operator::GreaterThanThreshold => "greater than",
        Operator::GreaterThanOrEqualToThreshold => "greater than or equal to",
        Operator::LessThanThreshold => "less than",
        Operator::LessThanOrEqualToThreshold => "less than or equal to",
        other => other.as_str(),
    };
    let verb = if counted.len() == 1 { "was" } else { "were" };
    let not = if is_alarm { "" } else { "not " };
    let needed = if is_alarm {
        rule.datapoints_to_alarm
    } else {
        rule.evaluation_periods - rule.datapoints_to_alarm + 1
    };
    let datapoints = if needed == 1 { "datapoint" } else { "datapoints" };
    // AWS names the two sides of the transition, also when the alarm comes from INSUFFICIENT_DATA.
    let from = match (before, is_alarm) {
        (StateValue::InsufficientData, true) => StateValue::Ok,
        (StateValue::InsufficientData, false) => StateValue::Alarm,
        (before, _) => before,
    };
    format!(
        "Threshold Crossed: {} out of the last {} datapoints [{listed}] {verb} {not}{side} the threshold ({:?}) (minimum \
         {needed} {datapoints} for {from} -> {} transition).",
        counted.len(),
        rule.evaluation_periods,
        rule.threshold,
        finding.value
    )
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().collect::<String>() + chars.as_str()).unwrap_or_default()
}

/// Why, as JSON.
pub(super) fn data(
    alarm: &MetricAlarm,
    rule: &Rule,
    finding: &Finding,
    period: i64,
    now: Timestamp,
) -> String {
    let date = |second: i64| civil::iso(Timestamp::from_millis(second * 1_000));
    let recent: Vec<f64> = finding.points.iter().map(|(_, value)| *value).collect();
    let evaluated =
        finding.points.iter().rev().map(|(at, value)| json!({"timestamp": date(*at), "value": value}));
    let mut data = json!({
        "version": "1.0",
        "queryDate": civil::iso(now),
        "period": period,
        "recentDatapoints": recent,
        "threshold": rule.threshold,
        "evaluatedDatapoints": evaluated.collect::<Vec<Value>>(),
    });
    if let Some((first, _)) = finding.points.first() {
        data["startDate"] = json!(date(*first));
    }
    let statistic = alarm.statistic.map(|statistic| statistic.as_str().to_owned());
    if let Some(statistic) = statistic.or_else(|| alarm.extended_statistic.clone()) {
        data["statistic"] = json!(statistic);
    }
    if let Some(unit) = alarm.unit {
        data["unit"] = json!(unit);
    }
    let text = data.to_string();
    if text.len() <= LONGEST_DATA {
        return text;
    }
    if let Some(members) = data.as_object_mut() {
        members.remove("evaluatedDatapoints");
        members.remove("recentDatapoints");
    }
    data.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(m: usize, n: usize, missing: TreatMissingData) -> Rule {
        Rule {
            operator: Operator::GreaterThanThreshold,
            threshold: 1.0,
            evaluation_periods: n,
            datapoints_to_alarm: m,
            missing,
        }
    }

    fn found(value: StateValue, points: &[f64], filled: usize) -> Finding {
        let start = 1_795_514_400;
        let points = points.iter().enumerate().map(|(at, value)| (start + at as i64 * 60, *value)).collect();
        Finding { value, points, filled }
    }

    #[test]
    fn reasons_are_in_the_words_of_aws() {
        use StateValue::{Alarm, InsufficientData, Ok};
        for (rule, finding, before, expected) in [
            (
                rule(1, 1, TreatMissingData::Missing),
                found(Alarm, &[5.0], 0),
                Ok,
                "Threshold Crossed: 1 out of the last 1 datapoints [5.0 (24/11/26 10:00:00)] was greater than the \
                 threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition).",
            ),
            (
                rule(2, 3, TreatMissingData::Missing),
                found(Alarm, &[5.0, 0.0, 7.5], 0),
                InsufficientData,
                "Threshold Crossed: 2 out of the last 3 datapoints [7.5 (24/11/26 10:02:00), 5.0 (24/11/26 10:00:00)] \
                 were greater than the threshold (1.0) (minimum 2 datapoints for OK -> ALARM transition).",
            ),
            (
                rule(1, 1, TreatMissingData::Missing),
                found(Ok, &[0.0], 0),
                Alarm,
                "Threshold Crossed: 1 out of the last 1 datapoints [0.0 (24/11/26 10:00:00)] was not greater than the \
                 threshold (1.0) (minimum 1 datapoint for ALARM -> OK transition).",
            ),
            (
                rule(1, 1, TreatMissingData::NotBreaching),
                found(Ok, &[], 1),
                Alarm,
                "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as \
                 [NonBreaching].",
            ),
            (
                rule(3, 3, TreatMissingData::Missing),
                found(InsufficientData, &[], 3),
                Ok,
                "Insufficient Data: 3 datapoints were unknown.",
            ),
        ] {
            assert_eq!(text(&rule, &finding, before), expected);
        }
    }
}
