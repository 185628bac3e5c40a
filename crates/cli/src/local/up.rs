//! `tidegate local up`: started, made what it is to be, announced, served, ended.

use std::{
    future::Future,
    io::Write as _,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    pin::Pin,
};

use clap::{Args, ValueEnum};
use tidegate_local::{
    DEFAULT_PORT, EnforceIam, ExposeTargets, Limits, LocalCloud, Options, RuntimeChoice, Speed,
};

use super::{
    Folder, config_folder, ended_by_signal, functions, images, parse_account, parse_speed,
    sample::{self, Sample},
    say,
    terraform::{Progress, Terraform, Totals},
};
use crate::{
    args::{Global, Output},
    exit::Exit,
    failure::Failure,
    session::Session,
};

#[derive(Debug, Args)]
pub(super) struct Up {
    #[command(flatten)]
    folder: Folder,
    /// The port of the AWS API; 0 takes a free one
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,
    /// The address of the AWS API; anything but loopback lets others on the network run tasks here
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// How many seconds of the cloud's time pass in one: at 60, a bake of a minute takes a second
    #[arg(long, default_value = "1", value_parser = parse_speed)]
    speed: Speed,
    /// How tasks run
    #[arg(long, value_enum, default_value_t = RuntimeKind::Auto)]
    runtime: RuntimeKind,
    /// Start from this snapshot, in a folder that holds no state yet
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// Apply this folder of Terraform before the cloud is announced; needs the program `terraform`
    #[arg(long, value_name = "DIR")]
    terraform: Option<PathBuf>,
    /// Have a service to deploy to, unless it is there, and images that are good and bad releases of it
    #[arg(long)]
    sample: bool,
    /// Throttle calls to Amazon ECS as AWS publishes, by the cloud's own clock
    #[arg(long)]
    throttle: bool,
    /// The account of callers whose access key id is not twelve digits
    #[arg(long, default_value = "000000000000", value_parser = parse_account)]
    account: String,
    /// Hold callers that assumed a role to what the role's policies grant
    #[arg(long)]
    enforce_iam: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RuntimeKind {
    /// In Docker when a daemon answers, else as processes
    Auto,
    /// As Docker containers
    Docker,
    /// As plain processes, by `local.images` of the config file
    Process,
    /// Not at all: tasks are RUNNING until they are stopped, but nothing answers behind a load balancer
    Simulated,
}

impl Up {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Failure> {
        if self.snapshot.is_some() && self.terraform.is_some() {
            let what = "--snapshot and --terraform do not go together: a snapshot may have what the folder makes, but \
                        never Terraform's state of it, so that all would be made a second time";
            let help = "apply the folder once, save a snapshot of that, and start from the snapshot alone";
            return Err(Failure::new(Exit::Usage, what).with_help(Some(help.into())));
        }
        if self.sample && matches!(self.runtime, RuntimeKind::Simulated) {
            let what = "--sample and --runtime simulated do not go together: where no program runs, no release is bad";
            let help = "leave one of the two out";
            return Err(Failure::new(Exit::Usage, what).with_help(Some(help.into())));
        }
        let data_dir = self.folder.path()?;
        let config = Session::open_for_target(global)?.config;
        let region = region(global, config.region);
        let config = config.local;
        let mut images = images(&config, config_folder(global));
        if self.sample {
            images = sample::with_images(images)?;
        }
        let runtime = match self.runtime {
            RuntimeKind::Auto => RuntimeChoice::Auto(images),
            RuntimeKind::Docker => RuntimeChoice::Docker,
            RuntimeKind::Process => RuntimeChoice::Process(images),
            RuntimeKind::Simulated => RuntimeChoice::Simulated,
        };
        let terraform =
            self.terraform.as_deref().map(|folder| Terraform::find(folder, &region)).transpose()?;
        let cloud = LocalCloud::start(Options {
            address: self.address,
            port: self.port,
            data_dir: Some(data_dir.clone()),
            snapshot: self.snapshot,
            speed: self.speed,
            runtime,
            functions: functions(&config, config_folder(global)),
            account: self.account,
            expose_targets: ExposeTargets::No,
            missing: tidegate_local::Missing::Fails,
            enforce_iam: if self.enforce_iam { EnforceIam::Yes } else { EnforceIam::No },
            limits: if self.throttle { Limits::Published } else { Limits::None },
        })
        .await
        .map_err(|error| Failure::new(Exit::Refused, error.to_string()))?;
        let outcome = {
            let end = async {
                tokio::select! {
                    () = cloud.shutdown_requested() => {}
                    () = ended_by_signal() => {}
                }
            };
            tokio::pin!(end);
            let has = Has { terraform: terraform.as_ref(), sample: self.sample };
            serve(global, &cloud, &data_dir, &region, has, end).await
        };
        if !global.quiet {
            say("ending the local cloud and its tasks; the state stays");
        }
        cloud.shutdown().await;
        outcome.map(|()| Exit::Done)
    }
}

/// What it is to have when it is announced.
struct Has<'a> {
    terraform: Option<&'a Terraform>,
    sample: bool,
}

/// Makes it what it is to be, says that it is up, and serves until the end.
async fn serve<F: Future<Output = ()>>(
    global: &Global,
    cloud: &LocalCloud,
    data_dir: &Path,
    region: &str,
    has: Has<'_>,
    mut end: Pin<&mut F>,
) -> Result<(), Failure> {
    let applied = match has.terraform {
        Some(terraform) => {
            let progress = Progress::of(global);
            Some(terraform.apply(&cloud.endpoint(), data_dir, progress, end.as_mut()).await?)
        }
        None => None,
    };
    let mut sample = None;
    if has.sample {
        if !global.quiet && global.output == Output::Text {
            say(
                "looking for the sample; where it has to be made, its tasks take some seconds to get healthy",
            );
        }
        // On the heap: it holds a client of every AWS service.
        sample = Some(Box::pin(Sample::find_or_make(cloud, region, end.as_mut())).await?);
    }
    let made = Made { applied, sample };
    announce(global, cloud, data_dir, region, &made);
    end.await;
    Ok(())
}

/// What was made before it is announced.
struct Made {
    applied: Option<Totals>,
    sample: Option<Sample>,
}

/// The result is the endpoint: the first line of stdout.
fn announce(global: &Global, cloud: &LocalCloud, data_dir: &Path, region: &str, made: &Made) {
    let endpoint = cloud.endpoint();
    let mut stdout = std::io::stdout();
    if global.output == Output::Json {
        let mut line = serde_json::json!({
            "endpoint": endpoint,
            "region": region,
            "runtime": cloud.runtime_name(),
            "speed": cloud.clock().speed().factor(),
            "dataDir": data_dir,
        });
        if let Some(Totals { added, changed, removed }) = &made.applied {
            line["terraform"] = serde_json::json!({ "added": added, "changed": changed, "removed": removed });
        }
        if let Some(sample) = &made.sample {
            line["sample"] = sample.as_json();
        }
        let _ = writeln!(stdout, "{line}");
    } else {
        let _ = writeln!(
            stdout,
            "local cloud up at {endpoint}\n\n  export AWS_ENDPOINT_URL={endpoint} AWS_REGION={region} \
             AWS_DEFAULT_REGION={region} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test"
        );
        if let Some(sample) = &made.sample {
            let _ = write!(stdout, "\n{}", sample.in_words());
        }
        if !global.quiet {
            if let Some(Totals { added, changed, removed }) = &made.applied {
                say(&format!("\nterraform: {added} added, {changed} changed, {removed} removed"));
            }
            say(&format!(
                "\ntasks {}, time runs at {}, the state is in {}\nCtrl-C ends it and its tasks; the state stays",
                match cloud.runtime_name() {
                    "docker" => "run as Docker containers",
                    "simulated" => "are simulated: no program runs",
                    _ => "run as processes",
                },
                cloud.clock().speed(),
                data_dir.display(),
            ));
        }
    }
    let _ = stdout.flush();
}

/// The region that clients are told to use, and Terraform: that in which a deploy would look.
fn region(global: &Global, config: Option<String>) -> String {
    let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let environment = || given("AWS_REGION").or_else(|| given("AWS_DEFAULT_REGION"));
    global.region.clone().or(config).or_else(environment).unwrap_or_else(|| "eu-west-1".to_owned())
}
