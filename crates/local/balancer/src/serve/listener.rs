//! Listening sockets.
//!
//! Binding is apart from accepting: an address is taken before a change is committed, and its clients are let in
//! afterwards. Start at [`bind`], then [`accept`].

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use socket2::{Domain, Socket, Type};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{
    connection,
    worker::{Job, Seat, Shared},
};
use crate::metrics::WorkerId;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;
/// How long accepting rests when the system has no descriptor left, in real time.
const EXHAUSTED_REST: Duration = Duration::from_millis(20);

/// A socket that listens on `address`. Its clients wait until it is accepted from.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // After a restart the old connections are still in TIME_WAIT. A second listener is refused all the same.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A listener whose clients are let in.
pub(crate) struct RunningListener {
    /// The real address.
    pub(crate) bound: SocketAddr,
    closing: CancellationToken,
    closed: oneshot::Receiver<()>,
}

impl RunningListener {
    /// Lets the clients of `listener` in; they are served by what the snapshot has for `address`.
    pub(crate) fn start(
        listener: TcpListener,
        address: SocketAddr,
        bound: SocketAddr,
        shared: &Shared,
    ) -> Self {
        let closing = shared.stop.child_token();
        let (sender, closed) = oneshot::channel();
        let job = Job::Accept { listener, address, closing: closing.clone(), closed: sender };
        shared.accept_on_some_worker(job);
        Self { bound, closing, closed }
    }

    /// Closes it: no new clients; those that are there get the answers they wait for. Completes when the address is
    /// free.
    pub(crate) async fn close(self) {
        self.closing.cancel();
        // An error is a worker that is gone, and its sockets with it.
        let _ = self.closed.await;
    }
}

/// Accepts until `closing`.
pub(super) async fn accept(
    listener: tokio::net::TcpListener,
    address: SocketAddr,
    closing: CancellationToken,
    worker: WorkerId,
    shared: Arc<Shared>,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = closing.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let seat = Seat::take(&shared);
                if seat.worker == worker {
                    tokio::spawn(connection::serve(stream, peer, address, closing.clone(), seat));
                } else if let Ok(stream) = stream.into_std() {
                    let chosen = seat.worker;
                    shared.give(
                        chosen,
                        Job::Serve { stream, peer, listener: address, closing: closing.clone(), seat },
                    );
                }
            }
            Err(error) if is_exhausted(&error) => {
                if let Some(view) = shared.snapshot.load().listeners.get(&address) {
                    view.load_balancer.counters.of(worker).connections_rejected.add_one();
                }
                tracing::warn!(%address, %error, "a connection cannot be accepted");
                tokio::time::sleep(EXHAUSTED_REST).await;
            }
            // The client was gone before it was accepted.
            Err(error) => tracing::debug!(%address, %error, "a connection was not accepted"),
        }
    }
}

/// Descriptors or memory ran out, in this process or in the system.
fn is_exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    exhausted.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
