//! `${env:NAME}` in the texts of a config file or a task definition. It must never leave a look-up
//! unresolved in silence: an empty variable in production is worse than an error. Start with
//! [`resolve`].

use super::error::{ConfigError, Source};
use super::yaml::{Data, Node};
use serde_json::Value;

/// Resolves every look-up in the tree. `variable` answers environment variables. `$${` stands for a
/// plain `${`; a `${…}` without one of our prefixes is left alone, since shells use it too.
pub fn resolve(
    source: &Source,
    node: &mut Node,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(), ConfigError> {
    let place = node.place;
    match &mut node.data {
        Data::Scalar(Value::String(text)) if text.contains("${") => {
            *text = resolved(text, variable).map_err(|problem| {
                let error = ConfigError::at(source, place, problem.what);
                match problem.help {
                    Some(help) => error.with_help(help),
                    None => error,
                }
            })?;
        }
        Data::Scalar(_) => {}
        Data::List(items) => {
            for item in items {
                resolve(source, item, variable)?;
            }
        }
        Data::Mapping(entries) => {
            for (_, value) in entries {
                resolve(source, value, variable)?;
            }
        }
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Problem {
    what: String,
    help: Option<String>,
}

fn resolved(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, Problem> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(kept) = before.strip_suffix('$') {
            out.push_str(kept);
            out.push_str("${");
            rest = &from[2..];
            continue;
        }
        out.push_str(before);
        let inside = &from[2..];
        let Some(end) = inside.find('}') else {
            out.push_str(from);
            return Ok(out);
        };
        match looked_up(&inside[..end], variable)? {
            Some(value) => out.push_str(&value),
            None => out.push_str(&from[..end + 3]),
        }
        rest = &inside[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// The value of one look-up; `None` if it is none of ours.
fn looked_up(inside: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<String>, Problem> {
    let Some((kind, name)) = inside.split_once(':') else {
        return Ok(None);
    };
    match kind {
        "env" => {
            let (name, fallback) = match name.split_once(":-") {
                Some((name, fallback)) => (name, Some(fallback)),
                None => (name, None),
            };
            variable(name).or_else(|| fallback.map(str::to_owned)).map(Some).ok_or_else(|| Problem {
                what: format!("the environment variable {name} is not set"),
                help: Some(format!("set it, or give a default: ${{env:{name}:-default}}")),
            })
        }
        "ssm" | "tfstate" => Err(Problem {
            what: format!("${{{kind}:…}} look-ups are not yet available"),
            help: Some(
                "this version has ${env:NAME}; fetch the value before and pass it through the environment"
                    .into(),
            ),
        }),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_tag(text: &str) -> Result<String, Problem> {
        resolved(text, &|name| (name == "TAG").then(|| "v2".to_owned()))
    }

    #[test]
    fn variables_are_put_in_and_shell_syntax_is_left_alone() {
        assert_eq!(with_tag("web:${env:TAG}-${env:TAG}").as_deref(), Ok("web:v2-v2"));
        assert_eq!(with_tag("echo ${HOME} $${env:TAG} ${x").as_deref(), Ok("echo ${HOME} ${env:TAG} ${x"));
        assert_eq!(with_tag("${env:NOPE:-latest}").as_deref(), Ok("latest"));
    }

    #[test]
    fn an_unset_variable_and_a_lookup_of_later_are_errors() {
        assert_eq!(
            with_tag("${env:NOPE}").map_err(|p| p.what),
            Err("the environment variable NOPE is not set".to_owned())
        );
        assert!(with_tag("${ssm:/a/b}").is_err());
    }
}
