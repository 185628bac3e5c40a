//! What runs now, for people. Reads only. Start with [`read`].

use crate::client::Client;
use crate::ecs::seen;
use crate::error::AwsError;
use serde::Serialize;
use tidegate_rollout::Strategy;
use tidegate_rollout::code_deploy;
use tidegate_rollout::names::ServiceRef;
use tidegate_rollout::observation::{Service, ServiceSeen};
use tidegate_rollout::task_definition::images::images;

/// A service and the images that its task definition names.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// The service.
    pub service: Service,
    /// Container and image, in the order of the task definition.
    pub images: Vec<(String, String)>,
    /// What CodeDeploy has to do with it; absent with another deployment controller.
    pub code_deploy: Option<code_deploy::status::Status>,
}

/// One DescribeServices and one `DescribeTaskDefinition`; for a service that CodeDeploy deploys what that says of
/// its deployment, too. `strategy` is the config file's, which names the deployment group.
pub async fn read(client: &Client, target: &ServiceRef, strategy: &Strategy) -> Result<Status, AwsError> {
    let described = client.described_service(target).await?;
    let ServiceSeen::Described(service) = seen("DescribeServices", &described)? else {
        return Err(crate::ecs::unexpected("DescribeServices", "it has no service"));
    };
    let definition = client.described_task_definition(service.task_definition.as_str()).await?;
    let code_deploy = crate::deploy::code_deploy::status::read(client, target, &described, strategy).await;
    Ok(Status { service: *service, images: images(&definition), code_deploy })
}
