//! A client of the registry and of ECR's API, which says no more than it has to.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_local::LocalCloud;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// With the token that ECR gave it.
#[derive(Clone)]
pub(crate) struct Client {
    address: String,
    token: String,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let lines = self.headers.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Client {
    pub(crate) async fn of(cloud: &LocalCloud) -> Self {
        let mut client = Self { address: cloud.endpoint().replace("http://", ""), token: String::new() };
        let answer = client.call("GetAuthorizationToken", json!({})).await;
        let token = answer["authorizationData"][0]["authorizationToken"].as_str().unwrap();
        token.clone_into(&mut client.token);
        client
    }

    /// The answer of a call of ECR that must succeed.
    pub(crate) async fn call(&self, operation: &str, input: Value) -> Value {
        let answer = self.try_call(operation, input).await;
        assert_eq!(answer.status, 200, "{operation}: {}", answer.text());
        answer.json()
    }

    /// The code of a call of ECR that must be refused.
    pub(crate) async fn refusal(&self, operation: &str, input: Value) -> String {
        let answer = self.try_call(operation, input).await;
        assert_eq!(answer.status, 400, "{operation}: {}", answer.text());
        answer.json()["__type"].as_str().unwrap_or_default().to_owned()
    }

    async fn try_call(&self, operation: &str, input: Value) -> Answer {
        let headers = [
            ("X-Amz-Date", "20261124T100000Z".to_owned()),
            ("Content-Type", "application/x-amz-json-1.1".to_owned()),
            ("X-Amz-Target", format!("AmazonEC2ContainerRegistry_V20150921.{operation}")),
            (
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=AKID/20261124/eu-west-1/ecr/aws4_request, SignedHeaders=host, Signature=0"
                    .to_owned(),
            ),
        ];
        self.exchange("POST", "/", &headers, input.to_string().as_bytes()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"").await
    }

    pub(crate) async fn post(&self, path: &str) -> Answer {
        self.send("POST", path, &[], b"").await
    }

    /// A request with the token.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: &[u8],
    ) -> Answer {
        let mut headers = headers.to_vec();
        headers.push(("Authorization", format!("Basic {}", self.token)));
        self.exchange(method, path, &headers, body).await
    }

    pub(crate) async fn anonymous(&self, method: &str, path: &str) -> Answer {
        self.exchange(method, path, &[], b"").await
    }

    /// Begins an upload; its path.
    pub(crate) async fn begin(&self, repository: &str) -> String {
        let begun = self.post(&format!("/v2/{repository}/blobs/uploads/")).await;
        assert_eq!(begun.status, 202, "{}", begun.text());
        begun.header("location").unwrap()
    }

    /// Uploads a blob in one piece.
    pub(crate) async fn upload(&self, repository: &str, bytes: &[u8]) -> Answer {
        let digest = tidegate_engine::ecr::manifest::digest_of(bytes);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        self.send("POST", &path, &[], bytes).await
    }

    pub(crate) async fn put_manifest(&self, repository: &str, reference: &str, text: &str) -> Answer {
        let media_type = tidegate_engine::ecr::manifest::OCI_IMAGE.to_owned();
        let path = format!("/v2/{repository}/manifests/{reference}");
        self.send("PUT", &path, &[("Content-Type", media_type)], text.as_bytes()).await
    }

    /// Promises so many bytes of an upload, sends some and goes away.
    pub(crate) async fn break_off(&self, path: &str, some: &[u8], promised: usize) {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let head = format!(
            "PATCH {path} HTTP/1.1\r\nHost: registry\r\nAuthorization: Basic {}\r\nContent-Length: {promised}\r\n\r\n",
            self.token
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(some).await.unwrap();
        stream.flush().await.unwrap();
    }

    /// Waits until an upload has come so far.
    pub(crate) async fn until_range(&self, path: &str, range: &str) {
        let far_enough = async {
            while self.get(path).await.header("range").as_deref() != Some(range) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), far_enough).await.expect("it does not come");
    }

    async fn exchange(&self, method: &str, path: &str, headers: &[(&str, String)], body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: registry\r\nConnection: close\r\n");
        for (name, value) in headers {
            head += &[name, ": ", value, "\r\n"].concat();
        }
        head += &["Content-Length: ", &body.len().to_string(), "\r\n\r\n"].concat();
        stream.write_all(head.as_bytes()).await.unwrap();
        // Who refuses a body need not read it.
        let _ = stream.write_all(body).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let headers = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = headers[9..12].parse().unwrap();
        Answer { status, headers, body: answer[end + 4..].to_vec() }
    }
}
