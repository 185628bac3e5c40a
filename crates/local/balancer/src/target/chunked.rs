//! The chunked transfer coding, taken apart (RFC 9112 §7.1).
//!
//! It works on what was read so far and asks for more; it must never take a byte that belongs to the next message.
//! Start at [`ChunkedDecoder::next`].

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;

use super::response_head::header_map_of;

/// A chunk's size line, extensions included, and a message's trailers are no longer than these.
const SIZE_LINE_LIMIT: usize = 4 * 1024;
const TRAILERS_LIMIT: usize = 16 * 1024;

/// Where in a chunked body we are.
#[derive(Debug, Default)]
pub(crate) enum ChunkedDecoder {
    /// Before a size line.
    #[default]
    Size,
    /// Within a chunk with so many bytes to come.
    Data(u64),
    /// Before the line end that closes a chunk.
    DataEnd,
    /// Behind the last chunk.
    Trailers,
    /// Behind the message.
    Done,
}

/// What was found.
#[derive(Debug, PartialEq)]
pub(crate) enum ChunkedStep {
    Data(Bytes),
    /// The end, with the trailers if there are any.
    End(Option<HeaderMap>),
    /// Nothing more without more bytes.
    NeedMore,
}

/// What was read is no chunked body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MalformedChunk;

impl ChunkedDecoder {
    pub(crate) fn next(&mut self, read: &mut BytesMut) -> Result<ChunkedStep, MalformedChunk> {
        loop {
            match self {
                Self::Size => {
                    let Some(line_end) = read.iter().take(SIZE_LINE_LIMIT).position(|&byte| byte == b'\n')
                    else {
                        return need_more(read.len() < SIZE_LINE_LIMIT);
                    };
                    let size = size_of(&read[..line_end])?;
                    read.advance(line_end + 1);
                    *self = if size == 0 { Self::Trailers } else { Self::Data(size) };
                }
                Self::Data(left) => {
                    if read.is_empty() {
                        return Ok(ChunkedStep::NeedMore);
                    }
                    let here = usize::try_from(*left).unwrap_or(usize::MAX).min(read.len());
                    *left -= here as u64;
                    if *left == 0 {
                        *self = Self::DataEnd;
                    }
                    return Ok(ChunkedStep::Data(read.split_to(here).freeze()));
                }
                Self::DataEnd => {
                    match &read[..read.len().min(2)] {
                        b"\r\n" => read.advance(2),
                        b"" | b"\r" => return Ok(ChunkedStep::NeedMore),
                        _ => return Err(MalformedChunk),
                    }
                    *self = Self::Size;
                }
                Self::Trailers => {
                    if read.starts_with(b"\r\n") {
                        read.advance(2);
                        *self = Self::Done;
                        return Ok(ChunkedStep::End(None));
                    }
                    let mut fields = [httparse::EMPTY_HEADER; 32];
                    return match httparse::parse_headers(read, &mut fields) {
                        Ok(httparse::Status::Complete((length, fields))) => {
                            let trailers = header_map_of(fields).map_err(|_| MalformedChunk)?;
                            read.advance(length);
                            *self = Self::Done;
                            Ok(ChunkedStep::End(Some(trailers)))
                        }
                        Ok(httparse::Status::Partial) => need_more(read.len() < TRAILERS_LIMIT),
                        Err(_) => Err(MalformedChunk),
                    };
                }
                Self::Done => return Ok(ChunkedStep::End(None)),
            }
        }
    }
}

fn need_more(within_limit: bool) -> Result<ChunkedStep, MalformedChunk> {
    if within_limit { Ok(ChunkedStep::NeedMore) } else { Err(MalformedChunk) }
}

fn size_of(line: &[u8]) -> Result<u64, MalformedChunk> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let digits = line.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii_end();
    // Sixteen digits would reach the top of u64; no chunk is that long.
    if digits.is_empty() || digits.len() > 15 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(MalformedChunk);
    }
    let digits = std::str::from_utf8(digits).map_err(|_| MalformedChunk)?;
    u64::from_str_radix(digits, 16).map_err(|_| MalformedChunk)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The body and what was left over.
    type Decoded = (Vec<u8>, Vec<u8>);

    /// Feeds `wire` in pieces of `piece` bytes; `None` when it does not end.
    fn decode(wire: &[u8], piece: usize) -> Result<Option<Decoded>, MalformedChunk> {
        let (mut decoder, mut read, mut body) = (ChunkedDecoder::default(), BytesMut::new(), Vec::new());
        for piece in wire.chunks(piece) {
            read.extend_from_slice(piece);
            loop {
                match decoder.next(&mut read)? {
                    ChunkedStep::Data(data) => body.extend_from_slice(&data),
                    ChunkedStep::NeedMore => break,
                    ChunkedStep::End(_) => return Ok(Some((body, read.to_vec()))),
                }
            }
        }
        Ok(None)
    }

    proptest! {
        #[test]
        fn a_body_survives_any_chunking_and_any_reading(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 0..8),
            piece in 1usize..64,
        ) {
            let mut wire = Vec::new();
            for chunk in &chunks {
                wire.extend_from_slice(format!("{:X};ext=1\r\n", chunk.len()).as_bytes());
                wire.extend_from_slice(chunk);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\n\r\n");
            prop_assert_eq!(decode(&wire, piece), Ok(Some((chunks.concat(), Vec::new()))));
        }

        #[test]
        fn arbitrary_bytes_never_panic(wire in proptest::collection::vec(any::<u8>(), 0..200), piece in 1usize..20) {
            let _ = decode(&wire, piece);
        }
    }

    #[test]
    fn what_follows_the_message_is_left_alone() {
        assert_eq!(decode(b"1\r\na\r\n0\r\n\r\nHTTP", 99), Ok(Some((b"a".to_vec(), b"HTTP".to_vec()))));
    }

    #[test]
    fn trailers_are_read() {
        let mut read = BytesMut::from(&b"0\r\nx-sum: 1\r\n\r\n"[..]);
        let Ok(ChunkedStep::End(Some(trailers))) = ChunkedDecoder::default().next(&mut read) else {
            panic!("no trailers");
        };
        assert_eq!(trailers["x-sum"], "1");
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for wire in ["\r\n", "g\r\n", "-1\r\n", "1 2\r\n", "fffffffffffffffff\r\n", "1\r\nab\r\n"] {
            assert_eq!(decode(wire.as_bytes(), 99), Err(MalformedChunk), "{wire:?}");
        }
    }
}
