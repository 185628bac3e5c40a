//! A Terraform configuration for each cell of strategy × controller: network, load balancer, registry, roles, alarms and
//! the service itself, with what Tidegate, ECS or CodeDeploy move left to them. Start with [`files`].

use crate::service::section;
use crate::template::fill;
use crate::{File, Scaffold};
use tidegate_rollout::names::ServiceName;
use tidegate_rollout::strategy::{CanaryStep, Candidate, DeploymentGroup, Traffic};
use tidegate_rollout::{Controller, Percent, Strategy};

const MINUTE: i64 = 60_000;

/// What the configuration is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// `rolling`, `blue_green`, `linear` or `canary`.
    pub strategy: String,
    /// Who moves.
    pub controller: Controller,
    /// What everything is called, or begins with.
    pub name: String,
    /// The region.
    pub region: String,
}

/// Why there is no configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The pair does not exist.
    #[error(transparent)]
    Pair(#[from] tidegate_rollout::strategy::StrategyError),
    /// A load balancer's name has at most 32 letters, and `-candidate` comes after.
    #[error(
        "`{0}` cannot be the name: it must begin with a letter, have only small letters, digits and hyphens, not end with a hyphen, and have at most 20 of them"
    )]
    Name(String),
}

/// The files: one kind of resource each, and the tidegate.yml that goes with them.
///
/// # Errors
///
/// [`Refusal`] for a pair that does not exist, or a name that AWS would refuse.
pub fn files(cell: &Cell) -> Result<Scaffold, Refusal> {
    let strategy = strategy(cell)?;
    let (service, groups) = match cell.controller {
        Controller::Ecs if cell.strategy == "rolling" => {
            (include_str!("../templates/terraform/service_rolling.tf"), &["app"][..])
        }
        Controller::Ecs => (include_str!("../templates/terraform/service_ecs.tf"), &["blue", "green"][..]),
        Controller::CodeDeploy => {
            (include_str!("../templates/terraform/service_code_deploy.tf"), &["blue", "green"][..])
        }
        Controller::Alb => {
            (include_str!("../templates/terraform/service_alb.tf"), &["stable", "candidate"][..])
        }
    };
    let service_resource = match cell.controller {
        Controller::Alb => "aws_ecs_service.app[\"stable\"]",
        Controller::Ecs | Controller::CodeDeploy => "aws_ecs_service.app",
    };
    let has_test_traffic = strategy.traffic().is_some() && cell.controller != Controller::Alb;
    let title = match cell.strategy.as_str() {
        "blue_green" => "Blue/green",
        "linear" => "Linear",
        "canary" => "Canary",
        _ => "Rolling",
    };
    let (section, gates, native) =
        (section(&strategy), gates(cell, &strategy, groups), cell.strategy.to_uppercase());
    let values = [
        ("name", cell.name.as_str()),
        ("region", cell.region.as_str()),
        ("test_port", if has_test_traffic { TEST_PORT } else { "" }),
        ("service_resource", service_resource),
        ("title", title),
        ("native", native.as_str()),
        ("config", config(&cell.strategy)),
        ("section", section.as_str()),
        ("gates", gates.as_str()),
    ];
    let file = |path: &str, template: &str| File::new(path, fill(template, &values));
    let files = vec![
        file("service.tf", service),
        file("task_definition.tf", include_str!("../templates/terraform/task_definition.tf")),
        file("load_balancer.tf", include_str!("../templates/terraform/load_balancer.tf")),
        file("alarms.tf", include_str!("../templates/terraform/alarms.tf")),
        file("autoscaling.tf", include_str!("../templates/terraform/autoscaling.tf")),
        file("cluster.tf", include_str!("../templates/terraform/cluster.tf")),
        file("registry.tf", include_str!("../templates/terraform/registry.tf")),
        file("iam.tf", include_str!("../templates/terraform/iam.tf")),
        file("network.tf", include_str!("../templates/terraform/network.tf")),
        file("security_groups.tf", include_str!("../templates/terraform/security_groups.tf")),
        file("variables.tf", include_str!("../templates/terraform/variables.tf")),
        file("outputs.tf", include_str!("../templates/terraform/outputs.tf")),
        file("versions.tf", include_str!("../templates/terraform/versions.tf")),
        file("tidegate.yml", include_str!("../templates/terraform/tidegate.yml")),
    ];
    let mut notes = Vec::new();
    if cell.controller == Controller::Ecs && strategy.traffic().is_some() {
        notes.push("providers before 6.4 have no block for this strategy: the apply calls the AWS CLI once; service.tf says what to write with a newer one".into());
    }
    let next = vec![
        "terraform init".to_owned(),
        "terraform apply -var image=…      # the image that the service begins with".to_owned(),
        "IMAGE=… tidegate deploy      # every later one".to_owned(),
    ];
    Ok(Scaffold { files, notes, next })
}

/// The strategy with the numbers that the configuration has, too.
fn strategy(cell: &Cell) -> Result<Strategy, Refusal> {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let name = &cell.name;
    let is_name = (1..=20).contains(&name.len())
        && name.chars().all(is_letter)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-');
    let candidate = ServiceName::parse(&format!("{name}-candidate"));
    let (true, Ok(service)) = (is_name, candidate) else { return Err(Refusal::Name(name.clone())) };
    let whole = Percent::whole;
    let (linear, canary) = match cell.controller {
        // As CodeDeployDefault.ECSLinear10PercentEvery1Minutes and ECSCanary10Percent5Minutes.
        Controller::CodeDeploy => ((10, 1), vec![(whole(10), 5)]),
        Controller::Alb => ((25, 5), [10, 25, 50].map(|share| (whole(share), 5)).to_vec()),
        Controller::Ecs => ((25, 5), vec![(whole(10), 5)]),
    };
    let bake = 5 * MINUTE;
    let traffic = match cell.strategy.as_str() {
        "linear" => Traffic::Linear { step: whole(linear.0), step_bake: linear.1 * MINUTE, bake },
        "canary" => Traffic::Canary {
            steps: canary
                .into_iter()
                .map(|(weight, bake)| CanaryStep { weight, bake: bake * MINUTE })
                .collect(),
            bake,
        },
        _ => Traffic::BlueGreen { bake },
    };
    let group = DeploymentGroup {
        application: name.clone(),
        group: name.clone(),
        config: None,
        hooks: std::collections::BTreeMap::new(),
    };
    let candidate = Candidate { service, rule: None };
    // Does the pair exist? What says so knows the words as well.
    let wish = tidegate_rollout::strategy::Wish {
        strategy: Some(cell.strategy.clone()),
        controller: Some(cell.controller.name().to_owned()),
        deployment_group: Some(group.clone()),
        candidate: Some(candidate.clone()),
        ..tidegate_rollout::strategy::Wish::default()
    };
    Ok(match Strategy::choose(&wish)? {
        Strategy::Rolling => Strategy::Rolling,
        Strategy::Ecs(_) => Strategy::Ecs(traffic),
        Strategy::CodeDeploy(..) => Strategy::CodeDeploy(traffic, group),
        Strategy::Alb(..) => Strategy::Alb(traffic, candidate),
    })
}

fn gates(cell: &Cell, strategy: &Strategy, groups: &[&str]) -> String {
    let alarms = groups.iter().map(|group| format!("  - alarm: {}-{group}-errors\n", cell.name));
    let mut text: String = alarms.collect();
    if strategy.traffic().is_some() {
        text.push_str("  # The candidate's error rate against stable's; where there are too few requests to tell, it passes.\n");
        text.push_str("  - errors: { tolerance: 0.5, tooLittle: pass }\n");
    }
    text.trim_end().to_owned()
}

/// CodeDeploy's own config for a strategy.
fn config(strategy: &str) -> &'static str {
    match strategy {
        "linear" => "ECSLinear10PercentEvery1Minutes",
        "canary" => "ECSCanary10Percent5Minutes",
        _ => "ECSAllAtOnce",
    }
}

/// The variable of those that have test traffic.
const TEST_PORT: &str = r#"
variable "test_port" {
  description = "The port of the load balancer that only tests use."
  type        = number
  default     = 8080
}
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_rollout::strategy::PAIRS;

    fn cell(strategy: &str, controller: Controller) -> Cell {
        Cell { strategy: strategy.into(), controller, name: "web".into(), region: "eu-west-1".into() }
    }

    #[test]
    fn every_pair_that_exists_has_a_configuration_without_holes() {
        for (strategy, controller) in PAIRS {
            let made = files(&cell(strategy, controller)).expect("it exists");
            assert_eq!(made.files.len(), 14);
            for file in made.files {
                assert!(
                    !file.text.contains("@{"),
                    "{strategy} by {controller:?}: {}\n{}",
                    file.path,
                    file.text
                );
            }
        }
    }

    #[test]
    fn each_cell_has_the_config_file_that_goes_with_it() {
        let told: Vec<String> = PAIRS
            .iter()
            .filter_map(|(strategy, controller)| {
                let made = files(&cell(strategy, *controller)).ok()?;
                made.files.into_iter().find(|file| file.path == "tidegate.yml").map(|file| file.text)
            })
            .collect();
        insta::assert_snapshot!(told.join("=====\n"));
    }

    #[test]
    fn a_pair_or_a_name_that_cannot_be_is_refused() {
        let refused = |cell: Cell| files(&cell).expect_err("refused").to_string();
        let named = |name: &str| refused(Cell { name: name.into(), ..cell("rolling", Controller::Ecs) });
        let told = [
            refused(cell("rolling", Controller::Alb)),
            refused(cell("yolo", Controller::Ecs)),
            named("Web"),
            named("web-"),
            named("a-name-that-is-much-too-long"),
            named("\"; drop"),
        ];
        insta::assert_snapshot!(told.join("\n"));
    }
}
