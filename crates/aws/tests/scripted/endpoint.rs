//! A small HTTP endpoint on a loopback port that answers ECS calls by a script and keeps what it was
//! sent. It ends with the test that started it.

use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

pub const SERVICE_DEPLOYMENT: &str = "arn:aws:ecs:eu-west-1:123456789012:service-deployment/prod/web/new";

/// One answer.
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    pub fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }
}

/// Operation, request, and the how-manieth of that operation it is, from 1 on.
type Script = dyn Fn(&str, &Value, usize) -> Answer + Send + Sync;

pub struct Endpoint {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<(String, Value)>>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Endpoint {
    pub async fn start(script: impl Fn(&str, &Value, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let calls: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let (kept, script): (_, Arc<Script>) = (Arc::clone(&calls), Arc::new(script));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&kept)));
            }
        });
        Self { address, calls, accepting }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The operations in the order in which they came.
    pub fn operations(&self) -> Vec<String> {
        self.calls.lock().unwrap().iter().map(|(operation, _)| operation.clone()).collect()
    }

    pub fn count(&self, operation: &str) -> usize {
        self.operations().iter().filter(|name| *name == operation).count()
    }

    /// The last request of an operation.
    pub fn request(&self, operation: &str) -> Value {
        let calls = self.calls.lock().unwrap();
        calls
            .iter()
            .rev()
            .find(|(name, _)| name == operation)
            .map(|(_, request)| request.clone())
            .expect("was called")
    }
}

async fn serve(stream: TcpStream, script: Arc<Script>, calls: Arc<Mutex<Vec<(String, Value)>>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut headers = HashMap::new();
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':') {
                headers.insert(name.to_lowercase(), value.trim().to_owned());
            }
        }
        let length = headers.get("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        assert!(headers.contains_key("authorization"), "every call is signed");
        let form = String::from_utf8_lossy(&body);
        let action = form.split('&').find_map(|pair| pair.strip_prefix("Action="));
        let target = headers.get("x-amz-target").and_then(|t| t.rsplit('.').next());
        let operation = target.or(action).unwrap_or("unknown").to_owned();
        let request: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let nth = {
            let mut calls = calls.lock().unwrap();
            calls.push((operation.clone(), request.clone()));
            calls.iter().filter(|(name, _)| *name == operation).count()
        };
        let answer = script(&operation, &request, nth);
        // A text is XML, as the load balancer's API answers.
        let body = answer.body.as_str().map_or_else(|| answer.body.to_string(), str::to_owned);
        let head = format!(
            "HTTP/1.1 {} answer\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n",
            answer.status,
            body.len()
        );
        if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// One item of `deployments[]`, wanting three tasks.
pub fn deployment(id: u32, revision: u32, status: &str, running: u32, state: &str) -> Value {
    json!({
        "id": format!("ecs-svc/{id:019}"), "status": status, "desiredCount": 3, "runningCount": running, "pendingCount": 0,
        "failedTasks": 0, "rolloutState": state, "createdAt": f64::from(id),
        "taskDefinition": format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:{revision}")})
}

/// A service with these deployments, with settings that no SDK knows.
pub fn service(revision: u32, deployments: &[Value]) -> Value {
    let moving = deployments.iter().any(|d| d["id"] == json!(format!("ecs-svc/{:019}", 2)));
    let mut service = json!({
        "serviceName": "web", "status": "ACTIVE", "desiredCount": 3, "deployments": deployments, "events": [],
        "taskDefinition": format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:{revision}"),
        "deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 200, "settingOfNextYear": {"a": 1},
            "deploymentCircuitBreaker": {"enable": false, "rollback": false, "thresholdConfiguration": {"type": "COUNT", "value": 4}}}});
    if moving {
        service["currentServiceDeployment"] = json!(SERVICE_DEPLOYMENT);
    }
    service
}
