//! Keeps the table in docs/checks.md as the rules are. `TIDEGATE_WRITE_DOCS=1` writes it anew.

use super::TABLE;
use std::fmt::Write as _;

const BEGIN: &str = "<!-- the table of rules, made by a test of crates/checks: begin -->\n";
const END: &str = "<!-- end -->";

fn table() -> String {
    let mut text = String::from(
        "| rule | severity | practice | what should be so | why |\n| --- | --- | --- | --- | --- |\n",
    );
    for rule in TABLE {
        let practice = rule.practice.map_or_else(|| "–".to_owned(), |number| number.to_string());
        let _ = writeln!(
            text,
            "| `{}` | {} | {practice} | {} | {} |",
            rule.id,
            rule.severity.word(),
            rule.title,
            rule.why
        );
    }
    text
}

#[test]
fn the_table_of_the_documentation_is_that_of_the_rules() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/checks.md");
    let document = std::fs::read_to_string(&path).expect("docs/checks.md is there");
    let (before, rest) = document.split_once(BEGIN).expect("it has the mark where the table begins");
    let (_, after) = rest.split_once(END).expect("and where it ends");
    let fresh = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("TIDEGATE_WRITE_DOCS").is_some() {
        std::fs::write(&path, &fresh).expect("it can be written");
    } else {
        assert!(fresh == document, "docs/checks.md is not fresh: run this test with TIDEGATE_WRITE_DOCS=1");
    }
}

#[test]
fn rules_have_names_of_their_own_and_the_practices_are_all_there() {
    let mut ids: Vec<&str> = TABLE.iter().map(|rule| rule.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), TABLE.len());
    assert!(ids.iter().all(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
    let practices: std::collections::BTreeSet<u8> = TABLE.iter().filter_map(|rule| rule.practice).collect();
    assert_eq!(practices, (1..=8).collect());
}
