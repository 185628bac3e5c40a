//! A request on its way to a target: its head as bytes, its body as it comes.
//!
//! What was written is kept as long as it may have to be written again, up to a limit. It must never hold more of a body
//! than that and one frame. Start at [`Outgoing::poll_send`].

use std::{
    io::{self, IoSlice, Write as _},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame};

use super::connection::TargetConnection;

/// So much of a body is kept for sending it once more.
const REPLAY_LIMIT: usize = 64 * 1024;

/// A request that is being sent.
pub(crate) struct Outgoing<B> {
    head: Vec<u8>,
    head_sent: usize,
    body: Option<B>,
    framing: BodyFraming,
    /// The line before a chunk, the end of the body: what stands between frames.
    between: Vec<u8>,
    between_sent: usize,
    frame: Bytes,
    chunks: usize,
    stage: Stage,
    replay: Replay,
    progressed: bool,
}

/// How a request's body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFraming {
    Empty,
    Length,
    Chunked,
}

/// Whether a request may be sent twice when it is unknown if its first sending had an effect (RFC 9110 §9.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeatable {
    Yes,
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Body,
    Ending,
    Sent,
}

/// What can be sent again.
enum Replay {
    /// The frames so far, and how many of them the present sending has used.
    Kept {
        frames: Vec<Bytes>,
        size: usize,
        used: usize,
    },
    Lost,
}

/// Why a request could not be sent to its end.
#[derive(Debug)]
pub(crate) enum SendFailure {
    /// The target takes no more; it may have answered already.
    Target(io::Error),
    /// The client broke its body off.
    Client,
}

/// Whom sending waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitsFor {
    Client,
    Target,
}

impl<B: Body<Data = Bytes> + Unpin> Outgoing<B> {
    pub(crate) fn new(head: Vec<u8>, body: B, framing: BodyFraming, repeatable: Repeatable) -> Self {
        let empty = framing == BodyFraming::Empty;
        Self {
            head,
            head_sent: 0,
            body: (!empty).then_some(body),
            framing,
            between: Vec::new(),
            between_sent: 0,
            frame: Bytes::new(),
            chunks: 0,
            stage: if empty { Stage::Ending } else { Stage::Body },
            replay: match repeatable {
                Repeatable::Yes => Replay::Kept { frames: Vec::new(), size: 0, used: 0 },
                Repeatable::No => Replay::Lost,
            },
            progressed: false,
        }
    }

    /// Sends as much as the target takes and the client gives. Ready when all is sent.
    pub(crate) fn poll_send(
        &mut self,
        connection: &mut TargetConnection,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), SendFailure>> {
        loop {
            ready!(self.poll_flush(connection, context)).map_err(SendFailure::Target)?;
            match self.stage {
                Stage::Sent => return Poll::Ready(Ok(())),
                Stage::Ending => self.stage = Stage::Sent,
                Stage::Body => match ready!(self.poll_frame(context)) {
                    Some(Ok(frame)) => self.stage_frame(frame),
                    Some(Err(())) => return Poll::Ready(Err(SendFailure::Client)),
                    None => {
                        self.stage_end(None);
                    }
                },
            }
        }
    }

    /// Whom it waits for when sending is pending.
    pub(crate) fn waits_for(&self) -> WaitsFor {
        let unsent = self.head_sent < self.head.len()
            || self.between_sent < self.between.len()
            || self.frame.has_remaining();
        if self.stage == Stage::Body && !unsent { WaitsFor::Client } else { WaitsFor::Target }
    }

    /// Whether anything was sent since this was asked last.
    pub(crate) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progressed)
    }

    /// Whether nothing at all was given to a connection yet.
    pub(crate) fn is_untouched(&self) -> bool {
        self.head_sent == 0
    }

    /// Starts again from the head; `false` when too much of the body is gone, or when the request must not be repeated.
    pub(crate) fn rewind(&mut self) -> bool {
        if self.is_untouched() {
            return true;
        }
        let Replay::Kept { used, .. } = &mut self.replay else { return false };
        *used = 0;
        self.head_sent = 0;
        self.between.clear();
        self.between_sent = 0;
        self.frame = Bytes::new();
        self.chunks = 0;
        self.stage = if self.framing == BodyFraming::Empty { Stage::Ending } else { Stage::Body };
        true
    }

    fn poll_flush(
        &mut self,
        connection: &mut TargetConnection,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let head = &self.head[self.head_sent..];
            let between = &self.between[self.between_sent..];
            if between.is_empty() && self.frame.is_empty() {
                if head.is_empty() {
                    return Poll::Ready(Ok(()));
                }
                self.head_sent += ready!(connection.poll_write(context, &[IoSlice::new(head)]))?;
                self.progressed = true;
                continue;
            }
            let parts = [IoSlice::new(head), IoSlice::new(between), IoSlice::new(&self.frame)];
            let mut written = ready!(connection.poll_write(context, &parts))?;
            self.progressed = true;
            let of_head = written.min(head.len());
            written -= of_head;
            let of_between = written.min(between.len());
            written -= of_between;
            self.head_sent += of_head;
            self.between_sent += of_between;
            self.frame.advance(written);
        }
    }

    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ()>>> {
        if let Replay::Kept { frames, used, .. } = &mut self.replay
            && let Some(frame) = frames.get(*used)
        {
            *used += 1;
            return Poll::Ready(Some(Ok(Frame::data(frame.clone()))));
        }
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if let (Replay::Kept { frames, size, used }, Some(Ok(frame))) = (&mut self.replay, &frame)
            && let Some(data) = frame.data_ref()
        {
            *size += data.len();
            if *size <= REPLAY_LIMIT {
                frames.push(data.clone());
                *used += 1;
            } else {
                self.replay = Replay::Lost;
            }
        }
        match frame {
            None => {
                self.body = None;
                Poll::Ready(None)
            }
            Some(frame) => Poll::Ready(Some(frame.map_err(|_| ()))),
        }
    }

    fn stage_frame(&mut self, frame: Frame<Bytes>) {
        match frame.into_data() {
            Ok(data) if data.is_empty() => {}
            Ok(data) => {
                if self.framing == BodyFraming::Chunked {
                    let line_end = if self.chunks == 0 { "" } else { "\r\n" };
                    self.between.clear();
                    self.between_sent = 0;
                    // Writing to a Vec cannot fail.
                    let _ = write!(self.between, "{line_end}{:x}\r\n", data.len());
                    self.chunks += 1;
                }
                self.frame = data;
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    self.stage_end(Some(&trailers));
                }
            }
        }
    }

    fn stage_end(&mut self, trailers: Option<&HeaderMap>) {
        self.stage = Stage::Ending;
        if self.framing != BodyFraming::Chunked {
            return;
        }
        self.between.clear();
        self.between_sent = 0;
        if self.chunks > 0 {
            self.between.extend_from_slice(b"\r\n");
        }
        self.between.extend_from_slice(b"0\r\n");
        for (name, value) in trailers.into_iter().flatten() {
            self.between.extend_from_slice(name.as_str().as_bytes());
            self.between.extend_from_slice(b": ");
            self.between.extend_from_slice(value.as_bytes());
            self.between.extend_from_slice(b"\r\n");
        }
        self.between.extend_from_slice(b"\r\n");
    }
}
