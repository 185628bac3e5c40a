//! What is wrong with a request whose bytes do not have the shape that the model asks for.
//!
//! Only about kinds of values; constraints on values are `validation`'s. It never carries a value from the request.
//! Start at [`Malformed`].

use tidegate_models::Kind;

/// How deep values may stand in each other. AWS's own models stay under twenty.
pub(crate) const MAX_DEPTH: usize = 64;

/// A request that cannot be read as the model's shape. The texts are those of AWS's own request parser.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// The body is not JSON at all.
    #[error("Unable to parse the request body as JSON")]
    NotJson,
    /// The body is not CBOR at all.
    #[error("Unable to parse the request body as CBOR")]
    NotCbor,
    /// Form parameters that are not UTF-8, or more of them than AWS takes.
    #[error("The query string is malformed or has too many parameters")]
    Parameters,
    /// Values stand too deep in each other.
    #[error("The request is nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// An object where the model has no structure and no map.
    #[error("Start of structure or map found where not expected.")]
    UnexpectedStructure,
    /// An array where the model has no list.
    #[error("Start of list found where not expected")]
    UnexpectedList,
    /// A scalar where the model has a structure, a list or a map.
    #[error("Unexpected value type in payload")]
    UnexpectedScalar,
    /// A scalar of the wrong kind.
    #[error("{found} can not be converted to {wanted}")]
    Unconvertible {
        /// What stood there, in AWS's words, for example `STRING_VALUE`.
        found: &'static str,
        /// What the model asks for, with its article.
        wanted: &'static str,
    },
}

impl Malformed {
    /// A scalar `found` where the model has `kind`.
    pub(crate) fn scalar(found: &'static str, kind: &Kind) -> Self {
        let wanted = match kind {
            Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. } | Kind::Document => {
                return Self::UnexpectedScalar;
            }
            Kind::String => "a String",
            Kind::Integer => "an Integer",
            Kind::Long => "a Long",
            Kind::Double => "a Double",
            Kind::Boolean => "a Boolean",
            Kind::Timestamp => "a Timestamp",
            Kind::Blob => "a Blob",
        };
        Self::Unconvertible { found, wanted }
    }
}
