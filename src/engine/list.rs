//! Getting a sealed release into the Marketplace, and following it there.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Engine;
use super::failure::EngineError;
use super::observer::Note;
use super::run::Run;
use super::wait::Look;
use crate::cloud::{ChangeSetFilter, ListedChangeSet, Reader};
use crate::ledger::{Effect, Fact, JournalEvent, Ledger, Outcome};
use crate::listing::{self, AmiProduct, ChangeSetDescription, KeptChangeSet, Place, Refusal, ReleaseFacts, Standing, Wanted};
use crate::model::change_set::ChangeSet;
use crate::model::digest::Digest;
use crate::model::ids::{ChangeSetId, EntityId, RunId, Variant};
use crate::model::image::tag;
use crate::model::product::Product;
use crate::model::record::{Event, Record};
use crate::model::version::Version;
use crate::release::{self, Released};

/// What the Catalog says of a request that it does not take; that it is locked, busy or not allowed is no refusal.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_StartChangeSet.html>
const REFUSALS: [&str; 4] =
    ["ValidationException", "ResourceNotFoundException", "ResourceNotSupportedException", "ServiceQuotaExceededException"];

/// The effect of a rehearsal's end.
const REHEARSED: &str = "list.validated";

/// The effect of which revision of the product a rehearsal is of.
pub(super) const REHEARSED_REVISION: &str = "list.validate.revision";

/// The effects that a submission takes, the last first.
const SUBMISSIONS: [&str; 3] = ["list.apply", REHEARSED, "list.validate"];

/// How long a rehearsal stands for what would come of the same: what AWS's scan knows grows by the day.
const REHEARSAL_HOLDS: SignedDuration = SignedDuration::from_hours(24);

/// A change set that is followed, and for what.
#[derive(Debug, Clone)]
pub struct Followed {
    /// The variant.
    pub variant: Variant,
    /// Its version.
    pub version: Version,
    /// The run that submitted it.
    pub run: RunId,
    /// The change set.
    pub change_set: ChangeSetId,
}

impl Run<'_> {
    /// Submits product, version and public offer in one set, and follows it.
    pub(super) async fn create_listing(&self, draft: Option<&EntityId>) -> Result<(), EngineError> {
        let set = first_listing(self.engine, self.product, &self.released().await?, draft)?;
        self.apply(&set, None).await
    }

    /// Has AWS rehearse the new version (Intent VALIDATE uses no title up), submits it, follows it.
    pub(super) async fn add_version(&self, product: &EntityId) -> Result<(), EngineError> {
        let released = self.released().await?;
        let set = add_version(self.engine, self.product, &released, product)?;
        // Once it was submitted, or may have been, what uses the title is this very submission.
        if self.is_open("list.apply").await {
            let (version, image) = (&released.version, Some(&released.release.image.id));
            let free = self.engine.refuse_used(self.variant(), &Wanted { product, version, image }).await;
            if let Err(EngineError::TitleInUse { .. }) = &free {
                self.end_later(Outcome::ListingRefused).await;
            }
            free?;
            self.validate(&set, product).await?;
        }
        self.apply(&set, Some(product)).await
    }

    async fn validate(&self, set: &ChangeSet, product: &EntityId) -> Result<(), EngineError> {
        let request = rehearsal(self.product, &self.plan.version, set);
        if self.is_open("list.validate").await
            && let Some(id) = self.engine.rehearsed(self.variant(), product, &request).await?
        {
            self.done_note(format!("AWS's rehearsal {id} of the same succeeded already, and is taken over"));
            return Ok(());
        }
        self.upload_media(&request).await?;
        // Before it is submitted: should the product move meanwhile, nobody takes the rehearsal over.
        if self.is_open("list.validate").await {
            let _: Option<u64> = self.effect(REHEARSED_REVISION, product, async |_| self.engine.revision(product).await).await?;
        }
        let revision: Option<u64> = self.done::<Option<u64>>(REHEARSED_REVISION).await.flatten();
        let id = self.start("list.validate", &format!("version {}", self.plan.version), &request, true).await?;
        let rehearsed = self.effect(REHEARSED, &id, async |_| {
            let end = self.engine.change_set_end(self.variant(), &id).await?;
            let of = self.followed(&id);
            let kept = KeptChangeSet { revision, ..KeptChangeSet::new(Some(of.run.clone()), request.clone(), &end) };
            self.engine.ledger.keep_change_set(&of.variant, &of.version, Some(&of.run), &kept).await?;
            match end.0 {
                listing::Outcome::Refused { status, errors } => Err(self.refused(id.clone(), status, true, errors)),
                _ => Ok(()),
            }
        });
        let rehearsed: Result<(), EngineError> = rehearsed.await;
        if let Err(EngineError::ListingRefused { errors, .. }) = &rehearsed {
            // No record is kept of a rehearsal: the journal is where it is told again.
            let codes: Vec<&str> = errors.iter().map(|error| error.code.as_str()).collect();
            let reason = format!("AWS's rehearsal {id} failed: {}", codes.join(", "));
            self.write(JournalEvent::Refused { effect: REHEARSED.to_owned(), reason }).await?;
            self.end_later(Outcome::ListingRefused).await;
        }
        rehearsed?;
        self.done_note(format!("AWS's rehearsal {id} succeeded"));
        Ok(())
    }

    async fn apply(&self, set: &ChangeSet, product: Option<&EntityId>) -> Result<(), EngineError> {
        // The first rendering is what is sent, however often it is tried: a token stands for one request.
        let request: Value = self.effect("list.request", &(), async |_| self.tagged(set.to_json()).await).await?;
        self.upload_media(&request).await?;
        let id = self.start("list.apply", &format!("version {}", self.plan.version), &request, false).await?;
        let digest = Digest::of(request.to_string());
        self.record(Event::Submitted { change_set: id.clone(), product: product.cloned(), request: digest }).await?;
        self.done_note(format!("submitted as change set {id}"));
        self.follow(&id).await
    }

    /// Tags a request with what it is for and how far the chain had come.
    pub(super) async fn tagged(&self, mut request: Value) -> Result<Value, EngineError> {
        let mut tags = self.tags();
        tags.extend(self.engine.ledger.head(self.variant()).await?.map(|head| (tag::RECORD.to_owned(), head.to_string())));
        request["ChangeSetTags"] = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        Ok(request)
    }

    /// Follows a change set to its end and records it.
    pub(super) async fn follow(&self, id: &ChangeSetId) -> Result<(), EngineError> {
        let end = follow_listing(self.engine, &self.followed(id)).await;
        if let Err(EngineError::ListingRefused { .. }) = &end {
            self.end_later(Outcome::ListingRefused).await;
        }
        let product = end?;
        self.done_note(format!("{} {} is listed in {product}", self.variant(), self.plan.version));
        Ok(())
    }

    /// Says of a change set what it is for.
    pub(super) fn followed(&self, id: &ChangeSetId) -> Followed {
        Followed { variant: self.variant().clone(), version: self.plan.version.clone(), run: self.id().clone(), change_set: id.clone() }
    }

    /// Starts a change set; waits for one that locks the entity to end.
    pub(super) async fn start(&self, effect: &str, what: &str, request: &Value, validate_only: bool) -> Result<ChangeSetId, EngineError> {
        self.engine
            .wait(async || {
                let start = self
                    .effect(effect, request, async |token| Ok(self.engine.writer.start_change_set(request, validate_only, &token).await?));
                match start.await {
                    Ok(id) => Ok(Look::Ready(id)),
                    Err(EngineError::Cloud(e)) if e.is("ResourceInUseException") => {
                        Ok(Look::NotYet(format!("the product is locked by {}", self.engine.blockers(&e.message).await?)))
                    }
                    Err(EngineError::Cloud(source)) if REFUSALS.iter().any(|code| source.is(code)) => {
                        // The request itself: sent again it would be refused again.
                        if source.is("ValidationException") {
                            if let Some(moved) = self.moved(request).await? {
                                self.end_later(Outcome::Superseded).await;
                                return Err(moved);
                            }
                            self.end_later(Outcome::ListingRefused).await;
                        }
                        Err(EngineError::SubmissionRefused { what: what.to_owned(), source })
                    }
                    Err(e) => Err(e),
                }
            })
            .await
    }

    fn refused(&self, change_set: ChangeSetId, status: String, validation: bool, errors: Vec<Refusal>) -> EngineError {
        EngineError::ListingRefused { version: self.plan.version.clone(), change_set, status, validation, errors }
    }
}

/// Follows a version's change set to its end and records it; returns the product.
///
/// # Errors
///
/// [`EngineError::Pending`] when it outlasts the engine's patience, [`EngineError::ListingRefused`].
pub async fn follow_listing(engine: &Engine, followed: &Followed) -> Result<EntityId, EngineError> {
    let Followed { variant, version, run, change_set } = followed;
    let engine = &Engine { leave: engine.leave.heeded(), ..engine.clone() };
    let end = engine.change_set_end(variant, change_set).await?;
    let journal = engine.ledger.journal(variant, run).await?;
    let request = match journal.effect("list.request") {
        Effect::Done(request) => request.clone(),
        _ => Value::Null,
    };
    let kept = Some(keep(engine, followed, &request, &end).await?);
    let record = async |event| {
        let (variant, version, run) = (variant.clone(), version.clone(), run.clone());
        engine.ledger.append(&Fact { variant, version, run, at: engine.clock.now(), event }).await
    };
    match end.0 {
        listing::Outcome::Succeeded { product, offer } => {
            let product = product.ok_or_else(|| EngineError::NotReady {
                what: format!("change set {change_set} succeeded without naming a product"),
                next: format!("bakehouse list status {}", variant.product),
            })?;
            let event =
                Event::Listed { change_set: change_set.clone(), product: product.clone(), offer, sent: listing::sent(&request), kept };
            record(event).await?;
            Ok(product)
        }
        listing::Outcome::Refused { status, errors } => {
            let event = Event::ListingRefused {
                change_set: change_set.clone(),
                status: status.clone(),
                errors: errors.iter().flat_map(Refusal::to_records).collect(),
                kept,
            };
            record(event).await?;
            Err(EngineError::ListingRefused { version: version.clone(), change_set: change_set.clone(), status, validation: false, errors })
        }
        listing::Outcome::Running { status } => {
            Err(EngineError::Pending { what: format!("change set {change_set} is {status}"), next: engine.go_on.clone() })
        }
    }
}

/// Keeps a change set whole, its request and its end: AWS forgets it after 90 days. Returns the document's digest.
pub(super) async fn keep(
    engine: &Engine,
    of: &Followed,
    request: &Value,
    end: &(listing::Outcome, ChangeSetDescription),
) -> Result<Digest, EngineError> {
    let kept = KeptChangeSet::new(Some(of.run.clone()), request.clone(), end);
    Ok(engine.ledger.keep_change_set(&of.variant, &of.version, Some(&of.run), &kept).await?)
}

/// Says why a version's submission was refused before there was a change set to record, as its newest run tells.
///
/// # Errors
///
/// When the ledger can't be read.
pub async fn refused_submission(ledger: &Ledger, variant: &Variant, version: &Version) -> Result<Option<String>, EngineError> {
    for run in ledger.runs(variant).await?.iter().rev() {
        let journal = ledger.journal(variant, run).await?;
        if journal.plan().is_some_and(|(plan, _)| &plan.version == version) {
            return Ok(SUBMISSIONS.iter().find_map(|effect| journal.refusal(effect)).map(str::to_owned));
        }
    }
    Ok(None)
}

/// Says how a version's listing was refused, if that stands and only a new version helps.
pub fn standing_refusal(product: &Product, released: &Released) -> Option<EngineError> {
    match &released.listing {
        release::Listing::Refused { status, change_set, errors, .. } if released.listing.is_used_up() => {
            Some(EngineError::ListingRefused {
                version: released.version.clone(),
                change_set: change_set.clone(),
                status: status.clone(),
                validation: false,
                errors: errors.iter().map(|error| Refusal::of_record(error).traced(product)).collect(),
            })
        }
        _ => None,
    }
}

/// Makes the change set of a product's first listing.
///
/// # Errors
///
/// [`EngineError::Listing`]: a template that makes no change set, or what AWS would refuse.
pub fn first_listing(engine: &Engine, product: &Product, released: &Released, draft: Option<&EntityId>) -> Result<ChangeSet, EngineError> {
    let facts = ReleaseFacts::new(released.version.clone(), &released.release).map_err(EngineError::Listing)?;
    listing::first_listing(product, &facts, draft, &engine.templates).map_err(EngineError::Listing)
}

/// Makes the request of a version's rehearsal.
fn rehearsal(product: &Product, version: &Version, set: &ChangeSet) -> Value {
    let mut request = set.to_json();
    request["ChangeSetName"] = json!(listing::change_set_name(&product.slug, version, listing::REHEARSAL));
    request
}

/// Makes the change set of a new version.
///
/// # Errors
///
/// As [`first_listing`].
pub fn add_version(engine: &Engine, product: &Product, released: &Released, entity: &EntityId) -> Result<ChangeSet, EngineError> {
    let facts = ReleaseFacts::new(released.version.clone(), &released.release).map_err(EngineError::Listing)?;
    listing::add_version(product, &facts, entity, &engine.templates).map_err(EngineError::Listing)
}

impl Engine {
    /// Has AWS rehearse a change set (Intent VALIDATE) of a product at a revision, which changes nothing and uses no title up. The
    /// ledger keeps its end.
    ///
    /// # Errors
    ///
    /// [`EngineError::ListingRefused`] with what AWS would refuse; [`EngineError::Pending`] when it outlasts the engine's patience.
    pub async fn rehearse(&self, product: &Product, version: &Version, set: &ChangeSet, revision: u64) -> Result<ChangeSetId, EngineError> {
        let request = rehearsal(product, version, set);
        self.put_all_media(product, &request).await?;
        // Whoever was cut off takes up the same rehearsal within the hour; after one that has ended, or of a product that has
        // moved, comes another.
        let variant = product.variant();
        let ended = self.ledger.rehearsals(&variant, version).await?;
        let hour = self.clock.now().strftime("%Y-%m-%dT%H");
        let token = Digest::of_parts([request.to_string().as_bytes(), format!("{hour} {ended} {revision}").as_bytes()]).short(64);
        let id = self
            .wait(async || match self.writer.start_change_set(&request, true, &token).await {
                Ok(id) => Ok(Look::Ready(id)),
                Err(error) if error.is("ResourceInUseException") => {
                    Ok(Look::NotYet(format!("the product is locked by {}", self.blockers(&error.message).await?)))
                }
                Err(source) if REFUSALS.iter().any(|code| source.is(code)) => {
                    Err(EngineError::SubmissionRefused { what: format!("version {version}"), source })
                }
                Err(error) => Err(error.into()),
            })
            .await?;
        let end = self.change_set_end(&variant, &id).await?;
        let kept = KeptChangeSet { revision: Some(revision), ..KeptChangeSet::new(None, request, &end) };
        self.ledger.keep_change_set(&variant, version, None, &kept).await?;
        match end.0 {
            listing::Outcome::Refused { status, errors } => {
                Err(EngineError::ListingRefused { version: version.clone(), change_set: id, status, validation: true, errors })
            }
            _ => Ok(id),
        }
    }

    /// Returns an entity's latest revision, if AWS tells it.
    async fn revision(&self, entity: &EntityId) -> Result<Option<u64>, EngineError> {
        Ok(self.writer.reader().entity(entity).await?.and_then(|entity| entity.revision))
    }

    /// Returns a rehearsal of a request, if one has succeeded lately of the product as it is now.
    async fn rehearsed(&self, variant: &Variant, entity: &EntityId, request: &Value) -> Result<Option<ChangeSetId>, EngineError> {
        let since = self.clock.now().saturating_sub(REHEARSAL_HOLDS).unwrap_or(Timestamp::MIN);
        let kept = self.ledger.kept_change_sets::<KeptChangeSet>(variant).await?;
        let Some(revision) = self.revision(entity).await? else { return Ok(None) };
        Ok(kept.into_iter().find(|kept| kept.has_rehearsed(request, revision, since)).map(|kept| kept.change_set))
    }

    /// Waits for a variant's change set to end; returns what came of it, with what AWS's scan found and which of the manifest's keys
    /// its errors are about, and AWS's description.
    pub(super) async fn change_set_end(
        &self,
        of: &Variant,
        id: &ChangeSetId,
    ) -> Result<(listing::Outcome, ChangeSetDescription), EngineError> {
        let (mut outcome, described) = self
            .wait(async || {
                let Some(described) = self.writer.reader().change_set(id).await? else {
                    return Err(EngineError::NotReady {
                        what: format!("AWS does not know change set {id} (it keeps them for 90 days)"),
                        next: self.go_on.clone(),
                    });
                };
                Ok(match listing::outcome(&described).map_err(EngineError::ChangeSet)? {
                    listing::Outcome::Running { status } => Look::NotYet(format!("change set {id} is {status}")),
                    ended => Look::Ready((ended, described)),
                })
            })
            .await?;
        if let listing::Outcome::Refused { errors, .. } = &mut outcome {
            if let Some(product) = self.variants.iter().find(|product| product.variant() == *of) {
                *errors = std::mem::take(errors).into_iter().map(|error| error.traced(product)).collect();
            }
            for error in errors {
                let Some(url) = &error.findings_url else { continue };
                match self.writer.reader().scan_findings(url).await {
                    Ok(findings) => error.findings = findings,
                    // What AWS says is told and kept all the same, its address with it.
                    Err(none) => self.observer.note(Note::Notice { text: none.to_string() }),
                }
            }
        }
        Ok((outcome, described))
    }

    /// Says which change sets lock an entity: what each does, and since when.
    async fn blockers(&self, message: &str) -> Result<String, EngineError> {
        let mut told = Vec::new();
        for id in listing::blocking_change_sets(message) {
            let described = self.writer.reader().change_set(&id).await?;
            told.push(described.map_or_else(|| format!("change set {id}"), |described| described.to_string()));
        }
        Ok(if told.is_empty() { "a change set that AWS does not name".to_owned() } else { told.join(", and by ") })
    }

    /// Refuses a version whose title or image is in use by now.
    async fn refuse_used(&self, variant: &Variant, wanted: &Wanted<'_>) -> Result<(), EngineError> {
        let (reader, product) = (self.writer.reader(), wanted.product);
        let listed = reader.change_sets(&ChangeSetFilter::On(product.clone())).await?;
        let entity = reader.entity(product).await?;
        let live = entity.map(|e| AmiProduct::parse(&e.details)).transpose().map_err(EngineError::Entity)?.unwrap_or_default();
        refuse_used(reader, wanted, &live, &self.ledger.records(variant).await?, &listed).await
    }
}

/// Refuses a version whose title or image is in use, as far as can be known beforehand: in its live product, in the variant's
/// chain, or in change sets on the product.
pub(super) async fn refuse_used(
    reader: &Reader,
    wanted: &Wanted<'_>,
    live: &AmiProduct,
    records: &[Record],
    listed: &[ListedChangeSet],
) -> Result<(), EngineError> {
    let mut change_sets = Vec::new();
    // What has succeeded the listing itself tells.
    for listed in listed.iter().filter(|listed| listed.status != "SUCCEEDED") {
        change_sets.extend(reader.change_set(&listed.id).await?);
    }
    let uses = listing::uses(wanted, live, records, &change_sets);
    match uses.iter().max_by_key(|u| u.standing).filter(|u| u.standing > Standing::Cancelled) {
        Some(used) => {
            Err(EngineError::TitleInUse { version: wanted.version.clone(), sealed: wanted.image.is_some(), reason: in_use(used) })
        }
        None => Ok(()),
    }
}

/// Says what uses a title or an image.
fn in_use(used: &listing::Use) -> String {
    let subject = match used.subject {
        listing::Subject::Title => "its title",
        listing::Subject::Image => "its image",
    };
    let place = match &used.place {
        Place::Listing { title, version_id } => format!("the listing's version {title} ({version_id})"),
        Place::Ledger { change_set, sequence } => format!("change set {change_set} (record {sequence} of the ledger)"),
        Place::ChangeSet { change_set } => format!("change set {change_set}"),
    };
    match used.standing {
        Standing::Burned => format!("{subject} was used up by {place}, which failed"),
        Standing::Running => format!("{subject} is in use by {place}, which is under way"),
        _ => format!("{subject} is in use by {place}"),
    }
}
