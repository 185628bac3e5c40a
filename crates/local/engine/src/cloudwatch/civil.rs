//! Points in time as CloudWatch writes them into texts.
//!
//! Always UTC. Start at [`day_first`].

use tidegate_models::Timestamp;

/// A point in time as a calendar and a clock show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    /// From 1 on.
    pub(crate) month: i64,
    /// From 1 on.
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    pub(crate) millisecond: i64,
}

impl Civil {
    /// The point in time; `None` when no calendar or clock shows this.
    pub(crate) fn timestamp(self) -> Option<Timestamp> {
        // The inverse of `parts`: days since 0000-03-01, so that leap days come last.
        let year = self.year - i64::from(self.month <= 2);
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * (self.month + if self.month > 2 { -3 } else { 9 }) + 2) / 5 + self.day - 1;
        let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
        let days = era * 146_097 + of_era - 719_468;
        let seconds = ((days * 24 + self.hour) * 60 + self.minute) * 60 + self.second;
        let at = Timestamp::from_millis(seconds * 1_000 + self.millisecond);
        (parts(at) == self).then_some(at)
    }
}

/// What calendar and clock show at a point in time.
pub(crate) fn parts(at: Timestamp) -> Civil {
    let millis = at.as_millis();
    let (days, of_day) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    // Days since 0000-03-01, in eras of 400 years: leap days then come last.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (seconds, millisecond) = (of_day / 1000, of_day % 1000);
    Civil {
        year,
        month,
        day,
        hour: seconds / 3600,
        minute: seconds / 60 % 60,
        second: seconds % 60,
        millisecond,
    }
}

/// As in the reasons of alarms: `24/11/26 10:00:00`.
pub(super) fn day_first(at: Timestamp) -> String {
    let Civil { year, month, day, hour, minute, second, .. } = parts(at);
    format!("{day:02}/{month:02}/{:02} {hour:02}:{minute:02}:{second:02}", year.rem_euclid(100))
}

/// As in the reasons of composite alarms: `Tuesday 24 November, 2026 10:00:00 UTC`.
pub(super) fn long(at: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let Civil { year, month, day, hour, minute, second, .. } = parts(at);
    let of_week = at.as_millis().div_euclid(86_400_000).rem_euclid(7);
    let weekday = DAYS[of_week as usize];
    let month = MONTHS[(month - 1) as usize];
    format!("{weekday} {day:02} {month}, {year} {hour:02}:{minute:02}:{second:02} UTC")
}

/// As in the data of alarms: `2026-11-24T10:00:00.000+0000`.
pub(super) fn iso(at: Timestamp) -> String {
    let Civil { year, month, day, hour, minute, second, millisecond: millis } = parts(at);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}+0000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time_are_written_as_cloudwatch_does() {
        for (millis, expected) in [
            (0, "1970-01-01T00:00:00.000+0000"),
            (951_782_399_999, "2000-02-28T23:59:59.999+0000"),
            (951_782_400_000, "2000-02-29T00:00:00.000+0000"),
            (1_795_514_400_000, "2026-11-24T10:00:00.000+0000"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000+0000"),
        ] {
            assert_eq!(iso(Timestamp::from_millis(millis)), expected);
        }
        assert_eq!(day_first(Timestamp::from_millis(1_795_514_400_000)), "24/11/26 10:00:00");
        assert_eq!(long(Timestamp::from_millis(1_795_514_400_000)), "Tuesday 24 November, 2026 10:00:00 UTC");
    }
}
