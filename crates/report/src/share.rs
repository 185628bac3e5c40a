//! The candidate's share of production: asked, set and measured are three numbers, and only where they agree may
//! they be said as one. Start with [`Share`].

use crate::layout::{bar, with_quiet_rest};
use crate::style::{Style, Tone};
use tidegate_rollout::{Event, Percent};

/// How far what was measured may be from what was set, in tenths of a percent, before it is said loudly: a share
/// is seen in a few hundred requests, and those scatter.
const NEAR: u16 = 50;

/// The three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    asked: Percent,
    set: Option<Percent>,
    measured: Option<Percent>,
}

/// What the numbers say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Together {
    /// Nothing but a wish is known.
    OnlyAsked,
    /// The rule says what was asked for, and nobody has counted requests.
    NotMeasured,
    /// All three say the same.
    Agree,
    /// The requests go where the rule says, but not as many.
    Far,
    /// The rule does not say what was asked for.
    NotSet,
    /// A group that should get requests gets none.
    NotSeen,
}

impl Share {
    /// The numbers of an event that has them.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        let Event::Weighed { asked, set, measured } = event else { return None };
        Some(Self { asked: *asked, set: *set, measured: *measured })
    }

    /// Does it say something that the earlier one did not? That a measured share scatters is no news.
    pub(crate) fn is_news_after(&self, earlier: &Self) -> bool {
        (self.asked, self.set, self.together()) != (earlier.asked, earlier.set, earlier.together())
    }

    /// In words: calm where the numbers agree, loud where they do not.
    pub(crate) fn words(&self, style: Style) -> String {
        let Self { asked, set, measured } = self;
        let number =
            |share: &Option<Percent>| share.map_or_else(|| "unknown".to_owned(), |share| share.to_string());
        let (set, measured) = (number(set), number(measured));
        match self.together() {
            Together::OnlyAsked => format!("{asked} asked, not set yet"),
            Together::NotMeasured => {
                format!("{asked} {}", style.paint(Tone::Quiet, "asked and set, not measured yet"))
            }
            Together::Agree => {
                format!(
                    "{} {}",
                    style.paint(Tone::Good, &asked.to_string()),
                    style.paint(Tone::Quiet, &format!("asked and set, {measured} measured"))
                )
            }
            Together::NotSet => {
                let seen = self.measured.map_or_else(String::new, |share| format!(" ({share} measured)"));
                style.paint(Tone::Warning, &format!("asked {asked}, but set {set}{seen}"))
            }
            Together::Far => {
                style.paint(Tone::Warning, &format!("{asked} asked and set, but {measured} measured"))
            }
            Together::NotSeen => {
                style.paint(Tone::Bad, &format!("asked {asked}, set {set}, but measured {measured}"))
            }
        }
    }

    /// What is known of it, against what was asked for.
    pub(crate) fn bar(&self, style: Style) -> String {
        let (known, tone) = match self.together() {
            Together::Agree => (self.asked, Some(Tone::Good)),
            Together::OnlyAsked => (Percent::NONE, None),
            Together::NotMeasured => (self.asked, None),
            Together::NotSet => (self.measured.or(self.set).unwrap_or(Percent::NONE), Some(Tone::Warning)),
            Together::Far => (self.measured.unwrap_or(Percent::NONE), Some(Tone::Warning)),
            Together::NotSeen => (self.measured.unwrap_or(Percent::NONE), Some(Tone::Bad)),
        };
        let bar = bar(known.tenths().into(), self.asked.tenths().into(), Percent::ALL.tenths().into());
        let rest = bar.find('·').unwrap_or(bar.len());
        let full = tone.map_or_else(|| bar[..rest].to_owned(), |tone| style.paint(tone, &bar[..rest]));
        format!("{full}{}", with_quiet_rest(&bar[rest..], style))
    }

    fn together(&self) -> Together {
        match (self.set, self.measured) {
            (None, None) => Together::OnlyAsked,
            (Some(set), _) if set != self.asked => Together::NotSet,
            (Some(_), None) => Together::NotMeasured,
            (_, Some(measured)) if is_near(self.asked, measured) => Together::Agree,
            (_, Some(measured)) if is_without(self.asked, measured) => Together::NotSeen,
            _ => Together::Far,
        }
    }
}

/// Everything and nothing are near to themselves alone.
fn is_near(set: Percent, measured: Percent) -> bool {
    let is_whole = |share| (share == Percent::NONE, share == Percent::ALL);
    is_whole(set) == is_whole(measured) && set.tenths().abs_diff(measured.tenths()) <= NEAR
}

/// Does one of the two groups get nothing of the requests that the rule gives it?
fn is_without(set: Percent, measured: Percent) -> bool {
    (set > Percent::NONE && measured == Percent::NONE) || (set < Percent::ALL && measured == Percent::ALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(asked: f64, set: Option<f64>, measured: Option<f64>) -> Share {
        let percent = |share| Percent::parse(share).expect("a share");
        Share { asked: percent(asked), set: set.map(percent), measured: measured.map(percent) }
    }

    #[test]
    fn three_numbers_are_said_as_one_only_where_they_agree() {
        let said: Vec<String> = [
            share(25.0, None, None),
            share(25.0, Some(25.0), None),
            share(25.0, Some(25.0), Some(24.6)),
            share(25.0, Some(10.0), None),
            share(25.0, Some(10.0), Some(9.8)),
            share(25.0, Some(25.0), Some(60.0)),
            share(5.0, Some(5.0), Some(0.0)),
            share(5.0, Some(5.0), Some(100.0)),
            share(100.0, Some(100.0), Some(99.9)),
            share(0.0, Some(0.0), Some(0.1)),
            share(0.0, Some(0.0), Some(0.0)),
        ]
        .iter()
        .map(|share| format!("{} {}", share.bar(Style::Plain), share.words(Style::Plain)))
        .collect();
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn what_scatters_is_no_news_and_what_changes_is() {
        let seen = share(25.0, Some(25.0), Some(24.6));
        assert!(!share(25.0, Some(25.0), Some(25.9)).is_news_after(&seen));
        assert!(share(25.0, Some(25.0), Some(2.0)).is_news_after(&seen));
        assert!(share(50.0, Some(25.0), Some(25.0)).is_news_after(&seen));
        assert!(seen.is_news_after(&share(25.0, Some(25.0), None)));
    }
}
