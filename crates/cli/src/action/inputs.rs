//! The inputs of a step. The runner puts each into the environment: `INPUT_`, then its name in capitals, hyphens and all.
//! An empty input is one that was not given. Start with [`Inputs`].

use crate::exit::Exit;
use crate::failure::Failure;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where a task definition may come from; each is an input of Amazon's actions.
pub(super) const DEFINITIONS: [&str; 3] =
    ["task-definition", "task-definition-arn", "task-definition-family"];

/// Inputs of Amazon's deploy action that Tidegate has no place for, and what to do instead.
const NOT_HERE: [(&str, &str); 5] = [
    (
        "run-task",
        "a task of its own is no part of a deployment: run it in a step before, with `aws ecs run-task`",
    ),
    ("service-managed-ebs-volume", "volumes belong to the service: set them where the service is made"),
    ("service-managed-ebs-volume-name", "volumes belong to the service: set them where the service is made"),
    ("enable-ecs-managed-tags", "it belongs to the service: set it where the service is made"),
    ("propagate-tags", "it belongs to the service: set it where the service is made"),
];

/// Inputs of Amazon's deploy action that change nothing here.
const NO_MATTER: [(&str, &str); 3] = [
    ("keep-null-value-keys", "members that say nothing are left out, and all others are kept"),
    ("max-retries", "calls are repeated as AWS's own tools repeat them"),
    ("codedeploy-deployment-description", "deployments are described by what they bring"),
];

/// The inputs by name.
pub(super) struct Inputs {
    given: BTreeMap<String, String>,
    workspace: PathBuf,
}

impl Inputs {
    /// Those of this step.
    pub(super) fn of_environment() -> Self {
        let named =
            |(name, value): (String, String)| Some((name.strip_prefix("INPUT_")?.to_lowercase(), value));
        let given = std::env::vars_os()
            .filter_map(|(name, value)| named((name.into_string().ok()?, value.into_string().ok()?)));
        let workspace =
            std::env::var_os("GITHUB_WORKSPACE").map_or_else(|| PathBuf::from("."), PathBuf::from);
        Self { given: given.collect(), workspace }
    }

    #[cfg(test)]
    pub(super) fn of(pairs: &[(&str, &str)]) -> Self {
        let given = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { given: given.collect(), workspace: PathBuf::from("/nowhere") }
    }

    /// An input without the blanks around it.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        // A name with blanks has underscores in the environment.
        let value = self.given.get(&name.replace(' ', "_"))?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// `true`, `false` or nothing.
    pub(super) fn is_true(&self, name: &str) -> Result<bool, Failure> {
        match self.get(name).map(|value| value.to_lowercase()).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(wrong(name, "true or false")),
        }
    }

    /// A whole number.
    pub(super) fn count(&self, name: &str) -> Result<Option<u32>, Failure> {
        let count = self.get(name).map(|value| value.parse().map_err(|_| wrong(name, "a whole number")));
        count.transpose()
    }

    /// Lines of `NAME=value`, as Amazon's render action takes them.
    pub(super) fn pairs(&self, name: &str) -> Result<Vec<(String, String)>, Failure> {
        let lines = self.lines(name);
        let pair = |line: &String| match line.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
            // The line itself may be a secret.
            _ => Err(wrong(name, "lines of NAME=value, and one of them has no name or no `=`")),
        };
        lines.iter().map(pair).collect()
    }

    /// The lines that say something.
    pub(super) fn lines(&self, name: &str) -> Vec<String> {
        let text = self.get(name).unwrap_or_default();
        text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
    }

    /// Names between commas.
    pub(super) fn names(&self, name: &str) -> Vec<String> {
        let text = self.get(name).unwrap_or_default();
        text.split(',').map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect()
    }

    /// Refuses what cannot be done, and answers what was given and does nothing.
    pub(super) fn refusals(&self) -> Result<Vec<String>, Failure> {
        for (name, instead) in NOT_HERE {
            if self.get(name).is_some_and(|value| value != "false" && value != "{}") {
                return Err(Failure::new(Exit::Usage, format!("the input `{name}` is not Tidegate's"))
                    .with_help(Some(instead.to_owned())));
            }
        }
        let given = NO_MATTER.iter().filter(|(name, _)| self.get(name).is_some());
        Ok(given.map(|(name, why)| format!("the input `{name}` changes nothing: {why}")).collect())
    }

    /// Where the repository's files are.
    pub(super) fn workspace(&self) -> Workspace<'_> {
        Workspace(&self.workspace)
    }
}

/// An input that must be something else. Its value is not told: it may be a secret that went astray.
pub(super) fn wrong(name: &str, must_be: &str) -> Failure {
    Failure::new(Exit::Usage, format!("the input `{name}` must be {must_be}"))
}

/// The folder that paths of inputs start at.
pub(super) struct Workspace<'a>(&'a Path);

impl Workspace<'_> {
    /// A path in it.
    pub(super) fn path(&self, given: &str) -> PathBuf {
        self.0.join(given)
    }

    /// The config file: the one named, else tidegate.yml if it is there.
    pub(super) fn config(&self, inputs: &Inputs) -> Result<Option<PathBuf>, Failure> {
        if let Some(named) = inputs.get("config") {
            let path = self.path(&named);
            return if path.is_file() {
                Ok(Some(path))
            } else {
                Err(Failure::new(Exit::Usage, format!("there is no config file {named} in the workspace"))
                    .with_help(Some("is the repository checked out in a step before?".to_owned())))
            };
        }
        Ok(Some(self.path("tidegate.yml")).filter(|path| path.is_file()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_keep_what_follows_the_first_sign_and_a_wrong_line_is_not_told() {
        let inputs = Inputs::of(&[("environment-variables", "\n A=1=2\n\n B= \n"), ("secrets", "hunter2")]);
        let pairs = inputs.pairs("environment-variables").ok();
        assert_eq!(pairs, Some(vec![("A".into(), "1=2".into()), ("B".into(), String::new())]));
        let told = inputs.pairs("secrets").map_err(|failure| failure.words());
        assert!(
            told.is_err_and(|told| told.contains("`secrets` must be lines") && !told.contains("hunter2"))
        );
    }

    #[test]
    fn what_cannot_be_done_is_refused_and_what_changes_nothing_is_told() {
        let refused = Inputs::of(&[("run-task", "true")]).refusals().map_err(|failure| failure.words());
        assert!(refused.is_err_and(|told| told.contains("run-task") && told.contains("aws ecs run-task")));
        let notes = Inputs::of(&[("run-task", "false"), ("max-retries", "3")]).refusals();
        assert!(notes.is_ok_and(|notes| notes.len() == 1));
    }

    #[test]
    fn an_input_is_true_false_or_wrong() {
        let inputs = Inputs::of(&[("a", " True "), ("b", ""), ("c", "yes")]);
        assert_eq!(
            [inputs.is_true("a").ok(), inputs.is_true("b").ok(), inputs.is_true("c").ok()],
            [Some(true), Some(false), None]
        );
    }
}
