//! All statements of all documents, and which of them counts.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::json::Faults;
use super::product::{Asked, Subject};
use super::statement::Statement;
use super::{csaf, json, openvex};
use crate::advisories::Fault;

/// The most bytes of a document; the largest of Red Hat's have some tens of megabytes. Reading takes many times as much memory.
pub const LARGEST_DOCUMENT_BYTES: usize = 64 << 20;

/// A document that can't be read, or is of no format that is known: none of it is taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidVex(
    /// The document, the place in it and the reason; the record is a path such as `statements[3].status`.
    pub Fault,
);

/// What VEX documents say. Between documents that are of one time the order counts in which they were read.
#[derive(Debug, Default)]
pub struct Statements {
    all: Vec<Statement>,
    /// Places in `all` by id, upper case.
    by_id: BTreeMap<String, Vec<usize>>,
    faults: Vec<Fault>,
    until: Option<Timestamp>,
}

impl Statements {
    /// Begins with none, and takes none that was made after this: it would override for good whatever is said from now on.
    pub fn until(latest: Timestamp) -> Self {
        Self { until: Some(latest), ..Self::default() }
    }

    /// Reads one more document: OpenVEX up to 0.2, or CSAF 2.0 of the categories `csaf_vex` and `csaf_security_advisory`.
    ///
    /// # Errors
    ///
    /// When it is damaged, too large, of another format, or says something that isn't known; the statements are then as
    /// they were.
    pub fn read(&mut self, document: &str, bytes: &[u8]) -> Result<(), InvalidVex> {
        let mut faults = Faults::of(document);
        let read = read(bytes, &mut faults).map_err(InvalidVex)?;
        for statement in read {
            if self.until.is_some_and(|until| statement.at > until) {
                faults.tell(statement.place, format!("it is of {}, which is yet to come", statement.at));
                continue;
            }
            let ids: BTreeSet<String> = statement.ids.iter().map(|id| id.to_ascii_uppercase()).collect();
            for id in ids {
                self.by_id.entry(id).or_default().push(self.all.len());
            }
            self.all.push(statement);
        }
        self.faults.extend(faults.finish());
        Ok(())
    }

    /// Returns all statements, in the order in which they were read.
    pub fn all(&self) -> &[Statement] {
        &self.all
    }

    /// Returns what of the documents holds for nothing, and why; what is alike is counted, of very many the first.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Returns the statement that counts for a finding: the newest one of the flaw and the package.
    ///
    /// A statement is of a package if one of its products is the package or something that it is [inside](Subject::inside);
    /// if the product is told as a part of another (OpenVEX's subcomponents, CSAF's relationships), the other has to be
    /// there too. Without what the package is inside of, these hold for nothing. Of statements of one time the last one
    /// counts; CSAF's have no order, so the strictest one is last.
    ///
    /// `ids` are all ids of the finding. Several CVEs among them are several flaws: each has to have a statement, and
    /// the strictest counts. Where both the finding and a statement name CVEs, no other id is enough: one of a
    /// distribution's advisories is of many flaws.
    pub fn about(&self, subject: &Subject<'_>, ids: &[&str]) -> Option<&Statement> {
        let asked = Asked::read(subject)?;
        let ids: BTreeSet<String> = ids.iter().map(|id| id.to_ascii_uppercase()).collect();
        let cves: Vec<&str> = ids.iter().map(String::as_str).filter(|id| is_cve(id)).collect();
        if cves.is_empty() {
            return self.newest(&asked, &ids, None);
        }
        let of_each = cves.iter().map(|cve| self.newest(&asked, &ids, Some(cve)));
        let of_each: Vec<&Statement> = of_each.collect::<Option<_>>()?;
        of_each.into_iter().max_by(|a, b| a.status.cmp(&b.status))
    }

    fn newest(&self, asked: &Asked, ids: &BTreeSet<String>, cve: Option<&str>) -> Option<&Statement> {
        let places: BTreeSet<usize> = ids.iter().filter_map(|id| self.by_id.get(id)).flatten().copied().collect();
        let named = places.into_iter().map(|place| &self.all[place]).filter(|statement| {
            let mut cves = statement.ids.iter().filter(|id| is_cve(id)).peekable();
            cve.is_none_or(|cve| cves.peek().is_none() || cves.any(|id| id.eq_ignore_ascii_case(cve)))
        });
        named.filter(|statement| statement.products.iter().any(|product| product.holds_for(asked))).max_by_key(|statement| statement.at)
    }
}

pub(super) fn is_cve(id: &str) -> bool {
    id.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("CVE-"))
}

fn read(bytes: &[u8], faults: &mut Faults<'_>) -> Result<Vec<Statement>, Fault> {
    if bytes.len() > LARGEST_DOCUMENT_BYTES {
        return Err(faults.whole(format!("it has more than {LARGEST_DOCUMENT_BYTES} bytes")));
    }
    let format: json::Format = json::decode(bytes, faults)?;
    match format {
        json::Format { context: Some(context), .. } => openvex::read(&context, bytes, faults),
        json::Format { document: Some(document), .. } => csaf::read(&document, bytes, faults),
        _ => Err(faults.whole("it is neither OpenVEX (it has no `@context`) nor CSAF (it has no `document`)".to_owned())),
    }
}
