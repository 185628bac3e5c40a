//! The small service that the demo deploys.
//!
//! `GET /health` answers `ok`; everything else answers the image that it runs as. After SIGTERM it serves on until its
//! connections are closed or a second has passed, as a service behind a load balancer should.

use std::{
    convert::Infallible,
    env, io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long open connections may last after SIGTERM.
const GRACE: Duration = Duration::from_secs(1);

/// Serves at `HOST`:`PORT` until SIGTERM. With `SAMPLE_CRASH=start` it fails instead, and with `SAMPLE_CRASH=health` its
/// health checks do; with `SAMPLE_CRASH=paths` it knows no path but `/` and `/health`. With `SAMPLE_ERRORS=30`, 30 of each 100 of its answers are a 500. `SAMPLE_STARTUP_MS` is how long it takes to start, either way: 0 unless it is set.
pub async fn serve() -> io::Result<()> {
    let crash = env::var("SAMPLE_CRASH").unwrap_or_default();
    let errors = env::var("SAMPLE_ERRORS").ok().and_then(|percent| percent.parse().ok()).unwrap_or(0);
    let answers = Arc::new(AtomicU64::new(0));
    let startup = env::var("SAMPLE_STARTUP_MS").ok().and_then(|millis| millis.parse().ok()).unwrap_or(0);
    tokio::time::sleep(Duration::from_millis(startup)).await;
    if crash == "start" {
        return Err(io::Error::other("cannot connect to the database: connection refused"));
    }
    let address = address()?;
    let listener = TcpListener::bind(address).await?;
    let image = env::var("TIDEGATE_IMAGE").unwrap_or_else(|_| "sample".to_owned());
    let stop = CancellationToken::new();
    let connections = TaskTracker::new();
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    loop {
        let stream = tokio::select! {
            _ = terminated.recv() => break,
            accepted = listener.accept() => accepted?.0,
        };
        stream.set_nodelay(true)?;
        let (image, crash, stop) = (image.clone(), crash.clone(), stop.clone());
        let answers = Arc::clone(&answers);
        connections.spawn(async move {
            let service = service_fn(|request| {
                let fails = answers.fetch_add(1, Ordering::Relaxed) * errors % 100 < errors;
                let response = answer(&request, &image, if fails { "answer" } else { &crash });
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            tokio::pin!(connection);
            tokio::select! {
                _ = connection.as_mut() => {}
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    let _ = connection.await;
                }
            }
        });
    }
    drop(listener);
    stop.cancel();
    connections.close();
    let _ = tokio::time::timeout(GRACE, connections.wait()).await;
    Ok(())
}

fn address() -> io::Result<SocketAddr> {
    let host = env::var("HOST").unwrap_or_else(|_| "0.0.0.0".to_owned());
    let port = env::var("PORT").unwrap_or_else(|_| "8080".to_owned());
    format!("{host}:{port}").parse().map_err(|_| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("HOST={host} and PORT={port} are no address to serve at"),
        )
    })
}

/// `crash` is what of it fails: its health checks, or this `answer`.
fn answer(request: &Request<Incoming>, image: &str, crash: &str) -> Response<Full<Bytes>> {
    let (status, body) = match request.uri().path() {
        "/health" if crash == "health" => (StatusCode::SERVICE_UNAVAILABLE, "no database\n".to_owned()),
        "/health" => (StatusCode::OK, "ok\n".to_owned()),
        path if crash == "paths" && path != "/" => (StatusCode::NOT_FOUND, "nothing here\n".to_owned()),
        _ if crash == "answer" => (StatusCode::INTERNAL_SERVER_ERROR, format!("{image} fails\n")),
        _ => (StatusCode::OK, format!("{image}\n")),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain"));
    response
}
