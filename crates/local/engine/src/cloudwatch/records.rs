//! What is stored of CloudWatch's alarms.

use serde::{Deserialize, Serialize};
use tidegate_models::{Timestamp, cloudwatch};

/// An alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// What it watches.
    pub definition: Definition,
    /// In which state it is.
    pub state: AlarmState,
    /// When it was created or changed last.
    pub configured_at: Timestamp,
}

impl Alarm {
    /// What the index holds composite alarms under.
    pub(crate) const COMPOSITE: &str = "composite";

    /// Whether it is a composite one.
    pub(crate) fn is_composite(&self) -> bool {
        self.definition.alarm_type() == cloudwatch::AlarmType::CompositeAlarm
    }

    /// The keys that it is found by: that it is a composite one, or the ARNs of the scaling policies among its actions.
    pub(crate) fn index(&self) -> Vec<String> {
        match &self.definition {
            Definition::Composite(_) => vec![Self::COMPOSITE.to_owned()],
            Definition::Metric(alarm) => {
                let actions = [&alarm.alarm_actions, &alarm.ok_actions, &alarm.insufficient_data_actions];
                let actions = actions.into_iter().flatten().flatten();
                actions.filter(|action| action.contains(":scalingPolicy:")).cloned().collect()
            }
        }
    }

    /// Whether the state that it is in has this action.
    pub(crate) fn acts_on(&self, action: &str) -> bool {
        let Definition::Metric(alarm) = &self.definition else { return false };
        let actions = match self.state.value {
            cloudwatch::StateValue::Alarm => &alarm.alarm_actions,
            cloudwatch::StateValue::Ok => &alarm.ok_actions,
            cloudwatch::StateValue::InsufficientData => &alarm.insufficient_data_actions,
        };
        alarm.actions_enabled != Some(false) && actions.iter().flatten().any(|given| given == action)
    }
}

/// What an alarm watches: as the API describes it, but for its state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Definition {
    /// A metric, or an expression of metrics.
    Metric(Box<cloudwatch::MetricAlarm>),
    /// Other alarms.
    Composite(Box<cloudwatch::CompositeAlarm>),
}

impl Definition {
    /// Which kind of alarm it makes.
    pub fn alarm_type(&self) -> cloudwatch::AlarmType {
        match self {
            Self::Metric(_) => cloudwatch::AlarmType::MetricAlarm,
            Self::Composite(_) => cloudwatch::AlarmType::CompositeAlarm,
        }
    }
}

/// The state of an alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmState {
    /// OK, ALARM, `INSUFFICIENT_DATA`.
    pub value: cloudwatch::StateValue,
    /// Why, in words.
    pub reason: String,
    /// Why, in JSON.
    pub reason_data: Option<String>,
    /// When value or reason changed last.
    pub updated_at: Timestamp,
    /// When the value changed last.
    pub transitioned_at: Timestamp,
}

/// Something that happened to an alarm: a row of its own, so that one more costs no more than itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmHistory {
    /// The alarm's ARN. The alarm itself may be gone.
    pub alarm_arn: String,
    /// Which item of the alarm it is, from 1 on.
    pub number: u64,
    /// As `DescribeAlarmHistory` answers it.
    pub item: cloudwatch::AlarmHistoryItem,
}

impl AlarmHistory {
    /// The key of an alarm's item `number`: ordered by number within an alarm.
    pub fn key(alarm_arn: &str, number: u64) -> String {
        format!("{alarm_arn}/{number:012}")
    }
}
