//! `tidegate sync`: services are made what a git branch says. Arguments become a source, a lease and a loop; what the
//! loop decides is `tidegate_gitops`'s. Start with [`Sync`].

mod dry;
mod git;
mod looking;
mod run;
mod source;
mod tell;
mod wanted;
mod work;

use crate::args::Global;
use crate::config::duration::parse_some_millis;
use crate::exit::Exit;
use crate::failure::Failure;
use clap::Args;
pub use run::now;
use run::{Loop, failed_to_keep};
use source::{Source, SourceError, pattern};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tell::Teller;
use tidegate_aws::sync::{Store, StoreError, kept};
use tidegate_aws::{Client, ConnectOptions, Pacer};
use tidegate_gitops::{Id, Memory, State};
use tidegate_rollout::{Millis, pace};
use wanted::Services;

/// The files that describe services, where nobody says which.
const EVERY_FILE: &str = "**/tidegate.yml";

/// `tidegate sync`.
#[derive(Debug, Args)]
#[command(after_help = crate::exit::TABLE)]
pub struct Sync {
    /// The git repository, by URL or folder; without it, the files of this work tree
    #[arg(long, value_name = "URL|DIR")]
    repo: Option<String>,
    /// The branch
    #[arg(long, value_name = "NAME", default_value = "main", requires = "repo")]
    branch: String,
    /// The files that describe services [default with --repo: **/tidegate.yml; else the config file]
    #[arg(long = "path", value_name = "PATTERN")]
    paths: Vec<String>,
    /// Go on until SIGTERM: follow the branch, and heal what drifts
    #[arg(long, conflicts_with = "dry_run")]
    watch: bool,
    /// How often the branch and the services are looked at
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_some_millis)]
    every: i64,
    /// Show what differs, field by field, and change nothing; exit code 7 on drift
    #[arg(long)]
    dry_run: bool,
    /// How many services move at once at most
    #[arg(long, value_name = "COUNT", default_value = "4", value_parser = clap::value_parser!(u16).range(1..=200))]
    parallel: u16,
    /// Begin although a freeze window is open; the reason is kept and told
    #[arg(long, value_name = "REASON", value_parser = reason)]
    override_freeze: Option<String>,
    /// Only this service, and as if the files described no other
    #[arg(long, value_name = "SERVICE")]
    only: Vec<String>,
    /// The name that the progress is kept under [default: made of the repository and the branch]
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: Option<String>,
    /// Where the copy of the repository is kept [default: the user's cache]
    #[arg(long, value_name = "DIR", env = "TIDEGATE_STATE_DIR")]
    state_dir: Option<PathBuf>,
}

impl Sync {
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let name = self.name();
        let source = self.source(global, &name)?;
        let teller = Teller::new(global);
        let tick = global.tick_ms.unwrap_or(pace::TICK);
        // The region may stand in the files, so they are read before anything is asked of AWS.
        let first = self.first(&source, global).await;
        let services = match first {
            Ok(services) => Some(services),
            Err(failure) if self.watch => {
                teller.note(now(), &failure.in_one_line());
                None
            }
            Err(failure) => return Err(failure),
        };
        let client = connect(global, services.as_ref(), tick).await?;
        if self.dry_run {
            let Some(services) = services else { return Ok(Exit::Refused) };
            of_one_region(&services, &client)?;
            let memory = remembered(&client, &name).await?;
            return dry::run(global, &client, &services, &memory).await;
        }
        let store = self.lease(&client, &name, tick, &teller).await?;
        let memory = remembered(&client, &name).await?;
        let state = State::restored(usize::from(self.parallel), memory);
        let every = self.watch.then(|| Duration::from_millis(self.every.unsigned_abs()));
        let sync = Loop {
            global,
            source,
            only: &self.only,
            overridden: self.override_freeze.clone(),
            every,
            teller,
            client,
            store,
            state,
            tick,
        };
        Box::pin(sync.run()).await
    }

    async fn first(&self, source: &Source, global: &Global) -> Result<Services, Failure> {
        let commit = source.head(None).await?;
        Services::of(source.read(commit).await?, &self.only, global)
    }

    /// Takes the lease; a watch waits for it.
    async fn lease(
        &self,
        client: &Client,
        name: &str,
        tick: Millis,
        teller: &Teller,
    ) -> Result<Store, Failure> {
        let mut told = false;
        loop {
            match Store::take(client, name, tick).await {
                Ok(store) => return Ok(store),
                Err(error @ StoreError::Held { .. }) if self.watch => {
                    if !told {
                        teller.note(now(), &format!("{error}; waiting for it"));
                        told = true;
                    }
                    let ended = crate::local::ended_by_signal();
                    tokio::select! {
                        () = tokio::time::sleep(Duration::from_millis(tick.unsigned_abs())) => {}
                        () = ended => return Err(Failure::new(Exit::Interrupted, "interrupted; nothing was begun")),
                    }
                }
                Err(error) => return Err(failed_to_keep(&error)),
            }
        }
    }

    fn source(&self, global: &Global, name: &str) -> Result<Source, Failure> {
        let given: Vec<&str> = self.paths.iter().map(String::as_str).collect();
        if let Some(repo) = &self.repo {
            let paths = if given.is_empty() { vec![EVERY_FILE] } else { given };
            let patterns = paths.into_iter().map(pattern).collect::<Result<_, _>>()?;
            // A look beside a watch must not meet it in its copy.
            let kind = if self.dry_run { "look.git" } else { "git" };
            let copy = self.state_folder()?.join(format!("{name}.{kind}"));
            let repository = git::Repository::at(repo, &self.branch, &copy).map_err(SourceError::from)?;
            return Ok(Source::Branch(repository, patterns));
        }
        if !given.is_empty() {
            let files = given.into_iter().map(pattern).collect::<Result<_, _>>()?;
            return Ok(Source::WorkTree { root: PathBuf::from("."), files });
        }
        let file = global.config.clone().unwrap_or_else(|| PathBuf::from("tidegate.yml"));
        let root = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let exact = glob::Pattern::new(&glob::Pattern::escape(name))
            .map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
        Ok(Source::WorkTree { root: root.to_owned(), files: vec![exact] })
    }

    /// The name that the progress is kept under.
    fn name(&self) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        match &self.repo {
            Some(repo) => {
                let last = repo.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
                safe(&format!("{}-{}", last.trim_end_matches(".git"), self.branch))
            }
            None => "work-tree".to_owned(),
        }
    }

    fn state_folder(&self) -> Result<PathBuf, Failure> {
        if let Some(folder) = &self.state_dir {
            return Ok(folder.clone());
        }
        let variable =
            |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let cache = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
        cache.map(|cache| cache.join("tidegate").join("sync")).ok_or_else(|| {
            Failure::new(Exit::Usage, "there is no folder for the copy of the repository: HOME is not set")
                .with_help(Some("name one with --state-dir".into()))
        })
    }
}

async fn connect(global: &Global, services: Option<&Services>, tick: Millis) -> Result<Client, Failure> {
    let of_files = services.and_then(|it| it.services.values().find_map(|one| one.config.region.clone()));
    let options = ConnectOptions {
        region: global.region.clone().or(of_files),
        profile: global.profile.clone(),
        // On a local cloud whose clock runs faster, so do its rate limits.
        pacer: Some(Arc::new(Pacer::at_speed(pace::TICK as f64 / tick as f64))),
        ..ConnectOptions::default()
    };
    Ok(Client::connect(options).await?)
}

/// One sync is of one region: its rate limits, its lease and its parameters are there.
fn of_one_region(services: &Services, client: &Client) -> Result<(), Failure> {
    let elsewhere = services.services.iter().find_map(|(id, service)| {
        let region = service.config.region.as_ref().filter(|region| *region != client.region())?;
        Some(format!("{id} is in {region}, and this sync is of {}", client.region()))
    });
    match elsewhere {
        None => Ok(()),
        Some(what) => Err(Failure::new(Exit::Usage, what)
            .with_help(Some("run a sync for each region, each with its own --path and --region".into()))),
    }
}

/// What was kept of each service.
async fn remembered(client: &Client, name: &str) -> Result<BTreeMap<Id, Memory>, Failure> {
    let mut memory = BTreeMap::new();
    for (service, text) in kept(client, name).await? {
        let read: Memory = serde_json::from_str(&text).map_err(|error| {
            let name = format!("/tidegate/sync/{name}/services/{service}");
            failed_to_keep(&StoreError::Unreadable { name, detail: error.to_string() })
        })?;
        let id = Id::parse(&service);
        if !read.is_empty() {
            memory.insert(id, read);
        }
    }
    Ok(memory)
}

/// Why something that should not be done is done.
pub fn reason(given: &str) -> Result<String, String> {
    let given = given.trim();
    if given.is_empty() { Err("say why".into()) } else { Ok(given.to_owned()) }
}

fn name(given: &str) -> Result<String, String> {
    if !given.is_empty() && given == safe(given) && given.len() <= 200 {
        return Ok(given.to_owned());
    }
    Err("letters, digits, hyphens, underscores and dots; 200 at most".into())
}

/// In the letters that a parameter's name may have.
fn safe(text: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    text.chars().map(letter).take(200).collect()
}
