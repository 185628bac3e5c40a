//! Which address and which host ports a task gets.
//!
//! With `awsvpc` on Linux every task has a loopback address of its own, so it listens on the port that its definition
//! names, as on AWS. An address or port that anybody uses is never handed out: each is tried first. Start at
//! [`Addresses::assign`].

use std::{
    collections::BTreeMap,
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use tidegate_models::ecs::{NetworkMode, TransportProtocol};

use crate::{
    NetworkBinding,
    driver::{Failure, Network},
    plan::TaskPlan,
    records::{self, Records},
};

/// Tasks live in 127.2.0.0 to 127.126.255.255; load balancers have what is above.
const SECOND_BYTES: RangeInclusive<u8> = 2..=126;
/// The last bytes that tasks get; the one above is the range's claim.
const HOSTS: RangeInclusive<u8> = 1..=253;
/// Whoever holds this UDP port of a range's last address has the range: the system lets go of it when its holder dies.
const CLAIM: (u8, u16) = (254, 4566);
/// How many addresses are tried for a task before it is told that its port is taken everywhere.
const TRIES: usize = 16;
/// Dynamic host ports come from here, less those that the system gives to outgoing connections.
const DYNAMIC: RangeInclusive<u16> = 20_000..=65_000;

/// The addresses and ports of one instance's tasks.
#[derive(Debug)]
pub(crate) struct Addresses {
    file: PathBuf,
    seed: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ranges: Vec<Claimed>,
    /// By task.
    assigned: BTreeMap<String, Assigned>,
    /// The place in `ranges` that was handed out last, so that an address is not used again at once.
    last: usize,
}

#[derive(Debug)]
struct Claimed {
    range: [u8; 2],
    /// Held, not used.
    _claim: UdpSocket,
}

#[derive(Debug)]
struct Assigned {
    address: IpAddr,
    host_ports: Vec<(u16, TransportProtocol)>,
}

/// The ranges that an instance had, so that it asks for the same again.
#[derive(Debug, Default, Serialize, Deserialize)]
struct RangesRecord {
    ranges: Vec<[u8; 2]>,
}

/// FNV-1a: the same text begins at the same place, in every version of this program.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Addresses {
    /// For `instance`, whose runtime's folder is `folder`. What recorded tasks hold stays theirs.
    pub(crate) fn new(folder: &Path, instance: &str, records: &Records) -> Self {
        let file = folder.join("addresses.json");
        let earlier: RangesRecord =
            fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let ranges = earlier.ranges.into_iter().filter_map(|range| claim(range).ok()).collect();
        let seed = hash(instance);
        let addresses = Self { file, seed, state: Mutex::new(State { ranges, ..State::default() }) };
        for (task_id, record) in records.live_tasks() {
            addresses.take(&task_id, &record.network());
        }
        addresses
    }

    /// Finds an address and host ports for a task.
    pub(crate) fn assign(&self, task: &TaskPlan) -> Result<Network, Failure> {
        let mut state = self.lock();
        let network = match task.network_mode {
            NetworkMode::Awsvpc => match self.own_address(&mut state, task)? {
                Some(address) => Network { address: address.into(), bindings: Vec::new() },
                // One loopback address is all this system has: ports become dynamic, and bindings tell.
                None => on_localhost(&state, task, Ports::AllDynamic)?,
            },
            NetworkMode::None => Network { address: Ipv4Addr::LOCALHOST.into(), bindings: Vec::new() },
            NetworkMode::Bridge | NetworkMode::Host => on_localhost(&state, task, Ports::AsDefined)?,
        };
        state.assigned.insert(task.id.clone(), Assigned::new(&network));
        Ok(network)
    }

    /// Finds a dynamic port of 127.0.0.1 for each port of a task.
    pub(crate) fn assign_on_localhost(&self, task: &TaskPlan) -> Result<Network, Failure> {
        let mut state = self.lock();
        let network = on_localhost(&state, task, Ports::AllDynamic)?;
        state.assigned.insert(task.id.clone(), Assigned::new(&network));
        Ok(network)
    }

    /// A task that was found has these.
    pub(crate) fn take(&self, task_id: &str, network: &Network) {
        self.lock().assigned.insert(task_id.to_owned(), Assigned::new(network));
    }

    /// The task is over.
    pub(crate) fn release(&self, task_id: &str) {
        self.lock().assigned.remove(task_id);
    }

    /// `None`: this system has one loopback address only.
    fn own_address(&self, state: &mut State, task: &TaskPlan) -> Result<Option<Ipv4Addr>, Failure> {
        let ports: Vec<_> = task
            .containers
            .iter()
            .flat_map(|it| &it.ports)
            .map(|it| (it.container_port, it.protocol))
            .collect();
        let mut refused = None;
        let mut tries = 0;
        while tries < TRIES {
            let Some(address) = state.next_free() else {
                match self.claim_another(state) {
                    Ok(()) => continue,
                    Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => return Ok(None),
                    Err(error) => {
                        return Err(Failure::new(format!(
                            "CannotStartContainerError: no loopback address is free for the task: {error}"
                        )));
                    }
                }
            };
            match ports
                .iter()
                .find_map(|&(port, protocol)| Some((port, free(address.into(), port, protocol).err()?)))
            {
                None => return Ok(Some(address)),
                Some(taken) => refused = Some(taken),
            }
            tries += 1;
        }
        let (port, error) = refused.unwrap_or((0, io::ErrorKind::AddrInUse.into()));
        Err(Failure::new(if error.kind() == io::ErrorKind::PermissionDenied {
            format!(
                "CannotStartContainerError: this user may not listen on port {port}: {error}; take one from 1024 on, or use the Docker runtime"
            )
        } else {
            format!(
                "CannotStartContainerError: port {port} is already in use on every loopback address that was tried, so something on this machine listens on all addresses (RESOURCE:PORTS)"
            )
        }))
    }

    fn claim_another(&self, state: &mut State) -> io::Result<()> {
        let seconds = u64::from(SECOND_BYTES.end() - SECOND_BYTES.start()) + 1;
        let all = seconds * 256;
        let mut last_error = io::ErrorKind::AddrInUse.into();
        for step in 0..all.min(512) {
            // Steps of a number without common factors with `all` visit each range once.
            let at = (self.seed % all + step * 7919) % all;
            let range = [SECOND_BYTES.start() + (at / 256) as u8, (at % 256) as u8];
            if state.ranges.iter().any(|it| it.range == range) {
                continue;
            }
            match claim(range) {
                Ok(claimed) => {
                    state.ranges.push(claimed);
                    let record = RangesRecord { ranges: state.ranges.iter().map(|it| it.range).collect() };
                    if let Err(error) = records::save(&self.file, &record) {
                        tracing::warn!(path = %self.file.display(), %error, "the next start will use other addresses");
                    }
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => return Err(error),
                Err(error) => last_error = error,
            }
        }
        Err(last_error)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_free(&mut self) -> Option<Ipv4Addr> {
        let hosts = usize::from(HOSTS.end() - HOSTS.start()) + 1;
        let all = self.ranges.len() * hosts;
        for step in 1..=all {
            let at = (self.last + step) % all;
            let [second, third] = self.ranges.get(at / hosts)?.range;
            let address = Ipv4Addr::new(127, second, third, HOSTS.start() + (at % hosts) as u8);
            if !self.assigned.values().any(|it| it.address == address) {
                self.last = at;
                return Some(address);
            }
        }
        None
    }

    fn has_port(&self, port: u16, protocol: TransportProtocol) -> bool {
        self.assigned.values().any(|it| it.host_ports.contains(&(port, protocol)))
    }
}

impl Assigned {
    fn new(network: &Network) -> Self {
        let host_ports = network.bindings.iter().map(|it| (it.host_port, it.protocol)).collect();
        Self { address: network.address, host_ports }
    }
}

/// How host ports are chosen on the one address that all tasks share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ports {
    AsDefined,
    AllDynamic,
}

fn on_localhost(state: &State, task: &TaskPlan, ports: Ports) -> Result<Network, Failure> {
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut bindings: Vec<NetworkBinding> = Vec::new();
    for container in &task.containers {
        for port in &container.ports {
            let protocol = port.protocol;
            let own = |candidate: u16| {
                bindings.iter().any(|it| (it.host_port, it.protocol) == (candidate, protocol))
            };
            let taken = |candidate: u16| {
                own(candidate)
                    || state.has_port(candidate, protocol)
                    || free(address, candidate, protocol).is_err()
            };
            let host_port = match port.host_port.filter(|_| ports == Ports::AsDefined) {
                Some(fixed) if taken(fixed) => {
                    return Err(Failure::new(format!(
                        "CannotStartContainerError: port {fixed} is already in use on {address} (RESOURCE:PORTS)"
                    )));
                }
                Some(fixed) => fixed,
                None => dynamic_port(taken).ok_or_else(|| {
                    Failure::new("CannotStartContainerError: no dynamic host port is free (RESOURCE:PORTS)")
                })?,
            };
            let (container, container_port) = (container.name.clone(), port.container_port);
            bindings.push(NetworkBinding {
                container,
                container_port,
                host_port,
                bind_ip: address,
                protocol,
            });
        }
    }
    Ok(Network { address, bindings })
}

fn dynamic_port(taken: impl Fn(u16) -> bool) -> Option<u16> {
    // A port that the system may give to an outgoing connection at any moment would be lost before the task listens.
    let outgoing = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok().and_then(|text| {
        let mut bounds = text.split_whitespace().map(str::parse::<u16>);
        Some(bounds.next()?.ok()?..=bounds.next()?.ok()?)
    });
    let outgoing = outgoing.unwrap_or(49_152..=65_535);
    let candidates: Vec<u16> = DYNAMIC.filter(|port| !outgoing.contains(port)).collect();
    let candidates = if candidates.is_empty() { DYNAMIC.collect() } else { candidates };
    let start = fastrand::usize(..candidates.len());
    let round = candidates[start..].iter().chain(&candidates[..start]);
    round.copied().take(2000).find(|&port| !taken(port))
}

/// Whether nobody listens there.
fn free(address: IpAddr, port: u16, protocol: TransportProtocol) -> io::Result<()> {
    let socket = SocketAddr::new(address, port);
    match protocol {
        TransportProtocol::Tcp => TcpListener::bind(socket).map(drop),
        TransportProtocol::Udp => UdpSocket::bind(socket).map(drop),
    }
}

fn claim(range: [u8; 2]) -> io::Result<Claimed> {
    let (host, port) = CLAIM;
    let claim = UdpSocket::bind((Ipv4Addr::new(127, range[0], range[1], host), port))?;
    Ok(Claimed { range, _claim: claim })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use serde_json::{Value, json};
    use tidegate_clock::Speed;

    use super::*;
    use crate::TaskSpec;

    fn task(id: &str, mode: &str, mappings: &Value) -> TaskPlan {
        let definition = json!({
            "networkMode": mode, "containerDefinitions": [{"name": "web", "portMappings": mappings}],
        });
        let spec = TaskSpec {
            task_id: id.to_owned(),
            task_arn: String::new(),
            cluster: String::new(),
            definition: Arc::new(serde_json::from_value(definition).unwrap()),
            overrides: None,
            environment: Vec::new(),
            secrets: Vec::new(),
            image_digests: BTreeMap::new(),
            registry_images: BTreeMap::new(),
            group: String::new(),
            region: String::new(),
        };
        TaskPlan::new(spec, Speed::REAL).unwrap()
    }

    fn addresses(instance: &str) -> (tempfile::TempDir, Addresses) {
        let folder = tempfile::tempdir().unwrap();
        let addresses = Addresses::new(folder.path(), instance, &Records::new(folder.path()));
        (folder, addresses)
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn every_awsvpc_task_of_every_cloud_has_an_address_of_its_own() {
        let (_a, first) = addresses("same");
        let (_b, second) = addresses("same");
        let mut seen = BTreeSet::new();
        for number in 0..300 {
            for cloud in [&first, &second] {
                let plan = task(&number.to_string(), "awsvpc", &json!([{"containerPort": 8080}]));
                let network = cloud.assign(&plan).unwrap();
                assert!(network.address.is_loopback() && network.bindings.is_empty());
                assert!(seen.insert(network.address), "{} was handed out twice", network.address);
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_address_on_which_somebody_listens_is_passed_over() {
        let (_folder, cloud) = addresses("passed over");
        let plan = task("a", "awsvpc", &json!([{"containerPort": 8081}]));
        let IpAddr::V4(first) = cloud.assign(&plan).unwrap().address else { panic!("not IPv4") };
        let [_, second, third, host] = first.octets();
        let next = Ipv4Addr::new(127, second, third, host + 1);
        let _listener = TcpListener::bind((next, 8081)).unwrap();
        let after = cloud.assign(&task("b", "awsvpc", &json!([{"containerPort": 8081}]))).unwrap().address;
        assert_eq!(after, IpAddr::V4(Ipv4Addr::new(127, second, third, host + 2)));
    }

    #[test]
    fn a_fixed_port_in_use_is_refused_and_dynamic_ones_differ() {
        let (_folder, cloud) = addresses("ports");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let fixed = json!([{"containerPort": 80, "hostPort": port}]);
        let refused = cloud.assign(&task("a", "bridge", &fixed)).unwrap_err();
        assert!(refused.reason.contains(&format!("port {port} is already in use")), "{}", refused.reason);
        let dynamic = json!([{"containerPort": 80}, {"containerPort": 81}]);
        let network = cloud.assign(&task("b", "bridge", &dynamic)).unwrap();
        let ports: BTreeSet<_> = network.bindings.iter().map(|it| it.host_port).collect();
        assert_eq!(ports.len(), 2);
        // Nobody listens there yet, but they are taken.
        let taken = json!([{"containerPort": 80, "hostPort": network.bindings[0].host_port}]);
        assert!(cloud.assign(&task("c", "bridge", &taken)).is_err());
        cloud.release("b");
        assert!(cloud.assign(&task("d", "bridge", &taken)).is_ok());
    }
}
