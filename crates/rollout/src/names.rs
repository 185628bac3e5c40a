//! The names and ARNs that a rollout is about, as newtypes that cannot be built wrong. They must
//! never be taken apart with string operations elsewhere: ask them. Start with [`TaskDefinitionArn`].

use serde::{Deserialize, Serialize};
use std::fmt;

/// What is wrong with a name or an ARN, in words for the person who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("a {what} may not be empty")]
    Empty {
        /// The kind of name, as AWS calls it.
        what: &'static str,
    },
    /// A character that AWS does not take.
    #[error(
        "`{given}` is not a {what}: AWS takes letters, digits, hyphens and underscores (up to 255), or an ARN"
    )]
    Characters {
        /// The kind of name, as AWS calls it.
        what: &'static str,
        /// What was given.
        given: String,
    },
    /// Not the ARN of a task definition revision.
    #[error(
        "`{given}` is not a task definition revision: expected arn:aws:ecs:<region>:<account>:task-definition/<family>:<revision>"
    )]
    TaskDefinition {
        /// What was given.
        given: String,
    },
}

macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text as AWS spells it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_newtype!(
    /// A cluster, by its name or its ARN.
    ClusterName
);
text_newtype!(
    /// A service, by its name or its ARN.
    ServiceName
);
text_newtype!(
    /// The id of one entry of `services[].deployments[]`: `ecs-svc/` and a number. Every task that
    /// the deployment starts carries it in `startedBy`.
    DeploymentId
);
text_newtype!(
    /// The ARN of a service deployment, the object that keeps the verdict for 90 days.
    ServiceDeploymentArn
);
text_newtype!(
    /// The ARN of one task definition revision: `…:task-definition/<family>:<revision>`.
    TaskDefinitionArn
);

impl ClusterName {
    /// Accepts what AWS accepts: a name of letters, digits, hyphens and underscores, or an ARN.
    pub fn parse(given: &str) -> Result<Self, NameError> {
        plain_name("cluster name", given).map(Self)
    }

    /// The name without the ARN around it.
    pub fn short(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl ServiceName {
    /// Accepts what AWS accepts: a name of letters, digits, hyphens and underscores, or an ARN.
    pub fn parse(given: &str) -> Result<Self, NameError> {
        plain_name("service name", given).map(Self)
    }

    /// The name without the ARN around it.
    pub fn short(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

fn plain_name(what: &'static str, given: &str) -> Result<String, NameError> {
    if given.is_empty() {
        return Err(NameError::Empty { what });
    }
    let named =
        given.len() <= 255 && given.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if named || given.starts_with("arn:") {
        Ok(given.to_owned())
    } else {
        Err(NameError::Characters { what, given: given.to_owned() })
    }
}

impl DeploymentId {
    /// An id as AWS answered it.
    pub fn answered(id: impl Into<String>) -> Self {
        Self(id.into())
    }
}

impl ServiceDeploymentArn {
    /// An ARN as AWS answered it.
    pub fn answered(arn: impl Into<String>) -> Self {
        Self(arn.into())
    }
}

impl TaskDefinitionArn {
    /// Accepts a full ARN with a family and a revision of at least 1.
    pub fn parse(given: &str) -> Result<Self, NameError> {
        let wrong = || NameError::TaskDefinition { given: given.to_owned() };
        let (head, tail) = given.split_once(":task-definition/").ok_or_else(wrong)?;
        let (family, revision) = tail.rsplit_once(':').ok_or_else(wrong)?;
        let revision: u32 = revision.parse().map_err(|_| wrong())?;
        if !head.starts_with("arn:") || family.is_empty() || revision == 0 {
            return Err(wrong());
        }
        Ok(Self(given.to_owned()))
    }

    /// `family:revision`, the way people say it.
    pub fn short(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The family.
    pub fn family(&self) -> &str {
        let short = self.short();
        short.rsplit_once(':').map_or(short, |(family, _)| family)
    }

    /// The revision number, at least 1.
    pub fn revision(&self) -> u32 {
        self.short().rsplit_once(':').and_then(|(_, revision)| revision.parse().ok()).unwrap_or(1)
    }
}

/// Which service of which cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRef {
    /// The cluster.
    pub cluster: ClusterName,
    /// The service.
    pub service: ServiceName,
}

impl fmt::Display for ServiceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.cluster.short(), self.service.short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_definition_arn_knows_its_family_and_revision() {
        let arn = TaskDefinitionArn::parse("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7")
            .expect("valid");
        assert_eq!((arn.family(), arn.revision(), arn.short()), ("web", 7, "web:7"));
    }

    #[test]
    fn a_family_without_a_revision_is_refused() {
        for given in
            ["web", "web:7", "arn:aws:ecs:r:1:task-definition/web", "arn:aws:ecs:r:1:task-definition/web:0"]
        {
            assert!(TaskDefinitionArn::parse(given).is_err(), "{given}");
        }
    }

    #[test]
    fn a_cluster_with_a_space_is_refused_and_an_arn_is_taken() {
        assert!(ClusterName::parse("my cluster").is_err());
        let arn = ClusterName::parse("arn:aws:ecs:eu-west-1:123456789012:cluster/prod").expect("valid");
        assert_eq!(arn.short(), "prod");
    }
}
