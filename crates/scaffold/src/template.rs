//! Texts with holes. Neither HCL nor a workflow has `@{`, so that both stand in their templates as they will stand in
//! their files. A hole that nobody fills stays, and a test of each template finds it. Start with [`fill`].

/// The template with `@{name}` replaced by the value of that name.
pub(crate) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, from)) = rest.split_once("@{") {
        text.push_str(before);
        let hole = from.split_once('}');
        let filled = hole.and_then(|(name, after)| {
            let (_, value) = values.iter().find(|(known, _)| *known == name)?;
            Some((*value, after))
        });
        match filled {
            Some((value, after)) => {
                text.push_str(value);
                rest = after;
            }
            None => {
                text.push_str("@{");
                rest = from;
            }
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_once_and_everything_else_stays() {
        let filled = fill("a @{x}@{y} ${{ x }} @{z} @{", &[("x", "1"), ("y", "@{x}")]);
        assert_eq!(filled, "a 1@{x} ${{ x }} @{z} @{", "a value is not a template");
    }
}
