//! Whatever the bytes, there is an answer: no panic, no hang, no memory beyond the size of the request.

use std::{
    fs,
    sync::LazyLock,
    time::{Duration, Instant},
};

use http::request::Parts;
use proptest::{collection, prelude::*, sample};
use tidegate_wire::{MAX_BODY, Wire};

use crate::exchange::{Request, golden, leak, parse_http, wire, wire_of};

static WIRE: LazyLock<Wire> = LazyLock::new(wire);

static RECORDED: LazyLock<Vec<(Parts, Vec<u8>)>> = LazyLock::new(|| {
    let files = fs::read_dir(golden("requests")).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "http")).collect();
    files.sort();
    files.iter().map(|path| parse_http(&fs::read(path).unwrap())).collect()
});

/// Sends a request and checks that a refusal is one that a client can be to blame for.
fn answered(request: Request) {
    if let Err(response) = request.to(&WIRE) {
        let status = response.status().as_u16();
        assert!((400..500).contains(&status) || status == 501, "{status}");
        assert!(!response.body().is_empty());
    }
}

/// Pieces that query parameters are made of.
fn fragment() -> impl Strategy<Value = &'static str> {
    sample::select(vec![
        "&",
        "=",
        ".",
        "member",
        "entry",
        "key",
        "value",
        "1",
        "2",
        "01",
        "0",
        "18446744073709551616",
        "999999999",
        "-1",
        "Actions",
        "Conditions",
        "ForwardConfig",
        "TargetGroups",
        "Weight",
        "Type",
        "Order",
        "Priority",
        "ListenerArn",
        "%",
        "%41",
        "%ff",
        "+",
        "ä",
        "AuthenticateOidcConfig",
        "AuthenticationRequestExtraParams",
        "Values",
        "Field",
    ])
}

proptest! {
    #[test]
    fn any_bytes_as_json(body in collection::vec(any::<u8>(), 0..200)) {
        answered(Request::ecs("RegisterTaskDefinition", body));
    }

    #[test]
    fn any_json_as_json(body in json()) {
        answered(Request::ecs("RegisterTaskDefinition", body));
    }

    #[test]
    fn any_bytes_as_a_query(body in collection::vec(any::<u8>(), 0..200)) {
        answered(Request::query("elasticloadbalancing", [b"Action=CreateRule&Version=2015-12-01&", &body[..]].concat()));
    }

    #[test]
    fn any_parameters_as_a_query(pieces in collection::vec(fragment(), 0..60)) {
        answered(Request::elbv2("CreateRule", &pieces.concat()));
        let body = format!("Action=DescribeSubnets&Version=2016-11-15&{}", pieces.concat());
        answered(Request::query("ec2", body));
    }

    #[test]
    fn any_bytes_as_cbor(body in collection::vec(any::<u8>(), 0..200)) {
        answered(Request::cbor("monitoring", "GraniteServiceVersion20100801", "PutMetricData", body));
    }

    #[test]
    fn recorded_requests_with_damage(
        which in any::<sample::Index>(),
        damage in collection::vec((any::<sample::Index>(), any::<u8>()), 1..8),
        length in any::<sample::Index>(),
    ) {
        let (parts, body) = which.get(&RECORDED);
        let mut body = body.clone();
        if !body.is_empty() {
            for (at, byte) in damage {
                let at = at.index(body.len());
                body[at] = byte;
            }
            body.truncate(length.index(body.len()) + 1);
        }
        if let Err(response) = WIRE.decode(parts, &body) {
            prop_assert!(response.status().as_u16() < 502);
        }
    }

    #[test]
    fn any_head(
        authorization in "(AWS4-HMAC-SHA256)?[ -~]{0,80}",
        target in "[ -~]{0,40}",
        path in "/[a-zA-Z0-9/.?&=%_-]{0,60}",
        protocol in "(rpc-v2-cbor)?[a-z]{0,3}",
        method in "(GET|POST|PUT|[A-Z]{1,5})",
    ) {
        let request = http::Request::builder()
            .method(method.as_str())
            .uri(path)
            .header("authorization", authorization)
            .header("x-amz-date", "now")
            .header("x-amz-target", target)
            .header("smithy-protocol", protocol);
        let Ok(request) = request.body(()) else { return Ok(()) };
        let (mut parts, ()) = request.into_parts();
        let refused = WIRE.decode(&parts, b"{}").is_err();
        prop_assert!(refused);
        parts.headers.remove("x-amz-target");
        prop_assert!(WIRE.decode(&parts, b"Action=ListClusters").is_err());
    }
}

fn json() -> impl Strategy<Value = String> {
    let names = sample::select(vec![
        "family",
        "containerDefinitions",
        "name",
        "environment",
        "value",
        "tags",
        "key",
        "volumes",
        "cpu",
        "portMappings",
        "containerPort",
        "healthCheck",
        "command",
        "interval",
        "networkMode",
        "essential",
        "logConfiguration",
        "options",
    ]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        ".{0,8}".prop_map(serde_json::Value::from),
    ];
    let value = leaf.prop_recursive(6, 48, 6, move |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            collection::vec((names.clone(), inner), 0..6).prop_map(|entries| {
                entries
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect::<serde_json::Value>()
            }),
        ]
    });
    value.prop_map(|value| value.to_string())
}

/// A service whose only shape holds itself in every way.
const RECURSIVE: &str = r#"{
    "signingName": "random", "protocol": "query", "protocols": ["query", "json-1.0", "smithy-rpc-v2-cbor"],
    "apiVersion": "2026-01-01", "targetPrefix": "Random", "xmlNamespace": "http://random/",
    "operations": { "Echo": { "input": "Self", "output": "Self", "resultWrapper": "EchoResult", "errors": [] } },
    "unimplemented": [], "errors": {},
    "shapes": {
        "Self": { "type": "structure", "members": { "A": { "shape": "Self" }, "L": { "shape": "List" } } },
        "List": { "type": "list", "member": "Self" }
    }
}"#;

#[test]
fn nesting_without_end_is_refused() {
    let wire = wire_of(&[leak(RECURSIVE)]);
    let deep = MAX_BODY / 8;
    let bodies = [
        Request::json(
            "random",
            "Random.Echo",
            format!("{}{}", r#"{"A":"#.repeat(deep / 2), "}".repeat(deep / 2)),
        ),
        Request::json("random", "Random.Echo", "[".repeat(deep)),
        Request::json("random", "Random.Echo", format!("{}{{}}{}", r#"{"A":"#.repeat(100), "}".repeat(100))),
        Request::query("random", format!("Action=Echo&Version=2026-01-01&{}A=", "A.".repeat(deep / 2))),
        Request::query("random", format!("Action=Echo&Version=2026-01-01&{}A=", "L.member.1.".repeat(1000))),
        Request::cbor("random", "Random", "Echo", [0xa1, 0x61, b'A'].repeat(deep / 4)),
        Request::cbor("random", "Random", "Echo", vec![0x81; deep]),
        Request::cbor("random", "Random", "Echo", vec![0xc1; deep]),
        Request::cbor("random", "Random", "Echo", vec![0x9f; deep]),
    ];
    for request in bodies {
        let response = request.to(&wire).unwrap_err();
        assert_eq!(response.status(), 400, "{}", String::from_utf8_lossy(response.body()));
    }
}

#[test]
fn a_claimed_length_costs_nothing() {
    let wire = wire_of(&[leak(RECURSIVE)]);
    for head in [0x5b_u8, 0x7b, 0x9b, 0xbb] {
        for length in [u64::MAX, u64::MAX / 2, 1 << 40] {
            let body = [&[head][..], &length.to_be_bytes()].concat();
            assert_eq!(Request::cbor("random", "Random", "Echo", body).to(&wire).unwrap_err().status(), 400);
        }
    }
}

#[test]
fn an_index_costs_nothing() {
    let params = "ResourceArns.member.999999999=b&ResourceArns.member.18446744073709551615=c\
        &ResourceArns.member.2=a&ResourceArns.member.99999999999999999999=d&ResourceArns.member.02=e";
    let call = Request::elbv2("DescribeTags", params).to(&WIRE).unwrap();
    assert_eq!(call.input, serde_json::json!({ "ResourceArns": ["a", "b", "c"] }));
}

#[test]
fn the_largest_request_takes_a_moment_only() {
    let entries: Vec<String> = (1..9_990).map(|at| format!("&Targets.member.{at}.Id=i")).collect();
    let entries = entries.concat();
    let dense = format!("[{}]", "1,".repeat(MAX_BODY / 2 - 10) + "1");
    let started = Instant::now();
    Request::elbv2("RegisterTargets", &format!("TargetGroupArn=a{entries}")).to(&WIRE).unwrap();
    Request::ecs("ListClusters", dense).to(&WIRE).unwrap_err();
    Request::ecs("ListClusters", format!("{{\"x\":\"{}\"}}", "\\n".repeat(MAX_BODY / 2 - 10)))
        .to(&WIRE)
        .unwrap();
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}
