//! When a scheduled action happens: `at(…)`, `rate(…)`, `cron(…)`, all in UTC. Start at [`Schedule::parse`].

use std::{collections::BTreeSet, time::Duration};

use tidegate_models::Timestamp;

use crate::cloudwatch::civil::{self, Civil};

const DAY: Duration = Duration::from_hours(24);

/// How many days ahead a cron expression is looked through: all leap years and weekdays come by.
const HORIZON: u32 = 366 * 29;

/// A schedule.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Schedule {
    /// Once.
    At(Timestamp),
    /// Again and again, from when it was put or starts.
    Rate(Duration),
    /// At these minutes.
    Cron(Box<Cron>),
}

/// The six fields of a cron expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cron {
    minutes: BTreeSet<i64>,
    hours: BTreeSet<i64>,
    days: Days,
    months: BTreeSet<i64>,
    years: BTreeSet<i64>,
}

#[derive(Clone, Debug, PartialEq)]
enum Days {
    OfMonth(BTreeSet<i64>),
    LastOfMonth,
    /// 1 is Sunday.
    OfWeek(BTreeSet<i64>),
    /// The weekday, the how-manieth in its month.
    NthOfWeek(i64, i64),
    /// The last of that weekday in its month.
    LastOfWeek(i64),
}

impl Schedule {
    /// Reads a schedule; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (kind, inner) = text
            .strip_suffix(')')
            .and_then(|text| text.split_once('('))
            .ok_or("it must be at(…), rate(…) or cron(…)")?;
        match kind {
            "at" => at(inner).map(Self::At),
            "rate" => rate(inner).map(Self::Rate),
            "cron" => cron(inner).map(|cron| Self::Cron(Box::new(cron))),
            _ => Err("it must be at(…), rate(…) or cron(…)".to_owned()),
        }
    }

    /// The first time later than `after`; a rate counts from `anchor` on.
    pub(super) fn next(&self, after: Timestamp, anchor: Timestamp) -> Option<Timestamp> {
        match self {
            Self::At(at) => (*at > after).then_some(*at),
            Self::Rate(every) => {
                let every = i64::try_from(every.as_millis()).ok()?;
                let passed = (after.as_millis() - anchor.as_millis()).max(0) / every;
                Some(Timestamp::from_millis(anchor.as_millis() + (passed + 1) * every))
            }
            Self::Cron(cron) => cron.next(after),
        }
    }
}

impl Cron {
    fn next(&self, after: Timestamp) -> Option<Timestamp> {
        // The minute after, and then the next days from their start.
        let from = Timestamp::from_millis((after.as_millis().div_euclid(60_000) + 1) * 60_000);
        let midnight = Timestamp::from_millis(from.as_millis().div_euclid(86_400_000) * 86_400_000);
        for ahead in 0..HORIZON {
            let day = midnight + DAY * ahead;
            if !self.holds_on(day) {
                continue;
            }
            for hour in &self.hours {
                for minute in &self.minutes {
                    let at = Timestamp::from_millis(day.as_millis() + (hour * 60 + minute) * 60_000);
                    if at >= from {
                        return Some(at);
                    }
                }
            }
        }
        None
    }

    fn holds_on(&self, day: Timestamp) -> bool {
        let date = civil::parts(day);
        if !self.years.contains(&date.year) || !self.months.contains(&date.month) {
            return false;
        }
        let weekday = (day.as_millis().div_euclid(86_400_000) + 4).rem_euclid(7) + 1;
        let is_last_week = civil::parts(day + DAY * 7).month != date.month;
        match &self.days {
            Days::OfMonth(days) => days.contains(&date.day),
            Days::LastOfMonth => civil::parts(day + DAY).month != date.month,
            Days::OfWeek(days) => days.contains(&weekday),
            Days::NthOfWeek(wanted, nth) => weekday == *wanted && (date.day - 1) / 7 + 1 == *nth,
            Days::LastOfWeek(wanted) => weekday == *wanted && is_last_week,
        }
    }
}

/// `yyyy-mm-ddThh:mm:ss`
fn at(text: &str) -> Result<Timestamp, String> {
    let wrong = || format!("at({text}) must be at(yyyy-mm-ddThh:mm:ss)");
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    if shape != "0000-00-00T00:00:00" {
        return Err(wrong());
    }
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().unwrap_or_default();
    let civil = Civil {
        year: number(0, 4),
        month: number(5, 7),
        day: number(8, 10),
        hour: number(11, 13),
        minute: number(14, 16),
        second: number(17, 19),
        millisecond: 0,
    };
    civil.timestamp().ok_or_else(wrong)
}

/// `value unit`
fn rate(text: &str) -> Result<Duration, String> {
    let wrong = || format!("rate({text}) must be a positive number and minute(s), hour(s) or day(s)");
    let (value, unit) = text.trim().split_once(' ').ok_or_else(wrong)?;
    let value: u32 = value.parse().map_err(|_| wrong())?;
    let seconds = match unit.trim() {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3_600,
        "day" | "days" => 86_400,
        _ => return Err(wrong()),
    };
    if value == 0 { Err(wrong()) } else { Ok(Duration::from_secs(u64::from(value) * seconds)) }
}

fn cron(text: &str) -> Result<Cron, String> {
    const MONTHS: [&str; 12] =
        ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minutes, hours, of_month, months, of_week, years] = fields[..] else {
        return Err(format!(
            "cron({text}) must have six fields: minutes hours day-of-month month day-of-week year"
        ));
    };
    let days = match (of_month, of_week) {
        ("?", "?") => return Err(format!("cron({text}): one of day-of-month and day-of-week must not be ?")),
        ("L", "?" | "*") => Days::LastOfMonth,
        (_, "?" | "*") => Days::OfMonth(field(of_month, 1, 31, &[])?),
        ("?" | "*", of_week) => {
            if let Some((day, nth)) = of_week.split_once('#') {
                let nth = nth.parse().ok().filter(|nth| (1..=5).contains(nth));
                let nth = nth.ok_or_else(|| format!("{of_week} is no weekday of a month"))?;
                Days::NthOfWeek(one(day, 1, 7, &WEEKDAYS)?, nth)
            } else if let Some(day) = of_week.strip_suffix('L') {
                Days::LastOfWeek(if day.is_empty() { 7 } else { one(day, 1, 7, &WEEKDAYS)? })
            } else {
                Days::OfWeek(field(of_week, 1, 7, &WEEKDAYS)?)
            }
        }
        _ => return Err(format!("cron({text}): one of day-of-month and day-of-week must be ?")),
    };
    Ok(Cron {
        minutes: field(minutes, 0, 59, &[])?,
        hours: field(hours, 0, 23, &[])?,
        days,
        months: field(months, 1, 12, &MONTHS)?,
        years: field(years, 1970, 2199, &[])?,
    })
}

/// A list of numbers, ranges and steps.
fn field(text: &str, least: i64, most: i64, names: &[&str]) -> Result<BTreeSet<i64>, String> {
    let mut values = BTreeSet::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(one(step, 1, most, &[])?)),
            None => (part, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (least, most),
            Some((from, to)) => (one(from, least, most, names)?, one(to, least, most, names)?),
            None => {
                let from = one(range, least, most, names)?;
                (from, if step.is_some() { most } else { from })
            }
        };
        if from > to {
            return Err(format!("{part} ends before it begins"));
        }
        values.extend((from..=to).step_by(usize::try_from(step.unwrap_or(1)).unwrap_or(1)));
    }
    Ok(values)
}

fn one(text: &str, least: i64, most: i64, names: &[&str]) -> Result<i64, String> {
    let named = names.iter().zip(least..).find(|(name, _)| name.eq_ignore_ascii_case(text));
    let value = named.map(|(_, value)| value).or_else(|| text.parse().ok());
    let in_range = value.filter(|value| (least..=most).contains(value));
    in_range.ok_or_else(|| format!("'{text}' is not between {least} and {most}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn moment(text: &str) -> Timestamp {
        at(text).unwrap()
    }

    fn next(schedule: &str, after: &str) -> Option<Timestamp> {
        Schedule::parse(schedule).unwrap().next(moment(after), moment("2026-01-01T00:00:00"))
    }

    #[test]
    fn each_kind_of_schedule_has_its_next_time() {
        for (schedule, after, expected) in [
            ("at(2026-11-25T08:00:00)", "2026-11-25T07:59:59", "2026-11-25T08:00:00"),
            ("rate(5 minutes)", "2026-01-01T00:00:00", "2026-01-01T00:05:00"),
            ("rate(1 hour)", "2026-01-01T02:30:00", "2026-01-01T03:00:00"),
            ("rate(2 days)", "2026-01-02T12:00:00", "2026-01-03T00:00:00"),
            ("cron(0 8 * * ? *)", "2026-11-25T08:00:00", "2026-11-26T08:00:00"),
            ("cron(0/15 * * * ? *)", "2026-11-25T08:14:59", "2026-11-25T08:15:00"),
            ("cron(0 18 ? * MON-FRI *)", "2026-11-27T18:00:00", "2026-11-30T18:00:00"),
            ("cron(30 9 L * ? *)", "2026-02-01T00:00:00", "2026-02-28T09:30:00"),
            ("cron(0 0 29 2 ? *)", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
            ("cron(0 10 ? * 6#3 *)", "2026-11-01T00:00:00", "2026-11-20T10:00:00"),
            ("cron(0 10 ? * SATL *)", "2026-11-01T00:00:00", "2026-11-28T10:00:00"),
            ("cron(5,10 1-3 1 JAN ? 2030)", "2026-11-01T00:00:00", "2030-01-01T01:05:00"),
        ] {
            assert_eq!(next(schedule, after), Some(moment(expected)), "{schedule} after {after}");
        }
        assert_eq!(next("at(2026-11-25T08:00:00)", "2026-11-25T08:00:00"), None);
        assert_eq!(next("cron(0 0 1 1 ? 2020)", "2026-01-01T00:00:00"), None);
    }

    #[test]
    fn what_is_wrong_with_a_schedule_is_said() {
        for (schedule, expected) in [
            ("8 o'clock", "it must be at(…), rate(…) or cron(…)"),
            ("at(2026-13-25T08:00:00)", "at(2026-13-25T08:00:00) must be at(yyyy-mm-ddThh:mm:ss)"),
            ("at(soon)", "at(soon) must be at(yyyy-mm-ddThh:mm:ss)"),
            ("rate(0 hours)", "rate(0 hours) must be a positive number and minute(s), hour(s) or day(s)"),
            (
                "cron(0 8 * *)",
                "cron(0 8 * *) must have six fields: minutes hours day-of-month month day-of-week year",
            ),
            ("cron(0 25 * * ? *)", "'25' is not between 0 and 23"),
            ("cron(0 8 1 * MON *)", "cron(0 8 1 * MON *): one of day-of-month and day-of-week must be ?"),
            ("cron(0 8-7 * * ? *)", "8-7 ends before it begins"),
        ] {
            assert_eq!(Schedule::parse(schedule).unwrap_err(), expected, "{schedule}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(at|rate|cron)\\([0-9T:*?/,LW# a-zA-Z-]{0,30}\\)?") {
            if let Ok(schedule) = Schedule::parse(&text) {
                let (after, anchor) = (moment("2026-01-01T00:00:00"), moment("2025-01-01T00:00:00"));
                if let Some(next) = schedule.next(after, anchor) {
                    prop_assert!(next > after);
                }
            }
        }
    }
}
