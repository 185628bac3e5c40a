//! Amazon ECR: from a tag to a digest, so that every task of a rollout runs the same bytes. It must
//! never stop a deployment: ECS resolves the tag itself if this cannot. Start with [`EcrImage::parse`].

use crate::client::{Client, Customized, ask};
use crate::error::AwsError;
use crate::pacing::Bucket;
use aws_sdk_ecr::types::ImageIdentifier;

/// `<registry>/<repository>:<tag>`, of a registry that ECR answers for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EcrImage {
    registry: String,
    owner: Owner,
    repository: String,
    tag: String,
}

/// Whose registry it is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Owner {
    /// `<account>.dkr.ecr.<region>.amazonaws.com`.
    Account { account: String, region: String },
    /// The caller's, at the endpoint that answers its calls.
    Caller,
}

impl EcrImage {
    /// `None` for an image of another registry, or one that names a digest already. `endpoint` is the address that the
    /// calls go to, where it is not AWS's own: its registry is at the same host and port.
    pub(crate) fn parse(image: &str, endpoint: Option<&str>) -> Option<Self> {
        let (registry, path) = image.split_once('/')?;
        if path.contains('@') {
            return None;
        }
        let at_endpoint = || endpoint.and_then(host_and_port).filter(|host| *host == registry);
        let owner = Owner::named_by(registry).or_else(|| at_endpoint().map(|_| Owner::Caller))?;
        let (repository, tag) = path.split_once(':').unwrap_or((path, "latest"));
        Some(Self {
            registry: registry.to_owned(),
            owner,
            repository: repository.to_owned(),
            tag: tag.to_owned(),
        })
    }
}

impl EcrImage {
    /// The same for an image that may name a digest, which is answered too.
    pub(crate) fn parse_any(image: &str, endpoint: Option<&str>) -> Option<(Self, Option<String>)> {
        match image.split_once('@') {
            None => Self::parse(image, endpoint).map(|image| (image, None)),
            Some((name, digest)) => Self::parse(name, endpoint).map(|image| (image, Some(digest.to_owned()))),
        }
    }

    /// The registry, as the image names it.
    pub(crate) fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository's name.
    pub(crate) fn repository(&self) -> &str {
        &self.repository
    }
}

impl Owner {
    fn named_by(registry: &str) -> Option<Self> {
        let mut labels = registry.split('.');
        let account = labels.next()?;
        if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        if (labels.next(), labels.next()) != (Some("dkr"), Some("ecr")) {
            return None;
        }
        Some(Self::Account { account: account.to_owned(), region: labels.next()?.to_owned() })
    }
}

/// `127.0.0.1:4566` of `http://127.0.0.1:4566/`.
fn host_and_port(endpoint: &str) -> Option<&str> {
    endpoint.split_once("://")?.1.split('/').next()
}

impl Client {
    /// The image, if it is one that [`Self::resolved`] can resolve.
    pub(crate) fn ecr_image(&self, image: &str) -> Option<EcrImage> {
        EcrImage::parse(image, self.place.endpoint.as_deref())
    }

    /// The image by its digest; the digest of an index for a multi-architecture image.
    pub(crate) async fn resolved(&self, image: &EcrImage) -> Result<String, AwsError> {
        let digest = self.stored_digest(image, None).await?;
        Ok(format!("{}/{}@{digest}", image.registry, image.repository))
    }

    /// The digest that the repository has for the image's tag, or for this digest.
    pub(crate) async fn stored_digest(
        &self,
        image: &EcrImage,
        digest: Option<&str>,
    ) -> Result<String, AwsError> {
        let id = ImageIdentifier::builder();
        let id = match digest {
            Some(digest) => id.image_digest(digest),
            None => id.image_tag(&image.tag),
        };
        let request = self.ecr.describe_images().repository_name(&image.repository).image_ids(id.build());
        let request = match &image.owner {
            Owner::Account { account, region } => {
                // An image of another region is resolved there.
                let region = aws_config::Region::new(region.clone());
                let request = request.registry_id(account).customize();
                request.config_override(aws_sdk_ecr::Config::builder().region(region))
            }
            Owner::Caller => request.customize(),
        };
        let (output, _) = ask!(self, "ecr", "DescribeImages", Bucket::Elsewhere, Customized(request))?;
        let digest = output.image_details().first().and_then(|detail| detail.image_digest());
        digest
            .map(str::to_owned)
            .ok_or_else(|| crate::ecs::unexpected("DescribeImages", "it has no imageDigest"))
    }

    /// The `imageTagMutability` of the image's repository.
    pub(crate) async fn tag_mutability(&self, image: &EcrImage) -> Result<String, AwsError> {
        let request = self.ecr.describe_repositories().repository_names(&image.repository);
        let request = match &image.owner {
            Owner::Account { account, region } => {
                let region = aws_config::Region::new(region.clone());
                let request = request.registry_id(account).customize();
                request.config_override(aws_sdk_ecr::Config::builder().region(region))
            }
            Owner::Caller => request.customize(),
        };
        let (output, _) = ask!(self, "ecr", "DescribeRepositories", Bucket::Elsewhere, Customized(request))?;
        let found = output.repositories().first().and_then(|repository| repository.image_tag_mutability());
        found
            .map(|word| word.as_str().to_owned())
            .ok_or_else(|| crate::ecs::unexpected("DescribeRepositories", "it has no imageTagMutability"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ecr_tags_are_resolved() {
        let parsed = EcrImage::parse("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/web:v2", None)
            .expect("an ECR tag");
        let owner = Owner::Account { account: "123456789012".to_owned(), region: "eu-west-1".to_owned() };
        assert_eq!(
            (parsed.repository.as_str(), parsed.tag.as_str(), &parsed.owner),
            ("team/web", "v2", &owner)
        );
        for other in [
            "nginx:1",
            "docker.io/library/nginx:1",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:aa",
            "localhost:5000/web:1",
        ] {
            assert_eq!(EcrImage::parse(other, Some("http://127.0.0.1:4566")), None, "{other}");
        }
    }

    #[test]
    fn so_are_tags_of_the_registry_at_the_endpoint() {
        for endpoint in ["http://127.0.0.1:4566", "http://127.0.0.1:4566/"] {
            let parsed = EcrImage::parse("127.0.0.1:4566/team/web:v2", Some(endpoint)).expect("a tag");
            assert_eq!(
                (parsed.repository.as_str(), parsed.tag.as_str(), &parsed.owner),
                ("team/web", "v2", &Owner::Caller)
            );
            assert_eq!(EcrImage::parse("127.0.0.1:4566/web@sha256:aa", Some(endpoint)), None);
        }
        assert_eq!(EcrImage::parse("127.0.0.1:4566/web:v2", None), None);
    }
}
