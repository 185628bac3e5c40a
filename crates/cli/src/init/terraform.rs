//! `tidegate init terraform`: a configuration for a cell of strategy × controller. It asks nobody. Start with
//! [`Terraform`].

use super::{Place, write};
use crate::args::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use clap::Args;
use tidegate_rollout::Controller;
use tidegate_scaffold::terraform::{Cell, Refusal, files};

/// `tidegate init terraform`.
#[derive(Debug, Args)]
pub struct Terraform {
    /// rolling, blue_green, linear or canary
    #[arg(long, value_name = "STRATEGY", default_value = "rolling")]
    strategy: String,
    /// ecs, code_deploy or alb
    #[arg(long, value_name = "CONTROLLER", default_value = "ecs")]
    controller: String,
    /// What everything is called, or begins with
    #[arg(long, value_name = "NAME", default_value = "web")]
    name: String,
    #[command(flatten)]
    place: Place,
}

impl Terraform {
    pub fn run(self, global: &Global) -> Result<Exit, Failure> {
        let refused = |refusal: Refusal| Failure::new(Exit::Usage, refusal.to_string());
        let Some(controller) = Controller::named(&self.controller) else {
            let what =
                format!("there is no controller `{}`; there are ecs, code_deploy and alb", self.controller);
            return Err(Failure::new(Exit::Usage, what));
        };
        let environment =
            || ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| std::env::var(name).ok());
        let region = global.region.clone().or_else(environment).unwrap_or_else(|| "eu-west-1".to_owned());
        let scaffold = files(&Cell { strategy: self.strategy, controller, name: self.name, region });
        write::put(&scaffold.map_err(refused)?, &self.place, global)
    }
}
