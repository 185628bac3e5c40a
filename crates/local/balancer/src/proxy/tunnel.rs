//! A connection after an upgrade: bytes both ways until one side is done.
//!
//! A tunnel is in flight at its target like a request, and is cut with it. It must never look at the bytes. Start at
//! [`spawn`].

use std::{
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, BytesMut};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::{io::AsyncWrite, time::Instant};
use tokio_util::{io::poll_read_buf, sync::CancellationToken};

use super::service::{ClientConnection, RequestInProgress};
use crate::{
    target::{InFlight, TargetConnection},
    view::ListenerView,
};

const READ_SIZE: usize = 16 * 1024;

/// Starts to tunnel as soon as the client has its 101.
pub(super) fn spawn(
    on_upgrade: OnUpgrade,
    connection: TargetConnection,
    in_flight: InFlight,
    in_progress: RequestInProgress,
    client: &ClientConnection,
    view: &ListenerView,
) {
    let closing = client.closing.clone();
    let idle_timeout = view.load_balancer.idle_timeout;
    tokio::spawn(async move {
        let _until_the_end = (in_flight, in_progress);
        let ended = match on_upgrade.await {
            Ok(upgraded) => run(upgraded, connection, idle_timeout, closing).await,
            Err(error) => Err(io::Error::other(error)),
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a tunnel broke");
        }
    });
}

async fn run(
    client: Upgraded,
    target: TargetConnection,
    idle_timeout: Duration,
    closing: CancellationToken,
) -> io::Result<()> {
    let mut tunnel = Tunnel {
        client: TokioIo::new(client),
        target,
        to_target: BytesMut::new(),
        to_client: BytesMut::new(),
        client_ended: false,
        target_ended: false,
        idle_timeout,
    };
    tunnel.target.restart_patience(Instant::now(), idle_timeout);
    tokio::select! {
        biased;
        () = closing.cancelled() => Ok(()),
        ended = poll_fn(|context| tunnel.poll_move(context)) => ended,
    }
}

struct Tunnel {
    client: TokioIo<Upgraded>,
    target: TargetConnection,
    to_target: BytesMut,
    to_client: BytesMut,
    client_ended: bool,
    target_ended: bool,
    idle_timeout: Duration,
}

impl Tunnel {
    /// Moves what can be moved. Ready when a side has ended and what it said is delivered, or when both are silent for
    /// too long.
    fn poll_move(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut moved = false;
        let up = self.poll_to_target(context, &mut moved);
        let down = self.poll_to_client(context, &mut moved);
        if moved {
            self.target.restart_patience(Instant::now(), self.idle_timeout);
        }
        if up.is_ready() {
            return up;
        }
        if down.is_ready() {
            return down;
        }
        self.target.poll_patience(context).map(Ok)
    }

    fn poll_to_target(&mut self, context: &mut Context<'_>, moved: &mut bool) -> Poll<io::Result<()>> {
        loop {
            while self.to_target.has_remaining() {
                let count = ready!(self.target.poll_write(context, &[IoSlice::new(&self.to_target)]))?;
                self.to_target.advance(count);
                *moved = true;
            }
            if self.client_ended {
                return Poll::Ready(Ok(()));
            }
            self.to_target.reserve(READ_SIZE);
            let count = ready!(poll_read_buf(Pin::new(&mut self.client), context, &mut self.to_target))?;
            self.client_ended = count == 0;
        }
    }

    fn poll_to_client(&mut self, context: &mut Context<'_>, moved: &mut bool) -> Poll<io::Result<()>> {
        loop {
            if !self.to_client.has_remaining() {
                self.to_client = self.target.take_read();
            }
            let mut wrote = false;
            while self.to_client.has_remaining() {
                let count = ready!(Pin::new(&mut self.client).poll_write(context, &self.to_client))?;
                self.to_client.advance(count);
                wrote = true;
                *moved = true;
            }
            if wrote {
                ready!(Pin::new(&mut self.client).poll_flush(context))?;
            }
            if self.target_ended {
                return Poll::Ready(Ok(()));
            }
            let count = ready!(self.target.poll_fill(context))?;
            self.target_ended = count == 0;
        }
    }
}
