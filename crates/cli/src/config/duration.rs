//! Durations as people write them: `90s`, `15m`, `1h30m`. Start with [`parse_millis`].

/// Milliseconds. A bare number is seconds.
pub fn parse_millis(given: &str) -> Result<i64, String> {
    let wrong = || format!("`{given}` is no duration; write for example 90s, 15m or 1h30m");
    let given_text = given.trim();
    if let Ok(seconds) = given_text.parse::<u32>() {
        return Ok(i64::from(seconds) * 1000);
    }
    let mut total: i64 = 0;
    let mut digits = String::new();
    let mut rest = given_text.chars().peekable();
    while let Some(c) = rest.next() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let unit = match c {
            'h' => 3_600_000,
            'm' if rest.next_if_eq(&'s').is_some() => 1,
            'm' => 60_000,
            's' => 1_000,
            _ => return Err(wrong()),
        };
        let number: i64 = digits.parse().map_err(|_| wrong())?;
        digits.clear();
        total = number.checked_mul(unit).and_then(|ms| total.checked_add(ms)).ok_or_else(wrong)?;
    }
    if digits.is_empty() && !given_text.is_empty() { Ok(total) } else { Err(wrong()) }
}

/// The same, for what has to take time.
pub fn parse_some_millis(given: &str) -> Result<i64, String> {
    match parse_millis(given)? {
        0 => Err("that is no time at all; give more than 0".into()),
        some => Ok(some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let read: Vec<_> =
            ["90", "90s", "15m", "1h30m", "500ms", "0s"].iter().map(|text| parse_millis(text)).collect();
        assert_eq!(read, [Ok(90_000), Ok(90_000), Ok(900_000), Ok(5_400_000), Ok(500), Ok(0)]);
        for wrong in ["", "m", "5x", "1h5", "99999999999999999999h"] {
            assert!(parse_some_millis(wrong).is_err_and(|error| error.contains("no duration")), "{wrong}");
        }
        for nothing in ["0", "0s", "0h0m"] {
            assert!(
                parse_some_millis(nothing).is_err_and(|error| error.contains("no time at all")),
                "{nothing}"
            );
        }
    }
}
