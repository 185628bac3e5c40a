//! Numbers as people read them: rounded so that they never claim more than is known. Start at [`share_of`].

use crate::counts::Counts;

/// `31.0 % (9 of 29)`.
pub(crate) fn share_of(counts: Counts) -> String {
    if counts.requests() == 0 {
        return "nothing (no requests)".to_owned();
    }
    let percent = counts.rate() * 100.0;
    let digits = match percent {
        p if p > 0.0 && p < 0.095 => 3,
        p if p > 0.0 && p < 0.95 => 2,
        _ => 1,
    };
    format!("{percent:.digits$} % ({} of {})", grouped(counts.errors()), grouped(counts.requests()))
}

/// `0.5 points`, `1 point`.
pub(crate) fn points(points: f64) -> String {
    let unit = if (points - 1.0).abs() < f64::EPSILON { "point" } else { "points" };
    format!("{points} {unit}")
}

/// `12,345`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A probability near one in per cent, cut (not rounded) behind the first digit that is not a nine: `99.4`, `99.998`.
pub(crate) fn nines(doubt: f64) -> String {
    if doubt < 1e-6 {
        return "more than 99.9999".to_owned();
    }
    let digits = (-doubt.log10() - 2.0).ceil().clamp(1.0, 4.0) as i32;
    let scale = 10f64.powi(digits);
    format!("{:.*}", digits as usize, ((1.0 - doubt) * 100.0 * scale + 1e-7).floor() / scale)
}

/// A number of requests that is only known roughly: two digits, upwards.
pub(crate) fn roughly(number: u64) -> u64 {
    let scale = 10u64.saturating_pow(number.max(1).ilog10().saturating_sub(1));
    number.div_ceil(scale).saturating_mul(scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certainties_are_cut_not_rounded() {
        assert_eq!(nines(0.5), "50.0");
        assert_eq!(nines(0.0551), "94.4");
        assert_eq!(nines(0.01), "99.0");
        assert_eq!(nines(0.0051), "99.4");
        assert_eq!(nines(0.000_021), "99.997");
        assert_eq!(nines(1e-9), "more than 99.9999");
    }

    #[test]
    fn rough_numbers_have_two_digits() {
        assert_eq!([0, 7, 42, 421, 1278, 1_234_567].map(roughly), [0, 7, 42, 430, 1300, 1_300_000]);
    }

    #[test]
    fn shares_show_enough_digits() {
        assert_eq!(share_of(Counts::new(29, 9)), "31.0 % (9 of 29)");
        assert_eq!(share_of(Counts::new(265, 0)), "0.0 % (0 of 265)");
        assert_eq!(share_of(Counts::new(7_412, 3)), "0.040 % (3 of 7,412)");
        assert_eq!(share_of(Counts::new(0, 0)), "nothing (no requests)");
        assert_eq!(points(1.0), "1 point");
        assert_eq!(points(0.5), "0.5 points");
    }
}
