//! Values as YAML writes them. It must never write a text that is read back as anything else. Start with [`scalar`].

/// A text as one YAML scalar: plain where that is safe, else in double quotes, which are JSON's.
pub(crate) fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// Does a YAML reader take these letters for a text, and for this one?
fn is_plain(text: &str) -> bool {
    let first = text.chars().next();
    let starts_well = first.is_some_and(|c| c.is_ascii_alphabetic() || c == '/' || c == '_');
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "-_./@".contains(c);
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    starts_well && text.chars().all(is_letter) && !words.contains(&text.to_lowercase().as_str())
}

/// Milliseconds as `tidegate.yml` writes a time.
pub(crate) fn time(ms: i64) -> String {
    match ms {
        0 => "0".to_owned(),
        _ if ms % 3_600_000 == 0 => format!("{}h", ms / 3_600_000),
        _ if ms % 60_000 == 0 => format!("{}m", ms / 60_000),
        _ => format!("{}s", ms / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_as_itself() {
        use saphyr::{LoadableYamlNode as _, Yaml};
        let texts = [
            "web",
            "no",
            "True",
            "1e3",
            "0x1",
            "",
            " a",
            "a: b",
            "a #b",
            "- a",
            "${env:IMAGE}",
            "é\n",
            "a\"b",
            "~",
            "arn:aws:x",
            "*",
            "null",
            "12:30",
            "@a",
            "a/b-c_d.e",
            "registry:5000/a@sha256:00",
        ];
        for text in texts {
            let written = format!("k: {}\n", scalar(text));
            let read = Yaml::load_from_str(&written).expect(&written);
            assert_eq!(read[0]["k"].as_str(), Some(text), "{written}");
        }
    }

    #[test]
    fn times_are_written_in_the_largest_unit_that_fits() {
        assert_eq!([0, 1_000, 90_000, 600_000, 7_200_000].map(time), ["0", "1s", "90s", "10m", "2h"]);
    }
}
