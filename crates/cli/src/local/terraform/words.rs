//! What `terraform apply -json` says, one JSON value a line, in the words of a person: how far it is, and what went
//! wrong, as Terraform itself words it.

use std::fmt::Write as _;

use serde_json::Value;

/// How much was changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Resources that were made.
    pub added: u64,
    /// Resources that were changed in place.
    pub changed: u64,
    /// Resources that were removed.
    pub removed: u64,
}

impl Totals {
    fn of(changes: &Value) -> Self {
        let count = |what: &str| changes[what].as_u64().unwrap_or(0);
        Self { added: count("add"), changed: count("change"), removed: count("remove") }
    }

    fn all(self) -> u64 {
        self.added + self.changed + self.removed
    }
}

/// An `apply` under way.
#[derive(Debug, Default)]
pub(super) struct Apply {
    planned: u64,
    done: u64,
    /// The totals once it is done.
    pub(super) totals: Totals,
    /// What went wrong.
    pub(super) errors: Vec<String>,
}

impl Apply {
    /// Takes a line in; answers whether it is further than before.
    pub(super) fn take(&mut self, line: &str) -> bool {
        // A provider that breaks may write anything.
        let Ok(said) = serde_json::from_str::<Value>(line) else { return false };
        match said["type"].as_str() {
            Some("change_summary") if said["changes"]["operation"] == "plan" => {
                self.planned = Totals::of(&said["changes"]).all();
                true
            }
            Some("change_summary") => {
                self.totals = Totals::of(&said["changes"]);
                false
            }
            Some("apply_complete") => {
                self.done += 1;
                true
            }
            Some("diagnostic") if said["diagnostic"]["severity"] == "error" => {
                self.errors.push(diagnostic(&said["diagnostic"]));
                false
            }
            _ => false,
        }
    }

    /// How far it is.
    pub(super) fn progress(&self) -> String {
        format!("terraform: {} of {} changes", self.done, self.planned)
    }
}

/// A diagnostic as Terraform shows it, without the frame.
fn diagnostic(diagnostic: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().trim_end().to_owned();
    let mut words = format!("Error: {}\n", text(&diagnostic["summary"]));
    if let Some(address) = diagnostic["address"].as_str() {
        let _ = write!(words, "\n  with {address},");
    }
    if let Some(file) = diagnostic["range"]["filename"].as_str() {
        let line = &diagnostic["range"]["start"]["line"];
        let _ = write!(words, "\n  on {file} line {line}");
        if let Some(block) = diagnostic["snippet"]["context"].as_str() {
            let _ = write!(words, ", in {block}");
        }
        words.push_str(":\n");
        let first = diagnostic["snippet"]["start_line"].as_u64().unwrap_or(0);
        for (code, number) in text(&diagnostic["snippet"]["code"]).lines().zip(first..) {
            let _ = writeln!(words, "  {number}: {code}");
        }
        for value in diagnostic["snippet"]["values"].as_array().into_iter().flatten() {
            let _ = writeln!(words, "    {} {}", text(&value["traversal"]), text(&value["statement"]));
        }
    }
    let detail = text(&diagnostic["detail"]);
    if !detail.is_empty() {
        let _ = write!(words, "\n{detail}");
    }
    words.trim_end().to_owned()
}

/// Each line moved in by two.
pub(super) fn indented(text: &str) -> String {
    let lines = text.lines().map(|line| if line.is_empty() { String::new() } else { format!("  {line}") });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(lines: &[Value]) -> Apply {
        let mut apply = Apply::default();
        for line in lines {
            apply.take(&line.to_string());
        }
        apply
    }

    #[test]
    fn progress_counts_what_is_done_of_what_is_planned_and_the_totals_come_at_the_end() {
        let plan = json!({"type": "change_summary",
            "changes": {"add": 3, "change": 1, "import": 0, "remove": 1, "operation": "plan"}});
        let done = json!({"type": "apply_complete", "hook": {"action": "create"}});
        let mut apply = said(&[plan, json!({"type": "version"}), done.clone()]);
        assert_eq!(apply.progress(), "terraform: 1 of 5 changes");
        assert!(!apply.take("panic: a provider broke"));
        assert!(apply.take(&done.to_string()));
        let end = json!({"type": "change_summary",
            "changes": {"add": 3, "change": 1, "import": 0, "remove": 1, "operation": "apply"}});
        assert!(!apply.take(&end.to_string()));
        assert_eq!(apply.totals, Totals { added: 3, changed: 1, removed: 1 });
        assert!(apply.errors.is_empty());
    }

    #[test]
    fn a_diagnostic_reads_as_terraforms_own_and_warnings_are_none() {
        let warning =
            json!({"type": "diagnostic", "diagnostic": {"severity": "warning", "summary": "Deprecated"}});
        let error = json!({"type": "diagnostic", "diagnostic": {
            "severity": "error", "summary": "Reference to undeclared resource",
            "detail": "A managed resource \"aws_vpc\" \"x\" has not been declared in the root module.",
            "range": {"filename": "main.tf", "start": {"line": 12, "column": 3}, "end": {"line": 12, "column": 9}},
            "snippet": {"context": "resource \"aws_subnet\" \"a\"", "code": "  vpc_id = aws_vpc.x.id", "start_line": 12,
                "values": [{"traversal": "var.n", "statement": "is 3"}]},
        }});
        let apply = said(&[warning, error]);
        assert_eq!(
            apply.errors,
            [
                "Error: Reference to undeclared resource\n\n  on main.tf line 12, in resource \"aws_subnet\" \"a\":\n  \
              12:   vpc_id = aws_vpc.x.id\n    var.n is 3\n\nA managed resource \"aws_vpc\" \"x\" has not been declared \
              in the root module."
            ]
        );
    }

    #[test]
    fn what_an_api_answered_names_the_resource() {
        let error = json!({"type": "diagnostic", "diagnostic": {
            "severity": "error", "summary": "creating ECS Cluster (x): ClientException", "detail": "",
            "address": "aws_ecs_cluster.main",
        }});
        assert_eq!(
            said(&[error]).errors,
            ["Error: creating ECS Cluster (x): ClientException\n\n  with aws_ecs_cluster.main,"]
        );
    }
}
