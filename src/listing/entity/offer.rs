//! The document of an offer.
//!
//! Source: AWS's published entity shape of `Offer@1.0`; `OfferSetId` and terms' `Id` are sent beside it.

use super::part::parts;

parts! {
    /// An offer as it is live.
    Offer {
        /// Its id.
        "Id" id: Option<String>,
        /// `Draft` or `Released`.
        "State" state: Option<String>,
        /// Its name.
        "Name" name: Option<String>,
        /// Its description.
        "Description" description: Option<String>,
        /// What it sells.
        "ProductId" product_id: Option<String>,
        /// The offers that it is sold together with.
        "OfferSetId" offer_set_id: Option<String>,
        /// What a reseller adds; a decimal text.
        "MarkupPercentage" markup_percentage: Option<String>,
        /// The agreement that it takes the place of.
        "PreExistingAgreement" pre_existing_agreement: Option<PreExistingAgreement>,
        /// Its terms.
        "Terms" terms: Vec<Term>,
        /// Whom it is for and how long.
        "Rules" rules: Vec<Rule>,
    }

    /// An agreement that an offer takes the place of.
    PreExistingAgreement {
        /// `AwsMarketplace` or `External`.
        "AcquisitionChannel" acquisition_channel: Option<String>,
        /// `Byol`, `Free`, `Usage` or `Contract`.
        "PricingModel" pricing_model: Option<String>,
    }

    /// Whom an offer is for, or how long.
    Rule {
        /// `TargetingRule` or `AvailabilityRule`.
        "Type" kind: Option<String>,
        /// Until when it can be accepted, as AWS writes a time.
        "AvailabilityEndDate" availability_end_date: Option<String>,
        /// Who alone may accept it.
        "PositiveTargeting" positive_targeting: Option<OfferTargeting>,
        /// Who may not.
        "NegativeTargeting" negative_targeting: Option<OfferTargeting>,
    }

    /// Buyers, by country or account.
    OfferTargeting {
        /// Countries, by ISO 3166-1 alpha-2.
        "CountryCodes" country_codes: Vec<String>,
        /// Accounts, which make an offer private.
        "BuyerAccounts" buyer_accounts: Vec<String>,
    }

    /// A term of an offer, of any type.
    Term {
        /// Such as `UsageBasedPricingTerm`.
        "Type" kind: Option<String>,
        /// Its id; not of every type.
        "Id" id: Option<String>,
        /// `USD`.
        "CurrencyCode" currency_code: Option<String>,
        /// The price of a term that has no rate cards.
        "Price" price: Option<String>,
        /// How often a price comes again: `Monthly`.
        "BillingPeriod" billing_period: Option<String>,
        /// Prices by dimension.
        "RateCards" rate_cards: Vec<RateCards>,
        /// ISO 8601, such as `P14D`.
        "Duration" duration: Option<String>,
        /// What a buyer gets for a price, or in a trial.
        "Grants" grants: Vec<Grant>,
        /// Licences.
        "Documents" documents: Vec<LegalDocument>,
        /// The refund policy.
        "RefundPolicy" refund_policy: Option<String>,
        /// When what is to be paid.
        "Schedule" schedule: Vec<Charge>,
        /// How buyers are verified.
        "ApprovalStrategy" approval_strategy: Option<String>,
        /// How long that may take; ISO 8601.
        "ExpirationDuration" expiration_duration: Option<String>,
        /// How long an agreement lasts; ISO 8601.
        "AgreementDuration" agreement_duration: Option<String>,
        /// Its first day.
        "AgreementStartDate" agreement_start_date: Option<String>,
        /// Its last day.
        "AgreementEndDate" agreement_end_date: Option<String>,
    }

    /// Prices for one duration.
    RateCards {
        /// The duration.
        "Selector" selector: Option<Selector>,
        /// What a buyer may choose.
        "Constraints" constraints: Option<Constraints>,
        /// The prices.
        "RateCard" rate_card: Vec<Rate>,
    }

    /// What prices are for.
    Selector {
        /// `Duration`.
        "Type" kind: Option<String>,
        /// ISO 8601, such as `P365D`.
        "Value" value: Option<String>,
    }

    /// What a buyer may choose: `Allowed` or `Disallowed`.
    Constraints {
        /// Several dimensions at once.
        "MultipleDimensionSelection" multiple_dimension_selection: Option<String>,
        /// Several of a dimension.
        "QuantityConfiguration" quantity_configuration: Option<String>,
    }

    /// The price of a dimension.
    Rate {
        /// The dimension.
        "DimensionKey" dimension_key: Option<String>,
        /// A decimal text, reformatted by AWS.
        "Price" price: Option<String>,
    }

    /// How much of a dimension a buyer gets.
    Grant {
        /// The dimension.
        "DimensionKey" dimension_key: Option<String>,
        /// The most of it.
        "MaxQuantity" max_quantity: Option<u32>,
    }

    /// A payment.
    Charge {
        /// Its day, as AWS writes a time.
        "ChargeDate" charge_date: Option<String>,
        /// A decimal text.
        "ChargeAmount" charge_amount: Option<String>,
    }

    /// A licence.
    LegalDocument {
        /// `StandardEula` or `CustomEula`.
        "Type" kind: Option<String>,
        /// The date of AWS's contract.
        "Version" version: Option<String>,
        /// AWS's own copy of the vendor's text.
        "Url" url: Option<String>,
    }
}

impl Term {
    /// Returns the term without what bakehouse doesn't know of it.
    pub(crate) fn known(&self) -> Self {
        let mut term = self.clone();
        term.unknown.clear();
        for cards in &mut term.rate_cards {
            cards.unknown.clear();
            cards.selector.iter_mut().for_each(|selector| selector.unknown.clear());
            cards.constraints.iter_mut().for_each(|constraints| constraints.unknown.clear());
            cards.rate_card.iter_mut().for_each(|rate| rate.unknown.clear());
        }
        term.grants.iter_mut().for_each(|grant| grant.unknown.clear());
        term
    }

    /// Names what bakehouse doesn't know of it, by path.
    pub(crate) fn unknown_fields(&self) -> Vec<String> {
        let mut found = std::collections::BTreeMap::new();
        super::part::Part::unknown_fields(self, self.kind.as_deref().unwrap_or_default(), &mut found);
        found.into_keys().collect()
    }

    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }
}
