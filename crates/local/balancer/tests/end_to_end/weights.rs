use std::collections::BTreeMap;

use tidegate_balancer::TargetStickiness;

use crate::support::{Client, Rig, TestTarget, forward_to, group, known_healthy, put_group};

async fn shares(client: &mut Client, requests: usize) -> BTreeMap<String, usize> {
    let mut shares = BTreeMap::new();
    for _ in 0..requests {
        let reply = client.get("/").await;
        *shares.entry(reply.text().to_owned()).or_default() += 1;
    }
    shares
}

fn is(shares: &BTreeMap<String, usize>, expected: &[(&str, usize)]) -> bool {
    *shares == expected.iter().map(|&(name, count)| (name.to_owned(), count)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_requests_are_shared_exactly_by_weight_and_a_new_weight_holds_on_open_connections() {
    let (stable, candidate) = (TestTarget::named("stable").await, TestTarget::named("candidate").await);
    let rig = Rig::start();
    rig.apply([
        put_group("stable", [known_healthy(stable.address)]),
        put_group("candidate", [known_healthy(candidate.address)]),
        forward_to(&[("stable", 90), ("candidate", 10)]),
    ])
    .await;
    let mut client = Client::connect(rig.address()).await;
    let before = shares(&mut client, 100).await;
    assert!(is(&before, &[("candidate", 10), ("stable", 90)]), "{before:?}");

    rig.apply([forward_to(&[("stable", 50), ("candidate", 50)])]).await;
    let half = shares(&mut client, 100).await;
    assert!(is(&half, &[("candidate", 50), ("stable", 50)]), "{half:?}");

    rig.apply([forward_to(&[("stable", 0), ("candidate", 100)])]).await;
    let all = shares(&mut client, 100).await;
    assert!(is(&all, &[("candidate", 100)]), "{all:?}");

    let counted: BTreeMap<_, _> =
        rig.balancer.metrics().target_groups.into_iter().map(|m| (m.target_group, m.request_count)).collect();
    assert_eq!(counted, BTreeMap::from([("candidate".to_owned(), 160), ("stable".to_owned(), 140)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_without_targets_keeps_its_share_and_answers_503() {
    let stable = TestTarget::named("stable").await;
    let rig = Rig::start();
    rig.apply([
        put_group("stable", [known_healthy(stable.address)]),
        forward_to(&[("stable", 1), ("gone", 1)]),
    ])
    .await;
    let mut client = Client::connect(rig.address()).await;
    let mut statuses = Vec::new();
    for _ in 0..10 {
        statuses.push(client.get("/").await.status.as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 503, 503, 503, 503, 503]);
    let metrics = rig.balancer.metrics().load_balancers.remove(0);
    assert_eq!((metrics.request_count, metrics.elb_503, metrics.elb_5xx), (5, 5, 5));
    assert_eq!(metrics.target_codes.code_2xx, 5);
    assert_eq!(metrics.target_response_time.count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_weights_zero_answer_503() {
    let stable = TestTarget::named("stable").await;
    let rig = Rig::start();
    rig.apply([put_group("stable", [known_healthy(stable.address)]), forward_to(&[("stable", 0)])]).await;
    assert_eq!(Client::connect(rig.address()).await.get("/").await.status, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn putting_an_unchanged_group_again_keeps_its_counters() {
    let target = TestTarget::named("a").await;
    let (rig, address) = Rig::serving(&[target.address]).await;
    let mut client = Client::connect(address).await;
    client.get("/").await;
    let again = group("group", [known_healthy(target.address)]);
    rig.apply([tidegate_balancer::Change::PutTargetGroup(tidegate_balancer::TargetGroup {
        stickiness: TargetStickiness::Disabled,
        ..again
    })])
    .await;
    client.get("/").await;
    assert_eq!(rig.balancer.metrics().targets[0].request_count, 2);
}
