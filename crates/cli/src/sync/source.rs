//! Where the wanted services come from: a branch of a repository, or the files of a work tree. All files of one reading
//! are of one commit. Start with [`Source::read`].

use super::git::{GitError, Repository};
use crate::config::sync::{Entry, entries, named_files};
use crate::config::{ConfigError, Source as ConfigText};
use crate::exit::Exit;
use crate::failure::Failure;
use glob::{MatchOptions, Pattern};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use tidegate_gitops::Commit;

/// `*` stays within a folder, `**` does not.
const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};
/// Folders of a work tree that no service's file is in.
const PASSED_OVER: [&str; 4] = [".git", "node_modules", "target", ".terraform"];

/// Where to read.
#[derive(Debug)]
pub enum Source {
    /// A branch.
    Branch(Repository, Vec<Pattern>),
    /// The files here.
    WorkTree {
        /// The folder that patterns start at.
        root: PathBuf,
        /// Which files; one path or patterns.
        files: Vec<Pattern>,
    },
}

/// What one commit describes.
#[derive(Debug)]
pub struct Described {
    /// The commit.
    pub commit: Commit,
    /// Each service with the file that describes it.
    pub entries: Vec<(String, Entry)>,
}

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// git.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A file says something wrong.
    #[error("{0}")]
    Config(ConfigError),
    /// No file matches.
    #[error("{commit} has no file that matches {patterns}")]
    Nothing {
        /// Which commit.
        commit: String,
        /// What was looked for.
        patterns: String,
    },
    /// The disk.
    #[error("{0}")]
    Disk(String),
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Config(error) => error.into(),
            SourceError::Git(error) => {
                let help = error.help();
                Self::new(Exit::Refused, error.to_string()).with_help(help)
            }
            SourceError::Nothing { .. } => Self::new(Exit::Usage, error.to_string())
                .with_help(Some("say which with --path, such as 'services/**/tidegate.yml'".into())),
            SourceError::Disk(what) => Self::new(Exit::Refused, what),
        }
    }
}

/// `services/**/tidegate.yml`.
pub fn pattern(given: &str) -> Result<Pattern, Failure> {
    Pattern::new(given.trim_start_matches("./"))
        .map_err(|error| Failure::new(Exit::Usage, format!("--path {given}: {error}")))
}

impl Source {
    /// The commit to read now. `known` is the one that was read last.
    pub async fn head(&self, known: Option<&Commit>) -> Result<Commit, SourceError> {
        match self {
            Self::Branch(repository, _) => {
                Ok(repository.head(known.map(|commit| commit.id.as_str())).await?)
            }
            Self::WorkTree { .. } => Ok(Commit { id: "work tree".into(), subject: String::new() }),
        }
    }

    /// Everything that a commit describes.
    pub async fn read(&self, commit: Commit) -> Result<Described, SourceError> {
        let variable = |name: &str| std::env::var(name).ok();
        let (configs, others) = match self {
            Self::Branch(repository, patterns) => {
                let listing = repository.files(&commit.id).await?;
                let matches = |path: &&str| patterns.iter().any(|it| it.matches_with(path, MATCHING));
                let wanted: Vec<String> = listing.paths().filter(matches).map(str::to_owned).collect();
                let configs = repository.read(&commit.id, &listing, &wanted).await?;
                let named = all_named(&configs, &variable);
                (configs, repository.read(&commit.id, &listing, &named).await?)
            }
            Self::WorkTree { root, files } => {
                let configs = on_disk(root, &found(root, files)?)?;
                let named = all_named(&configs, &variable);
                (configs, on_disk(root, &named)?)
            }
        };
        if configs.is_empty() {
            let (Self::Branch(_, patterns) | Self::WorkTree { files: patterns, .. }) = self;
            let patterns: Vec<&str> = patterns.iter().map(Pattern::as_str).collect();
            let commit = if commit.id.len() >= 40 {
                format!("commit {}", commit.short())
            } else {
                "the work tree".into()
            };
            return Err(SourceError::Nothing { commit, patterns: patterns.join(", ") });
        }
        let mut all = Vec::new();
        for (name, text) in configs {
            let folder = Path::new(&name).parent().unwrap_or_else(|| Path::new("")).to_owned();
            let files = |path: &Path| match within(path) {
                Some(path) => Ok(others.get(&path).cloned()),
                None => Err("it is outside of the repository".to_owned()),
            };
            let source = ConfigText { name: name.clone(), text };
            let read = entries(&source, &folder, &variable, &files).map_err(SourceError::Config)?;
            all.extend(read.into_iter().map(|entry| (name.clone(), entry)));
        }
        Ok(Described { commit, entries: all })
    }
}

/// The files that configs name, from the root.
fn all_named(configs: &BTreeMap<String, String>, variable: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut named = BTreeSet::new();
    for (name, text) in configs {
        let folder = Path::new(name).parent().unwrap_or_else(|| Path::new(""));
        let source = ConfigText { name: name.clone(), text: text.clone() };
        named.extend(named_files(&source, variable).iter().filter_map(|path| within(&folder.join(path))));
    }
    named.into_iter().collect()
}

/// `a/./b/../c` is `a/c`; nothing for what leaves the root.
fn within(path: &Path) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                parts.pop()?;
            }
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

fn on_disk(root: &Path, paths: &[String]) -> Result<BTreeMap<String, String>, SourceError> {
    let mut found = BTreeMap::new();
    for path in paths {
        match std::fs::read_to_string(root.join(path)) {
            Ok(text) => {
                found.insert(path.clone(), text);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(SourceError::Disk(format!("cannot read {path}: {error}"))),
        }
    }
    Ok(found)
}

/// The files of a work tree that match.
fn found(root: &Path, patterns: &[Pattern]) -> Result<Vec<String>, SourceError> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let unreadable = |error: std::io::Error| {
            SourceError::Disk(format!("cannot list {}: {error}", root.join(&folder).display()))
        };
        for entry in std::fs::read_dir(root.join(&folder)).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            let path = folder.join(&name);
            let kind = entry.file_type().map_err(unreadable)?;
            if kind.is_dir() && !PASSED_OVER.iter().any(|passed| name.to_str() == Some(*passed)) {
                folders.push(path);
            } else if kind.is_file()
                && let Some(path) = path.to_str()
                && patterns.iter().any(|it| it.matches_with(path, MATCHING))
            {
                found.push(path.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_within_the_repository() {
        assert_eq!(within(Path::new("a/./b/../c.json")).as_deref(), Some("a/c.json"));
        assert_eq!(within(Path::new("a/../../etc/passwd")), None);
        assert_eq!(within(Path::new("/etc/passwd")), None);
    }

    #[test]
    fn two_stars_go_through_folders_and_one_does_not() {
        let matches =
            |given: &str, path: &str| pattern(given).expect("a pattern").matches_with(path, MATCHING);
        assert!(matches("services/**/tidegate.yml", "services/a/b/tidegate.yml"));
        assert!(matches("**/tidegate.yml", "tidegate.yml") && matches("./*/tidegate.yml", "a/tidegate.yml"));
        assert!(!matches("*/tidegate.yml", "a/b/tidegate.yml"));
    }
}
