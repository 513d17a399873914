//! What a scan has against a version: a list behind an address that AWS's error message is.

use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest as SdkRequest;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt as _, Limited};

use super::guard;
use super::session::Reader;
use crate::listing::ErrorDetail;

/// The most that is read of a list; seen are a few kilobytes.
const MOST_BYTES: usize = 4 << 20;

/// Why a list of findings can't be had.
#[derive(Debug, thiserror::Error)]
#[error("the scan's findings at {url} can't be had: {reason}")]
pub struct NoFindings {
    /// The address.
    pub url: String,
    /// Why, in words.
    pub reason: String,
}

impl Reader {
    /// Fetches the list of findings behind a `SCAN_ERROR`, which AWS keeps for 60 days. Credentials aren't sent.
    ///
    /// # Errors
    ///
    /// [`NoFindings`].
    pub async fn scan_findings(&self, url: &str) -> Result<Vec<ErrorDetail>, NoFindings> {
        let no = |reason: String| NoFindings { url: url.to_owned(), reason };
        let request = http::Request::get(url).body(SdkBody::empty()).map_err(|e| no(e.to_string()))?;
        let request = SdkRequest::try_from(request).map_err(|e| no(e.to_string()))?;
        let answer = self.session.connector().call(request).await.map_err(|e| no(e.to_string()))?;
        if !self.session.twin && guard::is_twins(answer.headers()) {
            return Err(no(guard::TwinAnswered.to_string()));
        }
        let answer = answer.try_into_http1x().map_err(|e| no(e.to_string()))?;
        if !answer.status().is_success() {
            return Err(no(format!("it answers {}", answer.status())));
        }
        let body = Limited::new(answer.into_body(), MOST_BYTES).collect().await;
        let body = body.map_err(|e| no(format!("it is no list of at most {MOST_BYTES} bytes: {e}")))?;
        serde_json::from_slice(&body.to_bytes()).map_err(|e| no(format!("it is no list of findings: {e}")))
    }
}
