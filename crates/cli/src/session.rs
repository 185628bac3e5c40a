//! What a subcommand works with: the config file and the flags put together, the connection, the
//! reporter. It must never decide what a rollout does. Start with [`Session::open`].

use crate::args::{Global, Output};
use crate::config::{Config, Reading, TaskDefinitionConfig};
use crate::exit::Exit;
use crate::failure::Failure;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use tidegate_aws::deploy::{DeployPlan, Then};
use tidegate_aws::watch::WatchOptions;
use tidegate_aws::{Client, ConnectOptions, TaskDefinitionSource};
use tidegate_probe::{Person, Probe};
use tidegate_report::plain::Detail;
use tidegate_report::style::Style;
use tidegate_report::{JsonLines, LiveView, PlainLines, Reporter, Silent};
use tidegate_rollout::names::{ClusterName, ServiceName, ServiceRef};
use tidegate_rollout::origin::Origin;
use tidegate_rollout::pace;
use tidegate_rollout::task_definition::images::ImageChange;
use tidegate_rollout::update::Force;

/// The config file that is read when none is named.
const DEFAULT_FILE: &str = "tidegate.yml";
/// How long to wait for a verdict when nobody says: longer than AWS's own waiter (10 minutes), which
/// is shorter than a rollout with the default drain of 300 s.
const DEFAULT_TIMEOUT_MS: i64 = 30 * 60 * 1000;

/// Config and flags, put together.
pub struct Session<'a> {
    /// The flags.
    pub global: &'a Global,
    /// The config file, or an empty one.
    pub config: Config,
}

impl<'a> Session<'a> {
    /// Reads the config file: the one named, else tidegate.yml if it is there, else none.
    pub fn open(global: &'a Global) -> Result<Self, Failure> {
        Self::open_with(global, Reading::Everything)
    }

    /// The same with flags that give images: what the file says of those is not looked at.
    pub fn open_with_images(global: &'a Global, images: &[ImageChange]) -> Result<Self, Failure> {
        Self::open_with(global, Reading::ImagesGiven(images))
    }

    /// The same for commands that need no task definition: what the file says of images and documents
    /// is not looked at, so that a variable for the next image need not be set to see what runs.
    pub fn open_for_target(global: &'a Global) -> Result<Self, Failure> {
        Self::open_with(global, Reading::TargetOnly)
    }

    fn open_with(global: &'a Global, reading: Reading<'_>) -> Result<Self, Failure> {
        let config = match &global.config {
            Some(path) => Config::read(path, reading)?,
            None if Path::new(DEFAULT_FILE).exists() => Config::read(Path::new(DEFAULT_FILE), reading)?,
            None => Config::default(),
        };
        Ok(Self { global, config })
    }

    /// The service that is meant.
    pub fn target(&self) -> Result<ServiceRef, Failure> {
        let cluster = self.cluster()?;
        let service = match &self.global.service {
            Some(name) => ServiceName::parse(name)?,
            None => self.config.service.clone().ok_or_else(|| unnamed("service"))?,
        };
        Ok(ServiceRef { cluster, service })
    }

    /// The cluster that is meant.
    pub fn cluster(&self) -> Result<ClusterName, Failure> {
        match &self.global.cluster {
            Some(name) => Ok(ClusterName::parse(name)?),
            None => self.config.cluster.clone().ok_or_else(|| unnamed("cluster")),
        }
    }

    /// Connects as every AWS tool does.
    pub async fn connect(&self) -> Result<Client, Failure> {
        let options = ConnectOptions {
            region: self.global.region.clone().or_else(|| self.config.region.clone()),
            profile: self.global.profile.clone(),
            ..ConnectOptions::default()
        };
        Ok(Client::connect(options).await?)
    }

    /// A plan with everything that the config file says; the subcommand's flags come on top.
    pub fn plan(&self, images: Vec<ImageChange>) -> Result<DeployPlan, Failure> {
        Ok(DeployPlan {
            target: self.target()?,
            strategy: self.config.strategy.clone(),
            gates: self.config.gates.clone(),
            gates_timeout: self.config.gates_timeout,
            elsewhere: Arc::new(Probe::new(self.person())),
            source: match &self.config.task_definition {
                TaskDefinitionConfig::Running => TaskDefinitionSource::Running,
                TaskDefinitionConfig::Document(document) => TaskDefinitionSource::Document(document.clone()),
            },
            images: self.images(images),
            origin: Origin::default(),
            tags: self.config.tags,
            breaker: self.config.breaker,
            force: Force::OnlyIfChanged,
            desired_count: self.config.desired_count,
            then: Then::Wait,
            timeout_ms: self.timeout_ms(),
            watch: self.watch_options(),
        })
    }

    /// The images of the config file, then those of the flags: the last one for a container holds.
    pub fn images(&self, flags: Vec<ImageChange>) -> Vec<ImageChange> {
        let from_file = self.config.images.iter();
        from_file
            .map(|(container, image)| ImageChange::Of { container: container.clone(), image: image.clone() })
            .chain(flags)
            .collect()
    }

    /// How long to wait for a verdict, in milliseconds.
    pub fn timeout_ms(&self) -> i64 {
        self.global.timeout.or(self.config.timeout_ms).unwrap_or(DEFAULT_TIMEOUT_MS)
    }

    /// Who is asked for approvals.
    fn person(&self) -> Person {
        let is_asked = std::io::stdin().is_terminal()
            && std::io::stderr().is_terminal()
            && self.global.output == Output::Text;
        if is_asked { Person::AtTheTerminal } else { Person::Elsewhere }
    }

    /// How to watch.
    pub fn watch_options(&self) -> WatchOptions {
        WatchOptions { tick: self.global.tick_ms.unwrap_or(pace::TICK), ..WatchOptions::default() }
    }

    /// The reporter that fits the flags and the terminal.
    pub fn reporter(&self) -> Box<dyn Reporter> {
        self.reporter_to(std::io::stdout(), self.global.stdout_style())
    }

    /// The same for a command whose result is something else: the verdict is part of the progress.
    pub fn progress_reporter(&self) -> Box<dyn Reporter> {
        match self.global.output {
            Output::Text if !self.global.quiet => {
                self.reporter_to(std::io::stderr(), self.global.stderr_style())
            }
            _ => Box::new(Silent),
        }
    }

    fn reporter_to(
        &self,
        result: impl Write + IsTerminal + Send + 'static,
        result_style: Style,
    ) -> Box<dyn Reporter> {
        let (stderr, style) = (std::io::stderr(), self.global.stderr_style());
        let smart = stderr.is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        match self.global.output {
            Output::Json => Box::new(JsonLines::new(result)),
            Output::Text if self.global.quiet => {
                Box::new(PlainLines::new(stderr, result, style, result_style, Detail::Result))
            }
            Output::Text if smart && self.global.verbose == 0 => {
                let on_terminal = result.is_terminal();
                let live = LiveView::new(stderr, result, style, result_style);
                Box::new(if on_terminal { live.with_result_on_terminal() } else { live })
            }
            Output::Text => Box::new(PlainLines::new(stderr, result, style, result_style, Detail::Progress)),
        }
    }
}

fn unnamed(what: &str) -> Failure {
    Failure::new(Exit::Usage, format!("no {what} is named"))
        .with_help(Some(format!("write `{what}:` in tidegate.yml, or pass --{what} NAME")))
}
