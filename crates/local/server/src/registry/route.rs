//! What a request to the registry asks for. Pure.

use http::Method;

/// What is asked for, of the repository of that name where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// Whether there is a registry, and whether one may.
    Ping,
    /// A manifest, by tag or digest.
    GetManifest {
        name: &'a str,
        reference: &'a str,
    },
    PutManifest {
        name: &'a str,
        reference: &'a str,
    },
    DeleteManifest {
        name: &'a str,
        reference: &'a str,
    },
    GetBlob {
        name: &'a str,
        digest: &'a str,
    },
    BeginUpload {
        name: &'a str,
    },
    UploadStatus {
        name: &'a str,
        id: &'a str,
    },
    AppendUpload {
        name: &'a str,
        id: &'a str,
    },
    CompleteUpload {
        name: &'a str,
        id: &'a str,
    },
    CancelUpload {
        name: &'a str,
        id: &'a str,
    },
    Tags {
        name: &'a str,
    },
    Referrers {
        name: &'a str,
        digest: &'a str,
    },
    /// Registries have it, but not by this method, or ECR has not.
    Unsupported,
    /// No registry has it.
    Unknown,
}

/// What a request asks for. HEAD is GET without the answer's body.
pub(super) fn route<'a>(method: &Method, path: &'a str) -> Route<'a> {
    let Some(path) = path.strip_prefix("/v2") else { return Route::Unknown };
    let Some(path) = path.strip_prefix('/').filter(|path| !path.is_empty()) else {
        return if is_read(method) { Route::Ping } else { Route::Unsupported };
    };
    if let Some(name) = path.strip_suffix("/tags/list") {
        return if is_read(method) { Route::Tags { name } } else { Route::Unsupported };
    }
    if let Some(name) = path.strip_suffix("/blobs/uploads/").or_else(|| path.strip_suffix("/blobs/uploads")) {
        return if *method == Method::POST { Route::BeginUpload { name } } else { Route::Unsupported };
    }
    if let Some((name, id)) = path.rsplit_once("/blobs/uploads/") {
        return match *method {
            Method::GET | Method::HEAD => Route::UploadStatus { name, id },
            Method::PATCH => Route::AppendUpload { name, id },
            Method::PUT => Route::CompleteUpload { name, id },
            Method::DELETE => Route::CancelUpload { name, id },
            _ => Route::Unsupported,
        };
    }
    if let Some((name, reference)) = path.rsplit_once("/manifests/") {
        return match *method {
            Method::GET | Method::HEAD => Route::GetManifest { name, reference },
            Method::PUT => Route::PutManifest { name, reference },
            Method::DELETE => Route::DeleteManifest { name, reference },
            _ => Route::Unsupported,
        };
    }
    if let Some((name, digest)) = path.rsplit_once("/referrers/") {
        return if is_read(method) { Route::Referrers { name, digest } } else { Route::Unsupported };
    }
    match path.rsplit_once("/blobs/") {
        Some((name, digest)) if is_read(method) => Route::GetBlob { name, digest },
        Some(_) => Route::Unsupported,
        None => Route::Unknown,
    }
}

fn is_read(method: &Method) -> bool {
    [Method::GET, Method::HEAD].contains(method)
}

/// The bytes that a `Range` of one piece asks for, of so many; `None` where there are none such.
pub(super) fn range(value: &str, length: u64) -> Option<std::ops::Range<u64>> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first.is_empty(), last.is_empty()) {
        (true, true) => return None,
        (true, false) => length.saturating_sub(last.parse().ok()?)..length,
        (false, true) => first.parse().ok()?..length,
        (false, false) => first.parse().ok()?..last.parse::<u64>().ok()?.saturating_add(1).min(length),
    };
    (range.start < range.end).then_some(range)
}

/// Where a piece of an upload begins, by its `Content-Range`: `0-99`, perhaps as HTTP writes it.
pub(super) fn start_of_piece(value: &str) -> Option<u64> {
    let value = value.strip_prefix("bytes").unwrap_or(value).trim_start_matches(['=', ' ']);
    value.split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repositorys_name_may_have_any_depth() {
        let name = "a/b/blobs/c";
        assert_eq!(
            route(&Method::GET, "/v2/a/b/blobs/c/manifests/v1"),
            Route::GetManifest { name, reference: "v1" }
        );
        assert_eq!(route(&Method::POST, "/v2/a/b/blobs/c/blobs/uploads/"), Route::BeginUpload { name });
        assert_eq!(route(&Method::HEAD, "/v2/x/blobs/d"), Route::GetBlob { name: "x", digest: "d" });
        assert_eq!(route(&Method::GET, "/v2/x/tags/list"), Route::Tags { name: "x" });
        assert_eq!(route(&Method::GET, "/v2/"), Route::Ping);
        assert_eq!(route(&Method::DELETE, "/v2/x/blobs/d"), Route::Unsupported);
        assert_eq!(route(&Method::GET, "/v2/_catalog"), Route::Unknown);
    }

    #[test]
    fn ranges_are_of_what_is_there() {
        for (value, expected) in [
            ("bytes=0-3", Some(0..4)),
            ("bytes=8-", Some(8..10)),
            ("bytes=-4", Some(6..10)),
            ("bytes=-40", Some(0..10)),
            ("bytes=5-500", Some(5..10)),
            ("bytes=10-", None),
            ("bytes=4-3", None),
            ("bytes=-", None),
            ("lines=1-2", None),
        ] {
            assert_eq!(range(value, 10), expected, "{value}");
        }
        for (value, expected) in [("5-9", Some(5)), ("bytes 5-9/20", Some(5)), ("x", None)] {
            assert_eq!(start_of_piece(value), expected, "{value}");
        }
    }
}
