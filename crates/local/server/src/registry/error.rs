//! What the registry answers when it does not do what was asked: the codes of the distribution specification, with
//! ECR's own words.

use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;
use tidegate_engine::ApiError;

use super::{Answer, uploads::UploadError, whole};

/// A refusal.
#[derive(Debug)]
pub(super) struct Refusal {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(super) fn blob_unknown(digest: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "BLOB_UNKNOWN",
            format!("there is no blob {digest} in the repository"),
        )
    }

    pub(super) fn digest_invalid(digest: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "DIGEST_INVALID", format!("{digest} is no digest of SHA-256"))
    }

    pub(super) fn failed(error: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", error.to_string())
    }

    pub(super) fn answer(self) -> Response<Answer> {
        let text = json!({ "errors": [{ "code": self.code, "message": self.message }] }).to_string();
        let mut response = whole(self.status, text.into());
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        let is_of_tag = error.message.contains("'imageTag'");
        let (status, code) = match error.code {
            "RepositoryNotFoundException" => (StatusCode::NOT_FOUND, "NAME_UNKNOWN"),
            "ImageTagAlreadyExistsException" => (StatusCode::BAD_REQUEST, "TAG_INVALID"),
            "InvalidParameterException" if is_of_tag => (StatusCode::BAD_REQUEST, "TAG_INVALID"),
            "InvalidParameterException" => (StatusCode::BAD_REQUEST, "MANIFEST_INVALID"),
            "ImageDigestDoesNotMatchException" => (StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
            "LayersNotFoundException" | "ReferencedImagesNotFoundException" => {
                (StatusCode::NOT_FOUND, "MANIFEST_BLOB_UNKNOWN")
            }
            "LimitExceededException" => (StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN"),
        };
        Self::new(status, code, error.message.into_owned())
    }
}

impl From<UploadError> for Refusal {
    fn from(error: UploadError) -> Self {
        let (status, code) = match &error {
            UploadError::Unknown => (StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN"),
            UploadError::NotNext(_) => (StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID"),
            UploadError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID"),
            UploadError::OtherDigest(_) => (StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
            UploadError::BrokenOff => (StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID"),
            UploadError::File(_) => (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN"),
        };
        Self::new(status, code, error.to_string())
    }
}
