//! What can go wrong between here and AWS, in the user's words: what, where, what to do. It must
//! never swallow AWS's own sentence. Start with [`AwsError`]; [`AwsError::fate`] says whether a
//! failed write may have happened.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::error::Error;

/// A call that did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// No region anywhere.
    #[error("no AWS region is set")]
    NoRegion,
    /// The credential chain came up empty.
    #[error("no AWS credentials were found ({detail})")]
    NoCredentials {
        /// What the chain said.
        detail: String,
    },
    /// A session that is over.
    #[error("the AWS credentials have expired ({message})")]
    ExpiredCredentials {
        /// AWS's sentence.
        message: String,
    },
    /// Keys that AWS does not know, or a wrong signature.
    #[error("AWS does not accept these credentials: {code}: {message}")]
    InvalidCredentials {
        /// AWS's code.
        code: String,
        /// AWS's sentence.
        message: String,
    },
    /// A permission is missing.
    #[error("{action} is not allowed: {message}")]
    AccessDenied {
        /// The IAM action, such as `ecs:UpdateService`.
        action: String,
        /// AWS's sentence.
        message: String,
    },
    /// Nothing listens there.
    #[error("cannot reach {endpoint}: {detail}")]
    Unreachable {
        /// The endpoint as far as it is known.
        endpoint: String,
        /// The innermost cause.
        detail: String,
        /// Whether the request can have left this machine.
        fate: Fate,
    },
    /// No answer in time.
    #[error("{operation} got no answer in time from {endpoint}")]
    TimedOut {
        /// The operation.
        operation: &'static str,
        /// The endpoint as far as it is known.
        endpoint: String,
    },
    /// Too many calls in this account.
    #[error("AWS throttles {operation}: {message}")]
    Throttled {
        /// The operation.
        operation: &'static str,
        /// AWS's sentence.
        message: String,
    },
    /// No such cluster.
    #[error("there is no cluster `{cluster}` in {region}")]
    ClusterNotFound {
        /// The cluster asked for.
        cluster: String,
        /// The region asked.
        region: String,
    },
    /// No such service.
    #[error("there is no service `{service}` in cluster `{cluster}` in {region}")]
    ServiceNotFound {
        /// The service asked for.
        service: String,
        /// The cluster asked for.
        cluster: String,
        /// The region asked.
        region: String,
    },
    /// AWS refused.
    #[error("AWS refused {operation}: {code}: {message}")]
    Refused {
        /// The operation.
        operation: &'static str,
        /// AWS's code.
        code: String,
        /// AWS's sentence.
        message: String,
    },
    /// AWS failed.
    #[error("{operation} failed on AWS's side: {code}: {message}")]
    ServerFault {
        /// The operation.
        operation: &'static str,
        /// AWS's code.
        code: String,
        /// AWS's sentence.
        message: String,
    },
    /// The reply is not what the API promises.
    #[error("{operation} was answered with something unexpected: {detail}")]
    UnexpectedReply {
        /// The operation.
        operation: &'static str,
        /// What is wrong with it.
        detail: String,
    },
}

/// Did a failed call happen?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// No: it never left, or AWS says so. It may be sent again.
    DidNotHappen,
    /// AWS looked at it and said no.
    Refused,
    /// It may have happened: read back before anything else.
    Unknown,
}

impl AwsError {
    /// Did the call happen?
    pub fn fate(&self) -> Fate {
        match self {
            Self::Unreachable { fate, .. } => *fate,
            Self::NoRegion | Self::NoCredentials { .. } | Self::Throttled { .. } => Fate::DidNotHappen,
            Self::TimedOut { .. } | Self::ServerFault { .. } | Self::UnexpectedReply { .. } => Fate::Unknown,
            _ => Fate::Refused,
        }
    }

    /// May the same question be answered a moment later?
    pub fn passes(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::TimedOut { .. }
                | Self::Throttled { .. }
                | Self::ServerFault { .. }
        )
    }

    /// What to do, if there is something.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::NoRegion => "set `region` in tidegate.yml, AWS_REGION, or a region in the AWS profile".into(),
            Self::NoCredentials { .. } => "set AWS_PROFILE, run `aws sso login`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (for a local cloud any value does)".into(),
            Self::ExpiredCredentials { .. } => "sign in again (`aws sso login`), or renew the session's keys".into(),
            Self::InvalidCredentials { .. } => "check which profile and keys are in use with `aws sts get-caller-identity`".into(),
            Self::AccessDenied { action, .. } => format!("allow {action} for this identity"),
            Self::Unreachable { endpoint, .. } => format!("check that something listens at {endpoint}, and AWS_ENDPOINT_URL"),
            Self::TimedOut { .. } | Self::ServerFault { .. } => "see what was done with `tidegate status`, then try again".into(),
            Self::Throttled { .. } => "try again in a minute; other tools use the same account's limits".into(),
            Self::ClusterNotFound { .. } => "check the name, the region and the account".into(),
            Self::ServiceNotFound { .. } => "check the name, the cluster and the region; Tidegate deploys services that exist".into(),
            Self::Refused { .. } | Self::UnexpectedReply { .. } => return None,
        })
    }
}

/// Where calls go, for the words of errors.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) endpoint: Option<String>,
    pub(crate) region: String,
}

impl Place {
    fn endpoint(&self) -> String {
        self.endpoint.clone().unwrap_or_else(|| format!("AWS in {}", self.region))
    }
}

/// The SDK's error, in the user's words.
pub(crate) fn in_words<E>(
    service: &str,
    operation: &'static str,
    place: &Place,
    error: SdkError<E, HttpResponse>,
) -> AwsError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    match error {
        SdkError::TimeoutError(_) => AwsError::TimedOut { operation, endpoint: place.endpoint() },
        SdkError::DispatchFailure(ref failure) => {
            let timed_out = failure.is_timeout();
            let causes = chain(&error);
            let innermost = causes.last().cloned().unwrap_or_default();
            if causes.iter().any(|text| names_credentials(text)) {
                return if causes.iter().any(|text| text.to_lowercase().contains("expired")) {
                    AwsError::ExpiredCredentials { message: innermost }
                } else {
                    AwsError::NoCredentials { detail: innermost }
                };
            }
            // A connection that was never made carried nothing.
            let unmade = causes.iter().any(|text| {
                let text = text.to_lowercase();
                text.contains("refused") || text.contains("dns") || text.contains("tcp connect")
            });
            if timed_out && !unmade {
                return AwsError::TimedOut { operation, endpoint: place.endpoint() };
            }
            let fate = if unmade { Fate::DidNotHappen } else { Fate::Unknown };
            AwsError::Unreachable { endpoint: place.endpoint(), detail: innermost, fate }
        }
        SdkError::ServiceError(context) => {
            let status = context.raw().status().as_u16();
            let code = context.err().code().unwrap_or("Unknown").to_owned();
            let message = context.err().message().unwrap_or("no message").to_owned();
            refusal(service, operation, status, code, message)
        }
        SdkError::ResponseError(context) if context.raw().status().as_u16() >= 500 => AwsError::ServerFault {
            operation,
            code: context.raw().status().to_string(),
            message: "the reply could not be read".into(),
        },
        other => {
            let causes = chain(&other);
            let detail = causes.join(": ");
            if causes.iter().any(|text| names_credentials(text)) {
                AwsError::NoCredentials { detail }
            } else {
                AwsError::UnexpectedReply { operation, detail }
            }
        }
    }
}

fn names_credentials(text: &str) -> bool {
    let text = text.to_lowercase();
    text.contains("credential") || text.contains("no providers in chain") || text.contains("sso")
}

fn refusal(service: &str, operation: &'static str, status: u16, code: String, message: String) -> AwsError {
    let throttled = code.contains("Throttl")
        || code == "TooManyRequestsException"
        || code == "RequestLimitExceeded"
        || message == "Rate exceeded"
        || message.starts_with("Too many concurrent attempts");
    match code.as_str() {
        _ if throttled => AwsError::Throttled { operation, message },
        "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation" => {
            AwsError::AccessDenied { action: format!("{service}:{operation}"), message }
        }
        "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" => {
            AwsError::ExpiredCredentials { message }
        }
        "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" => AwsError::InvalidCredentials { code, message },
        _ if status >= 500 => AwsError::ServerFault { operation, code, message },
        _ => AwsError::Refused { operation, code, message },
    }
}

/// Every message of the chain, outermost first.
fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        texts.push(cause.to_string());
        next = cause.source();
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throttle_says_that_nothing_happened_and_a_server_fault_does_not() {
        let throttle =
            refusal("ecs", "UpdateService", 400, "ThrottlingException".into(), "Rate exceeded".into());
        assert_eq!(throttle.fate(), Fate::DidNotHappen);
        let fault =
            refusal("ecs", "UpdateService", 500, "ServerException".into(), "Service unavailable".into());
        assert_eq!(fault.fate(), Fate::Unknown);
    }

    #[test]
    fn concurrent_registration_is_a_throttle_by_another_name() {
        let error = refusal(
            "ecs",
            "RegisterTaskDefinition",
            400,
            "ClientException".into(),
            "Too many concurrent attempts to create a new revision of the specified family.".into(),
        );
        assert_eq!(error.fate(), Fate::DidNotHappen);
    }

    #[test]
    fn a_missing_permission_is_named_as_the_iam_action() {
        let error = refusal(
            "ecs",
            "UpdateService",
            400,
            "AccessDeniedException".into(),
            "User: x is not authorized".into(),
        );
        assert_eq!(error.help().as_deref(), Some("allow ecs:UpdateService for this identity"));
    }
}
