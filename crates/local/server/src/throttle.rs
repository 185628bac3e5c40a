//! AWS's published rate limits of Amazon ECS: token buckets for each account and Region, one for each kind of operation.
//! They fill by the cloud's own clock, and hold only where a cloud was started with them. It must never throttle what
//! AWS does not publish a bucket for. Start with [`Throttle::takes`].
//!
//! Source: "Request throttling for the Amazon ECS API" in the Amazon ECS API reference.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Whether the cloud throttles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limits {
    /// It answers as fast as it can.
    #[default]
    None,
    /// It throttles as AWS publishes.
    Published,
}

/// The buckets, for all accounts and Regions.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    limits: Limits,
    levels: Mutex<Levels>,
}

#[derive(Debug, Default)]
struct Levels {
    /// By account, Region and kind: tokens that are left, and when that was.
    left: BTreeMap<(String, String, &'static str), (f64, i64)>,
    /// How often each operation was throttled.
    throttled: BTreeMap<String, u64>,
}

/// A kind of operation, what its bucket holds, and how many tokens it gains a second.
type Kind = (&'static str, f64, f64);

/// The kind of an operation of Amazon ECS.
fn kind(operation: &str) -> Option<Kind> {
    Some(match operation {
        "CreateService"
        | "UpdateService"
        | "DeleteService"
        | "CreateTaskSet"
        | "UpdateTaskSet"
        | "DeleteTaskSet"
        | "UpdateServicePrimaryTaskSet"
        | "StopServiceDeployment"
        | "ContinueServiceDeployment" => ("service modify", 50.0, 5.0),
        "DescribeServices" | "ListServices" | "ListServicesByNamespace" | "DescribeTaskSets" => {
            ("service read", 100.0, 20.0)
        }
        "DescribeServiceDeployments" | "ListServiceDeployments" | "DescribeServiceRevisions" => {
            ("service deployment read", 50.0, 20.0)
        }
        "RegisterTaskDefinition" | "DeregisterTaskDefinition" => ("task definition modify", 20.0, 1.0),
        "DescribeTaskDefinition" | "ListTaskDefinitions" | "ListTaskDefinitionFamilies" => {
            ("task definition read", 50.0, 20.0)
        }
        "DeleteTaskDefinitions" => ("task definition delete", 5.0, 1.0),
        "CreateCluster"
        | "UpdateCluster"
        | "UpdateClusterSettings"
        | "DeleteCluster"
        | "PutClusterCapacityProviders" => ("cluster modify", 20.0, 1.0),
        "DescribeClusters" | "ListClusters" => ("cluster read", 50.0, 20.0),
        "RunTask" | "StartTask" | "StopTask" | "ExecuteCommand" => ("task modify", 100.0, 40.0),
        "DescribeTasks" | "ListTasks" => ("task read", 100.0, 20.0),
        "TagResource" | "UntagResource" => ("tag modify", 20.0, 10.0),
        "ListTagsForResource" => ("tag read", 50.0, 20.0),
        "CreateCapacityProvider" | "UpdateCapacityProvider" | "DeleteCapacityProvider" => {
            ("capacity provider modify", 10.0, 1.0)
        }
        "GetTaskProtection" | "UpdateTaskProtection" => ("task protection", 200.0, 80.0),
        "PutAccountSetting" | "PutAccountSettingDefault" | "DeleteAccountSetting" => ("settings", 10.0, 1.0),
        _ => return None,
    })
}

impl Throttle {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, levels: Mutex::default() }
    }

    /// Is there room for this call now, in milliseconds of the cloud's clock? If there is, it takes it.
    pub(crate) fn takes(
        &self,
        service: &str,
        operation: &str,
        account: &str,
        region: &str,
        now: i64,
    ) -> bool {
        if self.limits == Limits::None || service != "ecs" {
            return true;
        }
        let Some((name, burst, per_second)) = kind(operation) else { return true };
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (account.to_owned(), region.to_owned(), name);
        let (left, at) = levels.left.get(&key).copied().unwrap_or((burst, now));
        let gained = (now - at).max(0) as f64 / 1000.0 * per_second;
        let left = (left + gained).min(burst);
        let takes = left >= 1.0;
        levels.left.insert(key, (if takes { left - 1.0 } else { left }, now.max(at)));
        if !takes {
            *levels.throttled.entry(operation.to_owned()).or_default() += 1;
        }
        takes
    }

    /// How often each operation was throttled; nothing where nothing can be.
    pub(crate) fn throttled(&self) -> Option<BTreeMap<String, u64>> {
        let levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        (self.limits == Limits::Published).then(|| levels.throttled.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(throttle: &Throttle, operation: &str, region: &str, now: i64, count: usize) -> usize {
        (0..count).filter(|_| throttle.takes("ecs", operation, "1", region, now)).count()
    }

    #[test]
    fn a_full_bucket_gives_its_burst_and_then_its_rate() {
        let throttle = Throttle::new(Limits::Published);
        assert_eq!(calls(&throttle, "DescribeServices", "a", 0, 200), 100);
        assert_eq!(calls(&throttle, "ListServices", "a", 500, 200), 10, "one bucket a kind");
        assert_eq!(calls(&throttle, "DescribeServices", "a", 3_600_000, 200), 100, "never over its size");
        assert_eq!(calls(&throttle, "RegisterTaskDefinition", "a", 0, 30), 20);
        assert_eq!(throttle.throttled().map(|it| it["RegisterTaskDefinition"]), Some(10));
    }

    #[test]
    fn regions_do_not_share_tokens_and_other_services_have_no_bucket() {
        let throttle = Throttle::new(Limits::Published);
        assert_eq!(calls(&throttle, "UpdateService", "a", 0, 60), 50);
        assert_eq!(calls(&throttle, "UpdateService", "b", 0, 60), 50);
        assert!((0..500).all(|_| throttle.takes("ssm", "GetParameter", "1", "a", 0)));
        assert!((0..500).all(|_| throttle.takes("ecs", "DiscoverPollEndpoint", "1", "a", 0)));
    }

    #[test]
    fn a_cloud_without_limits_throttles_nothing() {
        let throttle = Throttle::default();
        assert_eq!(calls(&throttle, "DeleteTaskDefinitions", "a", 0, 500), 500);
        assert_eq!(throttle.throttled(), None);
    }
}
