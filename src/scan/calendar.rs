//! When systems and runtimes end, by whichever knows better: the table of this build, or a newer one of the database.

use std::borrow::Cow;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::eol::{EndOfLife, Support};
use crate::advisories::{Cycle, Database, DatabaseError, End, SourceKind};
use crate::model::report::OperatingSystem;

/// What systems and runtimes of the table are called by endoflife.date, where that is something else.
///
/// Source: <https://endoflife.date/api/v1/products>
const PRODUCTS: [(&str, &str); 10] = [
    ("amzn", "amazon-linux"),
    ("rocky", "rocky-linux"),
    ("ol", "oracle-linux"),
    ("opensuse-leap", "opensuse"),
    ("alpine", "alpine-linux"),
    ("httpd", "apache-http-server"),
    ("openjdk", "oracle-jdk"),
    ("temurin", "eclipse-temurin"),
    ("tomcat", "tomcat"),
    ("nodejs", "nodejs"),
];

/// Systems whose prolonged updates everybody gets without paying; for others they don't count.
const PROLONGED_FOR_ALL: [&str; 1] = ["debian"];

/// Dates of ends.
pub(super) struct Calendar<'a> {
    table: &'static EndOfLife,
    /// A database whose dates are newer than the table's, and their day.
    newer: Option<(&'a Database, Date)>,
}

impl<'a> Calendar<'a> {
    /// Chooses between the table and a database. One that can't be read has nothing newer, which is told where its
    /// advisories are asked for.
    pub(super) fn of(database: Option<&'a Database>) -> Self {
        let table = EndOfLife::embedded();
        let newer = database.and_then(|database| Some((database, as_of(database).ok()??))).filter(|(_, as_of)| *as_of > table.as_of);
        Self { table, newer }
    }

    /// Returns the day that the dates are of.
    pub(super) fn as_of(&self) -> Date {
        self.newer.map_or(self.table.as_of, |(_, as_of)| as_of)
    }

    /// Tells how a system is supported on a day.
    pub(super) fn support(&self, os: &OperatingSystem, today: Date) -> Support {
        let known = self.known(&os.id, &os.version, today);
        known.unwrap_or_else(|| self.table.support(os, today))
    }

    /// Tells how a runtime of a version is supported by those who make it.
    pub(super) fn runtime_support(&self, id: &str, version: &str, today: Date) -> Support {
        let known = self.known(id, version, today);
        known.unwrap_or_else(|| self.table.runtime_support(id, version, today))
    }

    /// Returns what a runtime is called.
    pub(super) fn runtime_name<'n>(&'n self, id: &'n str) -> &'n str {
        self.table.runtime_name(id)
    }

    /// What the database knows; none if it isn't newer, doesn't know the version or can't be read.
    fn known(&self, id: &str, version: &str, today: Date) -> Option<Support> {
        let (database, _) = self.newer?;
        let product = PRODUCTS.iter().find(|(ours, _)| *ours == id).map_or(id, |(_, theirs)| theirs);
        let cycles = database.cycles(product).ok()?;
        let version = match version {
            // A first service pack may be written without its zero.
            version if id == "sles" && !version.contains('.') => Cow::from(format!("{version}.0")),
            version => Cow::from(version),
        };
        // 1.1 is no cycle of 1.10.
        let fits =
            |cycle: &&Cycle| version.strip_prefix(cycle.name.as_str()).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()));
        let cycle = cycles.iter().filter(fits).max_by_key(|cycle| cycle.name.len())?;
        support(cycle, PROLONGED_FOR_ALL.contains(&id), today)
    }
}

/// Returns the day of the dates in a database; none if no source tells.
fn as_of(database: &Database) -> Result<Option<Date>, DatabaseError> {
    let about = database.about()?;
    let of_dates = about.sources.iter().filter(|source| matches!(source.kind, SourceKind::EndOfLife | SourceKind::DistroInfo));
    Ok(of_dates.filter_map(|source| source.as_of()).max().map(|at| at.to_zoned(TimeZone::UTC).date()))
}

/// None where nothing is said that could be told with a date.
fn support(cycle: &Cycle, is_prolonged_for_all: bool, today: Date) -> Option<Support> {
    let extended = if is_prolonged_for_all { cycle.extended } else { End::Untold };
    Some(match (cycle.security, extended) {
        (End::Untold, _) => return None,
        (End::Open, _) => Support::Supported { until: None },
        (End::On(ends), _) if today <= ends => Support::Supported { until: Some(ends) },
        (End::On(ended), End::On(until)) if today <= until => Support::Extended { ended, until },
        (End::On(_), End::On(ended)) | (End::On(ended), _) | (End::Over, End::On(ended)) => Support::Ended { ended },
        // It has ended, and the table may know when.
        (End::Over, _) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::testing::{database_of, sample};

    fn system(id: &str, version: &str) -> OperatingSystem {
        OperatingSystem { id: id.to_owned(), version: version.to_owned(), name: String::new() }
    }

    const NEWER: &str = r#"{"schema_version": "1.2.0", "generated_at": "2027-01-05T00:00:00+00:00", "last_modified": "2027-01-05T00:00:00+00:00",
        "result": [{"name": "debian", "releases": [{"name": "13", "eolFrom": "2028-01-01", "isEol": false, "eoesFrom": "2030-01-01", "isEoes": false}]},
        {"name": "amazon-linux", "releases": [{"name": "2023", "eolFrom": "2030-06-30", "isEol": false}]},
        {"name": "nodejs", "releases": [{"name": "2", "eolFrom": "2020-01-01"}, {"name": "26", "eolFrom": "2029-04-30", "isEol": false}]}]}"#;

    #[test]
    fn a_newer_database_knows_better_and_an_older_one_is_not_asked() {
        let today = "2028-02-01".parse().unwrap();
        let newer = database_of(&[("eol.json", NEWER.as_bytes())]);
        let calendar = Calendar::of(Some(&newer));
        assert_eq!(calendar.as_of().to_string(), "2027-01-05");
        let extended = Support::Extended { ended: "2028-01-01".parse().unwrap(), until: "2030-01-01".parse().unwrap() };
        assert_eq!(calendar.support(&system("debian", "13.1"), today), extended);
        assert_eq!(calendar.support(&system("amzn", "2023"), today), Support::Supported { until: Some("2030-06-30".parse().unwrap()) });
        assert_eq!(calendar.runtime_support("nodejs", "26.1.0", today), Support::Supported { until: Some("2029-04-30".parse().unwrap()) });
        // What it doesn't know the table does.
        assert!(matches!(calendar.support(&system("rocky", "9.4"), today), Support::Supported { .. }));
        let older = Calendar::of(Some(sample()));
        assert_eq!(older.as_of(), EndOfLife::embedded().as_of);
        assert!(matches!(older.support(&system("debian", "13"), today), Support::Supported { .. }));
    }
}
