//! The keys of `tidegate.yml` that `tidegate sync` reads, and files that describe several services. It must never read
//! a file itself: which commit's files they are is the caller's to know. Start with [`entries`].

use super::error::{ConfigError, Place, Source};
use super::file::{Config, Files, Reading};
use super::section::{Section, text};
use super::yaml::{Data, Key, Node};
use super::{lookup, yaml};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tidegate_gitops::freeze::Window;

/// What a file with several services may say at the top: what all of them share, and what is not theirs.
const SHARED: &[&str] = &["services", "cluster", "region", "freeze", "timeout", "local", "rehearse"];
/// What each of the services has of the top unless it says it itself.
const INHERITED: &[&str] = &["cluster", "region", "freeze", "timeout"];
/// What says when and where a service is deployed, and not what it runs: no content that could be thrown back.
const NOT_CONTENT: &[&str] = &["dependsOn", "wave", "release", "freeze", "local", "rehearse", "timeout"];

/// A service's place among the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncConfig {
    /// `service`, or `cluster/service`.
    pub depends_on: Vec<String>,
    /// The lowest first.
    pub wave: u32,
    /// The release that it is part of.
    pub release: Option<String>,
}

/// One service that a file describes.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it says.
    pub config: Config,
    /// Everything that could be thrown back, the task definition's file included.
    pub content: Value,
}

/// The services that a file describes: itself, or the list `services`.
pub fn entries(
    source: &Source,
    folder: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
    files: Files<'_>,
) -> Result<Vec<Entry>, ConfigError> {
    split(source)?
        .into_iter()
        .map(|mut node| {
            lookup::resolve(source, &mut node, variable)?;
            let config = Config::of_node(source, &node, folder, Reading::Everything, variable, files)?;
            let missing =
                |what: &str| ConfigError::at(source, node.place, format!("this service has no `{what}`"));
            if config.service.is_none() {
                return Err(missing("service"));
            }
            if config.cluster.is_none() {
                return Err(missing("cluster"));
            }
            node.forget(NOT_CONTENT);
            let mut content = node.to_json();
            if let (Some(members), super::TaskDefinitionConfig::Document(document)) =
                (content.as_object_mut(), &config.task_definition)
            {
                members.insert("taskDefinition".into(), document.clone());
            }
            Ok(Entry { config, content })
        })
        .collect()
}

/// The files that the services of a file name, as paths from its folder; what cannot be read is left to [`entries`].
pub fn named_files(source: &Source, variable: &dyn Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let nodes = split(source).unwrap_or_default();
    nodes
        .into_iter()
        .filter_map(|node| {
            let Data::Mapping(entries) = node.data else { return None };
            let (_, mut named) = entries.into_iter().find(|(key, _)| key.name == "taskDefinition")?;
            lookup::resolve(source, &mut named, variable).ok()?;
            match named.data {
                Data::Scalar(Value::String(path)) => Some(PathBuf::from(path)),
                _ => None,
            }
        })
        .collect()
}

/// One mapping a service, with what it has of the top.
fn split(source: &Source) -> Result<Vec<Node>, ConfigError> {
    let root = yaml::parse(source)?;
    let Data::Mapping(top) = &root.data else {
        let what = format!("tidegate.yml must be a mapping, and this is {}", root.kind());
        return Err(ConfigError::at(source, root.place, what));
    };
    let Some((_, services)) = top.iter().find(|(key, _)| key.name == "services") else {
        return Ok(vec![root]);
    };
    if let Some((key, _)) = top.iter().find(|(key, _)| !SHARED.contains(&key.name.as_str())) {
        let what = format!("`{}` belongs to a service, and this file has a list of `services`", key.name);
        return Err(ConfigError::at(source, key.place, what).with_help(format!(
            "beside `services` stands what all of them share: {}",
            INHERITED.join(", ")
        )));
    }
    let Data::List(services) = &services.data else {
        let what = format!("services must be a list of services, and this is {}", services.kind());
        return Err(ConfigError::at(source, services.place, what));
    };
    services.iter().map(|service| with_shared(source, service, top)).collect()
}

fn with_shared(source: &Source, service: &Node, top: &[(Key, Node)]) -> Result<Node, ConfigError> {
    let Data::Mapping(own) = &service.data else {
        let what = format!("a service must be a mapping, and this is {}", service.kind());
        return Err(ConfigError::at(source, service.place, what));
    };
    let mut members = own.clone();
    for name in INHERITED {
        let is_named = own.iter().any(|(key, _)| key.name == *name);
        if let Some(shared) = top.iter().find(|(key, _)| key.name == *name).filter(|_| !is_named) {
            members.push(shared.clone());
        }
    }
    Ok(Node { place: service.place, data: Data::Mapping(members) })
}

/// `dependsOn`, `wave`, `release`.
pub fn sync(source: &Source, top: &Section<'_>) -> Result<SyncConfig, ConfigError> {
    let depends_on = match top.node("dependsOn") {
        None => Vec::new(),
        Some(Node { data: Data::List(items), .. }) => {
            items.iter().map(|item| text(source, item, "dependsOn")).collect::<Result<_, _>>()?
        }
        Some(node) => vec![text(source, node, "dependsOn")?],
    };
    let wave = match top.node("wave") {
        None => 0,
        Some(node) => match &node.data {
            Data::Scalar(Value::Number(number)) => number
                .as_u64()
                .and_then(|wave| u32::try_from(wave).ok())
                .ok_or_else(|| no_wave(source, node.place))?,
            _ => return Err(no_wave(source, node.place)),
        },
    };
    Ok(SyncConfig { depends_on, wave, release: top.text("release")? })
}

fn no_wave(source: &Source, place: Place) -> ConfigError {
    ConfigError::at(
        source,
        place,
        "wave must be a whole number from 0 on; waves go one after the other, the lowest first",
    )
}

/// `freeze: [{ cron: "0 18 * * FRI", for: 60h, timezone: Europe/Berlin, message: … }]`.
pub fn freeze(source: &Source, top: &Section<'_>) -> Result<Vec<Window>, ConfigError> {
    let Some(node) = top.node("freeze") else { return Ok(Vec::new()) };
    let Data::List(windows) = &node.data else {
        let what = format!("freeze must be a list of windows, and this is {}", node.kind());
        return Err(ConfigError::at(source, node.place, what));
    };
    windows
        .iter()
        .map(|node| {
            let window =
                Section::of(source, node, "a freeze window", &["cron", "for", "timezone", "message"])?;
            let cron = window.required("cron", "a freeze window", node.place)?;
            window.required("for", "a freeze window", node.place)?;
            let length = window.time("for")?.unwrap_or_default();
            let timezone = window.text("timezone")?.unwrap_or_else(|| "UTC".to_owned());
            let message = window.text("message")?.unwrap_or_else(|| "a freeze window is open".to_owned());
            Window::parse(&text(source, cron, "cron")?, &timezone, length, &message)
                .map_err(|error| ConfigError::at(source, node.place, error.to_string()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_report::Style;

    fn read(text: &str) -> Result<Vec<Entry>, String> {
        let source = Source { name: "tidegate.yml".into(), text: text.into() };
        let files = |path: &Path| {
            let is_there = path == Path::new("shop/web.json");
            Ok(is_there.then(|| r#"{"family": "web", "containerDefinitions": [{"name": "web", "image": "web:${env:TAG}"}]}"#.to_owned()))
        };
        let variable = |name: &str| (name == "TAG").then(|| "v2".to_owned());
        entries(&source, Path::new("shop"), &variable, &files).map_err(|error| error.rendered(Style::Plain))
    }

    const TWO: &str = "cluster: prod\nfreeze:\n  - { cron: \"0 18 * * FRI\", for: 60h, timezone: Europe/Berlin, message: no }\n\
        services:\n  - service: web\n    taskDefinition: web.json\n    dependsOn: [api]\n    release: shop\n  - service: api\n    cluster: other\n    wave: 0\n    strategy: canary\n    freeze: []\n";

    #[test]
    fn several_services_share_what_stands_beside_them() {
        let entries = read(TWO).expect("no mistake");
        let [web, api] = entries.as_slice() else { panic!("{entries:?}") };
        let cluster = |entry: &Entry| entry.config.cluster.as_ref().map(|name| name.short().to_owned());
        assert_eq!((cluster(web).as_deref(), cluster(api).as_deref()), (Some("prod"), Some("other")));
        assert_eq!((web.config.freeze.len(), api.config.freeze.len()), (1, 0));
        assert_eq!(
            web.config.sync,
            SyncConfig { depends_on: vec!["api".into()], wave: 0, release: Some("shop".into()) }
        );
        assert_eq!(web.content["taskDefinition"]["containerDefinitions"][0]["image"], "web:v2");
        assert_eq!(web.content.get("release"), None, "its place among the others is no content");
        assert_eq!(api.content["strategy"], "canary");
    }

    #[test]
    fn a_file_of_one_service_is_an_entry_and_names_its_files() {
        let text = "cluster: prod\nservice: web\ntaskDefinition: web.json\n";
        assert_eq!(read(text).expect("no mistake").len(), 1);
        let source = Source { name: "tidegate.yml".into(), text: TWO.into() };
        assert_eq!(named_files(&source, &|_| None), [PathBuf::from("web.json")]);
    }

    #[test]
    fn mistakes_are_pointed_at() {
        let said = |text: &str| read(text).map(|_| ()).expect_err("a mistake");
        let shared = said("images: {a: b}\nservices: []\n");
        assert!(
            shared.contains("`images` belongs to a service")
                && shared.contains("cluster, region, freeze, timeout")
        );
        assert!(said("services: [{cluster: a}]\n").contains("this service has no `service`"));
        assert!(said("services: [{service: a}]\n").contains("this service has no `cluster`"));
        assert!(said("services: [{service: a, cluster: b, wave: -1}]\n").contains("wave must be"));
        assert!(
            said("services: [{service: a, cluster: b, taskDefinition: no.json}]\n")
                .contains("there is no file shop/no.json")
        );
        assert!(
            said("cluster: a\nservice: b\nfreeze: [{cron: \"x\", for: 1h}]\n")
                .contains("is no cron expression")
        );
        assert!(
            said("cluster: a\nservice: b\nfreeze: [{cron: \"0 0 * * *\"}]\n")
                .contains("a freeze window needs `for`")
        );
        assert!(said("services: 1\n").contains("services must be a list"));
    }
}
