//! AWS Lambda, as far as others call it: an invocation is wanted, made outside, and its answer goes to who waits for it.
//!
//! A row of `invocations` is an invocation that somebody waits for. It is written with the change that asks for it and
//! goes with its answer, so that none is lost over a restart; made twice it is then, as Lambda itself may do it. What a
//! function is and does is not known here. Start at `invoke`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_models::Timestamp;

use crate::{Effect, Scope, State, codedeploy, ecs};

/// An invocation of a function that somebody waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invocation {
    /// The function's ARN.
    pub function: String,
    /// What it is called with.
    pub payload: Value,
    /// When it was called.
    pub called_at: Timestamp,
    /// Who waits for the answer.
    pub caller: Caller,
}

/// Who waits for the answer of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Caller {
    /// A lifecycle hook of an ECS service deployment.
    ServiceDeploymentHook {
        /// The service deployment's ARN.
        service_deployment: String,
        /// The id of the hook's run.
        hook: String,
    },
    /// A lifecycle event hook of a CodeDeploy deployment.
    DeploymentHook {
        /// The deployment, as CodeDeploy's table knows it.
        deployment: String,
        /// The lifecycle event hook execution id.
        execution: String,
    },
}

/// What came of an invocation.
#[derive(Clone, Debug, PartialEq)]
pub enum FunctionAnswer {
    /// The function returned this.
    Returned(Value),
    /// It could not be called, failed or took too long: why, in words.
    Failed(String),
}

/// The ARN of a function that is given by its ARN or by its name alone, with or without `:` and a version or alias.
pub(crate) fn function_arn(scope: &Scope, function: &str) -> String {
    if function.starts_with("arn:") {
        return function.to_owned();
    }
    scope.arn("lambda", format_args!("function:{function}"))
}

/// Calls the function with this ARN. Answers the id of the invocation, by which it can be given up with [`give_up`].
///
/// A function that is given by name has its ARN from [`function_arn`].
pub(crate) fn invoke(
    state: &mut State,
    function: String,
    payload: Value,
    caller: Caller,
    now: Timestamp,
) -> String {
    let id = state.ids.uuid();
    state.invocations.insert(&id, Invocation { function, payload, called_at: now, caller });
    state.effect(Effect::InvokeFunction(id.clone()));
    id
}

/// Nobody waits for an answer any more: when one comes it is dropped. As with Lambda, the function runs to its end.
pub(crate) fn give_up(state: &mut State, invocation: &str) {
    state.invocations.remove(invocation);
}

/// Takes in an answer and gives it to who waits for it.
pub(crate) fn observe(state: &mut State, invocation: &str, answer: FunctionAnswer, now: Timestamp) {
    let Some(row) = state.invocations.get(invocation) else { return };
    let caller = row.caller.clone();
    state.invocations.remove(invocation);
    match caller {
        Caller::ServiceDeploymentHook { service_deployment, hook } => {
            ecs::function_answered(state, &service_deployment, &hook, answer, now);
        }
        Caller::DeploymentHook { deployment, execution } => {
            codedeploy::function_answered(state, &deployment, &execution, answer, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_by_its_arn_or_by_its_name_alone() {
        let scope = Scope { account: "123456789012".to_owned(), region: "eu-west-1".to_owned() };
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:check";
        assert_eq!(function_arn(&scope, "check"), arn);
        assert_eq!(function_arn(&scope, arn), arn);
    }
}
