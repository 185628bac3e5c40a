use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Rig, TestTarget, eventually, known_healthy, put_group, read_head, within};

/// Switches protocols and echoes.
async fn echo() -> TestTarget {
    TestTarget::scripted(|mut stream, head| async move {
        assert!(head.contains("upgrade: websocket"), "{head}");
        assert!(head.contains("connection: upgrade"), "{head}");
        let answer =
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello";
        stream.write_all(answer).await.unwrap();
        let (mut from, mut to) = stream.split();
        let _ = tokio::io::copy(&mut from, &mut to).await;
    })
    .await
}

async fn upgraded(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let head = within("the switch", read_head(&mut stream)).await.unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    assert!(head.contains("upgrade: websocket\r\n") && head.contains("connection: upgrade\r\n"), "{head}");
    let mut greeting = [0; 5];
    within("what came with the switch", stream.read_exact(&mut greeting)).await.unwrap();
    assert_eq!(&greeting, b"hello");
    stream
}

async fn echoes(stream: &mut TcpStream, text: &[u8]) -> bool {
    stream.write_all(text).await.unwrap();
    let mut back = vec![0; text.len()];
    within("the echo", stream.read_exact(&mut back)).await.is_ok() && back == text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_socket_echoes_survives_draining_and_is_cut_with_its_target() {
    let target = echo().await;
    let (rig, address) = Rig::serving(&[target.address]).await;
    let mut socket = upgraded(address).await;
    assert!(echoes(&mut socket, b"one").await);
    assert_eq!(rig.in_flight(target.address), 1);
    rig.apply([put_group("group", [known_healthy(target.address).draining()])]).await;
    assert!(echoes(&mut socket, b"two").await);
    rig.apply([put_group("group", [])]).await;
    let end = within("the cut", socket.read(&mut [0; 8])).await;
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_that_the_client_closes_is_no_longer_in_flight() {
    let target = echo().await;
    let (rig, address) = Rig::serving(&[target.address]).await;
    let mut socket = upgraded(address).await;
    assert!(echoes(&mut socket, &vec![7; 100_000]).await);
    drop(socket);
    eventually("the end of the tunnel", || rig.in_flight(target.address) == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_does_not_switch_answers_as_usual() {
    let target = TestTarget::named("plain").await;
    let (_rig, address) = Rig::serving(&[target.address]).await;
    let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n";
    let answer = crate::support::raw_exchange(address, request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("plain"), "{answer}");
}
