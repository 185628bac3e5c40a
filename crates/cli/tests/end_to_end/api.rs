//! A client of the local cloud that is as small as can be: no SDK, no signature, no retry.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;

/// What a call was answered with, or that it was not.
pub(crate) type Answer = std::io::Result<(u16, String)>;

/// Where calls go unless they say another.
const REGION: &str = "eu-west-1";

/// Calls an awsJson operation of ECS.
pub(crate) fn ecs(endpoint: &str, operation: &str, input: &Value) -> Answer {
    json(endpoint, "ecs", "AmazonEC2ContainerServiceV20141113", operation, input)
}

/// Calls an awsJson operation of ECS in a region.
pub(crate) fn ecs_in(region: &str, endpoint: &str, operation: &str, input: &Value) -> Answer {
    let target = "AmazonEC2ContainerServiceV20141113";
    let headers =
        format!("Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: {target}.{operation}\r\n");
    post(endpoint, region, "ecs", &headers, &input.to_string())
}

/// Calls an operation of CodeDeploy.
pub(crate) fn codedeploy(endpoint: &str, operation: &str, input: &Value) -> Answer {
    json(endpoint, "codedeploy", "CodeDeploy_20141006", operation, input)
}

/// Calls a query operation of ELBv2; `parameters` as in a form.
pub(crate) fn elbv2(endpoint: &str, operation: &str, parameters: &str) -> Answer {
    query(endpoint, "elasticloadbalancing", "2015-12-01", operation, parameters)
}

/// Calls an awsJson operation of the service that signs as `service` and whose targets begin with `target`.
pub(crate) fn json(endpoint: &str, service: &str, target: &str, operation: &str, input: &Value) -> Answer {
    let headers =
        format!("Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: {target}.{operation}\r\n");
    post(endpoint, REGION, service, &headers, &input.to_string())
}

/// Calls a query operation of the service that signs as `service`; `parameters` as in a form.
pub(crate) fn query(
    endpoint: &str,
    service: &str,
    version: &str,
    operation: &str,
    parameters: &str,
) -> Answer {
    let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
    let body = format!("Action={operation}&Version={version}&{parameters}");
    post(endpoint, REGION, service, headers, &body)
}

/// The text of the first element `name` in an XML answer.
pub(crate) fn element(xml: &str, name: &str) -> String {
    let start =
        xml.find(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {xml}")) + name.len() + 2;
    let end = start + xml[start..].find('<').unwrap();
    xml[start..end].to_owned()
}

fn post(endpoint: &str, region: &str, service: &str, headers: &str, body: &str) -> Answer {
    let address = endpoint.strip_prefix("http://").unwrap();
    request(
        address,
        &format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential=test/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0\r\n\
             X-Amz-Date: 20260101T000000Z\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    )
}

/// A GET of `path` at `address`.
pub(crate) fn get(address: &str, path: &str) -> Answer {
    request(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"))
}

fn request(address: &str, text: &str) -> Answer {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(text.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let broken = || std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "no whole answer");
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(broken)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
    Ok((status, body.to_owned()))
}
