//! Listing objects: by prefix, folded at a delimiter, page by page.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Bound;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::dto::{
    ChecksumAlgorithm, CommonPrefix, ETag, EncodingType, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output,
    ObjectStorageClass, Owner,
};

use super::call::{Call, refuse, signed, when};
use super::read;
use super::state::Object;
use crate::twin::error::ApiError;

/// How many entries a page has at most.
const MOST_A_PAGE: i32 = 1000;

pub(super) async fn objects(call: &Call<'_>, input: ListObjectsV2Input) -> Result<ListObjectsV2Output, ApiError> {
    refuse!(input: optional_object_attributes, request_payer);
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    let encode = encoder(input.encoding_type.as_ref())?;
    let after = match (&input.continuation_token, &input.start_after) {
        (Some(token), _) => After::of_token(token)?,
        (None, Some(key)) => After::Key(key.clone()),
        (None, None) => After::Nothing,
    };
    let most = page_size(input.max_keys)?;
    let owner = (input.fetch_owner == Some(true)).then(|| owner(call));
    let (prefix, delimiter) = (input.prefix.as_deref().unwrap_or_default(), input.delimiter.as_deref());
    let page = find(call, &input.bucket, prefix, delimiter, after, most)?;
    Ok(ListObjectsV2Output {
        key_count: i32::try_from(page.entries.len()).ok(),
        is_truncated: Some(page.more),
        next_continuation_token: page.last().filter(|_| page.more).map(|last| last.to_token()),
        contents: page.contents(encode, owner.as_ref()),
        common_prefixes: page.common_prefixes(encode),
        name: Some(input.bucket),
        prefix: Some(encode(prefix)),
        max_keys: i32::try_from(most).ok(),
        continuation_token: input.continuation_token,
        delimiter: delimiter.map(encode),
        start_after: input.start_after.as_deref().map(encode),
        encoding_type: input.encoding_type,
        request_charged: None,
    })
}

pub(super) async fn objects_first_version(call: &Call<'_>, input: ListObjectsInput) -> Result<ListObjectsOutput, ApiError> {
    refuse!(input: optional_object_attributes, request_payer);
    call.check_owner(input.expected_bucket_owner.as_ref())?;
    let encode = encoder(input.encoding_type.as_ref())?;
    let most = page_size(input.max_keys)?;
    let (prefix, delimiter) = (input.prefix.as_deref().unwrap_or_default(), input.delimiter.as_deref());
    let after = match (&input.marker, delimiter) {
        (Some(marker), Some(delimiter)) if !delimiter.is_empty() && marker.ends_with(delimiter) => After::Prefix(marker.clone()),
        (Some(marker), _) => After::Key(marker.clone()),
        (None, _) => After::Nothing,
    };
    let page = find(call, &input.bucket, prefix, delimiter, after, most)?;
    Ok(ListObjectsOutput {
        is_truncated: Some(page.more),
        // Without a delimiter the last key says where to go on.
        next_marker: page.last().filter(|_| page.more && delimiter.is_some()).map(|last| encode(last.text())),
        contents: page.contents(encode, Some(&owner(call))),
        common_prefixes: page.common_prefixes(encode),
        name: Some(input.bucket),
        prefix: Some(encode(prefix)),
        marker: Some(encode(input.marker.as_deref().unwrap_or_default())),
        max_keys: i32::try_from(most).ok(),
        delimiter: delimiter.map(encode),
        encoding_type: input.encoding_type,
        request_charged: None,
    })
}

/// Where a page begins: after a key, or after all keys of a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
enum After {
    Nothing,
    Key(String),
    Prefix(String),
}

impl After {
    fn text(&self) -> &str {
        match self {
            Self::Nothing => "",
            Self::Key(text) | Self::Prefix(text) => text,
        }
    }

    fn to_token(&self) -> String {
        let kind = if matches!(self, Self::Prefix(_)) { 'p' } else { 'k' };
        URL_SAFE_NO_PAD.encode(format!("{kind}{}", self.text()))
    }

    fn of_token(token: &str) -> Result<Self, ApiError> {
        let text = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        match (text.strip_prefix('k'), text.strip_prefix('p')) {
            (Some(key), _) => Ok(Self::Key(key.to_owned())),
            (_, Some(prefix)) => Ok(Self::Prefix(prefix.to_owned())),
            _ => Err(ApiError::new(400, "InvalidArgument", "The continuation token provided is incorrect")),
        }
    }
}

#[derive(Debug, PartialEq)]
enum Entry<T> {
    Object(String, T),
    Prefix(String),
}

struct Page<T> {
    entries: Vec<Entry<T>>,
    more: bool,
}

impl<T> Page<T> {
    fn last(&self) -> Option<After> {
        self.entries.last().map(|entry| match entry {
            Entry::Object(key, _) => After::Key(key.clone()),
            Entry::Prefix(prefix) => After::Prefix(prefix.clone()),
        })
    }
}

/// Collects a page; what lies below a common prefix is skipped, not walked.
fn walk<T: Clone>(objects: &BTreeMap<String, T>, prefix: &str, delimiter: Option<&str>, after: After, most: usize) -> Page<T> {
    let mut entries: Vec<Entry<T>> = Vec::new();
    let mut after = after;
    loop {
        let from = match &after {
            After::Nothing => Bound::Included(prefix),
            After::Key(key) if key.as_str() < prefix => Bound::Included(prefix),
            After::Prefix(skipped) if skipped.as_str() < prefix => Bound::Included(prefix),
            After::Key(key) => Bound::Excluded(key.as_str()),
            After::Prefix(skipped) => Bound::Included(skipped.as_str()),
        };
        let skipped = if let After::Prefix(skipped) = &after { Some(skipped.as_str()) } else { None };
        let mut found = objects.range::<str, _>((from, Bound::Unbounded)).filter(|(key, _)| !skipped.is_some_and(|s| key.starts_with(s)));
        let Some((key, object)) = found.next().filter(|(key, _)| key.starts_with(prefix)) else { return Page { entries, more: false } };
        if entries.len() == most {
            return Page { entries, more: most > 0 };
        }
        let folded =
            delimiter.filter(|d| !d.is_empty()).and_then(|d| key[prefix.len()..].find(d).map(|at| &key[..prefix.len() + at + d.len()]));
        if let Some(folded) = folded {
            entries.push(Entry::Prefix(folded.to_owned()));
            after = After::Prefix(folded.to_owned());
        } else {
            entries.push(Entry::Object(key.clone(), object.clone()));
            after = After::Key(key.clone());
        }
    }
}

fn find(call: &Call<'_>, bucket: &str, prefix: &str, delimiter: Option<&str>, after: After, most: usize) -> Result<Page<Object>, ApiError> {
    call.twin.read(|state| Ok(walk(&state.s3.at(bucket, &call.region)?.objects, prefix, delimiter, after, most)))
}

impl Page<Object> {
    fn contents(&self, encode: fn(&str) -> String, owner: Option<&Owner>) -> Option<Vec<s3s::dto::Object>> {
        let objects = self.entries.iter().filter_map(|entry| match entry {
            Entry::Object(key, object) => Some(s3s::dto::Object {
                checksum_algorithm: Some(vec![ChecksumAlgorithm::from_static(object.checksum.algorithm.name())]),
                checksum_type: Some(read::kind(&object.checksum)),
                e_tag: Some(ETag::Strong(object.etag.clone())),
                key: Some(encode(key)),
                last_modified: Some(when(object.modified)),
                owner: owner.cloned(),
                restore_status: None,
                size: Some(signed(object.size_bytes)),
                storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
            }),
            Entry::Prefix(_) => None,
        });
        Some(objects.collect())
    }

    fn common_prefixes(&self, encode: fn(&str) -> String) -> Option<Vec<CommonPrefix>> {
        let prefixes = self.entries.iter().filter_map(|entry| match entry {
            Entry::Prefix(prefix) => Some(CommonPrefix { prefix: Some(encode(prefix)) }),
            Entry::Object(..) => None,
        });
        Some(prefixes.collect())
    }
}

pub(super) fn owner(call: &Call<'_>) -> Owner {
    owner_of(call.twin.account().as_str())
}

pub(super) fn owner_of(account: &str) -> Owner {
    Owner { display_name: None, id: Some(account.to_owned()) }
}

fn page_size(asked: Option<i32>) -> Result<usize, ApiError> {
    let asked = asked.unwrap_or(MOST_A_PAGE).min(MOST_A_PAGE);
    usize::try_from(asked)
        .map_err(|_| ApiError::new(400, "InvalidArgument", "Argument maxKeys must be an integer between 0 and 2147483647"))
}

/// Keys may hold what XML can't; clients ask for them encoded then.
fn encoder(asked: Option<&EncodingType>) -> Result<fn(&str) -> String, ApiError> {
    match asked.map(EncodingType::as_str) {
        None => Ok(str::to_owned),
        Some(EncodingType::URL) => Ok(url_encode),
        Some(_) => Err(ApiError::new(400, "InvalidArgument", "Invalid Encoding Method specified in Request")),
    }
}

fn url_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a page by page walk gives in all.
    fn all(objects: &BTreeMap<String, ()>, prefix: &str, delimiter: Option<&str>, most: usize) -> Vec<Entry<()>> {
        let (mut entries, mut after) = (Vec::new(), After::Nothing);
        loop {
            let page = walk(objects, prefix, delimiter, after.clone(), most);
            assert!(page.entries.len() <= most);
            let last = page.last();
            entries.extend(page.entries);
            if !page.more {
                return entries;
            }
            after = After::of_token(&last.unwrap().to_token()).unwrap();
        }
    }

    proptest! {
        #[test]
        fn pages_add_up_to_what_one_page_holds(
            keys in prop::collection::btree_set("[ab/é]{1,5}", 0..30),
            prefix in "[ab/]{0,2}",
            fold in any::<bool>(),
            most in 1_usize..5,
        ) {
            let objects: BTreeMap<String, ()> = keys.iter().map(|key| (key.clone(), ())).collect();
            let delimiter = fold.then_some("/");
            let mut expected: Vec<Entry<()>> = Vec::new();
            for key in keys.iter().filter(|key| key.starts_with(&prefix)) {
                let entry = match key[prefix.len()..].find('/') {
                    Some(at) if fold => Entry::Prefix(key[..prefix.len() + at + 1].to_owned()),
                    _ => Entry::Object(key.clone(), ()),
                };
                if !expected.contains(&entry) {
                    expected.push(entry);
                }
            }
            prop_assert_eq!(all(&objects, &prefix, delimiter, most), expected);
        }
    }

    #[test]
    fn a_page_of_nothing_promises_nothing() {
        let objects = BTreeMap::from([("a".to_owned(), ())]);
        let page = walk(&objects, "", None, After::Nothing, 0);
        assert!(page.entries.is_empty() && !page.more);
    }
}
