use std::time::Duration;

use http::{Request, Response};
use http_body_util::Full;
use tidegate_balancer::{Action, Change, Forward, TargetGroup, TargetStickiness};

use crate::support::{
    Client, Reply, Rig, TestTarget, forward, forward_to, group, known_healthy, load_balancer, put_group,
};

/// The client's cookies after `reply`, as it would send them back.
fn cookies_of(reply: &Reply) -> String {
    let cookies = reply.headers.get_all("set-cookie").iter();
    let pairs = cookies.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap());
    pairs.collect::<Vec<_>>().join("; ")
}

async fn with_cookies(client: &mut Client, cookies: &str) -> Reply {
    client.request(Request::get("/").header("cookie", cookies).body(Full::default()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_stays_with_its_group_even_at_weight_zero() {
    let (a, b) = (TestTarget::named("a").await, TestTarget::named("b").await);
    let rig = Rig::start();
    let sticky = |weights: [u16; 2]| {
        let Action::Forward(plain) = forward(&[("a", weights[0]), ("b", weights[1])]) else { unreachable!() };
        let action = Action::Forward(Forward { stickiness: Some(Duration::from_hours(1)), ..plain });
        Change::PutLoadBalancer(load_balancer(action))
    };
    let groups = [put_group("a", [known_healthy(a.address)]), put_group("b", [known_healthy(b.address)])];
    rig.apply(groups.into_iter().chain([sticky([1, 0])])).await;
    let mut client = Client::connect(rig.address()).await;
    let first = client.get("/").await;
    let cookies = cookies_of(&first);
    assert!(cookies.contains("AWSALBTG=") && cookies.contains("AWSALBTGCORS="), "{cookies}");
    rig.apply([sticky([0, 1])]).await;
    assert_eq!(with_cookies(&mut client, &cookies).await.text(), "a");
    assert_eq!(client.get("/").await.text(), "b");
    assert_eq!(with_cookies(&mut client, "AWSALBTG=nonsense").await.text(), "b");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_stays_with_its_target_until_it_drains() {
    let (a, b) = (TestTarget::named("a").await, TestTarget::named("b").await);
    let rig = Rig::start();
    let sticky = |targets: Vec<_>| {
        let stickiness = TargetStickiness::LbCookie { duration: Duration::from_hours(1) };
        Change::PutTargetGroup(TargetGroup { stickiness, ..group("group", targets) })
    };
    let both = [known_healthy(a.address), known_healthy(b.address)];
    rig.apply([sticky(both.to_vec()), forward_to(&[("group", 1)])]).await;
    let mut client = Client::connect(rig.address()).await;
    let first = client.get("/").await;
    let cookies = cookies_of(&first);
    assert!(cookies.contains("AWSALB=") && cookies.contains("AWSALBCORS="), "{cookies}");
    for _ in 0..6 {
        assert_eq!(with_cookies(&mut client, &cookies).await.text(), first.text());
    }
    let stuck = first.headers["x-tidegate-target"].to_str().unwrap().to_owned();
    let draining =
        both.map(|target| if target.address.to_string() == stuck { target.draining() } else { target });
    rig.apply([sticky(draining.to_vec())]).await;
    for _ in 0..3 {
        assert_ne!(with_cookies(&mut client, &cookies).await.text(), first.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_applications_cookie_decides_how_long_a_client_sticks() {
    let target = |name: &'static str| {
        TestTarget::http(move |_| async move {
            Response::builder().header("set-cookie", "session=1; Path=/").body(Full::from(name)).unwrap()
        })
    };
    let (a, b) = (target("a").await, target("b").await);
    let rig = Rig::start();
    let stickiness =
        TargetStickiness::AppCookie { name: "session".to_owned(), duration: Duration::from_hours(1) };
    let sticky = group("group", [known_healthy(a.address), known_healthy(b.address)]);
    rig.apply([Change::PutTargetGroup(TargetGroup { stickiness, ..sticky }), forward_to(&[("group", 1)])])
        .await;
    let mut client = Client::connect(rig.address()).await;
    let first = client.get("/").await;
    let cookies = cookies_of(&first);
    assert!(cookies.contains("session=1") && cookies.contains("AWSALBAPP-0="), "{cookies}");
    for _ in 0..6 {
        assert_eq!(with_cookies(&mut client, &cookies).await.text(), first.text());
    }
    let without_session = cookies.replace("session=1; ", "");
    let answers = [
        with_cookies(&mut client, &without_session).await.body,
        with_cookies(&mut client, &without_session).await.body,
    ];
    assert_ne!(answers[0], answers[1]);
}
