//! What became of a call's earlier attempts: the SDK tells of the last one alone.
//!
//! A call whose first attempt was lost and whose second was throttled comes back as refused, though the
//! first may have had its effect. The answers after an attempt of unknown end are marked therefore.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

/// Set on an answer here; whoever sets it on the wire is believed too, as it only makes us careful.
const AFTER_UNKNOWN: &str = "x-bakehouse-after-unknown";

/// EC2 says these with a server's status, but has done nothing.
pub(super) const NOTHING_DONE: [&str; 2] = ["InsufficientInstanceCapacity", "RequestLimitExceeded"];

/// Marks the answers to a call that follow an attempt of unknown end.
#[derive(Debug)]
pub(super) struct MarkUnknown;

/// What a call's attempts have come to so far.
#[derive(Debug, Clone, Copy, Default)]
struct Attempts {
    /// One was sent that has no certain end yet.
    open: bool,
    /// An earlier one has none, and never will.
    unknown: bool,
}

impl Storable for Attempts {
    type Storer = StoreReplace<Self>;
}

impl Intercept for MarkUnknown {
    fn name(&self) -> &'static str {
        "MarkUnknown"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let before = attempts(bag);
        bag.interceptor_state().store_put(Attempts { open: true, unknown: before.unknown || before.open });
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if attempts(bag).unknown {
            context.response_mut().headers_mut().insert(AFTER_UNKNOWN, "1");
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let before = attempts(bag);
        bag.interceptor_state().store_put(Attempts { open: !is_certain(context.response()), ..before });
        Ok(())
    }
}

/// Tells whether an answer came after an attempt of the same call whose end nobody knows.
pub(super) fn follows_unknown(answer: &HttpResponse) -> bool {
    answer.headers().get(AFTER_UNKNOWN).is_some()
}

fn attempts(bag: &ConfigBag) -> Attempts {
    bag.load::<Attempts>().copied().unwrap_or_default()
}

/// Tells whether an answer says for certain what the attempt has done.
fn is_certain(answer: &HttpResponse) -> bool {
    let says = |code: &str| answer.body().bytes().is_some_and(|body| String::from_utf8_lossy(body).contains(&format!(">{code}<")));
    !answer.status().is_server_error() || NOTHING_DONE.into_iter().any(says)
}
