//! All prices of an offer: AWS takes them whole, whatever changes of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::listing::diff;
use crate::listing::entity::Offer;
use crate::listing::terms;
use crate::model::change_set::Details;
use crate::model::change_set::pricing::{ByolTerm, Constraints, FreeTrialTerm, PricingModel, PricingTerm, Rate, UpdatePricingTerms};
use crate::model::listing_set::FieldChange;
use crate::model::price::{Price, PriceRise};
use crate::model::product::{Pricing, Product};
use crate::rules::limits;

/// Prices by instance type.
pub(super) type Rates = BTreeMap<String, Price>;

/// What a reader knows the price of an hour by.
const HOURLY: &str = "hourly";
/// What a reader knows the price of a year by.
const ANNUAL: &str = "annual";
/// What a reader knows the fee of a month by.
const MONTHLY_FEE: &str = "monthly-fee";
/// What a reader knows a time for nothing by.
pub(super) const FREE_TRIAL: &str = "free-trial";

/// The prices of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Card {
    pub model: PricingModel,
    /// An hour's; rates of what is restricted among them.
    pub hourly: Option<Rates>,
    /// A year's, in advance.
    pub annual: Option<Rates>,
    /// What buyers of a year may choose, which no manifest says: as it is live.
    pub constraints: Constraints,
    /// A month's fee.
    pub monthly: Option<Price>,
    pub trial: Option<Trial>,
    /// What AWS tells of the prices that bakehouse doesn't know, and can't send again.
    pub unknown: Vec<String>,
}

/// A time for nothing: the same of everything that is metered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trial {
    /// An ISO 8601 duration.
    pub duration: String,
    /// The most of each dimension.
    pub max_quantity: Option<u32>,
    /// The dimensions.
    pub keys: BTreeSet<String>,
}

impl Card {
    /// Reads an offer's prices.
    ///
    /// # Errors
    ///
    /// What there is that can't be sent again as it is.
    pub fn live(offer: &Offer) -> Result<Self, String> {
        let (mut card, mut byol) = (Self::empty(PricingModel::Free), false);
        for term in offer.terms.iter().filter(|term| term.kind.as_deref().is_some_and(is_pricing)) {
            card.unknown.extend(term.unknown_fields());
            let mut document = serde_json::to_value(term.known()).map_err(|error| error.to_string())?;
            // AWS numbers some terms, which it doesn't take back.
            document.as_object_mut().and_then(|fields| fields.shift_remove("Id"));
            let kind = term.kind.as_deref().unwrap_or_default();
            match serde_json::from_value(document).map_err(|error| format!("its {kind} can't be read: {error}"))? {
                PricingTerm::UsageBased(term) => card.hourly = Some(rates(term.rate_cards.iter().flat_map(|card| &card.rate_card))?),
                PricingTerm::Upfront(term) => {
                    let [year] = term.rate_cards.as_slice() else { return Err("it has prices for several durations".to_owned()) };
                    if year.selector.value != limits::YEAR {
                        return Err(format!("it has prices for {}", year.selector.value));
                    }
                    card.annual = Some(rates(&year.rate_card)?);
                    card.constraints = year.constraints;
                }
                PricingTerm::Recurring(term) => card.monthly = Some(term.price.parse().map_err(|error| format!("{error}"))?),
                PricingTerm::Byol(_) => byol = true,
                PricingTerm::FreeTrial(term) => card.trial = Some(Trial::live(term)?),
                PricingTerm::FixedUpfront(_) => return Err("it has one price in advance, which bakehouse doesn't sell by".to_owned()),
            }
        }
        // AWS doesn't tell the model.
        card.model = match (byol, card.is_for_nothing()) {
            (true, _) => PricingModel::Byol,
            (false, true) => PricingModel::Free,
            (false, false) => PricingModel::Usage,
        };
        Ok(card)
    }

    fn empty(model: PricingModel) -> Self {
        let constraints = terms::ANY_QUANTITY;
        Self { model, hourly: None, annual: None, constraints, monthly: None, trial: None, unknown: Vec::new() }
    }

    /// Reads a manifest's prices; what can't be read is left out.
    pub fn wanted(product: &Product) -> Self {
        let listing = &product.listing;
        let parsed = |rates: &BTreeMap<String, String>| {
            rates.iter().filter_map(|(key, price)| Some((key.clone(), price.parse().ok()?))).collect::<Rates>()
        };
        let free = || listing.instance_types.iter().filter_map(|key| Some((key.clone(), "0".parse().ok()?))).collect();
        let (model, hourly) = match &listing.pricing {
            Pricing::Byol => (PricingModel::Byol, None),
            Pricing::Free => (PricingModel::Free, Some(free())),
            priced => (PricingModel::Usage, priced.rates().map(parsed)),
        };
        let (annual, monthly) = match &listing.pricing {
            Pricing::HourlyAnnual { annual_rates, .. } => (Some(parsed(annual_rates)), None),
            Pricing::HourlyMonthly { monthly_fee, .. } => (None, monthly_fee.parse().ok()),
            _ => (None, None),
        };
        let trial = listing.free_trial.map(|trial| Trial {
            duration: format!("P{}D", trial.days),
            max_quantity: trial.max_quantity,
            keys: listing.instance_types.clone(),
        });
        Self { hourly, annual, monthly, trial, ..Self::empty(model) }
    }

    /// Tells whether there is nothing to be paid, by whatever model; a trial is of what costs something.
    pub fn is_for_nothing(&self) -> bool {
        let beside = self.annual.is_some() || self.monthly.is_some() || self.trial.is_some();
        !beside && self.hourly.iter().flat_map(|rates| rates.values()).all(|price| price.is_zero())
    }

    /// Returns the model's name in manifests.
    pub fn name(&self) -> &'static str {
        match (self.model, &self.annual, self.monthly) {
            (PricingModel::Byol, ..) => "byol",
            (PricingModel::Free, ..) => "free",
            (_, Some(_), _) => "hourly-annual",
            (_, _, Some(_)) => "hourly-monthly",
            _ => "hourly",
        }
    }

    /// Returns the prices on the way from these to others that rise nowhere.
    pub fn lowered_to(&self, wanted: &Self) -> Self {
        let lower = |live: Option<Price>, wanted: Price| live.map_or(wanted, |live| live.min(wanted));
        let rates = |live: &Option<Rates>, wanted: &Option<Rates>| {
            wanted.as_ref().map(|wanted| {
                let live = |key| live.as_ref().and_then(|live| live.get(key)).copied();
                wanted.iter().map(|(key, price)| (key.clone(), lower(live(key), *price))).collect()
            })
        };
        Self {
            hourly: rates(&self.hourly, &wanted.hourly),
            annual: rates(&self.annual, &wanted.annual),
            monthly: wanted.monthly.map(|price| lower(self.monthly, price)),
            ..wanted.clone()
        }
    }

    /// Says what a reader sees of the way to other prices.
    pub fn changes(&self, after: &Self) -> Vec<FieldChange> {
        let rates = |rates: &Option<Rates>| rates.clone().unwrap_or_default();
        let mut changes = diff::prices(HOURLY, &rates(&self.hourly), &rates(&after.hourly));
        changes.extend(diff::prices(ANNUAL, &rates(&self.annual), &rates(&after.annual)));
        changes.extend(diff::price(MONTHLY_FEE, self.monthly, after.monthly));
        changes.extend(diff::value(FREE_TRIAL, self.trial.as_ref().map(Trial::shown), after.trial.as_ref().map(Trial::shown)));
        changes
    }

    /// Lists the prices that go up on the way to others.
    pub fn rises(&self, after: &Self) -> Vec<PriceRise> {
        let after = after.prices();
        let risen = |((field, key), from): ((&'static str, Option<String>), Price)| {
            let to = *after.get(&(field, key.clone()))?;
            (to > from).then(|| PriceRise { field: field.to_owned(), key, from, to })
        };
        self.prices().into_iter().filter_map(risen).collect()
    }

    /// All prices, by their field and what they are the price of.
    fn prices(&self) -> BTreeMap<(&'static str, Option<String>), Price> {
        let of = |field: &'static str, rates: &Option<Rates>| {
            rates.iter().flatten().map(|(key, price)| ((field, Some(key.clone())), *price)).collect::<Vec<_>>()
        };
        let monthly = self.monthly.map(|price| ((MONTHLY_FEE, None), price));
        of(HOURLY, &self.hourly).into_iter().chain(of(ANNUAL, &self.annual)).chain(monthly).collect()
    }

    /// Returns the price that rises by a rise.
    pub fn price(&self, rise: &PriceRise) -> Option<Price> {
        let is_it = |(field, key): &(&'static str, Option<String>)| *field == rise.field && *key == rise.key;
        self.prices().into_iter().find(|(key, _)| is_it(key)).map(|(_, price)| price)
    }

    /// Returns the price that rises by a rise, to be set.
    pub fn price_mut(&mut self, rise: &PriceRise) -> Option<&mut Price> {
        let key = rise.key.as_deref();
        match rise.field.as_str() {
            HOURLY => self.hourly.as_mut()?.get_mut(key?),
            ANNUAL => self.annual.as_mut()?.get_mut(key?),
            MONTHLY_FEE => self.monthly.as_mut(),
            _ => None,
        }
    }

    /// Tells whether there is a way to go to other prices; which model AWS has of prices of nothing isn't known.
    pub fn differs_from(&self, other: &Self) -> bool {
        self.trial != other.trial || !self.changes(other).is_empty()
    }

    /// Makes the change that sets these prices.
    pub fn update(&self) -> Details {
        let texts = |rates: &Rates| rates.iter().map(|(key, price)| (key.clone(), price.to_string())).collect::<Vec<_>>();
        let byol = (self.model == PricingModel::Byol).then_some(PricingTerm::Byol(ByolTerm {}));
        let terms = [
            self.hourly.as_ref().map(|rates| terms::hourly(texts(rates))),
            self.annual.as_ref().map(|rates| terms::annual(texts(rates), self.constraints)),
            self.monthly.map(|price| terms::monthly(price.to_string())),
            byol,
            self.trial.as_ref().map(Trial::term),
        ];
        Details::UpdatePricingTerms(UpdatePricingTerms { pricing_model: self.model, terms: terms.into_iter().flatten().collect() })
    }
}

impl Trial {
    fn live(term: FreeTrialTerm) -> Result<Self, String> {
        let max_quantity = term.grants.first().and_then(|grant| grant.max_quantity);
        if term.grants.iter().any(|grant| grant.max_quantity != max_quantity) {
            return Err("its free trial grants more of one dimension than of another".to_owned());
        }
        let keys = term.grants.into_iter().map(|grant| grant.dimension_key).collect();
        Ok(Self { duration: term.duration, max_quantity, keys })
    }

    fn term(&self) -> PricingTerm {
        terms::free_trial(self.duration.clone(), self.max_quantity, self.keys.clone())
    }

    /// Tells whether a manifest can say it: so many days of all that is on sale, whatever was before.
    pub fn is_sayable(&self, on_sale: &BTreeSet<&str>) -> bool {
        let is_of_days = self.duration.ends_with('D');
        let is_of_all = on_sale.iter().all(|key| self.keys.contains(*key));
        is_of_days && is_of_all && terms::trial_days(&self.duration).is_some_and(|days| limits::FREE_TRIAL_DAYS.contains(&days))
    }

    pub fn shown(&self) -> String {
        let most = self.max_quantity.map(|most| format!(", {most} of each")).unwrap_or_default();
        format!("{}{most}", self.duration)
    }
}

/// Tells whether terms of a type are about prices.
pub(super) fn is_pricing(kind: &str) -> bool {
    kind.ends_with("PricingTerm") || kind == "RecurringPaymentTerm"
}

fn rates<'a>(rates: impl IntoIterator<Item = &'a Rate>) -> Result<Rates, String> {
    rates.into_iter().map(|rate| Ok((rate.dimension_key.clone(), rate.price.parse().map_err(|error| format!("{error}"))?))).collect()
}
