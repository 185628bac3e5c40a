//! A finding that somebody decided to live with, with the reason, and until when. It must never hide a finding
//! without a trace: suppressed ones are counted. Start with [`Suppression`].

use serde::Serialize;
use tidegate_rollout::Millis;

/// One entry of `check.suppress` in `tidegate.yml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suppression {
    /// The id of the rule.
    pub rule: String,
    /// Why it is fine.
    pub reason: String,
    /// The last day that it holds; for ever without one.
    pub until: Option<Day>,
    /// The one service that it holds for; all of them without one.
    pub service: Option<String>,
}

impl Suppression {
    /// Does it hold for this rule and service at this moment?
    pub fn holds(&self, rule: &str, service: &str, now: Millis) -> bool {
        self.is_about(rule, service) && !self.is_over(now)
    }

    pub(crate) fn is_about(&self, rule: &str, service: &str) -> bool {
        self.rule == rule && self.service.as_deref().is_none_or(|only| only == service)
    }

    pub(crate) fn is_over(&self, now: Millis) -> bool {
        self.until.is_some_and(|day| Day::of(now) > day)
    }
}

/// A day of the calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(jiff::civil::Date);

/// A text that is no day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadDay;

impl Day {
    /// Reads `2027-01-31`.
    ///
    /// # Errors
    ///
    /// When it is written in another way, or there is no such day.
    pub fn parse(text: &str) -> Result<Self, BadDay> {
        let is_written_so = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        if !is_written_so {
            return Err(BadDay);
        }
        text.parse().map(Self).map_err(|_| BadDay)
    }

    /// The day of a moment.
    pub fn of(at: Millis) -> Self {
        let moment = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
        Self(jiff::tz::Offset::UTC.to_datetime(moment).date())
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_in_one_way_and_exists() {
        assert_eq!(Day::parse("2027-02-28").map(|day| day.to_string()), Ok("2027-02-28".into()));
        for wrong in ["2027-02-29", "2027-2-28", "28.02.2027", "20270228", "tomorrow", ""] {
            assert_eq!(Day::parse(wrong), Err(BadDay), "{wrong}");
        }
    }

    #[test]
    fn a_suppression_holds_to_the_end_of_its_last_day() {
        let suppression = Suppression {
            rule: "digests".into(),
            reason: "until the registry moves".into(),
            until: Day::parse("1970-01-02").ok(),
            service: Some("api".into()),
        };
        let day = 24 * 60 * 60 * 1000;
        assert!(suppression.holds("digests", "api", 2 * day - 1));
        assert!(!suppression.holds("digests", "api", 2 * day));
        assert!(!suppression.holds("digests", "web", 0) && !suppression.holds("alarms", "api", 0));
    }
}
