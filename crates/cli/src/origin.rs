//! Where a revision comes from, as the environment of a pipeline says it, else git and the user's name. It must never ask
//! anybody over a network. Start with [`of_here`].

use std::process::{Command, Stdio};

use tidegate_aws::alb::lease::whoami;
use tidegate_rollout::origin::Origin;

/// The commit that was named, else what the pipeline says, else what git says of the folder.
pub fn of_here(commit: Option<String>) -> Origin {
    let environment = |name: &str| std::env::var(name).ok();
    let origin = of(&environment);
    let commit = commit.or(origin.commit).or_else(|| git().filter(|commit| !commit.is_empty()));
    Origin { commit, by: origin.by.or_else(|| Some(whoami())), ..origin }
}

/// What the environment says: GitHub's, else GitLab's.
fn of(environment: &dyn Fn(&str) -> Option<String>) -> Origin {
    let said = |name: &str| environment(name).filter(|value| !value.is_empty());
    let github_run = || {
        let (server, repository) = (said("GITHUB_SERVER_URL")?, said("GITHUB_REPOSITORY")?);
        Some(format!("{server}/{repository}/actions/runs/{}", said("GITHUB_RUN_ID")?))
    };
    Origin {
        commit: said("GITHUB_SHA").or_else(|| said("CI_COMMIT_SHA")),
        by: said("GITHUB_ACTOR").or_else(|| said("GITLAB_USER_LOGIN")),
        repository: said("GITHUB_REPOSITORY").or_else(|| said("CI_PROJECT_PATH")),
        run: github_run().or_else(|| said("CI_JOB_URL")).or_else(|| said("CI_PIPELINE_URL")),
    }
}

/// The commit of the work tree that the program was started in, with `-dirty` where files differ from it.
fn git() -> Option<String> {
    let output = Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let said = output.status.success().then_some(output.stdout)?;
    Some(String::from_utf8(said).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Origin {
        let variables: Vec<(String, String)> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        of(&|name| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()))
    }

    #[test]
    fn a_pipeline_of_github_or_gitlab_says_where_it_comes_from() {
        let github = with(&[
            ("GITHUB_SHA", "4f2c"),
            ("GITHUB_ACTOR", "ada"),
            ("GITHUB_REPOSITORY", "shop/web"),
            ("GITHUB_SERVER_URL", "https://git.example.com"),
            ("GITHUB_RUN_ID", "7"),
        ]);
        assert_eq!(github.run.as_deref(), Some("https://git.example.com/shop/web/actions/runs/7"));
        assert_eq!((github.commit.as_deref(), github.by.as_deref()), (Some("4f2c"), Some("ada")));
        let gitlab = with(&[
            ("CI_COMMIT_SHA", "9d1e"),
            ("GITLAB_USER_LOGIN", "bob"),
            ("CI_PROJECT_PATH", "shop/api"),
            ("CI_JOB_URL", "https://git.example.com/shop/api/-/jobs/9"),
        ]);
        assert_eq!(gitlab.repository.as_deref(), Some("shop/api"));
        assert_eq!(gitlab.run.as_deref(), Some("https://git.example.com/shop/api/-/jobs/9"));
        assert_eq!(with(&[("GITHUB_SHA", "")]), Origin::default(), "an empty variable says nothing");
    }
}
