//! One request and its response on one connection.
//!
//! It sends and receives at the same time, since a target may answer before it has read everything. It must be clear
//! after every failure whether the target may have seen the request. Start at [`Exchange::poll_response`].

use std::{
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body::Body;
use tokio::time::Instant;

use super::{
    connection::TargetConnection,
    outgoing::{Outgoing, SendFailure, WaitsFor},
    response_head::ResponseHead,
};

/// A request that is being answered.
pub(crate) struct Exchange<B> {
    pub(super) connection: Box<TargetConnection>,
    pub(super) outgoing: Outgoing<B>,
    method: Method,
    pub(super) idle_timeout: Duration,
    pub(super) sending: Sending,
    waits_for: WaitsFor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    Going,
    Done,
    /// The target takes no more. What it said before may still be read.
    Broken,
}

/// Why there is no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExchangeFailure {
    /// The connection ended and not one byte of a response had come.
    ClosedUnanswered,
    /// The connection ended within the head of the response.
    ClosedWithin,
    /// What came is no HTTP, or its head is too long.
    Malformed,
    /// The deregistration delay ran out.
    Cut,
    /// Nothing happened for the length of the idle timeout, and it was the target's turn.
    TargetTimedOut,
    /// The same, and it was the client's turn to send more of its body.
    ClientTimedOut,
    /// The client broke its body off.
    ClientGone,
}

impl<B: Body<Data = Bytes> + Unpin> Exchange<B> {
    pub(crate) fn new(
        mut connection: Box<TargetConnection>,
        outgoing: Outgoing<B>,
        method: Method,
        idle_timeout: Duration,
        now: Instant,
    ) -> Self {
        connection.patience.restart(now, idle_timeout);
        Self {
            connection,
            outgoing,
            method,
            idle_timeout,
            sending: Sending::Going,
            waits_for: WaitsFor::Target,
        }
    }

    /// The response's head, when it is there.
    pub(crate) fn poll_response(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<ResponseHead, ExchangeFailure>> {
        if let Err(failure) = self.drive_sending(context) {
            return Poll::Ready(Err(failure));
        }
        loop {
            match self.connection.poll_fill(context) {
                Poll::Pending => break,
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(self.closed())),
                Poll::Ready(Ok(_)) => match self.parse() {
                    Ok(None) => self.restart_patience(),
                    Ok(Some(head)) => return Poll::Ready(Ok(head)),
                    Err(failure) => return Poll::Ready(Err(failure)),
                },
            }
        }
        if self.connection.patience.poll_exhausted(context).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(Err(match self.waits_for {
            WaitsFor::Client if self.sending == Sending::Going => ExchangeFailure::ClientTimedOut,
            _ => ExchangeFailure::TargetTimedOut,
        }))
    }

    /// The request, to be sent once more on another connection.
    pub(crate) fn into_outgoing(self) -> Outgoing<B> {
        self.outgoing
    }

    /// The connection, which speaks no HTTP any more.
    pub(crate) fn into_connection(self) -> TargetConnection {
        *self.connection
    }

    /// Sends on. Broken sending is no failure yet: the target may have answered before it closed.
    pub(super) fn drive_sending(&mut self, context: &mut Context<'_>) -> Result<(), ExchangeFailure> {
        if self.sending != Sending::Going {
            return Ok(());
        }
        let before = self.outgoing.waits_for();
        match self.outgoing.poll_send(&mut self.connection, context) {
            Poll::Ready(Ok(())) => {
                self.sending = Sending::Done;
                if before == WaitsFor::Client {
                    self.restart_patience();
                }
            }
            Poll::Ready(Err(SendFailure::Target(error))) => {
                tracing::debug!(target = %self.connection.target().address, %error, "the request was cut off");
                self.sending = Sending::Broken;
            }
            Poll::Ready(Err(SendFailure::Client)) => return Err(ExchangeFailure::ClientGone),
            Poll::Pending => {
                // Being polled here means that something moved, but for the timer's own waking.
                let waits_for = self.outgoing.waits_for();
                if self.outgoing.take_progress() || waits_for != self.waits_for {
                    self.restart_patience();
                }
                self.waits_for = waits_for;
            }
        }
        Ok(())
    }

    pub(super) fn restart_patience(&mut self) {
        self.connection.patience.restart(Instant::now(), self.idle_timeout);
    }

    /// A final head, or 101; the interim ones before it (RFC 9110 §15.2) end here.
    fn parse(&mut self) -> Result<Option<ResponseHead>, ExchangeFailure> {
        loop {
            match ResponseHead::parse(&mut self.connection.read, &self.method) {
                Err(_) => return Err(ExchangeFailure::Malformed),
                Ok(Some(head))
                    if head.status.is_informational() && head.status != StatusCode::SWITCHING_PROTOCOLS => {}
                Ok(found) => return Ok(found),
            }
        }
    }

    fn closed(&self) -> ExchangeFailure {
        if self.connection.target().is_cut() {
            ExchangeFailure::Cut
        } else if self.connection.read.is_empty() {
            ExchangeFailure::ClosedUnanswered
        } else {
            ExchangeFailure::ClosedWithin
        }
    }
}
