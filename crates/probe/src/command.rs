//! One run of a command. It must never outlive its deadline. Start with [`run`].

use std::process::Stdio;
use std::time::Duration;
use tidegate_rollout::Millis;
use tidegate_rollout::gate::Reading;
use tokio::process::Command;

/// Runs the command without a shell and without input, and answers how it ended with the last line that
/// it wrote: that of stderr if there is one, since that is where programs say why.
pub(crate) async fn run(command: &[String], timeout: Millis) -> Reading {
    let Some((program, arguments)) = command.split_first() else {
        return Reading::CouldNotAsk("the command is empty".to_owned());
    };
    let mut child = Command::new(program);
    child.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(Duration::from_millis(timeout.unsigned_abs()), child.output()).await {
        Ok(Ok(output)) => {
            let said = last_line(&output.stderr).or_else(|| last_line(&output.stdout));
            Reading::Command { exit_code: output.status.code(), last_line: said.unwrap_or_default() }
        }
        Ok(Err(error)) => Reading::CouldNotAsk(format!("{program} cannot be run: {error}")),
        // The child is dropped, and killed by that.
        Err(_) => Reading::Command { exit_code: None, last_line: String::new() },
    }
}

fn last_line(output: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(output);
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ran(script: &str, timeout: Millis) -> Reading {
        run(&["sh".into(), "-c".into(), script.into()], timeout).await
    }

    #[tokio::test]
    async fn the_exit_code_comes_with_the_last_line() {
        let answered = ran("echo one; echo two; exit 0", 10_000).await;
        assert_eq!(answered, Reading::Command { exit_code: Some(0), last_line: "two".into() });
        let answered = ran("echo fine; echo 'no database' >&2; exit 3", 10_000).await;
        assert_eq!(answered, Reading::Command { exit_code: Some(3), last_line: "no database".into() });
    }

    #[tokio::test]
    async fn a_command_that_takes_too_long_is_ended() {
        assert_eq!(
            ran("exec sleep 60", 50).await,
            Reading::Command { exit_code: None, last_line: String::new() }
        );
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_could_not_be_asked() {
        assert!(matches!(run(&["/no/such/program".into()], 1_000).await, Reading::CouldNotAsk(_)));
    }
}
