//! What the balancer counts, as CloudWatch's `AWS/ApplicationELB` has it.
//!
//! Once a second of the cloud's time it subtracts two snapshots and tells the engine what lies between. It touches no
//! request and waits for no one. Start at [`run`]; [`between`] is all that there is to it.

use std::{collections::BTreeSet, time::Duration};

use tidegate_balancer::{Balancer, MetricsSnapshot, ResponseTimes, TargetCodes};
use tidegate_clock::Clock;
use tidegate_engine::{
    Event, Scope, State,
    cloudwatch::{
        Measured,
        metrics::{Bucket, MetricName},
    },
};
use tidegate_models::cloudwatch::StandardUnit;
use tokio_util::sync::CancellationToken;

use crate::writer::{Commands, SharedEngine, lock_read};

/// How often it looks, in the cloud's time.
const EVERY: Duration = Duration::from_secs(1);

/// The least real time between two looks, however fast the cloud's time runs.
const AT_LEAST: Duration = Duration::from_millis(100);

/// Tells the engine what was counted, until `stop`.
pub(crate) async fn run(
    balancer: Balancer,
    engine: SharedEngine,
    commands: Commands,
    clock: Clock,
    stop: CancellationToken,
) {
    let mut before = MetricsSnapshot::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(clock.real(EVERY).max(AT_LEAST)) => {}
        }
        let now = balancer.metrics();
        let measured = between(&before, &now, lock_read(&engine).state());
        before = now;
        if !measured.is_empty() {
            commands.tell(Event::Metrics(measured));
        }
    }
}

/// What was counted between two snapshots. Counts that are zero are left out, as AWS does; so are metrics of what is gone.
fn between(before: &MetricsSnapshot, now: &MetricsSnapshot, state: &State) -> Vec<Measured> {
    let mut found = Found { measured: Vec::new() };
    for current in now.load_balancers.iter().filter(|of| state.load_balancers.contains(&of.load_balancer)) {
        let old = before.load_balancers.iter().find(|old| old.load_balancer == current.load_balancer);
        let Some(subject) = Subject::load_balancer(&current.load_balancer) else { continue };
        let since = |of: fn(&tidegate_balancer::LoadBalancerMetrics) -> u64| {
            of(current).saturating_sub(old.map_or(0, of))
        };
        found.count(&subject, "RequestCount", since(|of| of.request_count));
        found.codes(&subject, current.target_codes, old.map(|old| old.target_codes));
        found.count(&subject, "HTTPCode_ELB_4XX_Count", since(|of| of.elb_4xx));
        found.count(&subject, "HTTPCode_ELB_5XX_Count", since(|of| of.elb_5xx));
        found.count(&subject, "HTTPCode_ELB_502_Count", since(|of| of.elb_502));
        found.count(&subject, "HTTPCode_ELB_503_Count", since(|of| of.elb_503));
        found.count(&subject, "HTTPCode_ELB_504_Count", since(|of| of.elb_504));
        found.count(&subject, "HTTP_Redirect_Count", since(|of| of.redirect_count));
        found.count(&subject, "HTTP_Fixed_Response_Count", since(|of| of.fixed_response_count));
        found.count(&subject, "NewConnectionCount", since(|of| of.new_connection_count));
        found.count(&subject, "ActiveConnectionCount", current.active_connection_count);
        found.count(&subject, "RejectedConnectionCount", since(|of| of.rejected_connection_count));
        found.count(&subject, "TargetConnectionErrorCount", since(|of| of.target_connection_error_count));
        found.times(&subject, &current.target_response_time, old.map(|old| &old.target_response_time));
    }
    for current in now.target_groups.iter().filter(|of| state.target_groups.contains(&of.target_group)) {
        let is_same = |old: &&tidegate_balancer::TargetGroupMetrics| {
            old.load_balancer == current.load_balancer && old.target_group == current.target_group
        };
        let old = before.target_groups.iter().find(is_same);
        let Some(group) = Subject::target_group(&current.target_group) else { continue };
        let subject = group.behind(&current.load_balancer);
        let since = |of: fn(&tidegate_balancer::TargetGroupMetrics) -> u64| {
            of(current).saturating_sub(old.map_or(0, of))
        };
        let requests = since(|of| of.request_count);
        found.count(&subject, "RequestCount", requests);
        found.codes(&subject, current.target_codes, old.map(|old| old.target_codes));
        found.count(&subject, "TargetConnectionErrorCount", since(|of| of.target_connection_error_count));
        found.times(&subject, &current.target_response_time, old.map(|old| &old.target_response_time));
        let hosts = now.hosts.iter().find(|hosts| hosts.target_group == current.target_group);
        let healthy = hosts.map_or(0, |hosts| hosts.healthy_host_count);
        if requests > 0 && healthy > 0 {
            let share = Bucket::of([(requests as f64 / healthy as f64, 1.0)]);
            found.add(&subject, "RequestCountPerTarget", StandardUnit::Count, share.clone());
            found.add(&group, "RequestCountPerTarget", StandardUnit::Count, share);
        }
    }
    for hosts in &now.hosts {
        let Some(group) = Subject::target_group(&hosts.target_group) else { continue };
        for load_balancer in load_balancers(state, &hosts.target_group) {
            let subject = group.behind(load_balancer);
            for (name, count) in [
                ("HealthyHostCount", hosts.healthy_host_count),
                ("UnHealthyHostCount", hosts.unhealthy_host_count),
            ] {
                // Zero is said, too: there it is the news.
                found.add(&subject, name, StandardUnit::Count, Bucket::of([(count as f64, 1.0)]));
            }
        }
    }
    found.measured
}

/// The load balancers with a rule that forwards to the group.
fn load_balancers<'a>(state: &'a State, group: &str) -> BTreeSet<&'a str> {
    let listeners =
        state.rules.indexed_by(group).filter_map(|(_, rule)| state.listeners.get(&rule.listener_arn));
    listeners.map(|listener| listener.load_balancer_arn.as_str()).collect()
}

/// Whose metric it is.
#[derive(Clone, Debug, PartialEq)]
struct Subject {
    scope: Scope,
    dimensions: Vec<(String, String)>,
}

impl Subject {
    fn load_balancer(arn: &str) -> Option<Self> {
        let (scope, resource) = parts(arn)?;
        let name = resource.strip_prefix("loadbalancer/")?;
        Some(Self { scope, dimensions: vec![("LoadBalancer".to_owned(), name.to_owned())] })
    }

    fn target_group(arn: &str) -> Option<Self> {
        let (scope, resource) = parts(arn)?;
        Some(Self { scope, dimensions: vec![("TargetGroup".to_owned(), resource.to_owned())] })
    }

    /// The same behind one load balancer.
    fn behind(&self, load_balancer: &str) -> Self {
        let of = Self::load_balancer(load_balancer).map(|subject| subject.dimensions).unwrap_or_default();
        Self { scope: self.scope.clone(), dimensions: self.dimensions.iter().cloned().chain(of).collect() }
    }
}

/// Scope and resource of an ARN.
fn parts(arn: &str) -> Option<(Scope, &str)> {
    let mut parts = arn.splitn(6, ':').skip(3);
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    Some((Scope { account: account.to_owned(), region: region.to_owned() }, resource))
}

/// What was found so far.
struct Found {
    measured: Vec<Measured>,
}

impl Found {
    fn add(&mut self, subject: &Subject, name: &str, unit: StandardUnit, samples: Bucket) {
        let metric = MetricName::new(&subject.scope, "AWS/ApplicationELB", name, subject.dimensions.clone());
        self.measured.push(Measured { metric, unit, samples });
    }

    /// As AWS counts: each is a sample of one, so that only Sum and `SampleCount` say more than 1.
    fn count(&mut self, subject: &Subject, name: &str, count: u64) {
        if count > 0 {
            self.add(subject, name, StandardUnit::Count, Bucket::of([(1.0, count as f64)]));
        }
    }

    fn codes(&mut self, subject: &Subject, now: TargetCodes, before: Option<TargetCodes>) {
        let before = before.unwrap_or_default();
        let counts = [
            ("HTTPCode_Target_2XX_Count", now.code_2xx, before.code_2xx),
            ("HTTPCode_Target_3XX_Count", now.code_3xx, before.code_3xx),
            ("HTTPCode_Target_4XX_Count", now.code_4xx, before.code_4xx),
            ("HTTPCode_Target_5XX_Count", now.code_5xx, before.code_5xx),
        ];
        for (name, now, before) in counts {
            self.count(subject, name, now.saturating_sub(before));
        }
    }

    fn times(&mut self, subject: &Subject, now: &ResponseTimes, before: Option<&ResponseTimes>) {
        let since = before.map_or_else(|| now.clone(), |before| now.since(before));
        let samples = Bucket::of(since.times().map(|(time, count)| (time.as_secs_f64(), count as f64)));
        if !samples.is_empty() {
            let samples = samples.with_sum(since.sum().as_secs_f64());
            self.add(subject, "TargetResponseTime", StandardUnit::Seconds, samples);
        }
    }
}
