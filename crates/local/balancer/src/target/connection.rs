//! One connection to a target, idle or in use.
//!
//! It reads and writes bytes and knows nothing of messages. Whoever polls it hears of a cut target as of a closed
//! connection. Start at [`TargetConnection::poll_fill`].

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::BytesMut;
use tokio::{
    io::AsyncWrite,
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_util::io::poll_read_buf;

use super::{
    patience::Patience,
    runtime::{Lifeline, TargetRuntime},
};

const FIRST_READ: usize = 8 * 1024;
const LARGEST_READ: usize = 64 * 1024;

/// A connection to a target.
#[derive(Debug)]
pub(crate) struct TargetConnection {
    stream: TcpStream,
    /// What was read and belongs to no message yet.
    pub(super) read: BytesMut,
    read_size: usize,
    pub(super) patience: Patience,
    target: Arc<TargetRuntime>,
    lifeline: Arc<Lifeline>,
    registration: usize,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum ConnectFailure {
    TimedOut,
    Refused,
}

impl TargetConnection {
    /// Connects within `connect_timeout`; afterwards `idle_timeout` is the first thing waited for.
    pub(crate) async fn open(
        target: Arc<TargetRuntime>,
        connect_timeout: Duration,
        idle_timeout: Duration,
    ) -> Result<Box<Self>, ConnectFailure> {
        let connecting = TcpStream::connect(target.address);
        let stream = match timeout(connect_timeout, connecting).await {
            Err(_) => return Err(ConnectFailure::TimedOut),
            Ok(Err(error)) => {
                tracing::debug!(target = %target.address, %error, "no connection");
                return Err(ConnectFailure::Refused);
            }
            Ok(Ok(stream)) => stream,
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(target = %target.address, %error, "the connection closed at once");
            return Err(ConnectFailure::Refused);
        }
        let lifeline = Arc::<Lifeline>::default();
        let registration = target.register(&lifeline);
        Ok(Box::new(Self {
            stream,
            read: BytesMut::with_capacity(FIRST_READ),
            read_size: FIRST_READ,
            patience: Patience::starting(Instant::now(), idle_timeout),
            target,
            lifeline,
            registration,
        }))
    }

    pub(crate) fn target(&self) -> &Arc<TargetRuntime> {
        &self.target
    }

    /// Whether an idle connection can carry a request: nothing came on it, not even its end.
    pub(super) fn is_still_open(&mut self) -> bool {
        let mut unexpected = [0];
        self.read.is_empty()
            && matches!(self.stream.try_read(&mut unexpected), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Reads more into `read`; zero at the end of the stream.
    pub(crate) fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.read.capacity() - self.read.len() < self.read_size / 4 {
            self.read.reserve(self.read_size);
        }
        let room = self.read.capacity() - self.read.len();
        match poll_read_buf(Pin::new(&mut self.stream), context, &mut self.read) {
            Poll::Ready(Ok(count)) => {
                if count == room && self.read_size < LARGEST_READ {
                    self.read_size *= 2;
                }
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.poll_cut(context).map(Err),
        }
    }

    /// Writes what it can of `parts`, which are not all empty.
    pub(crate) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        let written = match parts {
            [one] => stream.poll_write(context, one),
            several => stream.poll_write_vectored(context, several),
        };
        if written.is_pending() { self.poll_cut(context).map(Err) } else { written }
    }

    /// What was read so far.
    pub(crate) fn take_read(&mut self) -> BytesMut {
        self.read.split()
    }

    /// Waits anew, until `length` after `now`.
    pub(crate) fn restart_patience(&mut self, now: Instant, length: Duration) {
        self.patience.restart(now, length);
    }

    /// Ready when what was last waited for took too long.
    pub(crate) fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.patience.poll_exhausted(context)
    }

    /// Ready when the target was cut: its deregistration delay is over.
    fn poll_cut(&self, context: &mut Context<'_>) -> Poll<io::Error> {
        self.lifeline.waker.register(context.waker());
        if self.target.is_cut() {
            Poll::Ready(io::Error::new(io::ErrorKind::ConnectionAborted, "the target was deregistered"))
        } else {
            Poll::Pending
        }
    }
}

impl Drop for TargetConnection {
    fn drop(&mut self) {
        self.target.unregister(self.registration);
    }
}
