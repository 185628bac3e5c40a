//! The image of what a rollback would go to is still in ECR: the other half of the guide's eighth practice.

use super::{Rule, block};
use crate::line::Line;
use crate::picture::read::{list, word};
use crate::{Asked, Found, Look, Picture, Severity};

pub(super) const RULE: Rule = Rule {
    id: "rollback-image",
    severity: Severity::Error,
    title: "the image that a rollback needs is still in ECR",
    why: "A lifecycle policy that keeps the last few images does not know which one runs or which one a rollback needs. \
          Without its image the earlier revision starts nothing: CannotPullContainerError.",
    practice: Some(8),
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    let Some(way_back) = look.need(&picture.way_back) else { return look };
    let Some(definition) = look.need(&way_back.definition) else { return look };
    for container in list(definition, "containerDefinitions") {
        let Some(name) = word(container, "image") else { continue };
        let Some(image) = picture.images.get(name) else { continue };
        match &image.digest {
            Asked::Told(_) => {}
            Asked::CouldNotAsk(why) => look.cannot_tell(why),
            Asked::Absent => look.finds(
                Found::new(
                    format!("the image of {}, which a rollback would go to, is gone from ECR", way_back.revision),
                    format!(
                        "Push it again, under its tag or digest, or release once more so that there is another way back. Let the lifecycle policy of {} keep more images than you release within the time that you may want to go back.",
                        image.repository
                    ),
                )
                .seen_by(format!("container {}: {name}", word(container, "name").unwrap_or_default()))
                .seen_by(format!("repository {} has no such image", image.repository))
                .by(Line::aws("ecr", "get-lifecycle-policy")
                    .with("--repository-name", &image.repository)
                    .written())
                .in_terraform(block(
                    "aws_ecr_lifecycle_policy",
                    &image.repository,
                    &format!("repository = \"{}\"\npolicy     = jsonencode({{ rules = [{{\n  rulePriority = 1\n  selection    = {{ tagStatus = \"any\", countType = \"imageCountMoreThan\", countNumber = 50 }}\n  action       = {{ type = \"expire\" }}\n}}] }})", image.repository),
                )),
            ),
        }
    }
    look
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{OLD_IMAGE, quiet, sound, told};

    #[test]
    fn an_image_that_a_lifecycle_policy_took_away_is_found() {
        let mut picture = sound();
        quiet(&RULE, &picture);
        picture.images.get_mut(OLD_IMAGE).expect("it is there").digest = Asked::Absent;
        insta::assert_snapshot!(told(&RULE, &picture));
        picture.images.remove(OLD_IMAGE);
        quiet(&RULE, &picture);
    }
}
