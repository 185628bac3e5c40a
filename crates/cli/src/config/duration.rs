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
    if !digits.is_empty() || total == 0 {
        return Err(wrong());
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let read: Vec<_> =
            ["90", "90s", "15m", "1h30m", "500ms"].iter().map(|text| parse_millis(text)).collect();
        assert_eq!(read, [Ok(90_000), Ok(90_000), Ok(900_000), Ok(5_400_000), Ok(500)]);
        for wrong in ["", "m", "5x", "1h5", "99999999999999999999h"] {
            assert!(parse_millis(wrong).is_err(), "{wrong}");
        }
    }
}
