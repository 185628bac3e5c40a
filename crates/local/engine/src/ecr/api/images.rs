//! Images. None can be pushed yet, so that a repository has none; whoever asks for one in particular is told so, and not
//! that it does not exist: it may well, in Amazon's registry.

use tidegate_models::ecr::{DescribeImagesRequest, DescribeImagesResponse};

use super::lookup;
use crate::{ApiError, Context, State};

pub(super) fn describe(
    state: &State,
    context: &Context,
    input: DescribeImagesRequest,
) -> Result<DescribeImagesResponse, ApiError> {
    lookup::repository(state, &context.scope, input.registry_id.as_deref(), &input.repository_name)?;
    if input.image_ids.is_some() {
        return Err(ApiError::new(
            "NotImplemented",
            "The local cloud keeps no images of ECR yet: DescribeImages cannot say what an image is",
        ));
    }
    Ok(DescribeImagesResponse { image_details: Some(Vec::new()), next_token: None })
}
