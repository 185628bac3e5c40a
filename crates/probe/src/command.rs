//! Runs of commands. A look at the gates must not wait for one that takes minutes, since another gate may
//! break meanwhile: it goes on beside the looks, until its deadline. Start with [`Commands::ask`].

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;
use tidegate_rollout::Millis;
use tidegate_rollout::gate::Reading;
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// How long a look waits for a command that is quick.
const QUICK: Duration = Duration::from_millis(500);

/// The commands that run, each once at a time.
#[derive(Debug, Default)]
pub(crate) struct Commands(Mutex<BTreeMap<Vec<String>, JoinHandle<Reading>>>);

impl Drop for Commands {
    fn drop(&mut self) {
        for run in self.0.get_mut().values() {
            run.abort();
        }
    }
}

impl Commands {
    /// How the command ended; while it runs, nobody can be asked.
    pub(crate) async fn ask(&self, command: &[String], timeout: Millis) -> Reading {
        let mut running = self.0.lock().await;
        let mut run = running.remove(command).unwrap_or_else(|| {
            let command = command.to_vec();
            tokio::spawn(async move { run(&command, timeout).await })
        });
        match tokio::time::timeout(QUICK, &mut run).await {
            Ok(ended) => ended.unwrap_or_else(|error| Reading::CouldNotAsk(format!("it broke off: {error}"))),
            Err(_) => {
                running.insert(command.to_vec(), run);
                Reading::CouldNotAsk(format!("`{}` is still running", command.join(" ")))
            }
        }
    }
}

/// Runs the command without a shell and without input, and answers how it ended with the last line that
/// it wrote: that of stderr if there is one, since that is where programs say why.
async fn run(command: &[String], timeout: Millis) -> Reading {
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

    fn script(script: &str) -> Vec<String> {
        vec!["sh".into(), "-c".into(), script.into()]
    }

    async fn ran(text: &str, timeout: Millis) -> Reading {
        run(&script(text), timeout).await
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

    #[tokio::test]
    async fn a_look_does_not_wait_for_a_slow_command_and_the_next_one_hears_its_end() {
        let folder = std::env::temp_dir().join(format!("tidegate-probe-{}", std::process::id()));
        let waits = format!("while [ ! -e {0} ]; do sleep 0.01; done; rm {0}; exit 4", folder.display());
        let (commands, command) = (Commands::default(), script(&waits));
        let first = commands.ask(&command, 60_000).await;
        assert!(matches!(&first, Reading::CouldNotAsk(why) if why.contains("is still running")), "{first:?}");
        std::fs::write(&folder, "").expect("a sign");
        loop {
            match commands.ask(&command, 60_000).await {
                Reading::CouldNotAsk(_) => {}
                ended => {
                    assert_eq!(ended, Reading::Command { exit_code: Some(4), last_line: String::new() });
                    return;
                }
            }
        }
    }
}
