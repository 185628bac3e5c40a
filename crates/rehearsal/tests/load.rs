//! The load generator against servers that behave, stall, fail and are not there.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tidegate_rehearsal::{Load, Traffic};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn load(address: &str, rate: u32) -> Load {
    Load { url: format!("http://{address}/").parse().unwrap(), rate, timeout: Duration::from_secs(5) }
}

/// A server that answers every request with `answer`, and holds them back while `stalls` is set. Its address.
async fn serve(answer: &'static str, stalls: Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(answer_all(client, answer, Arc::clone(&stalls)));
        }
    });
    address
}

async fn answer_all(mut client: TcpStream, answer: &str, stalls: Arc<AtomicBool>) {
    let mut request = [0; 4096];
    // The requests are small and never sent two at a time, so one read is one request.
    while client.read(&mut request).await.is_ok_and(|read| read > 0) {
        while stalls.load(Ordering::Acquire) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if client.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_requests_leave_as_the_rate_says() {
    let address = serve(FINE, Arc::default()).await;
    let start = Instant::now();
    let traffic = Traffic::start(load(&address, 500));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let measured = traffic.stop().await;
    let due = start.elapsed().as_secs_f64() * 500.0;
    assert_eq!(measured.failed, 0, "{:?}", measured.failures);
    // Waiting for the last answers takes time in which nothing is sent any more, and the thread may start late.
    assert!(
        (measured.sent as f64) < due + 2.0 && measured.sent as f64 > due * 0.8,
        "{} of {due}",
        measured.sent
    );
}

/// A generator that waits for answers would send one request into the stall and report one slow answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_stall_counts_for_every_request_that_was_due_in_it() {
    let stalls = Arc::new(AtomicBool::new(false));
    let address = serve(FINE, Arc::clone(&stalls)).await;
    let traffic = Traffic::start(load(&address, 400));
    tokio::time::sleep(Duration::from_millis(200)).await;
    stalls.store(true, Ordering::Release);
    tokio::time::sleep(Duration::from_millis(600)).await;
    stalls.store(false, Ordering::Release);
    let measured = traffic.stop().await;
    assert_eq!(measured.failed, 0, "{:?}", measured.failures);
    assert!(measured.sent > 240, "requests left during the stall: {}", measured.sent);
    // Three quarters of all requests were due in it, evenly: half of all waited 200 ms or longer.
    assert!(measured.latency_ms(0.5) >= 150.0, "p50 {} ms", measured.latency_ms(0.5));
    assert!(measured.latency_ms(0.99) >= 500.0, "p99 {} ms", measured.latency_ms(0.99));
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_counted_by_what_they_ended_with_and_a_4xx_is_none() {
    for (answer, expected) in [
        ("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", Some("HTTP 500")),
        ("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", Some("HTTP 503")),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", None),
    ] {
        let address = serve(answer, Arc::default()).await;
        let traffic = Traffic::start(load(&address, 200));
        tokio::time::sleep(Duration::from_millis(200)).await;
        let measured = traffic.stop().await;
        assert!(measured.sent > 0);
        let failed: Vec<(&str, u64)> =
            measured.failures.iter().map(|(why, count)| (why.as_str(), *count)).collect();
        assert_eq!(failed, expected.map(|why| (why, measured.sent)).into_iter().collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_and_no_answer_in_time_are_failures() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let traffic = Traffic::start(load(&closed, 100));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let measured = traffic.stop().await;
    assert!(measured.sent > 0 && measured.failed == measured.sent);
    assert!(measured.failures.keys().all(|why| why.contains("refused")), "{:?}", measured.failures);

    let address = serve(FINE, Arc::new(AtomicBool::new(true))).await;
    let traffic = Traffic::start(Load { timeout: Duration::from_millis(50), ..load(&address, 100) });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let measured = traffic.stop().await;
    assert_eq!(measured.failures.get("timed out"), Some(&measured.sent), "{:?}", measured.failures);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_is_not_counted_again() {
    let address = serve(FINE, Arc::default()).await;
    let traffic = Traffic::start(load(&address, 1000));
    while traffic.look().sent < 50 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let first = traffic.take().sent;
    let rest = traffic.stop().await.sent;
    assert!(first >= 50 && rest < first * 20, "{first}, then {rest}");
}
