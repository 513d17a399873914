//! Reading: lists of blocks, lists of changes, blocks.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::parameters::Parameters;
use super::tokens::Tokens;
use super::{BLOCKS_PER_GIB, checksum_headers, faults, find, snapshot_id};
use crate::model::digest::{BLOCK_SIZE_BYTES, Digest};
use crate::model::ids::{Region, SnapshotId};
use crate::twin::error::{self, ApiError};
use crate::twin::state::{Snapshot, State};
use crate::twin::{Call, Reply, Twin};

/// The volume that copies and uploads are said to be made from.
pub(super) const NO_VOLUME: &str = "vol-ffffffff";

/// `ListSnapshotBlocks`
pub(super) fn list_blocks(twin: &Twin, call: &Call, parameters: &Parameters, id: &SnapshotId) -> Result<Reply, ApiError> {
    let now = twin.clock().now();
    let size_gib = twin.read(|state| readable(state, &call.region, id, now).map(|snapshot| snapshot.size_gib))?;
    let map = twin.blocks().map(&call.region, id.as_str())?;
    let tokens = tokens(twin, now);
    page(parameters, &tokens, "Blocks", &format!("blocks {id}"), size_gib, &map, |index, digest| {
        Some(json!({ "BlockIndex": index, "BlockToken": tokens.block(id.as_str(), index, digest) }))
    })
}

/// `ListChangedBlocks`
pub(super) fn list_changed_blocks(twin: &Twin, call: &Call, parameters: &Parameters, second: &SnapshotId) -> Result<Reply, ApiError> {
    let Some(first) = parameters.get("firstSnapshotId") else {
        return Err(faults::parameter("FirstSnapshotId must be specified with SecondSnapshotId"));
    };
    let first = snapshot_id(first)?;
    let now = twin.clock().now();
    let size_gib = twin.read(|state| {
        let (a, b) = (readable(state, &call.region, &first, now)?, readable(state, &call.region, second, now)?);
        if lineage(state, &call.region, a) != lineage(state, &call.region, b) {
            let message = format!("{first} and {second} are not related");
            return Err(faults::validation("UNRELATED_SNAPSHOTS", message));
        }
        Ok(b.size_gib)
    })?;
    let blocks = twin.blocks();
    let (a, b) = (blocks.map(&call.region, first.as_str())?, blocks.map(&call.region, second.as_str())?);
    let pair = |index: &u32| (*index, (a.get(index).copied(), b.get(index).copied()));
    let pairs: BTreeMap<u32, (Option<Digest>, Option<Digest>)> = a.keys().chain(b.keys()).map(pair).collect();
    let tokens = tokens(twin, now);
    page(parameters, &tokens, "ChangedBlocks", &format!("changes {first} {second}"), size_gib, &pairs, |index, (a, b)| {
        if a == b {
            return None;
        }
        let mut block = json!({ "BlockIndex": index });
        if let Some(digest) = a {
            block["FirstBlockToken"] = tokens.block(first.as_str(), index, digest).into();
        }
        if let Some(digest) = b {
            block["SecondBlockToken"] = tokens.block(second.as_str(), index, digest).into();
        }
        Some(block)
    })
}

/// `GetSnapshotBlock`
pub(super) fn get_block(twin: &Twin, call: &Call, parameters: &Parameters, id: &SnapshotId, index: u32) -> Result<Reply, ApiError> {
    let now = twin.clock().now();
    let size_gib = twin.read(|state| readable(state, &call.region, id, now).map(|snapshot| snapshot.size_gib))?;
    check_index(index, size_gib)?;
    let Some(token) = parameters.get("blockToken") else {
        return Err(faults::validation("INVALID_BLOCK_TOKEN", "BlockToken is missing"));
    };
    let digest = tokens(twin, now).open_block(token, id.as_str(), index)?;
    let mut reply = Reply::new(twin.blocks().read(&digest)?);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    reply.headers_mut().insert("x-amz-data-length", HeaderValue::from(BLOCK_SIZE_BYTES));
    checksum_headers(&mut reply, &STANDARD.encode(digest.as_bytes()));
    Ok(reply)
}

/// Refuses a block beyond the volume's end.
pub(super) fn check_index(index: u32, size_gib: u64) -> Result<(), ApiError> {
    if u64::from(index) < size_gib * BLOCKS_PER_GIB {
        return Ok(());
    }
    Err(faults::validation("INVALID_BLOCK", format!("The block index {index} lies beyond the volume of {size_gib} GiB")))
}

/// Finds a snapshot that may be read: complete, and owned or shared with the account itself.
///
/// What is public, or the Marketplace's, can be launched but not read.
/// Source: <https://docs.aws.amazon.com/ebs/latest/userguide/ebsapi-faq.html>
pub(super) fn readable<'a>(state: &'a State, region: &Region, id: &SnapshotId, now: Timestamp) -> Result<&'a Snapshot, ApiError> {
    let snapshot = find(state, region, id)?;
    if snapshot.owner != state.account && !snapshot.readers.contains(state.account.as_str()) {
        return Err(faults::access_denied(id.as_str()));
    }
    if snapshot.failed.is_some() || snapshot.ready_at.is_none_or(|ready| ready > now) {
        return Err(faults::validation("INVALID_SNAPSHOT_ID", format!("The snapshot '{id}' is not in the completed state")));
    }
    Ok(snapshot)
}

fn tokens(twin: &Twin, now: Timestamp) -> Tokens {
    Tokens::new(twin.credentials().1, now)
}

/// Answers one page of a listing: of so many entries, though not all of them are shown. So a page can be empty, and others
/// follow it.
///
/// Source: <https://docs.aws.amazon.com/ebs/latest/userguide/readsnapshots.html>
fn page<T>(
    parameters: &Parameters,
    tokens: &Tokens,
    member: &str,
    listing: &str,
    size_gib: u64,
    entries: &BTreeMap<u32, T>,
    show: impl Fn(u32, &T) -> Option<Value>,
) -> Result<Reply, ApiError> {
    let size = parameters.page_size()?;
    let start = match parameters.get("pageToken") {
        Some(token) => tokens.open_page(token, listing)?,
        None => parameters.starting_index()?,
    };
    let mut rest = entries.range(start..);
    let shown: Vec<Value> = rest.by_ref().take(size).filter_map(|(index, entry)| show(*index, entry)).collect();
    let mut body = json!({
        member: shown,
        "ExpiryTime": tokens.block_expiry().as_second(),
        "VolumeSize": size_gib,
        "BlockSize": BLOCK_SIZE_BYTES,
    });
    if let Some((next, _)) = rest.next() {
        body["NextToken"] = tokens.page(listing, *next).into();
    }
    Ok(error::json("application/json", &body))
}

/// Returns the oldest thing known that a snapshot's blocks come from: a snapshot, or a volume.
fn lineage<'a>(state: &'a State, region: &Region, snapshot: &'a Snapshot) -> &'a str {
    let Some(here) = state.regions.get(region) else { return &snapshot.id };
    let mut oldest = snapshot;
    // A snapshot is older than what is made from it, so this ends; the count guards against a spoilt file.
    for _ in 0..here.snapshots.len() {
        let from_volume = || here.volumes.get(&oldest.volume).and_then(|volume| volume.snapshot.as_ref());
        let Some(from) = oldest.parent.as_ref().or_else(from_volume) else { break };
        match here.snapshots.get(from) {
            Some(older) => oldest = older,
            // It is gone, and what came of it is kin all the same.
            None => return from,
        }
    }
    if oldest.volume == NO_VOLUME { &oldest.id } else { &oldest.volume }
}
