//! The requests of the two target groups as the load balancer counts them in `AWS/ApplicationELB`, and
//! the share that they measure. It must never take a count that did not move for a share of nothing.
//! Start with [`TrafficGroups`].

use crate::cloudwatch::Series;
use std::collections::VecDeque;
use tidegate_rollout::{Millis, Percent};

/// Looks that a measured share goes back over.
const LOOKS: usize = 4;
/// How long a count is as good as new.
const FRESH: Millis = 1_000;

/// The two target groups that production traffic moves between, and their load balancer, by ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficGroups {
    /// The group of the revision that serves.
    pub stable: String,
    /// The candidate's.
    pub candidate: String,
    /// The load balancer of both.
    pub load_balancer: String,
}

/// The same as dimensions of metrics.
#[derive(Debug)]
pub(super) struct Groups {
    stable: String,
    candidate: String,
    load_balancer: String,
}

/// Which of the two.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    Stable,
    Candidate,
}

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Count {
    Requests,
    /// Answers with a 5xx.
    Errors,
    /// Requests that no connection to a target could be made for: its users saw a 502 of the load balancer.
    Unconnected,
    /// Requests whose response time is known.
    Timed,
    /// Those of them that took so many seconds or more.
    SlowerThan(f64),
}

impl Groups {
    pub(super) fn of(groups: TrafficGroups) -> Self {
        Self {
            stable: suffix(&groups.stable, "targetgroup/"),
            candidate: suffix(&groups.candidate, "targetgroup/"),
            load_balancer: suffix(&groups.load_balancer, "loadbalancer/")
                .trim_start_matches("loadbalancer/")
                .to_owned(),
        }
    }

    /// One metric of a group, by the minute.
    pub(super) fn series(&self, side: Side, what: Count) -> Series {
        let (metric, statistic) = match what {
            Count::Errors => ("HTTPCode_Target_5XX_Count", "Sum".to_owned()),
            Count::Unconnected => ("TargetConnectionErrorCount", "Sum".to_owned()),
            Count::Timed => ("TargetResponseTime", "SampleCount".to_owned()),
            Count::SlowerThan(seconds) => ("TargetResponseTime", format!("TC({seconds}:)")),
            Count::Requests => ("RequestCount", "Sum".to_owned()),
        };
        self.of_group(side, metric, statistic, super::MINUTE)
    }

    /// Stable's percentile over a window.
    pub(super) fn percentile(&self, percentile: f64, window: Millis) -> Series {
        self.of_group(Side::Stable, "TargetResponseTime", format!("p{percentile}"), window)
    }

    fn of_group(&self, side: Side, metric: &str, statistic: String, period: Millis) -> Series {
        let group = match side {
            Side::Stable => &self.stable,
            Side::Candidate => &self.candidate,
        };
        Series {
            namespace: "AWS/ApplicationELB".to_owned(),
            metric: metric.to_owned(),
            dimensions: vec![
                ("TargetGroup".to_owned(), group.clone()),
                ("LoadBalancer".to_owned(), self.load_balancer.clone()),
            ],
            statistic,
            period,
        }
    }
}

/// `targetgroup/web/0123` of an ARN, as the metrics name it.
fn suffix(arn: &str, from: &str) -> String {
    arn.find(from).map_or(arn, |at| &arn[at..]).to_owned()
}

/// The request counts of both groups, look by look.
#[derive(Debug)]
pub(super) struct Measured {
    /// From when on is counted, on AWS's clock.
    began: Millis,
    looks: VecDeque<Look>,
    /// Since when stable's count has stood still, on this machine's clock.
    quiet_since: Option<Millis>,
}

/// The counts since the beginning at one moment.
#[derive(Debug, Clone, Copy)]
struct Look {
    at: Millis,
    stable: u64,
    candidate: u64,
}

impl Measured {
    pub(super) fn from(began: Millis) -> Self {
        Self { began, looks: VecDeque::new(), quiet_since: None }
    }

    pub(super) fn began(&self) -> Millis {
        self.began
    }

    pub(super) fn counted(&mut self, at: Millis, stable: u64, candidate: u64) {
        match self.looks.back() {
            Some(before) if before.stable == stable => {
                self.quiet_since = self.quiet_since.or(Some(before.at));
            }
            _ => self.quiet_since = None,
        }
        // A look at which nothing moved tells nothing of the share, and must not push out one that does.
        let moved =
            self.looks.back().is_none_or(|before| (before.stable, before.candidate) != (stable, candidate));
        if !moved && let Some(last) = self.looks.back_mut() {
            last.at = at;
            return;
        }
        if self.looks.len() == LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back(Look { at, stable, candidate });
    }

    pub(super) fn is_fresh(&self, now: Millis) -> bool {
        self.looks.back().is_some_and(|look| now - look.at < FRESH)
    }

    pub(super) fn share(&self) -> Option<Percent> {
        let (first, last) = (self.looks.front()?, self.looks.back()?);
        let moved =
            |now: u64, before: u64| u32::try_from(now.saturating_sub(before)).unwrap_or(u32::MAX / 2000);
        Percent::of_weights(moved(last.candidate, first.candidate), moved(last.stable, first.stable))
    }

    pub(super) fn quiet_since(&self) -> Option<Millis> {
        self.quiet_since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_name_groups_and_load_balancers_by_the_ends_of_their_arns() {
        let groups = Groups::of(TrafficGroups {
            stable: "arn:aws:elasticloadbalancing:r:1:targetgroup/blue/01".into(),
            candidate: "arn:aws:elasticloadbalancing:r:1:targetgroup/green/02".into(),
            load_balancer: "arn:aws:elasticloadbalancing:r:1:loadbalancer/app/web/03".into(),
        });
        let series = groups.series(Side::Candidate, Count::SlowerThan(0.25));
        assert_eq!(series.statistic, "TC(0.25:)");
        assert_eq!(
            series.dimensions,
            [
                ("TargetGroup".to_owned(), "targetgroup/green/02".to_owned()),
                ("LoadBalancer".to_owned(), "app/web/03".to_owned())
            ]
        );
    }

    #[test]
    fn the_share_is_that_of_the_last_looks_and_unknown_while_nothing_was_counted() {
        let mut measured = Measured::from(0);
        assert_eq!(measured.share(), None);
        measured.counted(0, 1000, 0);
        assert_eq!(measured.share(), None, "one look is no movement");
        measured.counted(1, 1090, 10);
        assert_eq!(measured.share(), Some(Percent::whole(10)));
        for at in 2..20 {
            measured.counted(at, 1090, 10 + 100 * at as u64);
        }
        assert_eq!(measured.share(), Some(Percent::ALL), "what was before is forgotten");
        assert_eq!(measured.quiet_since(), Some(1));
        measured.counted(30, 1091, 2000);
        assert_eq!(measured.quiet_since(), None);
    }
}
