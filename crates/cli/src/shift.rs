//! `tidegate shift`: the weights of a listener rule by hand, before and after. It refuses what cannot be
//! meant, and asks where it is in doubt.

use crate::args::{Global, Output};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use clap::Args;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use tidegate_aws::alb::shift::{Groups, Row, prepare};
use tidegate_rollout::names::{ServiceName, ServiceRef};
use tidegate_rollout::{Percent, Strategy};

/// `tidegate shift`.
#[derive(Debug, Args)]
pub struct Shift {
    /// The candidate's share of the traffic, from 0 to 100
    #[arg(long, value_name = "PERCENT", value_parser = share, allow_negative_numbers = true)]
    to: Percent,
    /// The rule [default: the one that forwards to both services' target groups]
    #[arg(long, value_name = "ARN")]
    rule: Option<String>,
    /// The target group that gets the share [default: the second of the rule]
    #[arg(long, value_name = "NAME|ARN", requires = "rule", conflicts_with = "candidate")]
    candidate_group: Option<String>,
    /// The candidate service [default: the config file's]
    #[arg(long, value_name = "NAME")]
    candidate: Option<String>,
    /// Also to a target group without a healthy target
    #[arg(long)]
    force: bool,
    /// Show what would change
    #[arg(long)]
    dry_run: bool,
}

impl Shift {
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = Session::open_for_target(global)?;
        let (groups, target) = self.groups(&session)?;
        let client = session.connect().await?;
        let shift = prepare(&client, &groups, self.rule.as_deref(), self.to).await?;
        shift.refuse_under_lease(&client, target.as_ref()).await?;
        let nobody = shift.to_nobody().join(" and ");
        if !nobody.is_empty() && !self.force {
            return Err(Failure::new(
                Exit::Refused,
                format!("{nobody} has no healthy target: its share of the users would get errors"),
            )
            .with_help(Some("start its service first; --force shifts all the same".into())));
        }
        if self.dry_run || shift.changes_nothing() {
            return Ok(say(global, &shift.rows(None), "nothing was changed"));
        }
        if !nobody.is_empty() && !global.yes && !confirmed(&nobody) {
            return Ok(say(global, &shift.rows(None), "nothing was changed"));
        }
        let set = shift.carry_out(&client).await?;
        let rows = shift.rows(Some(set));
        if rows.iter().any(|row| row.set != Some(row.asked)) {
            say(global, &rows, "the rule says something else than what was asked");
            return Ok(Exit::Failed);
        }
        Ok(say(global, &rows, "set"))
    }

    /// The two groups, and the service whose rollout might be under way.
    fn groups(&self, session: &Session<'_>) -> Result<(Groups, Option<ServiceRef>), Failure> {
        let target = session.target();
        let configured = match &session.config.strategy {
            Strategy::Alb(_, candidate) => Some(candidate.service.clone()),
            _ => None,
        };
        let candidate = self.candidate.as_deref().map(ServiceName::parse).transpose()?.or(configured);
        match (candidate, &self.rule) {
            (Some(service), None) => {
                let stable = target?;
                let candidate = ServiceRef { cluster: stable.cluster.clone(), service };
                Ok((Groups::OfServices { stable: stable.clone(), candidate }, Some(stable)))
            }
            (_, Some(rule)) => {
                let groups = Groups::OfRule { rule: rule.clone(), candidate: self.candidate_group.clone() };
                Ok((groups, target.ok()))
            }
            (None, None) => Err(Failure::new(Exit::Usage, "which rule is not said").with_help(Some(
                "pass --rule ARN, or --candidate SERVICE with the service of the config file".into(),
            ))),
        }
    }
}

fn share(given: &str) -> Result<Percent, String> {
    let number: f64 =
        given.trim_end_matches('%').trim().parse().map_err(|_| "expected a number of percent".to_owned())?;
    Percent::parse(number).map_err(|error| error.to_string())
}

/// Asks on the terminal; without one the answer is no.
fn confirmed(nobody: &str) -> bool {
    if !std::io::stdin().is_terminal() {
        return false;
    }
    let _ = write!(std::io::stderr(), "{nobody} has no healthy target. Shift all the same? [y/N] ");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).is_ok() && matches!(line.trim(), "y" | "Y" | "yes")
}

fn say(global: &Global, rows: &[Row], outcome: &str) -> Exit {
    let text = match global.output {
        Output::Json => format!("{}\n", serde_json::json!({"outcome": outcome, "groups": rows})),
        Output::Text => table(rows, outcome),
    };
    let _ = std::io::stdout().write_all(text.as_bytes());
    Exit::Done
}

/// `stable     web          3 healthy   weight 100 → 75`.
fn table(rows: &[Row], outcome: &str) -> String {
    let width = rows.iter().map(|row| row.target_group.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        let set = match row.set {
            Some(set) if set != row.asked => format!("{} (asked {})", set, row.asked),
            _ => row.asked.to_string(),
        };
        let _ = writeln!(
            text,
            "  {:<9}  {:<width$}  {:>3} healthy  weight {:>3} → {set}",
            row.role, row.target_group, row.healthy, row.before
        );
    }
    text.push_str(outcome);
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(role: &'static str, target_group: &str, before: u16, asked: u16, set: Option<u16>) -> Row {
        Row { role, target_group: target_group.into(), healthy: 3, before, asked, set }
    }

    #[test]
    fn a_shift_shows_before_and_after() {
        let done = [row("stable", "web", 100, 75, Some(75)), row("candidate", "web-canary", 0, 25, Some(25))];
        let other =
            [row("stable", "web", 100, 75, Some(90)), row("candidate", "web-canary", 0, 25, Some(10))];
        insta::assert_snapshot!(
            [table(&done, "set"), table(&other, "the rule says something else than what was asked")].concat(),
            @r"
          stable     web           3 healthy  weight 100 → 75
          candidate  web-canary    3 healthy  weight   0 → 25
        set
          stable     web           3 healthy  weight 100 → 90 (asked 75)
          candidate  web-canary    3 healthy  weight   0 → 10 (asked 25)
        the rule says something else than what was asked
        "
        );
    }

    #[test]
    fn a_share_is_a_number_of_percent_in_tenths() {
        assert_eq!(share("25"), Ok(Percent::whole(25)));
        assert_eq!(share("2.5%").map(Percent::tenths), Ok(25));
        assert!(share("101").is_err() && share("a").is_err());
    }
}
