//! What a person says to an approval. It must never make a rollout wait: a question that nobody has
//! answered is pending. Start with [`Approvals::of_gate`].

use std::io::BufRead;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use tidegate_rollout::gate::Approval;

/// Who can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Person {
    /// Whoever sits at the terminal: `y` or `n` on standard input.
    AtTheTerminal,
    /// Nobody here; `tidegate promote` says yes from elsewhere.
    Elsewhere,
}

/// The answers so far. The question itself is shown by the reporters.
#[derive(Debug)]
pub(crate) struct Approvals {
    person: Person,
    asking: Mutex<Asking>,
}

#[derive(Debug, Default)]
struct Asking {
    /// The gate that the next line answers.
    gate: Option<String>,
    lines: Option<Receiver<String>>,
}

impl Approvals {
    pub(crate) fn of(person: Person) -> Self {
        Self { person, asking: Mutex::default() }
    }

    /// What was said to the question of this gate. One question is open at a time; another gate's has to
    /// wait for its answer.
    pub(crate) fn of_gate(&self, gate: &str) -> Approval {
        if self.person == Person::Elsewhere {
            return Approval::Pending;
        }
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = asking.lines.get_or_insert_with(typed_lines);
        let next = lines.try_recv().ok();
        answered(&mut asking.gate, gate, next.as_deref())
    }
}

/// The answer that a line gives to the open question.
fn answered(open: &mut Option<String>, gate: &str, line: Option<&str>) -> Approval {
    if open.as_deref().is_some_and(|other| other != gate) {
        return Approval::Pending;
    }
    let is_new = open.is_none();
    *open = Some(gate.to_owned());
    // What was typed before the question was there is no answer to it.
    let Some(line) = line.filter(|_| !is_new) else { return Approval::Pending };
    let by = || std::env::var("USER").unwrap_or_else(|_| "somebody at the terminal".to_owned());
    let answer = match line.trim().to_lowercase().as_str() {
        "y" | "yes" => Approval::Granted { by: by() },
        "n" | "no" => Approval::Refused { by: by() },
        _ => return Approval::Pending,
    };
    *open = None;
    answer
}

/// Lines as they are typed, read by a thread that ends with the program.
fn typed_lines() -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_or_a_no_after_the_question_answers_it() {
        let mut open = None;
        assert_eq!(answered(&mut open, "look", Some("y")), Approval::Pending, "typed before the question");
        assert_eq!(answered(&mut open, "look", Some("maybe")), Approval::Pending);
        assert_eq!(answered(&mut open, "other", Some("y")), Approval::Pending, "another question is open");
        assert!(matches!(answered(&mut open, "look", Some(" Yes ")), Approval::Granted { .. }));
        assert_eq!(answered(&mut open, "other", None), Approval::Pending);
        assert!(matches!(answered(&mut open, "other", Some("n")), Approval::Refused { .. }));
    }
}
