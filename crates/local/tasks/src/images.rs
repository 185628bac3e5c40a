//! Which command stands for which image in the process runtime.

use std::{collections::BTreeMap, path::PathBuf};

/// What stands for an image: the members of an image's own configuration, with Docker's rules between them.
///
/// As with a container, a definition's `entryPoint` replaces `entry_point` and drops `command`; its `command` replaces
/// `command` alone; its `environment` and `workingDirectory` win over those here. So a command that the definition may
/// replace belongs into `command`, one that must stay belongs into `entry_point`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageCommand {
    /// The program and its first arguments, kept when the definition gives a `command`: an image's ENTRYPOINT.
    pub entry_point: Vec<String>,
    /// The rest of the arguments, or the whole command line: an image's CMD.
    pub command: Vec<String>,
    /// An image's ENV.
    pub environment: Vec<(String, String)>,
    /// An image's WORKDIR; `None` is the folder that the local cloud was started in.
    pub working_directory: Option<PathBuf>,
}

/// Commands by image pattern.
///
/// A pattern is an image reference in which `*` stands for any text. It may leave out the registry's host and the tag:
/// `hello`, `hello:*`, `team/*:v1` and `123456789012.dkr.ecr.eu-west-1.amazonaws.com/hello:7` are patterns. Of those that
/// match, the one with the most literal characters wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageMap(BTreeMap<String, ImageCommand>);

impl ImageMap {
    /// A map with one more entry; a pattern that was there already is replaced.
    #[must_use]
    pub fn with(mut self, pattern: impl Into<String>, command: ImageCommand) -> Self {
        self.0.insert(pattern.into(), command);
        self
    }

    /// What stands for `image`.
    pub fn find(&self, image: &str) -> Option<&ImageCommand> {
        let reference = Reference::parse(image);
        self.0
            .iter()
            .filter(|(pattern, _)| reference.matches(pattern))
            .max_by_key(|(pattern, _)| pattern.chars().filter(|&c| c != '*').count())
            .map(|(_, command)| command)
    }

    /// The patterns, in alphabetical order.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl<P: Into<String>> FromIterator<(P, ImageCommand)> for ImageMap {
    fn from_iter<I: IntoIterator<Item = (P, ImageCommand)>>(entries: I) -> Self {
        Self(entries.into_iter().map(|(pattern, command)| (pattern.into(), command)).collect())
    }
}

/// An image reference in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reference<'a> {
    whole: &'a str,
    /// Without the registry's host, tag and digest.
    repository: &'a str,
    host: Option<&'a str>,
    /// The tag as written.
    pub(crate) tag: Option<&'a str>,
}

impl<'a> Reference<'a> {
    pub(crate) fn parse(whole: &'a str) -> Self {
        let (name, digest) = match whole.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (whole, None),
        };
        let (host, path) = match name.split_once('/') {
            // As Docker tells a host from a folder: it has a dot or a port, or is localhost.
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), rest),
            _ => (None, name),
        };
        let (repository, tag) = match path.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None if digest.is_none() => (path, Some("latest")),
            None => (path, None),
        };
        Self { whole, repository, host, tag }
    }

    fn matches(&self, pattern: &str) -> bool {
        if glob(pattern, self.whole) {
            return true;
        }
        let tagged = |name: &str| self.tag.map(|tag| format!("{name}:{tag}"));
        let with_host = self.host.map(|host| format!("{host}/{}", self.repository));
        let names = [Some(self.repository), with_host.as_deref()];
        names.into_iter().flatten().any(|name| {
            glob(pattern, name)
                || tagged(name).is_some_and(|name| glob(pattern, &name))
                // `hello:*` also stands for an image that is named by digest alone.
                || pattern.strip_suffix(":*").is_some_and(|pattern| glob(pattern, name))
        })
    }
}

/// Whether `text` is `pattern`, with `*` for any text.
pub fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|tail| glob(after, tail)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(name: &str) -> ImageCommand {
        ImageCommand { command: vec![name.to_owned()], ..ImageCommand::default() }
    }

    fn found(map: &ImageMap, image: &str) -> Option<String> {
        map.find(image).map(|found| found.command[0].clone())
    }

    #[test]
    fn a_pattern_may_leave_out_host_and_tag() {
        let map = ImageMap::default().with("hello:*", command("any")).with("team/api", command("api"));
        for image in
            ["hello", "hello:3", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/hello:3", "hello@sha256:00"]
        {
            assert_eq!(found(&map, image).as_deref(), Some("any"), "{image}");
        }
        assert_eq!(found(&map, "localhost:5000/team/api:v2").as_deref(), Some("api"));
        assert_eq!(found(&map, "other/hello:3"), None);
        assert_eq!(found(&map, "hello2:3"), None);
    }

    #[test]
    fn the_pattern_with_the_most_literal_characters_wins() {
        let map = ImageMap::default()
            .with("*", command("all"))
            .with("hello:*", command("any"))
            .with("hello:bad-*", command("bad"))
            .with("hello:bad-1", command("one"));
        assert_eq!(found(&map, "hello:bad-1").as_deref(), Some("one"));
        assert_eq!(found(&map, "hello:bad-2").as_deref(), Some("bad"));
        assert_eq!(found(&map, "hello:2").as_deref(), Some("any"));
        assert_eq!(found(&map, "redis").as_deref(), Some("all"));
    }

    #[test]
    fn a_reference_without_tag_or_digest_means_latest() {
        assert_eq!(Reference::parse("localhost:5000/a/b").tag, Some("latest"));
        assert_eq!(Reference::parse("a/b:7@sha256:00").tag, Some("7"));
        assert_eq!(Reference::parse("a@sha256:00").tag, None);
    }
}
