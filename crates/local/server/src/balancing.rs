//! Between the engine's load balancing and the balancer's: what to serve, and what its health checks found.
//!
//! It translates value by value and decides nothing.

use std::net::{IpAddr, SocketAddr};

use tidegate_balancer as balancer;
use tidegate_engine::{
    Event, State,
    elbv2::{TargetHealth, routing},
};
use tidegate_models::elbv2;

use crate::{
    ExposeTargets,
    faults::Faults,
    writer::{SharedEngine, lock_read},
};

/// All that is to be served: after a start, when the balancer knows nothing. Groups first, since rules refer to them.
pub(crate) fn everything(state: &State, faults: &Faults, expose: ExposeTargets) -> Vec<balancer::Change> {
    let groups = state.target_groups.iter().map(|(arn, _)| target_group(state, faults, arn));
    groups.chain(state.load_balancers.iter().map(|(arn, _)| load_balancer(state, arn, expose))).collect()
}

/// The load balancer as it is now, or that it is gone.
pub(crate) fn load_balancer(state: &State, arn: &str, expose: ExposeTargets) -> balancer::Change {
    let Some(routing) = routing::routing(state, arn) else {
        return balancer::Change::RemoveLoadBalancer(arn.to_owned());
    };
    let attributes = routing.attributes;
    balancer::Change::PutLoadBalancer(balancer::LoadBalancer {
        arn: arn.to_owned(),
        listeners: routing
            .listeners
            .into_iter()
            .map(|given| listener(given, routing.address.into()))
            .collect(),
        attributes: balancer::LoadBalancerAttributes {
            idle_timeout: attributes.idle_timeout,
            client_keep_alive: attributes.client_keep_alive,
            x_forwarded_for: match attributes.xff_header_processing {
                routing::XffHeaderProcessing::Append => balancer::XForwardedFor::Append,
                routing::XffHeaderProcessing::Preserve => balancer::XForwardedFor::Preserve,
                routing::XffHeaderProcessing::Remove => balancer::XForwardedFor::Remove,
            },
            xff_client_port: attributes.xff_client_port,
            preserve_host_header: attributes.preserve_host_header,
            drop_invalid_header_fields: attributes.drop_invalid_header_fields,
            expose_target: expose == ExposeTargets::Yes,
        },
    })
}

/// The target group as it is now, or that it is gone.
pub(crate) fn target_group(state: &State, faults: &Faults, arn: &str) -> balancer::Change {
    let Some(group) = routing::target_group(state, arn) else {
        return balancer::Change::RemoveTargetGroup(arn.to_owned());
    };
    let check = group.health_check;
    let fault_of = |target: &routing::Target| {
        let task = state.target_groups.get(arn)?.target(&target.id, target.port)?.owner_task.as_ref()?;
        faults.of(&state.tasks.get(task)?.task_definition)?.of_target()
    };
    balancer::Change::PutTargetGroup(balancer::TargetGroup {
        arn: arn.to_owned(),
        health_check: balancer::HealthCheck {
            enabled: true,
            path: check.path,
            port: check.port.map_or(balancer::HealthCheckPort::TrafficPort, balancer::HealthCheckPort::Port),
            interval: check.interval,
            timeout: check.timeout,
            healthy_threshold: check.healthy_threshold,
            unhealthy_threshold: check.unhealthy_threshold,
            // The API refuses a matcher that does not parse.
            matcher: check.matcher.parse().unwrap_or_default(),
        },
        algorithm: match group.algorithm {
            routing::Algorithm::RoundRobin => balancer::Algorithm::RoundRobin,
            routing::Algorithm::LeastOutstandingRequests => balancer::Algorithm::LeastOutstandingRequests,
            routing::Algorithm::WeightedRandom => balancer::Algorithm::WeightedRandom,
        },
        stickiness: match group.stickiness {
            routing::Stickiness::Disabled => balancer::TargetStickiness::Disabled,
            routing::Stickiness::LbCookie { duration } => balancer::TargetStickiness::LbCookie { duration },
            routing::Stickiness::AppCookie { name, duration } => {
                balancer::TargetStickiness::AppCookie { name, duration }
            }
        },
        slow_start: group.slow_start,
        targets: group.targets.iter().map(|given| target(given, fault_of(given))).collect(),
    })
}

/// What a health check found, as the engine knows its targets. `None` when the target is gone meanwhile.
pub(crate) fn translate(engine: &SharedEngine, event: balancer::Event) -> Option<Event> {
    let balancer::Event::TargetHealth { target_group, target, health } = event;
    let engine = lock_read(engine);
    let targets = routing::target_group(engine.state(), &target_group)?.targets;
    let id = targets.into_iter().find(|known| known.address == target)?.id;
    let health = TargetHealth {
        state: elbv2::TargetHealthStateEnum::parse(health.state.as_str())?,
        reason: health.reason.and_then(elbv2::TargetHealthReasonEnum::parse),
        description: health.description,
    };
    Some(Event::TargetHealth { target_group, target: id, port: target.port(), health })
}

fn listener(given: routing::Listener, address: IpAddr) -> balancer::Listener {
    balancer::Listener {
        arn: given.arn,
        address: SocketAddr::new(address, given.port),
        protocol: match given.protocol {
            routing::Protocol::Http => balancer::Protocol::Http,
            routing::Protocol::Https => balancer::Protocol::Https,
        },
        rules: given.rules.into_iter().map(rule).collect(),
    }
}

fn rule(given: routing::Rule) -> balancer::Rule {
    balancer::Rule {
        arn: given.arn,
        conditions: given.conditions.into_iter().map(condition).collect(),
        action: action(given.action),
    }
}

fn condition(given: routing::Condition) -> balancer::Condition {
    match given {
        routing::Condition::HostHeader(values) => balancer::Condition::HostHeader(patterns(values)),
        routing::Condition::PathPattern(values) => balancer::Condition::PathPattern(patterns(values)),
        routing::Condition::HttpHeader { name, values } => {
            balancer::Condition::HttpHeader { name, values: patterns(values) }
        }
        routing::Condition::HttpRequestMethod(methods) => balancer::Condition::HttpRequestMethod(methods),
        routing::Condition::QueryString(pairs) => balancer::Condition::QueryString(
            pairs.into_iter().map(|(key, value)| balancer::QueryPair { key, value }).collect(),
        ),
        // The API refuses blocks that do not parse.
        routing::Condition::SourceIp(blocks) => {
            balancer::Condition::SourceIp(blocks.iter().filter_map(|block| block.parse().ok()).collect())
        }
    }
}

fn patterns(given: routing::Patterns) -> balancer::Patterns {
    match given {
        routing::Patterns::Wildcards(values) => balancer::Patterns::Wildcards(values),
        routing::Patterns::Regexes(values) => balancer::Patterns::Regexes(values),
    }
}

fn action(given: routing::Action) -> balancer::Action {
    match given {
        routing::Action::Forward { groups, stickiness } => {
            let groups = groups.into_iter().map(|(target_group, weight)| balancer::WeightedGroup {
                target_group,
                // The API refuses weights over 999.
                weight: balancer::Weight::new(weight).unwrap_or(balancer::Weight::ONE),
            });
            balancer::Action::Forward(balancer::Forward { groups: groups.collect(), stickiness })
        }
        routing::Action::Redirect(config) => {
            let defaults = balancer::Redirect::default();
            balancer::Action::Redirect(balancer::Redirect {
                protocol: config.protocol.unwrap_or(defaults.protocol),
                host: config.host.unwrap_or(defaults.host),
                port: config.port.unwrap_or(defaults.port),
                path: config.path.unwrap_or(defaults.path),
                query: config.query.unwrap_or(defaults.query),
                status: match config.status_code {
                    elbv2::RedirectActionStatusCodeEnum::Http301 => {
                        balancer::RedirectStatus::MovedPermanently
                    }
                    elbv2::RedirectActionStatusCodeEnum::Http302 => balancer::RedirectStatus::Found,
                },
            })
        }
        routing::Action::FixedResponse { status, content_type, body } => {
            balancer::Action::FixedResponse(balancer::FixedResponse { status, content_type, body })
        }
    }
}

fn target(given: &routing::Target, fault: Option<balancer::TargetFault>) -> balancer::Target {
    let known_health = match given.health.state {
        elbv2::TargetHealthStateEnum::Healthy => Some(balancer::HealthState::Healthy),
        elbv2::TargetHealthStateEnum::Unhealthy => Some(balancer::HealthState::Unhealthy),
        _ => None,
    };
    let target = balancer::Target { known_health, fault, ..balancer::Target::new(given.address) };
    if given.draining { target.draining() } else { target }
}
