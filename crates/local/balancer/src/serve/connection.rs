//! One client's connection: HTTP/1.1 or HTTP/2, until someone has enough of it.
//!
//! The idle timer costs nothing per request: it looks at when the last one was only when it fires. Start at [`serve`].

use std::{
    future::{Future as _, poll_fn},
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{net::TcpStream, time::Instant};
use tokio_util::sync::CancellationToken;

use super::worker::{Seat, Shared};
use crate::{
    metrics::ElbCode,
    proxy::{self, Activity, ClientConnection},
    target::Patience,
    view::LoadBalancerView,
};

/// Longer than what a request's head may be, so that the refusal is ours and not the parser's.
const READ_BUFFER_LIMIT: usize = 160 * 1024;
/// As AWS's load balancers allow on one connection.
const CONCURRENT_STREAMS: u32 = 128;

/// Serves `stream` until it is closed.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    listener: SocketAddr,
    closing: CancellationToken,
    seat: Seat,
) {
    let Seat { shared, worker } = &seat;
    let worker = *worker;
    let Some(load_balancer) = load_balancer(shared, listener) else { return };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "the client was gone at once");
        return;
    }
    let counters = load_balancer.counters.of(worker);
    counters.connections_opened.add_one();
    let client = Arc::new(ClientConnection {
        shared: Arc::clone(shared),
        listener,
        peer,
        peer_text: peer.ip().to_canonical().to_string(),
        worker,
        closing,
        activity: Activity::starting_now(),
    });
    if let Err(error) = run(stream, &client, load_balancer.idle_timeout).await {
        // A request that the parser refused has been answered by it with 400, 414 or 431.
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
            counters.count_elb(ElbCode(400));
        }
        tracing::debug!(%peer, %error, "a client's connection ended");
    }
    counters.connections_closed.add_one();
}

async fn run(
    stream: TcpStream,
    client: &Arc<ClientConnection>,
    idle_timeout: Duration,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let service = service_fn(|request| proxy::serve(Arc::clone(client), request));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().max_buf_size(READ_BUFFER_LIMIT);
    builder.http2().max_concurrent_streams(CONCURRENT_STREAMS).max_header_list_size(READ_BUFFER_LIMIT as u32);
    let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
    // A child of its own, so that workers do not meet at one lock whenever a connection is polled.
    let closing = client.closing.child_token();
    let mut closing = pin!(closing.cancelled());
    let mut patience = Patience::starting(Instant::now(), idle_timeout);
    let mut closes = false;
    poll_fn(|context| {
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(context) {
                return Poll::Ready(ended);
            }
            if !closes && closing.as_mut().poll(context).is_ready() {
                closes = true;
                connection.as_mut().graceful_shutdown();
                continue;
            }
            if patience.poll_exhausted(context).is_pending() {
                return Poll::Pending;
            }
            let Some(load_balancer) = load_balancer(&client.shared, client.listener) else {
                return Poll::Ready(Ok(()));
            };
            let idle = client.activity.idle_for();
            if idle >= load_balancer.idle_timeout {
                return Poll::Ready(Ok(()));
            }
            if !closes && client.activity.age() >= load_balancer.client_keep_alive {
                closes = true;
                connection.as_mut().graceful_shutdown();
            }
            patience.restart(Instant::now(), load_balancer.idle_timeout.saturating_sub(idle));
        }
    })
    .await
}

fn load_balancer(shared: &Shared, listener: SocketAddr) -> Option<Arc<LoadBalancerView>> {
    shared.snapshot.load().listeners.get(&listener).map(|view| Arc::clone(&view.load_balancer))
}
