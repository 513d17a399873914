//! The database of advisories: whether it is there, whole enough to be asked, and recent.

use jiff::Timestamp;

use super::{Check, Health};
use crate::advisories::{Age, Database};
use crate::model::count::counted_as;
use crate::model::product::{Product, VulnerabilityPolicy};

const NAME: &str = "advisories";
const UPDATE: &str = "bakehouse db update";

/// Looks at the database, as the strictest of the products asks for it.
///
/// Whether it has anything of an image's operating system is known only once that is scanned.
pub fn advisories(database: Result<Option<&Database>, String>, products: &[Product], now: Timestamp) -> Check {
    let fail = |found: String| Check::not(Health::Fail, NAME, "", found, UPDATE);
    let database = match database {
        Ok(Some(database)) => database,
        Ok(None) => return fail("there is no database: every scan stops its release (COV-ADV-001)".to_owned()),
        Err(why) => return fail(why),
    };
    let about = match database.about() {
        Ok(about) => about,
        Err(error) => return fail(format!("the database can't be read: {error}")),
    };
    let label = about.label.as_ref().map(|label| format!(", {label}")).unwrap_or_default();
    let found =
        |oldest: &str| format!("{}{label}; the oldest source is {oldest}", counted_as(about.counts.advisories, "advisory", "advisories"));
    // As scans judge each: what the database has of an ecosystem is as old as its oldest source.
    let Age::Of(oldest) = about.oldest(now) else {
        return Check::not(Health::Warn, NAME, "", found("of an untold day"), UPDATE);
    };
    let most_days = products.iter().map(|product| product.scan.vulnerabilities.max_age_days).min();
    let most_days = most_days.unwrap_or(VulnerabilityPolicy::default().max_age_days);
    let days = now.duration_since(oldest).as_hours() / 24;
    let found = found(&format!("of {}", oldest.strftime("%Y-%m-%d")));
    if days > i64::from(most_days) {
        return Check::not(Health::Warn, NAME, "", format!("{found}: {days} days ago, and {most_days} are allowed"), UPDATE);
    }
    Check::ok(NAME, "", found)
}
