//! CISA's catalogue of vulnerabilities that are known to be exploited.
//!
//! Source: <https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities_schema.json>

use std::io::{BufRead, Read as _};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;

use super::super::about::Fault;
use super::super::advisory::Exploited;
use super::term::{Term, Word, summary};

/// The catalogue of 2025 has 1.5 MB.
const LARGEST_BYTES: u64 = 64 << 20;

/// The catalogue.
#[derive(Debug)]
pub(in crate::advisories) struct Kev {
    pub(in crate::advisories) released: Timestamp,
    pub(in crate::advisories) flaws: Vec<(String, Exploited)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Catalogue {
    date_released: Timestamp,
    vulnerabilities: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "cveID")]
    cve: Term,
    date_added: Date,
    #[serde(default)]
    due_date: Option<Date>,
    #[serde(default)]
    known_ransomware_campaign_use: Word,
    vulnerability_name: String,
}

/// Reads the catalogue. It is taken as a whole: it is one document, and whoever misses a part of it misses what matters most.
///
/// # Errors
///
/// A fault with its place.
pub(in crate::advisories) fn read_kev(file: &str, from: &mut dyn BufRead) -> Result<Kev, Fault> {
    let mut json = Vec::new();
    let fault = |place, reason: String| Fault { file: file.to_owned(), record: None, place, reason: summary(&reason) };
    from.take(LARGEST_BYTES).read_to_end(&mut json).map_err(|error| fault(None, error.to_string()))?;
    let catalogue: Catalogue = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(&json)).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.inner());
        fault(Some((inner.line() as u64, inner.column() as u64)), format!("{path}: {inner}"))
    })?;
    let flaws = catalogue.vulnerabilities.into_iter().map(|entry| {
        let by_ransomware = entry.known_ransomware_campaign_use.0.as_deref() == Some("known");
        (entry.cve.0, Exploited { added: entry.date_added, due: entry.due_date, by_ransomware, name: summary(&entry.vulnerability_name) })
    });
    Ok(Kev { released: catalogue.date_released, flaws: flaws.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_read() {
        let json = r#"{"title": "x", "catalogVersion": "2025.08.25", "dateReleased": "2025-08-25T17:04:19.9796Z", "count": 1, "vulnerabilities": [
            {"cveID": "CVE-2025-48384", "vendorProject": "Git", "vulnerabilityName": "Git Link Following Vulnerability",
             "dateAdded": "2025-08-25", "dueDate": "2025-09-15", "knownRansomwareCampaignUse": "Known", "cwes": ["CWE-59"]}]}"#;
        let kev = read_kev("kev.json", &mut json.as_bytes()).unwrap();
        let (cve, flaw) = &kev.flaws[0];
        assert_eq!((cve.as_str(), flaw.by_ransomware, flaw.added.to_string()), ("CVE-2025-48384", true, "2025-08-25".to_owned()));
    }

    #[test]
    fn a_damaged_catalogue_is_refused_with_the_place() {
        let fault =
            read_kev("kev.json", &mut "{\"dateReleased\": \"2025-08-25T17:04:19Z\",\n\"vulnerabilities\": [{\"cveID\": 7}]}".as_bytes());
        assert_eq!(
            fault.unwrap_err().to_string(),
            "kev.json:2:31: vulnerabilities[0].cveID: invalid type: integer `7`, expected a string at line 2 column 31"
        );
    }
}
