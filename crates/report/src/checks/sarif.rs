//! Findings as SARIF 2.1.0, which code scanning takes. Suppressed ones are in it, marked as such, and so are the rules
//! that found nothing: a result refers to its rule. Start with [`log`].

use serde_json::{Value, json};
use tidegate_checks::rules::{Rule, TABLE};
use tidegate_checks::{Audit, Reported, Severity};

/// The log, about this file, by this version of the program.
pub fn log(audits: &[Audit], file: &str, version: &str) -> Value {
    let mut results = Vec::new();
    let mut notifications = Vec::new();
    for audit in audits {
        results.extend(audit.findings.iter().map(|finding| result(audit, finding, file, None)));
        let suppressed = audit.suppressed.iter();
        results.extend(suppressed.map(|it| result(audit, &it.finding, file, Some(&it.reason))));
        notifications.extend(audit.could_not_tell.iter().map(|untold| {
            json!({
                "level": "warning",
                "associatedRule": {"id": untold.rule, "index": index(untold.rule)},
                "message": {"text": format!("{} could not tell about {}: {}", untold.rule, audit.service, untold.why)},
            })
        }));
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "tidegate", "version": version, "rules": TABLE.iter().map(rule).collect::<Vec<_>>(),
            }},
            "invocations": [{
                "executionSuccessful": true, "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    })
}

fn rule(rule: &Rule) -> Value {
    let tags: Vec<String> = std::iter::once("deployment".to_owned())
        .chain(rule.practice.map(|number| format!("practice-{number}")))
        .collect();
    json!({
        "id": rule.id,
        "name": camel(rule.id),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {
            "text": format!("It should be so: {}. {}", rule.title, rule.why),
            "markdown": format!("It should be so: **{}**.\n\n{}", rule.title, rule.why),
        },
        "defaultConfiguration": {"level": level(rule.severity)},
        "properties": {"tags": tags},
    })
}

fn result(audit: &Audit, finding: &Reported, file: &str, suppressed: Option<&str>) -> Value {
    let service = format!("{}/{}", audit.cluster, audit.service);
    let mut result = json!({
        "ruleId": finding.rule,
        "ruleIndex": index(finding.rule),
        "level": level(finding.severity),
        "message": {"text": message(audit, finding)},
        "locations": [{
            "physicalLocation": {"artifactLocation": {"uri": file}, "region": {"startLine": 1}},
            "logicalLocations": [{"name": audit.service, "fullyQualifiedName": service, "kind": "resource"}],
        }],
        // The same finding of the same service is the same alert in the next run.
        "partialFingerprints": {"tidegate/v1": format!("{}:{service}:{}", finding.rule, finding.what)},
        "properties": {
            "evidence": finding.evidence, "fix": finding.fix, "command": finding.command, "terraform": finding.terraform,
        },
    });
    if let Some(reason) = suppressed {
        result["suppressions"] = json!([{"kind": "external", "justification": reason}]);
    }
    result
}

fn message(audit: &Audit, finding: &Reported) -> String {
    let mut parts = vec![format!("{} in {}: {}.", audit.service, audit.cluster, finding.what)];
    parts.extend(finding.evidence.iter().map(|line| format!("Evidence: {line}.")));
    parts.push(format!("Fix: {}", finding.fix));
    parts.extend(finding.command.clone());
    parts.join("\n")
}

fn index(id: &str) -> Option<usize> {
    TABLE.iter().position(|rule| rule.id == id)
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

/// `CircuitBreaker`.
fn camel(id: &str) -> String {
    let words = id.split('-').map(|word| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::tests::audits;

    #[test]
    fn findings_become_results_and_what_is_lived_with_says_so() {
        let mut log = log(&audits(), "tidegate.yml", "1.2.3");
        // The rules are their own table.
        let driver = &mut log["runs"][0]["tool"]["driver"];
        assert_eq!(driver["rules"].as_array().map(Vec::len), Some(TABLE.len()));
        driver["rules"] = json!([driver["rules"][0]]);
        let text = serde_json::to_string_pretty(&log).expect("it is JSON");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn each_result_refers_to_its_rule() {
        let log = log(&audits(), "tidegate.yml", "1.2.3");
        for result in log["runs"][0]["results"].as_array().expect("a list") {
            let index = result["ruleIndex"].as_u64().and_then(|index| usize::try_from(index).ok());
            assert_eq!(TABLE[index.expect("it has one")].id, result["ruleId"]);
        }
    }
}
