//! A function that is an HTTP address: its own process, or Lambda's runtime interface emulator.

use bytes::Bytes;
use http::{Method, Request, Uri, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;

use super::{LARGEST_ANSWER, parsed};

/// How Lambda says that it was the function that failed; the body says why.
const FUNCTION_ERROR: &str = "x-amz-function-error";

/// Posts the payload and reads the answer.
pub(super) async fn call(uri: &Uri, payload: &Value) -> Result<Value, String> {
    let unreachable = |reason: String| format!("cannot call {uri}: {reason}");
    let request = Request::builder()
        .method(Method::POST)
        .uri(uri)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(payload.to_string())))
        .map_err(|error| unreachable(error.to_string()))?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response =
        client.request(request).await.map_err(|error| unreachable(crate::remote::root_cause(&error)))?;
    let status = response.status();
    let is_error = response.headers().contains_key(FUNCTION_ERROR);
    let body = Limited::new(response.into_body(), usize::try_from(LARGEST_ANSWER).unwrap_or(usize::MAX));
    let body = body.collect().await.map_err(|error| unreachable(error.to_string()))?.to_bytes();
    if status.is_success() && !is_error {
        return parsed(&body);
    }
    Err(match message(&body) {
        Some(message) => message,
        None => format!("{uri} answered {status}"),
    })
}

/// What the error of a function says.
fn message(body: &[u8]) -> Option<String> {
    let error: Value = serde_json::from_slice(body).ok()?;
    error.get("errorMessage")?.as_str().map(str::to_owned)
}
