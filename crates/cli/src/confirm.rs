//! Questions to whoever sits at the terminal. It must never take silence for a yes. Start with [`confirmed`].

use crate::exit::Exit;
use crate::failure::Failure;
use std::io::{BufRead as _, IsTerminal, Write as _};

/// Asks it; refused where nobody can answer.
pub fn confirmed(question: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        let what = format!("nobody is there to confirm: {question}");
        return Err(Failure::new(Exit::Refused, what).with_help(Some("pass --yes".into())));
    }
    let _ = write!(std::io::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Failure::new(Exit::Refused, format!("cannot read the answer: {error}")))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
