//! Counters, gathered into a value.
//!
//! Reading stops nobody: sums may be a request apart from each other. Start at [`Control::metrics`].

use super::{Control, listeners::LoadBalancerState};
use crate::metrics::{
    ForwardCounters, LoadBalancerMetrics, MetricsSnapshot, ResponseTimes, Sharded, TargetCodes,
    TargetGroupMetrics, TargetMetrics,
};

impl Control {
    /// Everything that was counted since the start.
    pub(crate) fn metrics(&self) -> MetricsSnapshot {
        let mut snapshot = MetricsSnapshot::default();
        for (arn, load_balancer) in &self.load_balancers {
            for (target_group, counters) in load_balancer.forwards.iter() {
                snapshot.target_groups.push(TargetGroupMetrics {
                    load_balancer: arn.clone(),
                    target_group: target_group.to_owned(),
                    request_count: counters.sum(|shard| &shard.requests),
                    target_codes: target_codes(counters),
                    target_connection_error_count: counters.sum(|shard| &shard.connection_errors),
                    target_response_time: response_times(counters),
                });
            }
            snapshot.load_balancers.push(load_balancer_metrics(arn, load_balancer));
        }
        for (arn, group) in &self.groups {
            snapshot.hosts.push(group.hosts());
            snapshot.targets.extend(group.targets().map(|target| TargetMetrics {
                target_group: arn.clone(),
                target: target.address,
                request_count: target.counters.sum(|shard| &shard.started),
                in_flight: target.in_flight(),
            }));
        }
        snapshot
    }
}

fn load_balancer_metrics(arn: &str, state: &LoadBalancerState) -> LoadBalancerMetrics {
    let counters = &state.counters;
    let closed = counters.sum(|shard| &shard.connections_closed);
    let opened = counters.sum(|shard| &shard.connections_opened);
    LoadBalancerMetrics {
        load_balancer: arn.to_owned(),
        request_count: counters.sum(|shard| &shard.targets.requests),
        target_codes: TargetCodes {
            code_2xx: counters.sum(|shard| &shard.targets.target_2xx),
            code_3xx: counters.sum(|shard| &shard.targets.target_3xx),
            code_4xx: counters.sum(|shard| &shard.targets.target_4xx),
            code_5xx: counters.sum(|shard| &shard.targets.target_5xx),
        },
        elb_4xx: counters.sum(|shard| &shard.elb_4xx),
        elb_5xx: counters.sum(|shard| &shard.elb_5xx),
        elb_502: counters.sum(|shard| &shard.elb_502),
        elb_503: counters.sum(|shard| &shard.elb_503),
        elb_504: counters.sum(|shard| &shard.elb_504),
        redirect_count: counters.sum(|shard| &shard.redirects),
        fixed_response_count: counters.sum(|shard| &shard.fixed_responses),
        new_connection_count: opened,
        active_connection_count: opened.saturating_sub(closed),
        rejected_connection_count: counters.sum(|shard| &shard.connections_rejected),
        target_connection_error_count: counters.sum(|shard| &shard.targets.connection_errors),
        target_response_time: ResponseTimes::of(counters.iter().map(|shard| &shard.targets.response_times)),
    }
}

fn target_codes(counters: &Sharded<ForwardCounters>) -> TargetCodes {
    TargetCodes {
        code_2xx: counters.sum(|shard| &shard.target_2xx),
        code_3xx: counters.sum(|shard| &shard.target_3xx),
        code_4xx: counters.sum(|shard| &shard.target_4xx),
        code_5xx: counters.sum(|shard| &shard.target_5xx),
    }
}

fn response_times(counters: &Sharded<ForwardCounters>) -> ResponseTimes {
    ResponseTimes::of(counters.iter().map(|shard| &shard.response_times))
}
