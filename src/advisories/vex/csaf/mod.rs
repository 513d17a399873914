//! CSAF 2.0, the profiles that say how products stand to flaws: VEX and Security Advisory.
//!
//! Source: <https://docs.oasis-open.org/csaf/csaf/v2.0/os/csaf-v2.0-os.html#45-profile-5-vex>

mod notes;
mod products;
mod vulnerability;

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use self::notes::Members;
use self::products::{ProductTree, Products};
use self::vulnerability::Vulnerability;
use super::json::{Faults, Profile, decode, words};
use super::statement::Statement;
use crate::advisories::Fault;
use crate::advisories::sources::term::Term;

/// Categories of documents that say how products stand to flaws.
const CATEGORIES: &[&str] = &["csaf_vex", "csaf_security_advisory"];

#[derive(Deserialize)]
struct Csaf<'a> {
    document: Document,
    #[serde(default, borrow)]
    product_tree: Option<ProductTree<'a>>,
    #[serde(default, borrow)]
    vulnerabilities: Option<Vec<Vulnerability<'a>>>,
}

#[derive(Deserialize)]
struct Document {
    publisher: Publisher,
    tracking: Tracking,
}

#[derive(Deserialize)]
struct Publisher {
    name: Term,
}

#[derive(Deserialize)]
struct Tracking {
    current_release_date: Timestamp,
    status: TrackingStatus,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum TrackingStatus {
    Draft,
    Interim,
    Final,
}

/// Reads a document of this kind.
pub(super) fn read(profile: &Profile<'_>, json: &[u8], faults: &mut Faults<'_>) -> Result<Vec<Statement>, Fault> {
    if profile.csaf_version != "2.0" {
        let version = words(&profile.csaf_version).unwrap_or_default();
        return Err(faults.at("document.csaf_version".to_owned(), format!("it is not 2.0: {version}")));
    }
    if !CATEGORIES.contains(&&*profile.category) {
        let category = words(&profile.category).unwrap_or_default();
        return Err(faults.at("document.category".to_owned(), format!("it is none of {}: {category}", CATEGORIES.join(", "))));
    }
    let csaf: Csaf<'_> = decode(json, faults)?;
    if csaf.document.tracking.status == TrackingStatus::Draft {
        return Err(faults.at("document.tracking.status".to_owned(), "it is a draft, which says nothing yet".to_owned()));
    }
    let tree = csaf.product_tree.unwrap_or_default();
    let products = Products::of(&tree);
    let (author, document): (Arc<str>, Arc<str>) = (csaf.document.publisher.name.0.into(), faults.document().into());
    let at = csaf.document.tracking.current_release_date;
    let (mut statements, mut members) = (Vec::new(), Members::default());
    for (number, vulnerability) in csaf.vulnerabilities.unwrap_or_default().iter().enumerate() {
        let path = format!("vulnerabilities[{number}]");
        let ids = vulnerability.ids();
        if ids.is_empty() {
            faults.tell(path, "it has neither a `cve` nor `ids`".to_owned());
            continue;
        }
        let said = vulnerability.said(&products, &mut members, &path, faults);
        let said = said.ok_or_else(|| faults.at(path.clone(), "it goes through groups of products too often".to_owned()))?;
        statements.extend(said.into_iter().map(|(status, products)| Statement {
            ids: ids.clone(),
            products,
            status,
            author: Arc::clone(&author),
            at,
            document: Arc::clone(&document),
            place: path.clone(),
        }));
    }
    Ok(statements)
}
