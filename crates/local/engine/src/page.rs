//! Pagination: a page of ordered items and the token of the next.
//!
//! A token is the key after which the next page starts, marked with what it was made for, so that a token of another
//! call is refused.

use std::fmt::Write;

use crate::ApiError;

/// One page.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

/// The page of `items` (in key order) that starts after `token`, of at most `limit` items.
///
/// `purpose` names the call; `invalid` is the error for a token that was not made for it.
pub(crate) fn page<'a, T>(
    items: impl Iterator<Item = (&'a str, T)>,
    purpose: &str,
    token: Option<&str>,
    limit: usize,
    invalid: impl FnOnce() -> ApiError,
) -> Result<Page<T>, ApiError> {
    let after = match token.map(|token| decode(token, purpose)) {
        None => None,
        Some(Some(key)) => Some(key),
        Some(None) => return Err(invalid()),
    };
    let mut items = items.skip_while(|(key, _)| after.as_deref().is_some_and(|after| *key <= after));
    let mut taken = Vec::new();
    let mut last = None;
    for (key, item) in items.by_ref().take(limit) {
        last = Some(key);
        taken.push(item);
    }
    let next = if items.next().is_some() { last.map(|key| encode(key, purpose)) } else { None };
    Ok(Page { items: taken, next })
}

/// The same for what has an order and no keys, such as a table that never changes.
pub(crate) fn page_in_order<T>(
    items: impl Iterator<Item = T>,
    purpose: &str,
    token: Option<&str>,
    limit: usize,
    invalid: impl FnOnce() -> ApiError,
) -> Result<Page<T>, ApiError> {
    let keyed: Vec<(String, T)> = (0_u32..).map(|place| format!("{place:010}")).zip(items).collect();
    let keys: Vec<String> = keyed.iter().map(|(key, _)| key.clone()).collect();
    let items = keyed.into_iter().map(|(_, item)| item);
    page(keys.iter().map(String::as_str).zip(items), purpose, token, limit, invalid)
}

fn encode(key: &str, purpose: &str) -> String {
    let mut token = String::new();
    for byte in purpose.bytes().chain(*b"/").chain(key.bytes()) {
        // Writing to a string cannot fail.
        let _ = write!(token, "{byte:02x}");
    }
    token
}

fn decode(token: &str, purpose: &str) -> Option<String> {
    if !token.is_ascii() || !token.len().is_multiple_of(2) {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        (0..token.len()).step_by(2).map(|at| u8::from_str_radix(&token[at..at + 2], 16).ok()).collect();
    let text = String::from_utf8(bytes?).ok()?;
    Some(text.strip_prefix(purpose)?.strip_prefix('/')?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invalid() -> ApiError {
        ApiError::new("InvalidParameterException", "Invalid token")
    }

    #[test]
    fn pages_cover_everything_once_and_end() {
        let keys: Vec<String> = (0..25).map(|n| format!("k{n:02}")).collect();
        let (mut seen, mut token) = (Vec::new(), None::<String>);
        loop {
            let items = keys.iter().map(|key| (key.as_str(), key.clone()));
            let page = page(items, "List", token.as_deref(), 10, invalid).unwrap();
            seen.extend(page.items);
            token = page.next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, keys);
    }

    #[test]
    fn a_token_of_another_call_is_refused() {
        let token = encode("k", "ListServices");
        for token in [token.as_str(), "zz", "é", "6", ""] {
            assert!(page([("k", 1)].into_iter(), "ListTasks", Some(token), 10, invalid).is_err());
        }
    }
}
