//! A whole local cloud, called over the wire: what its balancer serves is measured, and drives an alarm there and back.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tidegate_local::{LocalCloud, Options, Speed};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::Instant,
};

/// Sends one request and reads the whole answer.
async fn exchange(address: &str, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    answer
}

struct Client {
    address: String,
}

impl Client {
    fn of(cloud: &LocalCloud) -> Self {
        Self { address: cloud.endpoint().replace("http://", "") }
    }

    /// Status and body of a call of a service.
    async fn call(&self, service: &str, path: &str, headers: &str, body: &[u8]) -> (String, Vec<u8>) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Amz-Date: 20261124T100000Z\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=AKID/20261124/eu-west-1/{service}/aws4_request, \
             SignedHeaders=host, Signature=0\r\nContent-Length: {}\r\n{headers}\r\n\r\n",
            body.len()
        );
        let answer = exchange(&self.address, &[head.as_bytes(), body].concat()).await;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let status = String::from_utf8_lossy(&answer[9..12]).into_owned();
        (status, answer[end + 4..].to_vec())
    }

    async fn query(&self, service: &str, form: &str) -> String {
        let headers = "Content-Type: application/x-www-form-urlencoded";
        let (status, body) = self.call(service, "/", headers, form.as_bytes()).await;
        let body = String::from_utf8(body).unwrap();
        assert_eq!(status, "200", "{form}: {body}");
        body
    }

    async fn elb(&self, operation: &str, parameters: &str) -> String {
        let form = format!("Action={operation}&Version=2015-12-01&{parameters}");
        self.query("elasticloadbalancing", &form).await
    }

    async fn json(&self, operation: &str, input: Value) -> Value {
        let headers = format!(
            "Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: GraniteServiceVersion20100801.{operation}"
        );
        let (status, body) = self.call("monitoring", "/", &headers, input.to_string().as_bytes()).await;
        assert_eq!(status, "200", "{operation}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap_or_default()
    }

    async fn cbor(&self, operation: &str, input: &Value) -> Vec<u8> {
        let path = format!("/service/GraniteServiceVersion20100801/operation/{operation}");
        let headers =
            "Content-Type: application/cbor\r\nAccept: application/cbor\r\nsmithy-protocol: rpc-v2-cbor";
        let mut encoded = Vec::new();
        write_cbor(&mut encoded, input);
        let (status, body) = self.call("monitoring", &path, headers, &encoded).await;
        assert_eq!(status, "200", "{operation}: {}", String::from_utf8_lossy(&body));
        body
    }

    /// The sum of a metric of a target group behind its load balancer, over the last quarter of an hour.
    async fn total(&self, cloud: &LocalCloud, metric: &str, statistic: &str, dimensions: &Value) -> f64 {
        let now = cloud.clock().now().as_millis() / 1_000;
        let metric =
            json!({"Namespace": "AWS/ApplicationELB", "MetricName": metric, "Dimensions": dimensions});
        let query = json!({"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": statistic}});
        let input = json!({"StartTime": now - 900, "EndTime": now + 60, "MetricDataQueries": [query]});
        let reply = self.json("GetMetricData", input).await;
        let values = reply["MetricDataResults"][0]["Values"].as_array().unwrap();
        values.iter().filter_map(Value::as_f64).sum()
    }

    async fn alarm_state(&self, name: &str) -> String {
        let reply = self.json("DescribeAlarms", json!({"AlarmNames": [name]})).await;
        reply["MetricAlarms"][0]["StateValue"].as_str().unwrap().to_owned()
    }
}

/// Short texts, short lists, small maps and numbers are all that is needed.
fn write_cbor(out: &mut Vec<u8>, value: &Value) {
    let head = |major: u8, length: usize| vec![major << 5 | 0x18, u8::try_from(length).unwrap()];
    match value {
        Value::String(text) => {
            out.extend(head(3, text.len()));
            out.extend(text.as_bytes());
        }
        Value::Array(items) => {
            out.extend(head(4, items.len()));
            for item in items {
                write_cbor(out, item);
            }
        }
        Value::Object(members) => {
            out.extend(head(5, members.len()));
            for (name, value) in members {
                write_cbor(out, &json!(name));
                write_cbor(out, value);
            }
        }
        Value::Number(number) => {
            out.push(0xfb);
            out.extend(number.as_f64().unwrap().to_be_bytes());
        }
        Value::Bool(_) | Value::Null => unreachable!("not needed"),
    }
}

/// A program that answers every request, with 500 while it is broken; `/health` always with 200.
async fn target(broken: Arc<AtomicBool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let broken = Arc::clone(&broken);
            tokio::spawn(async move {
                let mut request = vec![0; 4096];
                let read = stream.read(&mut request).await.unwrap_or(0);
                let is_health = request[..read].starts_with(b"GET /health");
                let status = if broken.load(Relaxed) && !is_health { "500 Broken" } else { "200 OK" };
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    address
}

/// The text of the first element with this name.
fn element(xml: &str, name: &str) -> String {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {xml}"));
    rest.split('<').next().unwrap().to_owned()
}

fn suffix(arn: &str, from: &str) -> String {
    arn[arn.find(from).unwrap()..].to_owned()
}

/// Looks until it holds; a panic after a minute.
macro_rules! until {
    ($what:expr, $holds:expr) => {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            if $holds {
                break;
            }
            assert!(Instant::now() < deadline, "{}", $what);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
}

async fn start(folder: &std::path::Path, speed: f64) -> LocalCloud {
    let options = Options {
        data_dir: Some(folder.to_owned()),
        speed: Speed::new(speed).unwrap(),
        ..Options::default()
    };
    LocalCloud::start(options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traffic_is_measured_per_target_group_and_drives_an_alarm_there_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = start(folder.path(), 60.0).await;
    let client = Client::of(&cloud);
    let broken = Arc::new(AtomicBool::new(false));
    let target = target(Arc::clone(&broken)).await;

    let xml = client
        .elb("CreateLoadBalancer", "Name=web&Subnets.member.1=subnet-1&Subnets.member.2=subnet-2")
        .await;
    let load_balancer = element(&xml, "LoadBalancerArn");
    let settings = "Name=blue&Protocol=HTTP&Port=80&VpcId=vpc-1&TargetType=ip&HealthCheckPath=/health\
                    &HealthCheckIntervalSeconds=5&HealthCheckTimeoutSeconds=4&HealthyThresholdCount=2";
    let xml = client.elb("CreateTargetGroup", settings).await;
    let group = element(&xml, "TargetGroupArn");
    let listener = format!(
        "LoadBalancerArn={load_balancer}&Protocol=HTTP&Port=8080&DefaultActions.member.1.Type=forward\
         &DefaultActions.member.1.TargetGroupArn={group}"
    );
    client.elb("CreateListener", &listener).await;
    let registered = format!(
        "TargetGroupArn={group}&Targets.member.1.Id={}&Targets.member.1.Port={}",
        target.ip(),
        target.port()
    );
    client.elb("RegisterTargets", &registered).await;
    let of_balancer = json!({"Name": "LoadBalancer", "Value": suffix(&load_balancer, "app/")});
    let of_group = json!([of_balancer, {"Name": "TargetGroup", "Value": suffix(&group, "targetgroup/")}]);
    client
        .json(
            "PutMetricAlarm",
            json!({
                "AlarmName": "blue-5xx", "Namespace": "AWS/ApplicationELB", "Dimensions": of_group,
                "MetricName": "HTTPCode_Target_5XX_Count", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
                "Threshold": 0.0, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
            }),
        )
        .await;

    let front = cloud.balancer().listeners()[0].address.to_string();
    let request = async || {
        let answer = exchange(&front, b"GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n").await;
        String::from_utf8_lossy(&answer[9..12]).into_owned()
    };
    until!("the target is healthy", request().await == "200");
    let before = client.total(&cloud, "HTTPCode_Target_2XX_Count", "Sum", &of_group).await;
    for _ in 0..40 {
        assert_eq!(request().await, "200");
    }
    until!(
        "forty good answers are counted",
        client.total(&cloud, "HTTPCode_Target_2XX_Count", "Sum", &of_group).await >= before + 40.0
    );
    let requests = client.total(&cloud, "RequestCount", "Sum", &of_group).await;
    let good = client.total(&cloud, "HTTPCode_Target_2XX_Count", "Sum", &of_group).await;
    assert!((requests - good).abs() < 0.5, "{requests} requests, {good} good answers");
    assert!(client.total(&cloud, "TargetResponseTime", "p99", &of_group).await > 0.0);
    assert!(client.total(&cloud, "HealthyHostCount", "Maximum", &of_group).await >= 1.0);
    let alone = client.total(&cloud, "RequestCount", "Sum", &json!([of_balancer])).await;
    assert!((alone - requests).abs() < 0.5, "{alone} of the load balancer, {requests} of its group");
    until!("no error is OK", client.alarm_state("blue-5xx").await == "OK");

    broken.store(true, Relaxed);
    for _ in 0..10 {
        assert_eq!(request().await, "500");
    }
    broken.store(false, Relaxed);
    until!("errors raise the alarm", client.alarm_state("blue-5xx").await == "ALARM");
    let errors = client.total(&cloud, "HTTPCode_Target_5XX_Count", "Sum", &of_group).await;
    assert!((errors - 10.0).abs() < 0.5, "{errors}");
    until!("minutes without errors end it", client.alarm_state("blue-5xx").await == "OK");
    cloud.shutdown().await;

    let cloud = start(folder.path(), 60.0).await;
    let client = Client::of(&cloud);
    let errors = client.total(&cloud, "HTTPCode_Target_5XX_Count", "Sum", &of_group).await;
    assert!((errors - 10.0).abs() < 0.5, "after a restart: {errors}");
    cloud.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_is_said_in_query_json_and_cbor() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = start(folder.path(), 1.0).await;
    let client = Client::of(&cloud);
    let form = "Action=PutMetricData&Version=2010-08-01&Namespace=App&MetricData.member.1.MetricName=Errors\
                &MetricData.member.1.Value=1&MetricData.member.1.Dimensions.member.1.Name=Group\
                &MetricData.member.1.Dimensions.member.1.Value=blue";
    client.query("monitoring", form).await;
    let datum = |value: f64| json!({"MetricName": "Errors", "Value": value, "Dimensions": [{"Name": "Group", "Value": "blue"}]});
    client.json("PutMetricData", json!({"Namespace": "App", "MetricData": [datum(2.0)]})).await;
    client.cbor("PutMetricData", &json!({"Namespace": "App", "MetricData": [datum(4.0)]})).await;
    let now = cloud.clock().now().as_millis() / 1_000;
    let metric = json!({
        "Namespace": "App", "MetricName": "Errors", "Dimensions": [{"Name": "Group", "Value": "blue"}],
    });
    let query = json!({"Id": "m", "MetricStat": {"Metric": metric, "Period": 3_600, "Stat": "Sum"}});
    let input = json!({"StartTime": now - 3_600, "EndTime": now + 3_600, "MetricDataQueries": [query]});
    let reply = client.json("GetMetricData", input).await;
    let values = reply["MetricDataResults"][0]["Values"].as_array().unwrap();
    let sum: f64 = values.iter().filter_map(Value::as_f64).sum();
    assert!((sum - 7.0).abs() < f64::EPSILON, "{reply}");

    let form = "Action=PutMetricAlarm&Version=2010-08-01&AlarmName=a&Namespace=App&MetricName=Errors&Statistic=Sum\
                &Period=60&EvaluationPeriods=1&Threshold=1&ComparisonOperator=GreaterThanThreshold";
    client.query("monitoring", form).await;
    let state = json!({"AlarmName": "a", "StateValue": "ALARM", "StateReason": "by hand"});
    client.cbor("SetAlarmState", &state).await;
    assert_eq!(client.alarm_state("a").await, "ALARM");
    let xml =
        client.query("monitoring", "Action=DescribeAlarms&Version=2010-08-01&AlarmNames.member.1=a").await;
    assert_eq!(element(&xml, "StateValue"), "ALARM");
    let cbor = client.cbor("DescribeAlarms", &json!({"AlarmNames": ["a"]})).await;
    assert!(String::from_utf8_lossy(&cbor).contains("ALARM"));

    let unknown = b"{\"AlarmName\":\"b\",\"StateValue\":\"OK\",\"StateReason\":\"\"}";
    let headers = "Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: GraniteServiceVersion20100801.SetAlarmState";
    let (status, body) = client.call("monitoring", "/", headers, unknown).await;
    assert_eq!(status, "404");
    assert!(String::from_utf8_lossy(&body).contains("Unknown alarm b"));
    cloud.shutdown().await;
}
