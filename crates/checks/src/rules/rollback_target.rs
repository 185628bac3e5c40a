//! What a rollback would go to can still be deployed: the guide's eighth practice.

use super::{Rule, definition_block, tidegate};
use crate::picture::read::word;
use crate::{Asked, Found, Look, Picture, Severity};

pub(super) const RULE: Rule = Rule {
    id: "rollback-target",
    severity: Severity::Error,
    title: "the revision that a rollback goes to is ACTIVE",
    why: "A rollback deploys the revision that was last steady. One that was deregistered can no longer be deployed, \
          and that comes out in the minute in which it is needed.",
    practice: Some(8),
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    let terraform =
        || definition_block(picture, "skip_destroy = true # a new revision leaves the old ones ACTIVE");
    match &picture.way_back {
        Asked::CouldNotAsk(why) => look.cannot_tell(why),
        Asked::Absent if !picture.is_deployed_by_ecs() => {}
        Asked::Absent => look.finds(
            Found::new(
                "there is no earlier revision to go back to",
                "Nothing to do before the second release; until then keep the way back of whatever served before.",
            )
            .seen_by("no other revision was SUCCESSFUL in the service deployments of the last 90 days")
            .as_bad_as(Severity::Info),
        ),
        Asked::Told(way_back) => {
            let status = match &way_back.definition {
                Asked::CouldNotAsk(why) => {
                    look.cannot_tell(why);
                    return look;
                }
                Asked::Absent => "deleted",
                Asked::Told(definition) => word(definition, "status").unwrap_or("ACTIVE"),
            };
            if status == "ACTIVE" {
                return look;
            }
            let family = way_back.revision.split(':').next().unwrap_or_default();
            look.finds(
                Found::new(
                    format!("{}, which a rollback would go to, is {status}", way_back.revision),
                    format!(
                        "A deregistered revision never becomes ACTIVE again. Register and deploy the earlier version from its source, then the present one: from then on there is a way back. Until then `{}` goes to one that is ACTIVE. Prune with `tidegate revisions prune`, which keeps what a rollback needs.",
                        tidegate(picture, "rollback --to REV").written()
                    ),
                )
                .seen_by(format!("DescribeTaskDefinition {}: status {status}", way_back.revision))
                .by(format!("aws ecs list-task-definitions --family-prefix {family} --status ACTIVE"))
                .in_terraform(terraform()),
            );
        }
    }
    look
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::WayBack;
    use crate::testing::{quiet, sound, told};
    use serde_json::json;

    fn to(definition: Asked<serde_json::Value>) -> Picture {
        let mut picture = sound();
        picture.way_back = Asked::Told(WayBack { revision: "api:6".into(), definition });
        picture
    }

    #[test]
    fn a_target_that_was_deregistered_or_deleted_is_found() {
        insta::assert_snapshot!(told(&RULE, &to(Asked::Told(json!({"status": "INACTIVE"})))));
        assert!(told(&RULE, &to(Asked::Absent)).contains("is deleted"));
        quiet(&RULE, &to(Asked::Told(json!({"status": "ACTIVE"}))));
    }

    #[test]
    fn a_first_release_has_no_way_back_and_that_is_worth_knowing() {
        let mut picture = sound();
        picture.way_back = Asked::Absent;
        assert!(told(&RULE, &picture).starts_with("info: "));
    }
}
