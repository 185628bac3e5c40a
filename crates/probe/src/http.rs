//! One request, as a gate wants it: GET, no redirects followed, a deadline. Start with [`ask`].

use aws_smithy_http_client::{
    Connector,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::http::Request;
use std::error::Error;
use std::time::Duration;
use tidegate_rollout::gate::{HttpProbe, Reading};

/// Sends the request once, as a new user does: on a connection of its own.
pub(crate) async fn ask(probe: &HttpProbe) -> Reading {
    let Ok(request) = Request::get(&probe.url) else {
        return Reading::CouldNotAsk(format!("{} is no address", probe.url));
    };
    let connector = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::Ring)).build();
    let timeout = Duration::from_millis(probe.timeout.unsigned_abs());
    let answer = tokio::time::timeout(timeout, connector.call(request)).await;
    Reading::Http(match answer {
        Ok(Ok(response)) => Ok(response.status().as_u16()),
        Ok(Err(error)) => Err(innermost(&error)),
        Err(_) => Err(format!("no answer within {} ms", probe.timeout)),
    })
}

/// What went wrong, without the layers around it.
fn innermost(error: &dyn Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn probe(url: String) -> HttpProbe {
        HttpProbe { url, expects: vec![(200, 299)], timeout: 5_000, failures: 1 }
    }

    #[tokio::test]
    async fn the_status_is_answered_whatever_it_is() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/health", listener.local_addr().expect("bound"));
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a request");
            let mut head = [0; 512];
            let read = stream.read(&mut head).await.expect("its head");
            stream.write_all(b"HTTP/1.1 503 no\r\ncontent-length: 0\r\n\r\n").await.expect("written");
            String::from_utf8_lossy(&head[..read]).into_owned()
        });
        assert_eq!(ask(&probe(url)).await, Reading::Http(Ok(503)));
        assert!(served.await.expect("served").starts_with("GET /health HTTP/1.1"));
    }

    #[tokio::test]
    async fn an_address_where_nothing_listens_says_why() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        drop(listener);
        let reading = ask(&probe(url)).await;
        assert!(
            matches!(&reading, Reading::Http(Err(why)) if why.to_lowercase().contains("refused")),
            "{reading:?}"
        );
    }
}
