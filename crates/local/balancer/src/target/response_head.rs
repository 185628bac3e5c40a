//! The head of a target's response, read from bytes.
//!
//! What concerns one connection only (RFC 9110 §7.6.1) ends here and is never passed on. It must never copy a header's
//! value: values are slices of what was read. Start at [`ResponseHead::parse`].

use std::{mem::MaybeUninit, ops::Range};

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE},
};

use crate::hop_by_hop::{ConnectionOptions, is_hop_by_hop};

/// The longest head that a target may send; AWS answers 502 beyond.
pub(super) const HEAD_LIMIT: usize = 32 * 1024;
const HEADERS_LIMIT: usize = 128;

/// A response without its body.
#[derive(Debug)]
pub(crate) struct ResponseHead {
    pub(crate) status: StatusCode,
    /// Without those of one connection; with them when the status is 101.
    pub(crate) headers: HeaderMap,
    pub(crate) framing: ResponseFraming,
    pub(crate) afterwards: Afterwards,
}

/// How the end of a body is found (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseFraming {
    Empty,
    Length(u64),
    Chunked,
    UntilClose,
}

/// What becomes of the connection when the response is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    Keep,
    Close,
}

/// What was read is no HTTP/1 response, or too long a one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MalformedHead;

impl ResponseHead {
    /// Takes a head off the front of `read`; `None` when it is not all there yet.
    pub(crate) fn parse(read: &mut BytesMut, request: &Method) -> Result<Option<Self>, MalformedHead> {
        let mut fields = [const { MaybeUninit::uninit() }; HEADERS_LIMIT];
        let mut response = httparse::Response::new(&mut []);
        let parsed = httparse::ParserConfig::default()
            .parse_response_with_uninit_headers(&mut response, read, &mut fields)
            .map_err(|_| MalformedHead)?;
        let httparse::Status::Complete(length) = parsed else {
            return if read.len() < HEAD_LIMIT { Ok(None) } else { Err(MalformedHead) };
        };
        if length > HEAD_LIMIT {
            return Err(MalformedHead);
        }
        let status = response.code.ok_or(MalformedHead)?;
        let status = StatusCode::from_u16(status).map_err(|_| MalformedHead)?;
        let version = response.version.ok_or(MalformedHead)?;

        let mut places = [FieldPlace::default(); HEADERS_LIMIT];
        let places = &mut places[..response.headers.len()];
        for (place, field) in places.iter_mut().zip(&*response.headers) {
            *place = FieldPlace::of(field, read.as_ptr() as usize);
        }
        let head = read.split_to(length).freeze();
        Self::assemble(status, version, &head, places, request).map(Some)
    }

    fn assemble(
        status: StatusCode,
        version: u8,
        head: &Bytes,
        fields: &[FieldPlace],
        request: &Method,
    ) -> Result<Self, MalformedHead> {
        let mut headers = HeaderMap::with_capacity(fields.len() + 2);
        let mut connection = ConnectionOptions::default();
        let mut length: Option<u64> = None;
        let mut chunked = None;
        for place in fields {
            let name =
                HeaderName::from_bytes(&head[FieldPlace::range(place.name)]).map_err(|_| MalformedHead)?;
            let value = head.slice(FieldPlace::range(place.value));
            match name {
                CONNECTION => {
                    connection.read(&value);
                    if status == StatusCode::SWITCHING_PROTOCOLS {
                        headers.append(name, header_value(value)?);
                    }
                    continue;
                }
                TRANSFER_ENCODING => {
                    let last = value.rsplit(|&byte| byte == b',').next().unwrap_or_default();
                    chunked = Some(last.trim_ascii().eq_ignore_ascii_case(b"chunked"));
                    continue;
                }
                CONTENT_LENGTH => {
                    let here = content_length(&value)?;
                    if length.is_some_and(|before| before != here) {
                        return Err(MalformedHead);
                    }
                    if length.replace(here).is_some() {
                        continue;
                    }
                }
                UPGRADE if status == StatusCode::SWITCHING_PROTOCOLS => {}
                _ if is_hop_by_hop(&name) => continue,
                _ => {}
            }
            headers.append(name, header_value(value)?);
        }
        for name in &connection.named {
            headers.remove(name);
        }
        let bodyless = request == Method::HEAD
            || status.is_informational()
            || status == StatusCode::NO_CONTENT
            || status == StatusCode::NOT_MODIFIED;
        let framing = match (bodyless, chunked, length) {
            (true, ..) | (false, None, Some(0)) => ResponseFraming::Empty,
            (false, Some(true), _) => ResponseFraming::Chunked,
            (false, None, Some(length)) => ResponseFraming::Length(length),
            (false, ..) => ResponseFraming::UntilClose,
        };
        if chunked.is_some() {
            headers.remove(CONTENT_LENGTH);
        }
        let kept = if version == 0 { connection.keep_alive } else { !connection.close };
        let afterwards =
            if kept && framing != ResponseFraming::UntilClose { Afterwards::Keep } else { Afterwards::Close };
        Ok(Self { status, headers, framing, afterwards })
    }
}

/// Where in the head a field stands, so that its value can be sliced once the head is taken off. A head is shorter than
/// 64 KiB.
#[derive(Clone, Copy, Debug, Default)]
struct FieldPlace {
    name: (u16, u16),
    value: (u16, u16),
}

impl FieldPlace {
    fn of(field: &httparse::Header<'_>, head_start: usize) -> Self {
        let place = |part: &[u8]| {
            if part.is_empty() {
                return (0, 0);
            }
            let start = (part.as_ptr() as usize).wrapping_sub(head_start);
            (start as u16, (start + part.len()) as u16)
        };
        Self { name: place(field.name.as_bytes()), value: place(field.value) }
    }

    fn range((start, end): (u16, u16)) -> Range<usize> {
        usize::from(start)..usize::from(end)
    }
}

fn header_value(value: Bytes) -> Result<HeaderValue, MalformedHead> {
    HeaderValue::from_maybe_shared(value).map_err(|_| MalformedHead)
}

fn content_length(value: &[u8]) -> Result<u64, MalformedHead> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(MalformedHead);
    }
    std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok()).ok_or(MalformedHead)
}

/// Fields as a map.
pub(super) fn header_map_of(fields: &[httparse::Header<'_>]) -> Result<HeaderMap, MalformedHead> {
    fields
        .iter()
        .map(|field| {
            let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| MalformedHead)?;
            Ok((name, HeaderValue::from_bytes(field.value).map_err(|_| MalformedHead)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(head: &str) -> Result<Option<ResponseHead>, MalformedHead> {
        ResponseHead::parse(&mut BytesMut::from(head), &Method::GET)
    }

    fn parsed(head: &str) -> ResponseHead {
        parse(head).unwrap().unwrap()
    }

    #[test]
    fn a_head_is_taken_off_and_the_body_is_left() {
        let mut read = BytesMut::from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: \r\nX-A: b\r\n\r\nhi");
        let head = ResponseHead::parse(&mut read, &Method::GET).unwrap().unwrap();
        assert_eq!(head.status, StatusCode::OK);
        assert_eq!(head.framing, ResponseFraming::Length(2));
        assert_eq!(head.afterwards, Afterwards::Keep);
        assert_eq!(head.headers.get_all("x-a").iter().collect::<Vec<_>>(), ["", "b"]);
        assert_eq!(&read[..], b"hi");
    }

    #[test]
    fn what_concerns_the_connection_only_is_removed() {
        let head = parsed(
            "HTTP/1.1 200 OK\r\nConnection: close, X-Private\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\n\
             Upgrade: h2c\r\nTransfer-Encoding: chunked\r\nX-Public: 1\r\n\r\n",
        );
        assert_eq!(head.headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-public"]);
        assert_eq!((head.framing, head.afterwards), (ResponseFraming::Chunked, Afterwards::Close));
    }

    #[test]
    fn a_body_without_a_length_ends_with_the_connection() {
        let head = parsed("HTTP/1.1 200 OK\r\n\r\n");
        assert_eq!((head.framing, head.afterwards), (ResponseFraming::UntilClose, Afterwards::Close));
    }

    #[test]
    fn http_1_0_keeps_the_connection_only_when_it_says_so() {
        assert_eq!(parsed("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n").afterwards, Afterwards::Close);
        let kept = parsed("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\n");
        assert_eq!(kept.afterwards, Afterwards::Keep);
    }

    #[test]
    fn chunked_wins_over_a_length_which_is_not_passed_on() {
        let head = parsed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_eq!(head.framing, ResponseFraming::Chunked);
        assert!(!head.headers.contains_key(CONTENT_LENGTH));
    }

    #[test]
    fn lengths_that_disagree_or_are_no_numbers_are_refused() {
        for lengths in
            ["Content-Length: 1\r\nContent-Length: 2", "Content-Length: -1", "Content-Length: 1, 1"]
        {
            assert_eq!(parse(&format!("HTTP/1.1 200 OK\r\n{lengths}\r\n\r\n")).unwrap_err(), MalformedHead);
        }
        let same = parsed("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n");
        assert_eq!(same.headers.get_all(CONTENT_LENGTH).iter().count(), 1);
    }

    #[test]
    fn a_response_to_head_keeps_its_length_and_has_no_body() {
        let mut read = BytesMut::from("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
        let head = ResponseHead::parse(&mut read, &Method::HEAD).unwrap().unwrap();
        assert_eq!(head.framing, ResponseFraming::Empty);
        assert_eq!(head.headers[CONTENT_LENGTH], "9");
    }

    #[test]
    fn a_head_that_is_too_long_is_refused_whole_or_in_part() {
        let long = format!("HTTP/1.1 200 OK\r\nX-Long: {}", "a".repeat(HEAD_LIMIT));
        assert_eq!(parse(&long).unwrap_err(), MalformedHead);
        assert_eq!(parse(&format!("{long}\r\n\r\n")).unwrap_err(), MalformedHead);
    }

    #[test]
    fn what_is_no_http_is_refused() {
        for head in [
            "SSH-2.0-x\r\n\r\n",
            "HTTP/2 200\r\n\r\n",
            "HTTP/1.1 99 no\r\n\r\n",
            "HTTP/1.1 200\r\n:x\r\n\r\n",
        ] {
            assert_eq!(parse(head).unwrap_err(), MalformedHead, "{head:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut read = BytesMut::from(&bytes[..]);
            let _ = ResponseHead::parse(&mut read, &Method::GET);
        }

        #[test]
        fn a_head_in_pieces_is_complete_only_at_its_end(cut in 0usize..63) {
            let head = "HTTP/1.1 204 No Content\r\nServer: test\r\nX-Request-Id: 1234\r\n\r\n";
            prop_assert!(parse(&head[..cut.min(head.len() - 1)]).unwrap().is_none());
        }
    }
}
