//! Registering with a note of where the revision comes from. The note is for history alone: where it may not be written,
//! the deployment goes on without it. Start with [`register`].

use crate::client::Client;
use crate::deploy::DeployPlan;
use crate::error::AwsError;
use crate::sink::{EventSink, now};
use aws_smithy_types::date_time::{DateTime, Format};
use serde_json::Value;
use tidegate_rollout::names::TaskDefinitionArn;
use tidegate_rollout::origin::{Recorded, with_tags};
use tidegate_rollout::{Event, Millis};

/// Registers the document with its origin in its tags, and says so. `strategy` is what it is registered for.
///
/// # Errors
///
/// When AWS refuses the document, or does not answer.
pub(crate) async fn register(
    client: &Client,
    plan: &DeployPlan,
    document: &Value,
    strategy: &str,
    sink: &mut dyn EventSink,
) -> Result<TaskDefinitionArn, AwsError> {
    let at = client.clock(plan.watch.tick).aws(now());
    let recorded =
        Recorded { origin: plan.origin.clone(), strategy: Some(strategy.to_owned()), at: moment(at) };
    let registered = match client.register(&with_tags(document, &recorded)).await {
        Err(error) if refuses_tags(&error) => {
            let message = format!("the revision is registered without a note of its origin: {error}");
            sink.event(now(), &Event::Warned { message });
            client.register(document).await?
        }
        other => other?,
    };
    sink.event(now(), &Event::Registered { task_definition: registered.clone() });
    Ok(registered)
}

/// Is it the tags that AWS refuses? `RegisterTaskDefinition` with tags needs `ecs:TagResource`, too, and says that it
/// misses it; a tag policy of the organisation may take no such tags.
fn refuses_tags(error: &AwsError) -> bool {
    match error {
        AwsError::AccessDenied { message, .. } => message.contains("TagResource"),
        AwsError::Refused { code, message, .. } => {
            code.contains("TagPolicy") || message.to_lowercase().contains("tag polic")
        }
        _ => false,
    }
}

/// As tags keep it: UTC, to the second.
fn moment(at: Millis) -> Option<String> {
    DateTime::from_secs(at.div_euclid(1000)).fmt(Format::DateTime).ok()
}
