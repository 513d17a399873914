//! When products' series end: endoflife.date's answers, and the tables of Debian's distro-info-data.

use std::io::{BufRead, Read as _};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;

use super::super::about::Fault;
use super::super::advisory::{Cycle, End};
use super::lines::Lines;
use super::term::{Term, check, summary};

/// All products together are 3 MB.
const LARGEST_BYTES: u64 = 64 << 20;

/// Series of products.
#[derive(Debug, Default)]
pub(in crate::advisories) struct EndOfLife {
    pub(in crate::advisories) newest: Option<Timestamp>,
    /// Product and series.
    pub(in crate::advisories) cycles: Vec<(String, Cycle)>,
    pub(in crate::advisories) faults: Vec<Fault>,
}

/// The answer of `/api/v1/products/full` and `/api/v1/products/NAME`.
///
/// Source: <https://endoflife.date/docs/api/v1/>
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    generated_at: Option<Timestamp>,
    #[serde(default)]
    last_modified: Option<Timestamp>,
    result: Products,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Products {
    All(Vec<Product>),
    One(Product),
}

#[derive(Deserialize)]
struct Product {
    name: Term,
    releases: Vec<Release>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Release {
    name: Term,
    #[serde(default)]
    release_date: Option<Date>,
    #[serde(default)]
    is_eol: Option<bool>,
    #[serde(default)]
    eol_from: Option<Date>,
    #[serde(default)]
    is_eoes: Option<bool>,
    #[serde(default)]
    eoes_from: Option<Date>,
}

/// A series in the answer of `/api/NAME.json`.
///
/// Source: <https://endoflife.date/docs/api/>
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OldCycle {
    cycle: Term,
    #[serde(default)]
    release_date: Option<Date>,
    #[serde(default)]
    eol: Option<DayOrNot>,
    #[serde(default)]
    extended_support: Option<DayOrNot>,
}

/// A day, or whether it is over.
#[derive(Deserialize)]
#[serde(untagged)]
enum DayOrNot {
    Day(Date),
    Is(bool),
}

/// Reads an answer of endoflife.date. The older kind doesn't name its product: it is what the file is called.
///
/// # Errors
///
/// A fault with its place.
pub(in crate::advisories) fn read_end_of_life(file: &str, from: &mut dyn BufRead) -> Result<EndOfLife, Fault> {
    let mut json = Vec::new();
    let fault = |place, reason: String| Fault { file: file.to_owned(), record: None, place, reason: summary(&reason) };
    let wrong = |error: serde_json::Error| fault(Some((error.line() as u64, error.column() as u64)), error.to_string());
    from.take(LARGEST_BYTES).read_to_end(&mut json).map_err(|error| fault(None, error.to_string()))?;
    if json.trim_ascii_start().starts_with(b"[") {
        let cycles: Vec<OldCycle> = serde_json::from_slice(&json).map_err(wrong)?;
        let name = file.rsplit('/').next().unwrap_or(file);
        let product = name.split('.').next().unwrap_or(name);
        check(product).map_err(|reason| fault(None, reason.to_owned()))?;
        let cycles = cycles.into_iter().map(|cycle| (product.to_owned(), Cycle::from(cycle)));
        return Ok(EndOfLife { cycles: cycles.collect(), ..EndOfLife::default() });
    }
    let answer: Answer = serde_json::from_slice(&json).map_err(wrong)?;
    let products = match answer.result {
        Products::All(products) => products,
        Products::One(product) => vec![product],
    };
    let cycles = products.into_iter().flat_map(|product| {
        let Term(name) = product.name;
        product.releases.into_iter().map(move |release| (name.clone(), Cycle::from(release)))
    });
    Ok(EndOfLife { newest: answer.generated_at.or(answer.last_modified), cycles: cycles.collect(), faults: Vec::new() })
}

impl From<Release> for Cycle {
    fn from(release: Release) -> Self {
        let end = |day: Option<Date>, over: Option<bool>| match (day, over) {
            (Some(day), _) => End::On(day),
            (None, Some(true)) => End::Over,
            (None, Some(false)) => End::Open,
            (None, None) => End::Untold,
        };
        Self {
            name: release.name.0,
            released: release.release_date,
            security: end(release.eol_from, release.is_eol),
            extended: end(release.eoes_from, release.is_eoes),
        }
    }
}

impl From<OldCycle> for Cycle {
    fn from(cycle: OldCycle) -> Self {
        let extended = match cycle.extended_support {
            // Here it says whether there is any.
            Some(DayOrNot::Is(true)) => End::Open,
            Some(DayOrNot::Is(false)) | None => End::Untold,
            Some(DayOrNot::Day(day)) => End::On(day),
        };
        let security = match cycle.eol {
            Some(DayOrNot::Day(day)) => End::On(day),
            Some(DayOrNot::Is(true)) => End::Over,
            Some(DayOrNot::Is(false)) => End::Open,
            None => End::Untold,
        };
        Self { name: cycle.cycle.0, released: cycle.release_date, security, extended }
    }
}

/// Reads `debian.csv` or `ubuntu.csv`; the columns tell which it is.
///
/// Source: <https://salsa.debian.org/debian/distro-info-data>
pub(in crate::advisories) fn read_distro_info(file: &str, from: &mut dyn BufRead) -> EndOfLife {
    let mut lines = Lines::new(from);
    let mut found = EndOfLife::default();
    let mut columns = None;
    loop {
        let place = lines.place();
        let fault = |reason: String| Fault { file: file.to_owned(), record: None, place: Some(place), reason: summary(&reason) };
        match lines.next_line() {
            Ok(None) => return found,
            Err(error) => {
                found.faults.push(fault(error.to_string()));
                return found;
            }
            Ok(Some(line)) if line.is_empty() => {}
            Ok(Some(line)) => match &columns {
                None => columns = Some(line.split(',').map(str::to_owned).collect::<Vec<String>>()),
                Some(columns) => match distribution_cycle(columns, &line) {
                    Ok(cycle) => found.cycles.extend(cycle),
                    Err(reason) => found.faults.push(fault(reason.to_owned())),
                },
            },
        }
    }
}

/// Reads a line; what has no version (sid) and no release yet has no cycle.
fn distribution_cycle(columns: &[String], line: &str) -> Result<Option<(String, Cycle)>, &'static str> {
    let fields: Vec<&str> = line.split(',').collect();
    let field = |name: &str| columns.iter().position(|column| column == name).and_then(|at| fields.get(at)).copied().unwrap_or_default();
    let day = |name: &str| match field(name) {
        "" => Ok(None),
        text => text.parse::<Date>().map(Some).map_err(|_| "a day isn't one"),
    };
    // Ubuntu's: `24.04 LTS`.
    let version = field("version").split(' ').next().unwrap_or_default();
    if version.is_empty() {
        return Ok(None);
    }
    check(version)?;
    let is_ubuntu = columns.iter().any(|column| column == "eol-esm" || column == "eol-server");
    let [security, extended] = if is_ubuntu { ["eol", "eol-esm"] } else { ["eol", "eol-lts"] };
    let (released, security, extended) = (day("release")?, day(security)?, day(extended)?);
    let cycle = Cycle {
        name: version.to_owned(),
        released,
        security: security.map_or(End::Open, End::On),
        extended: extended.map_or(End::Untold, End::On),
    };
    Ok(Some((if is_ubuntu { "ubuntu" } else { "debian" }.to_owned(), cycle)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(day: &str) -> End {
        End::On(day.parse().unwrap())
    }

    #[test]
    fn both_kinds_of_answers_are_read() {
        let new = r#"{"schema_version": "1.2.0", "generated_at": "2026-08-22T00:00:00Z", "total": 1, "result": [{"name": "debian", "label": "Debian",
            "releases": [{"name": "13", "codename": "Trixie", "releaseDate": "2025-08-09", "isEol": false, "eolFrom": "2028-08-09",
            "isEoes": false, "eoesFrom": "2030-06-30"}, {"name": "14", "isEol": false, "eolFrom": null}]}]}"#;
        let found = read_end_of_life("full.json", &mut new.as_bytes()).unwrap();
        let (product, cycle) = &found.cycles[0];
        assert_eq!((product.as_str(), cycle.security, cycle.extended), ("debian", on("2028-08-09"), on("2030-06-30")));
        assert_eq!((found.cycles[1].1.security, found.cycles[1].1.extended), (End::Open, End::Untold));
        let old = r#"[{"cycle": "1.27", "releaseDate": "2026-08-19", "eol": false}, {"cycle": "1.20", "eol": "2024-02-06"}, {"cycle": "1", "eol": true}]"#;
        let found = read_end_of_life("eol/go.json", &mut old.as_bytes()).unwrap();
        let ends: Vec<End> = found.cycles.iter().map(|(_, cycle)| cycle.security).collect();
        assert_eq!((found.cycles[0].0.as_str(), ends), ("go", vec![End::Open, on("2024-02-06"), End::Over]));
        assert!(read_end_of_life("x", &mut "[{\n\"cycle\": 7}]".as_bytes()).unwrap_err().to_string().starts_with("x:2:"));
    }

    #[test]
    fn tables_of_distributions_are_read() {
        let debian = "version,codename,series,created,release,eol,eol-lts,eol-elts\n12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-06-10,2028-06-30,2033-06-30\n\
            ,Sid,sid,1993-08-16\n13,Trixie,trixie,2023-06-10,soon,\n";
        let found = read_distro_info("debian.csv", &mut debian.as_bytes());
        let (product, cycle) = &found.cycles[0];
        assert_eq!(
            (product.as_str(), cycle.name.as_str(), cycle.security, cycle.extended),
            ("debian", "12", on("2026-06-10"), on("2028-06-30"))
        );
        assert_eq!(found.faults.iter().map(Fault::to_string).collect::<Vec<_>>(), ["debian.csv:4:1: a day isn't one"]);
        let ubuntu = "version,codename,series,created,release,eol,eol-server,eol-esm\n24.04 LTS,Noble Numbat,noble,2023-10-12,2024-04-25,2029-05-31,2029-05-31,2034-04-25\n";
        let (product, cycle) = read_distro_info("ubuntu.csv", &mut ubuntu.as_bytes()).cycles.remove(0);
        assert_eq!((product.as_str(), cycle.name.as_str(), cycle.extended), ("ubuntu", "24.04", on("2034-04-25")));
    }
}
