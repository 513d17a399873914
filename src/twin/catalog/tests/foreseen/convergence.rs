//! For any manifest and any listing, whoever else has been at it: the twin takes what is planned, and then nothing is.

use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use serde_json::{Value, json};

use super::super::super::entities::Visibility;
use super::super::{HOUR, change, codes, image_id, version};
use super::Desk;
use crate::listing::{
    AmiProduct, Desired, Entity, Given, Live, Offer, Planned, ReleaseFacts, Templates, VersionTexts, first_listing, plan, sent,
};
use crate::model::price::Rise;
use crate::model::product::{FutureRegions, Pricing, Product};

const TYPES: [&str; 4] = ["t3.micro", "t3.small", "t3.large", "m5.large"];
/// An account that somebody else lets see the product.
const FOREIGN: &str = "777777777777";

prop_compose! {
    /// What a manifest may say otherwise than another.
    fn wishes()(
        types in subsequence(TYPES.to_vec(), 1..=TYPES.len()),
        recommended in any::<Index>(),
        prices in prop::collection::vec(select(vec!["0.01", "0.02", "0.05"]), TYPES.len()),
        annual in prop::option::of(select(vec!["70", "140"])),
        regions in subsequence(vec!["us-east-1", "us-west-2", "eu-west-1"], 1..=3),
        future in select(vec![FutureRegions::All, FutureRegions::Us, FutureRegions::None]),
        accounts in subsequence(vec!["111122223333", "444455556666"], 0..=2),
        countries in subsequence(vec!["US", "DE"], 0..=2),
        (title, usage, policy) in ("[A-Z][a-z]{3}", "[A-Z][a-z]{3}", "[A-Z][a-z]{3}"),
        notes in prop::option::of("[A-Z][a-z]{3}"),
    ) -> Wish {
        Wish { recommended: recommended.get(&types).to_string(), types, prices, annual, regions, future, accounts, countries, title, usage, policy, notes }
    }
}

#[derive(Debug, Clone)]
struct Wish {
    types: Vec<&'static str>,
    recommended: String,
    prices: Vec<&'static str>,
    annual: Option<&'static str>,
    regions: Vec<&'static str>,
    future: FutureRegions,
    accounts: Vec<&'static str>,
    countries: Vec<&'static str>,
    title: String,
    usage: String,
    policy: String,
    notes: Option<String>,
}

impl Wish {
    fn of(&self, product: &Product) -> Product {
        let mut product = product.clone();
        let listing = &mut product.listing;
        let sold = |name: &&str| self.types.contains(name);
        let rates =
            TYPES.iter().zip(&self.prices).filter(|(name, _)| sold(name)).map(|(name, price)| ((*name).into(), (*price).into())).collect();
        listing.pricing = match self.annual {
            None => Pricing::Hourly { rates },
            Some(year) => {
                Pricing::HourlyAnnual { rates, annual_rates: self.types.iter().map(|name| ((*name).into(), year.into())).collect() }
            }
        };
        listing.instance_types = self.types.iter().map(|name| (*name).to_owned()).collect();
        listing.recommended_instance_type.clone_from(&self.recommended);
        listing.regions = self.regions.iter().map(|region| region.parse().unwrap()).collect();
        listing.future_regions = self.future;
        listing.allowed_accounts = self.accounts.iter().map(|account| account.parse().unwrap()).collect();
        listing.offer.countries = self.countries.iter().map(|code| (*code).to_owned()).collect();
        (listing.usage_instructions, listing.refund_policy) = (self.usage.clone(), self.policy.clone());
        listing.release_notes.clone_from(&self.notes);
        product.texts.title.clone_from(&self.title);
        product
    }
}

/// What others have done to the listing, and what the ledger knows of it.
#[derive(Debug, Clone)]
struct Others {
    /// The types that versions recommend which came after the first.
    versions: Vec<Index>,
    /// Whether the first of them was taken off sale.
    restricted: bool,
    foreign_account: bool,
    excepts_countries: bool,
    ledger_knows: bool,
}

prop_compose! {
    fn others()(
        versions in prop::collection::vec(any::<Index>(), 0..=2),
        (restricted, foreign_account, excepts_countries, ledger_knows) in any::<(bool, bool, bool, bool)>(),
    ) -> Others {
        Others { versions, restricted, foreign_account, excepts_countries, ledger_knows }
    }
}

/// A listing of the twin's that plans are carried out on.
struct Case {
    desk: Desk,
    product: String,
    offer: String,
    given: Given,
    rose: Option<Rise>,
}

impl Case {
    async fn of(wish: &Wish, others: &Others) -> Self {
        let desk = Desk::new();
        let listed = wish.of(&desk.product());
        let release = ReleaseFacts { version: "1.0.0".parse().unwrap(), image: image_id(2).parse().unwrap(), base: None };
        let request = first_listing(&listed, &release, None, &Templates::embedded()).unwrap().to_json();
        let mut case = Self { desk, product: String::new(), offer: String::new(), given: Given::default(), rose: None };
        let set = case.done(request["ChangeSet"].as_array().unwrap()).await.unwrap();
        let made = |name: &str| {
            let changes = set["ChangeSet"].as_array().unwrap();
            let id = changes.iter().find(|change| change["ChangeType"] == name).unwrap()["Entity"]["Identifier"].as_str().unwrap();
            id.split('@').next().unwrap().to_owned()
        };
        (case.product, case.offer) = (made("CreateProduct"), made("CreateOffer"));
        if others.ledger_knows {
            case.know(&request);
        }
        case.meddle(&listed, others).await;
        case
    }

    async fn meddle(&self, listed: &Product, others: &Others) {
        let types: Vec<&String> = listed.listing.instance_types.iter().collect();
        for (number, recommended) in others.versions.iter().enumerate() {
            let mut added = version(&self.desk.bench, &self.product, &format!("1.{}.0", number + 1), &image_id([1, 3][number]));
            added["DetailsDocument"]["DeliveryOptions"][0]["Details"]["AmiDeliveryOptionDetails"]["RecommendedInstanceType"] =
                json!(recommended.get(&types));
            self.done(&[added]).await.unwrap();
        }
        if others.restricted && !others.versions.is_empty() {
            self.desk.bench.with_product(&self.product, |product| {
                assert_eq!(product.visibility, Visibility::Limited);
                product.versions[0].options.iter_mut().for_each(|option| option.restricted = true);
            });
        }
        if others.foreign_account {
            let seen: Vec<&str> = listed.listing.allowed_accounts.iter().map(|account| account.as_str()).chain([FOREIGN]).collect();
            let targeting = json!({ "PositiveTargeting": { "BuyerAccounts": seen } });
            self.done(&[change("AmiProduct", "UpdateTargeting", &self.product, targeting)]).await.unwrap();
        }
        if others.excepts_countries {
            let targeting = json!({ "NegativeTargeting": { "CountryCodes": ["FR"] } });
            self.done(&[change("Offer", "UpdateTargeting", &self.offer, targeting)]).await.unwrap();
        }
    }

    /// Keeps what the ledger does of a request.
    fn know(&mut self, request: &Value) {
        let sent = sent(request);
        self.given.logo_url = sent.logo_url.or(self.given.logo_url.take());
        self.given.allowed_accounts = sent.allowed_accounts.or(self.given.allowed_accounts.take());
    }

    async fn done(&self, changes: &[Value]) -> Result<Value, String> {
        let (status, answer) = self.desk.bench.start(changes).await;
        if status != 200 {
            return Err(answer.to_string());
        }
        self.desk.bench.twin.clock().sleep(HOUR * 24).await;
        let set = self.desk.bench.set(answer["ChangeSetId"].as_str().unwrap()).await;
        if set["Status"] == "SUCCEEDED" { Ok(set) } else { Err(format!("{:?}: {set:#}", codes(&set))) }
    }

    async fn planned(&self, product: &Product) -> Planned {
        let read = async |id: &str| {
            let entity = self.desk.bench.entity(id).await;
            let (id, revision) = entity["EntityIdentifier"].as_str().unwrap().split_once('@').unwrap();
            (id.parse().unwrap(), revision.parse().unwrap(), entity["DetailsDocument"].to_string())
        };
        let (id, revision, details) = read(&self.product).await;
        let product_read = Entity { id, revision, details: AmiProduct::parse(&details).unwrap() };
        let (id, revision, details) = read(&self.offer).await;
        let live = Live { product: product_read, offer: Some(Entity { id, revision, details: Offer::parse(&details).unwrap() }) };
        let desired = Desired { product, given: &self.given, prices_rose: self.rose.clone(), version_texts: VersionTexts::OfNewest };
        plan(&desired, &live, self.desk.bench.twin.clock().now())
    }

    /// Carries a plan out, and plans again.
    async fn converges(&mut self, product: &Product) -> Result<(), String> {
        let first = self.planned(product).await;
        for set in &first.sets {
            let done = self.done(set.request["ChangeSet"].as_array().unwrap()).await;
            done.map_err(|refusal| format!("{} is planned and refused: {refusal}", set.name))?;
            self.know(&set.request);
            if set.raises_prices() {
                self.rose = Some(Rise { at: self.desk.bench.twin.clock().now(), prices: set.rises.clone() });
            }
        }
        let left = self.planned(product).await.sets;
        if left.is_empty() { Ok(()) } else { Err(format!("planned again: {left:#?}")) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn what_the_twin_has_taken_is_not_planned_again(live in wishes(), others in others(), wanted in prop::collection::vec(wishes(), 1..3)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let end = runtime.block_on(async {
            let mut case = Case::of(&live, &others).await;
            for wish in &wanted {
                let product = wish.of(&case.desk.product());
                case.converges(&product).await?;
            }
            Ok::<_, String>(())
        });
        prop_assert!(end.is_ok(), "{}", end.unwrap_err());
    }
}
