//! Writing: an upload is started, gets its blocks, and is completed or given up.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::parameters::{check_names, header, require};
use super::read::{NO_VOLUME, check_index, readable};
use super::{checksum_headers, faults, find, snapshot_id};
use crate::model::digest::{BLOCK_SIZE_BYTES, Digest};
use crate::model::ids::{Region, SnapshotId};
use crate::twin::blocks::ZERO_BLOCK;
use crate::twin::error::{self, ApiError};
use crate::twin::limits;
use crate::twin::state::{ClientToken, RegionState, Snapshot, State, Tags, Upload};
use crate::twin::table::{self, Row};
use crate::twin::{Call, Reply, Twin};

/// The largest volume in GiB.
///
/// Source: <https://docs.aws.amazon.com/ebs/latest/APIReference/API_StartSnapshot.html>
const MOST_GIB: u64 = 65_536;

/// Limits of the timeout in minutes, and what it is when not given.
///
/// Source: <https://docs.aws.amazon.com/ebs/latest/APIReference/API_StartSnapshot.html>
const TIMEOUT_MINUTES: std::ops::RangeInclusive<u32> = 10..=4320;
const DEFAULT_TIMEOUT_MINUTES: u32 = 60;

/// How exactly the time of the last block is kept: the state is not written for every block.
const TOUCH: SignedDuration = SignedDuration::from_mins(1);

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct StartRequest {
    volume_size: u64,
    parent_snapshot_id: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    description: String,
    client_token: Option<String>,
    encrypted: Option<bool>,
    kms_key_arn: Option<String>,
    timeout: Option<u32>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Tag {
    key: String,
    value: String,
}

/// `StartSnapshot`
pub(super) fn start(twin: &Twin, call: &Call, operation: &Row) -> Result<Reply, ApiError> {
    let unreadable = |e: serde_json::Error| faults::parameter(format!("The request can't be read: {e}"));
    let json: serde_json::Value = serde_json::from_slice(&call.body).map_err(unreadable)?;
    check_names(operation, &table::names(&json))?;
    let mut request: StartRequest = serde_json::from_value(json).map_err(unreadable)?;
    let tags = request.check()?;
    let token = request.client_token.take();
    let digest = Digest::of_parts([b"StartSnapshot".as_slice(), json!(request).to_string().as_bytes()]);
    let now = twin.clock().now();
    let snapshot = twin.change(|state| {
        if let Some(earlier) = token.as_ref().and_then(|token| earlier(state, &call.region, token)) {
            return if earlier.0 == digest { Ok(earlier.1) } else { Err(faults::token_conflict()) };
        }
        let snapshot = request.begin(state, &call.region, tags, now)?;
        twin.blocks().begin_upload(&call.region, &snapshot.id)?;
        let here = state.regions.entry(call.region.clone()).or_default();
        let timeout_minutes = request.timeout.unwrap_or(DEFAULT_TIMEOUT_MINUTES);
        here.uploads.insert(snapshot.id.clone(), Upload { timeout_minutes, touched: now });
        here.born(&snapshot.id, twin.windows(), now);
        here.snapshots.insert(snapshot.id.clone(), snapshot.clone());
        if let Some(token) = token {
            here.snapshot_tokens.insert(token, ClientToken { parameters: digest, made: snapshot.id.clone() });
        }
        Ok(snapshot)
    })?;
    let mut reply = error::json("application/json", &shown(&snapshot, now));
    *reply.status_mut() = StatusCode::CREATED;
    Ok(reply)
}

/// `PutSnapshotBlock`
pub(super) fn put_block(twin: &Twin, call: &Call, id: &SnapshotId, index: u32) -> Result<Reply, ApiError> {
    require(call, "x-amz-data-length", &BLOCK_SIZE_BYTES.to_string())?;
    require(call, "x-amz-checksum-algorithm", "SHA256")?;
    if call.headers.contains_key(http::header::CONTENT_ENCODING) {
        return Err(faults::validation("INVALID_CONTENT_ENCODING", "A block has no content encoding"));
    }
    // Only ever shown while the upload goes on; the twin shows none.
    if header(call, "x-amz-progress").is_some_and(|text| !text.parse::<u8>().is_ok_and(|percent| percent <= 100)) {
        return Err(faults::parameter("x-amz-Progress must be a number from 0 to 100"));
    }
    if call.body.len() != BLOCK_SIZE_BYTES {
        let message = format!("The block has {} bytes, not {BLOCK_SIZE_BYTES}", call.body.len());
        return Err(faults::validation("INVALID_BLOCK", message));
    }
    let digest = Digest::of(&call.body);
    let checksum = STANDARD.encode(digest.as_bytes());
    require(call, "x-amz-checksum", &checksum)?;

    // Until this is let go of, the upload can't be completed.
    let _putting = twin.uploading.read().unwrap_or_else(|e| e.into_inner());
    let now = twin.clock().now();
    let touched = twin.read(|state| {
        let (snapshot, upload) = open_upload(state, &call.region, id)?;
        check_index(index, snapshot.size_gib).map(|()| upload.touched)
    })?;
    if now.duration_since(touched) >= TOUCH {
        twin.change(|state| touch(state, &call.region, id, now))?;
    }
    if digest != *ZERO_BLOCK {
        twin.blocks().put(&call.body)?;
    }
    twin.blocks().add_to_upload(&call.region, id.as_str(), index, &digest)?;
    let mut reply = error::json("application/json", &json!({}));
    *reply.status_mut() = StatusCode::CREATED;
    checksum_headers(&mut reply, &checksum);
    Ok(reply)
}

/// `CompleteSnapshot`
pub(super) fn complete(twin: &Twin, call: &Call, id: &SnapshotId) -> Result<Reply, ApiError> {
    let count: usize = header(call, "x-amz-changedblockscount")
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| faults::parameter("x-amz-ChangedBlocksCount must be the number of blocks written"))?;
    let _completing = twin.uploading.write().unwrap_or_else(|e| e.into_inner());
    let parent = twin.read(|state| open_upload(state, &call.region, id).map(|(snapshot, _)| snapshot.parent.clone()))?;
    let written = twin.blocks().upload(&call.region, id.as_str())?;
    if count != written.len() {
        return Err(faults::parameter(format!("ChangedBlocksCount is {count}, but {} blocks were written", written.len())));
    }
    check_linear_checksum(call, written.values())?;

    // The upload's own map stays until the state says that it is complete, so all of this can be done again.
    let mut map = match &parent {
        Some(parent) => twin.blocks().map(&call.region, parent)?,
        None => Default::default(),
    };
    map.extend(written);
    map.retain(|_, digest| *digest != *ZERO_BLOCK);
    twin.blocks().save_map(&call.region, id.as_str(), &map)?;
    let now = twin.clock().now();
    let ready_at = now.saturating_add(twin.upload_delay()).unwrap_or(now);
    let status = twin.change(|state| {
        open_upload(state, &call.region, id)?;
        let here = state.regions.entry(call.region.clone()).or_default();
        here.uploads.remove(id.as_str());
        let snapshot = here.snapshots.get_mut(id.as_str()).ok_or_else(|| faults::snapshot_not_found(id.as_str()))?;
        snapshot.ready_at = Some(ready_at);
        Ok::<_, ApiError>(status(snapshot, now))
    })?;
    twin.blocks().end_upload(&call.region, id.as_str())?;
    let mut reply = error::json("application/json", &json!({ "Status": status }));
    *reply.status_mut() = StatusCode::ACCEPTED;
    Ok(reply)
}

impl Twin {
    /// Gives up the uploads whose time is over: their snapshots fail.
    pub(in crate::twin) fn expire_uploads(&self) -> Result<(), ApiError> {
        let now = self.clock().now();
        let is_over = |upload: &Upload| now.duration_since(upload.touched) > SignedDuration::from_mins(upload.timeout_minutes.into());
        if !self.read(|state| state.regions.values().any(|here| here.uploads.values().any(is_over))) {
            return Ok(());
        }
        self.change(|state| {
            for (region, here) in &mut state.regions {
                for (id, _) in here.uploads.extract_if(.., |_, upload| is_over(upload)) {
                    self.blocks().end_upload(region, &id)?;
                    if let Some(snapshot) = here.snapshots.get_mut(&id) {
                        snapshot.failed = Some("The upload was not completed in time".to_owned());
                    }
                }
            }
            Ok(())
        })
    }
}

impl StartRequest {
    /// Checks what can be checked without the state; returns the tags.
    fn check(&self) -> Result<Tags, ApiError> {
        if !(1..=MOST_GIB).contains(&self.volume_size) {
            let message = format!("VolumeSize must be between 1 and {MOST_GIB} GiB, not {}", self.volume_size);
            return Err(faults::validation("INVALID_VOLUME_SIZE", message));
        }
        if self.timeout.is_some_and(|minutes| !TIMEOUT_MINUTES.contains(&minutes)) {
            return Err(faults::parameter("Timeout must be between 10 and 4320 minutes"));
        }
        if self.description.chars().count() > 255 {
            return Err(faults::parameter("Description must not be longer than 255 characters"));
        }
        if self.client_token.as_ref().is_some_and(|t| t.is_empty() || t.len() > 255 || t.contains(char::is_whitespace)) {
            return Err(faults::parameter("ClientToken must be 1 to 255 characters without spaces"));
        }
        if self.parent_snapshot_id.is_some() && (self.encrypted.is_some() || self.kms_key_arn.is_some()) {
            return Err(faults::parameter("ParentSnapshotId can't be combined with Encrypted or KmsKeyArn"));
        }
        self.check_tags()
    }

    fn check_tags(&self) -> Result<Tags, ApiError> {
        let mut tags = Tags::new();
        for Tag { key, value } in &self.tags {
            let is_valid = (1..=127).contains(&key.chars().count()) && value.chars().count() <= 255 && !key.starts_with("aws:");
            if !is_valid || tags.insert(key.clone(), value.clone()).is_some() || tags.len() > 50 {
                return Err(faults::validation("INVALID_TAG", format!("The tag {key:?} is not valid, or given twice, or one too many")));
            }
        }
        Ok(tags)
    }

    fn begin(&self, state: &mut State, region: &Region, tags: Tags, now: Timestamp) -> Result<Snapshot, ApiError> {
        let parent = match &self.parent_snapshot_id {
            Some(id) => Some(readable(state, region, &snapshot_id(id)?, now)?.clone()),
            None => None,
        };
        if let Some(parent) = parent.as_ref().filter(|parent| parent.size_gib > self.volume_size) {
            let message = format!("VolumeSize must not be less than the parent's {} GiB", parent.size_gib);
            return Err(faults::validation("INVALID_VOLUME_SIZE", message));
        }
        let pending = |here: &RegionState| here.snapshots.values().filter(|s| status(s, now) == "pending").count();
        let most = state.quota(&limits::PENDING_SNAPSHOTS);
        if state.regions.get(region).map_or(0, pending) >= most {
            return Err(faults::too_many_pending(most));
        }
        let kms_key = self.kms_key(state, region, parent.as_ref())?;
        Ok(Snapshot {
            id: state.new_id("snap-"),
            description: self.description.clone(),
            owner: state.account.clone(),
            volume: NO_VOLUME.to_owned(),
            size_gib: self.volume_size,
            encrypted: kms_key.is_some(),
            kms_key,
            parent: parent.map(|parent| parent.id),
            copied_from: None,
            created: now,
            ready_at: None,
            failed: None,
            readers: BTreeSet::new(),
            public: false,
            tags,
        })
    }

    /// Chooses the key that the snapshot is encrypted with, if it is.
    ///
    /// Source: <https://docs.aws.amazon.com/ebs/latest/userguide/ebsapis-using-encryption.html>
    fn kms_key(&self, state: &State, region: &Region, parent: Option<&Snapshot>) -> Result<Option<String>, ApiError> {
        let by_default = state.regions.get(region).is_some_and(|here| here.encrypt_by_default);
        let default_key = || format!("arn:aws:kms:{region}:{}:alias/aws/ebs", state.account);
        if let Some(parent) = parent.filter(|parent| parent.encrypted) {
            return Ok(Some(parent.kms_key.clone().unwrap_or_else(default_key)));
        }
        if by_default && self.encrypted == Some(false) {
            return Err(faults::parameter("Encrypted can't be false while the account encrypts by default"));
        }
        let encrypted = by_default || self.encrypted == Some(true);
        match &self.kms_key_arn {
            Some(_) if !encrypted => Err(faults::parameter("KmsKeyArn can't be given for a snapshot that is not encrypted")),
            Some(key) if !(key.starts_with("arn:aws") && key.contains(":kms:") && key.contains(":key/")) => {
                Err(faults::validation("INVALID_CUSTOMER_KEY", format!("'{key}' is not the ARN of a key")))
            }
            Some(key) => Ok(Some(key.clone())),
            None => Ok(encrypted.then(default_key)),
        }
    }
}

/// What an earlier request with this token was, and the snapshot that it made, if that is still there.
fn earlier(state: &State, region: &Region, token: &str) -> Option<(Digest, Snapshot)> {
    let here = state.regions.get(region)?;
    let used = here.snapshot_tokens.get(token)?;
    Some((used.parameters, here.snapshots.get(&used.made)?.clone()))
}

fn open_upload<'a>(state: &'a State, region: &Region, id: &SnapshotId) -> Result<(&'a Snapshot, &'a Upload), ApiError> {
    let snapshot = find(state, region, id)?;
    if snapshot.owner != state.account {
        return Err(faults::access_denied(id.as_str()));
    }
    match state.regions.get(region).and_then(|here| here.uploads.get(id.as_str())) {
        Some(upload) => Ok((snapshot, upload)),
        None => Err(faults::validation("INVALID_SNAPSHOT_ID", format!("The snapshot '{id}' is not open for writing"))),
    }
}

fn touch(state: &mut State, region: &Region, id: &SnapshotId, now: Timestamp) -> Result<(), ApiError> {
    if let Some(upload) = state.regions.get_mut(region).and_then(|here| here.uploads.get_mut(id.as_str())) {
        upload.touched = now;
    }
    Ok(())
}

/// Checks the checksum over all blocks' checksums, when it is given.
fn check_linear_checksum<'a>(call: &Call, digests: impl Iterator<Item = &'a Digest>) -> Result<(), ApiError> {
    let names = ["x-amz-checksum", "x-amz-checksum-algorithm", "x-amz-checksum-aggregation-method"];
    if names.iter().all(|name| !call.headers.contains_key(*name)) {
        return Ok(());
    }
    require(call, "x-amz-checksum-algorithm", "SHA256")?;
    require(call, "x-amz-checksum-aggregation-method", "LINEAR")?;
    let linear = Digest::of(digests.flat_map(|digest| *digest.as_bytes()).collect::<Vec<u8>>());
    require(call, "x-amz-checksum", &STANDARD.encode(linear.as_bytes()))
}

fn status(snapshot: &Snapshot, now: Timestamp) -> &'static str {
    match (&snapshot.failed, snapshot.ready_at) {
        (Some(_), _) => "error",
        (None, Some(ready)) if ready <= now => "completed",
        _ => "pending",
    }
}

fn shown(snapshot: &Snapshot, now: Timestamp) -> serde_json::Value {
    let mut body = json!({
        "SnapshotId": snapshot.id,
        "OwnerId": snapshot.owner,
        "Status": status(snapshot, now),
        "StartTime": snapshot.created.as_second(),
        "VolumeSize": snapshot.size_gib,
        "BlockSize": BLOCK_SIZE_BYTES,
        "Tags": snapshot.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect::<Vec<_>>(),
        "Description": snapshot.description,
    });
    if let Some(parent) = &snapshot.parent {
        body["ParentSnapshotId"] = json!(parent);
    }
    if let Some(key) = &snapshot.kms_key {
        body["KmsKeyArn"] = json!(key);
    }
    body
}
