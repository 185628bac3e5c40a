//! What a container uses, as Docker tells it. Start at [`of_container`].

use std::time::Duration;

use bollard::{Docker, query_parameters::StatsOptionsBuilder};
use futures_util::StreamExt;

use crate::Usage;

/// What a container uses; `None` when it is gone or Docker does not tell.
pub(crate) async fn of_container(docker: &Docker, id: &str) -> Option<Usage> {
    let once = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
    let stats = std::pin::pin!(docker.stats(id, Some(once))).next().await?.ok()?;
    let memory = stats.memory_stats?;
    // As ECS does: what files hold and could be given back is not the container's.
    let of_files = memory.stats.and_then(|all| all.get("inactive_file").copied()).unwrap_or(0);
    Some(Usage {
        cpu: Duration::from_nanos(stats.cpu_stats?.cpu_usage?.total_usage?),
        memory: memory.usage?.saturating_sub(of_files),
    })
}
