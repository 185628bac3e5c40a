//! The counts as a value.
//!
//! Counts never fall while the thing that they belong to exists; in-flight numbers and host counts are as of now.
//! Start at [`MetricsSnapshot`].

use std::net::SocketAddr;

use super::ResponseTimes;

/// Everything that was counted since the balancer started. Take two and subtract for a period.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricsSnapshot {
    /// For each load balancer.
    pub load_balancers: Vec<LoadBalancerMetrics>,
    /// For each target group behind each load balancer that ever sent to it.
    pub target_groups: Vec<TargetGroupMetrics>,
    /// How many hosts each target group has.
    pub hosts: Vec<TargetGroupHosts>,
    /// For each target.
    pub targets: Vec<TargetMetrics>,
}

/// The metrics with the one dimension `LoadBalancer`.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadBalancerMetrics {
    /// The load balancer's ARN.
    pub load_balancer: String,
    /// `RequestCount`: requests for which a target was chosen.
    pub request_count: u64,
    /// `HTTPCode_Target_*`, all groups together.
    pub target_codes: TargetCodes,
    /// `HTTPCode_ELB_4XX_Count`.
    pub elb_4xx: u64,
    /// `HTTPCode_ELB_5XX_Count`.
    pub elb_5xx: u64,
    /// `HTTPCode_ELB_502_Count`.
    pub elb_502: u64,
    /// `HTTPCode_ELB_503_Count`.
    pub elb_503: u64,
    /// `HTTPCode_ELB_504_Count`.
    pub elb_504: u64,
    /// `HTTP_Redirect_Count`.
    pub redirect_count: u64,
    /// `HTTP_Fixed_Response_Count`.
    pub fixed_response_count: u64,
    /// `NewConnectionCount`, the clients' side.
    pub new_connection_count: u64,
    /// `ActiveConnectionCount`, the clients' side, now.
    pub active_connection_count: u64,
    /// `RejectedConnectionCount`: the system had no descriptor left for them.
    pub rejected_connection_count: u64,
    /// `TargetConnectionErrorCount`, all groups together.
    pub target_connection_error_count: u64,
    /// `TargetResponseTime`, all groups together.
    pub target_response_time: ResponseTimes,
}

/// The metrics with the dimensions `LoadBalancer` and `TargetGroup`.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetGroupMetrics {
    /// The load balancer's ARN.
    pub load_balancer: String,
    /// The target group's ARN.
    pub target_group: String,
    /// `RequestCount`.
    pub request_count: u64,
    /// `HTTPCode_Target_*`.
    pub target_codes: TargetCodes,
    /// `TargetConnectionErrorCount`.
    pub target_connection_error_count: u64,
    /// `TargetResponseTime`.
    pub target_response_time: ResponseTimes,
}

/// Responses of targets by class of their status code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TargetCodes {
    /// `HTTPCode_Target_2XX_Count`.
    pub code_2xx: u64,
    /// `HTTPCode_Target_3XX_Count`.
    pub code_3xx: u64,
    /// `HTTPCode_Target_4XX_Count`.
    pub code_4xx: u64,
    /// `HTTPCode_Target_5XX_Count`.
    pub code_5xx: u64,
}

/// The host counts of a target group. Draining targets are in neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroupHosts {
    /// The target group's ARN.
    pub target_group: String,
    /// `HealthyHostCount`, now.
    pub healthy_host_count: u64,
    /// `UnHealthyHostCount`, now.
    pub unhealthy_host_count: u64,
}

/// What one target was given. AWS has no such metric; gates see by it that a weight took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetMetrics {
    /// The target group's ARN.
    pub target_group: String,
    /// The target.
    pub target: SocketAddr,
    /// Requests that it was given.
    pub request_count: u64,
    /// Those of them that are not over yet, tunnels included, now.
    pub in_flight: u64,
}
