//! EBS direct: snapshots read and written block by block, over REST and JSON, version 2019-11-02.
//!
//! Source: <https://docs.aws.amazon.com/ebs/latest/APIReference/Welcome.html>

mod faults;
mod parameters;
mod read;
#[cfg(test)]
mod tests;
mod tokens;
mod write;

use std::sync::Arc;

use http::{HeaderValue, Method};

use self::parameters::{Parameters, block_index};
use super::error::{ApiError, Form};
use super::rates::{Bar, Rate, Weight};
use super::state::{Snapshot, State};
use super::table::{self, Row};
use super::{Call, Reply, Twin};
use crate::model::digest::BLOCK_SIZE_BYTES;
use crate::model::ids::{Region, SnapshotId};

/// Answers a request to EBS direct.
///
/// All of it happens on a thread that may block: each request reads or writes files.
pub(super) async fn handle(twin: &Arc<Twin>, call: &Call) -> Reply {
    let (on_thread, for_thread) = (Arc::clone(twin), call.clone());
    let answered = tokio::task::spawn_blocking(move || answer(&on_thread, &for_thread)).await;
    let refused = match answered {
        Ok(Ok(reply)) => return reply,
        Ok(Err(error)) if error.code == "InternalError" => ApiError { code: "InternalServerException".to_owned(), ..error },
        Ok(Err(error)) => error,
        Err(_) => ApiError::new(500, "InternalServerException", "the twin could not finish the request"),
    };
    refused.into_reply(Form::RestJson("Message"), call.request_id())
}

/// The operations. Parameters of the query are named as in it, those of a body as in the body.
///
/// Rates: <https://docs.aws.amazon.com/general/latest/gr/ebs-service.html>. Reading and writing have the same limit
/// for a snapshot as for the account; the account's is the one that is felt.
pub(super) static OPERATIONS: &[Row] = &[
    Row::new("CompleteSnapshot", Rate::per_second(10)).errors("ResourceNotFoundException"),
    Row::new("GetSnapshotBlock", Rate::per_second(1000)).takes("blockToken").errors("ResourceNotFoundException"),
    Row::new("ListChangedBlocks", Rate::per_second(50))
        .takes("firstSnapshotId maxResults pageToken startingBlockIndex")
        .pages(100, 10_000)
        .errors("ResourceNotFoundException"),
    Row::new("ListSnapshotBlocks", Rate::per_second(50))
        .takes("maxResults pageToken startingBlockIndex")
        .pages(100, 10_000)
        .errors("ResourceNotFoundException"),
    Row::new("PutSnapshotBlock", Rate::per_second(1000)).errors("ResourceNotFoundException"),
    Row::new("StartSnapshot", Rate::per_second(10))
        .takes("ClientToken Description Encrypted KmsKeyArn ParentSnapshotId Tags.N.Key Tags.N.Value Timeout VolumeSize")
        .errors("ConflictException ResourceNotFoundException ServiceQuotaExceededException"),
];

/// Codes that every operation refuses with.
pub(super) const COMMON_ERRORS: &str = "AccessDeniedException InternalServerException RequestThrottledException ValidationException";

/// Finds what a request is for by its method and path: the operation, the snapshot and the block.
fn route<'p>(method: &Method, path: &[&'p str]) -> Option<(&'static str, &'p str, &'p str)> {
    Some(match (method, path) {
        (&Method::POST, ["snapshots"]) => ("StartSnapshot", "", ""),
        (&Method::POST, ["snapshots", "completion", snapshot]) => ("CompleteSnapshot", snapshot, ""),
        (&Method::PUT, ["snapshots", snapshot, "blocks", index]) => ("PutSnapshotBlock", snapshot, index),
        (&Method::GET, ["snapshots", snapshot, "blocks", index]) => ("GetSnapshotBlock", snapshot, index),
        (&Method::GET, ["snapshots", snapshot, "blocks"]) => ("ListSnapshotBlocks", snapshot, ""),
        (&Method::GET, ["snapshots", second, "changedblocks"]) => ("ListChangedBlocks", second, ""),
        _ => return None,
    })
}

fn answer(twin: &Twin, call: &Call) -> Result<Reply, ApiError> {
    let path: Vec<&str> = call.uri.path().split('/').skip(1).collect();
    let found = route(&call.method, &path).and_then(|(name, snapshot, index)| Some((table::find(OPERATIONS, name)?, snapshot, index)));
    let Some((operation, snapshot, index)) = found else {
        let message = format!("EBS direct has no {} {}", call.method, call.uri.path());
        return Err(ApiError::new(404, "UnknownOperationException", message));
    };
    twin.gate(&call.region, "ebs", operation, Weight::ONE).map_err(barred)?;
    let parameters = Parameters::of(call)?;
    parameters.check(operation)?;
    if operation.name == "StartSnapshot" {
        return write::start(twin, call, operation);
    }
    let snapshot = snapshot_id(snapshot)?;
    refuse_unseen(twin, call, &snapshot)?;
    match operation.name {
        "CompleteSnapshot" => write::complete(twin, call, &snapshot),
        "PutSnapshotBlock" => write::put_block(twin, call, &snapshot, block_index(index)?),
        "GetSnapshotBlock" => read::get_block(twin, call, &parameters, &snapshot, block_index(index)?),
        "ListChangedBlocks" => read::list_changed_blocks(twin, call, &parameters, &snapshot),
        _ => read::list_blocks(twin, call, &parameters, &snapshot),
    }
}

fn barred(bar: Bar) -> ApiError {
    match bar {
        Bar::Denied => ApiError::new(403, "AccessDeniedException", "You are not authorized to perform this operation.")
            .with("Reason", "UNAUTHORIZED_ACCOUNT"),
        Bar::Throttled => ApiError::new(400, "RequestThrottledException", "Rate exceeded").with("Reason", "ACCOUNT_THROTTLED"),
    }
}

/// Refuses a snapshot that was just started and is not seen yet.
fn refuse_unseen(twin: &Twin, call: &Call, id: &SnapshotId) -> Result<(), ApiError> {
    let now = twin.clock().now();
    let unseen = twin.read(|state| state.regions.get(&call.region).is_some_and(|here| here.is_unseen(id.as_str(), now)));
    if unseen { Err(faults::snapshot_not_found(id.as_str())) } else { Ok(()) }
}

/// The number of blocks of 512 KiB in a GiB.
const BLOCKS_PER_GIB: u64 = (1 << 30) / BLOCK_SIZE_BYTES as u64;

fn snapshot_id(text: &str) -> Result<SnapshotId, ApiError> {
    text.parse().map_err(|_| faults::validation("INVALID_SNAPSHOT_ID", format!("The snapshot ID '{text}' is malformed")))
}

fn find<'a>(state: &'a State, region: &Region, id: &SnapshotId) -> Result<&'a Snapshot, ApiError> {
    state.regions.get(region).and_then(|here| here.snapshots.get(id.as_str())).ok_or_else(|| faults::snapshot_not_found(id.as_str()))
}

fn checksum_headers(reply: &mut Reply, checksum: &str) {
    if let Ok(value) = HeaderValue::from_str(checksum) {
        reply.headers_mut().insert("x-amz-checksum", value);
        reply.headers_mut().insert("x-amz-checksum-algorithm", HeaderValue::from_static("SHA256"));
    }
}
