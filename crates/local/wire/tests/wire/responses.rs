//! Answers and errors, to the byte. `tests/golden/check.py` shows that botocore reads these same bytes as what was
//! meant.
//!
//! Each `responses/NAME.json` says what is asked and what behaviour answers; `NAME.http` is what goes out. Run with
//! `TIDEGATE_WRITE_GOLDEN=1` to write them anew, then look at the difference.

use std::{env, fs, path::PathBuf};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use tidegate_models::{ecs, elbv2};
use tidegate_wire::{ApiError, Call, Response};

use crate::exchange::{Request, golden, wire};

/// One answer to be written.
#[derive(Deserialize)]
struct Case {
    protocol: String,
    service: String,
    operation: String,
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
        let body = match &self.request {
            Value::Null => String::new(),
            Value::String(params) => params.clone(),
            document => document.to_string(),
        };
        let request = match (self.protocol.as_str(), self.service.as_str()) {
            ("json", "ecs") => Request::ecs(&self.operation, body),
            ("json", _) => Request::json(
                "monitoring",
                &format!("GraniteServiceVersion20100801.{}", self.operation),
                body,
            ),
            ("query", "elbv2") => Request::elbv2(&self.operation, &body),
            ("query", _) => {
                Request::query("monitoring", format!("Action={}&Version=2010-08-01&{body}", self.operation))
            }
            ("ec2", _) => {
                Request::query("ec2", format!("Action={}&Version=2016-11-15&{body}", self.operation))
            }
            ("smithy-rpc-v2-cbor", _) => {
                let body = self.request.as_object().map_or(Vec::new(), |document| {
                    let mut bytes = Vec::new();
                    ciborium::into_writer(document, &mut bytes).unwrap();
                    bytes
                });
                Request::cbor("monitoring", "GraniteServiceVersion20100801", &self.operation, body)
            }
            other => panic!("no request for {other:?}"),
        };
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
    assert!(paths.len() >= 15, "only {} answers", paths.len());
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
