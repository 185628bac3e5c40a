//! JSON or YAML as one tree. What begins with a brace is JSON; both YAML and AWS take that so.

use saphyr::{Scalar, Yaml};
use serde_json::{Map, Value};

/// The one document of a text.
pub(super) fn parse(content: &str) -> Result<Value, String> {
    let text = content.trim_start_matches('\u{feff}').trim_start();
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.starts_with('{') {
        return serde_json::from_str(text).map_err(|error| format!("it is not valid JSON: {error}"));
    }
    let documents: Vec<Yaml<'_>> = tidegate_yaml::load(content).map_err(|error| {
        let line = error.marker().line();
        format!("it is not valid YAML: line {line}: {}", error.info())
    })?;
    match documents.as_slice() {
        [document] => value(document),
        [] => Err("it is empty".to_owned()),
        _ => Err("it has more than one YAML document".to_owned()),
    }
}

fn value(yaml: &Yaml<'_>) -> Result<Value, String> {
    Ok(match yaml {
        Yaml::Value(scalar) => scalar_value(scalar),
        Yaml::Sequence(items) => Value::Array(items.iter().map(value).collect::<Result<_, _>>()?),
        Yaml::Mapping(entries) => {
            let mut members = Map::new();
            for (key, entry) in entries {
                let Yaml::Value(Scalar::String(name)) = key else {
                    return Err("a key of its YAML is not a text".to_owned());
                };
                members.insert(name.to_string(), value(entry)?);
            }
            Value::Object(members)
        }
        Yaml::Tagged(_, inner) => value(inner)?,
        _ => return Err("a value of its YAML cannot be read".to_owned()),
    })
}

fn scalar_value(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(truth) => Value::Bool(*truth),
        Scalar::Integer(number) => Value::from(*number),
        Scalar::FloatingPoint(number) => Value::from(number.into_inner()),
        Scalar::String(text) => Value::String(text.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nesting_without_end_is_refused_by_name() {
        let staircase = (0..2_000).map(|at| format!("{}a:\n", " ".repeat(at))).collect::<Vec<_>>().concat();
        for text in ["- ".repeat(1_000_000), "? ".repeat(100_000), "[".repeat(65), staircase] {
            let told = parse(&text).unwrap_err();
            assert!(told.contains("nested more than 64 levels deep"), "{told}");
        }
        assert!(parse(&"[".repeat(1_000_000)).is_err());
        assert!(parse(&"{\"a\":".repeat(1_000_000)).is_err());
    }

    #[test]
    fn aliases_of_aliases_do_not_grow_without_end() {
        let wide: String = (1..20)
            .map(|at| format!("a{at}: &a{at} [{}]\n", format!("*a{}, ", at - 1).repeat(10)))
            .collect::<Vec<_>>()
            .concat();
        assert!(parse(&format!("a0: &a0 [x]\n{wide}")).is_err());
        // Deep ones are built as far as the limit goes, on the stack of a thread of the server.
        let deep = (1..100)
            .map(|at| format!("a{at}: &a{at} {}*a{}{}\n", "[".repeat(60), at - 1, "]".repeat(60)))
            .collect::<Vec<_>>()
            .concat();
        for aliases in [10, 15, 100] {
            let text: String = deep.lines().take(aliases).flat_map(|line| [line, "\n"]).collect();
            let reading = std::thread::spawn(move || parse(&format!("a0: &a0 [x]\n{text}")).is_ok());
            assert_eq!(reading.join().unwrap(), aliases < 16);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let _ = parse(&text);
        }

        #[test]
        fn no_signs_of_yaml_make_it_panic(signs in prop::collection::vec(
            prop::sample::select(vec![
                "- ", "? ", ": ", "a", "a: ", "\n", "  ", "\n  ", "[", "]", "{", "}", ",", "&a ", "*a", "!t ", "!!int ", "|", ">", "'", "\"",
                "#", "---\n", "...\n", "%YAML 1.2\n", "<<: ", "\t", "\u{feff}", "é", "\0", "0x1f", "1e999", "~",
            ]),
            0..60,
        )) {
            let _ = parse(&signs.concat());
        }
    }
}
