//! CloudWatch Logs: the last lines of a failed container. Read only, and its absence is one line on
//! the failure screen, never an error. Start with [`Client::last_lines`].

use crate::client::{Client, Customized, ask};
use crate::error::AwsError;
use crate::pacing::Bucket;
use serde_json::Value;
use tidegate_rollout::Millis;

/// Where a container of a task logs to, by its awslogs options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogStream {
    pub(crate) container: String,
    pub(crate) group: String,
    pub(crate) stream: String,
    pub(crate) region: Option<String>,
}

impl LogStream {
    /// `None` unless the container logs through awslogs with a stream prefix: without one the
    /// stream's name is the container's runtime id, which nobody can know.
    pub(crate) fn of(definition: &Value, container: &str, task_id: &str) -> Option<Self> {
        let described = definition
            .get("containerDefinitions")?
            .as_array()?
            .iter()
            .find(|c| c.get("name").and_then(Value::as_str) == Some(container))?;
        let logs = described.get("logConfiguration")?;
        if logs.get("logDriver")?.as_str()? != "awslogs" {
            return None;
        }
        let option = |name: &str| logs.get("options")?.get(name)?.as_str();
        Some(Self {
            container: container.to_owned(),
            group: option("awslogs-group")?.to_owned(),
            stream: format!("{}/{container}/{task_id}", option("awslogs-stream-prefix")?),
            region: option("awslogs-region").map(str::to_owned),
        })
    }
}

impl Client {
    /// The last `most` lines, oldest first, each with its time.
    pub(crate) async fn last_lines(
        &self,
        stream: &LogStream,
        most: u16,
    ) -> Result<Vec<(Millis, String)>, AwsError> {
        let request = self
            .logs
            .get_log_events()
            .log_group_name(&stream.group)
            .log_stream_name(&stream.stream)
            .start_from_head(false)
            .limit(i32::from(most));
        let region = stream.region.clone().unwrap_or_else(|| self.place.region.clone());
        let region = aws_config::Region::new(region);
        let request =
            request.customize().config_override(aws_sdk_cloudwatchlogs::Config::builder().region(region));
        let (output, _) = ask!(self, "logs", "GetLogEvents", Bucket::Elsewhere, Customized(request))?;
        let lines = output.events().iter().filter_map(|event| {
            Some((event.timestamp().unwrap_or_default(), event.message()?.trim_end().to_owned()))
        });
        Ok(lines.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_stream_is_prefix_container_task() {
        let definition = json!({"containerDefinitions": [
            {"name": "web", "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/web", "awslogs-stream-prefix": "p", "awslogs-region": "r"}}},
            {"name": "side", "logConfiguration": {"logDriver": "awsfirelens"}}]});
        let stream = LogStream::of(&definition, "web", "abc").expect("awslogs");
        assert_eq!((stream.group.as_str(), stream.stream.as_str()), ("/ecs/web", "p/web/abc"));
        assert_eq!(LogStream::of(&definition, "side", "abc"), None);
    }
}
