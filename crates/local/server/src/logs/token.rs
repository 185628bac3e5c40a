//! Tokens of pages of events, and the ids of events: positions as digits.

use tidegate_store::LogPosition;

/// How many digits each part has. No time and no id of an event is below zero.
const DIGITS: usize = 28;

/// 56 digits, as AWS's ids have.
pub(super) fn of(position: LogPosition) -> String {
    format!("{:0DIGITS$}{:0DIGITS$}", position.at.max(0), position.id.max(0))
}

/// The position that a token names.
pub(super) fn parse(token: &str) -> Option<LogPosition> {
    let is_token = token.len() == 2 * DIGITS && token.bytes().all(|byte| byte.is_ascii_digit());
    let (at, id) = is_token.then(|| token.split_at(DIGITS))?;
    Some(LogPosition { at: at.parse().ok()?, id: id.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_position_that_it_was_made_of() {
        for (at, id) in [(0, 0), (1_790_000_000_000, 42), (i64::MAX, i64::MAX)] {
            let position = LogPosition { at, id };
            assert_eq!((of(position).len(), parse(&of(position))), (56, Some(position)));
        }
        for token in ["", "é", "12", &"9".repeat(56), &"x".repeat(56)] {
            assert_eq!(parse(token), None, "{token}");
        }
    }
}
