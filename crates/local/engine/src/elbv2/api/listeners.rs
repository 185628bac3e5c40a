//! Listeners: created, modified, described, deleted.
//!
//! A listener's default actions are those of its default rule, a record of its own: they are stored there and nowhere
//! else. HTTPS listeners are stored with their certificates; whether TLS is served is the shell's to say.

use tidegate_models::elbv2::{
    Action, Certificate, CreateListenerInput, CreateListenerOutput, DeleteListenerInput,
    DeleteListenerOutput, DescribeListenersInput, DescribeListenersOutput, Listener as Document,
    ModifyListenerInput, ModifyListenerOutput, ProtocolEnum as Protocol,
};

use super::{
    super::records::{Listener, Rule},
    actions, catalogue, certificates, changes,
    errors::{self, validation},
    load_balancers, lookup, rules, tags,
};
use crate::{ApiError, Context, Effect, State, page::page};

/// AWS's default quota of listeners of a load balancer.
const MOST_LISTENERS: usize = 50;

/// `CreateListener`
pub(super) fn create(
    state: &mut State,
    context: &Context,
    input: CreateListenerInput,
) -> Result<CreateListenerOutput, ApiError> {
    let load_balancer_arn = input.load_balancer_arn;
    lookup::load_balancer(state, context, &load_balancer_arn)?;
    let port = port(input.port.ok_or_else(|| validation("A listener port must be specified"))?)?;
    let protocol = input.protocol.ok_or_else(|| validation("A listener protocol must be specified"))?;
    let tls = Tls::checked(protocol, input.certificates, input.ssl_policy)?;
    let tags = tags::given(input.tags)?;
    let place = actions::Place { load_balancer_arn: &load_balancer_arn, protocol, port };
    let default_actions = actions::checked(state, context, &place, input.default_actions)?;
    let wanted = Document {
        load_balancer_arn: Some(load_balancer_arn.clone()),
        port: Some(port.into()),
        protocol: Some(protocol),
        certificates: tls.certificates,
        ssl_policy: tls.ssl_policy,
        mutual_authentication: input.mutual_authentication,
        alpn_policy: input.alpn_policy,
        ..Document::default()
    };
    if let Some(existing) = on_port(state, &load_balancer_arn, port) {
        let document = described(state, existing);
        let same = Document { listener_arn: None, default_actions: None, ..document.clone() } == wanted
            && document.default_actions.as_ref() == Some(&default_actions);
        return if same {
            Ok(CreateListenerOutput { listeners: Some(vec![document]) })
        } else {
            Err(duplicate(&load_balancer_arn))
        };
    }
    if state.listeners.indexed_by(&load_balancer_arn).count() >= MOST_LISTENERS {
        return Err(ApiError::new(
            "TooManyListeners",
            format!("You have reached the maximum number of listeners of a load balancer: {MOST_LISTENERS}"),
        ));
    }

    let arn =
        format!("{}/{}", load_balancer_arn.replacen(":loadbalancer/", ":listener/", 1), state.ids.hex(16));
    let row = Listener {
        arn: arn.clone(),
        load_balancer_arn: load_balancer_arn.clone(),
        port,
        document: Document { listener_arn: Some(arn.clone()), ..wanted },
        attributes: default_attributes(protocol),
    };
    state.listeners.insert(&arn, row);
    let rule = Rule {
        arn: rules::new_arn(state, &arn),
        listener_arn: arn.clone(),
        priority: None,
        conditions: Vec::new(),
        actions: default_actions,
    };
    changes::put_rule(state, &load_balancer_arn, rule);
    state.put_tags(&arn, tags);
    let listener = lookup::listener(state, context, &arn)?;
    Ok(CreateListenerOutput { listeners: Some(vec![described(state, listener)]) })
}

/// `ModifyListener`: replaces what is given.
pub(super) fn modify(
    state: &mut State,
    context: &Context,
    input: ModifyListenerInput,
) -> Result<ModifyListenerOutput, ApiError> {
    let arn = input.listener_arn;
    let current = lookup::listener(state, context, &arn)?.clone();
    let load_balancer_arn = current.load_balancer_arn.clone();
    let port = input.port.map_or(Ok(current.port), port)?;
    if port != current.port && on_port(state, &load_balancer_arn, port).is_some() {
        return Err(duplicate(&load_balancer_arn));
    }
    let before = current.document.protocol.unwrap_or(Protocol::Http);
    let protocol = input.protocol.unwrap_or(before);
    let tls = if protocol == Protocol::Https && before == Protocol::Https {
        Tls::checked(
            protocol,
            input.certificates.or(current.document.certificates.clone()),
            input.ssl_policy.or(current.document.ssl_policy.clone()),
        )?
    } else {
        Tls::checked(protocol, input.certificates, input.ssl_policy)?
    };
    let place = actions::Place { load_balancer_arn: &load_balancer_arn, protocol, port };
    let default_rule = default_rule(state, &arn).cloned();
    // Also when they are not given: a redirect may become a loop by a new port or protocol.
    let given = input
        .default_actions
        .or_else(|| default_rule.as_ref().map(|rule| rule.actions.clone()))
        .unwrap_or_default();
    let default_actions = actions::checked(state, context, &place, given)?;

    state.listeners.update(&arn, |listener| {
        listener.port = port;
        listener.document.port = Some(port.into());
        listener.document.protocol = Some(protocol);
        listener.document.certificates = tls.certificates;
        listener.document.ssl_policy = tls.ssl_policy;
        if input.mutual_authentication.is_some() {
            listener.document.mutual_authentication = input.mutual_authentication;
        }
        if input.alpn_policy.is_some() {
            listener.document.alpn_policy = input.alpn_policy;
        }
        if protocol != before {
            listener.attributes = default_attributes(protocol);
        }
    });
    if let Some(rule) = default_rule {
        changes::put_rule(state, &load_balancer_arn, Rule { actions: default_actions, ..rule });
    }
    state.effect(Effect::LoadBalancer(load_balancer_arn));
    let listener = lookup::listener(state, context, &arn)?;
    Ok(ModifyListenerOutput { listeners: Some(vec![described(state, listener)]) })
}

/// `DescribeListeners`
pub(super) fn describe(
    state: &State,
    context: &Context,
    input: DescribeListenersInput,
) -> Result<DescribeListenersOutput, ApiError> {
    let arns = input.listener_arns.unwrap_or_default();
    let load_balancer_arn = match (input.load_balancer_arn, arns.is_empty()) {
        (Some(_), false) => {
            return Err(validation(
                "Listener ARNs and a load balancer ARN cannot be specified at the same time",
            ));
        }
        (None, true) => {
            return Err(validation("You must specify either listener ARNs or a load balancer ARN"));
        }
        (None, false) => {
            let found = arns.iter().map(|arn| lookup::listener(state, context, arn));
            let found = found.map(|found| found.map(|listener| described(state, listener)));
            let found = found.collect::<Result<_, _>>()?;
            return Ok(DescribeListenersOutput { listeners: Some(found), next_marker: None });
        }
        (Some(arn), true) => arn,
    };
    lookup::load_balancer(state, context, &load_balancer_arn)?;
    let found = page(
        state.listeners.indexed_by(&load_balancer_arn),
        "DescribeListeners",
        input.marker.as_deref(),
        load_balancers::page_size(input.page_size),
        errors::invalid_marker,
    )?;
    Ok(DescribeListenersOutput {
        listeners: Some(found.items.into_iter().map(|listener| described(state, listener)).collect()),
        next_marker: found.next,
    })
}

/// `DeleteListener`: with its rules.
pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteListenerInput,
) -> Result<DeleteListenerOutput, ApiError> {
    let load_balancer_arn = lookup::listener(state, context, &input.listener_arn)?.load_balancer_arn.clone();
    changes::remove_listener(state, &load_balancer_arn, &input.listener_arn);
    Ok(DeleteListenerOutput {})
}

/// As `DescribeListeners` answers.
fn described(state: &State, listener: &Listener) -> Document {
    let default_actions: Option<Vec<Action>> =
        default_rule(state, &listener.arn).map(|rule| rule.actions.clone());
    Document { default_actions, ..listener.document.clone() }
}

fn default_rule<'a>(state: &'a State, listener_arn: &str) -> Option<&'a Rule> {
    state.rules.indexed_by(listener_arn).map(|(_, rule)| rule).find(|rule| rule.priority.is_none())
}

fn on_port<'a>(state: &'a State, load_balancer_arn: &str, port: u16) -> Option<&'a Listener> {
    state.listeners.indexed_by(load_balancer_arn).map(|(_, listener)| listener).find(|row| row.port == port)
}

fn duplicate(load_balancer_arn: &str) -> ApiError {
    ApiError::new(
        "DuplicateListener",
        format!("A listener already exists on this port for this load balancer '{load_balancer_arn}'"),
    )
}

fn port(given: i32) -> Result<u16, ApiError> {
    u16::try_from(given)
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| validation(format!("Listener port '{given}' must be between '1-65535' inclusive")))
}

fn default_attributes(protocol: Protocol) -> std::collections::BTreeMap<String, String> {
    catalogue::defaults(catalogue::of_listener(protocol))
}

/// What belongs to TLS; nothing for HTTP.
struct Tls {
    certificates: Option<Vec<Certificate>>,
    ssl_policy: Option<String>,
}

impl Tls {
    fn checked(
        protocol: Protocol,
        certificates: Option<Vec<Certificate>>,
        ssl_policy: Option<String>,
    ) -> Result<Self, ApiError> {
        match protocol {
            Protocol::Http
                if ssl_policy.is_some() || certificates.as_ref().is_some_and(|given| !given.is_empty()) =>
            {
                Err(validation(
                    "An SSL policy and certificates cannot be specified for listeners with protocol HTTP",
                ))
            }
            Protocol::Http => Ok(Self { certificates: None, ssl_policy: None }),
            Protocol::Https => {
                let certificates = certificates.unwrap_or_default();
                let [Certificate { certificate_arn: Some(certificate_arn), .. }] = certificates.as_slice()
                else {
                    return Err(validation(
                        "Exactly one certificate must be specified for listeners with protocol HTTPS",
                    ));
                };
                let ssl_policy = ssl_policy.unwrap_or_else(|| certificates::DEFAULT_SSL_POLICY.to_owned());
                certificates::check_ssl_policy(&ssl_policy)?;
                let certificate =
                    Certificate { certificate_arn: Some(certificate_arn.clone()), is_default: None };
                Ok(Self { certificates: Some(vec![certificate]), ssl_policy: Some(ssl_policy) })
            }
            other => Err(validation(format!("Listener protocol '{other}' must be one of 'HTTPS, HTTP'"))),
        }
    }
}
