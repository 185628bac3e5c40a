//! Throughput and latency of the balancer beside nginx and `HAProxy`: the same two weighted groups, the same backends, the
//! same load, in one run.
//!
//! It starts everything itself, on loopback, for a bounded time, and ends what it started. Run it by
//! `benches/balancer/run`; start reading at [`bench`].

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

mod backend;
mod measure;
mod proxies;

use std::{env, error::Error, net::SocketAddr, time::Duration};

use crate::{
    backend::Backends,
    measure::{Load, Measured},
    proxies::{Proxy, ProxyKind},
};

/// Shares of the two groups.
const WEIGHTS: [u16; 2] = [90, 10];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["backend", addresses @ ..] => {
            backend::run(&parsed(addresses)?);
            Ok(())
        }
        ["balancer", listen, backends @ ..] => proxies::run_balancer(listen.parse()?, &parsed(backends)?),
        ["only", kind, seconds] => {
            let kind =
                ProxyKind::ALL.into_iter().find(|known| known.name() == *kind).ok_or("no such proxy")?;
            bench(&[kind], 1, Duration::from_secs(seconds.parse()?))
        }
        [] => bench(&ProxyKind::ALL, 3, Duration::from_secs(8)),
        _ => Err("usage: bench [only tidegate|nginx|haproxy SECONDS]".into()),
    }
}

fn parsed(addresses: &[&str]) -> Result<Vec<SocketAddr>, Box<dyn Error>> {
    Ok(addresses.iter().map(|address| address.parse()).collect::<Result<_, _>>()?)
}

/// Measures each in turn, several rounds, so that a busy moment of the machine meets all of them alike; the median of
/// the rounds counts.
fn bench(kinds: &[ProxyKind], rounds: usize, length: Duration) -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let backends = Backends::start()?;
    let load = Load { connections: 64, threads: 2, length };
    let proxies: Vec<Proxy> = kinds
        .iter()
        .map(|&kind| Proxy::start(kind, &backends.addresses, directory.path()))
        .collect::<Result<_, _>>()?;
    for proxy in &proxies {
        measure::run(proxy, Load { length: Duration::from_secs(1), ..load }, directory.path())?;
    }
    let mut measured: Vec<Vec<Measured>> = vec![Vec::new(); proxies.len()];
    for round in 1..=rounds {
        for (proxy, results) in proxies.iter().zip(&mut measured) {
            eprintln!("round {round} of {rounds}: {}", proxy.kind.name());
            results.push(measure::run(proxy, load, directory.path())?);
        }
    }
    let medians: Vec<(ProxyKind, Measured)> =
        proxies.iter().zip(measured).map(|(proxy, results)| (proxy.kind, measure::median(results))).collect();
    measure::print_table(&medians);
    measure::print_json(&medians, load, rounds);
    Ok(())
}
