//! Answers and errors, to the byte. `tests/golden/check.py` shows that botocore reads these same bytes as what was
//! meant.
//!
//! Each `responses/NAME.json` says what is asked and what behaviour answers; `NAME.http` is what goes out. Run with
//! `TIDEGATE_WRITE_GOLDEN=1` to write them anew, then look at the difference.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use tidegate_models::{
    application_autoscaling, cloudwatch, codedeploy, ecr, ecs, elbv2, iam, logs, secretsmanager, ssm,
};
use tidegate_wire::{ApiError, Call, Response};

use crate::exchange::{Request, golden, model, parse_http, wire};

/// One answer to be written.
#[derive(Deserialize)]
struct Case {
    protocol: String,
    service: String,
    operation: String,
    /// A document, query's parameters, or the name of a recorded request.
    #[serde(default)]
    request: Value,
    output: Option<Value>,
    error: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    code: String,
    message: String,
    #[serde(default)]
    members: Map<String, Value>,
}

impl Case {
    fn call(&self) -> Call {
        if let Value::String(name) = &self.request
            && let Ok(recorded) = fs::read(golden("requests").join(format!("{name}.http")))
        {
            let (parts, body) = parse_http(&recorded);
            return wire().decode(&parts, &body).unwrap();
        }
        let body = match &self.request {
            Value::Null if self.protocol == "json" => b"{}".to_vec(),
            Value::Null => Vec::new(),
            Value::String(params) => params.clone().into_bytes(),
            document if self.protocol == "json" => document.to_string().into_bytes(),
            document => cbor(document),
        };
        let request = Request::of(model(&self.service), &self.protocol, &self.operation, body);
        request.to(&wire()).unwrap_or_else(|refusal| panic!("{}", String::from_utf8_lossy(refusal.body())))
    }

    fn response(&self) -> Response {
        let call = self.call();
        match (&self.output, &self.error) {
            (Some(output), None) => match self.operation.as_str() {
                // Those of served services go through their typed structs, as in earnest.
                "DescribeServices" => call.succeed(&typed::<ecs::DescribeServicesResponse>(output)),
                "DescribeTaskDefinition" => {
                    call.succeed(&typed::<ecs::DescribeTaskDefinitionResponse>(output))
                }
                "DescribeRules" => call.succeed(&typed::<elbv2::DescribeRulesOutput>(output)),
                "DescribeLoadBalancers" => call.succeed(&typed::<elbv2::DescribeLoadBalancersOutput>(output)),
                "DescribeTargetHealth" => call.succeed(&typed::<elbv2::DescribeTargetHealthOutput>(output)),
                "CreateTaskSet" => call.succeed(&typed::<ecs::CreateTaskSetResponse>(output)),
                "DescribeTaskSets" => call.succeed(&typed::<ecs::DescribeTaskSetsResponse>(output)),
                "GetDeployment" => call.succeed(&typed::<codedeploy::GetDeploymentOutput>(output)),
                "GetDeploymentTarget" => {
                    call.succeed(&typed::<codedeploy::GetDeploymentTargetOutput>(output))
                }
                "DescribeAlarms" => call.succeed(&typed::<cloudwatch::DescribeAlarmsOutput>(output)),
                "GetMetricData" => call.succeed(&typed::<cloudwatch::GetMetricDataOutput>(output)),
                "GetParameter" => call.succeed(&typed::<ssm::GetParameterResult>(output)),
                "GetRole" => call.succeed(&typed::<iam::GetRoleResponse>(output)),
                "DescribeScalingActivities" => {
                    call.succeed(&typed::<application_autoscaling::DescribeScalingActivitiesResponse>(output))
                }
                "PutParameter" => call.succeed(&typed::<ssm::PutParameterResult>(output)),
                "GetSecretValue" => call.succeed(&typed::<secretsmanager::GetSecretValueResponse>(output)),
                "DescribeImages" => call.succeed(&typed::<ecr::DescribeImagesResponse>(output)),
                "FilterLogEvents" => call.succeed(&typed::<logs::FilterLogEventsResponse>(output)),
                _ => call.succeed(output),
            },
            (None, Some(failure)) => {
                let error = ApiError::new(failure.code.clone(), failure.message.clone());
                let members = failure.members.iter();
                call.fail(&members.fold(error, |error, (name, value)| error.with(name, value.clone())))
            }
            _ => panic!("a case has an output or an error"),
        }
    }
}

fn cbor(document: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(document, &mut bytes).unwrap();
    bytes
}

fn typed<T: DeserializeOwned>(output: &Value) -> T {
    serde_json::from_value(output.clone()).unwrap()
}

fn bytes(response: &Response) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
    for (name, value) in response.headers() {
        out.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    out.extend(b"\r\n");
    out.extend(response.body());
    out
}

#[test]
fn every_answer_is_what_it_was_to_the_byte() {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(golden("responses")).unwrap().map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    assert!(paths.len() >= 35, "only {} answers", paths.len());
    for path in paths {
        let case: Case = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let sent = bytes(&case.response());
        let kept = path.with_extension("http");
        if env::var_os("TIDEGATE_WRITE_GOLDEN").is_some() {
            fs::write(&kept, &sent).unwrap();
        }
        let expected = fs::read(&kept).unwrap();
        assert_eq!(String::from_utf8_lossy(&sent), String::from_utf8_lossy(&expected), "{}", kept.display());
        assert_eq!(sent, expected, "{}", kept.display());
    }
}

/// `tables/errors.json` says code and status of each error as botocore's model has them.
#[test]
fn every_error_of_every_operation_goes_out_with_aws_s_name_and_status() {
    let table: BTreeMap<String, BTreeMap<String, (String, u16)>> =
        serde_json::from_slice(&fs::read(golden("tables").join("errors.json")).unwrap()).unwrap();
    for (service, protocol, operation, request) in [
        ("ecs", "json", "ListClusters", json!({})),
        ("elbv2", "query", "DescribeLoadBalancers", json!("")),
        ("codedeploy", "json", "ListDeployments", json!({})),
        ("codedeploy", "smithy-rpc-v2-cbor", "ListDeployments", json!({})),
        ("cloudwatch", "json", "DescribeAlarms", json!({})),
        ("cloudwatch", "query", "DescribeAlarms", json!("")),
        ("cloudwatch", "smithy-rpc-v2-cbor", "DescribeAlarms", json!({})),
        ("ssm", "json", "GetParameter", json!({ "Name": "/a" })),
        ("secretsmanager", "json", "GetSecretValue", json!({ "SecretId": "a" })),
        ("logs", "json", "DescribeLogGroups", json!({})),
        ("iam", "query", "ListRoles", json!("")),
        ("ecr", "json", "DescribeRepositories", json!({})),
        ("application-autoscaling", "json", "DescribeScalableTargets", json!({ "ServiceNamespace": "ecs" })),
    ] {
        let mut errors: Vec<&String> =
            model(service).operations().flat_map(|operation| &operation.errors).collect();
        errors.sort_unstable();
        errors.dedup();
        assert!(errors.len() >= 8, "{service} has only {} errors", errors.len());
        let case = Case {
            protocol: protocol.into(),
            service: service.into(),
            operation: operation.into(),
            request,
            output: None,
            error: None,
        };
        for shape in errors {
            let (code, status) = &table[service][shape];
            let sent = case.call().fail(&ApiError::new(shape.clone(), "why"));
            assert_eq!(sent.status().as_u16(), *status, "{service}, {protocol}: {shape}");
            let expected = match protocol {
                "json" => format!(r#"{{"__type":"{shape}","message":"why"}}"#).into_bytes(),
                "query" => format!("<Code>{code}</Code><Message>why</Message>").into_bytes(),
                _ => cbor(&json!({ "__type": shape, "message": "why" })),
            };
            let body = sent.body();
            let is_there = match protocol {
                "query" => body.windows(expected.len()).any(|part| part == expected),
                _ => body[..] == expected[..],
            };
            assert!(is_there, "{service}, {protocol}: {shape}: {}", String::from_utf8_lossy(body));
        }
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_an_internal_failure() {
    let case = Case {
        protocol: "json".into(),
        service: "ecs".into(),
        operation: "ListClusters".into(),
        request: Value::Null,
        output: None,
        error: None,
    };
    let unwritable = std::collections::BTreeMap::from([(vec![1u8], 1u8)]);
    let response = case.call().succeed(&unwritable);
    assert_eq!(response.status(), 500);
    assert_eq!(response.headers()["x-amzn-errortype"], "InternalFailure");
}
