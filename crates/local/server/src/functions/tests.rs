//! Functions called for real: programs and sockets, and a clock that runs.

use serde_json::json;
use tidegate_clock::Speed;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

const ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:function:check-web";

fn shell(script: &str) -> Function {
    let command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    Function::Command(FunctionCommand { command, ..FunctionCommand::default() })
}

async fn answered(function: Function, speed: f64) -> FunctionAnswer {
    let (commands, _receiver) = Commands::channel();
    let clock = Clock::starting_now(Speed::new(speed).unwrap());
    let map = FunctionMap::default().with("check-*", function);
    let functions = Functions::new(map, "http://127.0.0.1:4566", clock, commands, CancellationToken::new());
    functions.answer(&invocation(ARN)).await
}

fn invocation(function: &str) -> Invocation {
    Invocation {
        function: function.to_owned(),
        payload: json!({"lifecycleStage": "POST_SCALE_UP"}),
        called_at: tidegate_engine::Timestamp::default(),
        caller: tidegate_engine::lambda::Caller::DeploymentHook {
            deployment: "d-1".to_owned(),
            execution: "e".to_owned(),
        },
    }
}

#[tokio::test]
async fn a_command_gets_the_payload_on_stdin_and_answers_on_stdout() {
    let answer = answered(shell("cat; echo noise >&2"), 1.0).await;
    assert_eq!(answer, FunctionAnswer::Returned(json!({"lifecycleStage": "POST_SCALE_UP"})));
    assert_eq!(answered(shell("true"), 1.0).await, FunctionAnswer::Returned(Value::Null));
}

#[tokio::test]
async fn a_command_can_call_the_local_cloud_back_and_only_that() {
    let script = r#"printf '["%s","%s","%s","%s"]' "$AWS_ENDPOINT_URL" "$AWS_REGION" "$AWS_ACCESS_KEY_ID" "$AWS_PROFILE""#;
    let expected = json!(["http://127.0.0.1:4566", "eu-west-1", "123456789012", ""]);
    assert_eq!(answered(shell(script), 1.0).await, FunctionAnswer::Returned(expected));
}

#[tokio::test]
async fn a_command_that_fails_says_its_last_line() {
    for (script, reason) in [
        ("echo first >&2; echo no green today >&2; exit 3", "no green today (exit status: 3)"),
        ("exit 1", "it ended with exit status: 1 and nothing on standard error"),
        ("echo fine", "its answer is no JSON (expected ident at line 1 column 2): fine"),
    ] {
        assert_eq!(answered(shell(script), 1.0).await, FunctionAnswer::Failed(reason.to_owned()));
    }
    let missing =
        FunctionCommand { command: vec!["/nowhere/check".to_owned()], ..FunctionCommand::default() };
    let FunctionAnswer::Failed(reason) = answered(Function::Command(missing), 1.0).await else {
        panic!("it ran");
    };
    assert!(reason.starts_with("cannot run /nowhere/check: "), "{reason}");
}

#[tokio::test]
async fn a_command_that_never_ends_is_killed_with_all_that_it_started_after_fifteen_minutes_of_the_clouds_time()
 {
    let folder = tempfile::tempdir().unwrap();
    let beat = folder.path().join("beat");
    let script = format!("(while :; do echo . >> {}; sleep 0.02; done) & sleep 1000", beat.display());
    let answer = answered(shell(&script), 1_000.0).await;
    assert_eq!(answer, FunctionAnswer::Failed("Task timed out after 900.00 seconds".to_owned()));
    let length = || std::fs::metadata(&beat).map_or(0, |file| file.len());
    assert!(length() > 0, "it ran");
    // A signal is sent before `answer` returns, and is delivered soon after.
    let mut last = length();
    for _ in 0..50 {
        tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        let now = length();
        if now == last {
            return;
        }
        last = now;
    }
    panic!("what it started still runs");
}

#[tokio::test]
async fn a_function_that_is_not_mapped_says_where_to_map_it() {
    let (commands, _receiver) = Commands::channel();
    let clock = Clock::starting_now(Speed::REAL);
    let functions = Functions::new(FunctionMap::default(), "", clock, commands, CancellationToken::new());
    let FunctionAnswer::Failed(reason) = functions.answer(&invocation(ARN)).await else {
        panic!("something ran")
    };
    assert!(reason.contains(ARN) && reason.contains("`local.functions` of tidegate.yml"), "{reason}");
}

/// Answers one request with `response` and gives what was asked.
async fn one_answer(response: &'static str) -> (Function, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/invoke", listener.local_addr().unwrap()).parse().unwrap();
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = String::new();
        let mut buffer = [0; 4096];
        while !asked.ends_with('}') {
            let read = stream.read(&mut buffer).await.unwrap();
            asked.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        stream.write_all(response.as_bytes()).await.unwrap();
        asked
    });
    (Function::Http(uri), asked)
}

#[tokio::test]
async fn an_http_function_is_posted_the_payload() {
    let (function, asked) =
        one_answer("HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\n{\"hookStatus\":\"SUCCEEDED\"}").await;
    let answer = answered(function, 1.0).await;
    assert_eq!(answer, FunctionAnswer::Returned(json!({"hookStatus": "SUCCEEDED"})));
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("POST /invoke HTTP/1.1\r\n"), "{asked}");
    assert!(asked.ends_with(r#"{"lifecycleStage":"POST_SCALE_UP"}"#), "{asked}");
}

#[tokio::test]
async fn an_http_function_that_fails_says_why() {
    let body = "{\"errorMessage\":\"it broke\"}";
    let (function, _) = one_answer(
        "HTTP/1.1 200 OK\r\nX-Amz-Function-Error: Unhandled\r\nContent-Length: 27\r\n\r\n{\"errorMessage\":\"it broke\"}",
    )
    .await;
    assert_eq!(body.len(), 27);
    assert_eq!(answered(function, 1.0).await, FunctionAnswer::Failed("it broke".to_owned()));
    let (function, _) = one_answer("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n").await;
    let FunctionAnswer::Failed(reason) = answered(function, 1.0).await else { panic!("it did not fail") };
    assert!(reason.ends_with("answered 500 Internal Server Error"), "{reason}");
    let closed = Function::Http("http://127.0.0.1:9/".parse().unwrap());
    let FunctionAnswer::Failed(reason) = answered(closed, 1.0).await else { panic!("something answered") };
    assert!(reason.starts_with("cannot call http://127.0.0.1:9/: "), "{reason}");
}

#[tokio::test]
async fn an_invocation_is_made_once_and_ends_with_the_cloud() {
    let (commands, _receiver) = Commands::channel();
    let stop = CancellationToken::new();
    let map = FunctionMap::default().with("*", shell("sleep 1000"));
    let functions = Functions::new(map, "", Clock::starting_now(Speed::REAL), commands, stop.clone());
    let mut engine = tidegate_engine::Engine::new(tidegate_engine::Settings {
        seed: 1,
        load_balancer_network: [127, 128],
        missing: tidegate_engine::Missing::Fails,
        registry: "127.0.0.1:4566".to_owned(),
    });
    let row = serde_json::to_vec(&invocation(ARN)).unwrap();
    engine.load("invocations", "i-1", &row).unwrap();
    for _ in 0..3 {
        functions.carry_out(engine.state(), "i-1");
    }
    assert_eq!(functions.tasks.len(), 1);
    stop.cancel();
    functions.ended().await;
    assert!(functions.running.lock().unwrap().is_empty());
}
