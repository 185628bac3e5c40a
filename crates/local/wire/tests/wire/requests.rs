//! What boto3 sends is read as what its caller said. The bytes were recorded by `tests/golden/record.py`.

use std::{fs, path::PathBuf};

use serde_json::Value;
use tidegate_models::{ecs, elbv2};

use crate::exchange::{golden, parse_http, wire};

fn recorded() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(golden("requests")).unwrap().map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "http"));
    paths.sort();
    paths
}

#[test]
fn every_recorded_request_is_read_as_its_caller_said() {
    let wire = wire();
    let recorded = recorded();
    assert!(recorded.len() > 100, "only {} recorded requests", recorded.len());
    for path in recorded {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let (parts, body) = parse_http(&fs::read(&path).unwrap());
        let call = wire.decode(&parts, &body).unwrap_or_else(|refusal| {
            panic!("{name} was refused: {:?}", String::from_utf8_lossy(refusal.body()));
        });
        let expected: Value =
            serde_json::from_slice(&fs::read(path.with_extension("json")).unwrap()).unwrap();
        assert_eq!(call.input, expected, "{name}");
        assert!(name.contains(call.operation), "{name}: {}", call.operation);
    }
}

#[test]
fn recorded_requests_fill_the_typed_structs() {
    let wire = wire();
    let call = |name: &str| {
        let (parts, body) = parse_http(&fs::read(golden("requests").join(format!("{name}.http"))).unwrap());
        wire.decode(&parts, &body).unwrap()
    };
    let update: ecs::UpdateServiceRequest = call("ecs-UpdateService").typed().unwrap();
    assert_eq!((update.service.as_str(), update.desired_count), ("web", Some(0)));
    assert_eq!(update.load_balancers, Some(Vec::new()));

    let rule: elbv2::CreateRuleInput = call("elbv2-CreateRule").typed().unwrap();
    assert_eq!((rule.priority, rule.conditions.len()), (10, 3));

    let targets: elbv2::RegisterTargetsInput = call("elbv2-RegisterTargets").typed().unwrap();
    let ports: Vec<_> = targets.targets.iter().map(|target| target.port).collect();
    assert_eq!(
        ports,
        (8001..8013).map(Some).collect::<Vec<_>>(),
        "entry 10 comes after entry 9, not after 1"
    );
}

#[test]
fn region_and_account_come_from_the_signature() {
    let wire = wire();
    let call = |name: &str| {
        let (parts, body) = parse_http(&fs::read(golden("requests").join(format!("{name}.http"))).unwrap());
        let call = wire.decode(&parts, &body).unwrap();
        (call.service, call.region, call.account)
    };
    assert_eq!(call("ecs-ListClusters"), ("ecs", "eu-central-1".into(), "000000000000".into()));
    let presigned = call("elbv2-DescribeLoadBalancers-presigned");
    assert_eq!(presigned, ("elasticloadbalancing", "us-east-1".into(), "210987654321".into()));
}
