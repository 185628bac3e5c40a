//! `GetRandomPassword`. It is drawn from the local cloud's seed, so it is good for tests and for nothing else.

use tidegate_models::{
    Secret as Hidden,
    secretsmanager::{GetRandomPasswordRequest, GetRandomPasswordResponse},
};

use super::{invalid_parameter, invalid_request};
use crate::{ApiError, Context, State};

const LOWERCASE: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPERCASE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const NUMBERS: &str = "0123456789";
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// AWS's length unless the call says otherwise, and its longest.
const LENGTH: i64 = 32;
const LONGEST: i64 = 4096;

pub(super) fn draw(
    state: &mut State,
    _context: &Context,
    input: GetRandomPasswordRequest,
) -> Result<GetRandomPasswordResponse, ApiError> {
    let length = input.password_length.unwrap_or(LENGTH);
    if !(1..=LONGEST).contains(&length) {
        return Err(invalid_parameter(format!("PasswordLength must be between 1 and {LONGEST}.")));
    }
    let length = usize::try_from(length).unwrap_or(1);
    let excluded = input.exclude_characters.unwrap_or_default();
    let sets: Vec<Vec<char>> = [
        (LOWERCASE, input.exclude_lowercase != Some(true)),
        (UPPERCASE, input.exclude_uppercase != Some(true)),
        (NUMBERS, input.exclude_numbers != Some(true)),
        (PUNCTUATION, input.exclude_punctuation != Some(true)),
        (" ", input.include_space == Some(true)),
    ]
    .into_iter()
    .filter(|(_, included)| *included)
    .map(|(set, _)| set.chars().filter(|c| !excluded.contains(*c)).collect::<Vec<char>>())
    .filter(|set| !set.is_empty())
    .collect();
    let all: Vec<char> = sets.iter().flatten().copied().collect();
    if all.is_empty() {
        return Err(invalid_request("There are no characters left that the password may have."));
    }
    let each = input.require_each_included_type != Some(false);
    if each && length < sets.len() {
        return Err(invalid_parameter(
            "The password length is too short for a password with each of the included types.",
        ));
    }
    let mut password: Vec<char> = (0..length).map(|_| all[state.ids.below(all.len())]).collect();
    if each {
        // Each type gets a place of its own, drawn among those that are left.
        let mut places: Vec<usize> = (0..length).collect();
        for set in &sets {
            let place = places.swap_remove(state.ids.below(places.len()));
            password[place] = set[state.ids.below(set.len())];
        }
    }
    let password: String = password.into_iter().collect();
    Ok(GetRandomPasswordResponse { random_password: Some(Hidden::new(password)) })
}
