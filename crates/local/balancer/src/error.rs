//! Why a change was refused.
//!
//! A refused change has changed nothing. Start at [`ApplyError`].

use std::{io, net::SocketAddr};

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Something listens there already, in this process or in another.
    #[error("{address} is already in use: stop what listens there, or choose another port")]
    InUse {
        /// The address.
        address: SocketAddr,
    },
    /// This process must not listen there: ports below 1024 need a privilege on most systems.
    #[error(
        "{address} may not be listened on by this user: choose a port from 1024 upwards, or grant CAP_NET_BIND_SERVICE"
    )]
    Denied {
        /// The address.
        address: SocketAddr,
    },
    /// This machine has no such address.
    #[error("{address} is no address of this machine: choose one of 127.0.0.0/8")]
    NoSuchAddress {
        /// The address.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("{address} cannot be listened on")]
    Failed {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl BindError {
    pub(crate) fn new(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { address },
            io::ErrorKind::PermissionDenied => Self::Denied { address },
            io::ErrorKind::AddrNotAvailable => Self::NoSuchAddress { address },
            _ => Self::Failed { address, source },
        }
    }
}

/// Changes that cannot be applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// A listener's address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Two listeners want the same address.
    #[error("the listeners {first} and {second} both want {address}: give one of them another port")]
    SameAddress {
        /// The address.
        address: SocketAddr,
        /// The ARN of one.
        first: String,
        /// The ARN of the other.
        second: String,
    },
    /// TLS is not terminated yet.
    #[error("the listener {listener} is an HTTPS listener, which is not served yet: use HTTP")]
    TlsNotServed {
        /// Its ARN.
        listener: String,
    },
    /// A condition's regular expression does not compile.
    #[error("the rule {rule} has an invalid regular expression: {pattern}")]
    InvalidRegex {
        /// The rule's ARN.
        rule: String,
        /// The expression.
        pattern: String,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// [`Balancer::shutdown`](crate::Balancer::shutdown) was called.
    #[error("the balancer was shut down")]
    ShutDown,
}
