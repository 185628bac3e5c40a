//! The plan of a rollout as a table: a row a step, then what each gate means, then what it comes to. It must never
//! show anything that the plan, which is what is executed, does not say. Start with [`plan_table`].

use crate::layout::{self, Cell, Column, hanging, numbers, wrapped};
use crate::style::{Style, Tone};
use crate::words::{gate_meaning, span, tasks};
use std::fmt::Write as _;
use tidegate_rollout::code_deploy::app_spec::HOOKS;
use tidegate_rollout::plan::{OnFailure, Step, StepKind};
use tidegate_rollout::{Plan, Strategy};

const COLUMNS: [Column; 7] = [
    numbers(""),
    layout::words("STEP"),
    numbers("SHARE"),
    layout::words("GATES"),
    numbers("AT LEAST"),
    numbers("AT MOST"),
    layout::words("ON FAILURE"),
];
/// Names of gates are not broken into fewer cells than this.
const GATES_AT_LEAST: usize = 12;

/// The table, in lines of at most `width` cells where names and numbers allow it: what a failure does is told in
/// the rows where there is room, else once below them.
pub fn plan_table(plan: &Plan, style: Style, width: usize) -> String {
    let strategy = &plan.strategy;
    let mut text = format!(
        "{}  {} × {}\n",
        style.paint(Tone::Strong, &plan.target.to_string()),
        strategy.name(),
        strategy.controller().name()
    );
    let words = Words::that_fit(plan, width);
    text.push_str(&layout::table(&COLUMNS, &rows(plan, words, gates_room(plan, words, width)), style));
    if words == Words::Short {
        let mut told: Vec<OnFailure> = Vec::new();
        for step in &plan.steps {
            if !told.contains(&step.on_failure) {
                told.push(step.on_failure);
            }
        }
        let meanings = told.iter().map(|what| (short(*what), long(*what).to_owned()));
        legend(&mut text, "on failure", meanings, width, style);
    }
    legend(
        &mut text,
        "gates",
        plan.gates.iter().map(|gate| (gate.name.as_str(), gate_meaning(&gate.check))),
        width,
        style,
    );
    if let Strategy::CodeDeploy(_, group) = &plan.strategy {
        let named = HOOKS.iter().filter_map(|event| Some((*event, group.hooks.get(*event)?)));
        let meanings = named.map(|(event, function)| {
            (event, format!("calls {function}; goes back unless it says Succeeded within an hour"))
        });
        legend(&mut text, "hooks", meanings, width, style);
    }
    let least =
        if plan.least() == 0 { "no bake".to_owned() } else { format!("at least {}", span(plan.least())) };
    let _ = writeln!(
        text,
        "  in all: {}, {}",
        style.paint(Tone::Strong, &least),
        style.paint(Tone::Strong, &format!("at most {}", tasks(plan.most_tasks())))
    );
    text
}

/// How a failure is told in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    Short,
    Long,
}

impl Words {
    fn that_fit(plan: &Plan, width: usize) -> Self {
        let names = plan.steps.iter().map(|step| gates(plan, step).chars().count()).max().unwrap_or(0);
        let room = names.clamp("GATES".len(), 2 * GATES_AT_LEAST);
        let rest = layout::table_width(&COLUMNS, &rows(plan, Self::Long, 1)) - "GATES".len();
        if rest + room <= width { Self::Long } else { Self::Short }
    }
}

/// The cells that are left for the names of gates.
fn gates_room(plan: &Plan, words: Words, width: usize) -> usize {
    // Broken into single cells, the names take no more than their head does.
    let rest = layout::table_width(&COLUMNS, &rows(plan, words, 1)) - "GATES".len();
    width.saturating_sub(rest).max(GATES_AT_LEAST)
}

fn rows(plan: &Plan, words: Words, gates_room: usize) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for (at, step) in plan.steps.iter().enumerate() {
        let names = gates(plan, step);
        let mut lines = wrapped(&names, gates_room).into_iter();
        let first = lines.next().unwrap_or_default();
        rows.push(vec![
            Cell::toned(Tone::Quiet, (at + 1).to_string()),
            does(step.kind).into(),
            share(step.kind),
            if names.is_empty() { Cell::none() } else { first.into() },
            if step.bake == 0 { Cell::none() } else { span(step.bake).into() },
            tasks(step.most_tasks).into(),
            match words {
                Words::Short => short(step.on_failure),
                Words::Long => long(step.on_failure),
            }
            .into(),
        ]);
        rows.extend(lines.map(|line| vec!["".into(), "".into(), "".into(), line.into()]));
    }
    rows
}

fn gates(plan: &Plan, step: &Step) -> String {
    let names = step.gates.iter().filter_map(|gate| plan.gates.get(*gate)).map(|gate| gate.name.as_str());
    names.collect::<Vec<_>>().join(", ")
}

fn does(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Roll => "replace tasks",
        StepKind::ScaleUp => "start candidate",
        StepKind::TestTraffic => "test traffic",
        StepKind::Shift(_) => "shift traffic",
        StepKind::RollStable => "roll stable",
        StepKind::ShiftHome => "traffic home",
        StepKind::CleanUp => "clean up",
    }
}

fn share(kind: StepKind) -> Cell {
    match kind {
        StepKind::Shift(weight) => Cell::toned(Tone::Strong, weight.to_string()),
        _ => Cell::none(),
    }
}

fn short(on_failure: OnFailure) -> &'static str {
    match on_failure {
        OnFailure::EcsRollsBack => "ECS rolls back",
        OnFailure::CandidateGoes => "candidate goes",
        OnFailure::WeightsBack => "weights back",
        OnFailure::CandidateStays => "candidate stays",
    }
}

fn long(on_failure: OnFailure) -> &'static str {
    match on_failure {
        OnFailure::EcsRollsBack => "ECS rolls back to what completed last",
        OnFailure::CandidateGoes => "candidate's tasks go; no user saw them",
        OnFailure::WeightsBack => "all traffic back to stable at once",
        OnFailure::CandidateStays => "nothing is taken back; it is tried again",
    }
}

/// Each name once, with what it means beside it.
fn legend<'a>(
    text: &mut String,
    head: &str,
    meanings: impl Iterator<Item = (&'a str, String)>,
    width: usize,
    style: Style,
) {
    let meanings: Vec<_> = meanings.collect();
    let Some(longest) = meanings.iter().map(|(name, _)| name.chars().count()).max() else { return };
    let _ = writeln!(text, "  {}", style.paint(Tone::Quiet, head));
    for (name, meaning) in meanings {
        for line in hanging(&format!("    {name}"), longest + 6, &meaning, width) {
            let _ = writeln!(text, "{line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stories;

    #[test]
    fn a_canary_with_gates_of_every_kind_in_80_columns() {
        insta::assert_snapshot!(plan_table(&stories::canary(), Style::Plain, 80));
    }

    #[test]
    fn a_canary_with_gates_of_every_kind_in_120_columns() {
        insta::assert_snapshot!(plan_table(&stories::canary(), Style::Plain, 120));
    }

    #[test]
    fn colour_says_what_to_look_at_in_a_plan() {
        insta::assert_snapshot!(stories::visible(&plan_table(&stories::canary(), Style::Coloured, 120)));
    }

    #[test]
    fn a_rolling_plan_is_one_row() {
        let plan = stories::rolling();
        insta::assert_snapshot!(format!(
            "{}\n{}",
            plan_table(&plan, Style::Plain, 80),
            plan_table(&plan, Style::Plain, 120)
        ));
    }

    #[test]
    fn blue_green_and_linear_have_a_row_a_step() {
        let plans = [stories::blue_green(), stories::linear()];
        insta::assert_snapshot!(plans.map(|plan| plan_table(&plan, Style::Plain, 80)).join("\n"));
    }

    #[test]
    fn no_line_of_a_plan_is_wider_than_the_terminal() {
        let plans = [stories::rolling(), stories::canary(), stories::blue_green(), stories::linear()];
        for width in [80, 100, 120, 200] {
            for plan in &plans {
                for line in plan_table(plan, Style::Plain, width).lines() {
                    assert!(line.chars().count() <= width, "{width}: {line}");
                }
            }
        }
    }
}
