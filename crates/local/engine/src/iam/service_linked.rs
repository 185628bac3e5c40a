//! The roles that AWS's services make for themselves. Start at [`ensure`].

use serde_json::json;
use tidegate_models::Timestamp;

use super::{
    managed,
    records::{Role, arn, key},
};
use crate::State;

/// A service that has such a role: its principal, the role's name, the AWS-managed policy that it carries.
pub(super) struct ServiceLinked {
    pub principal: &'static str,
    pub role: &'static str,
    policy: &'static str,
}

const ALL: &[ServiceLinked] = &[
    ServiceLinked {
        principal: "ecs.amazonaws.com",
        role: "AWSServiceRoleForECS",
        policy: "AmazonECSServiceRolePolicy",
    },
    ServiceLinked {
        principal: "ecs.application-autoscaling.amazonaws.com",
        role: "AWSServiceRoleForApplicationAutoScaling_ECSService",
        policy: "AWSApplicationAutoscalingECSServicePolicy",
    },
    ServiceLinked {
        principal: "elasticloadbalancing.amazonaws.com",
        role: "AWSServiceRoleForElasticLoadBalancing",
        policy: "AWSElasticLoadBalancingServiceRolePolicy",
    },
];

/// What all their paths begin with.
pub(super) const PATH: &str = "/aws-service-role/";

/// The service with this principal.
pub(super) fn of(principal: &str) -> Option<&'static ServiceLinked> {
    ALL.iter().find(|service| service.principal == principal)
}

/// Creates the role of a service unless it is there: AWS does so when the service first needs it. Answers its ARN.
pub(crate) fn ensure(state: &mut State, account: &str, principal: &str, now: Timestamp) -> Option<String> {
    let service = of(principal)?;
    if let Some(role) = state.iam_roles.get(&key(account, service.role)) {
        return Some(role.arn.clone());
    }
    Some(create(state, account, service, None, now).arn)
}

/// Creates it.
pub(super) fn create(
    state: &mut State,
    account: &str,
    service: &ServiceLinked,
    description: Option<String>,
    now: Timestamp,
) -> Role {
    let path = format!("{PATH}{}/", service.principal);
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": [service.principal]}, "Action": ["sts:AssumeRole"]},
        ],
    });
    let role = Role {
        name: service.role.to_owned(),
        arn: arn(account, format_args!("role{path}{}", service.role)),
        id: state.ids.unique("AROA"),
        path,
        trust_policy: trust.to_string(),
        description,
        max_session_duration: 3_600,
        permissions_boundary: None,
        created_at: now,
        inline: std::collections::BTreeMap::new(),
        attached: managed::named(service.policy).map(managed::ManagedPolicy::arn).into_iter().collect(),
    };
    state.iam_roles.insert(&key(account, service.role), role.clone());
    role
}
