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
use super::state::{Snapshot, State};
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

fn answer(twin: &Twin, call: &Call) -> Result<Reply, ApiError> {
    let path: Vec<&str> = call.uri.path().split('/').skip(1).collect();
    let parameters = Parameters::of(call)?;
    match (&call.method, &path[..]) {
        (&Method::POST, ["snapshots"]) => {
            parameters.only(&[])?;
            write::start(twin, call)
        }
        (&Method::POST, ["snapshots", "completion", snapshot]) => {
            parameters.only(&[])?;
            write::complete(twin, call, &snapshot_id(snapshot)?)
        }
        (&Method::PUT, ["snapshots", snapshot, "blocks", index]) => {
            parameters.only(&[])?;
            write::put_block(twin, call, &snapshot_id(snapshot)?, block_index(index)?)
        }
        (&Method::GET, ["snapshots", snapshot, "blocks", index]) => {
            parameters.only(&["blockToken"])?;
            read::get_block(twin, call, &parameters, &snapshot_id(snapshot)?, block_index(index)?)
        }
        (&Method::GET, ["snapshots", snapshot, "blocks"]) => {
            parameters.only(&["maxResults", "pageToken", "startingBlockIndex"])?;
            read::list_blocks(twin, call, &parameters, &snapshot_id(snapshot)?)
        }
        (&Method::GET, ["snapshots", second, "changedblocks"]) => {
            parameters.only(&["firstSnapshotId", "maxResults", "pageToken", "startingBlockIndex"])?;
            read::list_changed_blocks(twin, call, &parameters, &snapshot_id(second)?)
        }
        _ => Err(ApiError::new(404, "UnknownOperationException", format!("EBS direct has no {} {}", call.method, call.uri.path()))),
    }
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
