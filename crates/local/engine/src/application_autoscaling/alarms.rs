//! The pair of CloudWatch alarms by which a target tracking policy learns that it is to act. Start at [`put`].

use tidegate_models::{
    application_autoscaling::{
        Alarm, CustomizedMetricSpecification, MetricType, PredefinedMetricSpecification,
        TargetTrackingMetricDataQuery, TargetTrackingScalingPolicyConfiguration,
    },
    cloudwatch::{
        ComparisonOperator, Dimension, Metric, MetricDataQuery, MetricStat, PutMetricAlarmInput,
        StandardUnit, Statistic,
    },
};

use super::records::ScalableTarget;
use crate::{ApiError, Context, State, cloudwatch};

/// The metric must be above its target for this many minutes.
const HIGH_PERIODS: i32 = 3;

/// The metric must be well below its target for this many minutes.
const LOW_PERIODS: i32 = 15;

/// What "well below" means: a share of the target.
const LOW_SHARE: f64 = 0.9;

/// Which of the two alarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Above the target.
    High,
    /// Well below it.
    Low,
}

/// Puts one of the alarms of a policy: a new one, or in place of `before`.
pub(super) fn put(
    state: &mut State,
    context: &Context,
    target: &ScalableTarget,
    policy_arn: &str,
    configuration: &TargetTrackingScalingPolicyConfiguration,
    side: Side,
    before: Option<&Alarm>,
) -> Result<Alarm, ApiError> {
    let alarm_name = match before {
        Some(alarm) => alarm.alarm_name.clone(),
        None => {
            let kind = if side == Side::High { "AlarmHigh" } else { "AlarmLow" };
            format!("TargetTracking-{}-{kind}-{}", target.resource_id, state.ids.uuid())
        }
    };
    let (operator, periods, threshold) = match side {
        Side::High => (ComparisonOperator::GreaterThanThreshold, HIGH_PERIODS, configuration.target_value),
        Side::Low => {
            (ComparisonOperator::LessThanThreshold, LOW_PERIODS, configuration.target_value * LOW_SHARE)
        }
    };
    let input = PutMetricAlarmInput {
        alarm_name: alarm_name.clone(),
        alarm_actions: Some(vec![policy_arn.to_owned()]),
        alarm_description: Some(format!(
            "DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy_arn}."
        )),
        comparison_operator: Some(operator),
        evaluation_periods: Some(periods),
        threshold: Some(threshold),
        ..watched(target, configuration)
    };
    cloudwatch::put_metric_alarm(state, context, input)
        .map_err(|error| ApiError::new("ValidationException", error.message))?;
    let alarm_arn = context.scope.arn("cloudwatch", format_args!("alarm:{alarm_name}"));
    Ok(Alarm { alarm_arn, alarm_name })
}

/// Takes an alarm of a policy away.
pub(super) fn delete(state: &mut State, alarm: &Alarm) {
    cloudwatch::delete_alarm(state, &alarm.alarm_arn);
}

/// The metric of a policy, as an alarm has it.
fn watched(
    target: &ScalableTarget,
    configuration: &TargetTrackingScalingPolicyConfiguration,
) -> PutMetricAlarmInput {
    if let Some(predefined) = &configuration.predefined_metric_specification {
        return watched_predefined(target, predefined);
    }
    let custom = configuration.customized_metric_specification.clone().unwrap_or_default();
    let CustomizedMetricSpecification { dimensions, metric_name, metrics, namespace, statistic, unit } =
        custom;
    if let Some(queries) = metrics {
        return PutMetricAlarmInput {
            metrics: Some(queries.into_iter().map(query).collect()),
            ..PutMetricAlarmInput::default()
        };
    }
    let dimensions = dimensions.unwrap_or_default().into_iter();
    PutMetricAlarmInput {
        namespace,
        metric_name,
        dimensions: Some(dimensions.map(|of| Dimension { name: of.name, value: of.value }).collect()),
        statistic: statistic.and_then(|statistic| Statistic::parse(statistic.as_str())),
        unit: unit.as_deref().and_then(StandardUnit::parse),
        period: Some(60),
        ..PutMetricAlarmInput::default()
    }
}

fn watched_predefined(
    target: &ScalableTarget,
    predefined: &PredefinedMetricSpecification,
) -> PutMetricAlarmInput {
    let of = |name: &str, value: &str| Dimension { name: name.to_owned(), value: value.to_owned() };
    let (namespace, metric, statistic, dimensions) = match predefined.predefined_metric_type {
        MetricType::AlbRequestCountPerTarget => {
            let label = predefined.resource_label.as_deref().unwrap_or_default();
            let (balancer, group) = label.split_once("/targetgroup/").unwrap_or_default();
            let group = format!("targetgroup/{group}");
            let dimensions = vec![of("LoadBalancer", balancer), of("TargetGroup", &group)];
            ("AWS/ApplicationELB", "RequestCountPerTarget", Statistic::Sum, dimensions)
        }
        kind => {
            let mut parts = target.resource_id.split('/').skip(1);
            let (cluster, service) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let metric = if kind == MetricType::EcsServiceAverageMemoryUtilization {
                "MemoryUtilization"
            } else {
                "CPUUtilization"
            };
            let dimensions = vec![of("ClusterName", cluster), of("ServiceName", service)];
            ("AWS/ECS", metric, Statistic::Average, dimensions)
        }
    };
    PutMetricAlarmInput {
        namespace: Some(namespace.to_owned()),
        metric_name: Some(metric.to_owned()),
        dimensions: Some(dimensions),
        statistic: Some(statistic),
        period: Some(60),
        ..PutMetricAlarmInput::default()
    }
}

fn query(given: TargetTrackingMetricDataQuery) -> MetricDataQuery {
    let stat = given.metric_stat.map(|given| MetricStat {
        metric: Metric {
            namespace: given.metric.namespace,
            metric_name: given.metric.metric_name,
            dimensions: given.metric.dimensions.map(|dimensions| {
                dimensions.into_iter().map(|of| Dimension { name: of.name, value: of.value }).collect()
            }),
        },
        period: 60,
        stat: given.stat,
        unit: given.unit.as_deref().and_then(StandardUnit::parse),
    });
    MetricDataQuery {
        id: given.id,
        expression: given.expression,
        label: given.label,
        metric_stat: stat,
        return_data: given.return_data,
        account_id: None,
        period: None,
    }
}
