//! A whole rollout against a small AWS of plain data: a rule, two services, a parameter and request
//! counts. The runner is killed between any two calls, answers are lost, other people change things;
//! whatever happens, it ends right.

mod faults;
mod kill;
mod world;

use super::{Action, Progress, Seen, step};
use crate::{Event, Millis};
use world::{Lost, World};

/// Longer than any rollout here takes.
const PATIENCE: Millis = 3_600_000;
/// How long a dead runner's lease goes on.
const LEASE: Millis = 60_000;

/// What the shell does, as the shell does it: look, step, save, act, look again.
struct Runner {
    progress: Progress,
    unsaved: bool,
    events: Vec<Event>,
}

/// The process is gone.
#[derive(Debug)]
struct Killed;

impl Runner {
    fn of(progress: Progress) -> Self {
        Self { progress, unsaved: false, events: Vec::new() }
    }

    /// Runs to the verdict.
    fn run(&mut self, world: &mut World) -> Result<(), Killed> {
        self.run_until(world, |_, _| false)
    }

    /// Runs to the verdict, or to the first look before which it is so.
    fn run_until(
        &mut self,
        world: &mut World,
        is_so: impl Fn(&Progress, &World) -> bool,
    ) -> Result<(), Killed> {
        let give_up = world.now + PATIENCE;
        let mut refused = None;
        while self.progress.verdict().is_none() {
            if is_so(&self.progress, world) {
                return Ok(());
            }
            assert!(world.now < give_up, "no end: {:#?}\n{:#?}", self.progress, self.events);
            let mut seen = Seen { refused: refused.take(), ..Seen::default() };
            for question in self.progress.questions() {
                world.ask(&question, &self.progress, &mut seen)?;
            }
            loop {
                let (next, actions) = step(&self.progress, &seen, world.now);
                // A request and a reading are answers of one look.
                seen.request = None;
                seen.readings.clear();
                seen.refused = None;
                self.progress = next;
                let (mut again, mut look) = (false, false);
                for action in actions {
                    match action {
                        Action::Save => self.unsaved = true,
                        Action::Report(event) => self.events.push(event),
                        Action::Read(read) => {
                            world.read(&read, &mut self.progress, &mut seen)?;
                            again = true;
                        }
                        Action::Act(act) => {
                            look = true;
                            self.save(world)?;
                            if self.unsaved && !world::is_hasty(&act) {
                                continue;
                            }
                            match world.act(&act)? {
                                Ok(()) | Err(Lost::Answer) => {}
                                Err(Lost::Refused(why)) => refused = Some(why),
                            }
                        }
                    }
                }
                self.save(world)?;
                if !again || look || self.progress.verdict().is_some() {
                    if !look || self.unsaved {
                        world.advance(self.progress.next_look());
                    }
                    break;
                }
            }
        }
        while self.unsaved {
            self.save(world)?;
            world.advance(2_000);
        }
        Ok(())
    }

    fn save(&mut self, world: &mut World) -> Result<(), Killed> {
        if self.unsaved {
            self.unsaved = !world.save(&self.progress)?;
        }
        Ok(())
    }
}
