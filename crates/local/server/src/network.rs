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
        for prefix in prefixes(instance) {
            match hold(prefix) {
                Ok(claim) => return Self { prefix, _claim: Some(claim) },
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(_) => break,
            }
        }
        Self { prefix: prefixes(instance).next().unwrap_or([127, FIRST]), _claim: None }
    }
}

/// Every network, an instance's own first.
fn prefixes(instance: &str) -> impl Iterator<Item = [u8; 2]> {
    let own = instance.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or_default();
    (0..COUNT).map(move |step| [127, FIRST + (own / 2 % COUNT + step) % COUNT])
}

fn hold([a, b]: [u8; 2]) -> io::Result<UdpSocket> {
    let ([c, d], port) = CLAIM;
    UdpSocket::bind((Ipv4Addr::new(a, b, c, d), port))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn two_clouds_that_run_never_share_a_network() {
        let (first, second) = (Network::claim("e1"), Network::claim("e1"));
        assert_ne!(first.prefix, second.prefix);
    }

    #[test]
    fn an_instance_asks_for_the_same_network_first_and_for_each_once() {
        for (instance, own) in [("00", 128), ("e1", 240), ("ff", 128), ("", 128)] {
            let asked: Vec<[u8; 2]> = prefixes(instance).collect();
            assert_eq!(asked[0], [127, own], "{instance}");
            let each: BTreeSet<[u8; 2]> = asked.iter().copied().collect();
            assert_eq!((asked.len(), each.len()), (usize::from(COUNT), usize::from(COUNT)), "{instance}");
            assert!(each.iter().all(|[a, b]| *a == 127 && *b >= FIRST), "{instance}: {each:?}");
        }
    }

    #[test]
    fn a_network_is_free_again_when_its_holder_is_gone() {
        // No cloud asks for this one, so that those of other tests do not stand in the way.
        let spare = [127, FIRST + COUNT];
        let holder = hold(spare).unwrap();
        assert_eq!(hold(spare).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(holder);
        assert!(hold(spare).is_ok());
    }
}
