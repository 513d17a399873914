//! Whether the advisories that a scan will ask do: told before an image is baked for it.

use std::fmt;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil::Date};

use super::{Engine, EngineError};
use crate::advisories::{About, Age, Ecosystem};
use crate::model::product::Product;
use crate::model::waiver::Waiver;

/// What the scan will lack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lack {
    /// There is no database.
    Database,
    /// The catalogue of what attackers use, which every image is held against, is too old or of an untold day; or all that
    /// is known of systems is.
    Recent {
        /// What is, and of when.
        what: String,
    },
    /// Some of the advisories are: whose the image is, is known only once it is scanned.
    Some {
        /// Of when.
        what: String,
    },
}

impl Lack {
    /// The code of the finding that stops the release, where it is certain that it does.
    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Database => Some("COV-ADV-001"),
            Self::Recent { .. } => Some("COV-ADV-002"),
            Self::Some { .. } => None,
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database => f.write_str(
                "there is no database of advisories, so that the scan can't tell vulnerabilities and stops the release (COV-ADV-001); \
                 `bakehouse db update` makes one",
            ),
            Self::Recent { what } => {
                write!(f, "{what}: the scan stops the release (COV-ADV-002); `bakehouse db update` fetches newer ones")
            }
            Self::Some { what } => write!(
                f,
                "{what}: the scan stops the release if the image is of those (COV-ADV-002); `bakehouse db update` fetches newer ones"
            ),
        }
    }
}

/// Tells what the scan of a product's next image will lack, if anything.
pub(super) fn lack(engine: &Engine, product: &Product) -> Option<Lack> {
    let Some(database) = &engine.advisories else { return Some(Lack::Database) };
    // A database that can't be read ends the command where it is opened.
    let about = database.about().ok()?;
    let (now, most_days) = (engine.clock.now(), product.scan.vulnerabilities.max_age_days);
    if let Some(how_old) = too_old(about.age_of_catalogue(now), now, most_days) {
        return Some(Lack::Recent { what: format!("the entries of CISA's catalogue of what attackers use {how_old}") });
    }
    let systems = Ecosystem::all().filter(|ecosystem| ecosystem.is_distribution());
    let known: Vec<Age> = systems.map(|ecosystem| about.age(ecosystem, &[], now)).filter(|age| *age != Age::Absent).collect();
    if !known.is_empty() && known.iter().all(|age| too_old(*age, now, most_days).is_some()) {
        let how_old = oldest_of(&about, now, most_days)?;
        return Some(Lack::Recent { what: format!("the advisories {how_old}") });
    }
    oldest_of(&about, now, most_days).map(|how_old| Lack::Some { what: format!("some of the advisories {how_old}") })
}

/// Refuses to begin what the scan is certain to stop for want of advisories, unless a waiver lets that pass.
///
/// # Errors
///
/// [`EngineError::NotReady`].
pub fn refuse_lacking_advisories(engine: &Engine, product: &Product) -> Result<(), EngineError> {
    let Some(lack) = lack(engine, product) else { return Ok(()) };
    let today = engine.clock.now().to_zoned(TimeZone::UTC).date();
    match lack.code() {
        Some(code) if !is_waived(product, code, today) => Err(EngineError::NotReady {
            what: format!("nothing is baked: {lack}"),
            next: "bakehouse db update, or --advisories-later if they come before the scan does".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// What was not looked at is waived by its very code, for the image as a whole.
fn is_waived(product: &Product, code: &str, today: Date) -> bool {
    let is_for = |waiver: &&Waiver| waiver.id == code && waiver.target == Waiver::IMAGE;
    product.scan.waivers.iter().filter(is_for).any(|waiver| waiver.state(today).holds())
}

fn oldest_of(about: &About, now: Timestamp, most_days: u32) -> Option<String> {
    too_old(about.oldest(now), now, most_days)
}

/// Says how old something is that is too old; a predicate. What there is none of is none.
fn too_old(age: Age, now: Timestamp, most_days: u32) -> Option<String> {
    match age {
        Age::Of(day) if now.duration_since(day).as_hours() / 24 > i64::from(most_days) => {
            Some(format!("are of {}, and may be {most_days} days old", day.to_zoned(TimeZone::UTC).date()))
        }
        Age::Untold => Some("are of an untold day".to_owned()),
        Age::Absent | Age::Of(_) => None,
    }
}
