//! Which image of the registry the image of a task definition is, if it is one. Pure.
//!
//! An image is named by the registry's own host, as `repositoryUri` has it, or by the address that the same repository has
//! on AWS, so that one task definition runs here and there.

use tidegate_engine::{
    Scope, State,
    ecr::{self, images, manifest},
};

/// An image that the registry has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where it is pulled from, without digest: host and repository.
    pub repository: String,
    /// Its digest.
    pub digest: String,
    /// Whose registry it is.
    pub scope: Scope,
}

/// The image that `name` stands for in a task of `scope`; `None` when it is of another registry, and why it cannot be
/// pulled when it is of this one and not there. `fixed` is the digest that the deployment has fixed.
///
/// A repository of AWS that is not here may be elsewhere: that is left to whoever pulls.
pub(crate) fn image(
    state: &State,
    scope: &Scope,
    name: &str,
    fixed: Option<&str>,
) -> Option<Result<Found, String>> {
    let host = ecr::host(state);
    let (registry, path) = name.split_once('/')?;
    let (path, digest) = match path.split_once('@') {
        Some((path, digest)) => (path, Some(digest)),
        None => (path, None),
    };
    let (repository, tag) = match path.split_once(':') {
        Some((repository, tag)) => (repository, Some(tag)),
        None => (path, None),
    };
    let (scope, is_own_host) = match of_aws(registry) {
        Some(scope) => (scope, false),
        None if registry == host => (scope.clone(), true),
        None => return None,
    };
    let cannot =
        |why: String| Some(Err(format!("CannotPullContainerError: Error response from daemon: {why}")));
    let arn = match ecr::repository(state, &scope, None, repository) {
        Ok(found) => &found.arn,
        Err(_) if !is_own_host => return None,
        Err(error) => {
            return cannot(format!(
                "repository {registry}/{repository} not found: name unknown: {}",
                error.message
            ));
        }
    };
    let image = match fixed.or(digest) {
        Some(digest) if manifest::is_digest(digest) => images::with_digest(state, arn, digest),
        Some(_) => None,
        None => images::tagged(state, arn, tag.unwrap_or("latest")),
    };
    match image {
        Some(image) => Some(Ok(Found {
            repository: format!("{host}/{repository}"),
            digest: image.digest.clone(),
            scope,
        })),
        None => cannot(format!("manifest for {name} not found: manifest unknown: Requested image not found")),
    }
}

/// The registry with this host on AWS.
fn of_aws(host: &str) -> Option<Scope> {
    let labels: Vec<&str> = host.split('.').collect();
    let [account, "dkr", "ecr", region, "amazonaws", "com", ..] = labels[..] else { return None };
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    is_account.then(|| Scope { account: account.to_owned(), region: region.to_owned() })
}
