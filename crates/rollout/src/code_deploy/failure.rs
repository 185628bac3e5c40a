//! Why a CodeDeploy deployment failed, from its error code and the diagnostics of its lifecycle
//! events. Start with [`cause`].

use super::seen::{ErrorInformation, Stage};
use crate::cause::{Bearing, Cause, Certainty, Heals};
use std::collections::BTreeMap;

/// CodeDeploy's error codes that a service meets, facts §4.5: what it is, and what to do.
const CODES: &[(&str, &str, &str)] = &[
    (
        "ALARM_ACTIVE",
        "an alarm of the deployment group went off",
        "see the alarm's metric; an alarm that is on already stops every deployment",
    ),
    (
        "ECS_UPDATE_ERROR",
        "CodeDeploy could not change the service",
        "see the message; the listener must send to the primary task set's target group",
    ),
    (
        "ELASTIC_LOAD_BALANCING_INVALID",
        "the load balancer's setting does not fit",
        "check the deployment group's listeners and target groups",
    ),
    ("HEALTH_CONSTRAINTS", "too few tasks got healthy", "see why the candidate's tasks are not healthy"),
    (
        "HOOK_EXECUTION_FAILURE",
        "a lifecycle hook failed",
        "see the function's log; it answers with PutLifecycleEventHookExecutionStatus",
    ),
    (
        "IAM_ROLE_MISSING",
        "the deployment group's service role does not exist",
        "create the role or name another in the deployment group",
    ),
    (
        "IAM_ROLE_PERMISSIONS",
        "the deployment group's service role may not do what is needed",
        "attach AWSCodeDeployRoleForECS to it",
    ),
    ("INVALID_ECS_SERVICE", "the service is not one that CodeDeploy can deploy", "see the message"),
    ("INVALID_REVISION", "CodeDeploy does not accept the AppSpec", "see the message"),
    ("MANUAL_STOP", "somebody stopped it", "ask who did"),
    (
        "MISSING_ELB_INFORMATION",
        "the deployment group has no load balancer",
        "give it a pair of target groups and a production listener",
    ),
    (
        "TIMEOUT",
        "CodeDeploy waited in vain",
        "see which lifecycle event it was; tasks have 60 minutes to get healthy, a hook one hour",
    ),
];

/// The cause of a failure, with the lifecycle event that failed, its hook and its diagnostics.
pub fn cause(error: &ErrorInformation, failed: Option<&Stage>, hooks: &BTreeMap<String, String>) -> Cause {
    let known = CODES.iter().find(|(code, ..)| *code == error.code);
    let mut what = known.map_or_else(|| error.code.clone(), |(_, what, _)| (*what).to_owned());
    if let Some(stage) = failed {
        what.push_str(" at ");
        what.push_str(&stage.name);
        if let Some(function) = hooks.get(&stage.name) {
            what.push_str(" (");
            what.push_str(function);
            what.push(')');
        }
    }
    let mut said = error.message.clone();
    if let Some(diagnostics) = failed.and_then(|stage| stage.diagnostics.as_deref())
        && diagnostics != said
    {
        said.push_str(" · ");
        said.push_str(diagnostics);
    }
    let fix = known.map_or("see the message", |(.., fix)| *fix).to_owned();
    let rule = match error.code.as_str() {
        "TIMEOUT" | "HEALTH_CONSTRAINTS" => "code-deploy-timeout",
        "ALARM_ACTIVE" => "alarm-went-off",
        _ if error.message.contains("must be behind listener") => "code-deploy-listener",
        _ => "code-deploy-failed",
    };
    // Whoever stops it has a reason, and that is the cause.
    let bearing = if error.code == "MANUAL_STOP" { Bearing::Consequence } else { Bearing::Cause };
    let rule = rule.to_owned();
    Cause {
        rule,
        what,
        bearing,
        certainty: Certainty::Proven,
        evidence: vec![said],
        fix,
        next: None,
        heals: Heals::Never,
    }
}

/// What an error code means, and what to do about it.
pub(crate) fn meaning(code: &str) -> Option<(&'static str, &'static str)> {
    CODES.iter().find(|(known, ..)| *known == code).map(|(_, what, fix)| (*what, *fix))
}
