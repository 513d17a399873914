//! What is told of each way in which a plan can stop: details, the state things are in, what to do.

use std::collections::BTreeSet;

use crate::bake::UserDataError;
use crate::cloud::{BaseError, BucketError, CloudError, call_advice, media_policy};
use crate::engine::EngineError;
use crate::ledger::LedgerError;
use crate::listing::Blame;
use crate::model::boot::BootReport;
use crate::model::ids::ImageId;
use crate::model::version::Version;
use crate::plan::PlanError;

/// What is told besides the message.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// What it was, more closely.
    pub details: Vec<String>,
    /// The state things are in, and what was kept.
    pub state: Vec<String>,
    /// What to do; the last one is the command to go on with.
    pub next: Vec<String>,
}

const KEPT: &str = "what was done is in the ledger, and nothing of it is made twice";
const NOTHING_MADE: &str = "nothing was made";
const SEALED: &str = "the version stays sealed, with its copies and grants";
const SAME_COMMAND: &str = "then the same command goes on from there";

impl Told {
    fn new(state: &[&str], next: &[&str]) -> Self {
        let lines = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect();
        Self { details: Vec::new(), state: lines(state), next: lines(next) }
    }

    fn with_details(self, details: impl IntoIterator<Item = String>) -> Self {
        Self { details: details.into_iter().collect(), ..self }
    }

    fn then(mut self, next: impl Into<String>) -> Self {
        self.next.push(next.into());
        self
    }
}

/// Says how a bucket is opened to everyone; the policy would take the place of one that there is.
fn not_public(bucket: &str) -> Told {
    Told::new(&["nothing was submitted", KEPT], &[])
        .then(format!(
            "let policies open it: aws s3api put-public-access-block --bucket {bucket} --public-access-block-configuration \
             BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=false,RestrictPublicBuckets=false"
        ))
        .then(format!("add to its policy what else is there (aws s3api get-bucket-policy --bucket {bucket}), or put this alone:"))
        .then(format!("aws s3api put-bucket-policy --bucket {bucket} --policy '{}'", media_policy(bucket)))
        .then(SAME_COMMAND)
}

/// Says what there is to say of an engine's end.
pub(super) fn tell(error: &EngineError) -> Told {
    match error {
        EngineError::Cloud(e) if e.operation == "GetCallerIdentity" => of_call(e, "nothing was done", "then the same command again"),
        EngineError::Cloud(e) => of_call(e, KEPT, SAME_COMMAND),
        EngineError::CredentialsRanOut { next, source } => {
            let told = of_code(source.code().as_deref(), "what AWS has begun goes on there; what was done is in the ledger", "");
            Told { next: told.next.into_iter().filter(|line| !line.is_empty()).collect(), ..told }.then(next)
        }
        EngineError::Ledger(e) => match error.code() {
            Some(code) => of_code(Some(&code), "what was written stays; nothing is ever overwritten", SAME_COMMAND),
            None => of_ledger(e),
        },
        EngineError::WrongLedger { .. } => Told::new(
            &["nothing is planned on it"],
            &[
                "bring the right ledger first (git pull, or the ledger in bakehouse.toml)",
                "a local ledger is one machine's: where several release, share one in a bucket",
            ],
        ),
        EngineError::Moved { variant } => Told::new(&["another runner was at work in between; nothing was done"], &[])
            .then(format!("look at what is left to do: bakehouse plan {}", variant.product)),
        EngineError::Base(BaseError::Cloud(e)) => of_call(e, NOTHING_MADE, SAME_COMMAND),
        EngineError::NoBase(missing) => {
            let told = Told::new(&[NOTHING_MADE], &[]);
            super::base::remedies(missing).into_iter().fold(told, Told::then)
        }
        EngineError::Base(BaseError::NotFound { .. }) => {
            Told::new(&[KEPT], &["it was there when this was planned: bring it back, or mend image.base in the manifest and ship again"])
        }
        EngineError::Base(BaseError::NotAnImage { .. }) => Told::new(&[NOTHING_MADE], &["mend image.base in the manifest"]),
        EngineError::Bucket(BucketError::Missing { bucket }) => Told::new(&[KEPT], &[])
            .then(format!("make it (aws s3 mb s3://{bucket}) or name another in image.build.bucket; then ship again")),
        EngineError::Bucket(BucketError::NotPublic { bucket, .. }) => not_public(bucket),
        EngineError::Bucket(e) => match e.code() {
            Some(code) => of_code(Some(&code), KEPT, SAME_COMMAND),
            None => Told::new(&[KEPT], &["the same command goes on from there"]),
        },
        EngineError::Plan(e) => of_plan(e),
        EngineError::UserData(UserDataError::NoBucket { .. }) => Told::new(
            &[NOTHING_MADE],
            &["name a bucket of yours in image.build: bucket = \"acme-bakes\"; or fetch large files in a script"],
        ),
        EngineError::UserData(_) => Told::new(&[NOTHING_MADE], &["make the provisioning smaller, then ship again"]),
        EngineError::Listing(_) => {
            Told::new(&["nothing was submitted", SEALED], &["mend the manifest or the product's template, then ship again"])
        }
        EngineError::Entity(_) | EngineError::ChangeSet(_) => {
            Told::new(&["nothing was submitted", KEPT], &["the Marketplace may have a newer form of it: try a newer bakehouse"])
        }
        EngineError::InstanceType { .. } => Told::new(&[NOTHING_MADE], &["mend image.build in the manifest, then ship again"]),
        EngineError::BakeStep { tail, kept, .. } | EngineError::BakeBroken { tail, kept, .. } => Told::new(
            &["the instance and its security group were removed; no image was made; the version is free again"],
            &["mend the provisioning and ship again"],
        )
        .kept(format!("the console: {kept} of the ledger"))
        .with_details(tail.iter().map(|line| format!("| {line}"))),
        EngineError::ImageState { image, .. } => {
            Told::new(&["the instance and its security group were removed; the version is free again"], &[])
                .kept(of_no_use(image))
                .then("ship again")
        }
        EngineError::ImageGone { .. } => Told::new(
            &["somebody else has removed it; nothing was shared or submitted; the version is free again"],
            &["ship again: it is made anew"],
        ),
        EngineError::Encrypted { image } => {
            Told::new(&["the instance and its security group were removed; the version is free again"], &[])
                .kept(of_no_use(image))
                .then("turn encryption by default off for the build (aws ec2 disable-ebs-encryption-by-default --region …)")
                .then("then ship again")
        }
        EngineError::CopyUnusable { .. } => {
            Told::new(&["nothing of it was shared", SEALED], &["mend what it says, then ship again: the copy is removed and made anew"])
        }
        EngineError::NameTaken { region, image, .. } => Told::new(&[KEPT], &[])
            .kept(format!("{image} is not this run's work, and stays"))
            .then(format!("if nobody needs it: aws ec2 deregister-image --region {region} --image-id {image}"))
            .then("then ship again"),
        EngineError::Rejected { version, image, report } => {
            let told = Told::new(&["nothing was shared or submitted"], &[])
                .with_details(crate::scan::render(report).lines().map(str::to_owned))
                .kept(format!("{image} is kept, unshared, tagged as rejected; bakehouse gc --older-than 0s --apply removes it"));
            // What the database lacks is nothing of the image's.
            let (of_database, of_image): (Vec<_>, Vec<_>) = report.failing().partition(|finding| crate::scan::is_of_database(finding));
            let cures: BTreeSet<&str> = of_database.iter().map(|finding| finding.remedy.as_str()).collect();
            let told = cures.into_iter().fold(told, Told::then);
            match of_image.is_empty() {
                true => told.then(format!("then ship again: the same image is judged anew, and the version is still {version}")),
                false => told.then(format!("mend the provisioning and ship again: the version is still {version}")),
            }
            .then("what may pass is waived in the manifest: [[scan.waiver]], docs/scan.md")
            .then("while nothing that goes into it changes, this image is judged again: ship --rebuild makes another")
        }
        EngineError::BootFailed { version, image, kept, report, released } => {
            let told = if *released {
                Told::new(&["the instance is gone"], &[]).kept(format!("{image} and its release stay as they are"))
            } else {
                Told::new(&["nothing was shared or submitted; the instance is gone"], &[])
                    .kept(format!("{image} is kept, unshared, tagged as rejected; bakehouse gc --older-than 0s --apply removes it"))
                    .then(format!("mend provisioning or tests and ship again: the version is still {version}"))
            };
            told.kept(format!("report and console: {kept} of the ledger")).with_details(boot_lines(report))
        }
        EngineError::BootUnreached { kept, .. } => Told::new(
            &["nothing was shared or submitted; the instance is gone; the image is kept, and not rejected"],
            &[
                "see that boot.allow-from holds this machine's address, and that subnet, route and public address let it through",
                "if network and group are right, the console tells whether the image has its network up",
            ],
        )
        .kept(format!("report and console: {kept} of the ledger"))
        .then("then the same command again: the same image is tried anew".to_owned()),
        EngineError::Unmeasured { tail, .. } => Told::new(
            &["the instance and its security group were removed; the release stays as it is"],
            &["mend the provisioning, then boot --compare-base again"],
        )
        .with_details(tail.iter().map(|line| format!("| {line}"))),
        EngineError::NotReady { next, .. } => Told::new(&[], &[next]),
        EngineError::Pending { next, .. } => Told::new(&["it goes on at AWS, whether somebody waits or not"], &[next]),
        EngineError::Left { next, .. } => {
            Told::new(&["what AWS has begun goes on there; what was done is in the ledger"], &[]).then(format!("go on with: {next}"))
        }
        EngineError::Several { .. } => Told::default(),
        EngineError::ListingRefused { validation, status, errors, version, .. } => {
            of_version(*validation, Blame::of(status, errors), version).with_details(errors.iter().flat_map(refusal_lines))
        }
        EngineError::ChangeRefused { status, errors, .. } => {
            let next = match Blame::of(status, errors) {
                Blame::Cancelled => "if it is still wanted, the same command plans it anew",
                Blame::Aws => "nothing is to be mended: the same command starts it again",
                Blame::Request => "mend what it says, then the same command plans anew",
                Blame::Unknown => NO_REASON,
            };
            Told::new(&["the listing is as it was before this change set"], &[next]).with_details(errors.iter().flat_map(refusal_lines))
        }
        EngineError::ListingMoved { .. } => {
            Told::new(&["nothing was submitted against it"], &["`bakehouse list plan PRODUCT` shows what is left to change by now"])
        }
        EngineError::SubmissionRefused { source, .. } => of_call(source, SEALED, "mend what it says, then the same command again"),
        EngineError::TitleInUse { sealed: false, .. } => {
            Told::new(&["nothing was made"], &["name a later version: --version VERSION, or --bump minor"])
        }
        EngineError::TitleInUse { .. } => {
            Told::new(&["nothing was submitted", SEALED], &["`bakehouse ship PRODUCT --rebuild` releases a new version"])
        }
        EngineError::Run { .. } => {
            Told::new(&[KEPT], &["`bakehouse history` shows the versions; finish or give up the run that is in the way"])
        }
        EngineError::ScanTask(_) => Told::new(&[KEPT], &["the same command goes on from there"]),
        EngineError::Journal { .. } => Told::new(&[KEPT], &["go on with the bakehouse that began the run"]),
    }
}

impl Told {
    fn kept(mut self, state: impl Into<String>) -> Self {
        self.state.push(state.into());
        self
    }
}

/// What is told of an image that a bake came to, and that can't be released.
fn of_no_use(image: &ImageId) -> String {
    format!("{image} is kept, unshared, until the next ship needs its name or bakehouse gc --older-than 0s --apply removes it")
}

/// A call's failure: AWS's own words are in the message; this says what they come from.
fn of_call(error: &CloudError, state: &str, then: &str) -> Told {
    of_code(error.code.as_deref(), state, then)
}

fn of_code(code: Option<&str>, state: &str, then: &str) -> Told {
    let advice = code.and_then(call_advice);
    let told = Told::new(&[state], &[]).with_details(advice.iter().map(|advice| format!("why: {}", advice.cause)));
    let remedy = match &advice {
        Some(advice) => advice.remedy,
        None if code.is_none() => "is the network there, is the endpoint right?",
        None => "see AWS's reference of the service for this code",
    };
    told.then(remedy).then(then)
}

fn of_ledger(error: &LedgerError) -> Told {
    match error {
        LedgerError::Bound { .. } => Told::new(
            &["nothing was read or written"],
            &["work with the account that the ledger is of, or in another workspace; a ledger is never moved to another account"],
        ),
        LedgerError::Chain { .. } => Told::new(
            &["nothing was written: a chain that doesn't hold together is not built upon"],
            &["what was sealed is never changed: bring the ledger back as it was, then `bakehouse ledger verify`"],
        ),
        LedgerError::Changed { .. } => Told::new(
            &["what it says is not believed"],
            &["what was sealed is never changed: bring the ledger back as it was, then `bakehouse ledger verify`"],
        ),
        LedgerError::Held { hold, .. } => Told::new(&["nothing was done"], &[])
            .then(format!("wait until it ends (bakehouse runs {} shows where it stands)", hold.variant.product))
            .then(format!(
                "a process of this machine that was killed is followed at once, one elsewhere once it was not heard of until {:.0}",
                hold.until
            )),
        LedgerError::Fenced { run, .. } => {
            Told::new(&["nothing is lost"], &[]).then(format!("the other one goes on from what run {run} had done (bakehouse runs)"))
        }
        LedgerError::Claimed { held, .. } => Told::new(&["nothing was done"], &[])
            .then(format!("if it is another machine's, finish it there: bakehouse resume {}", held.run))
            .then(format!("if that is gone, remove what it left and give the version back: bakehouse abandon {}", held.run)),
        LedgerError::Taken { .. } => Told::new(&["nothing was overwritten"], &["the same command again, once the other one is done"]),
        _ => Told::new(
            &["what was written stays; nothing is ever overwritten"],
            &["mend what is wrong with the ledger's place, then the same command again"],
        ),
    }
}

fn of_plan(error: &PlanError) -> Told {
    match error {
        PlanError::Base { .. } => Told::new(&[NOTHING_MADE], &["choose another base image (image.base)"]),
        PlanError::EncryptsByDefault { .. } => Told::new(
            &[NOTHING_MADE],
            &["turn it off for the build (aws ec2 disable-ebs-encryption-by-default --region …) or bake in another account"],
        ),
        PlanError::NoBase => Told::new(&[NOTHING_MADE], &["mend image.base in the manifest"]),
        PlanError::NotSealed { .. } => Told::new(&[NOTHING_MADE], &["`bakehouse history` shows the versions that are sealed"]),
        PlanError::Version(_) => Told::new(&[NOTHING_MADE], &["choose another --version, or none: --bump major, minor or patch counts on"]),
        PlanError::Unchanged { wanted, latest } => Told::new(&["nothing was made for the version that was asked for"], &[])
            .then(format!("--rebuild --version {wanted} releases it all the same, with the newest base"))
            .then(format!("without --version, what {latest} still lacks (copies, grants, its listing) is made up for")),
        PlanError::ListingUnderWay { version, .. } => {
            Told::new(&[NOTHING_MADE], &[]).then(format!("wait until {version} is listed: bakehouse list status PRODUCT; then ship again"))
        }
        PlanError::NothingListed => Told::new(
            &[NOTHING_MADE],
            &[
                "name it in the manifest if there is one: `bakehouse list import prod-…` does",
                "`bakehouse ship PRODUCT` lists a first version",
            ],
        ),
        PlanError::DraftFilled { .. } => Told::new(
            &[NOTHING_MADE],
            &[
                "finish the draft in the Management Portal, then name it in the manifest (listing.product-id)",
                "or choose another title; AWS never deletes a draft",
            ],
        ),
        PlanError::TitleTaken { .. } => {
            Told::new(&[NOTHING_MADE], &["if it is this product, name it in the manifest (listing.product-id); else choose another title"])
        }
    }
}

/// What failed, with the end of what it wrote; the console's end where nobody could log in.
fn boot_lines(report: &BootReport) -> Vec<String> {
    const MOST_LINES: usize = 20;
    let tail = |lines: &[String]| -> Vec<String> {
        lines[lines.len().saturating_sub(MOST_LINES)..].iter().map(|line| format!("| {line}")).collect()
    };
    let mut lines = Vec::new();
    for check in report.failed() {
        lines.push(format!("{}: {}", check.name, check.found));
        lines.extend(tail(&check.output));
    }
    if report.host_key.is_none() {
        lines.push("the end of the console:".to_owned());
        lines.extend(tail(&report.console));
    }
    lines
}

const NO_REASON: &str = "AWS gives no reason: the same command tries it once more; ask AWS Marketplace Seller Operations if it fails again";

/// What is told of a change set of a version that took no effect.
fn of_version(validation: bool, blame: Blame, version: &Version) -> Told {
    if validation {
        let next = match blame {
            Blame::Cancelled | Blame::Aws => "nothing is to be mended: the same command has it rehearsed again",
            Blame::Request => "mend what it says, then ship again",
            Blame::Unknown => NO_REASON,
        };
        return Told::new(&["only AWS's rehearsal failed: the version is sealed and its title is free"], &[next]);
    }
    let (state, next) = match blame {
        Blame::Cancelled => ("its title is free", "if it is still wanted, `bakehouse ship PRODUCT` submits it again"),
        Blame::Aws => (
            "AWS may keep its title as used up",
            "nothing is to be mended: `bakehouse ship PRODUCT` starts it again, with --rebuild as a new version if the title is used up",
        ),
        Blame::Request | Blame::Unknown => {
            ("its title is used up by the refusal", "mend what it says, then `bakehouse ship PRODUCT --rebuild` lists it as a new version")
        }
    };
    Told::new(&[], &[next]).kept(format!("{version} stays released; {state}"))
}

fn refusal_lines(error: &crate::listing::Refusal) -> Vec<String> {
    let mut lines = vec![format!("{}: {}: {}", error.change, error.code, error.message)];
    if let Some(advice) = error.advice {
        lines.push(format!("  why: {}", advice.cause));
        lines.push(format!("  what to do: {}", advice.remedy));
    }
    lines.extend(error.origin.iter().map(|origin| format!("  where: {origin}")));
    lines.extend(error.findings.iter().map(|finding| format!("  found: {}: {}", finding.code, finding.message)));
    lines
}
