//! The body of a target's response, streamed.
//!
//! It is one read ahead of the client at most. When it is over, and everything else is in order, it gives the connection
//! back. Start at [`TargetBody`].

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use super::{
    chunked::{ChunkedDecoder, ChunkedStep},
    exchange::{Exchange, Sending},
    response_head::{Afterwards, ResponseFraming, ResponseHead},
    runtime::InFlight,
};

/// The body of a response that is not all there yet.
pub(crate) struct TargetBody<B> {
    /// None when the body is over.
    exchange: Option<Exchange<B>>,
    decoder: Decoder,
    afterwards: Afterwards,
    in_flight: Option<InFlight>,
    waiting: bool,
}

enum Decoder {
    Length(u64),
    Chunked(ChunkedDecoder),
    UntilClose,
}

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the target closed the connection before its response was complete")]
    Incomplete,
    #[error("the target sent a malformed chunk")]
    MalformedChunk,
    #[error("neither side sent anything for the length of the idle timeout")]
    TimedOut,
    #[error("the client broke its request off")]
    ClientGone,
}

/// A response's body: already here, or still to come.
pub(crate) enum Received<B> {
    Whole(Bytes),
    Streaming(Box<TargetBody<B>>),
}

impl<B: Body<Data = Bytes> + Unpin> TargetBody<B> {
    /// The body that follows `head`. What came together with its head needs no stream, and frees the connection at once.
    pub(crate) fn receive(
        mut exchange: Exchange<B>,
        head: ResponseHead,
        in_flight: InFlight,
        now: Instant,
    ) -> (HeaderMap, Received<B>) {
        let here = exchange.connection.read.len() as u64;
        let whole = match head.framing {
            ResponseFraming::Empty => Some(0),
            ResponseFraming::Length(length) if length <= here => Some(length),
            _ => None,
        };
        if let Some(length) = whole
            && exchange.sending != Sending::Going
        {
            let body = exchange.connection.read.split_to(length as usize).freeze();
            release(exchange, head.afterwards, &in_flight, now);
            return (head.headers, Received::Whole(body));
        }
        let decoder = match head.framing {
            ResponseFraming::Empty => Decoder::Length(0),
            ResponseFraming::Length(length) => Decoder::Length(length),
            ResponseFraming::Chunked => Decoder::Chunked(ChunkedDecoder::default()),
            ResponseFraming::UntilClose => Decoder::UntilClose,
        };
        let streaming = Self {
            exchange: Some(exchange),
            decoder,
            afterwards: head.afterwards,
            in_flight: Some(in_flight),
            waiting: false,
        };
        (head.headers, Received::Streaming(Box::new(streaming)))
    }

    fn finish(&mut self) {
        if let (Some(exchange), Some(in_flight)) = (self.exchange.take(), self.in_flight.take()) {
            release(exchange, self.afterwards, &in_flight, Instant::now());
        }
    }

    fn fail(&mut self, error: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.exchange = None;
        self.in_flight = None;
        Poll::Ready(Some(Err(error)))
    }
}

/// Gives the connection back when both messages are complete and nothing came after them.
fn release<B>(exchange: Exchange<B>, afterwards: Afterwards, in_flight: &InFlight, now: Instant) {
    let reusable = afterwards == Afterwards::Keep
        && exchange.sending == Sending::Done
        && exchange.connection.read.is_empty();
    if reusable {
        in_flight.target.keep_idle(exchange.connection, in_flight.worker, now);
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for TargetBody<B> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        loop {
            let Some(exchange) = &mut this.exchange else { return Poll::Ready(None) };
            if exchange.drive_sending(context).is_err() {
                return this.fail(BodyError::ClientGone);
            }
            let read = &mut exchange.connection.read;
            match &mut this.decoder {
                Decoder::Length(0) => {
                    this.finish();
                    return Poll::Ready(None);
                }
                Decoder::Length(left) if !read.is_empty() => {
                    let here = usize::try_from(*left).unwrap_or(usize::MAX).min(read.len());
                    *left -= here as u64;
                    let data = read.split_to(here).freeze();
                    if *left == 0 {
                        this.finish();
                    }
                    this.waiting = false;
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Decoder::UntilClose if !read.is_empty() => {
                    let data = read.split().freeze();
                    this.waiting = false;
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Decoder::Length(_) | Decoder::UntilClose => {}
                Decoder::Chunked(chunks) => match chunks.next(read) {
                    Ok(ChunkedStep::Data(data)) => {
                        this.waiting = false;
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                    Ok(ChunkedStep::End(trailers)) => {
                        this.finish();
                        return Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))));
                    }
                    Ok(ChunkedStep::NeedMore) => {}
                    Err(_) => return this.fail(BodyError::MalformedChunk),
                },
            }
            match exchange.connection.poll_fill(context) {
                Poll::Ready(Ok(0)) if matches!(this.decoder, Decoder::UntilClose) => {
                    this.finish();
                    return Poll::Ready(None);
                }
                Poll::Ready(Ok(0) | Err(_)) => return this.fail(BodyError::Incomplete),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => {
                    // A slow client is no silent target: waiting begins when there is nothing left to give it.
                    if !this.waiting {
                        this.waiting = true;
                        exchange.restart_patience();
                    }
                    if exchange.connection.patience.poll_exhausted(context).is_ready() {
                        return this.fail(BodyError::TimedOut);
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.exchange.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.decoder {
            Decoder::Length(left) => SizeHint::with_exact(left),
            Decoder::Chunked(_) | Decoder::UntilClose => SizeHint::default(),
        }
    }
}
