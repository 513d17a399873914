//! What AWS says an hour later, said before: by the check of manifests, the lint of change sets, the
//! planner or a command; or why nobody can.
//!
//! Each case is done twice: bakehouse is told of it, and the twin is sent the same with nobody asked before. The
//! two share nothing but the reference that both were written from.

mod convergence;
mod manifests;
mod plans;
mod sets;

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::{Bench, HOUR, change, codes, image_id};
use crate::listing::{ReleaseFacts, Templates, first_listing};
use crate::manifest::{Faults, Judge, Workspace, scaffold};
use crate::model::ids::Slug;
use crate::model::product::Product;
use crate::model::target::TargetName;

/// Codes that can't be known before, and why.
const UNKNOWABLE: &[(&str, &str)] = &[
    ("AUDIT_ERROR", "people at AWS decide"),
    ("EXPLICIT_CONTENT", "AWS's recognition of images decides"),
    ("INCOMPATIBLE_PAYMENT_SETTINGS", "the seller's payment settings can't be read"),
    ("INCOMPATIBLE_SELLER_VERIFICATION", "how far AWS has verified the seller can't be read"),
    ("INVALID_AMI_NAME", "the name in the seller's profile can't be read; images are named after the manifest's vendor"),
    ("INVALID_TAX_INFORMATION", "the seller's tax data can't be read"),
    ("MISSING_SELLER_PROFILE_INFORMATION", "the seller's profile can't be read"),
    ("SCAN_ERROR", "what AWS's scanner knows isn't published; bakehouse scans the same image and judges the same templates first"),
];

/// Codes of what the change sets of bakehouse can't say, and what keeps them from it.
const UNSAYABLE: &[(&str, &str)] = &[
    ("DUPLICATE_CHARGE_DATES", PAYMENTS),
    ("INCOMPATIBLE_MARKUP_PERCENTAGE", PAYMENTS),
    ("INVALID_CHARGE_DATES", PAYMENTS),
    ("INVALID_PAYMENT_DUE_PERIOD", PAYMENTS),
    ("TOO_MANY_BACKDATED_CHARGES", PAYMENTS),
    ("TOO_MANY_CHARGES", PAYMENTS),
    ("DUPLICATE_CHARGE_DATE_OFFSETS", PAYMENTS),
    ("INVALID_CHARGE_DATE_OFFSETS", PAYMENTS),
    ("INVALID_CHARGE_PERCENTAGES", PAYMENTS),
    ("INVALID_DAY_OF_MONTH", PAYMENTS),
    ("MISSING_PAYMENT_SCHEDULE_TERM_TEMPLATE", PAYMENTS),
    ("INCOMPATIBLE_AGREEMENT", AGREEMENTS),
    ("INCOMPATIBLE_PRE_EXISTING_AGREEMENT", AGREEMENTS),
    ("INCOMPATIBLE_RESALE_AUTHORIZATION", AGREEMENTS),
    ("MISSING_AGREEMENT_END_DATE", AGREEMENTS),
    ("MISSING_AGREEMENT_START_DATE", AGREEMENTS),
    ("INCOMPATIBLE_BUYER_ACCOUNTS", PUBLIC),
    ("INCOMPATIBLE_TARGETING", PUBLIC),
    ("MISSING_BUYER_ACCOUNTS", "a draft without buyers is given no end: that is refused itself (INVALID_AVAILABILITY_END_DATE)"),
    ("INCOMPATIBLE_PRODUCT", "an offer is made with its product, and with no other"),
    ("INVALID_UPDATE_REQUEST", "an offer is released by the set that makes it, and by no other"),
    ("TOO_MANY_OFFERS", "an offer is made with its product, and with no other"),
    ("INVALID_PRODUCT_TYPE", "all products are AMI products"),
    ("INCOMPATIBLE_RESTRICTION", "no manifest names FPGA images"),
    ("MISSING_FPGA_INSTANCE_TYPE", "no manifest names FPGA images"),
    ("INVALID_AMI_VIRTUALIZATION_TYPE", "an image is of its base's virtualization, and a base that isn't hvm is refused"),
    ("INVALID_INSTANCE_VIRTUALIZATION", "an image is of its base's virtualization, and a base that isn't hvm is refused"),
    ("DUPLICATE_MEDIA", "a listing has one logo and one video"),
    ("TOO_MANY_MEDIA", "a listing has one logo and one video"),
    ("EMPTY_TARGET_VISIBILITY", TYPED),
    ("INVALID_CURRENCY_CODE", TYPED),
    ("MISSING_DURATION", TYPED),
    ("TOO_MANY_RATES", "AWS's schema refuses it at once"),
    ("TOO_MANY_RATE_CARDS", "AWS's schema refuses it at once"),
];

const PAYMENTS: &str = "no change type of payments is made";
const AGREEMENTS: &str = "the planner makes no offer on an agreement";
const PUBLIC: &str = "the planner makes public offers alone";
const TYPED: &str = "the type has no such value, and AWS's schema refuses it at once";

#[test]
fn each_code_of_the_twin_is_foreseen_or_said_not_to_be() {
    let foreseen: BTreeSet<&str> = manifests::foreseen().chain(sets::foreseen()).chain(plans::foreseen()).collect();
    let not: Vec<&str> = UNKNOWABLE.iter().chain(UNSAYABLE).map(|(code, _)| *code).collect();
    let all: BTreeSet<&str> = super::codes::all().collect();
    let excused: BTreeSet<&str> = not.iter().copied().collect();
    assert_eq!(excused.len(), not.len(), "a code is excused twice");
    assert_eq!(excused.intersection(&foreseen).collect::<Vec<_>>(), Vec::<&&str>::new(), "excused, and foreseen after all");
    let known: BTreeSet<&str> = foreseen.union(&excused).copied().collect();
    assert_eq!(all.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new(), "said by nobody, and nobody says why");
    assert_eq!(known.difference(&all).collect::<Vec<_>>(), Vec::<&&str>::new(), "no codes of the twin");
}

/// A workspace with a product that nothing is wrong with, beside a twin that lists it.
struct Desk {
    bench: Bench,
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let desk = Self { bench: Bench::new(), folder };
        for (path, content) in scaffold(&slug()) {
            let path = desk.folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        desk
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.folder.path().join("products/stove").join(path)
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(path), content).unwrap();
        self
    }

    /// Replaces a part of the manifest that must be there.
    fn edit(&self, from: &str, to: &str) -> &Self {
        let text = fs::read_to_string(self.path("product.toml")).unwrap();
        assert!(text.contains(from), "the manifest holds {from:?}");
        self.write("product.toml", text.replacen(from, to, 1))
    }

    fn workspace(&self) -> Workspace {
        Workspace::find(self.folder.path()).unwrap()
    }

    fn check(&self) -> Faults {
        self.workspace().check(&slug(), None, &Judge::LENIENT)
    }

    fn product(&self) -> Product {
        let loaded = self.workspace().load(&slug(), TargetName::Twin, Some(&self.bench.twin.account()));
        loaded.unwrap_or_else(|faults| panic!("{}", faults.render(false))).remove(0)
    }

    /// The change set that lists the product, as bakehouse makes it.
    fn first_listing(&self) -> Set {
        let release = ReleaseFacts { version: "1.0.0".parse().unwrap(), image: image_id(2).parse().unwrap(), base: None };
        let set = first_listing(&self.product(), &release, None, &Templates::embedded()).unwrap().to_json();
        Set(set["ChangeSet"].as_array().unwrap().clone())
    }

    /// Lists the product as its manifest says; returns its id and its offer's.
    async fn listed(&self) -> (String, String) {
        let set = self.bench.finish(&self.first_listing().0).await;
        assert_eq!(set["Status"], "SUCCEEDED", "{set:#}");
        let made = |name: &str| {
            let changes = set["ChangeSet"].as_array().unwrap();
            let id = changes.iter().find(|change| change["ChangeType"] == name).unwrap()["Entity"]["Identifier"].as_str().unwrap();
            id.split('@').next().unwrap().to_owned()
        };
        (made("CreateProduct"), made("CreateOffer"))
    }

    /// Sends changes, and tells what is wrong unless the twin refuses them later and with this code.
    async fn unless_refused(&self, code: &str, changes: &[Value]) -> Option<String> {
        let (status, answer) = self.bench.start(changes).await;
        if status != 200 {
            return Some(format!("{code} is refused at once: {answer}"));
        }
        self.bench.twin.clock().sleep(HOUR * 24 * 8).await;
        let set = self.bench.set(answer["ChangeSetId"].as_str().unwrap()).await;
        let found = codes(&set);
        (!found.contains(&code)).then(|| format!("{code} is not among {found:?}"))
    }
}

fn slug() -> Slug {
    "stove".parse().unwrap()
}

/// Changes to be sent, which can be altered behind the lint's back.
struct Set(Vec<Value>);

/// Whose change it is.
#[derive(Debug, Clone, Copy)]
enum Of {
    Product,
    Offer,
}

impl Of {
    fn entity_type(self) -> &'static str {
        match self {
            Self::Product => "AmiProduct@1.0",
            Self::Offer => "Offer@1.0",
        }
    }
}

impl Set {
    fn details(&mut self, of: Of, name: &str) -> &mut Value {
        let is_it = |change: &&mut Value| change["ChangeType"] == name && change["Entity"]["Type"] == of.entity_type();
        let found = self.0.iter_mut().find(is_it).unwrap_or_else(|| panic!("no {name} of {of:?}"));
        &mut found["DetailsDocument"]
    }

    /// Puts a value to a place, of an object whether or not it has the member.
    fn put(&mut self, of: Of, name: &str, place: &str, value: Value) {
        let (parent, key) = place.rsplit_once('/').unwrap();
        match self.details(of, name).pointer_mut(parent).unwrap() {
            Value::Array(values) => values[key.parse::<usize>().unwrap()] = value,
            object => object[key] = value,
        }
    }

    /// Takes a member away.
    fn take(&mut self, of: Of, name: &str, key: &str) {
        self.details(of, name).as_object_mut().unwrap().shift_remove(key).unwrap();
    }

    /// Leaves a change out.
    fn leave_out(&mut self, of: Of, name: &str) {
        self.0.retain(|change| !(change["ChangeType"] == name && change["Entity"]["Type"] == of.entity_type()));
    }

    /// Adds a change of what the set makes.
    fn push(&mut self, of: Of, name: &str, details: Value) {
        let (entity, kind) = match of {
            Of::Product => ("$CreateProductChange.Entity.Identifier", "AmiProduct"),
            Of::Offer => ("$CreateOfferChange.Entity.Identifier", "Offer"),
        };
        self.0.push(change(kind, name, entity, details));
    }
}

/// A rate, or a dimension's, of an instance type.
fn rate(key: &str, price: &str) -> Value {
    json!({ "DimensionKey": key, "Price": price })
}

#[tokio::test]
async fn the_listing_that_nothing_is_wrong_with_is_taken() {
    let desk = Desk::new();
    assert!(desk.check().is_empty(), "{}", desk.check().render(false));
    desk.listed().await;
}
