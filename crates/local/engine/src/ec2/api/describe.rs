//! What every describe call does: by ids or all, filtered, completed, in pages.

use tidegate_models::ec2::Filter;

use super::{errors::invalid_value, filters, resources::Resource, tags};
use crate::{ApiError, Context, State, page::page};

/// AWS's most items of one page, which is also what a call without `MaxResults` gets.
const MOST: i32 = 1000;

/// What a call asks for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub ids: Option<Vec<String>>,
    pub filters: Option<Vec<Filter>>,
    pub max_results: Option<i32>,
    pub next_token: Option<String>,
}

/// The documents that a call asks for, with the token of the next page. An id that does not exist is an error.
pub(super) fn describe<R: Resource>(
    state: &State,
    context: &Context,
    asked: Asked,
) -> Result<(Option<Vec<R>>, Option<String>), ApiError> {
    let limit = asked.max_results.unwrap_or(MOST);
    if !(1..=MOST).contains(&limit) {
        return Err(invalid_value(format!(
            "Value ( {limit} ) for parameter maxResults is invalid. Expecting a value between 1 and {MOST}."
        )));
    }
    let filters = filters::prepared(&R::KIND, asked.filters)?;
    let mut wanted = Vec::new();
    for id in asked.ids.iter().flatten() {
        let arn = R::KIND.arn(context, id);
        if !R::table(state).contains(&arn) {
            return Err(R::KIND.missing(id));
        }
        wanted.push(arn);
    }
    let prefix = R::KIND.arn(context, "");
    let rows = R::table(state)
        .with_prefix(&prefix)
        .filter(|(arn, _)| wanted.is_empty() || wanted.iter().any(|wanted| wanted == arn))
        .map(|(arn, row)| (arn, completed(state, context, arn, row)))
        .filter(|(_, document)| filters::match_all(document, &filters));
    let refused = || ApiError::new("InvalidNextToken", "The specified token is not valid.");
    let limit = usize::try_from(limit).unwrap_or(1);
    let page = page(rows, R::KIND.resource_type.as_str(), asked.next_token.as_deref(), limit, refused)?;
    Ok((Some(page.items), page.next))
}

/// The document of this id, as it is shown; the kind's error when there is none.
pub(super) fn find<R: Resource>(state: &State, context: &Context, id: &str) -> Result<R, ApiError> {
    let arn = R::KIND.arn(context, id);
    let row = R::table(state).get(&arn).ok_or_else(|| R::KIND.missing(id))?;
    Ok(completed(state, context, &arn, row))
}

/// Stores a new document with its tags; it is answered as it is shown.
pub(super) fn add<R: Resource>(state: &mut State, context: &Context, row: R, tags: tags::Given) -> R {
    let arn = R::KIND.arn(context, row.id());
    state.put_tags(&arn, tags);
    let shown = completed(state, context, &arn, &row);
    R::table_mut(state).insert(&arn, row);
    shown
}

/// Changes the document of this id, which exists.
pub(super) fn change<R: Resource>(
    state: &mut State,
    context: &Context,
    id: &str,
    change: impl FnOnce(&mut R),
) {
    R::table_mut(state).update(&R::KIND.arn(context, id), change);
}

/// Removes the document of this id with its tags.
pub(super) fn remove<R: Resource>(state: &mut State, context: &Context, id: &str) {
    let arn = R::KIND.arn(context, id);
    R::table_mut(state).remove(&arn);
    state.tags.remove(&arn);
}

/// A new id of this kind.
pub(super) fn new_id<R: Resource>(state: &mut State) -> String {
    id_with(state, R::KIND.prefix)
}

/// A new id that begins with `prefix`.
pub(super) fn id_with(state: &mut State, prefix: &str) -> String {
    format!("{prefix}-0{}", state.ids.hex(16))
}

fn completed<R: Resource>(state: &State, context: &Context, arn: &str, row: &R) -> R {
    let mut document = row.clone();
    document.set_tags(tags::of(state, arn));
    document.complete(state, context);
    document
}
