//! The difference between two task definitions as a table. Start with [`table`].

use crate::style::{Style, Tone};
use std::fmt::Write as _;
use tidegate_rollout::task_definition::diff::{Difference, Effect, Shown};

/// The longest value that is shown in full.
const LONGEST: usize = 160;

/// One block a difference: the place, what was, what will be, and what it does.
pub fn table(differences: &[Difference], style: Style) -> String {
    let mut text = String::new();
    for difference in differences {
        let effect = match &difference.effect {
            Effect::RestartsTasks => style.paint(Tone::Quiet, "restarts tasks"),
            Effect::Nothing => style.paint(Tone::Quiet, "no task notices"),
            Effect::Risk(risk) => style.paint(Tone::Warning, &format!("restarts tasks; risk: {risk}")),
        };
        let _ = writeln!(text, "  {}  {effect}", style.paint(Tone::Strong, &difference.path));
        match (&difference.before, &difference.after) {
            (Shown::Masked, Shown::Masked) => {
                text.push_str("    ~ the value changed (not shown)\n");
            }
            (before, after) => {
                if let Some(value) = written(before) {
                    let _ = writeln!(text, "    {} {value}", style.paint(Tone::Bad, "-"));
                }
                if let Some(value) = written(after) {
                    let _ = writeln!(text, "    {} {value}", style.paint(Tone::Good, "+"));
                }
            }
        }
    }
    text
}

fn written(value: &Shown) -> Option<String> {
    match value {
        Shown::Absent => None,
        Shown::Masked => Some("(value not shown)".to_owned()),
        Shown::Value(serde_json::Value::String(text)) => Some(shortened(text)),
        Shown::Value(value) => Some(shortened(&value.to_string())),
    }
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let head: String = text.chars().take(LONGEST).collect();
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_difference_says_where_what_and_what_it_does() {
        let difference =
            |path: &str, before, after, effect| Difference { path: path.into(), before, after, effect };
        let shown = table(
            &[
                difference(
                    "containerDefinitions[web].image",
                    Shown::Value(json!("web:1")),
                    Shown::Value(json!("web:2")),
                    Effect::RestartsTasks,
                ),
                difference(
                    "containerDefinitions[web].environment[KEY].value",
                    Shown::Masked,
                    Shown::Masked,
                    Effect::RestartsTasks,
                ),
                difference(
                    "containerDefinitions[web].environment[NEW].value",
                    Shown::Absent,
                    Shown::Masked,
                    Effect::RestartsTasks,
                ),
                difference(
                    "memory",
                    Shown::Value(json!("1024")),
                    Shown::Value(json!("512")),
                    Effect::Risk("less memory: containers that use more are killed (exit code 137)".into()),
                ),
                difference("tags[team].value", Shown::Absent, Shown::Value(json!("a")), Effect::Nothing),
            ],
            Style::Plain,
        );
        insta::assert_snapshot!(shown);
    }
}
