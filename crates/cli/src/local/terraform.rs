//! `local up --terraform`: a folder of Terraform is applied before the cloud is announced, so that whoever waits for
//! the announcement finds everything there. It must never reach Amazon, nor leave anything in the folder. Start with
//! [`Terraform::apply`].

mod program;
mod stage;
mod words;

use std::{
    future::Future,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    pin::Pin,
};

use crate::{args::Global, args::Output, exit::Exit, failure::Failure};
use program::{Broken, Program};
use stage::Stage;
pub use words::Totals;
use words::{Apply, indented};

/// A folder that Terraform can be run on.
#[derive(Debug)]
pub struct Terraform {
    program: PathBuf,
    /// As the user wrote it.
    named: PathBuf,
    folder: PathBuf,
    region: String,
}

/// The future that completes when the cloud is to end.
pub type End<'a, F> = Pin<&'a mut F>;

impl Terraform {
    /// Looks whether there is something to apply and something to apply it with, before anything is started.
    pub fn find(folder: &Path, region: &str) -> Result<Self, Failure> {
        let refused = |what: String| Failure::new(Exit::Refused, what);
        let named = folder.to_owned();
        let absolute = folder
            .canonicalize()
            .map_err(|error| refused(format!("cannot read {}: {error}", named.display())))?;
        if !stage::has_configuration(&absolute) {
            let what = format!("{} holds no Terraform configuration", named.display());
            return Err(refused(what).with_help(Some("name a folder with files that end in .tf".into())));
        }
        let program = program::find().ok_or_else(|| {
            refused("--terraform runs the program `terraform`, which is not on the PATH".to_owned())
                .with_help(Some("install Terraform, or leave the option out".into()))
        })?;
        Ok(Self { program, named, folder: absolute, region: region.to_owned() })
    }

    /// Applies it to the cloud at `endpoint`; what it keeps of its own is in the cloud's folder. When `end` completes
    /// first, Terraform is ended.
    pub async fn apply<F: Future<Output = ()>>(
        &self,
        endpoint: &str,
        data_dir: &Path,
        mut progress: Progress,
        mut end: End<'_, F>,
    ) -> Result<Totals, Failure> {
        let stage = Stage::set(&self.folder, data_dir).map_err(|error| {
            let what = format!("cannot make {} ready for terraform: {error}", self.named.display());
            Failure::new(Exit::Refused, what)
        })?;
        let program = Program::new(&self.program, &stage, endpoint, &self.region);

        progress.say("terraform: fetching what it needs");
        let init = stage.init_arguments();
        let mut said = String::new();
        let ran = program
            .run(&init, |line| said = format!("{said}{line}\n"), end.as_mut())
            .await
            .map_err(|broken| self.broken(broken))?;
        if !ran.is_success {
            let words = if ran.errors.trim().is_empty() { said } else { ran.errors };
            return Err(self.failed("init", &words));
        }

        progress.say("terraform: planning");
        let mut apply = Apply::default();
        // Most resources only wait, and the cloud is near.
        let arguments = ["apply", "-auto-approve", "-input=false", "-json", "-parallelism=40"];
        let take = |line: &str| {
            if apply.take(line) {
                progress.say(&apply.progress());
            }
        };
        let arguments: Vec<String> = arguments.map(str::to_owned).to_vec();
        let ran = program.run(&arguments, take, end.as_mut()).await.map_err(|broken| self.broken(broken))?;
        progress.clear();
        if !ran.is_success {
            let words = if apply.errors.is_empty() { ran.errors } else { apply.errors.join("\n\n") };
            let help = "what it had made is kept: mend the folder, and start again";
            return Err(self.failed("apply", &words).with_help(Some(help.into())));
        }
        Ok(apply.totals)
    }

    fn failed(&self, command: &str, words: &str) -> Failure {
        let words = indented(words.trim());
        Failure::new(
            Exit::Refused,
            format!("terraform {command} failed in {}\n\n{words}\n", self.named.display()),
        )
    }

    fn broken(&self, broken: Broken) -> Failure {
        match broken {
            Broken::NotRun(error) => {
                let what = format!("cannot run {}: {error}", self.program.display());
                Failure::new(Exit::Refused, what)
            }
            Broken::Ended => {
                let what = format!("ended while terraform applied {}", self.named.display());
                let help = "what it had made is kept; start again to go on";
                Failure::new(Exit::Interrupted, what).with_help(Some(help.into()))
            }
        }
    }
}

/// One line that is replaced, for a person who waits; for nobody else.
#[derive(Debug)]
pub enum Progress {
    /// On the terminal.
    Shown,
    /// Not at all.
    Hidden,
}

impl Progress {
    /// As the options and the terminal allow.
    pub fn of(global: &Global) -> Self {
        let wanted = global.output == Output::Text && !global.quiet && std::io::stderr().is_terminal();
        if wanted { Self::Shown } else { Self::Hidden }
    }

    fn say(&mut self, text: &str) {
        if let Self::Shown = self {
            let mut stderr = std::io::stderr();
            let _ = write!(stderr, "\r\x1b[2K{text}").and_then(|()| stderr.flush());
        }
    }

    fn clear(&mut self) {
        self.say("");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
