//! Whether two sides of a field say the same: compared by meaning, since AWS writes again what it is
//! given, other spellings of prices, white space, the order of lists, accounts of its own.
//!
//! Source: AWS's published entity shapes of `AmiProduct@1.0` and `Offer@1.0`, beside what was sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use crate::model::listing_set::FieldChange;
use crate::model::price::Price;

/// Compares two texts.
pub(super) fn text(field: &str, live: Option<&str>, wanted: &str) -> Option<FieldChange> {
    // AWS drops white space at the ends.
    let differ = wanted.trim() != live.unwrap_or_default().trim();
    differ.then(|| change(field, live.filter(|text| !text.is_empty()), Some(wanted).filter(|text| !text.is_empty())))
}

/// Compares what AWS keeps a copy of, under an address of its own: what it was given last tells.
///
/// Where that isn't known, as of a listing that was imported, the manifest names the copy itself, or something else.
/// To give the same once more does no harm; from then on it is known.
pub(super) fn copied(field: &str, live: Option<&str>, given: Option<&str>, wanted: Option<&str>) -> Option<FieldChange> {
    match (live, given, wanted) {
        (live, _, wanted) if live == wanted => None,
        (Some(_), Some(given), Some(wanted)) => text(field, Some(given), wanted),
        (live, _, wanted) => Some(change(field, live, wanted)),
    }
}

/// Compares two values.
pub(super) fn value<T: PartialEq + Display>(field: &str, live: Option<T>, wanted: Option<T>) -> Option<FieldChange> {
    (live != wanted).then(|| change(field, live, wanted))
}

/// Compares two lists whose order has no meaning; shown as one.
pub(super) fn set<T: Ord + Display>(field: &str, live: &BTreeSet<T>, wanted: &BTreeSet<T>) -> Option<FieldChange> {
    let listed = |entries: &BTreeSet<T>| (!entries.is_empty()).then(|| entries.iter().map(T::to_string).collect::<Vec<_>>().join(", "));
    (live != wanted).then(|| change(field, listed(live), listed(wanted)))
}

/// Says of each key what it becomes.
pub(super) fn keyed<'a>(
    field: &str,
    keys: impl IntoIterator<Item = &'a str>,
    before: Option<&str>,
    after: Option<&str>,
) -> Vec<FieldChange> {
    keys.into_iter().map(|key| FieldChange { key: Some(key.to_owned()), ..change(field, before, after) }).collect()
}

/// Compares prices, key by key.
pub(super) fn prices(field: &str, live: &BTreeMap<String, Price>, wanted: &BTreeMap<String, Price>) -> Vec<FieldChange> {
    let keys: BTreeSet<&String> = live.keys().chain(wanted.keys()).collect();
    let changes = keys.into_iter().filter_map(|key| {
        let change = price(field, live.get(key).copied(), wanted.get(key).copied())?;
        Some(FieldChange { key: Some(key.clone()), ..change })
    });
    changes.collect()
}

/// Compares two prices, as numbers.
pub(super) fn price(field: &str, live: Option<Price>, wanted: Option<Price>) -> Option<FieldChange> {
    let dollars = |price: Option<Price>| price.map(|price| format!("{price} USD"));
    let per_cent = live.zip(wanted).and_then(|(live, wanted)| live.per_cent_to(wanted));
    (live != wanted).then(|| FieldChange { per_cent, ..change(field, dollars(live), dollars(wanted)) })
}

/// Says what a field becomes.
pub(super) fn change(field: &str, before: Option<impl Display>, after: Option<impl Display>) -> FieldChange {
    FieldChange {
        field: field.to_owned(),
        key: None,
        before: before.map(|value| value.to_string()),
        after: after.map(|value| value.to_string()),
        per_cent: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_writes_otherwise_is_no_difference() {
        assert_eq!(text("title", Some("Hello \n"), "Hello"), None);
        assert_eq!(text("support", None, ""), None);
        assert_eq!(set("categories", &BTreeSet::from(["b", "a"]), &BTreeSet::from(["a", "b"])), None);
        let card = |price: &str| BTreeMap::from([("t3.small".to_owned(), price.parse().unwrap())]);
        assert_eq!(prices("hourly", &card("0.020"), &card("0.02")), []);
    }

    #[test]
    fn what_aws_copies_is_told_by_what_it_was_given() {
        let differs = |live: Option<&str>, given: Option<&str>, wanted: Option<&str>| copied("logo-url", live, given, wanted).is_some();
        assert!(!differs(Some("aws/1"), Some("ours/1"), Some("ours/1")));
        assert!(differs(Some("aws/1"), Some("ours/1"), Some("ours/2")));
        assert!(differs(Some("aws/1"), None, Some("ours/2")), "what was imported is replaced");
        assert!(!differs(Some("aws/1"), None, Some("aws/1")), "and until then it stays");
        assert!(differs(None, Some("ours/1"), Some("ours/1")));
        assert!(differs(Some("aws/1"), None, None));
    }

    #[test]
    fn prices_tell_by_how_much_they_change() {
        let shown = |live: Option<&str>, wanted: Option<&str>| {
            let parsed = |text: Option<&str>| text.map(|text| text.parse().unwrap());
            price("hourly", parsed(live), parsed(wanted)).unwrap().to_string()
        };
        assert_eq!(shown(Some("0.02"), Some("0.025")), "hourly 0.02 → 0.025 USD (+25 %)");
        assert_eq!(shown(Some("0.03"), Some("0.02")), "hourly 0.03 → 0.02 USD (-33.3 %)");
        assert_eq!(shown(Some("0"), Some("0.02")), "hourly 0.00 → 0.02 USD");
        assert_eq!(shown(None, Some("0.02")), "hourly nothing → 0.02 USD");
    }
}
