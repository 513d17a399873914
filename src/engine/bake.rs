//! Base image → instance → provisioned → stopped → image.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::bundle::BUNDLE;
use super::failure::EngineError;
use super::observer::Note;
use super::run::Run;
use super::wait::Look;
use crate::bake;
use crate::cloud::{BaseError, CloudError, ImageFromInstance, InstanceSpec};
use crate::ledger::Outcome;
use crate::model::bake::BakeReport;
use crate::model::count::counted;
use crate::model::digest::Digest;
use crate::model::ids::{ImageId, InstanceId, Region, SecurityGroupId};
use crate::model::image::{Image, ImageDescription, tag};
use crate::model::record::BaseRecord;
use crate::model::resource::ResourceKind;
use crate::scan;

/// How much longer than the guest's own deadline the instance is waited for: its start and its stop.
const GRACE: Duration = Duration::from_secs(15 * 60);

/// How long the console may lag behind the instance's stop. Source: EC2 posts the console's last
/// output some minutes after a stop.
const CONSOLE_LAG: Duration = Duration::from_secs(5 * 60);

/// How long EC2 may not know what it has just made. Source: its answers become consistent eventually,
/// <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>
const SETTLING: Duration = Duration::from_secs(3 * 60);

/// The name of the effect that holds the image.
pub(super) const IMAGE: &str = "bake.image";

impl Run<'_> {
    /// Makes the image, unless the account has it already.
    pub(super) async fn bake(&self, region: &Region, base: &BaseRecord, name: &str) -> Result<Image, EngineError> {
        let mut existing: Option<ImageId> = self.done(IMAGE).await;
        if existing.is_none() {
            // The name carries the digest of all inputs: an image of that name was made by an earlier
            // attempt, this run's or one that was rejected, and need not be made again.
            let found = self.image_of_name(region, name).await?;
            if let Some(found) = found.as_ref().filter(|found| !self.is_own(found)) {
                self.done_note(format!("{} is taken over: {}", found.image.id, origin(found)));
            }
            existing = found.map(|found| found.image.id);
        }
        let id = match existing {
            Some(id) => self.effect(IMAGE, &name, async |_| Ok(id)).await?,
            None => {
                let group = self.security_group(region).await?;
                let instance = self.instance(region, base, &group).await?;
                let baked = self.provision(region, &instance).await;
                if let Err(error) = baked {
                    return self.give_up(region, error).await;
                }
                self.create_image(region, &instance, name).await?
            }
        };
        let image = match self.available(region, &id).await {
            Ok(image) if image.encrypted => return self.give_up(region, EngineError::Encrypted { image: id }).await,
            Ok(image) => image,
            Err(error) => return self.give_up(region, error).await,
        };
        self.effect("bake.imds", &id, async |_| Ok(self.engine.writer.require_imds_v2(region, &id).await?)).await?;
        // It was made with its tags. Only what an earlier run has left is given this run's: a call that comes late, from a
        // run that was taken over, would take the mark of a release away.
        if !self.is_own(&image) {
            let parts = resources(&image.image);
            self.effect("bake.tag", &id, async |_| Ok(self.engine.writer.tag(region, &parts, &self.tags_of_image()).await?)).await?;
        }
        self.clean_up(region).await?;
        self.done_note(format!(
            "{} with {}",
            image.image.id,
            image.image.snapshots.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(", ")
        ));
        Ok(image.image)
    }

    /// Makes room for the run's image: one of its name that an earlier run has left is removed, if it is unwanted.
    pub(super) async fn make_room(
        &self,
        region: &Region,
        name: &str,
        unwanted: impl Fn(&ImageDescription) -> bool,
    ) -> Result<(), EngineError> {
        if self.done::<ImageId>(IMAGE).await.is_some() {
            return Ok(());
        }
        let found = self.image_of_name(region, name).await?;
        // What this run has made is judged when it is waited for.
        let unwanted = found.filter(|found| !self.is_own(found) && unwanted(found));
        self.discard(region, unwanted.map(|found| found.image)).await
    }

    /// Removes an image of a Region that was never released, and its snapshots: its name is needed for another.
    ///
    /// What it consists of is journalled first. Whoever goes on when the image alone is gone knows its snapshots by that,
    /// and removes them even when there is nothing else to remove.
    pub(super) async fn discard(&self, region: &Region, unwanted: Option<Image>) -> Result<(), EngineError> {
        let writer = &self.engine.writer;
        if let Some(image) = unwanted {
            self.effect(&format!("{}.unwanted", image.id), &image.id, async |_| Ok(image.clone())).await?;
        }
        for image in self.made::<Image>(".unwanted").await.iter().filter(|image| &image.region == region) {
            self.effect(&format!("{}.discard", image.id), &image.id, async |_| {
                writer.remove(region, ResourceKind::Image, image.id.as_str()).await?;
                for snapshot in &image.snapshots {
                    writer.remove(region, ResourceKind::Snapshot, snapshot.as_str()).await?;
                }
                Ok::<_, EngineError>(())
            })
            .await?;
            self.done_note(format!("{}, which was in the way and of no use, is removed", image.id));
        }
        Ok(())
    }

    /// Finds the image of this release's name; one made of other inputs, or released, is in the way.
    async fn image_of_name(&self, region: &Region, name: &str) -> Result<Option<ImageDescription>, EngineError> {
        let Some(found) = self.engine.writer.reader().own_image_named(region, name).await? else { return Ok(None) };
        if is_in_the_way(&found, &self.plan.input) {
            return Err(EngineError::NameTaken { name: name.to_owned(), region: region.clone(), image: found.image.id });
        }
        Ok(Some(found))
    }

    fn is_own(&self, found: &ImageDescription) -> bool {
        found.tags.get(tag::RUN).is_some_and(|run| run == self.id().as_str())
    }

    async fn security_group(&self, region: &Region) -> Result<SecurityGroupId, EngineError> {
        let name = format!("bakehouse-{}", self.id());
        let description = format!("Lets nothing in while {} is baked", self.variant());
        self.effect("bake.group", &name, async |_| self.make_group(region, &name, &description).await).await
    }

    /// Makes a group that lets nothing in, or finds the one of that name: groups have no token but their name.
    ///
    /// It comes back once EC2 shows it: no instance can be started in a group before.
    pub(super) async fn make_group(&self, region: &Region, name: &str, description: &str) -> Result<SecurityGroupId, EngineError> {
        let (writer, subnet) = (&self.engine.writer, self.product.build.subnet.as_ref());
        let made = match writer.create_security_group(region, name, description, subnet, &self.tags()).await {
            Ok(id) => Some(id),
            // An attempt whose answer was lost has made it.
            Err(e) if e.is("InvalidGroup.Duplicate") => None,
            Err(e) => return Err(e.into()),
        };
        let shown = self.catch_up(async || Ok(writer.reader().security_group_named(region, name).await?)).await?;
        shown.or(made).ok_or_else(|| EngineError::Pending {
            what: format!("the security group {name} in {region}"),
            next: format!("bakehouse ship {}", self.product.slug),
        })
    }

    async fn instance(&self, region: &Region, base: &BaseRecord, group: &SecurityGroupId) -> Result<InstanceId, EngineError> {
        let description = self.engine.writer.reader().image(region, &base.image).await?;
        let description = description.ok_or_else(|| BaseError::NotFound { region: region.clone(), wanted: base.image.to_string() })?;
        let mut tags = self.tags();
        tags.insert("Name".to_owned(), format!("bakehouse bakes {} {}", self.variant(), self.plan.version));
        let spec = InstanceSpec {
            image: base.image.clone(),
            instance_type: self.product.build.instance_type.clone(),
            root_device: description.root_device,
            root_volume_size_gib: self.product.image.root_volume_size_gib,
            root_volume_type: self.product.image.root_volume_type.clone(),
            security_group: group.clone(),
            subnet: self.product.build.subnet.clone(),
            public_address: self.product.build.public_address,
            key: None,
            user_data: Vec::new(),
            tags,
        };
        let given = bake::payload(self.product, &self.nonce()).map_err(EngineError::UserData)?;
        // Of a bundle's user data only what stays the same: an address is a new one each time.
        let digest = match &given {
            bake::Payload::UserData(bytes) => Digest::of(bytes),
            bake::Payload::Bundle(bundle) => bundle.digest,
        };
        let payload = (&spec.image, &spec.instance_type, digest);
        let id = self
            .effect("bake.instance", &payload, async |token| {
                // An attempt whose answer was lost has made it; its tags tell, whatever the manifest says by now.
                match self.engine.writer.reader().instances_of_run(region, self.id()).await?.into_iter().next() {
                    Some(made) => Ok(made.id),
                    None => {
                        let spec = InstanceSpec { user_data: self.user_data(&given, BUNDLE).await?, ..spec.clone() };
                        Ok(self.engine.writer.run_instance(region, &spec, &token).await?)
                    }
                }
            })
            .await?;
        self.done_note(format!("{id} runs on {}", spec.instance_type));
        Ok(id)
    }

    /// Follows the console until the instance has stopped, and makes sure that it said it was done.
    async fn provision(&self, region: &Region, id: &InstanceId) -> Result<(), EngineError> {
        if self.done::<()>("bake.provisioned").await.is_some() {
            return Ok(());
        }
        let reader = self.engine.writer.reader();
        let nonce = self.nonce();
        let mut seen: Vec<u8> = Vec::new();
        // EC2 may not know an instance for a while that it has just made.
        let (mut known, began) = (false, self.engine.clock.now());
        let deadline = self.product.build.deadline + GRACE;
        let stopped = self
            .engine
            .wait_at_most(deadline, async || {
                let state = reader.instance(region, id).await?;
                let Some(state) = state else {
                    let settled = self.engine.clock.now().duration_since(began).unsigned_abs() > SETTLING;
                    return Ok(if known || settled {
                        Look::Ready("is gone".to_owned())
                    } else {
                        Look::NotYet(format!("{id} is not to be seen yet"))
                    });
                };
                known = true;
                self.console(region, id, &mut seen).await?;
                Ok(match state.state.as_str() {
                    "stopped" => Look::Ready("stopped".to_owned()),
                    "terminated" | "shutting-down" => Look::Ready(format!("was ended ({})", state.state_reason.unwrap_or_default())),
                    _ => Look::NotYet(format!("{id} is {}: {}", state.state, progress(&bake::read(&seen, &nonce)))),
                })
            })
            .await?;
        let how = stopped.unwrap_or_else(|| format!("was still at work after {}", counted(deadline.as_secs() / 60, "minute")));
        // The last words may come after the stop.
        let outcome = self
            .engine
            .wait_at_most(CONSOLE_LAG, async || {
                self.console(region, id, &mut seen).await?;
                Ok(match bake::read(&seen, &nonce).outcome() {
                    bake::Outcome::Running => Look::NotYet(format!("{id} {how}; its console's end is not there yet")),
                    ended => Look::Ready(ended),
                })
            })
            .await?;
        match outcome {
            Some(bake::Outcome::Sealed) if how == "stopped" => {
                self.effect("bake.provisioned", id, async |_| Ok(())).await?;
                self.done_note("provisioned, cleaned and stopped");
                Ok(())
            }
            Some(bake::Outcome::Failed { step, label, status, tail }) => {
                let step = if label.is_empty() { format!("step {step}") } else { label };
                Err(self.failed_step(id, step, status, &tail, &seen).await?)
            }
            Some(bake::Outcome::SealFailed { status, tail }) => {
                Err(self.failed_step(id, "cleaning the image".to_owned(), status, &tail, &seen).await?)
            }
            _ => {
                let kept = self.keep_console(id, format!("the instance {how} before provisioning was done"), &seen).await?;
                Err(EngineError::BakeBroken { how, tail: last_lines(&seen), kept })
            }
        }
    }

    /// Tells of a step that failed, with its last lines; where it wrote none, the console's.
    async fn failed_step(
        &self,
        id: &InstanceId,
        step: String,
        status: u8,
        tail: &[String],
        console: &[u8],
    ) -> Result<EngineError, EngineError> {
        let kept = self.keep_console(id, format!("{step} failed with status {status}"), console).await?;
        let tail = if tail.is_empty() { last_lines(console) } else { scan::redact(tail) };
        Ok(EngineError::BakeStep { step, status: status.to_string(), tail, kept })
    }

    /// Keeps the console of a bake that failed; returns where in the ledger.
    async fn keep_console(&self, id: &InstanceId, failed: String, console: &[u8]) -> Result<String, EngineError> {
        let report = BakeReport {
            format: BakeReport::FORMAT,
            at: self.engine.clock.now(),
            instance: id.clone(),
            failed,
            console: scan::redact(&bake::printable(console)),
        };
        Ok(self.engine.ledger.keep_bake(self.variant(), &self.plan.version, self.id(), &report).await?)
    }

    /// Fetches the console and passes on what is new.
    async fn console(&self, region: &Region, id: &InstanceId, seen: &mut Vec<u8>) -> Result<(), EngineError> {
        let now = match self.engine.writer.reader().console(region, id).await {
            Ok(now) => now,
            // There is none yet, or none any more; that alone is no failure.
            Err(CloudError { code: Some(code), .. }) if code.starts_with("InvalidInstanceID") || code == "IncorrectInstanceState" => {
                return Ok(());
            }
            Err(e) => return Err(e.into()),
        };
        if now.is_empty() {
            return Ok(());
        }
        for line in bake::printable(bake::fresh(seen, &now)) {
            self.note(Note::Console { line });
        }
        *seen = now;
        Ok(())
    }

    /// Returns the tags of the run's image, and of its snapshots, until it is released.
    fn tags_of_image(&self) -> BTreeMap<String, String> {
        let mut tags = self.tags();
        tags.insert(tag::STATE.to_owned(), "baked".to_owned());
        tags
    }

    async fn create_image(&self, region: &Region, instance: &InstanceId, name: &str) -> Result<ImageId, EngineError> {
        let spec = ImageFromInstance {
            instance: instance.clone(),
            name: name.to_owned(),
            description: bake::description(self.product),
            tags: self.tags_of_image(),
        };
        self.effect(IMAGE, &(instance, name), async |_| match self.engine.writer.create_image(region, &spec).await {
            Ok(id) => Ok(id),
            // The name is the token: an attempt whose answer was lost has made it.
            Err(e) if e.is("InvalidAMIName.Duplicate") => {
                let made = self.catch_up(async || self.image_of_name(region, name).await).await?;
                made.map(|found| found.image.id).ok_or_else(|| e.into())
            }
            Err(e) => Err(e.into()),
        })
        .await
    }

    /// Looks for what EC2 is known to have until its answers have caught up; `None` when they don't.
    async fn catch_up<T>(&self, mut look: impl AsyncFnMut() -> Result<Option<T>, EngineError>) -> Result<Option<T>, EngineError> {
        let look = async || {
            let found = look().await?;
            Ok(found.map_or_else(|| Look::NotYet("EC2 does not show yet what it has just made".to_owned()), Look::Ready))
        };
        self.engine.wait_at_most(SETTLING, look).await
    }

    /// Waits until an image can be used.
    pub(super) async fn available(&self, region: &Region, id: &ImageId) -> Result<ImageDescription, EngineError> {
        let began = self.engine.clock.now();
        self.engine
            .wait(async || {
                let Some(image) = self.engine.writer.reader().image(region, id).await? else {
                    if self.engine.clock.now().duration_since(began).unsigned_abs() > SETTLING {
                        return Err(EngineError::ImageGone { image: id.clone(), region: region.clone() });
                    }
                    return Ok(Look::NotYet(format!("{id} is not to be seen yet")));
                };
                match image.state.as_str() {
                    "available" => Ok(Look::Ready(image)),
                    "pending" => Ok(Look::NotYet(format!("{id} is pending"))),
                    state => Err(EngineError::ImageState {
                        image: id.clone(),
                        state: state.to_owned(),
                        reason: image.state_reason.unwrap_or_else(|| "EC2 gives no reason".to_owned()),
                    }),
                }
            })
            .await
    }

    /// Ends the run after a failed bake. An image that came of it is of no use; whoever needs its name removes it.
    async fn give_up<T>(&self, region: &Region, error: EngineError) -> Result<T, EngineError> {
        // Only what can't become better ends the run; a lost connection is continued by the next one.
        let final_ = matches!(
            error,
            EngineError::BakeStep { .. }
                | EngineError::BakeBroken { .. }
                | EngineError::ImageState { .. }
                | EngineError::ImageGone { .. }
                | EngineError::Encrypted { .. }
        );
        if final_ {
            self.clean_up(region).await?;
            self.end(Outcome::BakeFailed).await?;
        }
        Err(error)
    }

    /// Ends the instances and removes groups, key pairs and the payload that this run made.
    pub(super) async fn clean_up(&self, region: &Region) -> Result<(), EngineError> {
        let writer = &self.engine.writer;
        // First whatever needs no waiting: whoever is leaving waits for nothing.
        for instance in writer.reader().instances_of_run(region, self.id()).await? {
            self.terminate(region, &instance.id).await?;
        }
        for name in writer.reader().key_pairs_of_run(region, self.id()).await? {
            self.removal(&format!("end.{name}"), &name, async |_| Ok(writer.delete_key_pair(region, &name).await?)).await?;
        }
        self.end_instances(region).await?;
        let tagged = writer.reader().security_groups_of_run(region, self.id()).await?;
        let mut groups: BTreeSet<SecurityGroupId> = tagged.into_iter().collect();
        groups.extend(self.made::<SecurityGroupId>(".group").await);
        for group in groups {
            self.remove_group(region, &group).await?;
        }
        self.remove_bundle().await
    }

    async fn end_instances(&self, region: &Region) -> Result<(), EngineError> {
        let writer = &self.engine.writer;
        // An attempt whose answer was lost may have made one; its tags tell.
        let tagged = writer.reader().instances_of_run(region, self.id()).await?;
        let mut instances: BTreeSet<InstanceId> = tagged.into_iter().map(|i| i.id).collect();
        for id in self.made::<InstanceId>(".instance").await {
            // One whose end was taken has been shown, and may have gone from sight since.
            if instances.contains(&id) || self.done::<()>(&format!("bake.end.{id}")).await.is_some() {
                continue;
            }
            // What EC2 doesn't show yet can't be ended, and would be taken for gone.
            let shown = self.catch_up(async || Ok(writer.reader().instance(region, &id).await?)).await?;
            instances.extend(shown.map(|instance| instance.id));
        }
        for id in &instances {
            self.terminate(region, id).await?;
            self.engine
                .wait(async || {
                    Ok(match writer.reader().instance(region, id).await? {
                        Some(i) if i.state != "terminated" => Look::NotYet(format!("{id} is {}", i.state)),
                        _ => Look::Ready(()),
                    })
                })
                .await?;
        }
        Ok(())
    }

    async fn terminate(&self, region: &Region, id: &InstanceId) -> Result<(), EngineError> {
        let effect = format!("bake.end.{id}");
        self.removal(&effect, id, async |_| Ok(self.engine.writer.terminate_instance(region, id).await?)).await
    }

    async fn remove_group(&self, region: &Region, group: &SecurityGroupId) -> Result<(), EngineError> {
        let (writer, name) = (&self.engine.writer, format!("bake.ungroup.{group}"));
        self.engine
            .wait(async || {
                match self.removal(&name, group, async |_| Ok(writer.delete_security_group(region, group).await?)).await {
                    Ok(()) => Ok(Look::Ready(())),
                    // The instance's network interface goes some time after the instance; and an instance
                    // whose maker died at once may not have been shown before.
                    Err(EngineError::Cloud(e)) if e.is("DependencyViolation") => {
                        self.end_instances(region).await?;
                        Ok(Look::NotYet(format!("{group} is still in use")))
                    }
                    Err(e) => Err(e),
                }
            })
            .await
    }

    /// The run's nonce: what tells the guest's own words from whatever else is on its console.
    fn nonce(&self) -> String {
        Digest::of_parts([b"console nonce".as_slice(), self.id().as_str().as_bytes(), self.plan.input.as_bytes()]).short(16)
    }
}

/// Tells whether an image can never be released.
pub(super) fn is_of_no_use(image: &ImageDescription) -> bool {
    image.encrypted || !matches!(image.state.as_str(), "pending" | "available")
}

/// Tells whether an image of the name that a run needs was made of something else, or belongs to a record: it is released.
pub(super) fn is_in_the_way(image: &ImageDescription, input: &Digest) -> bool {
    let released = image.tags.get(tag::STATE).is_some_and(|state| state == "released");
    released || image.tags.get(tag::INPUT) != Some(&input.to_string())
}

/// Tells whether a scan or a boot has rejected an image.
pub(super) fn is_rejected(image: &ImageDescription) -> bool {
    image.tags.get(tag::STATE).is_some_and(|state| state == "rejected")
}

/// Says in words where an image that is taken over comes from, and what was said of it.
pub(super) fn origin(image: &ImageDescription) -> String {
    let maker = image.tags.get(tag::RUN).map_or_else(|| "an earlier run".to_owned(), |run| format!("run {run}"));
    let verdict = if is_rejected(image) { ", and scan or boot rejected it" } else { "" };
    format!("{maker} left it, made of the same inputs{verdict}")
}

/// Says in words how far a guest has come.
fn progress(log: &bake::BakeLog) -> String {
    match log.current_step() {
        Some((number, label)) => format!("step {number}, {label}"),
        None if log.provisioned => "provisioned, cleaning up".to_owned(),
        None if log.begun => "provisioning".to_owned(),
        None => "starting up".to_owned(),
    }
}

/// Returns the last lines of a console that broke off.
pub(super) fn last_lines(console: &[u8]) -> Vec<String> {
    let mut lines = scan::redact(&bake::printable(console));
    lines.split_off(lines.len().saturating_sub(20))
}

/// Lists an image's ids and its snapshots', for tagging.
pub(super) fn resources(image: &Image) -> Vec<String> {
    let snapshots = image.snapshots.iter().map(|s| s.as_str().to_owned());
    std::iter::once(image.id.as_str().to_owned()).chain(snapshots).collect()
}
