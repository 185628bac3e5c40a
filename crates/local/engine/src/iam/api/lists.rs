//! Lists that come page by page: `Marker`, `MaxItems`, `IsTruncated`.

use super::errors::validation;
use crate::{ApiError, page};

/// AWS's items in a page, unless the call says how many.
const PAGE: usize = 100;

/// One page of a list.
#[derive(Debug)]
pub(super) struct Listed<T> {
    pub items: Vec<T>,
    pub is_truncated: Option<bool>,
    pub marker: Option<String>,
}

/// The page of `items`, in key order, that a call asks for; `purpose` names the call and what it is about.
pub(super) fn page<'a, T>(
    items: impl Iterator<Item = (&'a str, T)>,
    purpose: &str,
    marker: Option<&str>,
    max_items: Option<i32>,
) -> Result<Listed<T>, ApiError> {
    let limit =
        max_items.and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0).unwrap_or(PAGE);
    let page = page::page(items, purpose, marker, limit, || validation("Invalid Marker."))?;
    Ok(Listed { items: page.items, is_truncated: Some(page.next.is_some()), marker: page.next })
}
