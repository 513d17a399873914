//! Every way to stop, as it is told.

use std::collections::BTreeSet;

use super::*;
use crate::cloud::{BaseError, BucketError, CloudError, Outcome};
use crate::engine::{LeftAt, MissingBase};
use crate::ledger::{Binding, LedgerError};
use crate::listing::Refusal;
use crate::model::ids::{Architecture, Region, Variant};
use crate::model::product::{Base, BootMode};
use crate::model::record::ChangeError;
use crate::model::version::Version;
use crate::plan::PlanError;

fn refused(operation: &'static str, code: &str, message: &str) -> CloudError {
    CloudError {
        operation,
        region: Region::marketplace(),
        code: Some(code.to_owned()),
        message: message.to_owned(),
        request_id: Some("4f1b2c3d-0000-4000-8000-000000000000".to_owned()),
        outcome: Outcome::Refused,
    }
}

fn syntax_error() -> serde_json::Error {
    serde_json::from_str::<u32>("x").unwrap_err()
}

fn error(change: &str, code: &str, message: &str) -> Refusal {
    Refusal::of_record(&ChangeError { change: change.to_owned(), code: code.to_owned(), message: message.to_owned() })
}

/// What came of a version's change set.
fn ended(validation: bool, status: &str, errors: Vec<Refusal>) -> EngineError {
    let change_set = "0123456789abcdefghijklmno".parse().unwrap();
    EngineError::ListingRefused { version: version(), change_set, status: status.to_owned(), validation, errors }
}

fn refusal(validation: bool) -> EngineError {
    let error = error("AddDeliveryOptions", "DUPLICATE_VERSION_TITLE", "There is a version of this title.");
    ended(validation, "FAILED", vec![error])
}

/// What came of a change of the listing.
fn changed(status: &str, errors: Vec<Refusal>) -> EngineError {
    let change_set = "0123456789abcdefghijklmno".parse().unwrap();
    EngineError::ChangeRefused { what: "texts + regions".to_owned(), change_set, status: status.to_owned(), errors }
}

fn version() -> Version {
    "1.2.0".parse().unwrap()
}

fn pending(what: &str) -> EngineError {
    EngineError::Pending { what: what.to_owned(), next: "bakehouse ship hello-web".to_owned() }
}

/// One of each kind at least.
fn samples() -> Vec<EngineError> {
    let image = || "ami-0123456789abcdef0".parse().unwrap();
    let binding = |account: &str| Binding { format: 1, target: "aws".to_owned(), account: account.parse().unwrap() };
    let lost = CloudError {
        code: None,
        message: "the connection broke".to_owned(),
        request_id: None,
        outcome: Outcome::Unknown,
        ..refused("CopyImage", "", "")
    };
    let unknown = crate::listing::AmiProduct::parse("[").unwrap_err();
    let user_data = crate::bake::UserDataError::InvalidNonce { nonce: "a b".to_owned() };
    vec![
        EngineError::Cloud(refused("RunInstances", "VcpuLimitExceeded", "You have requested more vCPU capacity than your current limit.")),
        EngineError::Cloud(lost),
        EngineError::Cloud(refused("GetCallerIdentity", "ExpiredToken", "The security token included in the request is expired")),
        EngineError::Ledger(LedgerError::Bound {
            place: "s3://ledger/bakehouse".to_owned(),
            found: binding("111122223333"),
            wanted: binding("444455556666"),
        }),
        EngineError::Ledger(LedgerError::Chain {
            place: "ledger".to_owned(),
            variant: "hello-web.x86_64".to_owned(),
            sequence: 3,
            reason: "it names another record as the one before".to_owned(),
        }),
        EngineError::Ledger(LedgerError::Changed { place: "ledger".to_owned(), object: "hello-web.x86_64/reports/1.0.0.json".to_owned() }),
        EngineError::WrongLedger {
            variant: Variant { product: "hello-web".parse().unwrap(), architecture: Architecture::X86_64 },
            wrong: vec!["1.0.0 is on AWS's tags and not in the ledger".to_owned()],
        },
        EngineError::Moved { variant: Variant { product: "hello-web".parse().unwrap(), architecture: Architecture::X86_64 } },
        EngineError::Base(BaseError::NotFound {
            region: Region::marketplace(),
            wanted: "an available image of 136693071363 named debian-13-*".to_owned(),
        }),
        EngineError::NoBase(Box::new(MissingBase {
            variant: Variant { product: "hello-web".parse().unwrap(), architecture: Architecture::Arm64 },
            target: "twin".to_owned(),
            boot_mode: BootMode::Uefi,
            base: Base::Parameter { name: "/aws/service/debian/release/13/latest/arm64".to_owned() },
            source: BaseError::NotFound {
                region: Region::marketplace(),
                wanted: "named by the parameter /aws/service/debian/release/13/latest/arm64, which does not exist".to_owned(),
            },
        })),
        EngineError::Bucket(BucketError::Missing { bucket: "acme-bakes".to_owned() }),
        EngineError::Bucket(BucketError::NotPublic {
            bucket: "acme-media".to_owned(),
            key: "bakehouse/hello-web/0123456789abcdef-logo.png".to_owned(),
            code: "AccessDenied".to_owned(),
        }),
        EngineError::Plan(PlanError::EncryptsByDefault { regions: vec![Region::marketplace()] }),
        EngineError::Plan(PlanError::Unchanged { wanted: "1.3.0".parse().unwrap(), latest: version() }),
        EngineError::UserData(user_data),
        EngineError::Entity(unknown),
        EngineError::InstanceType {
            instance_type: "t2.small".to_owned(),
            region: Region::marketplace(),
            reason: "is not a Nitro instance type".to_owned(),
        },
        EngineError::SubmissionRefused {
            what: "version 1.2.0".to_owned(),
            source: refused("StartChangeSet", "ValidationException", "Not so."),
        },
        EngineError::BakeStep {
            step: "script provision/20-tune.sh".to_owned(),
            status: "17".to_owned(),
            tail: vec!["nearly there".to_owned()],
            kept: "hello-web.x86_64/bakes/1.2.0-r0-0.json".to_owned(),
        },
        EngineError::BakeBroken {
            how: "stopped".to_owned(),
            tail: vec!["Kernel panic".to_owned()],
            kept: "hello-web.x86_64/bakes/1.2.0-r0-1.json".to_owned(),
        },
        EngineError::ImageState { image: image(), state: "failed".to_owned(), reason: "Client.InternalError".to_owned() },
        EngineError::ImageGone { image: image(), region: Region::marketplace() },
        EngineError::Encrypted { image: image() },
        EngineError::CopyUnusable {
            region: "eu-central-1".parse().unwrap(),
            image: image(),
            reason: "is failed: Client.InternalError".to_owned(),
        },
        EngineError::NameTaken {
            name: "Bakehouse-hello-web-1.2.0-x86_64-01234567".to_owned(),
            region: Region::marketplace(),
            image: image(),
        },
        EngineError::BootUnreached {
            image: image(),
            why: "login as admin on port 22: not within 20 minutes: nobody answers on port 22: timed out".to_owned(),
            kept: "hello-web.x86_64/boots/1.2.0-r0-0.json".to_owned(),
        },
        EngineError::Unmeasured { why: "packages nginx failed with status 100".to_owned(), tail: vec!["E: Unable to locate".to_owned()] },
        EngineError::NotReady { what: "hello-web.x86_64 1.2.0 was not scanned".to_owned(), next: "bakehouse scan hello-web".to_owned() },
        pending("change set 0123456789abcdefghijklmno is PREPARING (waited for since 2026-11-23 12:00 UTC)"),
        EngineError::CredentialsRanOut {
            next: "bakehouse ship hello-web".to_owned(),
            source: Box::new(refused("DescribeInstances", "RequestExpired", "Request has expired.").into()),
        },
        EngineError::Left {
            at: vec![LeftAt {
                step: "copy the image to eu-central-1".to_owned(),
                going_on: Some("ami-0123456789abcdef0 is pending".to_owned()),
            }],
            next: "bakehouse ship hello-web".to_owned(),
        },
        EngineError::Left { at: Vec::new(), next: "bakehouse ship hello-web".to_owned() },
        EngineError::Several {
            errors: vec![
                EngineError::Cloud(refused("CopyImage", "ResourceLimitExceeded", "Too many copies.")),
                pending("image ami-0123456789abcdef0 is pending"),
            ],
        },
        refusal(false),
        refusal(true),
        ended(false, "FAILED", vec![error("the change set", "SERVER_FAULT", "Start the change set again.")]),
        ended(true, "FAILED", vec![error("the change set", "SERVER_FAULT", "Start the change set again.")]),
        ended(false, "CANCELLED", Vec::new()),
        ended(false, "FAILED", Vec::new()),
        changed("FAILED", vec![error("AddRegions", "INVALID_REGIONS", "The Region is not available.")]),
        changed("FAILED", vec![error("the change set", "SERVER_FAULT", "Start the change set again.")]),
        changed("CANCELLED", Vec::new()),
        EngineError::ListingMoved { entity: "prod-abcdefghijklm".parse().unwrap(), planned: 7, found: 9 },
        EngineError::TitleInUse {
            version: version(),
            sealed: true,
            reason: "its title is in use by change set 0123456789abcdefghijklmno".to_owned(),
        },
        EngineError::Run { run: "20261123-120000-abcdef".parse().unwrap(), reason: "its journal holds no plan".to_owned() },
        EngineError::ScanTask("a thread panicked".to_owned()),
        EngineError::Journal { run: "20261123-120000-abcdef".parse().unwrap(), effect: "baked".to_owned(), source: syntax_error() },
    ]
}

#[test]
fn every_end_is_told_with_its_state_and_what_to_do() {
    let told: Vec<String> = samples()
        .into_iter()
        .map(|error| {
            let failure = Failure::Engine(Box::new(error));
            format!("exit {}\n{}", failure.exit_code(), failure.render(false))
        })
        .collect();
    insta::assert_snapshot!("every_end", told.join("\n"));
}

#[test]
fn every_kind_of_end_is_among_them() {
    // Made of whole values that other tests make: the report, the change set.
    const ELSEWHERE: [&str; 4] = ["Rejected", "BootFailed", "Listing", "ChangeSet"];
    let source = include_str!("../engine/failure.rs");
    let kinds = source.split_once("pub enum EngineError {").unwrap().1.split_once("\n}").unwrap().0;
    let kinds: BTreeSet<&str> = kinds
        .lines()
        .filter_map(|line| line.strip_prefix("    ").filter(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase())))
        .map(|line| line.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap())
        .collect();
    assert!(kinds.len() > 20, "{kinds:?}");
    let debug: Vec<String> = samples().iter().map(|error| format!("{error:?}")).collect();
    let shown: BTreeSet<&str> =
        debug.iter().map(|text| text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap()).chain(ELSEWHERE).collect();
    assert_eq!(kinds.difference(&shown).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn several_ends_have_the_worst_one_s_exit_code() {
    let left = || EngineError::Left { at: Vec::new(), next: String::new() };
    for (errors, code) in [
        (vec![pending("a"), pending("b")], exit::PENDING),
        (vec![pending("a"), left()], exit::INTERRUPTED),
        (vec![refusal(false), pending("a")], exit::LISTING_REFUSED),
        (vec![refusal(false), EngineError::ScanTask(String::new())], exit::FAILED),
        (vec![ended(false, "CANCELLED", Vec::new()), pending("a")], exit::FAILED),
        (vec![changed("FAILED", vec![error("the change set", "SERVER_FAULT", "")]), pending("a")], exit::FAILED),
    ] {
        let failure = Failure::Engine(Box::new(EngineError::Several { errors }));
        assert_eq!(failure.exit_code(), code, "{failure:?}");
    }
}
