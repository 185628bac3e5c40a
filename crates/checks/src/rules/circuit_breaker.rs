//! The circuit breaker is on and rolls back: the guide's first practice.

use super::{Rule, service_block, update_service};
use crate::picture::read::truth;
use crate::{Found, Look, Picture, Severity};

pub(super) const RULE: Rule = Rule {
    id: "circuit-breaker",
    severity: Severity::Error,
    title: "the deployment circuit breaker is on and rolls back",
    why: "Without it a deployment whose tasks never get healthy stays IN_PROGRESS for ever and starts failing tasks \
          again and again; without rollback it stops half-way, with old and new tasks mixed.",
    practice: Some(1),
    look,
};

fn look(picture: &Picture) -> Look {
    let mut look = Look::default();
    if !picture.is_deployed_by_ecs() {
        return look;
    }
    let breaker = picture.deployment().and_then(|it| it.get("deploymentCircuitBreaker"));
    let is = |member| breaker.and_then(|breaker| truth(breaker, member)) == Some(true);
    let what = match (is("enable"), is("rollback")) {
        (true, true) => return look,
        (true, false) => "the circuit breaker stops a failed deployment and does not roll it back",
        (false, _) => "the circuit breaker is off",
    };
    let evidence = match breaker {
        Some(_) => format!("deploymentCircuitBreaker: enable {}, rollback {}", is("enable"), is("rollback")),
        None => "the service has no deploymentCircuitBreaker".to_owned(),
    };
    let setting = "deploymentCircuitBreaker={enable=true,rollback=true}";
    look.finds(
        Found::new(what, "Switch it on with rollback; it starts no deployment. `tidegate deploy` does so by itself unless the config file says `circuitBreaker: leave`.")
            .seen_by(evidence)
            .by(update_service(picture).with("--deployment-configuration", setting).written())
            .in_terraform(service_block(
                picture,
                "deployment_circuit_breaker {\n  enable   = true\n  rollback = true\n}",
            )),
    );
    look
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{quiet, sound, told};
    use serde_json::json;

    #[test]
    fn a_breaker_that_is_off_or_does_not_roll_back_is_found_and_one_that_does_is_not() {
        let mut picture = sound();
        picture.service["deploymentConfiguration"]["deploymentCircuitBreaker"] =
            json!({"enable": false, "rollback": false});
        insta::assert_snapshot!(told(&RULE, &picture));
        picture.service["deploymentConfiguration"]["deploymentCircuitBreaker"]["enable"] = json!(true);
        assert!(told(&RULE, &picture).contains("does not roll it back"));
        picture.service["deploymentConfiguration"]["deploymentCircuitBreaker"]["rollback"] = json!(true);
        quiet(&RULE, &picture);
    }

    #[test]
    fn a_service_of_codedeploy_has_none() {
        let mut picture = sound();
        picture.service["deploymentController"] = json!({"type": "CODE_DEPLOY"});
        picture.service["deploymentConfiguration"] = json!({});
        quiet(&RULE, &picture);
    }
}
