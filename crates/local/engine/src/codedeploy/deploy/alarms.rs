//! The alarms of a deployment. Facts §4.5: one that is in ALARM stops it, also when it was before the deployment began.

use tidegate_models::{
    cloudwatch::StateValue,
    codedeploy::{AutoRollbackEvent, ErrorCode},
};

use super::{
    super::records::{Deployment, UnknownAlarm},
    Failure,
};
use crate::{State, cloudwatch};

/// Whether a deployment is under way that the alarm with this name can stop.
pub(crate) fn watches(deployment: &Deployment, alarm: &str) -> bool {
    !deployment.is_over() && deployment.alarms.names.iter().any(|name| name == alarm)
}

/// What stops a deployment now, if anything does.
pub(super) fn trouble(state: &State, row: &Deployment) -> Option<Failure> {
    row.alarms.names.iter().find_map(|name| {
        let message = match cloudwatch::alarm_state(state, &row.scope, name) {
            Some(StateValue::Alarm) => {
                format!("The deployment was stopped because the Amazon CloudWatch alarm {name} is in the ALARM state.")
            }
            None if row.alarms.unknown == UnknownAlarm::Stops => {
                format!("The deployment was stopped because the state of the Amazon CloudWatch alarm {name} could not be retrieved.")
            }
            _ => return None,
        };
        let event = AutoRollbackEvent::DeploymentStopOnAlarm;
        Some(Failure::stopped(ErrorCode::AlarmActive, message, event))
    })
}
