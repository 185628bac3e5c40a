//! What is stored of ECR.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tidegate_models::{Timestamp, ecr};

use super::manifest::Manifest;

/// A repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repository {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// As `DescribeRepositories` answers, but for the URI: that is where the registry is now.
    pub document: ecr::Repository,
    /// The lifecycle policy, as it was put.
    pub lifecycle_policy: Option<String>,
    /// When images were last held against the lifecycle policy, or when the policy was put if they never were.
    #[serde(default)]
    pub lifecycle_looked_at: Option<Timestamp>,
    /// The policy that somebody asked the consequences of.
    #[serde(default)]
    pub lifecycle_preview: Option<String>,
    /// Who may do what with it, as it was put.
    pub policy: Option<String>,
}

/// An image, an index of images, or anything else that has a manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// The ARN of its repository.
    pub repository_arn: String,
    /// `sha256:…` of the manifest's bytes.
    pub digest: String,
    /// The manifest, byte for byte.
    pub manifest: String,
    /// What the manifest says.
    pub content: Manifest,
    /// Its tags.
    pub tags: BTreeSet<String>,
    /// Bytes of its configuration and layers; of an index, those of its largest image.
    pub size: i64,
    /// When it came.
    pub pushed_at: Timestamp,
    /// When it was last pulled.
    pub pulled_at: Option<Timestamp>,
    /// When somebody asked for a scan of it.
    pub scanned_at: Option<Timestamp>,
}

impl Image {
    /// The key of a repository's image.
    pub fn key(repository_arn: &str, digest: &str) -> String {
        format!("{repository_arn}@{digest}")
    }

    /// Under which its tag is found.
    pub fn tag_index(repository_arn: &str, tag: &str) -> String {
        format!("{repository_arn}:{tag}")
    }

    /// Under which the indexes are found that list the image with this digest.
    pub fn parents_index(repository_arn: &str, digest: &str) -> String {
        format!("{repository_arn}<{digest}")
    }

    /// Under which the artifacts are found that are about the image with this digest.
    pub fn referrers_index(repository_arn: &str, digest: &str) -> String {
        format!("{repository_arn}?{digest}")
    }

    /// Under which the images are found that have this layer.
    pub fn users_index(repository_arn: &str, layer: &str) -> String {
        format!("{repository_arn}#{layer}")
    }

    /// All of these, and its repository.
    pub(crate) fn index(&self) -> Vec<String> {
        let arn = &self.repository_arn;
        let tags = self.tags.iter().map(|tag| Self::tag_index(arn, tag));
        let parents = self.content.manifests.iter().map(|digest| Self::parents_index(arn, digest));
        let referrers = self.content.subject.iter().map(|digest| Self::referrers_index(arn, digest));
        let users = self.content.blobs.iter().map(|blob| Self::users_index(arn, &blob.digest));
        let all: BTreeSet<String> =
            [arn.clone()].into_iter().chain(tags).chain(parents).chain(referrers).chain(users).collect();
        all.into_iter().collect()
    }
}

/// A layer, or an image's configuration, that a repository has. Its bytes are a file, one for all repositories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The ARN of its repository.
    pub repository_arn: String,
    /// `sha256:…` of its bytes.
    pub digest: String,
    /// How many they are.
    pub size: i64,
    /// When it came.
    pub uploaded_at: Timestamp,
}

impl Layer {
    /// The key of a repository's layer.
    pub fn key(repository_arn: &str, digest: &str) -> String {
        format!("{repository_arn}@{digest}")
    }

    /// Under which it is found: its repository, and its digest in whatever repository.
    pub(crate) fn index(&self) -> Vec<String> {
        vec![self.repository_arn.clone(), self.digest.clone()]
    }
}
