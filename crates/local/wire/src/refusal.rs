//! Why a request is refused before any behaviour, and AWS's codes for it.
//!
//! The same refusal has other codes and another status in each protocol; here is the one table of them. It must never
//! hold what a client wants kept secret. Start at [`Refusal::error`].

use tidegate_models::Operation;

use crate::{ApiError, encoding::Encoding, malformed::Malformed, validation::Violations};

/// Why a request did not become a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is not signed.
    MissingAuthentication,
    /// Its signature lacks parts; the text says which.
    IncompleteSignature(String),
    /// The region in its credential scope is none.
    InvalidRegion,
    /// Its body is larger than this many bytes.
    TooLarge(usize),
    /// It names no operation.
    MissingAction,
    /// AWS has no such operation.
    UnknownOperation {
        /// The operation as the request names it.
        operation: String,
        /// The API version that was asked for it.
        version: String,
    },
    /// It is for a service that is not served here.
    UnknownService(String),
    /// AWS has the operation; the local cloud does not.
    NotImplemented {
        /// The service's signing name.
        service: String,
        /// The operation's name.
        operation: String,
    },
    /// Its body does not have the model's shape.
    Malformed(Malformed),
    /// It breaks constraints of the model; the text says which.
    Invalid {
        /// AWS's text for all of them.
        text: String,
        /// The service's code for it.
        code: &'static str,
    },
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// How much of a name from the request is repeated.
const MAX_NAME: usize = 64;

impl Refusal {
    /// That there is no operation called `operation`.
    pub(crate) fn unknown(operation: &str, version: &str) -> Self {
        let operation = operation.chars().take(MAX_NAME).collect();
        Self::UnknownOperation { operation, version: version.chars().take(MAX_NAME).collect() }
    }

    /// That the service called `name` is not served.
    pub(crate) fn unknown_service(name: &str) -> Self {
        Self::UnknownService(name.chars().take(MAX_NAME).collect())
    }

    /// That constraints of the request of `operation` are broken. Some services have their own code for it; EC2, whose
    /// API is older than all that, tells one thing at a time.
    pub(crate) fn invalid(encoding: Encoding, operation: &Operation, violations: Violations) -> Self {
        let own = |code: &'static str| operation.errors.iter().any(|error| error == code).then_some(code);
        let Violations { text, missing } = violations;
        let (code, text) = match (encoding, missing) {
            (Encoding::Ec2Query, Some(parameter)) => {
                ("MissingParameter", format!("The request must contain the parameter {parameter}"))
            }
            (Encoding::Ec2Query, None) => ("InvalidParameterValue", text),
            (Encoding::Query, _) => ("ValidationError", text),
            _ => {
                let code = own("ValidationException").or_else(|| own("InvalidParameterException"));
                (code.unwrap_or("ValidationException"), text)
            }
        };
        Self::Invalid { text, code }
    }

    /// The error and the HTTP status that AWS answers with in the protocol that was spoken.
    pub(crate) fn error(&self, encoding: Encoding) -> (ApiError, u16) {
        let forms = encoding.is_query();
        let named = |json: &'static str, query: &'static str| if forms { query } else { json };
        let (code, status, message) = match self {
            Self::MissingAuthentication if forms => {
                ("MissingAuthenticationToken", 403, "Request is missing Authentication Token".to_owned())
            }
            Self::MissingAuthentication => {
                ("MissingAuthenticationTokenException", 400, "Missing Authentication Token".to_owned())
            }
            Self::IncompleteSignature(text) => {
                (named("IncompleteSignatureException", "IncompleteSignature"), 400, text.clone())
            }
            Self::InvalidRegion => (
                named("InvalidSignatureException", "SignatureDoesNotMatch"),
                if forms { 403 } else { 400 },
                "Credential should be scoped to a valid region.".to_owned(),
            ),
            Self::TooLarge(most) => (
                named("RequestEntityTooLargeException", "RequestEntityTooLarge"),
                413,
                format!("The request body is larger than {most} bytes"),
            ),
            Self::MissingAction => (
                named("UnknownOperationException", "MissingAction"),
                400,
                "The request must contain the parameter Action".to_owned(),
            ),
            Self::UnknownOperation { operation, version } => (
                named("UnknownOperationException", "InvalidAction"),
                400,
                format!("Could not find operation {operation} for version {version}"),
            ),
            Self::UnknownService(name) => {
                ("NotImplemented", 501, format!("The local cloud does not serve the service {name} yet"))
            }
            Self::NotImplemented { service, operation } => (
                "NotImplemented",
                501,
                format!("The local cloud does not implement {operation} of the service {service} yet"),
            ),
            Self::Malformed(malformed @ Malformed::Unconvertible { .. })
                if encoding == Encoding::Ec2Query =>
            {
                ("InvalidParameterValue", 400, malformed.to_string())
            }
            Self::Malformed(malformed) => {
                (named("SerializationException", "MalformedInput"), 400, malformed.to_string())
            }
            Self::Invalid { text, code } => (*code, 400, text.clone()),
        };
        (ApiError::new(code, message), status)
    }
}
