//! ASSERT: a claim about data that fails the script when it does not hold.

use firth_diagnostic::{Code, Diagnostic, Result};
use firth_sql::Assert;
use futures::TryStreamExt;

use super::query::blaming;
use crate::{Outcome, error::diagnostic, resolve::Resolver};

/// Runs the condition. Like WHERE, ASSERT takes TRUE only: FALSE and NULL fail.
pub(super) async fn execute(resolver: &Resolver<'_>, assert: &Assert) -> Result<Outcome> {
    let planned = resolver.plan_query(&assert.condition, 0).await?;
    let mut stream = blaming(resolver, resolver.run(planned).await?);
    while let Some(batch) = stream.try_next().await.map_err(diagnostic)? {
        if batch.num_rows() > 0 {
            return Ok(Outcome::nothing());
        }
    }
    let message = match &assert.description {
        Some(description) => format!("the assertion failed: {}", description.value),
        None => "the assertion failed".to_owned(),
    };
    Err(Diagnostic::error(Code::Assertion, message)
        .at(assert.condition.span)
        .label("is not TRUE")
        .hint("Run the condition as a query to see what it gives: SELECT followed by the condition."))
}
