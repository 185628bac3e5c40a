//! How an answer is written: by the protocol that the request spoke.
//!
//! Bodies and headers of answers and errors, nothing about what is in them. A failed call and a refused request are
//! written alike. Start at [`Encoding::success`].

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, HeaderMap},
};
use serde::Serialize;
use serde_json::{Map, Value};
use tidegate_models::{Operation, ServiceModel};

use crate::{
    ApiError, Response, cbor,
    xml::{self, XmlWriter},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");
/// The header by which rpc-v2-cbor is recognised, in both directions.
pub(crate) const SMITHY_PROTOCOL: HeaderName = HeaderName::from_static("smithy-protocol");
/// The value of [`SMITHY_PROTOCOL`].
pub(crate) const RPC_V2_CBOR: &str = "rpc-v2-cbor";

/// The protocol of one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// awsJson 1.0
    Json10,
    /// awsJson 1.1
    Json11,
    /// Query
    Query,
    /// ec2 query
    Ec2Query,
    /// rpc-v2-cbor
    Cbor,
}

/// An error with what the model and the protocol add to it.
pub(crate) struct Failure<'a> {
    /// The error itself.
    pub error: &'a ApiError,
    /// The name of its shape, as JSON and CBOR write it.
    pub shape: &'a str,
    /// Its code, as XML writes it.
    pub code: &'a str,
    /// Its HTTP status.
    pub status: u16,
}

impl Encoding {
    /// Whether requests are form parameters and answers XML.
    pub(crate) fn is_query(self) -> bool {
        matches!(self, Self::Query | Self::Ec2Query)
    }

    /// The answer of an operation that went well; why it cannot be written, if behaviour made it wrong.
    pub(crate) fn success<T: Serialize>(
        self,
        model: &ServiceModel,
        operation: &Operation,
        request_id: &str,
        output: &T,
    ) -> Result<Response, serde_json::Error> {
        let body = match self {
            Self::Query => query_body(model, operation, request_id, &serde_json::to_value(output)?),
            Self::Ec2Query => ec2_body(model, operation, request_id, &serde_json::to_value(output)?),
            _ if operation.output.is_none() => return Ok(self.nothing(request_id)),
            Self::Json10 | Self::Json11 => serde_json::to_vec(output)?,
            Self::Cbor => cbor::encode(model, operation.output, &serde_json::to_value(output)?),
        };
        Ok(self.response(StatusCode::OK, request_id, body))
    }

    /// The answer of an operation that failed, or of a request that was refused.
    pub(crate) fn failure(
        self,
        model: Option<&ServiceModel>,
        request_id: &str,
        failure: &Failure<'_>,
    ) -> Response {
        let Failure { error, shape, code, status } = failure;
        let body = match self {
            Self::Json10 | Self::Json11 => json_error(shape, error),
            Self::Cbor => cbor::encode_error(shape, &error.message, &error.members),
            Self::Query => query_error(model, request_id, failure),
            Self::Ec2Query => ec2_error(request_id, failure),
        };
        let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = self.response(status, request_id, body);
        if !self.is_query() {
            put(response.headers_mut(), ERROR_TYPE, shape);
            if model.is_some_and(|model| model.query_compatible) {
                put(response.headers_mut(), QUERY_ERROR, &format!("{code};{}", fault(status)));
            }
        }
        response
    }

    /// The answer of an operation for which the model has no output: Smithy's JSON and CBOR protocols want it without a
    /// body, and CBOR's also without a content type.
    fn nothing(self, request_id: &str) -> Response {
        let mut response = self.response(StatusCode::OK, request_id, Vec::new());
        if self == Self::Cbor {
            response.headers_mut().remove(CONTENT_TYPE);
        }
        response
    }

    fn response(self, status: StatusCode, request_id: &str, body: Vec<u8>) -> Response {
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type()));
        if self == Self::Cbor {
            headers.insert(SMITHY_PROTOCOL, HeaderValue::from_static(RPC_V2_CBOR));
        }
        put(headers, REQUEST_ID, request_id);
        response
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json10 => "application/x-amz-json-1.0",
            Self::Json11 => "application/x-amz-json-1.1",
            Self::Query => "text/xml",
            Self::Ec2Query => "text/xml;charset=UTF-8",
            Self::Cbor => "application/cbor",
        }
    }
}

/// Sets a header whose value may not be fit for one; then it is left out.
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Whose fault an error is, in query's words.
fn fault(status: StatusCode) -> &'static str {
    if status.is_server_error() { "Receiver" } else { "Sender" }
}

fn json_error(shape: &str, error: &ApiError) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        __type: &'a str,
        message: &'a str,
        #[serde(flatten)]
        members: &'a Map<String, Value>,
    }
    // Strings and a document always become JSON.
    serde_json::to_vec(&Body { __type: shape, message: &error.message, members: &error.members })
        .unwrap_or_default()
}

fn query_body(model: &ServiceModel, operation: &Operation, request_id: &str, output: &Value) -> Vec<u8> {
    let root = format!("{}Response", operation.name);
    let mut xml = XmlWriter::new(model);
    xml.open_root(&root, model.xml_namespace.as_deref());
    if let Some(wrapper) = &operation.result_wrapper {
        xml.open(wrapper);
    }
    if let Some(shape) = operation.output {
        xml.members(shape, output);
    }
    if let Some(wrapper) = &operation.result_wrapper {
        xml.close(wrapper);
    }
    xml.open("ResponseMetadata");
    xml.text("RequestId", request_id);
    xml.close("ResponseMetadata");
    xml.close(&root);
    xml.finish().into_bytes()
}

fn ec2_body(model: &ServiceModel, operation: &Operation, request_id: &str, output: &Value) -> Vec<u8> {
    let root = format!("{}Response", operation.name);
    let mut xml = XmlWriter::new(model);
    xml.open_root(&root, model.xml_namespace.as_deref());
    xml.text("requestId", request_id);
    if let Some(shape) = operation.output {
        xml.members(shape, output);
    }
    xml.close(&root);
    xml.finish().into_bytes()
}

fn query_error(model: Option<&ServiceModel>, request_id: &str, failure: &Failure<'_>) -> Vec<u8> {
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut out = String::with_capacity(512);
    xml::open_root(&mut out, "ErrorResponse", model.and_then(|model| model.xml_namespace.as_deref()));
    out.push_str("<Error>");
    xml::text_element(&mut out, "Type", fault(status));
    write_error(&mut out, failure);
    out.push_str("</Error>");
    xml::text_element(&mut out, "RequestId", request_id);
    out.push_str("</ErrorResponse>");
    out.into_bytes()
}

fn ec2_error(request_id: &str, failure: &Failure<'_>) -> Vec<u8> {
    let mut out = String::with_capacity(512);
    out.push_str("<Response><Errors><Error>");
    write_error(&mut out, failure);
    out.push_str("</Error></Errors>");
    xml::text_element(&mut out, "RequestID", request_id);
    out.push_str("</Response>");
    out.into_bytes()
}

fn write_error(out: &mut String, failure: &Failure<'_>) {
    xml::text_element(out, "Code", failure.code);
    xml::text_element(out, "Message", &failure.error.message);
    for (name, value) in &failure.error.members {
        xml::untyped_element(out, name, value);
    }
}
