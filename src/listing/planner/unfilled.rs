//! Keys that an import left to be filled in: what they hold meanwhile is nobody's wish, and is never sent.

use super::{Obstacle, ObstacleCode, Outcome};
use crate::model::listing_set::FieldChange;
use crate::model::product::Product;

/// Fields of a listing that are called otherwise than the manifest's key that they come from.
const KEYS: &[(&str, &str)] = &[
    ("allowed account", "listing.allowed-accounts"),
    ("annual", "listing.pricing"),
    ("countries", "listing.offer"),
    ("free-trial", "listing.pricing"),
    ("hourly", "listing.pricing"),
    ("instance-type", "listing.instance-types"),
    ("monthly-fee", "listing.pricing"),
    ("offer-description", "listing.offer"),
    ("offer-name", "listing.offer"),
    ("pricing", "listing.pricing"),
    ("region", "listing.regions"),
];

/// Takes out the parts that would send what only holds a place, and says what they wait for.
pub(super) fn hold(product: &Product, outcome: &mut Outcome) {
    let unfilled = |change: &FieldChange| key(product, &change.field);
    let (held, parts): (Vec<_>, Vec<_>) =
        std::mem::take(&mut outcome.parts).into_iter().partition(|part| part.changes.iter().any(|change| unfilled(change).is_some()));
    outcome.parts = parts;
    for part in held {
        let first = part.changes.iter().find_map(unfilled).unwrap_or_default();
        for change in part.changes {
            let reason = match unfilled(&change) {
                Some(key) => format!("{key} only holds a place: say what it is, and take the comment \"fill in\" above it away"),
                None => format!("it goes together with {first}, which is still to be filled in"),
            };
            outcome.obstacles.push(Obstacle::of(ObstacleCode::ToFillIn, change, reason));
        }
    }
}

/// Returns the key that a field comes from, if it is still to be filled in.
fn key(product: &Product, field: &str) -> Option<String> {
    let named = KEYS.iter().find(|(name, _)| *name == field).map(|(_, key)| (*key).to_owned());
    let mut keys = named.into_iter().chain(["product", "listing", "image"].map(|table| format!("{table}.{field}")));
    keys.find(|key| product.to_fill_in.contains(key))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::listing::fixture::{live_offer, live_product, product};
    use crate::listing::{Desired, Entity, Given, Live, ObstacleCode, VersionTexts, plan};

    #[test]
    fn what_only_holds_a_place_is_never_sent() {
        let live = Live {
            product: Entity { id: "prod-abcdefghijklm".parse().unwrap(), revision: 1, details: live_product() },
            offer: Some(Entity { id: "offer-abcdefghijklm".parse().unwrap(), revision: 1, details: live_offer() }),
        };
        let fields = |to_fill_in: &[&str]| {
            let mut product = product();
            product.listing.refund_policy = "We do not refund.".to_owned();
            product.texts.title = "Example".to_owned();
            product.to_fill_in = to_fill_in.iter().map(|key| (*key).to_owned()).collect();
            let given = Given::default();
            let desired = Desired { product: &product, given: &given, prices_rose: None, version_texts: VersionTexts::OfNewest };
            let planned = plan(&desired, &live, "2026-11-28T12:00:00Z".parse().unwrap());
            let sent: BTreeSet<String> = planned.sets.into_iter().flat_map(|set| set.changes).map(|change| change.field).collect();
            let held =
                planned.obstacles.into_iter().filter(|obstacle| obstacle.code == ObstacleCode::ToFillIn).map(|held| held.change.field);
            (sent, held.collect::<BTreeSet<String>>())
        };
        let (sent, held) = fields(&[]);
        assert!(sent.contains("refund-policy") && sent.contains("title") && held.is_empty(), "{sent:?} {held:?}");
        let (sent, held) = fields(&["listing.refund-policy"]);
        assert!(!sent.contains("refund-policy") && sent.contains("title"), "{sent:?}");
        assert_eq!(held, BTreeSet::from(["refund-policy".to_owned()]));
        // What goes with it in one change waits with it.
        let (sent, held) = fields(&["product.title"]);
        assert!(!sent.contains("title") && held.contains("title") && sent.contains("refund-policy"), "{sent:?} {held:?}");
    }
}
