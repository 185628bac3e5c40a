//! Repositories and their settings.

use tidegate_models::ecr::{
    CreateRepositoryRequest, CreateRepositoryResponse, DeleteRepositoryRequest, DeleteRepositoryResponse,
    DescribeRepositoriesRequest, DescribeRepositoriesResponse, EncryptionConfiguration, EncryptionType,
    ImageScanningConfiguration, ImageTagMutability, ImageTagMutabilityExclusionFilter,
    PutImageScanningConfigurationRequest, PutImageScanningConfigurationResponse,
    PutImageTagMutabilityRequest, PutImageTagMutabilityResponse, Repository as Document,
};

use super::{bad_token, invalid, limit, lookup, tags};
use crate::{
    ApiError, Context, State,
    ecr::{SERVICE, images, records::Repository},
    page::page,
};

/// The most exclusion filters of one repository.
const MOST_FILTERS: usize = 5;

pub(super) fn create(
    state: &mut State,
    context: &Context,
    input: CreateRepositoryRequest,
) -> Result<CreateRepositoryResponse, ApiError> {
    let registry = lookup::registry(&context.scope, input.registry_id.as_deref());
    let name = input.repository_name;
    let arn = lookup::arn(&registry, &name);
    if state.repositories.contains(&arn) {
        let message = format!(
            "The repository with name '{name}' already exists in the registry with id '{}'",
            registry.account
        );
        return Err(ApiError::new("RepositoryAlreadyExistsException", message));
    }
    let mutability = input.image_tag_mutability.unwrap_or(ImageTagMutability::Mutable);
    check_filters(mutability, input.image_tag_mutability_exclusion_filters.as_deref())?;
    let tags = tags::given(input.tags.unwrap_or_default())?;
    let encryption = input
        .encryption_configuration
        .unwrap_or(EncryptionConfiguration { encryption_type: EncryptionType::Aes256, kms_key: None });
    let scanning = input.image_scanning_configuration.unwrap_or_default();
    let document = Document {
        created_at: Some(context.now),
        encryption_configuration: Some(encryption),
        image_scanning_configuration: Some(filled_in(scanning)),
        image_tag_mutability: Some(mutability),
        image_tag_mutability_exclusion_filters: input.image_tag_mutability_exclusion_filters,
        registry_id: Some(registry.account.clone()),
        repository_arn: Some(arn.clone()),
        repository_name: Some(name.clone()),
        repository_uri: None,
    };
    let row = Repository {
        arn: arn.clone(),
        name,
        document,
        lifecycle_policy: None,
        lifecycle_looked_at: None,
        lifecycle_preview: None,
        policy: None,
    };
    let document = located(state, &row);
    state.repositories.insert(&arn, row);
    state.put_tags(&arn, tags);
    Ok(CreateRepositoryResponse { repository: Some(document) })
}

pub(super) fn describe(
    state: &State,
    context: &Context,
    input: DescribeRepositoriesRequest,
) -> Result<DescribeRepositoriesResponse, ApiError> {
    if let Some(names) = &input.repository_names {
        let found = names.iter().map(|name| {
            lookup::repository(state, &context.scope, input.registry_id.as_deref(), name)
                .map(|row| located(state, row))
        });
        let found = found.collect::<Result<Vec<_>, _>>()?;
        return Ok(DescribeRepositoriesResponse { next_token: None, repositories: Some(found) });
    }
    let registry = lookup::registry(&context.scope, input.registry_id.as_deref());
    let prefix = registry.arn(SERVICE, "repository/");
    let rows = state.repositories.with_prefix(&prefix);
    let token = input.next_token.as_deref();
    let found = page(rows, "DescribeRepositories", token, limit(input.max_results), bad_token)?;
    let documents = found.items.into_iter().map(|row| located(state, row));
    Ok(DescribeRepositoriesResponse { next_token: found.next, repositories: Some(documents.collect()) })
}

pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteRepositoryRequest,
) -> Result<DeleteRepositoryResponse, ApiError> {
    let found =
        lookup::repository(state, &context.scope, input.registry_id.as_deref(), &input.repository_name)?;
    let (arn, document) = (found.arn.clone(), located(state, found));
    if input.force != Some(true) && images::of_repository(state, &arn).next().is_some() {
        let account = document.registry_id.as_deref().unwrap_or_default();
        return Err(ApiError::new(
            "RepositoryNotEmptyException",
            format!(
                "The repository with name '{}' in registry with id '{account}' cannot be deleted because it still contains images",
                input.repository_name
            ),
        ));
    }
    images::empty(state, &arn);
    state.repositories.remove(&arn);
    state.tags.remove(&arn);
    Ok(DeleteRepositoryResponse { repository: Some(document) })
}

pub(super) fn put_mutability(
    state: &mut State,
    context: &Context,
    input: PutImageTagMutabilityRequest,
) -> Result<PutImageTagMutabilityResponse, ApiError> {
    let (name, mutability) = (input.repository_name, input.image_tag_mutability);
    let found = lookup::repository(state, &context.scope, input.registry_id.as_deref(), &name)?;
    let (arn, registry_id) = (found.arn.clone(), found.document.registry_id.clone());
    let filters = input.image_tag_mutability_exclusion_filters;
    check_filters(mutability, filters.as_deref())?;
    state.repositories.update(&arn, |row| {
        row.document.image_tag_mutability = Some(mutability);
        row.document.image_tag_mutability_exclusion_filters.clone_from(&filters);
    });
    Ok(PutImageTagMutabilityResponse {
        image_tag_mutability: Some(mutability),
        image_tag_mutability_exclusion_filters: filters,
        registry_id,
        repository_name: Some(name),
    })
}

pub(super) fn put_scanning(
    state: &mut State,
    context: &Context,
    input: PutImageScanningConfigurationRequest,
) -> Result<PutImageScanningConfigurationResponse, ApiError> {
    let name = input.repository_name;
    let found = lookup::repository(state, &context.scope, input.registry_id.as_deref(), &name)?;
    let (arn, registry_id) = (found.arn.clone(), found.document.registry_id.clone());
    let scanning = filled_in(input.image_scanning_configuration);
    state.repositories.update(&arn, |row| {
        row.document.image_scanning_configuration = Some(scanning.clone());
    });
    Ok(PutImageScanningConfigurationResponse {
        image_scanning_configuration: Some(scanning),
        registry_id,
        repository_name: Some(name),
    })
}

/// A repository as it is described: its URI is where the registry is now.
fn located(state: &State, row: &Repository) -> Document {
    let uri = format!("{}/{}", state.settings.registry, row.name);
    Document { repository_uri: Some(uri), ..row.document.clone() }
}

fn filled_in(given: ImageScanningConfiguration) -> ImageScanningConfiguration {
    ImageScanningConfiguration { scan_on_push: Some(given.scan_on_push.unwrap_or(false)) }
}

/// Exclusions need a mutability that has them, and the other way round.
fn check_filters(
    mutability: ImageTagMutability,
    filters: Option<&[ImageTagMutabilityExclusionFilter]>,
) -> Result<(), ApiError> {
    let count = filters.map_or(0, <[_]>::len);
    let with = matches!(
        mutability,
        ImageTagMutability::ImmutableWithExclusion | ImageTagMutability::MutableWithExclusion
    );
    let why = match (with, count) {
        (true, 0) => "a mutability with exclusion needs at least one exclusion filter",
        (false, 1..) => "exclusion filters need a mutability with exclusion",
        (true, count) if count > MOST_FILTERS => "there may be at most five exclusion filters",
        _ => return Ok(()),
    };
    Err(invalid(format!(
        "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: '{why}'"
    )))
}
