//! The servers behind the proxies: small, fast, and the same for all.

use std::{
    convert::Infallible,
    env,
    error::Error,
    net::{SocketAddr, TcpListener},
    process::{Child, Command},
    thread,
};

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;

static BODY: [u8; 1024] = [b'a'; 1024];

/// Running backends: one for each group.
pub(crate) struct Backends {
    pub(crate) addresses: Vec<SocketAddr>,
    child: Child,
}

impl Backends {
    pub(crate) fn start() -> Result<Self, Box<dyn Error>> {
        let addresses = vec![free_address()?, free_address()?];
        let child = Command::new(env::current_exe()?)
            .arg("backend")
            .args(addresses.iter().map(SocketAddr::to_string))
            .spawn()?;
        Ok(Self { addresses, child })
    }
}

impl Drop for Backends {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that nobody listens on at the moment.
pub(crate) fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// Serves until it is killed: a thread for each address.
pub(crate) fn run(addresses: &[SocketAddr]) {
    thread::scope(|scope| {
        for &address in addresses {
            scope.spawn(move || {
                if let Err(error) = serve(address) {
                    eprintln!("backend {address}: {error}");
                }
            });
        }
    });
}

fn serve(address: SocketAddr) -> std::io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let answer =
                    |_| async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(&BODY)))) };
                let serving = http1::Builder::new();
                let _ = serving.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
            });
        }
    })
}
