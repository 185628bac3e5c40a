//! The loopback addresses that load balancers listen on: one each, out of the cloud's network `127.x`.

use std::net::Ipv4Addr;

use crate::State;

/// A free address of the load balancers' network, `127.x.y.z`. The first and the last one are left out: they stand for
/// the network itself and for everyone in it.
pub(super) fn free_address(state: &State) -> Option<Ipv4Addr> {
    let [a, b] = state.settings.load_balancer_network;
    let hosts = u32::from(u16::MAX) - 1;
    // Those below the count are mostly taken, so that the search is short.
    let first = u32::try_from(state.load_balancers.len()).ok()?;
    (0..hosts)
        .map(|step| {
            let [_, _, c, d] = ((first + step) % hosts + 1).to_be_bytes();
            Ipv4Addr::new(a, b, c, d)
        })
        .find(|address| is_free(state, *address))
}

/// Brings load balancers of another network into the cloud's own: their state came with a snapshot, or a cloud beside
/// this one has taken the network since. Each keeps its host's part where that is free.
pub(crate) fn move_in(state: &mut State) {
    let network = state.settings.load_balancer_network;
    let strangers: Vec<(String, Ipv4Addr)> = state
        .load_balancers
        .iter()
        .filter(|(_, row)| row.address.octets()[..2] != network)
        .map(|(arn, row)| (arn.to_owned(), row.address))
        .collect();
    for (arn, old) in strangers {
        let [_, _, c, d] = old.octets();
        let kept = Ipv4Addr::new(network[0], network[1], c, d);
        let Some(address) = Some(kept).filter(|kept| is_free(state, *kept)).or_else(|| free_address(state))
        else {
            continue;
        };
        state.load_balancers.update(&arn, |row| {
            row.address = address;
            row.document.dns_name = Some(address.to_string());
        });
    }
}

fn is_free(state: &State, address: Ipv4Addr) -> bool {
    state.load_balancers.indexed_by(&address.to_string()).next().is_none()
}
