//! GitHub workflows that ship a service, and what the role that they become must trust and may do. It must never write a
//! key; what the role may do comes from `tidegate_permissions`, by whoever calls. Start with [`files`].

use crate::template::fill;
use crate::yaml::scalar;
use crate::{File, Scaffold};
use serde_json::{Value, json};

/// The action as workflows name it.
pub const ACTION: &str = "tidegate/tidegate@v1";

/// What the workflows are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// The cluster.
    pub cluster: String,
    /// The service.
    pub service: String,
    /// The region.
    pub region: String,
    /// The account, if it is known; twelve digits.
    pub account: Option<String>,
    /// The ECR repository that images are pushed to.
    pub repository: String,
    /// The branch whose pushes are shipped.
    pub branch: String,
    /// `owner/name` at GitHub, if it is known.
    pub github: Option<String>,
    /// The role to become, by ARN; one that is named after the service otherwise.
    pub role: Option<String>,
    /// What the role may do: a policy document, as the text of its file.
    pub permissions: String,
    /// The task definition, whose roles the deployer passes on.
    pub definition: Definition,
    /// The action, such as [`ACTION`].
    pub action: String,
}

/// Whether the task definition is known, and with it the roles that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Definition {
    /// The policy passes on the roles that it names.
    Read,
    /// The policy passes on any.
    NotFound,
}

/// What stands where the account is not known, in the policies, too.
pub const UNKNOWN_ACCOUNT: &str = "ACCOUNT_ID";
/// What stands where the repository at GitHub is not known.
const UNKNOWN_REPOSITORY: &str = "OWNER/REPOSITORY";

/// Both workflows, and both policies of the role.
pub fn files(pipeline: &Pipeline) -> Scaffold {
    let account = pipeline.account.as_deref().unwrap_or(UNKNOWN_ACCOUNT);
    let github = pipeline.github.as_deref().unwrap_or(UNKNOWN_REPOSITORY);
    let usual_role = format!("arn:aws:iam::{account}:role/{}-deploy", pipeline.service);
    let role = pipeline.role.clone().unwrap_or(usual_role);
    let quoted = [
        ("branch", scalar(&pipeline.branch)),
        ("region", scalar(&pipeline.region)),
        ("repository", scalar(&pipeline.repository)),
        ("role", role.clone()),
        ("action", pipeline.action.clone()),
        ("cluster", pipeline.cluster.clone()),
        ("service", pipeline.service.clone()),
    ];
    let values: Vec<(&str, &str)> = quoted.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let trust = trust_policy(account, github, &pipeline.branch);
    let files = vec![
        File::new(
            ".github/workflows/deploy.yml",
            fill(include_str!("../templates/github/deploy.yml"), &values),
        ),
        File::new(
            ".github/workflows/rollback.yml",
            fill(include_str!("../templates/github/rollback.yml"), &values),
        ),
        File::new(".github/aws/trust.json", pretty(&trust)),
        File::new(".github/aws/permissions.json", pipeline.permissions.clone()),
    ];
    Scaffold { files, notes: notes(pipeline), next: next(&role, account) }
}

fn notes(pipeline: &Pipeline) -> Vec<String> {
    let mut notes = Vec::new();
    if pipeline.account.is_none() {
        notes.push(format!(
            "the account is not known here: put it where {UNKNOWN_ACCOUNT} stands, or say --account"
        ));
    }
    if pipeline.github.is_none() {
        notes.push(format!(
            "the repository at GitHub is not known here: put it where {UNKNOWN_REPOSITORY} stands in .github/aws/trust.json, or say --github OWNER/NAME"
        ));
    }
    if pipeline.definition == Definition::NotFound {
        notes.push(
            "the task definition was not found: .github/aws/permissions.json lets any role of the account be passed on to tasks, and any log group be read"
                .into(),
        );
    }
    notes.push(
        "nobody was asked what runs: where .github/aws/permissions.json has patterns, `tidegate iam-policy --for deploy,push` has names"
            .into(),
    );
    notes
}

fn next(role: &str, account: &str) -> Vec<String> {
    let name = role.rsplit('/').next().unwrap_or(role);
    vec![
        "once for each account, if GitHub is not known to it yet:".to_owned(),
        "  aws iam create-open-id-connect-provider --url https://token.actions.githubusercontent.com --client-id-list sts.amazonaws.com".to_owned(),
        format!("the role that the workflows become ({account}):"),
        format!("  aws iam create-role --role-name {name} --assume-role-policy-document file://.github/aws/trust.json"),
        format!("  aws iam put-role-policy --role-name {name} --policy-name deploy --policy-document file://.github/aws/permissions.json"),
        "then push: .github/workflows/deploy.yml ships it".to_owned(),
    ]
}

/// Who may become the role: runs of this repository on this branch, and nobody else.
pub fn trust_policy(account: &str, github: &str, branch: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": format!("arn:aws:iam::{account}:oidc-provider/token.actions.githubusercontent.com")},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": format!("repo:{github}:ref:refs/heads/{branch}"),
            }},
        }],
    })
}

/// `owner/name` of a remote's address at GitHub.
pub fn repository_of(remote: &str) -> Option<String> {
    let rest = ["https://github.com/", "git@github.com:", "ssh://git@github.com/"]
        .iter()
        .find_map(|prefix| remote.trim().strip_prefix(prefix))?;
    let name = rest.trim_end_matches('/').trim_end_matches(".git");
    let (owner, repository) = name.split_once('/')?;
    let is_name =
        |it: &str| !it.is_empty() && it.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    (is_name(owner) && is_name(repository)).then(|| name.to_owned())
}

/// Account, region and repository of an image in ECR.
pub fn ecr_image(image: &str) -> Option<(String, String, String)> {
    let (host, rest) = image.split_once('/')?;
    let mut parts = host.split('.');
    let (account, is_ecr) = (parts.next()?, parts.next()? == "dkr" && parts.next()? == "ecr");
    let region = parts.next()?;
    let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let repository = rest.split(['@', ':']).next()?;
    (is_ecr && is_account && host.contains(".amazonaws."))
        .then(|| (account.into(), region.into(), repository.into()))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use saphyr::{LoadableYamlNode as _, Yaml};

    fn pipeline() -> Pipeline {
        Pipeline {
            cluster: "prod".into(),
            service: "web".into(),
            region: "eu-west-1".into(),
            account: Some("123456789012".into()),
            repository: "shop/web".into(),
            branch: "main".into(),
            github: Some("shop/web".into()),
            role: None,
            permissions: "{ \"of\": \"somebody else\" }\n".into(),
            definition: Definition::Read,
            action: ACTION.into(),
        }
    }

    fn text<'s>(scaffold: &'s Scaffold, end: &str) -> &'s str {
        scaffold.files.iter().find(|file| file.path.ends_with(end)).map(|file| file.text.as_str()).expect(end)
    }

    #[test]
    fn both_workflows_read_as_they_should() {
        let made = files(&pipeline());
        insta::assert_snapshot!("deploy", text(&made, "deploy.yml"));
        insta::assert_snapshot!("rollback", text(&made, "rollback.yml"));
        insta::assert_snapshot!("trust", text(&made, "trust.json"));
        insta::assert_snapshot!("next", format!("{}\n{}", made.notes.join("\n"), made.next.join("\n")));
    }

    /// What a linter of workflows would look at.
    #[test]
    fn each_workflow_is_yaml_with_pinned_actions_few_permissions_one_group_and_no_key() {
        let made = files(&pipeline());
        for name in ["deploy.yml", "rollback.yml"] {
            let text = text(&made, name);
            assert!(!text.contains("@{") && !text.to_lowercase().contains("secret_access_key"), "{text}");
            assert!(!text.contains("secrets."), "no long-lived key: {text}");
            let documents = Yaml::load_from_str(text).expect("YAML");
            let workflow = &documents[0];
            assert_eq!(workflow["concurrency"]["cancel-in-progress"].as_bool(), Some(false));
            assert_eq!(workflow["concurrency"]["group"].as_str(), Some("deploy-prod-web"));
            assert_eq!(workflow["permissions"]["contents"].as_str(), Some("read"));
            let jobs = workflow["jobs"].as_mapping().expect("jobs");
            for (_, job) in jobs {
                assert_eq!(job["permissions"]["id-token"].as_str(), Some("write"));
                assert!(job["permissions"].as_mapping().is_some_and(|it| it.len() == 2));
                let steps = job["steps"].as_sequence().expect("steps");
                for step in steps {
                    let uses = step.as_mapping_get("uses").and_then(|it| it.as_str());
                    let run = step.as_mapping_get("run").and_then(|it| it.as_str());
                    assert!(uses.is_some() != run.is_some(), "a step does one of two");
                    if let Some(uses) = uses {
                        let (_, version) = uses.split_once('@').expect(uses);
                        assert!(version.starts_with('v') && version[1..].parse::<u32>().is_ok(), "{uses}");
                    }
                    // What somebody types must not become a part of a script.
                    assert!(run.is_none_or(|run| !run.contains("${{")), "{step:?}");
                }
            }
        }
    }

    #[test]
    fn what_the_role_may_do_is_written_as_it_was_given() {
        let given = pipeline();
        assert_eq!(text(&files(&given), ".github/aws/permissions.json"), given.permissions);
    }

    #[test]
    fn what_is_not_known_is_said_and_not_invented() {
        let unknown =
            Pipeline { account: None, github: None, definition: Definition::NotFound, ..pipeline() };
        let made = files(&unknown);
        insta::assert_snapshot!(made.notes.join("\n"));
        assert!(text(&made, "trust.json").contains("repo:OWNER/REPOSITORY:ref:refs/heads/main"));
        assert!(text(&made, "deploy.yml").contains("arn:aws:iam::ACCOUNT_ID:role/web-deploy"));
    }

    #[test]
    fn remotes_and_images_are_read_and_others_are_not() {
        let of = |remote| repository_of(remote);
        assert_eq!(of("git@github.com:shop/web.git\n").as_deref(), Some("shop/web"));
        assert_eq!(of("https://github.com/shop/web").as_deref(), Some("shop/web"));
        assert_eq!(of("https://example.com/shop/web"), None);
        assert_eq!(of("https://github.com/shop"), None);
        let image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/web@sha256:00";
        let expected = ("123456789012".to_owned(), "eu-west-1".to_owned(), "shop/web".to_owned());
        assert_eq!(ecr_image(image), Some(expected));
        assert_eq!(ecr_image("docker.io/library/nginx:1"), None);
    }
}
