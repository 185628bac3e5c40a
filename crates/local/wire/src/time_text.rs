//! Points in time as XML and query write them: ISO 8601.
//!
//! In documents a timestamp is a number, seconds since the Unix epoch; this only turns that into text and back, and
//! never fails on any number. Start at [`iso_8601`].

use jiff::Timestamp;

/// The time `seconds` after the Unix epoch, to the millisecond, for example `2026-07-14T09:26:53.580Z`. Numbers
/// beyond the years that can be written give the last one that can.
pub(crate) fn iso_8601(seconds: f64) -> String {
    // The cast saturates, and takes NaN to zero.
    let millis = (seconds * 1000.0).round() as i64;
    let clamped =
        millis.clamp(Timestamp::MIN.as_millisecond() + 1, Timestamp::MAX.as_millisecond().saturating_sub(1));
    format!("{:.3}", Timestamp::from_millisecond(clamped).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// Seconds since the Unix epoch of an ISO 8601 time, or of a plain number.
pub(crate) fn parse_seconds(text: &str) -> Option<f64> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_millisecond() as f64 / 1000.0);
    }
    text.parse::<f64>().ok().filter(|seconds| seconds.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_with_milliseconds_and_z() {
        assert_eq!(iso_8601(1_795_444_013.58), "2026-11-23T14:26:53.580Z");
        assert_eq!(iso_8601(0.0), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_time_out_of_range_is_written_all_the_same() {
        for seconds in [f64::MAX, f64::MIN, f64::NAN, f64::INFINITY] {
            assert!(iso_8601(seconds).ends_with('Z'));
        }
    }

    #[test]
    fn iso_8601_and_numbers_are_read() {
        assert_eq!(parse_seconds("2026-11-23T14:26:53.580Z"), Some(1_795_444_013.58));
        assert_eq!(parse_seconds("2026-11-23T14:26:53Z"), Some(1_795_444_013.0));
        assert_eq!(parse_seconds("1795444013"), Some(1_795_444_013.0));
        assert_eq!(parse_seconds("yesterday"), None);
        assert_eq!(parse_seconds("inf"), None);
    }
}
