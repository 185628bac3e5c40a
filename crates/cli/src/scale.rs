//! `tidegate scale`: the desired count by hand, and autoscaling held or let go.

use std::io::Write as _;

use clap::Args;
use tidegate_aws::deploy::DeployPlan;
use tidegate_aws::scaling::{Bounds, End, Scaling, read};
use tidegate_aws::{Client, EventSink};
use tidegate_report::words::told;
use tidegate_rollout::scaling::{Autoscaling, Suspended, warnings};
use tidegate_rollout::{Event, Millis};

use crate::args::{Global, Output};
use crate::confirm::confirmed;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Signals;
use crate::session::Session;

/// `tidegate scale`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Scale {
    /// How many tasks the service is to run
    #[arg(value_name = "COUNT", required_unless_present_any = ["min", "max", "suspend", "resume"])]
    count: Option<u32>,
    /// The least that autoscaling may set
    #[arg(long, value_name = "COUNT")]
    min: Option<u32>,
    /// The most that autoscaling may set
    #[arg(long, value_name = "COUNT")]
    max: Option<u32>,
    /// Hold autoscaling: scaling in, scaling out and scheduled scaling
    #[arg(long, conflicts_with = "resume")]
    suspend: bool,
    /// Let autoscaling go on
    #[arg(long)]
    resume: bool,
    /// Return as soon as ECS has accepted the count
    #[arg(long)]
    no_wait: bool,
}

const AFTER: &str = "\
Exit codes:
  0    done: the service runs that many
  1    refused, or failed before anything changed
  2    usage: wrong arguments or config file
  5    timed out: ECS goes on towards the count
  6    another count was set meanwhile, by somebody or by autoscaling
  130  interrupted; ECS goes on";

impl Scale {
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = Session::open_for_target(global)?;
        let plan = session.plan(Vec::new())?;
        let client = session.connect().await?;
        let before = read(&client, &plan.target).await?;
        if self.count == Some(0) && before.desired > 0 && !global.yes {
            let what = format!("Stop all {} tasks of {}?", before.desired, plan.target);
            if !confirmed(&what)? {
                return Err(Failure::new(Exit::Refused, "nothing was changed"));
            }
        }
        let mut signals = Signals::listen()?;
        tokio::select! {
            ended = self.scale(global, &client, &plan, &before) => ended,
            () = signals.next() => {
                let what = format!("interrupted; ECS goes on towards the count of {}", plan.target);
                Err(Failure::new(Exit::Interrupted, what))
            }
        }
    }

    async fn scale(
        &self,
        global: &Global,
        client: &Client,
        plan: &DeployPlan,
        before: &Scaling,
    ) -> Result<Exit, Failure> {
        let mut autoscaling = before.autoscaling.clone();
        let suspended = match (self.suspend, self.resume) {
            (true, _) => Some(Suspended::ALL),
            (false, true) => Some(Suspended::NONE),
            (false, false) => None,
        };
        let bounds = Bounds { min: self.min, max: self.max, suspended };
        if bounds != Bounds::default() {
            autoscaling = Some(before.bound(client, bounds).await?);
        }
        let screen = Screen { global };
        let count = self.count.unwrap_or(before.desired);
        let mut warned = warnings(autoscaling.as_ref(), count);
        if let (Some(why), true) = (&before.unseen, self.count.is_some()) {
            warned.push(format!("whether autoscaling will undo it is not known: {why}"));
        }
        if let (Some(moving), true) = (&before.moving, self.count.is_some()) {
            warned.push(format!("deployment {moving} is under way: its tasks are started to the new count"));
        }
        for warning in &warned {
            screen.warn(warning);
        }
        let Some(wanted) = self.count else {
            screen.result(plan, before, None, autoscaling.as_ref(), &warned);
            return Ok(Exit::Done);
        };
        before.set(client, wanted).await?;
        if self.no_wait {
            screen.result(plan, before, Some(("accepted", wanted)), autoscaling.as_ref(), &warned);
            return Ok(Exit::Done);
        }
        let mut moved =
            |running, pending| screen.say(&format!("{running}/{wanted} running, {pending} on their way"));
        let mut sink = Said(screen);
        match before.follow(client, plan, wanted, &mut moved, &mut sink).await? {
            End::Steady => {
                screen.result(plan, before, Some(("steady", wanted)), autoscaling.as_ref(), &warned);
                Ok(Exit::Done)
            }
            End::SetAnew(count) => Err(Failure::new(
                Exit::Superseded,
                format!("the desired count of {} was set to {count} meanwhile, by somebody or by autoscaling", plan.target),
            )
            .with_help(Some("hold autoscaling with `tidegate scale --suspend`, then scale again".into()))),
            End::TimedOut { running, pending } => Err(Failure::new(
                Exit::StillGoing,
                format!("the time is over with {running} of {wanted} tasks running and {pending} on their way; ECS goes on"),
            )
            .with_help(Some("see why with `tidegate tasks --all` and `tidegate status`".into()))),
        }
    }
}

/// Where it is said.
#[derive(Clone, Copy)]
struct Screen<'g> {
    global: &'g Global,
}

impl Screen<'_> {
    fn say(self, text: &str) {
        if !self.global.quiet && self.global.output == Output::Text {
            let _ = writeln!(std::io::stderr(), "  {text}");
        }
    }

    fn warn(self, text: &str) {
        if self.global.output == Output::Text {
            let style = self.global.stderr_style();
            let warning = style.paint(tidegate_report::style::Tone::Warning, "warning:");
            let _ = writeln!(std::io::stderr(), "{warning} {text}");
        }
    }

    fn result(
        self,
        plan: &DeployPlan,
        before: &Scaling,
        count: Option<(&str, u32)>,
        autoscaling: Option<&Autoscaling>,
        warnings: &[String],
    ) {
        let text = match self.global.output {
            Output::Json => format!(
                "{}\n",
                serde_json::json!({
                    "service": plan.target.to_string(), "desired_before": before.desired,
                    "desired": count.map_or(before.desired, |(_, count)| count),
                    "state": count.map(|(state, _)| state), "autoscaling": autoscaling, "warnings": warnings,
                })
            ),
            Output::Text => {
                let mut parts = Vec::new();
                match count {
                    Some(("steady", count)) => {
                        parts.push(format!("runs {count} tasks (before: {})", before.desired))
                    }
                    Some((_, count)) => {
                        parts.push(format!("is to run {count} tasks (before: {})", before.desired))
                    }
                    None => {}
                }
                match autoscaling {
                    Some(it) => {
                        parts.push(format!("autoscaling {}–{}, {}", it.min, it.max, it.suspended.in_words()));
                    }
                    None if before.unseen.is_none() => parts.push("no autoscaling".to_owned()),
                    None => {}
                }
                format!("{}: {}\n", plan.target, parts.join("; "))
            }
        };
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
}

/// What ECS says meanwhile.
struct Said<'g>(Screen<'g>);

impl EventSink for Said<'_> {
    fn event(&mut self, _: Millis, event: &Event) {
        if let Event::ServiceSaid { message, .. } = event {
            self.0.say(&told(message));
        }
    }
}
