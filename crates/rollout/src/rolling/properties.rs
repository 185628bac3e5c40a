//! What holds for every order of looks, also for those that AWS never shows.

use super::*;
use crate::names::{ClusterName, ServiceName};
use crate::observation::{RolloutState, ServiceDeployment, ServiceDeploymentStatus};
use proptest::prelude::*;

const OURS: u8 = 2;

fn id(n: u8) -> DeploymentId {
    DeploymentId::answered(format!("ecs-svc/{n:019}"))
}

fn revision(n: u8) -> TaskDefinitionArn {
    TaskDefinitionArn::parse(&format!("arn:aws:ecs:r:1:task-definition/web:{n}")).expect("valid")
}

fn arn() -> ServiceDeploymentArn {
    ServiceDeploymentArn::answered("arn:sd")
}

fn begun(service_deployment: Option<ServiceDeploymentArn>) -> Rollout {
    Rollout::begin(Start {
        target: ServiceRef {
            cluster: ClusterName::parse("prod").expect("valid"),
            service: ServiceName::parse("web").expect("valid"),
        },
        candidate: revision(OURS),
        deployment: id(OURS),
        service_deployment,
        earlier_service_deployment: None,
        earlier_deployments: BTreeSet::from([id(1)]),
        known_events: BTreeSet::new(),
        started_at: 0,
        deadline: 600_000,
    })
}

prop_compose! {
    fn any_deployment()(n in 1u8..4, running in 0u32..4, pending in 0u32..3, failed in 0u32..4, state in 0u8..4) -> (u8, Deployment) {
        let rollout_state = [None, Some(RolloutState::InProgress), Some(RolloutState::Completed), Some(RolloutState::Failed)];
        (n, Deployment {
            id: id(n), status: "ACTIVE".into(), task_definition: revision(n), desired: 3, running, pending, failed,
            rollout_state: rollout_state[usize::from(state)], rollout_state_reason: None, created_at: None,
        })
    }
}

prop_compose! {
    fn any_look()(
        mut deployments in proptest::collection::vec(any_deployment(), 0..4),
        breaker in 0u8..3,
        active in proptest::bool::weighted(0.95),
    ) -> Observation {
        deployments.sort_by_key(|(n, _)| std::cmp::Reverse(*n));
        deployments.dedup_by_key(|(n, _)| *n);
        let mut deployments: Vec<Deployment> = deployments.into_iter().map(|(_, d)| d).collect();
        if let Some(first) = deployments.first_mut() {
            first.status = "PRIMARY".into();
        }
        let breakers = [CircuitBreaker::Off, CircuitBreaker::Stops, CircuitBreaker::RollsBack];
        Observation::of(ServiceSeen::Described(Box::new(Service {
            status: if active { "ACTIVE" } else { "DRAINING" }.into(),
            task_definition: revision(1), desired_count: 3, deployments, events: vec![],
            current_service_deployment: Some(arn()), circuit_breaker: breakers[usize::from(breaker)],
        })))
    }
}

fn any_status() -> impl Strategy<Value = ServiceDeploymentStatus> {
    use ServiceDeploymentStatus as S;
    prop::sample::select(vec![
        S::Pending,
        S::InProgress,
        S::Successful,
        S::StopRequested,
        S::Stopped,
        S::RollbackRequested,
        S::RollbackInProgress,
        S::RollbackSuccessful,
        S::RollbackFailed,
        S::Unknown,
    ])
}

fn ours_serves(seen: &Observation) -> bool {
    let ServiceSeen::Described(service) = &seen.service else { return false };
    service.deployments.iter().any(|d| d.id == id(OURS) && d.is_primary() && d.running >= 3 && d.pending == 0)
}

proptest! {
    #[test]
    fn promoted_is_said_only_when_our_own_deployment_serves_in_full(
        looks in proptest::collection::vec((any_look(), any_status(), 1i64..30_000), 1..30),
        known in any::<bool>(),
    ) {
        let mut rollout = begun(known.then(arn));
        let mut now = 0;
        for (mut seen, status, wait) in looks {
            now += wait;
            // At most a handful of questions a look, as the shell carries them out.
            for _ in 0..4 {
                let (next, actions) = step(&rollout, &seen, now);
                if rollout.verdict().is_some() {
                    prop_assert_eq!(&next, &rollout, "a verdict is final");
                    prop_assert!(actions.is_empty());
                }
                rollout = next;
                let decided = actions.iter().filter(|a| matches!(a, Action::Report(Event::Decided { .. }))).count();
                prop_assert!(decided <= 1);
                if decided == 1 && rollout.verdict().is_some_and(Verdict::is_promoted) {
                    prop_assert!(ours_serves(&seen));
                }
                let mut asked = false;
                for action in actions {
                    match action {
                        Action::ReadServiceDeployment(arn) => {
                            prop_assert!(seen.service_deployment.is_none(), "what is known is not asked again");
                            seen.service_deployment = Some(ServiceDeployment { arn, status, status_reason: None, breaker: None, rollback_reason: None, triggered_alarms: Vec::new(), staging: crate::observation::Staging::default() });
                            asked = true;
                        }
                        Action::ReadStoppedTasks(_) => {
                            prop_assert!(seen.stopped_tasks.is_none(), "what is known is not asked again");
                            seen.stopped_tasks = Some(vec![]);
                            asked = true;
                        }
                        _ => {}
                    }
                }
                if !asked {
                    break;
                }
            }
        }
    }

    #[test]
    fn every_rollout_ends_by_its_deadline(seen in any_look(), known in any::<bool>()) {
        let rollout = begun(known.then(arn));
        let (mut next, _) = step(&rollout, &seen, 600_000);
        if next.verdict().is_none() {
            let mut fuller = seen.clone();
            fuller.service_deployment = Some(ServiceDeployment { arn: arn(), status: ServiceDeploymentStatus::InProgress, status_reason: None, breaker: None, rollback_reason: None, triggered_alarms: Vec::new(), staging: crate::observation::Staging::default() });
            next = step(&next, &fuller, 600_000).0;
        }
        prop_assert!(next.verdict().is_some());
    }
}
