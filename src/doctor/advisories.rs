//! The database of advisories: whether it is there, and as it was built.

use jiff::Timestamp;

use super::{Check, Health};
use crate::advisories::{Age, Database};
use crate::model::count::counted_as;

/// What checks of the database, and of what scans will lack of it, are called.
pub const ADVISORIES: &str = "advisories";

/// Looks at the database as a whole: all of it is read and held against its digest. Whether it does for a product's next
/// image is another question.
pub fn advisories(database: Result<Option<&Database>, String>, now: Timestamp) -> Check {
    let fail = |found: String| Check::not(Health::Fail, ADVISORIES, "", found, "bakehouse db update");
    let database = match database {
        Ok(Some(database)) => database,
        Ok(None) => return fail("there is no database: every scan stops its release (COV-ADV-001)".to_owned()),
        Err(why) => return fail(why),
    };
    let about = match database.verify().and_then(|()| database.about()) {
        Ok(about) => about,
        Err(error) => return fail(format!("the database can't be used: {error}")),
    };
    let label = about.label.as_ref().map(|label| format!(", {label}")).unwrap_or_default();
    // As scans judge each: what the database has of an ecosystem is as old as its oldest source.
    let oldest = match about.oldest(now) {
        Age::Of(oldest) => format!("of {}", oldest.strftime("%Y-%m-%d")),
        Age::Untold | Age::Absent => "of an untold day".to_owned(),
    };
    let count = counted_as(about.counts.advisories, "advisory", "advisories");
    Check::ok(ADVISORIES, "", format!("{count}{label}, as they were built; the oldest source is {oldest}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::advisories::{Builder, Content, Input};

    #[test]
    fn a_database_is_well_if_it_is_as_it_was_built() {
        let kev = include_bytes!("../../tests/fixtures/advisories/kev.json").to_vec();
        let retrieved = "2026-11-20T12:00:00Z".parse().ok();
        let mut builder = Builder::new();
        builder.add(Input { file: "kev.json".to_owned(), url: None, retrieved, content: Content::File(&kev) }).unwrap();
        let mut bytes = Vec::new();
        builder.finish(None, &mut bytes).unwrap();
        let check = |bytes: &[u8]| {
            let database = Database::open(Arc::new(bytes.to_vec())).unwrap();
            advisories(Ok(Some(&database)), "2026-11-23T00:00:00Z".parse().unwrap())
        };
        let well = check(&bytes);
        assert!(well.health == Health::Ok && well.found.contains("of 2026-11-20"), "{well:?}");
        for place in [200, bytes.len() / 2, bytes.len() - 40] {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1;
            let damaged = check(&flipped);
            assert!(damaged.health == Health::Fail && damaged.found.contains("damaged"), "{place}: {damaged:?}");
        }
    }
}
