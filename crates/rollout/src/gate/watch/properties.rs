//! Whatever the gates answer, in whatever order: what must always hold of a watch.

use super::tests::{first_shift, plan};
use super::*;
use crate::gate::{AlarmReading, Approval, Check, Comparison, Counts, HttpProbe};
use proptest::prelude::*;

fn checks() -> Vec<Check> {
    vec![
        Check::Alarm { alarm: "a".into() },
        Check::Http(HttpProbe { url: "http://x".into(), expects: vec![(200, 200)], timeout: 1, failures: 2 }),
        Check::Command { command: vec!["x".into()], timeout: 1 },
        Check::Approval { question: "?".into() },
        Check::Errors(Comparison { tolerance_points: 1.0, certainty: 99.0, too_little: NoEvidence::Pass }),
    ]
}

/// Any answer, fitting or not.
fn reading() -> impl Strategy<Value = Reading> {
    prop_oneof![
        Just(Reading::Alarm(AlarmReading::Ok)),
        Just(Reading::Alarm(AlarmReading::InsufficientData)),
        Just(Reading::Alarm(AlarmReading::Alarm("why".into()))),
        Just(Reading::Http(Ok(200))),
        Just(Reading::Http(Ok(500))),
        (0..2_i32).prop_map(|code| Reading::Command { exit_code: Some(code), last_line: String::new() }),
        Just(Reading::Approval(Approval::Pending)),
        Just(Reading::Approval(Approval::Granted { by: "ada".into() })),
        (0..500_u64, 0..50_u64).prop_map(|(requests, bad)| Reading::Requests {
            stable: Counts { requests: 500, bad: 1 },
            candidate: Counts { requests, bad: bad.min(requests) },
            slow_from: None,
        }),
        Just(Reading::CouldNotAsk("away".into())),
    ]
}

proptest! {
    #[test]
    fn a_judgement_is_final_once_it_breaks_and_never_passes_while_it_bakes(
        answers in proptest::collection::vec((0..5_usize, reading(), 0..5_000_i64), 0..60)
    ) {
        let plan = plan(checks());
        let mut watch = Watch::begin(&plan, first_shift(&plan), 0, 60_000);
        let (mut now, mut broken) = (0, None);
        for (gate, answer, wait) in answers {
            now += wait;
            watch.hear(&plan, gate, answer, now);
            let judgement = watch.judgement(&plan, now);
            if now < watch.bake_ends_at() {
                prop_assert!(judgement != Judgement::Pass);
            }
            if let Some(earlier) = &broken {
                prop_assert!(matches!(&judgement, Judgement::Break { .. }), "{earlier:?} then {judgement:?}");
            }
            if watch.standings().any(|(_, standing)| matches!(standing, Standing::Broken { .. })) {
                broken = Some(judgement);
            }
            // It can be stored between any two looks.
            let stored = serde_json::to_string(&watch).expect("plain data");
            prop_assert_eq!(serde_json::from_str::<Watch>(&stored).expect("comes back"), watch.clone());
        }
        // However it went: in the end there is a decision.
        prop_assert!(watch.judgement(&plan, 120_000) != Judgement::Wait);
    }
}
