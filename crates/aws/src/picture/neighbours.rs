//! Roles, secrets, log groups, alarms: whether they are there. It must never ask for the value of a secret. Start
//! with [`Client::pictured_role`].

use super::Known;
use super::asked::asked;
use crate::client::{Client, Customized, ask};
use crate::error::AwsError;
use crate::pacing::Bucket;
use aws_sdk_cloudwatch::types::AlarmType;
use aws_sdk_ssm::types::ParameterStringFilter;
use percent_encoding::percent_decode_str;
use tidegate_checks::Asked;
use tidegate_checks::picture::{Alarm, Role, Secret};

impl Client {
    /// A role by its ARN or name, where it is of this account.
    pub(super) async fn pictured_role(&self, known: &Known, arn: &str, account: &str) -> Asked<Role> {
        let owner = arn.split(':').nth(4).filter(|_| arn.starts_with("arn:"));
        if let Some(owner) = owner.filter(|owner| !account.is_empty() && *owner != account) {
            return Asked::CouldNotAsk(format!("role {arn} is of account {owner}"));
        }
        known.roles.of(arn, async { asked(self.role_with_trust(arn).await) }).await
    }

    async fn role_with_trust(&self, arn: &str) -> Result<Role, AwsError> {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        let request = self.iam.get_role().role_name(name);
        let (output, _) = ask!(self, "iam", "GetRole", Bucket::Elsewhere, request)?;
        let policy = output.role().and_then(|role| role.assume_role_policy_document()).unwrap_or("{}");
        let text = percent_decode_str(policy).decode_utf8_lossy();
        let trust = serde_json::from_str(&text).map_err(|error| {
            crate::ecs::unexpected("GetRole", &format!("its trust policy is not JSON ({error})"))
        })?;
        Ok(Role { trust })
    }

    /// A secret or parameter by a definition's `valueFrom`.
    pub(super) async fn pictured_secret(&self, known: &Known, from: &str) -> Asked<Secret> {
        let ask = async {
            match Source::of(from) {
                Source::SecretsManager { id, region } => asked(self.secret_without_value(id, region).await),
                Source::Parameter { name, region } => {
                    match asked(self.parameter_exists(&name, region).await) {
                        Asked::Told(true) => Asked::Told(Secret::There),
                        Asked::Told(false) | Asked::Absent => Asked::Absent,
                        Asked::CouldNotAsk(why) => Asked::CouldNotAsk(why),
                    }
                }
            }
        };
        known.secrets.of(from, ask).await
    }

    async fn secret_without_value(&self, id: &str, region: Option<&str>) -> Result<Secret, AwsError> {
        let request = self.secrets.describe_secret().secret_id(id).customize();
        let request = match region {
            Some(region) => request.config_override(
                aws_sdk_secretsmanager::Config::builder().region(aws_config::Region::new(region.to_owned())),
            ),
            None => request,
        };
        let (output, _) =
            ask!(self, "secretsmanager", "DescribeSecret", Bucket::Elsewhere, Customized(request))?;
        Ok(if output.deleted_date().is_some() { Secret::Deleted } else { Secret::There })
    }

    async fn parameter_exists(&self, name: &str, region: Option<&str>) -> Result<bool, AwsError> {
        let filter = ParameterStringFilter::builder().key("Name").option("Equals").values(name).build();
        let filter =
            filter.map_err(|error| crate::ecs::unexpected("DescribeParameters", &error.to_string()))?;
        let request = self.ssm.describe_parameters().parameter_filters(filter).customize();
        let request = match region {
            Some(region) => request.config_override(
                aws_sdk_ssm::Config::builder().region(aws_config::Region::new(region.to_owned())),
            ),
            None => request,
        };
        let (output, _) = ask!(self, "ssm", "DescribeParameters", Bucket::Elsewhere, Customized(request))?;
        Ok(!output.parameters().is_empty())
    }

    /// A log group by its name.
    pub(super) async fn pictured_log_group(
        &self,
        known: &Known,
        name: &str,
        region: Option<&str>,
    ) -> Asked<()> {
        let key = format!("{} {name}", region.unwrap_or_default());
        let ask = async {
            match asked(self.log_group_exists(name, region).await) {
                Asked::Told(true) => Asked::Told(()),
                Asked::Told(false) | Asked::Absent => Asked::Absent,
                Asked::CouldNotAsk(why) => Asked::CouldNotAsk(why),
            }
        };
        known.log_groups.of(&key, ask).await
    }

    async fn log_group_exists(&self, name: &str, region: Option<&str>) -> Result<bool, AwsError> {
        let region = region.unwrap_or(&self.place.region).to_owned();
        // In the order of names: the group itself comes before those that it is the beginning of.
        let request = self.logs.describe_log_groups().log_group_name_prefix(name).customize();
        let request = request.config_override(
            aws_sdk_cloudwatchlogs::Config::builder().region(aws_config::Region::new(region)),
        );
        let (output, _) = ask!(self, "logs", "DescribeLogGroups", Bucket::Elsewhere, Customized(request))?;
        Ok(output.log_groups().iter().any(|group| group.log_group_name() == Some(name)))
    }

    /// At most a hundred alarms by their names.
    pub(super) async fn alarms_by_name(&self, names: &[String]) -> Result<Vec<(String, Alarm)>, AwsError> {
        let request = self
            .cloudwatch
            .describe_alarms()
            .set_alarm_names(Some(names.to_vec()))
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
            .max_records(100);
        let (output, _) = ask!(self, "cloudwatch", "DescribeAlarms", Bucket::Elsewhere, request)?;
        let metric = output.metric_alarms().iter().map(|alarm| {
            let periods = i64::from(alarm.evaluation_periods().unwrap_or(1));
            let looks_back = alarm.period().map(|period| i64::from(period).saturating_mul(periods));
            (alarm.alarm_name(), alarm.state_value(), alarm.state_reason(), looks_back)
        });
        let composite = output
            .composite_alarms()
            .iter()
            .map(|alarm| (alarm.alarm_name(), alarm.state_value(), alarm.state_reason(), None));
        let described = metric.chain(composite).map(|(name, state, reason, looks_back)| {
            let alarm = Alarm {
                state: state.map_or("INSUFFICIENT_DATA", |state| state.as_str()).to_owned(),
                reason: reason.unwrap_or_default().to_owned(),
                looks_back,
            };
            (name.unwrap_or_default().to_owned(), alarm)
        });
        Ok(described.collect())
    }
}

/// Where a `valueFrom` points to.
#[derive(Debug, PartialEq, Eq)]
enum Source<'a> {
    SecretsManager { id: &'a str, region: Option<&'a str> },
    Parameter { name: String, region: Option<&'a str> },
}

impl<'a> Source<'a> {
    fn of(from: &'a str) -> Self {
        let mut parts = from.split(':');
        let (service, region) = (parts.nth(2), parts.next());
        match service {
            // What follows the name chooses a key and a version of it.
            Some("secretsmanager") => {
                let end = from.match_indices(':').nth(6).map_or(from.len(), |(at, _)| at);
                Self::SecretsManager { id: &from[..end], region }
            }
            Some("ssm") => {
                // The ARN of `/a/b` and of `b` both have one slash after `parameter`.
                let path = from.split_once(":parameter/").map_or(from, |(_, path)| path);
                let name = if path.contains('/') { format!("/{path}") } else { path.to_owned() };
                Self::Parameter { name, region }
            }
            _ => Self::Parameter { name: from.to_owned(), region: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_from_is_a_secret_or_a_parameter_by_arn_or_name() {
        assert_eq!(
            Source::of("arn:aws:secretsmanager:eu-west-1:1:secret:db/api-AbCdEf:password::"),
            Source::SecretsManager {
                id: "arn:aws:secretsmanager:eu-west-1:1:secret:db/api-AbCdEf",
                region: Some("eu-west-1")
            }
        );
        let parameter = |name: &str, region| Source::Parameter { name: name.into(), region };
        assert_eq!(Source::of("arn:aws:ssm:r:1:parameter/db/password"), parameter("/db/password", Some("r")));
        assert_eq!(Source::of("arn:aws:ssm:r:1:parameter/password"), parameter("password", Some("r")));
        assert_eq!(Source::of("/db/password"), parameter("/db/password", None));
    }
}
