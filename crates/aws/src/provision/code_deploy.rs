//! The stage of a deployment by CodeDeploy: the guide's two target groups, two listeners, application and deployment
//! group.

use aws_sdk_codedeploy::types::{
    AutoRollbackConfiguration, AutoRollbackEvent, BlueGreenDeploymentConfiguration,
    BlueInstanceTerminationOption, ComputePlatform, DeploymentOption, DeploymentReadyAction,
    DeploymentReadyOption, DeploymentStyle, DeploymentType, EcsService, InstanceAction, LoadBalancerInfo,
    TargetGroupInfo, TargetGroupPairInfo, TrafficRoute,
};
use tidegate_rollout::{
    names::ServiceRef,
    strategy::{DeploymentGroup, Traffic},
};

use super::{How, Parts, role};
use crate::{
    client::{Client, ask},
    error::AwsError,
    pacing::Bucket,
};

/// A minute of the endpoint's clock in milliseconds.
const MINUTE: i64 = 60_000;

impl Client {
    pub(super) async fn set_up_code_deploy(
        &self,
        parts: &Parts<'_>,
        traffic: &Traffic,
        group: &DeploymentGroup,
    ) -> Result<Vec<ServiceRef>, AwsError> {
        let (blue, _) = self.create_pair(parts, ["blue", "green"]).await?;
        let port = parts.stage.listener_port;
        let production = self.create_listener(parts, port, &blue).await?;
        let test = self.create_listener(parts, port + 1, &blue).await?;
        let target = &parts.stage.target;
        self.create_service(parts, target, parts.load_balancer_entry(&blue, None), How::TaskSets).await?;
        let request = self
            .codedeploy
            .create_application()
            .application_name(&group.application)
            .compute_platform(ComputePlatform::Ecs);
        ask!(self, "codedeploy", "CreateApplication", Bucket::CodeDeploy, request)?;
        let wait = traffic.shifts().last().map_or(0, |shift| shift.bake / MINUTE);
        let request = self
            .codedeploy
            .create_deployment_group()
            .application_name(&group.application)
            .deployment_group_name(&group.group)
            .deployment_config_name("CodeDeployDefault.ECSAllAtOnce")
            .service_role_arn(role("codedeploy"))
            .auto_rollback_configuration(
                AutoRollbackConfiguration::builder()
                    .enabled(true)
                    .events(AutoRollbackEvent::DeploymentFailure)
                    .events(AutoRollbackEvent::DeploymentStopOnRequest)
                    .build(),
            )
            .deployment_style(
                DeploymentStyle::builder()
                    .deployment_type(DeploymentType::BlueGreen)
                    .deployment_option(DeploymentOption::WithTrafficControl)
                    .build(),
            )
            .blue_green_deployment_configuration(
                BlueGreenDeploymentConfiguration::builder()
                    .deployment_ready_option(
                        DeploymentReadyOption::builder()
                            .action_on_timeout(DeploymentReadyAction::ContinueDeployment)
                            .build(),
                    )
                    .terminate_blue_instances_on_deployment_success(
                        BlueInstanceTerminationOption::builder()
                            .action(InstanceAction::Terminate)
                            .termination_wait_time_in_minutes(i32::try_from(wait).unwrap_or(i32::MAX))
                            .build(),
                    )
                    .build(),
            )
            .ecs_services(
                EcsService::builder()
                    .cluster_name(target.cluster.short())
                    .service_name(target.service.short())
                    .build(),
            )
            .load_balancer_info(
                LoadBalancerInfo::builder()
                    .target_group_pair_info_list(pair(parts, production, test))
                    .build(),
            );
        ask!(self, "codedeploy", "CreateDeploymentGroup", Bucket::CodeDeploy, request)?;
        Ok(vec![target.clone()])
    }
}

fn pair(parts: &Parts<'_>, production: String, test: String) -> TargetGroupPairInfo {
    let named = |role: &str| TargetGroupInfo::builder().name(super::short(&parts.named(role))).build();
    TargetGroupPairInfo::builder()
        .target_groups(named("blue"))
        .target_groups(named("green"))
        .prod_traffic_route(TrafficRoute::builder().listener_arns(production).build())
        .test_traffic_route(TrafficRoute::builder().listener_arns(test).build())
        .build()
}
