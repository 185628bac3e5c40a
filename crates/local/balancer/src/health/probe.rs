//! One health check over the network.
//!
//! Each is a fresh connection, as AWS makes them, so that it says something about a target's accept queue too. It must
//! never read more of an answer than its status line needs. Start at [`probe`].

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::machine::ProbeResult;
use crate::config::Matcher;

/// An answer whose status line is longer than this is none.
const STATUS_LINE_LIMIT: usize = 4 * 1024;

/// Asks `address` for `path` and waits at most `patience` for the status.
pub(crate) async fn probe(
    address: SocketAddr,
    path: &str,
    matcher: &Matcher,
    patience: Duration,
) -> ProbeResult {
    match timeout(patience, ask(address, path)).await {
        Err(_) => ProbeResult::TimedOut,
        Ok(None) => ProbeResult::Failed,
        Ok(Some(status)) if matcher.accepts(status) => ProbeResult::Passed,
        Ok(Some(status)) => ProbeResult::WrongCode(status),
    }
}

async fn ask(address: SocketAddr, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nUser-Agent: ELB-HealthChecker/2.0\r\n\
         Accept-Encoding: gzip, compressed\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::with_capacity(512);
    while answer.len() < STATUS_LINE_LIMIT {
        if stream.read_buf(&mut answer).await.ok()? == 0 {
            return None;
        }
        if answer.contains(&b'\n') {
            return status_of(&answer);
        }
    }
    None
}

fn status_of(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|&byte| byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?.trim_end();
    let (version, rest) = line.split_once(' ')?;
    let code = rest.get(..3)?;
    (version.starts_with("HTTP/1.") && rest.as_bytes().get(3).is_none_or(|&next| next == b' '))
        .then(|| code.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_from_a_status_line_and_from_nothing_else() {
        assert_eq!(status_of(b"HTTP/1.1 200 OK\r\n"), Some(200));
        assert_eq!(status_of(b"HTTP/1.0 503\r\n"), Some(503));
        assert_eq!(status_of(b"SSH-2.0-OpenSSH\r\n"), None);
        assert_eq!(status_of(b"HTTP/1.1 2000 OK\r\n"), None);
        assert_eq!(status_of(b"\n"), None);
    }
}
