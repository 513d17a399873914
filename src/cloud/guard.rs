//! Clients that mean AWS take no answer from a twin, whichever service's endpoint leads to one.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::config_bag::ConfigBag;

/// Every answer of a twin's has this header.
const TWIN: &str = "x-bakehouse-twin";

/// A twin answered where AWS was meant.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("--on aws, but a twin answered, not AWS: unset AWS_ENDPOINT_URL (and AWS_ENDPOINT_URL_…), or work --on twin")]
pub(super) struct TwinAnswered;

/// Refuses a twin's answers.
#[derive(Debug)]
pub(super) struct RefuseTwin;

impl Intercept for RefuseTwin {
    fn name(&self) -> &'static str {
        "RefuseTwin"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if is_twins(context.response().headers()) { Err(TwinAnswered.into()) } else { Ok(()) }
    }
}

/// Tells whether an answer is a twin's.
pub(super) fn is_twins(headers: &Headers) -> bool {
    headers.get(TWIN).is_some()
}

/// Finds out whether an error is this guard's.
pub(super) fn refused(error: &(dyn std::error::Error + 'static)) -> Option<TwinAnswered> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<TwinAnswered>() {
            return Some(*found);
        }
        cause = error.source();
    }
    None
}
