//! Requests to send and wires to send them to.

use std::path::{Path, PathBuf};

use http::request::Parts;
use tidegate_models::{
    ServiceModel, application_autoscaling, cloudwatch, codedeploy, ec2, ecr, ecs, elbv2, iam, logs,
    secretsmanager, ssm, sts,
};
use tidegate_wire::{Call, Response, Settings, Wire};

/// A wire for `models` whose request ids are the same in each run.
pub(crate) fn wire_of(models: &[&'static ServiceModel]) -> Wire {
    Wire::new(models, Settings { default_account: "000000000000".into() }).with_request_id_seed(1)
}

/// A wire for all that the golden requests ask for.
pub(crate) fn wire() -> Wire {
    wire_of(&NAMES.map(model))
}

/// The services that the golden requests ask, as botocore names them.
const NAMES: [&str; 12] = [
    "ecs",
    "elbv2",
    "codedeploy",
    "cloudwatch",
    "ssm",
    "secretsmanager",
    "logs",
    "ec2",
    "sts",
    "iam",
    "application-autoscaling",
    "ecr",
];

/// The model of one of them.
pub(crate) fn model(name: &str) -> &'static ServiceModel {
    match name {
        "ecs" => ecs::model(),
        "elbv2" => elbv2::model(),
        "codedeploy" => codedeploy::model(),
        "cloudwatch" => cloudwatch::model(),
        "ssm" => ssm::model(),
        "iam" => iam::model(),
        "application-autoscaling" => application_autoscaling::model(),
        "secretsmanager" => secretsmanager::model(),
        "logs" => logs::model(),
        "ec2" => ec2::model(),
        "ecr" => ecr::model(),
        "sts" => sts::model(),
        other => panic!("{other} is not served"),
    }
}

/// A model that lives as long as the test.
pub(crate) fn leak(table: &str) -> &'static ServiceModel {
    Box::leak(Box::new(ServiceModel::from_table(table).unwrap()))
}

/// A folder of golden files.
pub(crate) fn golden(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("golden").join(folder)
}

/// A request in the making.
pub(crate) struct Request {
    builder: http::request::Builder,
    body: Vec<u8>,
}

impl Request {
    fn signed(path: &str, service: &str) -> Self {
        let credential = format!("AKID/20261123/eu-central-1/{service}/aws4_request");
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=00");
        let builder = http::Request::post(path)
            .header("authorization", authorization)
            .header("x-amz-date", "20261123T142653Z");
        Self { builder, body: Vec::new() }
    }

    /// An awsJson 1.1 request; `target` is the whole `X-Amz-Target`.
    pub(crate) fn json(service: &str, target: &str, body: impl Into<Vec<u8>>) -> Self {
        let request = Self::signed("/", service)
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.1");
        request.body(body)
    }

    /// An awsJson request of an operation of ECS.
    pub(crate) fn ecs(operation: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::json("ecs", &format!("AmazonEC2ContainerServiceV20141113.{operation}"), body)
    }

    /// A request of an operation of `model` in one of botocore's protocols.
    pub(crate) fn of(model: &ServiceModel, protocol: &str, operation: &str, body: Vec<u8>) -> Self {
        let service = &model.signing_name;
        let target = model.target_prefix.as_deref().unwrap_or_default();
        match protocol {
            "json" => Self::json(service, &format!("{target}.{operation}"), body),
            "smithy-rpc-v2-cbor" => Self::cbor(service, target, operation, body),
            _ => {
                let start = format!("Action={operation}&Version={}&", model.api_version);
                Self::query(service, [start.into_bytes(), body].concat())
            }
        }
    }

    /// A query request.
    pub(crate) fn query(service: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::signed("/", service).header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    /// A query request of an operation of Elastic Load Balancing; `params` are `&`-separated and escaped.
    pub(crate) fn elbv2(operation: &str, params: &str) -> Self {
        Self::query("elasticloadbalancing", format!("Action={operation}&Version=2015-12-01&{params}"))
    }

    /// An rpc-v2-cbor request.
    pub(crate) fn cbor(service: &str, target: &str, operation: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::signed(&format!("/service/{target}/operation/{operation}"), service)
            .header("smithy-protocol", "rpc-v2-cbor")
            .header("content-type", "application/cbor")
            .body(body)
    }

    /// The same request with one more header.
    pub(crate) fn header(self, name: &str, value: impl AsRef<str>) -> Self {
        Self { builder: self.builder.header(name, value.as_ref()), ..self }
    }

    /// The same request without its signature.
    pub(crate) fn unsigned(mut self) -> Self {
        if let Some(headers) = self.builder.headers_mut() {
            headers.remove("authorization");
        }
        self
    }

    /// The same request by another method.
    pub(crate) fn method(self, method: &str) -> Self {
        Self { builder: self.builder.method(method), ..self }
    }

    fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// Sends it.
    pub(crate) fn to(self, wire: &Wire) -> Result<Call, Response> {
        let (parts, ()) = self.builder.body(()).unwrap().into_parts();
        wire.decode(&parts, &self.body)
    }

    /// Sends it, expecting a refusal, and shows that as text.
    pub(crate) fn refused(self) -> String {
        show(&self.to(&wire()).expect_err("the request was accepted"))
    }
}

/// Status, the headers that the wire sets, and the body of an answer.
pub(crate) fn show(response: &Response) -> String {
    let headers: Vec<String> = response
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()))
        .collect();
    let body = String::from_utf8_lossy(response.body());
    format!("{}\n{}\n{body}", response.status().as_u16(), headers.concat())
}

/// Reads a recorded request.
pub(crate) fn parse_http(bytes: &[u8]) -> (Parts, Vec<u8>) {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap().split(' ');
    let mut builder = http::Request::builder().method(first.next().unwrap()).uri(first.next().unwrap());
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        builder = builder.header(name, value);
    }
    let (parts, ()) = builder.body(()).unwrap().into_parts();
    (parts, bytes[end + 4..].to_vec())
}
