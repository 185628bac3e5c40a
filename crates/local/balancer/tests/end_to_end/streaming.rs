use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Request;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Client, Rig, TestTarget, within};

const CHUNK: usize = 64 * 1024;
const CHUNKS: usize = 4096;
const SIZE: usize = CHUNK * CHUNKS;
static CHUNK_OF_ZEROES: [u8; CHUNK] = [0; CHUNK];

/// The largest resident size of this process so far, in bytes.
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// Frames of zeroes, as many as it is asked for.
struct Zeroes(usize);

impl futures_util::Stream for Zeroes {
    type Item = Result<Frame<Bytes>, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.0 == 0 {
            return Poll::Ready(None);
        }
        self.0 -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&CHUNK_OF_ZEROES)))))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn big_bodies_stream_both_ways_in_little_memory() {
    // Echoes what it gets, in chunks, while it is still getting it.
    let target = TestTarget::scripted(|mut stream, head| async move {
        assert!(head.contains("transfer-encoding: chunked"), "{head}");
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
        let (mut from, mut to) = stream.split();
        tokio::io::copy(&mut from, &mut to).await.unwrap();
    })
    .await;
    let (_rig, address) = Rig::serving(&[target.address]).await;
    let before = peak_memory();
    let mut client = Client::connect(address).await;
    let request = Request::post("/").body(StreamBody::new(Zeroes(CHUNKS)).boxed()).unwrap();
    let mut response = within("the head", client.start(request)).await.unwrap();
    let mut received = 0;
    within("the body", async {
        while let Some(frame) = response.body_mut().frame().await {
            received += frame.unwrap().data_ref().map_or(0, Bytes::len);
        }
    })
    .await;
    assert_eq!(received, SIZE);
    let grown = peak_memory().saturating_sub(before);
    assert!(grown < SIZE / 4, "{grown} bytes more for a body of {SIZE}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_slows_the_target_down_instead_of_filling_memory() {
    let (sender, mut written) = tokio::sync::watch::channel(0_usize);
    let target = TestTarget::scripted(move |mut stream, _| {
        let sender = sender.clone();
        async move {
            stream
                .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n").as_bytes())
                .await
                .unwrap();
            for _ in 0..CHUNKS {
                if stream.write_all(&CHUNK_OF_ZEROES).await.is_err() {
                    return;
                }
                sender.send_modify(|written| *written += CHUNK);
            }
        }
    })
    .await;
    let (_rig, address) = Rig::serving(&[target.address]).await;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    // The target's writing comes to a halt while nobody reads: nothing more within a good while.
    within("a halt", async {
        while tokio::time::timeout(std::time::Duration::from_millis(500), written.changed()).await.is_ok() {}
    })
    .await;
    let halted_at = *written.borrow();
    assert!(halted_at < SIZE / 4, "{halted_at} bytes were taken for a client that reads nothing");
    let (mut received, mut part) = (0, vec![0; CHUNK]);
    within("all of it", async {
        while received < SIZE {
            let count = stream.read(&mut part).await.unwrap();
            assert_ne!(count, 0);
            received += count;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_before_the_end_of_the_request_is_delivered() {
    let target = TestTarget::scripted(|mut stream, _| async move {
        stream
            .write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
            .await
            .unwrap();
        let mut some = vec![0; CHUNK];
        let _ = stream.read(&mut some).await;
    })
    .await;
    let (_rig, address) = Rig::serving(&[target.address]).await;
    for _ in 0..20 {
        let mut client = Client::connect(address).await;
        let request = Request::post("/").body(StreamBody::new(Zeroes(64)).boxed()).unwrap();
        let response = within("the head", client.start(request)).await.unwrap();
        assert_eq!(response.status(), 413);
        assert_eq!(within("the body", response.into_body().collect()).await.unwrap().to_bytes(), "big");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_reaches_a_client_that_is_still_sending_and_its_connection_lives() {
    let rig = Rig::start();
    rig.apply([crate::support::forward_to(&[("nobody", 1)])]).await;
    for _ in 0..20 {
        let mut stream = tokio::net::TcpStream::connect(rig.address()).await.unwrap();
        let (mut from, mut to) = stream.split();
        let sending = async {
            to.write_all(
                format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 64 * CHUNK).as_bytes(),
            )
            .await
            .unwrap();
            for _ in 0..64 {
                to.write_all(&CHUNK_OF_ZEROES).await.unwrap();
            }
            to.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        };
        let mut answers = String::new();
        let receiving = from.read_to_string(&mut answers);
        let ((), received) = within("both answers", async { tokio::join!(sending, receiving) }).await;
        received.unwrap();
        assert_eq!(answers.matches("HTTP/1.1 503 ").count(), 2, "{answers}");
    }
}
