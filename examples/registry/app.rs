//! The sample: answers every request with its release.

use std::{
    env,
    io::{Read, Write},
    net::TcpListener,
};

fn main() -> std::io::Result<()> {
    let body = env::var("RELEASE").unwrap_or_default() + "\n";
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    for client in TcpListener::bind("0.0.0.0:8080")?.incoming() {
        let mut client = client?;
        // Who has gone away needs no answer.
        let _ = client.read(&mut [0; 4096]);
        let _ = client.write_all((head.clone() + &body).as_bytes());
    }
    Ok(())
}
