//! What is stored of ECR.

use serde::{Deserialize, Serialize};
use tidegate_models::ecr;

/// A repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repository {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// As `DescribeRepositories` answers.
    pub document: ecr::Repository,
    /// The lifecycle policy, as it was put.
    pub lifecycle_policy: Option<String>,
    /// Who may do what with it, as it was put.
    pub policy: Option<String>,
}
