//! `PutParameter`: a new parameter, or with `Overwrite` a new version of one.

use tidegate_models::ssm::{ParameterTier, ParameterType, PutParameterRequest, PutParameterResult};

use super::{super::records::Parameter, invalid, names, tags, versions};
use crate::{ApiError, Context, State};

/// The most bytes of a value in each tier.
const STANDARD_BYTES: usize = 4096;
const ADVANCED_BYTES: usize = 8192;

/// The key of a `SecureString` that names none.
const DEFAULT_KEY: &str = "alias/aws/ssm";

/// `PutParameter`
pub(super) fn put(
    state: &mut State,
    context: &Context,
    input: PutParameterRequest,
) -> Result<PutParameterResult, ApiError> {
    names::check(&input.name)?;
    let key = Parameter::key(&context.scope, &input.name);
    let before = state.parameters.get(&key).cloned();
    let overwrites = input.overwrite == Some(true);
    if before.is_some() && !overwrites {
        return Err(ApiError::new(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        ));
    }
    if overwrites && input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
        return Err(invalid(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove \
             overwrite flag.",
        ));
    }
    let r#type = match (input.r#type, &before) {
        (Some(given), _) => given,
        (None, Some(before)) => before.r#type,
        (None, None) => return Err(invalid("A parameter type is required when you create a parameter.")),
    };
    check_supported(r#type, &input)?;
    let tier = tier(&input, before.as_ref())?;
    let allowed_pattern =
        input.allowed_pattern.or_else(|| before.as_ref().and_then(|before| before.allowed_pattern.clone()));
    check_value(input.value.expose(), allowed_pattern.as_deref())?;
    let tags = tags::given(input.tags.unwrap_or_default())?;
    let arn = names::arn(&context.scope, &input.name);
    let is_secure = r#type == ParameterType::SecureString;
    let key_before = || before.as_ref().and_then(|before| before.key_id.clone());
    let key_id =
        is_secure.then(|| input.key_id.or_else(key_before).unwrap_or_else(|| DEFAULT_KEY.to_owned()));
    let ciphertext = is_secure.then(|| state.ids.ciphertext(input.value.expose().len()));
    let parameter = Parameter {
        arn: arn.clone(),
        value: input.value,
        ciphertext,
        r#type,
        key_id,
        version: before.as_ref().map_or(1, |before| before.version + 1),
        labels: Vec::new(),
        modified_at: context.now,
        tier,
        data_type: input.data_type.unwrap_or_else(|| "text".to_owned()),
        allowed_pattern,
        description: input.description.or_else(|| before.and_then(|before| before.description)),
        name: input.name,
    };
    let version = parameter.version;
    versions::push(state, &key, parameter)?;
    if !tags.is_empty() {
        state.tags.insert(&arn, tags);
    }
    Ok(PutParameterResult { tier: Some(tier), version: Some(version) })
}

fn check_supported(r#type: ParameterType, input: &PutParameterRequest) -> Result<(), ApiError> {
    if input.policies.as_ref().is_some_and(|policies| !policies.is_empty()) {
        return Err(ApiError::new(
            "UnsupportedParameterType",
            "Parameter policies are not implemented by the local cloud.",
        ));
    }
    if r#type != ParameterType::SecureString && input.key_id.is_some() {
        return Err(invalid("KeyId is only supported for parameters of type SecureString."));
    }
    Ok(())
}

fn tier(input: &PutParameterRequest, before: Option<&Parameter>) -> Result<ParameterTier, ApiError> {
    let is_large = input.value.expose().len() > STANDARD_BYTES;
    let asked = input.tier.or(before.map(|before| before.tier)).unwrap_or(ParameterTier::Standard);
    let tier = match asked {
        ParameterTier::IntelligentTiering if is_large => ParameterTier::Advanced,
        ParameterTier::IntelligentTiering => ParameterTier::Standard,
        given => given,
    };
    if tier == ParameterTier::Standard && is_large {
        return Err(invalid(format!(
            "Standard tier parameters support a maximum parameter value of {STANDARD_BYTES} characters. To create a larger \
             parameter value, upgrade the parameter to use the advanced-parameter tier.",
        )));
    }
    if input.value.expose().len() > ADVANCED_BYTES {
        return Err(invalid(format!(
            "Advanced tier parameters support a maximum parameter value of {ADVANCED_BYTES} characters."
        )));
    }
    Ok(tier)
}

fn check_value(value: &str, allowed_pattern: Option<&str>) -> Result<(), ApiError> {
    if value.is_empty() {
        return Err(invalid("Parameter value: can't be empty."));
    }
    if value.contains("{{") && value.contains("}}") {
        return Err(invalid(
            "Parameter value: can't nest another parameter. Do not use \"{{}}\" in the value.",
        ));
    }
    let Some(pattern) = allowed_pattern.filter(|pattern| !pattern.is_empty()) else { return Ok(()) };
    let expression = regex_lite::Regex::new(pattern).map_err(|_| {
        ApiError::new("InvalidAllowedPatternException", "The pattern is not a valid regular expression.")
    })?;
    if expression.is_match(value) {
        return Ok(());
    }
    Err(ApiError::new(
        "ParameterPatternMismatchException",
        format!("Parameter value, cannot be validated against allowedPattern: {pattern}"),
    ))
}
