//! Image → instance without user data → login and trial, as a buyer would → nothing left.

mod measure;
mod trial;

use std::collections::BTreeSet;

use super::Engine;
use super::failure::EngineError;
use super::observer::Note;
use super::run::Run;
use super::settle::Ending;
use super::ship::Next;
use crate::bake;
use crate::cloud::InstanceSpec;
use crate::ledger::{Journal, Outcome};
use crate::model::boot::{BootReport, BootSummary};
use crate::model::count::counted;
use crate::model::digest::Digest;
use crate::model::ids::{InstanceId, Region, Variant};
use crate::model::image::{Image, tag};
use crate::model::plan::{Plan, Planned, Step};
use crate::model::product::Product;
use crate::model::record::{BaseRecord, Release};
use crate::model::version::Version;
use crate::reach::LoginKey;

use trial::Reached;

/// The effect that holds the summary of a boot that passed.
pub(super) const DONE: &str = "boot";

/// Plans to start a released image, for a look: nothing about the release changes.
pub fn boot_plan(engine: &Engine, product: &Product, version: &Version, release: &Release) -> Plan {
    plan(engine, product.variant(), version, release.input, Step::Boot, "asked for")
}

/// Plans to see how long a base takes that is provisioned at its launch.
pub fn measure_plan(engine: &Engine, product: &Product, version: &Version, base: &BaseRecord) -> Plan {
    let input = bake::input_digest(product, base);
    plan(engine, product.variant(), version, input, Step::MeasureBase { base: base.clone() }, "--compare-base")
}

/// Finds out how a look at a release begins, or goes on where it was left.
///
/// # Errors
///
/// When the ledger can't be read.
pub async fn next_look(engine: &Engine, plan: Plan) -> Result<Next, EngineError> {
    let same = |journal: &Journal| journal.plan().is_some_and(|(left, _)| left.version == plan.version && left.steps == plan.steps);
    let mut open = engine.ledger.open_runs(&plan.variant).await?;
    if let Some(place) = open.iter().position(same) {
        return Ok(Next::Continue { journal: Box::new(open.swap_remove(place)), plan });
    }
    let chain = engine.ledger.chain(&plan.variant).await?;
    let superseded = match open.first() {
        Some(journal) => Some(Ending::settled(journal, chain.records()).ok_or_else(|| in_the_way(journal, &plan))?),
        None => None,
    };
    Ok(Next::Begin { superseded, head: chain.head(), plan })
}

/// Says which run is to be ended before a release is looked at: a variant has one run at a time.
fn in_the_way(journal: &Journal, plan: &Plan) -> EngineError {
    let run = journal.run();
    let of = journal.plan().map(|(left, _)| format!(" of {}", left.version)).unwrap_or_default();
    let end = if journal.was_done("release.record") { String::new() } else { format!("; bakehouse abandon {run} gives it up") };
    EngineError::NotReady {
        what: format!("run {run}{of} is not finished, and {} {} is started only once it is", plan.variant, plan.version),
        next: format!("bakehouse resume {run} finishes it{end}"),
    }
}

fn plan(engine: &Engine, variant: Variant, version: &Version, input: Digest, step: Step, why: &str) -> Plan {
    Plan {
        format: Plan::FORMAT,
        target: engine.target.to_owned(),
        account: engine.account.clone(),
        variant,
        version: version.clone(),
        input,
        steps: vec![Planned { step, why: why.to_owned(), irreversible: false }],
        obstacles: Vec::new(),
        notices: Vec::new(),
    }
}

/// What one attempt to start an image needs, and is known by.
struct Attempt {
    number: u32,
    key: LoginKey,
    key_name: String,
}

impl Run<'_> {
    /// Starts the image and tries it; a failure ends the run, the image kept and tagged.
    pub(super) async fn boot(&self) -> Result<BootSummary, EngineError> {
        let image = self.image_to_boot().await?;
        let bakes = self.plan.base().is_some();
        // Only a boot that passed is journalled: one that stopped is made again, with today's tests.
        let summary = self
            .effect(DONE, &image.id, async |_| {
                let (report, reached) = self.boot_once(&image).await?;
                let (kept, digest) = self.engine.ledger.keep_boot(self.variant(), &self.plan.version, self.id(), &report).await?;
                if let Some(summary) = report.summary() {
                    return Ok(BootSummary { report: Some(digest), ..summary });
                }
                if let Reached::Nobody { why } = reached {
                    return Err(EngineError::BootUnreached { image: image.id.clone(), why, kept });
                }
                if bakes {
                    let rejected = [(tag::STATE.to_owned(), "rejected".to_owned())].into();
                    self.engine.writer.tag(&image.region, &super::bake::resources(&image), &rejected).await?;
                }
                let version = self.plan.version.clone();
                Err(EngineError::BootFailed { version, image: image.id.clone(), report: Box::new(report), kept, released: !bakes })
            })
            .await;
        if let Err(EngineError::BootFailed { .. }) = &summary {
            self.end_later(Outcome::Rejected).await;
        }
        let summary = summary?;
        let text = format!("ready {} s after its launch on {}", summary.ready_seconds, summary.instance_type);
        self.done_note(format!("{text}; {} passed", counted(summary.checks.len(), "check")));
        Ok(summary)
    }

    /// The image that this run baked, or the one that the version was released with.
    async fn image_to_boot(&self) -> Result<Image, EngineError> {
        match self.released().await {
            Ok(released) => Ok(released.release.image),
            Err(EngineError::NotReady { .. }) => self.baked().await,
            Err(error) => Err(error),
        }
    }

    /// Makes everything that a trial needs, tries the image, and removes it all again.
    async fn boot_once(&self, image: &Image) -> Result<(BootReport, Reached), EngineError> {
        let number = self.next_attempt("boot", "key").await;
        let attempt = Attempt { number, key: LoginKey::random(), key_name: format!("bakehouse-{}-{number}", self.id()) };
        let trial = async || {
            let (instance, launched) = self.launch(image, &attempt).await?;
            self.try_out(image, &instance, &attempt.key, launched).await
        };
        self.leaving_nothing(&image.region, number, trial).await
    }

    /// Tells which attempt at something this process's is, by the first effect that each has: a process that is killed
    /// takes along what it takes to go on, a key or the time of a launch.
    async fn next_attempt(&self, of: &str, first: &str) -> u32 {
        let mut number = 1;
        while !self.is_open(&format!("{of}.{number}.{first}")).await {
            number += 1;
        }
        number
    }

    /// Works with instances that nobody else can go on with: those of earlier attempts are ended first, and whatever
    /// comes of this one, nothing of it is left.
    async fn leaving_nothing<T>(
        &self,
        region: &Region,
        attempt: u32,
        work: impl AsyncFnOnce() -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        if attempt > 1 {
            self.clean_up(region).await?;
        }
        let worked = work().await;
        let cleaned = self.clean_up(region).await;
        let done = worked?;
        cleaned?;
        Ok(done)
    }

    async fn launch(&self, image: &Image, attempt: &Attempt) -> Result<(InstanceId, jiff::Timestamp), EngineError> {
        let (writer, boot, region) = (&self.engine.writer, &self.product.boot, &image.region);
        let (number, name) = (attempt.number, &attempt.key_name);
        let described = writer.reader().image(region, &image.id).await?;
        let described = described.ok_or_else(|| self.not_ready("has no image any more", "ship"))?;
        self.effect(&format!("boot.{number}.key"), name, async |_| {
            match writer.import_key_pair(region, name, &attempt.key.public_line(), &self.tags()).await {
                // The name is this attempt's, and the attempt this process's: the answer of an earlier try was lost.
                Err(e) if !e.is("InvalidKeyPair.Duplicate") => Err(e.into()),
                _ => Ok(()),
            }
        })
        .await?;
        let description = format!("Lets in who tries {} {}", self.variant(), self.plan.version);
        let effect = format!("boot.{number}.group");
        let group = self.effect(&effect, name, async |_| self.make_group(region, name, &description).await).await?;
        let ports: BTreeSet<u16> = boot.checks.iter().map(|check| check.port).chain([boot.port]).collect();
        self.effect(&format!("boot.{number}.ports"), &ports, async |_| {
            Ok(writer.open_ports(region, &group, &ports, &boot.allow_from).await?)
        })
        .await?;
        let spec = InstanceSpec {
            image: image.id.clone(),
            instance_type: boot.instance_type.clone(),
            root_device: described.root_device,
            root_volume_size_gib: described.root_volume_size_gib,
            root_volume_type: self.product.image.root_volume_type.clone(),
            security_group: group,
            subnet: self.product.build.subnet.clone(),
            public_address: self.product.build.public_address,
            key: Some(name.clone()),
            user_data: Vec::new(),
            tags: self.instance_tags("boots"),
        };
        let launched = self.engine.clock.now();
        let effect = format!("boot.{number}.instance");
        let id = self.effect(&effect, name, async |token| Ok(writer.run_instance(region, &spec, &token).await?)).await?;
        self.done_note(format!("{id} starts on {}", spec.instance_type));
        Ok((id, launched))
    }

    /// The tags of an instance of this run, which has a name that says what it is for.
    fn instance_tags(&self, does: &str) -> std::collections::BTreeMap<String, String> {
        let mut tags = self.tags();
        tags.insert("Name".to_owned(), format!("bakehouse {does} {} {}", self.variant(), self.plan.version));
        tags
    }

    /// Reads an instance's console; one that there is not yet is empty.
    async fn read_console(&self, region: &Region, id: &InstanceId) -> Result<Vec<u8>, EngineError> {
        match self.engine.writer.reader().console(region, id).await {
            Err(e) if e.code.as_deref().is_some_and(|c| c.starts_with("InvalidInstanceID") || c == "IncorrectInstanceState") => {
                Ok(Vec::new())
            }
            console => Ok(console?),
        }
    }

    fn tell(&self, result: &crate::model::boot::BootResult) {
        let text = format!("{}: {}", result.name, result.found);
        self.note(if result.passed { Note::Done { text } } else { Note::Notice { text: format!("failed: {text}") } });
    }
}

fn seconds_since(begin: jiff::Timestamp, now: jiff::Timestamp) -> u64 {
    u64::try_from(now.duration_since(begin).as_secs()).unwrap_or(0)
}
