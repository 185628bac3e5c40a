//! One measurement: wrk's view from outside, and the processor time that the proxy took for it.

use std::{error::Error, fs, path::Path, process::Command, time::Duration};

use serde_json::json;

use crate::proxies::{Proxy, ProxyKind};

/// wrk calls this at its end; one line is easier to read than its own report.
const REPORT: &str = r#"
done = function(summary, latency, requests)
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status
    + summary.errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), errors))
end
"#;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) connections: u32,
    pub(crate) threads: u32,
    pub(crate) length: Duration,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) requests_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Processor time of the proxy for one request, kernel included.
    pub(crate) cpu_micros: f64,
    /// Resident memory after the run.
    pub(crate) memory_mib: f64,
    pub(crate) errors: u64,
}

pub(crate) fn run(proxy: &Proxy, load: Load, directory: &Path) -> Result<Measured, Box<dyn Error>> {
    let script = directory.join("report.lua");
    fs::write(&script, REPORT)?;
    let before = cpu_seconds(proxy);
    let output = Command::new("wrk")
        .arg(format!("-t{}", load.threads))
        .arg(format!("-c{}", load.connections))
        .arg(format!("-d{}s", load.length.as_secs()))
        .arg("-s")
        .arg(script)
        .arg(format!("http://{}/", proxy.address))
        .output()?;
    let cpu = cpu_seconds(proxy) - before;
    let text = String::from_utf8(output.stdout)?;
    let line = text.lines().find_map(|line| line.strip_prefix("RESULT ")).ok_or("wrk gave no result")?;
    let numbers: Vec<f64> = line.split(' ').map(str::parse).collect::<Result<_, _>>()?;
    let [requests, micros, p50, p99, errors] = numbers[..] else {
        return Err("wrk gave another result".into());
    };
    Ok(Measured {
        requests_per_second: requests / (micros / 1e6),
        p50_ms: p50 / 1e3,
        p99_ms: p99 / 1e3,
        cpu_micros: cpu * 1e6 / requests,
        memory_mib: memory_mib(proxy),
        errors: errors as u64,
    })
}

/// The round whose throughput is in the middle.
pub(crate) fn median(mut rounds: Vec<Measured>) -> Measured {
    rounds.sort_by(|a, b| a.requests_per_second.total_cmp(&b.requests_per_second));
    rounds[rounds.len() / 2]
}

pub(crate) fn print_table(results: &[(ProxyKind, Measured)]) {
    println!(
        "{:<10} {:>12} {:>9} {:>9} {:>12} {:>9} {:>7}",
        "", "requests/s", "p50 ms", "p99 ms", "CPU µs/req", "MiB", "errors"
    );
    for (kind, measured) in results {
        println!(
            "{:<10} {:>12.0} {:>9.2} {:>9.2} {:>12.1} {:>9.1} {:>7}",
            kind.name(),
            measured.requests_per_second,
            measured.p50_ms,
            measured.p99_ms,
            measured.cpu_micros,
            measured.memory_mib,
            measured.errors
        );
    }
}

pub(crate) fn print_json(results: &[(ProxyKind, Measured)], load: Load, rounds: usize) {
    let rows: Vec<_> = results
        .iter()
        .map(|(kind, measured)| {
            json!({
                "name": kind.name(),
                "version": kind.version(),
                "requests_per_second": measured.requests_per_second.round(),
                "p50_ms": measured.p50_ms,
                "p99_ms": measured.p99_ms,
                "cpu_micros_per_request": measured.cpu_micros,
                "memory_mib": measured.memory_mib,
                "errors": measured.errors,
            })
        })
        .collect();
    println!(
        "{}",
        json!({
            "benchmark": "balancer",
            "connections": load.connections,
            "seconds": load.length.as_secs(),
            "rounds": rounds,
            "weights": crate::WEIGHTS,
            "results": rows,
        })
    );
}

/// User and system time of all its processes. A clock tick is 10 ms on Linux, whatever the processor.
fn cpu_seconds(proxy: &Proxy) -> f64 {
    let ticks: u64 = proxy
        .processes()
        .iter()
        .filter_map(|id| fs::read_to_string(format!("/proc/{id}/stat")).ok())
        .filter_map(|stat| {
            // The name in brackets may hold anything; what follows it is numbers.
            let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
            Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
        })
        .sum();
    ticks as f64 / 100.0
}

fn memory_mib(proxy: &Proxy) -> f64 {
    let kib: u64 = proxy
        .processes()
        .iter()
        .filter_map(|id| fs::read_to_string(format!("/proc/{id}/status")).ok())
        .filter_map(|status| {
            status
                .lines()
                .find(|line| line.starts_with("VmRSS:"))?
                .split_whitespace()
                .nth(1)?
                .parse::<u64>()
                .ok()
        })
        .sum();
    kib as f64 / 1024.0
}
