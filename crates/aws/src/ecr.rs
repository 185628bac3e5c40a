//! Amazon ECR: from a tag to a digest, so that every task of a rollout runs the same bytes. It must
//! never stop a deployment: ECS resolves the tag itself if this cannot. Start with [`EcrImage::parse`].

use crate::client::{Client, Customized, ask};
use crate::error::AwsError;
use crate::pacing::Bucket;
use aws_sdk_ecr::types::ImageIdentifier;

/// `<account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EcrImage {
    registry: String,
    account: String,
    region: String,
    repository: String,
    tag: String,
}

impl EcrImage {
    /// `None` for an image of another registry, or one that names a digest already.
    pub(crate) fn parse(image: &str) -> Option<Self> {
        let (registry, path) = image.split_once('/')?;
        let mut labels = registry.split('.');
        let account = labels.next()?;
        if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        if (labels.next(), labels.next()) != (Some("dkr"), Some("ecr")) || path.contains('@') {
            return None;
        }
        let region = labels.next()?;
        let (repository, tag) = path.split_once(':').unwrap_or((path, "latest"));
        Some(Self {
            registry: registry.to_owned(),
            account: account.to_owned(),
            region: region.to_owned(),
            repository: repository.to_owned(),
            tag: tag.to_owned(),
        })
    }
}

impl Client {
    /// The image by its digest; the digest of an index for a multi-architecture image.
    pub(crate) async fn resolved(&self, image: &EcrImage) -> Result<String, AwsError> {
        let request = self
            .ecr
            .describe_images()
            .registry_id(&image.account)
            .repository_name(&image.repository)
            .image_ids(ImageIdentifier::builder().image_tag(&image.tag).build());
        let request = request.customize();
        // An image of another region is resolved there.
        let region = aws_config::Region::new(image.region.clone());
        let request = request.config_override(aws_sdk_ecr::Config::builder().region(region));
        let (output, _) = ask!(self, "ecr", "DescribeImages", Bucket::Elsewhere, Customized(request))?;
        let digest = output.image_details().first().and_then(|detail| detail.image_digest());
        digest
            .map(|digest| format!("{}/{}@{digest}", image.registry, image.repository))
            .ok_or_else(|| crate::ecs::unexpected("DescribeImages", "it has no imageDigest"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ecr_tags_are_resolved() {
        let parsed =
            EcrImage::parse("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/web:v2").expect("an ECR tag");
        assert_eq!(
            (parsed.repository.as_str(), parsed.tag.as_str(), parsed.region.as_str()),
            ("team/web", "v2", "eu-west-1")
        );
        for other in [
            "nginx:1",
            "docker.io/library/nginx:1",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:aa",
            "localhost:5000/web:1",
        ] {
            assert_eq!(EcrImage::parse(other), None, "{other}");
        }
    }
}
