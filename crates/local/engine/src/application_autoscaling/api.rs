//! The API's handlers: one file for each kind of resource, and this table.
//!
//! A handler checks everything first and changes the state last, so that one that answers with an error has changed
//! nothing. Start at [`register`].

#![allow(clippy::needless_pass_by_value, reason = "every handler takes its whole input")]
#![allow(clippy::unnecessary_wraps, reason = "every handler may fail, also one that cannot")]

mod activities;
mod lookup;
mod policies;
mod scheduled_actions;
mod tags;
mod targets;

use super::SERVICE;
use crate::engine::Handlers;

/// Adds the handlers of Application Auto Scaling.
pub(crate) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "RegisterScalableTarget", targets::register);
    handlers.read(SERVICE, "DescribeScalableTargets", targets::describe);
    handlers.write(SERVICE, "DeregisterScalableTarget", targets::deregister);

    handlers.write(SERVICE, "PutScalingPolicy", policies::put);
    handlers.read(SERVICE, "DescribeScalingPolicies", policies::describe);
    handlers.write(SERVICE, "DeleteScalingPolicy", policies::delete);

    handlers.write(SERVICE, "PutScheduledAction", scheduled_actions::put);
    handlers.read(SERVICE, "DescribeScheduledActions", scheduled_actions::describe);
    handlers.write(SERVICE, "DeleteScheduledAction", scheduled_actions::delete);

    handlers.read(SERVICE, "DescribeScalingActivities", activities::describe);

    handlers.write(SERVICE, "TagResource", tags::tag);
    handlers.write(SERVICE, "UntagResource", tags::untag);
    handlers.read(SERVICE, "ListTagsForResource", tags::list);
}
