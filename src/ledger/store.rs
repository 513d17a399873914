//! The object store under the ledger, and what binds it to an account.

use std::path::Path as FilePath;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutOptions};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::lease::Hold;
use crate::model::digest::Digest;
use crate::model::ids::{AccountId, RunId};
use crate::model::record::Claim;
use crate::model::target::BucketPlace;

/// How many objects are read at once: on S3 each takes a journey of its own.
const READS_IN_FLIGHT: usize = 16;

/// The records, claims and journals of one target and account.
#[derive(Debug, Clone)]
pub struct Ledger {
    objects: Arc<dyn ObjectStore>,
    place: String,
    binding: Binding,
}

/// What a ledger is bound to: written once, checked whenever it is opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// The format of the ledger: 1.
    pub format: u32,
    /// `twin` or `aws`.
    pub target: String,
    /// The account.
    pub account: AccountId,
}

/// A ledger that could not be read or written, or does not hold together.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The folder can't be used.
    #[error("the ledger's folder {place} can't be used")]
    Folder {
        /// Where.
        place: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Reading or writing an object failed.
    #[error("the ledger's object {object} in {place} can't be used")]
    Object {
        /// Where the ledger lies.
        place: String,
        /// The object in it.
        object: String,
        /// Why.
        #[source]
        source: Box<object_store::Error>,
    },
    /// An object is not what it should be.
    #[error("the ledger's object {object} in {place} can't be read")]
    Content {
        /// Where the ledger lies.
        place: String,
        /// The object in it.
        object: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The ledger is another target's or account's.
    #[error("the ledger in {place} is bound to {} {}, not to {} {}", found.target, found.account, wanted.target, wanted.account)]
    Bound {
        /// Where the ledger lies.
        place: String,
        /// What it is bound to.
        found: Binding,
        /// What it should be bound to.
        wanted: Binding,
    },
    /// A chain has a gap, a fork or a changed record.
    #[error("the chain of {variant} in {place} is broken at record {sequence}: {reason}")]
    Chain {
        /// Where the ledger lies.
        place: String,
        /// Whose chain.
        variant: String,
        /// The record that doesn't fit.
        sequence: u64,
        /// What doesn't fit.
        reason: String,
    },
    /// What belongs to a record isn't what the record names by its digest.
    #[error("{object} in {place} was changed since its record was sealed")]
    Changed {
        /// Where the ledger lies.
        place: String,
        /// Which object.
        object: String,
    },
    /// Someone else wrote what was to be written.
    #[error("{object} in {place} was written by another bakehouse at the same time")]
    Taken {
        /// Where the ledger lies.
        place: String,
        /// The object.
        object: String,
    },
    /// Another run has the version.
    #[error("version {} of {} is claimed by run {} (since {:.0})", held.version, held.variant, held.run, held.at)]
    Claimed {
        /// Where the ledger lies.
        place: String,
        /// Its claim.
        held: Box<Claim>,
    },
    /// Another runner is at work on the variant.
    #[error(
        "{} is being worked on by {}: run {}, since {:.0}, last heard of at {:.0}",
        hold.variant, hold.holder, hold.run, hold.since, hold.heard
    )]
    Held {
        /// Where the ledger lies.
        place: String,
        /// Who, what and since when.
        hold: Box<Hold>,
    },
    /// Another runner took the variant over; this one must not go on.
    #[error("run {run} was taken over{}; it was left before any further effect", by.as_ref().map(|by| format!(" by {} at {:.0}", by.holder, by.since)).unwrap_or_default())]
    Fenced {
        /// Where the ledger lies.
        place: String,
        /// The run that was left.
        run: RunId,
        /// Who took it over.
        by: Option<Box<Hold>>,
    },
}

impl Ledger {
    /// Opens the ledger in a local folder, making and binding it when it is not there.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Folder`], [`LedgerError::Object`]; [`LedgerError::Bound`] when it belongs to
    /// another target or account.
    pub async fn open_folder(folder: &FilePath, binding: Binding) -> Result<Self, LedgerError> {
        let place = folder.display().to_string();
        std::fs::create_dir_all(folder).map_err(|source| LedgerError::Folder { place: place.clone(), source })?;
        let objects = LocalFileSystem::new_with_prefix(folder).map_err(|source| LedgerError::Object {
            place: place.clone(),
            object: String::new(),
            source: Box::new(source),
        })?;
        Self::open(Arc::new(objects), place, binding).await
    }

    /// Opens the ledger in a bucket, below a prefix, binding it when it is not there.
    ///
    /// # Errors
    ///
    /// As [`Ledger::open_folder`].
    pub async fn open_bucket(bucket: Arc<dyn ObjectStore>, place: &BucketPlace, binding: Binding) -> Result<Self, LedgerError> {
        let objects = PrefixStore::new(bucket, place.prefix.as_str());
        Self::open(Arc::new(objects), place.to_string(), binding).await
    }

    /// Opens the ledger on an object store. `place` names it in messages.
    ///
    /// # Errors
    ///
    /// As [`Ledger::open_folder`].
    pub async fn open(objects: Arc<dyn ObjectStore>, place: String, binding: Binding) -> Result<Self, LedgerError> {
        let ledger = Self { objects, place, binding };
        let object = Path::from("ledger.json");
        let found: Binding = match ledger.get_if_there(&object).await? {
            Some(found) => found,
            None => match ledger.create(&object, &ledger.binding).await {
                Ok(_) => return Ok(ledger),
                // Another bakehouse bound it in between: see to whom.
                Err(LedgerError::Taken { .. }) => ledger.get(&object).await?,
                Err(error) => return Err(error),
            },
        };
        if found != ledger.binding {
            return Err(LedgerError::Bound { place: ledger.place, found, wanted: ledger.binding });
        }
        Ok(ledger)
    }

    /// Returns what the ledger is bound to.
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// Returns where the ledger lies, for messages.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Writes an object under a name that does not exist; returns its digest.
    ///
    /// The same bytes under that name are this writer's own: the store's client repeats a call whose
    /// answer was lost, and no two writers ever write the same (each line names its run, holder or lease).
    ///
    /// # Errors
    ///
    /// [`LedgerError::Taken`] when it exists.
    pub(super) async fn create(&self, object: &Path, content: &impl Serialize) -> Result<Digest, LedgerError> {
        let bytes = written(content);
        let digest = Digest::of(&bytes);
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.objects.put_opts(object, bytes.into(), options).await {
            Ok(_) => Ok(digest),
            Err(object_store::Error::AlreadyExists { .. }) => match self.digest_if_there(object).await? {
                Some(found) if found == digest => Ok(digest),
                _ => Err(LedgerError::Taken { place: self.place.clone(), object: object.to_string() }),
            },
            Err(source) => Err(self.object_error(object, source)),
        }
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, object: &Path) -> Result<T, LedgerError> {
        Ok(self.get_with_digest(object).await?.0)
    }

    pub(super) async fn get_with_digest<T: DeserializeOwned>(&self, object: &Path) -> Result<(T, Digest), LedgerError> {
        let answer = self.objects.get(object).await.map_err(|source| self.object_error(object, source))?;
        let bytes = answer.bytes().await.map_err(|source| self.object_error(object, source))?;
        let content = serde_json::from_slice(&bytes).map_err(|source| LedgerError::Content {
            place: self.place.clone(),
            object: object.to_string(),
            source,
        })?;
        Ok((content, Digest::of(&bytes)))
    }

    /// Reads an object; `None` when there is none of that name.
    pub(super) async fn get_if_there<T: DeserializeOwned>(&self, object: &Path) -> Result<Option<T>, LedgerError> {
        match self.get(object).await {
            Ok(content) => Ok(Some(content)),
            Err(LedgerError::Object { source, .. }) if matches!(*source, object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn digest_if_there(&self, object: &Path) -> Result<Option<Digest>, LedgerError> {
        let bytes = match self.objects.get(object).await {
            Ok(answer) => answer.bytes().await,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(source) => Err(source),
        };
        Ok(Some(Digest::of(&bytes.map_err(|source| self.object_error(object, source))?)))
    }

    /// Reads objects, several at a time, in the order of their names.
    pub(super) async fn get_all<T: DeserializeOwned>(&self, objects: &[Path]) -> Result<Vec<(T, Digest)>, LedgerError> {
        futures::stream::iter(objects).map(|object| self.get_with_digest(object)).buffered(READS_IN_FLIGHT).try_collect().await
    }

    /// Removes an object; one that is gone already is no error.
    pub(super) async fn remove(&self, object: &Path) -> Result<(), LedgerError> {
        match self.objects.delete(object).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(self.object_error(object, source)),
        }
    }

    /// Lists the names below a folder, sorted.
    pub(super) async fn names(&self, folder: &Path) -> Result<Vec<Path>, LedgerError> {
        let found: Vec<_> = self.objects.list(Some(folder)).try_collect().await.map_err(|source| self.object_error(folder, source))?;
        let mut names: Vec<Path> = found.into_iter().map(|meta| meta.location).collect();
        names.sort();
        Ok(names)
    }

    /// Lists the folders in a folder, sorted.
    pub(super) async fn folders(&self, folder: &Path) -> Result<Vec<String>, LedgerError> {
        let found = self
            .objects
            .list_with_delimiter(Some(folder).filter(|f| !f.as_ref().is_empty()))
            .await
            .map_err(|source| self.object_error(folder, source))?;
        let mut names: Vec<String> = found.common_prefixes.iter().filter_map(|p| p.filename().map(str::to_owned)).collect();
        names.sort();
        Ok(names)
    }

    fn object_error(&self, object: &Path, source: object_store::Error) -> LedgerError {
        LedgerError::Object { place: self.place.clone(), object: object.to_string(), source: Box::new(source) }
    }
}

/// Returns the bytes that an object of this content has.
pub(super) fn written(content: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(content).expect("what the ledger keeps is plain data");
    bytes.push(b'\n');
    bytes
}
