use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

use tidegate_balancer::{HealthState, Target};

use crate::support::{Client, Rig, TestTarget, eventually, known_healthy, put_group, within};

#[tokio::test(flavor = "multi_thread")]
async fn replacing_every_target_again_and_again_under_load_fails_no_request() {
    let mut serving =
        vec![TestTarget::named("0").await, TestTarget::named("0").await, TestTarget::named("0").await];
    let addresses: Vec<_> = serving.iter().map(|target| target.address).collect();
    let (mut rig, address) = Rig::serving(&addresses).await;
    let (over, sent, failed) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut load = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (over, sent, failed) = (Arc::clone(&over), Arc::clone(&sent), Arc::clone(&failed));
        load.spawn(async move {
            let mut client = Client::connect(address).await;
            while !over.load(SeqCst) {
                let reply = client.get("/").await;
                sent.fetch_add(1, SeqCst);
                if reply.status != 200 {
                    failed.fetch_add(1, SeqCst);
                }
            }
        });
    }
    for generation in 1..=5 {
        for slot in 0..serving.len() {
            let fresh = TestTarget::named(Box::leak(generation.to_string().into_boxed_str())).await;
            let staying = |serving: &[TestTarget]| -> Vec<Target> {
                serving.iter().map(|target| known_healthy(target.address)).collect()
            };
            let mut targets = staying(&serving);
            targets.push(Target::new(fresh.address));
            rig.apply([put_group("group", targets.clone())]).await;
            rig.health(fresh.address, HealthState::Healthy).await;
            let old = std::mem::replace(&mut serving[slot], fresh);
            let mut targets = staying(&serving);
            targets.push(Target::new(old.address).draining());
            rig.apply([put_group("group", targets)]).await;
            eventually("the drain", || rig.in_flight(old.address) == 0).await;
            rig.apply([put_group("group", staying(&serving))]).await;
            drop(old);
            let (already, sent) = (sent.load(SeqCst), Arc::clone(&sent));
            eventually("some load on the new targets", || sent.load(SeqCst) >= already + 200).await;
        }
    }
    over.store(true, SeqCst);
    within("the load's end", async { while load.join_next().await.is_some_and(|done| done.is_ok()) {} })
        .await;
    let (sent, failed) = (sent.load(SeqCst), failed.load(SeqCst));
    assert_eq!(failed, 0, "of {sent}");
    assert_eq!(Client::connect(address).await.get("/").await.text(), "5");
}
