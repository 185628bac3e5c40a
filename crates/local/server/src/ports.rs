//! Ports are taken before a listener is promised.
//!
//! A listener whose port cannot be bound must be refused by the API call that asks for it, before anything changes.

use std::net::{IpAddr, SocketAddr};

use tidegate_balancer::Balancer;
use tidegate_engine::{ApiError, Request, State};

use crate::writer::{SharedEngine, lock_read};

/// Reserves listener ports with the balancer.
#[derive(Clone)]
pub(crate) struct PortGuard(pub Balancer);

impl PortGuard {
    /// Takes the port that `request` would listen on, if it would listen on one.
    pub(crate) async fn reserve(
        &self,
        engine: &SharedEngine,
        request: &Request,
    ) -> Result<Option<SocketAddr>, ApiError> {
        if request.service != "elasticloadbalancing" {
            return Ok(None);
        }
        if request.input.get("Protocol").and_then(serde_json::Value::as_str) == Some("HTTPS") {
            let text = "the local cloud does not terminate TLS yet; give the listener the protocol HTTP here";
            return Err(ApiError::new("UnsupportedProtocol", text));
        }
        let Some(address) = wanted(lock_read(engine).state(), request) else { return Ok(None) };
        match self.0.reserve(address).await {
            Ok(()) => Ok(Some(address)),
            Err(error) => Err(ApiError::new("InvalidConfigurationRequest", error.to_string())),
        }
    }

    /// Gives a port back that nobody listens on after all.
    pub(crate) fn release(&self, reserved: Option<SocketAddr>) {
        if let Some(address) = reserved {
            self.0.release(address);
        }
    }
}

/// Where a listener would listen after `request`, when that is not where one listens already.
fn wanted(state: &State, request: &Request) -> Option<SocketAddr> {
    let text = |member: &str| request.input.get(member)?.as_str();
    let load_balancer = match request.operation.as_str() {
        "CreateListener" => text("LoadBalancerArn")?,
        "ModifyListener" => &state.listeners.get(text("ListenerArn")?)?.load_balancer_arn,
        _ => return None,
    };
    let port = u16::try_from(request.input.get("Port")?.as_u64()?).ok()?;
    let taken = state.listeners.indexed_by(load_balancer).any(|(_, listener)| listener.port == port);
    let address = state.load_balancers.get(load_balancer)?.address;
    (!taken).then_some(SocketAddr::new(IpAddr::V4(address), port))
}
