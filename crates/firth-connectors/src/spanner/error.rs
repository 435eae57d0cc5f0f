//! What a failed call means, in words for a person.

use firth_diagnostic::{Code, Diagnostic};

use super::client::{SpannerCode, SpannerError};

/// What the service says of a query that cannot be cut into partitions.
pub(super) const NOT_PARTITIONABLE: &str =
    "Query is not root partitionable since it does not have a DistributedUnion at the root";

/// The message for a failed call.
pub(super) fn diagnostic(error: SpannerError) -> Diagnostic {
    let (code, message, hint) = match error.code {
        SpannerCode::NotFound => (Code::NotFound, "Spanner does not find what was asked for", None),
        SpannerCode::PermissionDenied => (
            Code::PermissionDenied,
            "Spanner refuses access",
            Some("Grant the connection's identity the role roles/spanner.databaseReader."),
        ),
        SpannerCode::Unauthenticated => (
            Code::Unauthenticated,
            "Spanner does not accept the credential",
            Some("Give the connection another credential."),
        ),
        SpannerCode::Unavailable => {
            (Code::Unreachable, "could not reach Spanner", Some("Run the statement again later."))
        }
        SpannerCode::DeadlineExceeded => (Code::Remote, "Spanner did not finish in time", None),
        SpannerCode::ResourceExhausted => (Code::Exhausted, "Spanner ran out of a resource", None),
        SpannerCode::Unimplemented => (Code::Unsupported, "Spanner does not have this feature", None),
        SpannerCode::InvalidArgument
        | SpannerCode::FailedPrecondition
        | SpannerCode::OutOfRange
        | SpannerCode::Internal => (Code::Remote, "Spanner refuses the query", None),
    };
    Diagnostic::error(code, message)
        .detail(format!("Spanner answers: \"{}\"", error.message))
        .hint_if(hint.map(str::to_owned))
}

/// Whether a query can be read as a whole only. Both wordings are known: the service's, and its
/// emulator's.
pub(super) fn is_not_partitionable(error: &SpannerError) -> bool {
    error.code == SpannerCode::InvalidArgument
        && (error.message.contains("not root partitionable")
            || error.message.contains("determine whether this query is partitionable"))
}
