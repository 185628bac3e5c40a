use http::Request;
use http_body_util::Full;
use tidegate_balancer::{
    Action, Change, Condition, FixedResponse, Patterns, QueryPair, Redirect, RedirectStatus, Rule,
};

use crate::support::{Client, Rig, load_balancer};

fn saying(text: &str) -> Action {
    Action::FixedResponse(FixedResponse {
        status: 200,
        content_type: Some("text/plain".to_owned()),
        body: text.to_owned(),
    })
}

fn wildcards(values: &[&str]) -> Patterns {
    Patterns::Wildcards(values.iter().map(|&value| value.to_owned()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_rule_whose_conditions_all_hold_decides() {
    let rules = [
        (
            "both",
            vec![Condition::PathPattern(wildcards(&["/a*"])), Condition::HostHeader(wildcards(&["shop.*"]))],
        ),
        ("path", vec![Condition::PathPattern(wildcards(&["/a*"]))]),
        ("header", vec![Condition::HttpHeader { name: "X-Canary".to_owned(), values: wildcards(&["on"]) }]),
        (
            "query",
            vec![Condition::QueryString(vec![QueryPair {
                key: Some("v".to_owned()),
                value: "2".to_owned(),
            }])],
        ),
        ("method", vec![Condition::HttpRequestMethod(vec!["DELETE".to_owned()])]),
        ("source", vec![Condition::SourceIp(vec!["10.0.0.0/8".parse().unwrap()])]),
    ];
    let mut web = load_balancer(saying("default"));
    for (index, (name, conditions)) in rules.into_iter().enumerate() {
        let rule = Rule { arn: format!("rule/{name}"), conditions, action: saying(name) };
        web.listeners[0].rules.insert(index, rule);
    }
    let rig = Rig::start();
    rig.apply([Change::PutLoadBalancer(web)]).await;
    let mut client = Client::connect(rig.address()).await;
    let cases = [
        ("both", Request::get("/abc").header("host", "shop.example:1")),
        ("path", Request::get("/abc")),
        ("header", Request::get("/").header("x-canary", "ON")),
        ("query", Request::get("/?v=2")),
        ("method", Request::delete("/")),
        ("default", Request::get("/?v=3").header("x-forwarded-for", "10.0.0.1")),
    ];
    for (expected, request) in cases {
        let reply = client.request(request.body(Full::default()).unwrap()).await;
        assert_eq!(reply.text(), expected);
        assert_eq!(reply.headers["content-type"], "text/plain");
        assert_eq!(reply.headers["server"], "awselb/2.0");
    }
    assert_eq!(rig.balancer.metrics().load_balancers[0].fixed_response_count, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_fills_in_the_requests_own_parts() {
    let action = Action::Redirect(Redirect {
        protocol: "HTTPS".to_owned(),
        port: "443".to_owned(),
        status: RedirectStatus::MovedPermanently,
        ..Redirect::default()
    });
    let rig = Rig::start();
    rig.apply([Change::PutLoadBalancer(load_balancer(action))]).await;
    let reply = Client::connect(rig.address()).await.get("/a/b?c=d").await;
    assert_eq!(reply.status, 301);
    assert_eq!(reply.headers["location"], "https://web.example:443/a/b?c=d");
    assert_eq!(rig.balancer.metrics().load_balancers[0].redirect_count, 1);
}
