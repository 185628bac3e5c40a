//! The sections for the local cloud and for rehearsals. Parsed here, acted on elsewhere. Start with
//! [`LocalConfig`].

use super::error::{ConfigError, Source};
use super::section::{Section, text};
use super::yaml::{Data, Node};
use http::Uri;

/// `local:`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalConfig {
    /// Which image runs as which process, in the order of the file.
    pub images: Vec<LocalImage>,
    /// What stands for which Lambda function, in the order of the file.
    pub functions: Vec<LocalFunction>,
}

/// One entry of `local.functions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFunction {
    /// The function's name or ARN, with `*` for any number of characters, such as `check-*`.
    pub pattern: String,
    /// What stands for it.
    pub target: FunctionTarget,
}

/// What stands for a Lambda function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FunctionTarget {
    /// A program, run for each invocation.
    Command {
        /// The program and its arguments, relative to the config file's folder.
        command: Vec<String>,
        /// Variables that it gets besides.
        environment: Vec<(String, String)>,
    },
    /// An address that payloads are posted to.
    Url(Uri),
}

/// One entry of `local.images`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalImage {
    /// The image, with `*` for any number of characters, such as `hello:*`.
    pub pattern: String,
    /// The program and its arguments, relative to the config file's folder.
    pub command: Vec<String>,
    /// Variables added to those of the task definition.
    pub environment: Vec<(String, String)>,
}

/// `rehearse:`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RehearseConfig {
    /// Requests a second.
    pub rps: Option<u32>,
}

/// Reads `local:`.
pub fn local(source: &Source, node: &Node) -> Result<LocalConfig, ConfigError> {
    let section = Section::of(source, node, "local", &["images", "functions"])?;
    let images = match section.node("images") {
        None => Vec::new(),
        Some(images) => each(source, images, "local.images must be a mapping of images to commands", image)?,
    };
    let functions = match section.node("functions") {
        None => Vec::new(),
        Some(functions) => {
            let wanted = "local.functions must be a mapping of Lambda functions to commands or addresses";
            each(source, functions, wanted, function)?
        }
    };
    Ok(LocalConfig { images, functions })
}

/// Reads each entry of a mapping, in the order of the file.
fn each<T>(
    source: &Source,
    node: &Node,
    wanted: &str,
    read: impl Fn(&Source, &str, &Node) -> Result<T, ConfigError>,
) -> Result<Vec<T>, ConfigError> {
    let Data::Mapping(entries) = &node.data else {
        return Err(ConfigError::at(source, node.place, wanted));
    };
    entries.iter().map(|(key, node)| read(source, &key.name, node)).collect()
}

fn image(source: &Source, pattern: &str, node: &Node) -> Result<LocalImage, ConfigError> {
    let section = Section::of(source, node, "an image of local.images", &["command", "environment"])?;
    let missing = || {
        ConfigError::at(
            source,
            node.place,
            format!("`{pattern}` needs a command, such as command: [\"./hello\"]"),
        )
    };
    let command = command(source, section.node("command").ok_or_else(missing)?)?;
    Ok(LocalImage { pattern: pattern.to_owned(), command, environment: section.texts("environment")? })
}

fn function(source: &Source, pattern: &str, node: &Node) -> Result<LocalFunction, ConfigError> {
    let known = &["command", "environment", "url"];
    let section = Section::of(source, node, "a function of local.functions", known)?;
    let target = match (section.node("command"), section.node("url")) {
        (Some(given), None) => FunctionTarget::Command {
            command: command(source, given)?,
            environment: section.texts("environment")?,
        },
        (None, Some(given)) => {
            if let Some(place) = section.node("environment").and(section.key_place("environment")) {
                return Err(ConfigError::at(source, place, "environment is for a command, not for a url"));
            }
            FunctionTarget::Url(url(source, given)?)
        }
        (given, _) => {
            let what = if given.is_some() { "a command or a url, not both" } else { "a command or a url" };
            return Err(ConfigError::at(source, node.place, format!("`{pattern}` needs {what}")).with_help(
                "{ command: [\"./check\"] } is run for each invocation; { url: \"http://127.0.0.1:9000/\" } is posted to",
            ));
        }
    };
    Ok(LocalFunction { pattern: pattern.to_owned(), target })
}

fn command(source: &Source, node: &Node) -> Result<Vec<String>, ConfigError> {
    match &node.data {
        Data::List(words) if !words.is_empty() => {
            words.iter().map(|word| text(source, word, "each word of command")).collect()
        }
        _ => {
            Err(ConfigError::at(source, node.place, "command must be a list: the program and its arguments"))
        }
    }
}

fn url(source: &Source, node: &Node) -> Result<Uri, ConfigError> {
    let given = text(source, node, "url")?;
    let parsed: Option<Uri> = given.parse().ok();
    parsed.filter(|uri| uri.scheme_str() == Some("http") && uri.host().is_some()).ok_or_else(|| {
        ConfigError::at(source, node.place, format!("`{given}` is no address of a function"))
            .with_help("it is posted to without TLS, such as http://127.0.0.1:9000/")
    })
}

/// Reads `rehearse:`.
pub fn rehearse(source: &Source, node: &Node) -> Result<RehearseConfig, ConfigError> {
    let section = Section::of(source, node, "rehearse", &["rps", "faults"])?;
    if let Some(place) = section.node("faults").and(section.key_place("faults")) {
        return Err(ConfigError::at(source, place, "rehearse.faults is not yet available")
            .with_help("name the fault on the command line: tidegate rehearse --fault …"));
    }
    Ok(RehearseConfig { rps: section.count("rps")? })
}
