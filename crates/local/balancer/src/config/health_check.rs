//! How the targets of a group are checked.
//!
//! These are settings only; what a result means is decided in `health::machine`. Start at [`HealthCheck`].

use std::{fmt, ops::RangeInclusive, str::FromStr, time::Duration};

/// The health check settings of a target group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// Off, every target counts as usable and its state is `unavailable`.
    pub enabled: bool,
    /// Path and query of the request. AWS's default is `/`.
    pub path: String,
    /// Which port is asked.
    pub port: HealthCheckPort,
    /// From the start of one check to the start of the next. 5–300 s, default 30.
    pub interval: Duration,
    /// How long an answer may take. 2–120 s, default 5. Never cut below a quarter of a real second, however fast the
    /// clock runs, because neither the network nor the target runs faster with it.
    pub timeout: Duration,
    /// Passes in a row that make an unhealthy target healthy. 2–10, default 5.
    pub healthy_threshold: u32,
    /// Failures in a row that make a target unhealthy. 2–10, default 2.
    pub unhealthy_threshold: u32,
    /// Which status codes are a pass.
    pub matcher: Matcher,
}

impl Default for HealthCheck {
    /// AWS's defaults.
    fn default() -> Self {
        Self {
            enabled: true,
            path: "/".to_owned(),
            port: HealthCheckPort::TrafficPort,
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            matcher: Matcher::default(),
        }
    }
}

/// The port that health checks go to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HealthCheckPort {
    /// `traffic-port`: the one that serves the requests.
    #[default]
    TrafficPort,
    /// Always this one.
    Port(u16),
}

/// `Matcher.HttpCode`: the status codes that are a pass, as `200`, `200,202` or `200-299`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher(Vec<RangeInclusive<u16>>);

impl Matcher {
    /// Whether `status` is a pass.
    pub fn accepts(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

impl Default for Matcher {
    /// `200`.
    fn default() -> Self {
        Self(vec![200..=200])
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            if range.start() == range.end() {
                write!(f, "{}", range.start())?;
            } else {
                write!(f, "{}-{}", range.start(), range.end())?;
            }
        }
        Ok(())
    }
}

impl FromStr for Matcher {
    type Err = InvalidMatcher;

    fn from_str(text: &str) -> Result<Self, InvalidMatcher> {
        let invalid = || InvalidMatcher(text.to_owned());
        text.split(',')
            .map(|part| {
                let (from, to) = part.split_once('-').unwrap_or((part, part));
                let from: u16 = from.trim().parse().map_err(|_| invalid())?;
                let to: u16 = to.trim().parse().map_err(|_| invalid())?;
                if (100..=599).contains(&from) && (from..=599).contains(&to) {
                    Ok(from..=to)
                } else {
                    Err(invalid())
                }
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// A matcher that is no list of status codes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no list of HTTP codes: write codes and ranges with commas, such as 200,202 or 200-299")]
pub struct InvalidMatcher(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matcher_reads_codes_lists_and_ranges() {
        let matcher: Matcher = "200,301-303".parse().unwrap();
        assert!(matcher.accepts(200) && matcher.accepts(301) && matcher.accepts(303));
        assert!(!matcher.accepts(201) && !matcher.accepts(304));
        assert_eq!(matcher.to_string(), "200,301-303");
    }

    #[test]
    fn a_matcher_that_is_no_list_of_codes_is_refused() {
        for text in ["", "ok", "200-", "299-200", "20", "200,,201", "600"] {
            assert_eq!(text.parse::<Matcher>(), Err(InvalidMatcher(text.to_owned())), "{text}");
        }
    }
}
