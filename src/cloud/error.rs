//! What went wrong between here and AWS.

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::attempts;
use crate::model::ids::Region;

/// A call to AWS that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation} in {region} {}", self.what_happened())]
pub struct CloudError {
    /// The operation's name, such as `RunInstances`.
    pub operation: &'static str,
    /// The Region asked.
    pub region: Region,
    /// AWS's code, when AWS answered.
    pub code: Option<String>,
    /// AWS's message, or why there is no answer.
    pub message: String,
    /// AWS's id of the request, when it answered.
    pub request_id: Option<String>,
    /// Whether the call is known to have had no effect.
    pub outcome: Outcome,
}

/// Whether a failed call is known to have had no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// AWS refused it: nothing happened.
    Refused,
    /// No answer, or a fault on AWS's side: it may have happened.
    Unknown,
}

impl CloudError {
    /// Tells whether AWS refused with this code.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Tells whether the caller's credentials are what is missing: they have expired, are not known any
    /// more, or the chain that they come from has none.
    pub fn lacks_credentials(&self) -> bool {
        match self.code.as_deref() {
            // EC2 says so too of things that are another account's.
            Some("AuthFailure") => self.message.contains("access credentials"),
            Some(code) => is_of_credentials(code),
            None => false,
        }
    }

    /// Tells whether AWS refused because the caller may not.
    ///
    /// Source: each service's own word for it,
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
    pub fn is_denied(&self) -> bool {
        ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"].iter().any(|code| self.is(code))
    }

    fn what_happened(&self) -> String {
        let request = self.request_id.as_ref().map(|id| format!(" (request {id})")).unwrap_or_default();
        match (&self.code, self.outcome) {
            (Some(code), _) if code == NO_CREDENTIALS => format!("was not made: {code}: {}{request}", self.message),
            (Some(code), Outcome::Refused) => format!("was refused: {code}: {}{request}", self.message),
            (Some(code), Outcome::Unknown) => format!("failed at AWS: {code}: {}{request}", self.message),
            (None, _) => format!("got no answer: {}{request}", self.message),
        }
    }

    /// Makes an error for an answer that lacks what it must have.
    pub(super) fn incomplete(operation: &'static str, region: &Region, message: impl Into<String>) -> Self {
        Self {
            operation,
            region: region.clone(),
            code: Some("UnexpectedAnswer".to_owned()),
            message: message.into(),
            request_id: None,
            outcome: Outcome::Unknown,
        }
    }
}

/// Takes over an SDK error: what was asked, where, AWS's own words.
pub(super) fn of<E>(operation: &'static str, region: &Region) -> impl FnOnce(SdkError<E, HttpResponse>) -> CloudError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let region = region.clone();
    move |error| {
        let metadata = error.as_service_error().map(ProvideErrorMetadata::meta);
        let code = match metadata.and_then(|m| m.code()) {
            None if comes_of_credentials(&error) => Some(NO_CREDENTIALS.to_owned()),
            code => code.map(str::to_owned),
        };
        if let Some(twin) = super::guard::refused(&error) {
            let message = twin.to_string();
            return CloudError { operation, region, code: None, message, request_id: None, outcome: Outcome::Refused };
        }
        let message = match metadata.and_then(|m| m.message()) {
            Some(message) => message.to_owned(),
            None => innermost(&error),
        };
        let outcome = match &error {
            SdkError::ConstructionFailure(_) => Outcome::Refused,
            // Without a signature nothing was sent, but an attempt before may have been.
            _ if code.as_deref() == Some(NO_CREDENTIALS) => Outcome::Unknown,
            // What was made by the token's first use is there, and must not be made again by another token.
            SdkError::ServiceError(_) if code.as_deref() == Some("IdempotentParameterMismatch") => Outcome::Unknown,
            // Refused is the last attempt alone; the one before may have made it.
            SdkError::ServiceError(e) if attempts::follows_unknown(e.raw()) => Outcome::Unknown,
            SdkError::ServiceError(e) if !e.raw().status().is_server_error() => Outcome::Refused,
            SdkError::ServiceError(_) if code.as_deref().is_some_and(|code| attempts::NOTHING_DONE.contains(&code)) => Outcome::Refused,
            _ => Outcome::Unknown,
        };
        let request_id = metadata.and_then(|m| m.extra("aws_request_id")).map(str::to_owned);
        CloudError { operation, region, code, message, request_id, outcome }
    }
}

/// The code of a call that was not made for want of credentials; AWS has none for it.
pub(super) const NO_CREDENTIALS: &str = "NoCredentials";

/// Tells whether a code says that the caller's credentials have expired, are not known any more or not there.
pub fn is_of_credentials(code: &str) -> bool {
    const CODES: [&str; 8] = [
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        // S3's. Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
        "InvalidAccessKeyId",
        "InvalidToken",
        NO_CREDENTIALS,
    ];
    CODES.contains(&code)
}

fn comes_of_credentials(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|cause| cause.is::<CredentialsError>())
}

/// The chain of causes, outermost first; the SDK's own outer messages say next to nothing.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut causes = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        source = cause.source();
    }
    causes.join(": ")
}
