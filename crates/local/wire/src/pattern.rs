//! The models' regular expressions, which are Java's, as this program's.
//!
//! AWS checks the whole string against a pattern, whether or not the pattern has anchors; so does [`compile`]. A
//! pattern that has no equivalent is never guessed at: it compiles to nothing, and nothing is checked.

use std::fmt::Write;

use regex::Regex;

/// The model's `pattern`, matching whole strings only; `None` when it uses what this program's expressions lack
/// (look-around, back references).
pub(crate) fn compile(pattern: &str) -> Option<Regex> {
    Regex::new(&format!(r"\A(?:{})\z", translate(pattern))).ok()
}

/// The same pattern in the other dialect. Java's classes `\d`, `\w`, `\s` are ASCII; its `\u` escapes are UTF-16.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match rest.next() {
            Some('d') => out.push_str("[0-9]"),
            Some('D') => out.push_str("[^0-9]"),
            Some('w') => out.push_str("[0-9A-Za-z_]"),
            Some('W') => out.push_str("[^0-9A-Za-z_]"),
            Some('s') => out.push_str(r"[ \t\n\x0B\x0C\r]"),
            Some('S') => out.push_str(r"[^ \t\n\x0B\x0C\r]"),
            // Java's name of the characters of ASCII that can be seen, and the blank.
            Some('p') if rest.as_str().starts_with("{Print}") => {
                out.push_str(r"[\x20-\x7e]");
                rest = rest.as_str()["{Print}".len()..].chars();
            }
            Some('u') => push_utf_16(&mut out, &mut rest),
            // These two are word boundaries there and the characters themselves in Java.
            Some(sign @ ('<' | '>')) => out.push(sign),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

/// One `\uXXXX`, or a pair of them that together is one character.
fn push_utf_16(out: &mut String, rest: &mut std::str::Chars<'_>) {
    let Some(high) = four_digits(rest) else {
        out.push_str(r"\u");
        return;
    };
    let mut ahead = rest.clone();
    let low =
        if ahead.next() == Some('\\') && ahead.next() == Some('u') { four_digits(&mut ahead) } else { None };
    let character = match (high, low) {
        (0xd800..0xdc00, Some(low @ 0xdc00..0xe000)) => {
            *rest = ahead;
            0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)
        }
        // A lone surrogate never stands in a string here; the nearest character that can is its neighbour.
        (0xd800..0xdc00, _) => 0xd7ff,
        (0xdc00..0xe000, _) => 0xe000,
        _ => high,
    };
    let written = write!(out, r"\x{{{character:x}}}");
    debug_assert!(written.is_ok(), "writing to a String cannot fail");
}

fn four_digits(rest: &mut std::str::Chars<'_>) -> Option<u32> {
    let digits = rest.as_str().get(..4)?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    *rest = rest.as_str().get(4..)?.chars();
    Some(number)
}

#[cfg(test)]
mod tests {
    use tidegate_models::{application_autoscaling, cloudwatch, codedeploy, ecs, elbv2, iam, logs, ssm};

    use super::*;

    /// What the models have and this program's expressions cannot say; each is a constraint that is not checked.
    const NOT_CHECKED: &[&str] = &[
        r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$",
        r"(?!((^[ ]+.*)|(.*([\u0000-\u001f]|[\u007f-\u009f]|[:/|])+.*)|(.*[ ]+$))).+",
    ];

    #[test]
    fn every_pattern_of_the_models_is_compiled_or_listed() {
        for model in [
            cloudwatch::model(),
            codedeploy::model(),
            ecs::model(),
            elbv2::model(),
            logs::model(),
            ssm::model(),
            iam::model(),
            application_autoscaling::model(),
        ] {
            for (_, shape) in model.shapes() {
                if let Some(pattern) = &shape.pattern {
                    let listed = NOT_CHECKED.contains(&pattern.as_str());
                    assert_eq!(compile(pattern).is_none(), listed, "{}: {pattern}", shape.name);
                }
            }
        }
    }

    #[test]
    fn a_pattern_without_anchors_holds_for_the_whole_string() {
        let tags = compile(r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)").unwrap();
        assert!(tags.is_match("Zürich 7/a=b+c@d"));
        assert!(!tags.is_match("a!"));
        assert!(!tags.is_match("a\n"));
    }

    #[test]
    fn alternatives_are_matched_whole_too() {
        assert!(!compile("a|b").unwrap().is_match("ab"));
    }

    #[test]
    fn java_classes_are_ascii() {
        assert!(compile(r"^(2|4|5)\d\d$").unwrap().is_match("404"));
        assert!(!compile(r"\d+").unwrap().is_match("٤٠٤"));
        assert!(!compile(r"[\w-]*").unwrap().is_match("ä"));
    }

    #[test]
    fn utf_16_escapes_are_characters() {
        let text = compile(r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*").unwrap();
        assert!(text.is_match("line\n😀 é"));
        assert!(!text.is_match("\u{1}"));
    }

    #[test]
    fn what_cannot_be_said_is_not_guessed_at() {
        assert!(compile("(?!aws).*").is_none());
    }
}
