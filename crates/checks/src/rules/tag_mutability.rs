//! Tags in ECR cannot be moved: the guide's fifth practice.

use super::{Rule, block};
use crate::line::Line;
use crate::picture::read::word;
use crate::{Found, Look, Picture, Severity};

pub(super) const RULE: Rule = Rule {
    id: "tag-mutability",
    severity: Severity::Warning,
    title: "tags of the ECR repository are immutable",
    why: "Where tags may be moved, a push under an old tag changes what the next task of an old revision runs, and what \
          a person finds under the version that an incident names.",
    practice: Some(5),
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    if look.need(&picture.definition).is_none() {
        return look;
    }
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for container in picture.containers() {
        let Some(image) = word(container, "image").and_then(|name| picture.images.get(name)) else {
            continue;
        };
        let repository = (image.registry.as_str(), image.repository.as_str());
        if seen.contains(&repository) {
            continue;
        }
        seen.push(repository);
        let Some(mutability) = look.need(&image.mutability) else { continue };
        // IMMUTABLE_WITH_EXCLUSION was somebody's decision about which tags may move.
        if mutability.starts_with("IMMUTABLE") {
            continue;
        }
        let name = image.repository.as_str();
        look.finds(
            Found::new(
                format!("tags of repository {name} can be moved"),
                "Make tags immutable, and push each build under a tag of its own.",
            )
            .seen_by(format!("{}/{name}: imageTagMutability {mutability}", image.registry))
            .by(Line::aws("ecr", "put-image-tag-mutability")
                .with("--repository-name", name)
                .with("--image-tag-mutability", "IMMUTABLE")
                .written())
            .in_terraform(block(
                "aws_ecr_repository",
                name,
                &format!("name                 = \"{name}\"\nimage_tag_mutability = \"IMMUTABLE\""),
            )),
        );
    }
    look
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Asked;
    use crate::testing::{IMAGE, quiet, sound, told};

    #[test]
    fn a_repository_whose_tags_may_move_is_found() {
        let mut picture = sound();
        let mut set = |mutability: &str| {
            picture.images.get_mut(IMAGE).expect("it is there").mutability = Asked::Told(mutability.into());
            picture.clone()
        };
        insta::assert_snapshot!(told(&RULE, &set("MUTABLE")));
        quiet(&RULE, &set("IMMUTABLE"));
        quiet(&RULE, &set("IMMUTABLE_WITH_EXCLUSION"));
    }
}
