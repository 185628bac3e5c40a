//! What a local cloud is started with.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

use tidegate_clock::Speed;
use tidegate_engine::Missing;
use tidegate_tasks::ImageMap;

use crate::{EnforceIam, FunctionMap, throttle::Limits};

/// The port that the local-AWS tools share.
pub const DEFAULT_PORT: u16 = 4566;

/// What a local cloud is started with. [`Options::default`] is right for a test: an ephemeral port, a folder that goes
/// with the cloud, processes that die with it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the AWS API is served. Loopback unless somebody asked for more.
    pub address: IpAddr,
    /// The port of the AWS API; 0 takes a free one.
    pub port: u16,
    /// Where the state lives; `None` takes a temporary folder that is removed at the end.
    pub data_dir: Option<PathBuf>,
    /// The snapshot that it starts from; its folder must be empty then.
    pub snapshot: Option<PathBuf>,
    /// How fast its time runs.
    pub speed: Speed,
    /// How tasks run.
    pub runtime: RuntimeChoice,
    /// What stands for Lambda functions, which hooks call.
    pub functions: FunctionMap,
    /// The account of callers whose access key id is not twelve digits.
    pub account: String,
    /// Whether the balancer names the target that answered in a response header: for rehearsals.
    pub expose_targets: ExposeTargets,
    /// What becomes of a task whose secrets or log groups are not there: it fails, but for rehearsals.
    pub missing: Missing,
    /// Whether callers are held to the policies of the roles that they assumed.
    pub enforce_iam: EnforceIam,
    /// Whether calls are throttled as AWS publishes.
    pub limits: Limits,
}

/// How tasks run.
#[derive(Clone, Debug)]
pub enum RuntimeChoice {
    /// As containers when a Docker daemon answers, else as processes.
    Auto(ImageMap),
    /// As containers; no daemon is an error.
    Docker,
    /// As processes: image names map to commands.
    Process(ImageMap),
    /// Not at all: every task is RUNNING until it is stopped, and nothing listens where a load balancer would look.
    Simulated,
}

/// Whether responses carry `x-tidegate-target`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExposeTargets {
    /// They do.
    Yes,
    /// They are as a load balancer of AWS answers.
    No,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            data_dir: None,
            snapshot: None,
            speed: Speed::REAL,
            runtime: RuntimeChoice::Process(ImageMap::default()),
            functions: FunctionMap::default(),
            account: "000000000000".to_owned(),
            expose_targets: ExposeTargets::No,
            missing: Missing::Fails,
            enforce_iam: EnforceIam::No,
            limits: Limits::None,
        }
    }
}
