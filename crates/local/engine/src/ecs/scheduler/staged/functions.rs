//! What the function of an `AWS_LAMBDA` hook is called with, and what its answer means. Facts §3.3.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tidegate_models::ecs::DeploymentLifecycleHookStage as HookStage;

use super::steps;
use crate::{
    FunctionAnswer,
    ecs::records::{ServiceDeployment, Share, Staged},
};

/// After how many seconds a hook that is not done is called again, unless it says otherwise.
const DEFAULT_DELAY: f64 = 30.0;

/// A hook that asks to be called again at once would keep the cloud busy with nothing else.
const SHORTEST_DELAY: f64 = 1.0;

/// What an answer means for the hook. Reasons are in AWS's words.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Meaning {
    /// It lets the deployment go on.
    Passed,
    /// It does not.
    Failed(String),
    /// It is to be called again, with these details when it gave some.
    CallAgain { after: Duration, details: Option<Value> },
}

/// What the answer of the function with this ARN means: what is no status of a hook is a failure, and so is a function
/// that failed.
pub(super) fn meaning(function: &str, answer: FunctionAnswer) -> Meaning {
    let unreadable = |why: &str| {
        Meaning::Failed(format!("ECS was unable to parse the response from {function} due to {why}"))
    };
    let returned = match answer {
        FunctionAnswer::Returned(returned) => returned,
        FunctionAnswer::Failed(why) => {
            return Meaning::Failed(format!("ECS was unable to invoke hook target {function} due to {why}"));
        }
    };
    match returned.get("hookStatus").and_then(Value::as_str) {
        Some("SUCCEEDED") => Meaning::Passed,
        Some("FAILED") => {
            Meaning::Failed(format!("Lifecycle hook target {function} returned FAILED status."))
        }
        Some("IN_PROGRESS") => {
            let given = returned.get("callBackDelay").and_then(Value::as_f64);
            let seconds =
                given.unwrap_or(DEFAULT_DELAY).clamp(SHORTEST_DELAY, super::STAGE_LIMIT.as_secs_f64());
            let details = returned.get("hookDetails").filter(|details| !details.is_null()).cloned();
            Meaning::CallAgain { after: Duration::from_secs_f64(seconds), details }
        }
        Some(_) => unreadable("HookStatus must be one of SUCCEEDED, FAILED and IN_PROGRESS"),
        None => unreadable("HookStatus must not be null"),
    }
}

/// What a function is called with at `stage`. `source` is the revision that has what the target revision has not.
pub(super) fn payload(
    row: &ServiceDeployment,
    source: Option<&str>,
    staged: &Staged,
    stage: HookStage,
    execution: &str,
    details: Option<&Value>,
) -> Value {
    let weights = |share: Share| {
        let other = source.filter(|source| *source != row.target_revision);
        let target = (row.target_revision.clone(), number(share));
        let other = other.map(|source| (source.to_owned(), number(share.rest())));
        Value::Object(std::iter::once(target).chain(other).collect::<Map<_, _>>())
    };
    let none = json!({});
    let (test, production) = match stage {
        HookStage::ReconcileService => (weights(staged.test), weights(staged.production)),
        HookStage::TestTrafficShift => (weights(staged.test), none),
        HookStage::PreProductionTrafficShift => {
            let next = steps::of(&row.deployment_configuration).get(staged.step).copied();
            (none, weights(next.unwrap_or(Share::EVERYTHING)))
        }
        HookStage::ProductionTrafficShift => (none, weights(staged.production)),
        HookStage::PreScaleUp
        | HookStage::PostScaleUp
        | HookStage::PostTestTrafficShift
        | HookStage::PostProductionTrafficShift => (none.clone(), none),
    };
    let mut payload = json!({
        "executionId": execution,
        "lifecycleStage": stage,
        "resourceArn": row.arn,
        "executionDetails": {
            "serviceArn": row.service_arn,
            "targetServiceRevisionArn": row.target_revision,
            "testTrafficWeights": test,
            "productionTrafficWeights": production,
        },
    });
    if let Some(details) = details {
        payload["hookDetails"] = details.clone();
    }
    payload
}

/// Percent, without a point where there is nothing behind it.
fn number(share: Share) -> Value {
    let percent = share.as_percent();
    if percent.fract() == 0.0 { json!(percent as i64) } else { json!(percent) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:check";

    fn returned(answer: Value) -> Meaning {
        meaning(FUNCTION, FunctionAnswer::Returned(answer))
    }

    fn again(seconds: u64, details: Option<Value>) -> Meaning {
        Meaning::CallAgain { after: Duration::from_secs(seconds), details }
    }

    #[test]
    fn an_answer_is_a_hook_status_or_a_failure_in_awss_words() {
        assert_eq!(returned(json!({"hookStatus": "SUCCEEDED"})), Meaning::Passed);
        let failed = "Lifecycle hook target arn:aws:lambda:eu-west-1:123456789012:function:check returned FAILED status.";
        assert_eq!(returned(json!({"hookStatus": "FAILED"})), Meaning::Failed(failed.to_owned()));
        let unreadable = "ECS was unable to parse the response from arn:aws:lambda:eu-west-1:123456789012:function:check due to HookStatus must not be null";
        for answer in [json!(null), json!({}), json!({"hookStatus": null}), json!("SUCCEEDED"), json!([1])] {
            assert_eq!(returned(answer), Meaning::Failed(unreadable.to_owned()));
        }
        assert!(
            matches!(returned(json!({"hookStatus": "MAYBE"})), Meaning::Failed(why) if why.contains("one of"))
        );
        let failed = meaning(FUNCTION, FunctionAnswer::Failed("it broke".to_owned()));
        assert!(matches!(failed, Meaning::Failed(why) if why.ends_with("function:check due to it broke")));
    }

    #[test]
    fn a_hook_that_is_not_done_is_called_again_after_its_delay_or_half_a_minute() {
        assert_eq!(returned(json!({"hookStatus": "IN_PROGRESS"})), again(30, None));
        let details = json!({"asked": 3});
        let answer = json!({"hookStatus": "IN_PROGRESS", "callBackDelay": 5, "hookDetails": details});
        assert_eq!(returned(answer), again(5, Some(details)));
        for (delay, seconds) in [(json!(0), 1), (json!(-7), 1), (json!("soon"), 30), (json!(1e12), 86_400)] {
            let answer = json!({"hookStatus": "IN_PROGRESS", "callBackDelay": delay});
            assert_eq!(returned(answer), again(seconds, None));
        }
    }
}
