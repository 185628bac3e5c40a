//! The sections for the local cloud and for rehearsals. Parsed here, acted on elsewhere. Start with
//! [`LocalConfig`].

use super::error::{ConfigError, Source};
use super::section::{Section, text};
use super::yaml::{Data, Node};

/// `local:`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalConfig {
    /// Which image runs as which process, in the order of the file.
    pub images: Vec<LocalImage>,
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
    let section = Section::of(source, node, "local", &["images"])?;
    let Some(images) = section.node("images") else {
        return Ok(LocalConfig::default());
    };
    let Data::Mapping(entries) = &images.data else {
        return Err(ConfigError::at(
            source,
            images.place,
            "local.images must be a mapping of images to commands",
        ));
    };
    let images =
        entries.iter().map(|(key, node)| image(source, &key.name, node)).collect::<Result<_, _>>()?;
    Ok(LocalConfig { images })
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
    let command = section.node("command").ok_or_else(missing)?;
    let command = match &command.data {
        Data::List(words) if !words.is_empty() => {
            words.iter().map(|word| text(source, word, "each word of command")).collect::<Result<_, _>>()?
        }
        _ => {
            return Err(ConfigError::at(
                source,
                command.place,
                "command must be a list: the program and its arguments",
            ));
        }
    };
    Ok(LocalImage { pattern: pattern.to_owned(), command, environment: section.texts("environment")? })
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
