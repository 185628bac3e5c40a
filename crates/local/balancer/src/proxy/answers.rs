//! What the balancer says by itself when no target does.
//!
//! The status codes are those of "Troubleshoot your Application Load Balancers"; every such answer names `awselb/2.0`
//! as its server and brings a small HTML page. Start at [`Refusal`].

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONNECTION, CONTENT_TYPE, SERVER},
};

use super::ProxyBody;
use crate::{config::FixedResponse, metrics::ElbCode};

/// An error that the balancer itself answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 400: the request is malformed, or a header of it too long.
    BadRequest,
    /// 405: TRACE, or CONNECT.
    MethodNotAllowed,
    /// 408: the client did not send its body before the idle timeout.
    RequestTimeout,
    /// 463: more than 30 addresses in `X-Forwarded-For`.
    TooManyForwarders,
    /// 500: the balancer has no rule for it. Listeners always have a default rule, so this is a fault of ours.
    NoRule,
    /// 501: a transfer coding other than chunked.
    UnsupportedTransferEncoding,
    /// 502: the target refused the connection, broke it off or sent what is no HTTP.
    BadGateway,
    /// 503: no target may be sent requests.
    ServiceUnavailable,
    /// 504: the target did not answer in time.
    GatewayTimeout,
}

impl Refusal {
    /// Status code and reason phrase.
    fn status(self) -> (u16, &'static str) {
        match self {
            Self::BadRequest => (400, "Bad Request"),
            Self::MethodNotAllowed => (405, "Method Not Allowed"),
            Self::RequestTimeout => (408, "Request Time-out"),
            Self::TooManyForwarders => (463, ""),
            Self::NoRule => (500, "Internal Server Error"),
            Self::UnsupportedTransferEncoding => (501, "Not Implemented"),
            Self::BadGateway => (502, "Bad Gateway"),
            Self::ServiceUnavailable => (503, "Service Temporarily Unavailable"),
            Self::GatewayTimeout => (504, "Gateway Time-out"),
        }
    }

    /// As `HTTPCode_ELB_*` counts it.
    pub(crate) fn code(self) -> ElbCode {
        ElbCode(self.status().0)
    }

    pub(crate) fn response(self) -> Response<ProxyBody> {
        let (code, reason) = self.status();
        let title = format!("{code} {reason}");
        let title = title.trim_end();
        let page = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n\
             </html>\r\n"
        );
        let mut response = Response::new(ProxyBody::Whole(Bytes::from(page)));
        *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(SERVER, SERVER_NAME);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        if matches!(self, Self::BadRequest | Self::RequestTimeout | Self::UnsupportedTransferEncoding) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

pub(super) const SERVER_NAME: HeaderValue = HeaderValue::from_static("awselb/2.0");

/// The response of a fixed-response action.
pub(crate) fn fixed(action: &FixedResponse) -> Response<ProxyBody> {
    let mut response = Response::new(ProxyBody::Whole(Bytes::from(action.body.clone())));
    *response.status_mut() = StatusCode::from_u16(action.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(SERVER, SERVER_NAME);
    if let Some(content_type) =
        action.content_type.as_deref().and_then(|text| HeaderValue::from_str(text).ok())
    {
        headers.insert(CONTENT_TYPE, content_type);
    }
    response
}
