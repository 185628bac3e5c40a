//! Images are named by their digest: the guide's fourth practice.

use super::{Rule, definition_block};
use crate::picture::read::word;
use crate::{Found, Look, Picture, Severity};

pub(super) const RULE: Rule = Rule {
    id: "digests",
    severity: Severity::Warning,
    title: "images are named by digest",
    why: "A tag may be moved. Then tasks of one revision run different programs, and a rollback to that revision is \
          none: the same tag brings the bad image again.",
    practice: Some(4),
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    if look.need(&picture.definition).is_none() {
        return look;
    }
    for container in picture.containers() {
        let (Some(name), Some(image)) = (word(container, "name"), word(container, "image")) else { continue };
        if image.contains("@sha256:") {
            continue;
        }
        let known = picture.images.get(image);
        let digest = known.and_then(|it| look.need(&it.digest));
        let base = repository(image);
        let terraform = |by: &str| {
            definition_block(
                picture,
                &format!("# in container_definitions, container \"{name}\"\nimage = \"{by}\""),
            )
        };
        let mut found = match (known, digest) {
            (Some(_), Some(digest)) => Found::new(
                format!("container {name} runs an image by its tag"),
                "Deploy it once more: `tidegate deploy` puts the digest in the tag's place, unless the config file says `resolveDigests: false`.",
            )
            .by(super::tidegate(picture, "deploy").with("--image", &format!("{name}={image}")).written())
            .in_terraform(terraform(&format!("{base}@{digest}"))),
            _ => Found::new(
                format!("container {name} runs an image by its tag"),
                format!("Name it by its digest, {base}@sha256:…, as the registry shows it, and deploy. Of images in ECR `tidegate deploy` does so by itself."),
            )
            .in_terraform(terraform(&format!("{base}@sha256:…"))),
        };
        found = found.seen_by(format!("container {name} of {}: {image}", picture.family()));
        look.finds(match digest {
            Some(digest) => found.seen_by(format!("the tag is {digest} today")),
            None => found,
        });
    }
    look
}

/// The image without its tag.
fn repository(image: &str) -> &str {
    match image.rsplit_once(':') {
        // A colon before a slash is a registry's port.
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{container, quiet, sound, tagged, told};
    use serde_json::json;

    #[test]
    fn a_tag_is_found_with_the_digest_that_it_is_today_and_a_digest_is_fine() {
        let mut picture = sound();
        quiet(&RULE, &picture);
        tagged(&mut picture);
        insta::assert_snapshot!(told(&RULE, &picture));
    }

    #[test]
    fn so_is_one_of_another_registry() {
        let mut picture = sound();
        container(&mut picture)["image"] = json!("registry.example.com:5000/team/api:v2");
        insta::assert_snapshot!(told(&RULE, &picture));
    }
}
