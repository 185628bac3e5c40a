//! Form parameters, from the address, the body or both.
//!
//! It only splits and unescapes; what the names mean is `query`'s. It must never hold more than [`MAX_PARAMS`].
//! Start at [`Params::parse`].

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::malformed::Malformed;

/// How many parameters one request may have. The largest that AWS's own limits allow stay well under this.
const MAX_PARAMS: usize = 10_000;

/// One parameter, unescaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Param<'a> {
    /// Its name, for example `Tags.member.1.Key`.
    pub name: Cow<'a, str>,
    /// Its value; empty when the name stands alone.
    pub value: Cow<'a, str>,
}

/// The parameters of one request, sorted by name so that all under one prefix stand together.
#[derive(Debug, Default)]
pub(crate) struct Params<'a>(Vec<Param<'a>>);

impl<'a> Params<'a> {
    /// Reads the query part of the address and a form body.
    pub(crate) fn parse(query: Option<&'a str>, body: &'a [u8]) -> Result<Self, Malformed> {
        let body = std::str::from_utf8(body).map_err(|_| Malformed::Parameters)?;
        let mut params = Vec::new();
        let pairs = query.unwrap_or_default().split('&').chain(body.trim_ascii().split('&'));
        for pair in pairs.filter(|pair| !pair.is_empty()) {
            if params.len() == MAX_PARAMS {
                return Err(Malformed::Parameters);
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            params.push(Param { name: unescape(name)?, value: unescape(value)? });
        }
        // Stable: of two with one name the one that came first stays first, and is the one that counts.
        params.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self(params))
    }

    /// The value of the parameter called exactly `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let at = self.0.partition_point(|param| *param.name < *name);
        self.0.get(at).filter(|param| param.name == name).map(|param| &*param.value)
    }

    /// All of them, sorted by name.
    pub(crate) fn sorted(&self) -> &[Param<'a>] {
        &self.0
    }
}

fn unescape(text: &str) -> Result<Cow<'_, str>, Malformed> {
    if !text.contains('+') {
        return percent_decode_str(text).decode_utf8().map_err(|_| Malformed::Parameters);
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| Malformed::Parameters)?;
    Ok(Cow::Owned(decoded.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_and_body_are_read_together() {
        let params = Params::parse(Some("Action=A&X-Amz-Date=1"), b"Version=2015-12-01&Name=b\n").unwrap();
        assert_eq!(params.get("Action"), Some("A"));
        assert_eq!(params.get("Name"), Some("b"));
        assert_eq!(params.get("Nam"), None);
    }

    #[test]
    fn plus_and_percent_are_unescaped_once() {
        let params = Params::parse(None, b"a=x+y%2Bz%2520&%C3%A4=1&flag&empty=").unwrap();
        assert_eq!(params.get("a"), Some("x y+z%20"));
        assert_eq!(params.get("ä"), Some("1"));
        assert_eq!(params.get("flag"), Some(""));
        assert_eq!(params.get("empty"), Some(""));
    }

    #[test]
    fn of_two_with_one_name_the_first_counts() {
        assert_eq!(Params::parse(None, b"a=1&b=2&a=3").unwrap().get("a"), Some("1"));
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert!(Params::parse(None, b"a=%ff").is_err());
        assert!(Params::parse(None, b"a=\xff").is_err());
    }

    #[test]
    fn there_is_a_limit_to_their_number() {
        assert!(Params::parse(None, "a=1&".repeat(MAX_PARAMS).as_bytes()).is_ok());
        assert!(Params::parse(None, "a=1&".repeat(MAX_PARAMS + 1).as_bytes()).is_err());
    }
}
