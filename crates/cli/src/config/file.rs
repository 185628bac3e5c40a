//! The keys of `tidegate.yml`. Start with [`Config`].

use super::check::{CheckConfig, check};
use super::error::{ConfigError, Place, Source};
use super::local::{LocalConfig, RehearseConfig, local, rehearse};
use super::section::Section;
use super::sync::{SyncConfig, freeze, sync};
use super::yaml::{Data, Node};
use super::{document, gates, lookup, strategy, yaml};
use serde_json::Value;
use std::path::Path;
use tidegate_aws::deploy::Tags;
use tidegate_gitops::freeze::Window;
use tidegate_rollout::Strategy;
use tidegate_rollout::gate::{Gate, misplaced};
use tidegate_rollout::names::{ClusterName, NameError, ServiceName};
use tidegate_rollout::strategy::Wish;
use tidegate_rollout::task_definition::images::ImageChange;
use tidegate_rollout::update::BreakerPolicy;

/// Every key that the file may have at the top.
const KEYS: &[&str] = &[
    "cluster",
    "service",
    "region",
    "taskDefinition",
    "images",
    "strategy",
    "controller",
    "timeout",
    "circuitBreaker",
    "resolveDigests",
    "blueGreen",
    "linear",
    "canary",
    "codeDeploy",
    "alb",
    "gates",
    "gatesTimeout",
    "check",
    "desiredCount",
    "dependsOn",
    "wave",
    "release",
    "freeze",
    "local",
    "rehearse",
];

/// Reads a file that the config names: its text, `None` if there is no such file, or why it cannot be read.
pub type Files<'a> = &'a dyn Fn(&Path) -> Result<Option<String>, String>;

/// The files of this machine.
pub fn on_disk(path: &Path) -> Result<Option<String>, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// How long gates may take to answer when nobody says: ten minutes.
const GATES_TIMEOUT: i64 = 10 * 60 * 1000;

/// What `tidegate.yml` says.
#[derive(Debug, Clone)]
pub struct Config {
    /// The cluster.
    pub cluster: Option<ClusterName>,
    /// The service.
    pub service: Option<ServiceName>,
    /// The AWS region.
    pub region: Option<String>,
    /// Where the task definition comes from.
    pub task_definition: TaskDefinitionConfig,
    /// Images by container, in the order of the file.
    pub images: Vec<(String, String)>,
    /// How the service moves, and who moves it.
    pub strategy: Strategy,
    /// What the file says of it, for the flag `--strategy`.
    pub wish: Wish,
    /// What must hold for a step to pass.
    pub gates: Vec<Gate>,
    /// How long after a step's bake its gates may take to answer, in milliseconds.
    pub gates_timeout: i64,
    /// How long to wait for a verdict, in milliseconds.
    pub timeout_ms: Option<i64>,
    /// Whether to switch the circuit breaker on where it is off.
    pub breaker: BreakerPolicy,
    /// Whether ECR tags become digests.
    pub tags: Tags,
    /// What `check` lives with, and how often a rollback is to be tried.
    pub check: CheckConfig,
    /// How many tasks, where the file and not autoscaling says so.
    pub desired_count: Option<u32>,
    /// The service's place among those that are synced together.
    pub sync: SyncConfig,
    /// When nothing new may begin.
    pub freeze: Vec<Window>,
    /// How the local cloud runs images as processes.
    pub local: LocalConfig,
    /// How rehearsals are driven.
    pub rehearse: RehearseConfig,
}

/// How much of the file a command needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading<'a> {
    /// All of it.
    Everything,
    /// All but the images that flags give in their place: a variable for one of those need not be set.
    ImagesGiven(&'a [ImageChange]),
    /// Not what is to be deployed: images and the task definition stay unread.
    TargetOnly,
}

/// Where the task definition comes from.
#[derive(Debug, Clone, Default)]
pub enum TaskDefinitionConfig {
    /// The one that the service runs now.
    #[default]
    Running,
    /// A document in AWS's camelCase JSON.
    Document(Value),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cluster: None,
            service: None,
            region: None,
            task_definition: TaskDefinitionConfig::Running,
            images: Vec::new(),
            strategy: Strategy::Rolling,
            wish: Wish::default(),
            gates: Vec::new(),
            gates_timeout: GATES_TIMEOUT,
            timeout_ms: None,
            breaker: BreakerPolicy::EnsureOn,
            tags: Tags::Resolve,
            check: CheckConfig::default(),
            desired_count: None,
            sync: SyncConfig::default(),
            freeze: Vec::new(),
            local: LocalConfig::default(),
            rehearse: RehearseConfig::default(),
        }
    }
}

impl Config {
    /// Reads and checks a file.
    pub fn read(path: &Path, reading: Reading<'_>) -> Result<Self, ConfigError> {
        Self::read_with(path, reading, &|name| std::env::var(name).ok())
    }

    /// The same where `variable` answers `${env:…}` of the file itself.
    pub fn read_with(
        path: &Path,
        reading: Reading<'_>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigError::without_place(format!("cannot read the config file {}: {error}", path.display()))
        })?;
        let source = Source { name: path.display().to_string(), text };
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        Self::parse(&source, folder, reading, variable)
    }

    /// Checks a text. Relative paths in it start at `folder`; `variable` answers `${env:…}`.
    pub fn parse(
        source: &Source,
        folder: &Path,
        reading: Reading<'_>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let mut root = yaml::parse(source)?;
        several(source, &mut root, reading)?;
        match reading {
            Reading::Everything => {}
            Reading::ImagesGiven(given) => forget_given(&mut root, given),
            Reading::TargetOnly => root.forget(&["images", "taskDefinition"]),
        }
        lookup::resolve(source, &mut root, variable)?;
        Self::of_node(source, &root, folder, reading, variable, &on_disk)
    }

    /// Checks one service's mapping, whose look-ups are resolved; `files` answers what it names.
    pub fn of_node(
        source: &Source,
        root: &Node,
        folder: &Path,
        reading: Reading<'_>,
        variable: &dyn Fn(&str) -> Option<String>,
        files: Files<'_>,
    ) -> Result<Self, ConfigError> {
        let section = Section::of(source, root, "tidegate.yml", KEYS)?;
        let wish = strategy::wish(source, &section)?;
        let chosen = Strategy::choose(&wish).map_err(|error| {
            let node = section.node("strategy").or(section.node("controller")).unwrap_or(root);
            ConfigError::at(source, node.place, error.to_string())
        })?;
        let gates =
            section.node("gates").map_or_else(|| Ok(Vec::new()), |node| gates::gates(source, node))?;
        let gates = fitting(source, gates, &chosen)?;
        let name_at = |key: &str, error: NameError| {
            let node = section.node(key).unwrap_or(root);
            ConfigError::at(source, node.place, error.to_string())
        };
        let timeout_ms = section.time("timeout")?;
        Ok(Self {
            cluster: section
                .text("cluster")?
                .map(|name| ClusterName::parse(&name))
                .transpose()
                .map_err(|e| name_at("cluster", e))?,
            service: section
                .text("service")?
                .map(|name| ServiceName::parse(&name))
                .transpose()
                .map_err(|e| name_at("service", e))?,
            region: section.text("region")?,
            task_definition: section
                .node("taskDefinition")
                .filter(|_| reading != Reading::TargetOnly)
                .map_or(Ok(TaskDefinitionConfig::Running), |node| {
                    task_definition(source, node, folder, variable, files)
                })?,
            images: section.texts("images")?,
            wish,
            gates,
            gates_timeout: section.time("gatesTimeout")?.unwrap_or(GATES_TIMEOUT),
            timeout_ms,
            breaker: breaker(source, &section)?,
            tags: if section.truth("resolveDigests")?.unwrap_or(true) { Tags::Resolve } else { Tags::Keep },
            check: section
                .node("check")
                .map_or_else(|| Ok(CheckConfig::default()), |node| check(source, node))?,
            desired_count: desired_count(source, &section, &chosen)?,
            sync: sync(source, &section)?,
            freeze: freeze(source, &section)?,
            strategy: chosen,
            local: section
                .node("local")
                .map_or_else(|| Ok(LocalConfig::default()), |node| local(source, node))?,
            rehearse: section
                .node("rehearse")
                .map_or_else(|| Ok(RehearseConfig::default()), |node| rehearse(source, node))?,
        })
    }
}

/// Leaves out the images of containers that flags give another image for.
fn forget_given(root: &mut Node, given: &[ImageChange]) {
    let Data::Mapping(entries) = &mut root.data else { return };
    let images = entries.iter_mut().find(|(key, _)| key.name == "images");
    let Some((_, Node { data: Data::Mapping(images), .. })) = images else { return };
    let is_only = images.len() == 1;
    images.retain(|(key, _)| {
        !given.iter().any(|change| match change {
            ImageChange::Of { container, .. } => *container == key.name,
            ImageChange::OfTheOnlyOne { .. } => is_only,
        })
    });
}

/// The gates, if each is asked at a step that the strategy has.
fn fitting(
    source: &Source,
    gates: Vec<(Gate, Place)>,
    strategy: &Strategy,
) -> Result<Vec<Gate>, ConfigError> {
    let (gates, places): (Vec<Gate>, Vec<Place>) = gates.into_iter().unzip();
    let Some(traffic) = strategy.traffic() else {
        let misfit = gates.iter().zip(&places).find(|(gate, _)| !gate.watches_a_rolling_deployment());
        return match misfit {
            None => Ok(gates),
            Some((gate, place)) => Err(ConfigError::at(
                source,
                *place,
                format!("strategy rolling has no step at which gate `{}` could hold", gate.name),
            )
            .with_help("a rolling deployment is watched by alarms, all the time; for other gates write strategy: blue_green, linear or canary")),
        };
    };
    let Some((gate, weight)) = misplaced(&gates, strategy) else { return Ok(gates) };
    let place = gates.iter().position(|other| other.name == gate.name).and_then(|index| places.get(index));
    let steps: Vec<String> = traffic.shifts().iter().map(|shift| shift.weight.to_string()).collect();
    Err(ConfigError::at(
        source,
        place.copied().unwrap_or_default(),
        format!("gate `{}` is asked at {weight}, and {strategy} has no such step", gate.name),
    )
    .with_help(format!("its steps are {}; 0 is the test traffic before the first", steps.join(", "))))
}

/// A mapping is the document itself, a text the path of its file.
fn task_definition(
    source: &Source,
    node: &Node,
    folder: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
    files: Files<'_>,
) -> Result<TaskDefinitionConfig, ConfigError> {
    match &node.data {
        Data::Mapping(_) => document::checked(source, node).map(TaskDefinitionConfig::Document),
        Data::Scalar(Value::String(path)) => {
            let path = folder.join(path);
            let wrong = |what: String| ConfigError::at(source, node.place, what);
            let text = files(&path)
                .map_err(|reason| wrong(format!("cannot read {}: {reason}", path.display())))?
                .ok_or_else(|| {
                    wrong(format!("there is no file {}", path.display()))
                        .with_help("leave taskDefinition out to take the one that the service runs now")
                })?;
            let named = Source { name: path.display().to_string(), text };
            document::parse(&named, variable).map(TaskDefinitionConfig::Document)
        }
        _ => Err(ConfigError::at(
            source,
            node.place,
            format!(
                "taskDefinition must be the path of a file or the document itself, and this is {}",
                node.kind()
            ),
        )),
    }
}

/// A file of several services is for `sync`; where only the rest of it matters, they are not looked at.
fn several(source: &Source, root: &mut Node, reading: Reading<'_>) -> Result<(), ConfigError> {
    let Data::Mapping(entries) = &root.data else { return Ok(()) };
    let Some((key, _)) = entries.iter().find(|(key, _)| key.name == "services") else { return Ok(()) };
    if reading == Reading::Everything {
        return Err(ConfigError::at(source, key.place, "this file describes several services")
            .with_help("`tidegate sync` deploys them; --only SERVICE one of them"));
    }
    root.forget(&["services"]);
    Ok(())
}

/// `desiredCount: 3`.
fn desired_count(
    source: &Source,
    section: &Section<'_>,
    strategy: &Strategy,
) -> Result<Option<u32>, ConfigError> {
    let count = section.count("desiredCount")?;
    match section.key_place("desiredCount").filter(|_| count.is_some()) {
        Some(place) if matches!(strategy, Strategy::Alb(..)) => {
            let what =
                "desiredCount and controller `alb` do not go together: the candidate gets stable's count";
            Err(ConfigError::at(source, place, what).with_help("take it out; the service's own count stays"))
        }
        _ => Ok(count),
    }
}

/// `circuitBreaker: on | leave`.
fn breaker(source: &Source, section: &Section<'_>) -> Result<BreakerPolicy, ConfigError> {
    let Some(node) = section.node("circuitBreaker") else {
        return Ok(BreakerPolicy::EnsureOn);
    };
    match &node.data {
        Data::Scalar(Value::String(word)) if word == "on" => Ok(BreakerPolicy::EnsureOn),
        Data::Scalar(Value::Bool(true)) => Ok(BreakerPolicy::EnsureOn),
        Data::Scalar(Value::String(word)) if word == "leave" => Ok(BreakerPolicy::LeaveAsIs),
        _ => Err(ConfigError::at(
            source,
            node.place,
            "circuitBreaker must be `on` (switched on where it is off) or `leave` (the service's own setting stays)",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_report::Style;

    fn parsed(text: &str) -> Result<Config, ConfigError> {
        let source = Source { name: "tidegate.yml".into(), text: text.into() };
        Config::parse(&source, Path::new("/nowhere"), Reading::Everything, &|name| {
            (name == "TAG").then(|| "v2".to_owned())
        })
    }

    fn complaint(text: &str) -> String {
        parsed(text).expect_err("a mistake").rendered(Style::Plain)
    }

    #[test]
    fn nesting_without_end_is_refused_by_name() {
        for text in
            ["- ".repeat(100_000), format!("local: {}", "[".repeat(64)), "a: ".repeat(2) + &"- ".repeat(70)]
        {
            let told = complaint(&text);
            assert!(
                told.contains("nested more than 64 levels deep") || told.contains("is not YAML"),
                "{told:.300}"
            );
        }
    }

    #[test]
    fn no_text_ends_the_program() {
        let signs = [
            "- ",
            "? ",
            ": ",
            "a",
            "\n",
            "\n  ",
            "[",
            "]",
            "{",
            "}",
            ", ",
            "&a ",
            "*a",
            "!t ",
            "|",
            ">",
            "'",
            "\"",
            "#",
            "---\n",
            "${env:TAG}",
            "${",
            "cluster: ",
            "service: ",
            "images: ",
            "strategy: ",
            "canary",
            "steps: ",
            "gates: ",
            "taskDefinition: ",
            "local: ",
            "10%",
            "5m",
            "é",
            "\t",
            "\0",
            "1e999",
            "~",
            "rehearse: ",
            "timeout: ",
        ];
        let cases =
            std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2_000);
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..cases {
            let text: String = (0..rng.usize(..40)).filter_map(|_| rng.choice(signs)).collect();
            let _ = parsed(&text).map_err(|error| error.rendered(Style::Plain));
        }
    }

    #[test]
    fn a_whole_file_is_read() {
        let config = parsed(
            "cluster: prod\nservice: web\nregion: eu-west-1\nstrategy: rolling\ncontroller: ecs\ntimeout: 15m\ncircuitBreaker: leave\nresolveDigests: false\n\
             images:\n  web: registry/web:${env:TAG}\n\
             taskDefinition:\n  family: web\n  cpu: 256\n  containerDefinitions:\n    - name: web\n      image: web:1\n\
             local:\n  images:\n    \"hello:*\": { command: [\"./hello\", 8080], environment: {K: 1} }\n\
             \u{20} functions:\n    \"check-*\": { command: [./check, -v], environment: {K: 1} }\n    smoke: { url: \"http://127.0.0.1:9000/\" }\n\
             rehearse: { rps: 200 }\n",
        )
        .expect("no mistake");
        assert_eq!(config.images, [("web".to_owned(), "registry/web:v2".to_owned())]);
        assert_eq!(
            (config.timeout_ms, config.breaker, config.tags),
            (Some(900_000), BreakerPolicy::LeaveAsIs, Tags::Keep)
        );
        assert!(
            matches!(&config.task_definition, TaskDefinitionConfig::Document(document) if document["cpu"] == 256)
        );
        assert_eq!(config.local.images[0].command, ["./hello", "8080"]);
        assert_eq!(config.local.images[0].environment, [("K".to_owned(), "1".to_owned())]);
        let functions: Vec<String> = config.local.functions.iter().map(|it| format!("{it:?}")).collect();
        insta::assert_snapshot!(functions.join("\n"));
        assert_eq!(config.rehearse.rps, Some(200));
    }

    #[test]
    fn a_command_that_only_looks_does_not_need_the_variables_of_the_next_image() {
        let source = Source {
            name: "tidegate.yml".into(),
            text: "cluster: prod\nimages: { web: \"web:${env:NOPE}\" }\n".into(),
        };
        let config =
            Config::parse(&source, Path::new("."), Reading::TargetOnly, &|_| None).expect("not looked at");
        assert_eq!(config.images, []);
    }

    #[test]
    fn an_image_that_a_flag_gives_needs_no_variable_and_another_one_still_does() {
        let read = |images: &str, given: &[ImageChange]| {
            let text = format!("cluster: prod\nimages: {images}\n");
            let source = Source { name: "tidegate.yml".into(), text };
            Config::parse(&source, Path::new("."), Reading::ImagesGiven(given), &|_| None)
                .map(|config| config.images)
        };
        let web = ImageChange::Of { container: "web".into(), image: "web:2".into() };
        let only = ImageChange::OfTheOnlyOne { image: "web:2".into() };
        let (one, two) = ("{ web: \"${env:NOPE}\" }", "{ web: \"${env:NOPE}\", proxy: proxy:1 }");
        assert!(read(one, &[]).is_err());
        assert_eq!(read(one, std::slice::from_ref(&web)).ok(), Some(Vec::new()));
        assert_eq!(read(one, std::slice::from_ref(&only)).ok(), Some(Vec::new()));
        assert_eq!(read(two, &[web]).ok(), Some(vec![("proxy".to_owned(), "proxy:1".to_owned())]));
        assert!(read(two, &[only]).is_err());
    }

    #[test]
    fn an_empty_file_means_the_defaults() {
        assert!(matches!(parsed("").map(|c| c.task_definition), Ok(TaskDefinitionConfig::Running)));
    }

    #[test]
    fn an_unknown_key_is_answered_with_the_nearest_one() {
        insta::assert_snapshot!(complaint("cluster: prod\nservise: web\n"));
    }

    #[test]
    fn a_key_like_no_other_is_answered_with_all_of_them() {
        insta::assert_snapshot!(complaint("zzz: 1\n"));
    }

    #[test]
    fn a_pair_that_does_not_exist_names_those_that_do() {
        insta::assert_snapshot!(complaint("strategy: rolling\ncontroller: alb\n"));
    }

    #[test]
    fn broken_yaml_is_pointed_at() {
        insta::assert_snapshot!(complaint("cluster: prod\nservice: [web\nregion: x\n"));
    }

    #[test]
    fn the_same_key_twice_is_a_mistake() {
        insta::assert_snapshot!(complaint("cluster: prod\ncluster: dev\n"));
    }

    #[test]
    fn an_unset_variable_is_pointed_at_also_after_wide_characters() {
        insta::assert_snapshot!(complaint("# größer ✓\nimages:\n  web: web:${env:NOPE}\n"));
    }

    #[test]
    fn what_comes_later_says_so() {
        insta::assert_snapshot!(complaint("region: ${ssm:/a}\n"));
    }

    #[test]
    fn every_kind_of_gate_is_read() {
        let config = parsed(
            "strategy: canary\ncanary: { percent: 10, stepBake: 5m, bake: 0 }\ngatesTimeout: 3m\ngates:\n\
             \x20 - alarm: web-5xx\n\
             \x20 - metric: { namespace: Web, metric: Queue, dimensions: {A: b}, statistic: p99, period: 1m, atMost: 7, noData: pass }\n\
             \x20 - http: https://example.com/health\n\
             \x20   name: outside\n\
             \x20   at: 100\n\
             \x20 - http: { url: \"http://x\", expects: [200-204, 404], timeout: 2s, failures: 1 }\n\
             \x20 - command: [./smoke, --fast]\n\
             \x20   timeout: 1m\n\
             \x20 - approval: Do the pages look right?\n\
             \x20   at: [0, 10%]\n\
             \x20 - errors: { tolerance: 0.5, certainty: 99.9%, tooLittle: fail }\n\
             \x20 - latency:\n",
        )
        .expect("no mistake");
        assert_eq!(config.gates_timeout, 180_000);
        insta::assert_snapshot!(format!("{:#?}\n{:#?}", config.strategy, config.gates));
    }

    #[test]
    fn sections_make_the_strategy() {
        let steps = |text: &str| {
            let config = parsed(text).expect("no mistake");
            let shifts = config.strategy.traffic().expect("it shifts").shifts();
            shifts.iter().map(|shift| (shift.weight.as_f64(), shift.bake / 1000)).collect::<Vec<_>>()
        };
        assert_eq!(steps("strategy: blue_green\nblueGreen: {bake: 10m}\n"), [(100.0, 600)]);
        assert_eq!(
            steps("strategy: linear\nlinear: {step: 50, stepBake: 2m, bake: 1m}\n"),
            [(50.0, 120), (100.0, 60)]
        );
        assert_eq!(
            steps(
                "strategy: canary\ncontroller: alb\nalb: {candidate: web-canary}\ncanary: {steps: [10, {weight: 25%, bake: 90s}, 100], stepBake: 30s, bake: 1m}\n"
            ),
            [(10.0, 30), (25.0, 90), (100.0, 60)]
        );
    }

    #[test]
    fn hooks_of_codedeploy_are_functions_by_lifecycle_event() {
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:smoke:live";
        let config = parsed(&format!(
            "strategy: blue_green\ncontroller: code_deploy\ncodeDeploy:\n  application: a\n  deploymentGroup: b\n\
             \u{20} hooks: {{ BeforeInstall: prepare, AfterAllowTestTraffic: \"{arn}\" }}\n",
        ))
        .expect("no mistake");
        let Strategy::CodeDeploy(_, group) = config.strategy else { panic!("by CodeDeploy") };
        let hooks: Vec<(&str, &str)> =
            group.hooks.iter().map(|(event, it)| (event.as_str(), it.as_str())).collect();
        assert_eq!(hooks, [("AfterAllowTestTraffic", arn), ("BeforeInstall", "prepare")]);
    }

    #[test]
    fn a_rolling_deployment_is_watched_by_alarms() {
        let config =
            parsed("gates:\n  - alarm: api-5xx\n  - alarm: api-slow\n    name: slow\n").expect("no mistake");
        let names: Vec<&str> = config.gates.iter().map(|gate| gate.name.as_str()).collect();
        assert_eq!((config.strategy, names), (Strategy::Rolling, vec!["api-5xx", "slow"]));
    }

    #[test]
    fn each_mistake_about_strategies_and_gates_is_pointed_at() {
        let files = [
            "strategy: canary\nlinear: {step: 10}\n",
            "strategy: canary\nalb: {candidate: web-canary}\n",
            "canary: {percent: 10}\n",
            "strategy: canary\ncanary: {stepBaek: 5m}\n",
            "strategy: canary\ncanary: {steps: [10, 25]}\n",
            "strategy: canary\ncanary: {percent: 10, steps: [10]}\n",
            "strategy: linear\nlinear: {step: 250}\n",
            "strategy: blue_green\nblueGreen: {bake: soon}\n",
            "strategy: canary\ncontroller: alb\nalb: {rule: arn}\n",
            "strategy: canary\ncontroller: code_deploy\n",
            "strategy: canary\ncontroller: code_deploy\ncodeDeploy:\n  application: a\n  deploymentGroup: b\n  hooks:\n    BeforeAllowTrafic: smoke\n",
            "strategy: canary\ncontroller: code_deploy\ncodeDeploy: {application: a, deploymentGroup: b, hooks: [smoke]}\n",
            "strategy: canary\ncontroller: code_deploy\ncodeDeploy: {application: a, deploymentGroup: b, hooks: {AfterInstall: ./smoke.sh}}\n",
            "strategy: canary\ncontroller: code_deploy\ncodeDeploy: {application: a, deploymentGroup: b, hook: {}}\n",
            "gates:\n  - alarm: x\n  - errors: {}\n",
            "gates:\n  - alarm: x\n    at: 50\n",
            "strategy: blue_green\ngates: {alarm: x}\n",
            "strategy: blue_green\ngates:\n  - alrm: x\n",
            "strategy: blue_green\ngates:\n  - name: x\n",
            "strategy: blue_green\ngates:\n  - alarm: x\n    errors: {}\n",
            "strategy: blue_green\ngates:\n  - alarm: x\n  - alarm: x\n",
            "strategy: canary\ngates:\n  - alarm: x\n  - alarm: y\n    at: 25\n",
            "strategy: blue_green\ngates:\n  - errors: {certainty: 100}\n",
            "strategy: blue_green\ngates:\n  - errors: {tooLittle: maybe}\n",
            "strategy: blue_green\ngates:\n  - latency: {percentile: 5}\n",
            "strategy: blue_green\ngates:\n  - http: example.com\n",
            "strategy: blue_green\ngates:\n  - http: {url: \"http://x\", expects: fine}\n",
            "strategy: blue_green\ngates:\n  - command: ./smoke\n",
            "strategy: blue_green\ngates:\n  - alarm: x\n    timeout: 5s\n",
            "strategy: blue_green\ngates:\n  - metric: {namespace: a, metric: b, statistic: Sum}\n",
            "strategy: blue_green\ngates:\n  - metric: {namespace: a, metric: b, statistic: Sum, below: 1, period: 45s}\n",
        ];
        insta::assert_snapshot!(files.map(complaint).join("\n"));
    }

    #[test]
    fn a_function_is_a_command_or_an_address_and_nothing_else() {
        let function = |entry: &str| complaint(&format!("local:\n  functions:\n    check: {entry}\n"));
        insta::assert_snapshot!(
            [
                complaint("local:\n  functions: [check]\n"),
                function("./check"),
                function("{}"),
                function("{ command: [./check], url: \"http://127.0.0.1:9000/\" }"),
                function("{ command: ./check }"),
                function("{ commando: [./check] }"),
                function("{ url: \"https://127.0.0.1:9000/\" }"),
                function("{ url: \"http://127.0.0.1:9000/\", environment: { K: v } }"),
            ]
            .join("\n")
        );
    }

    #[test]
    fn a_document_without_containers_is_no_task_definition() {
        insta::assert_snapshot!(complaint("taskDefinition:\n  family: web\n"));
    }
}
