//! Freeze windows: times at which nothing new begins. What is under way goes on, and what must go back goes back. Start
//! with [`Window::open`].

use crate::Millis;
use cronexpr::{Crontab, FallbackTimezoneOption, MakeTimestamp, ParseOptions, parse_crontab_with};

/// The longest window: a year.
const LONGEST: Millis = 366 * 24 * 3600 * 1000;
/// How often a window may begin while it is open before that counts as without end.
const MOST_BEGINNINGS: usize = 1_000;

/// A window that opens again and again.
#[derive(Debug, Clone)]
pub struct Window {
    cron: Crontab,
    length: Millis,
    text: String,
    /// What people are told while it is open.
    pub message: String,
}

impl PartialEq for Window {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, self.length, &self.message) == (&other.text, other.length, &other.message)
    }
}

/// What is wrong with a window, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// The cron expression or the time zone.
    #[error(
        "`{given}` is no cron expression of five fields (minute hour day month weekday) with a time zone: {detail}"
    )]
    Cron {
        /// What was given.
        given: String,
        /// What is wrong.
        detail: String,
    },
    /// No time at all, or more than a year.
    #[error("a window is open for more than no time, and for a year at most")]
    Length,
}

impl Window {
    /// Opens by `cron` in a time zone of the IANA database, for `length` milliseconds.
    pub fn parse(cron: &str, timezone: &str, length: Millis, message: &str) -> Result<Self, WindowError> {
        let text = format!("{} {}", cron.trim(), timezone.trim());
        let wrong = |detail: String| WindowError::Cron { given: text.clone(), detail };
        if timezone.trim().is_empty() || timezone.trim().contains(char::is_whitespace) {
            return Err(wrong("the time zone must be one name, such as Europe/Berlin or UTC".into()));
        }
        if cron.split_whitespace().count() != 5 {
            return Err(wrong("there are not five fields".into()));
        }
        let mut options = ParseOptions::default();
        options.fallback_timezone_option = FallbackTimezoneOption::None;
        let parsed = parse_crontab_with(&text, options).map_err(|error| {
            let said = error.to_string();
            wrong(said.lines().last().unwrap_or_default().trim().to_owned())
        })?;
        if !(1..=LONGEST).contains(&length) {
            return Err(WindowError::Length);
        }
        Ok(Self { cron: parsed, length, message: message.to_owned(), text })
    }

    /// Until when it is open, if it is open now. Windows that overlap themselves are one.
    pub fn open(&self, now: Millis) -> Option<Millis> {
        let mut until = None;
        // The first beginning that can still be open; `find_next` looks strictly after its moment.
        let mut after = now - self.length;
        for _ in 0..MOST_BEGINNINGS {
            let Some(begins) = self.next(after).filter(|begins| *begins <= now) else { break };
            until = Some(begins + self.length);
            after = begins;
        }
        until
    }

    fn next(&self, after: Millis) -> Option<Millis> {
        let from = MakeTimestamp::from_millisecond(after).ok()?;
        self.cron.find_next(from).ok().map(|next| next.timestamp().as_millisecond())
    }
}

/// The open window that closes last.
pub fn open(windows: &[Window], now: Millis) -> Option<(&Window, Millis)> {
    windows.iter().filter_map(|window| Some((window, window.open(now)?))).max_by_key(|(_, until)| *until)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Millis = 3_600_000;
    /// Friday 2026-07-17 16:00 UTC, which is 18:00 in Berlin.
    const FRIDAY: Millis = 1_784_304_000_000;

    fn weekend() -> Window {
        Window::parse("0 18 * * FRI", "Europe/Berlin", 60 * HOUR, "no releases at weekends")
            .expect("a window")
    }

    #[test]
    fn a_window_opens_at_its_hour_in_its_time_zone_and_closes_after_its_length() {
        let window = weekend();
        assert_eq!(window.open(FRIDAY - 1), None);
        assert_eq!(window.open(FRIDAY), Some(FRIDAY + 60 * HOUR));
        assert_eq!(window.open(FRIDAY + 60 * HOUR - 1), Some(FRIDAY + 60 * HOUR));
        assert_eq!(window.open(FRIDAY + 60 * HOUR), None);
    }

    #[test]
    fn a_winter_evening_is_an_hour_later_than_a_summer_one() {
        // Friday 2026-12-18: Berlin is an hour ahead of UTC then, not two.
        let winter = 1_797_613_200_000;
        assert_eq!(weekend().open(winter - 1), None);
        assert_eq!(weekend().open(winter), Some(winter + 60 * HOUR));
    }

    #[test]
    fn windows_that_overlap_stay_open_until_the_last_closes() {
        let window = Window::parse("0 * * * *", "UTC", 90 * 60_000, "").expect("a window");
        assert_eq!(window.open(FRIDAY + 1), Some(FRIDAY + 90 * 60_000));
        let two = [weekend(), window];
        assert_eq!(open(&two, FRIDAY + 1).map(|(_, until)| until), Some(FRIDAY + 60 * HOUR));
    }

    #[test]
    fn what_is_no_window_is_said() {
        let wrong = |cron: &str, zone: &str, length| {
            Window::parse(cron, zone, length, "").expect_err("wrong").to_string()
        };
        assert!(wrong("0 25 * * *", "UTC", HOUR).starts_with("`0 25 * * * UTC` is no cron expression"));
        assert!(wrong("0 18 * * FRI", "Europe/Nowhere", HOUR).contains("Europe/Nowhere"));
        assert!(wrong("0 18 * *", "UTC", HOUR).contains("there are not five fields"));
        assert!(wrong("0 18 * * *", "", HOUR).contains("time zone"));
        assert_eq!(Window::parse("0 18 * * *", "UTC", 0, ""), Err(WindowError::Length));
        assert_eq!(Window::parse("0 18 * * *", "UTC", LONGEST + 1, ""), Err(WindowError::Length));
    }
}
