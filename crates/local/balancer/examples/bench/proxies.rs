//! The balancer and its peers, each as a process with two workers and the same duty: two weighted groups, kept
//! connections on both sides, `X-Forwarded-*` headers, no access log.

use std::{
    env,
    error::Error,
    fs,
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tidegate_balancer::{
    Action, Algorithm, Balancer, Change, Forward, HealthCheck, HealthState, Listener, LoadBalancer,
    LoadBalancerAttributes, Protocol, Rule, Target, TargetGroup, TargetStickiness, Weight, WeightedGroup,
};
use tidegate_clock::{Clock, Speed};

use crate::{WEIGHTS, backend::free_address};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyKind {
    Tidegate,
    Nginx,
    HaProxy,
}

impl ProxyKind {
    pub(crate) const ALL: [Self; 3] = [Self::Tidegate, Self::Nginx, Self::HaProxy];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tidegate => "tidegate",
            Self::Nginx => "nginx",
            Self::HaProxy => "haproxy",
        }
    }

    /// As it says itself.
    pub(crate) fn version(self) -> String {
        let output = match self {
            Self::Tidegate => return env!("CARGO_PKG_VERSION").to_owned(),
            Self::Nginx => Command::new("nginx").arg("-v").output(),
            Self::HaProxy => Command::new("haproxy").arg("-v").output(),
        };
        let Ok(output) = output else { return "unknown".to_owned() };
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let words = text.lines().next().unwrap_or_default().split([' ', '/']);
        words
            .into_iter()
            .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
            .unwrap_or("unknown")
            .to_owned()
    }
}

/// A running proxy.
pub(crate) struct Proxy {
    pub(crate) kind: ProxyKind,
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Proxy {
    pub(crate) fn start(
        kind: ProxyKind,
        backends: &[SocketAddr],
        directory: &Path,
    ) -> Result<Self, Box<dyn Error>> {
        let address = free_address()?;
        let child = match kind {
            ProxyKind::Tidegate => Command::new(env::current_exe()?)
                .arg("balancer")
                .arg(address.to_string())
                .args(backends.iter().map(SocketAddr::to_string))
                .spawn()?,
            ProxyKind::Nginx => {
                let file = directory.join("nginx.conf");
                fs::write(&file, nginx_configuration(address, backends, directory))?;
                Command::new("nginx").arg("-c").arg(file).stderr(Stdio::null()).spawn()?
            }
            ProxyKind::HaProxy => {
                let file = directory.join("haproxy.cfg");
                fs::write(&file, haproxy_configuration(address, backends))?;
                Command::new("haproxy").arg("-db").arg("-f").arg(file).stderr(Stdio::null()).spawn()?
            }
        };
        let proxy = Self { kind, address, child };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            if Instant::now() > deadline {
                return Err(format!("{} does not answer on {address}", kind.name()).into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(proxy)
    }

    /// The processes that serve: itself and, for nginx, its workers.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let children = format!("/proc/{0}/task/{0}/children", self.child.id());
        let workers = fs::read_to_string(children).unwrap_or_default();
        std::iter::once(self.child.id())
            .chain(workers.split_whitespace().filter_map(|id| id.parse().ok()))
            .collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // nginx's workers end with their master only when it is asked.
        let asked = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        if asked.is_err() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

fn nginx_configuration(address: SocketAddr, backends: &[SocketAddr], directory: &Path) -> String {
    let directory = directory.display();
    let upstreams: Vec<String> = backends
        .iter()
        .enumerate()
        .map(|(index, backend)| {
            format!("  upstream group{index} {{ server {backend}; keepalive 128; keepalive_requests 100000000; }}\n")
        })
        .collect();
    let upstreams = upstreams.concat();
    format!(
        "daemon off;\nworker_processes 2;\npid {directory}/nginx.pid;\nerror_log {directory}/error.log crit;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n  access_log off;\n  keepalive_requests 100000000;\n{upstreams}\
         \x20 split_clients $request_id $group {{ {}% group0; * group1; }}\n\
         \x20 server {{\n    listen {address} backlog=4096;\n    location / {{\n      proxy_pass http://$group;\n\
         \x20     proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n      proxy_set_header Host $host;\n\
         \x20     proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n\
         \x20     proxy_set_header X-Forwarded-Proto $scheme;\n      proxy_set_header X-Forwarded-Port $server_port;\n\
         \x20   }}\n  }}\n}}\n",
        WEIGHTS[0]
    )
}

fn haproxy_configuration(address: SocketAddr, backends: &[SocketAddr]) -> String {
    let servers: Vec<String> = backends
        .iter()
        .zip(WEIGHTS)
        .enumerate()
        .map(|(index, (backend, weight))| {
            format!("  server group{index} {backend} weight {weight} pool-max-conn 128\n")
        })
        .collect();
    let servers = servers.concat();
    format!(
        "global\n  nbthread 2\n  maxconn 4096\n\
         defaults\n  mode http\n  timeout connect 10s\n  timeout client 60s\n  timeout server 60s\n  http-reuse always\n\
         frontend web\n  bind {address}\n  default_backend groups\n\
         backend groups\n  balance roundrobin\n  option forwardfor\n\
         \x20 http-request set-header X-Forwarded-Proto http\n  http-request set-header X-Forwarded-Port %[dst_port]\n\
         {servers}"
    )
}

/// The balancer as a process, until it is ended.
pub(crate) fn run_balancer(listen: SocketAddr, backends: &[SocketAddr]) -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let (balancer, _events) = Balancer::new(Clock::starting_now(Speed::REAL));
        let mut changes: Vec<Change> = backends
            .iter()
            .map(|&address| {
                Change::PutTargetGroup(TargetGroup {
                    arn: address.to_string(),
                    health_check: HealthCheck::default(),
                    algorithm: Algorithm::RoundRobin,
                    stickiness: TargetStickiness::Disabled,
                    slow_start: Duration::ZERO,
                    targets: vec![Target {
                        known_health: Some(HealthState::Healthy),
                        ..Target::new(address)
                    }],
                })
            })
            .collect();
        let groups = backends
            .iter()
            .zip(WEIGHTS)
            .filter_map(|(backend, weight)| {
                Some(WeightedGroup { target_group: backend.to_string(), weight: Weight::new(weight)? })
            })
            .collect();
        changes.push(Change::PutLoadBalancer(LoadBalancer {
            arn: "bench".to_owned(),
            attributes: LoadBalancerAttributes::default(),
            listeners: vec![Listener {
                arn: "bench".to_owned(),
                address: listen,
                protocol: Protocol::Http,
                rules: vec![Rule {
                    arn: "default".to_owned(),
                    conditions: Vec::new(),
                    action: Action::Forward(Forward { groups, stickiness: None }),
                }],
            }],
        }));
        balancer.apply(changes).await?;
        std::future::pending::<()>().await;
        Ok(())
    })
}
