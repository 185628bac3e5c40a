//! What ECR says of the images. Start with [`Client::pictured_images`].

use super::Known;
use super::asked::asked;
use crate::client::Client;
use crate::ecr::EcrImage;
use std::collections::{BTreeMap, BTreeSet};
use tidegate_checks::picture::Image;

impl Client {
    /// Those of these images that are in ECR.
    pub(super) async fn pictured_images(
        &self,
        known: &Known,
        names: &BTreeSet<String>,
    ) -> BTreeMap<String, Image> {
        let mut found = BTreeMap::new();
        for name in names {
            let Some((image, digest)) = EcrImage::parse_any(name, self.place.endpoint.as_deref()) else {
                continue;
            };
            let repository = format!("{}/{}", image.registry(), image.repository());
            let ask = async { asked(self.tag_mutability(&image).await) };
            let mutability = known.mutability.of(&repository, ask).await;
            let ask = async { asked(self.stored_digest(&image, digest.as_deref()).await) };
            let digest = known.digests.of(name, ask).await;
            found.insert(
                name.clone(),
                Image {
                    repository: image.repository().to_owned(),
                    registry: image.registry().to_owned(),
                    mutability,
                    digest,
                },
            );
        }
        found
    }
}
