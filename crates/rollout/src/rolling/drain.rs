//! How long old tasks still drain. ECS waits for the end of a drain before it stops a task, and a drain
//! lasts as long as the target group's deregistration delay: so the end need not be looked for before.
//! It must never make a watch blind: it only stretches the wait between two looks. Start with [`Drain`].

use crate::Millis;
use serde::{Deserialize, Serialize};

/// What is known of the drain under way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Drain {
    /// The target group whose delay is still to be asked for.
    ask: Option<String>,
    /// The target group that was asked for, so that it is asked once.
    asked: Option<String>,
    began_at: Millis,
    delay: Millis,
}

impl Drain {
    /// Hears `(service web) deregistered 1 targets in (target-group arn:…)`.
    pub(super) fn hear(&mut self, message: &str, now: Millis) {
        let Some((_, rest)) = message.split_once(" deregistered ") else {
            return;
        };
        let named = rest.split_once("(target-group ").and_then(|(_, arn)| arn.split(')').next());
        self.began_at = now;
        if let Some(arn) = named.filter(|arn| self.asked.as_deref() != Some(*arn)) {
            self.ask = Some(arn.to_owned());
        }
    }

    /// The target group to ask about, once.
    pub(super) fn question(&mut self) -> Option<String> {
        let arn = self.ask.take()?;
        self.asked = Some(arn.clone());
        Some(arn)
    }

    /// Takes the answer, if there is one.
    pub(super) fn learn(&mut self, delay: Option<Millis>) {
        self.delay = delay.unwrap_or(self.delay);
    }

    /// When the drain ends; long ago if none is known of.
    pub(super) fn ends_at(&self) -> Millis {
        self.began_at + self.delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_group_is_asked_about_once_and_each_drain_lasts_its_delay() {
        let mut drain = Drain::default();
        let message = "(service web) deregistered 1 targets in (target-group arn:aws:tg/web/0123)";
        drain.hear(message, 1_000);
        assert_eq!(drain.question().as_deref(), Some("arn:aws:tg/web/0123"));
        drain.learn(Some(30_000));
        drain.hear(message, 5_000);
        assert_eq!((drain.question(), drain.ends_at()), (None, 35_000));
    }
}
