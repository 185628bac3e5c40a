//! The loopback addresses that the load balancers of one cloud listen on. No two clouds of a machine may have the same
//! ones: both would want port 80 of them. Start with [`Network::claim`].

use std::{io, net::Ipv4Addr, net::UdpSocket};

/// The second bytes of load balancers' networks; tasks have what is below.
const FIRST: u8 = 128;
const COUNT: u8 = 127;
/// Whoever holds this UDP port of the network's last host has the network: the system lets go of it when its holder dies.
const CLAIM: ([u8; 2], u16) = ([255, 254], 4566);

/// A network that no other cloud of this machine has.
#[derive(Debug)]
pub(crate) struct Network {
    /// `127.x`.
    pub(crate) prefix: [u8; 2],
    /// Held, not used; `None` where the system has no other address than 127.0.0.1.
    _claim: Option<UdpSocket>,
}

impl Network {
    /// The network of this instance, which it had before, too, unless a cloud that runs has it: then the next free one.
    pub(crate) fn claim(instance: &str) -> Self {
        let own =
            instance.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or_default();
        let prefix = |step: u8| [127, FIRST + ((own / 2) % COUNT + step) % COUNT];
        for prefix in (0..COUNT).map(prefix) {
            let ([c, d], port) = CLAIM;
            match UdpSocket::bind((Ipv4Addr::new(prefix[0], prefix[1], c, d), port)) {
                Ok(claim) => return Self { prefix, _claim: Some(claim) },
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(_) => break,
            }
        }
        Self { prefix: prefix(0), _claim: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_clouds_that_run_never_share_a_network_and_one_that_comes_back_has_its_own() {
        let first = Network::claim("e1");
        let second = Network::claim("e1");
        assert_ne!(first.prefix, second.prefix);
        let own = first.prefix;
        drop(first);
        assert_eq!(Network::claim("e1").prefix, own);
    }
}
