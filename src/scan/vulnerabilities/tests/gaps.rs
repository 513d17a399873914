//! What can't be told of an image, and data that can't be read.

use proptest::prelude::*;

use super::*;
use crate::advisories::{Builder, Content, Input};
use crate::disk::{BlockSource, SourceError};

#[test]
fn data_that_is_missing_old_or_of_another_release_is_told() {
    let bash = || vec![package(Origin::Dpkg, "bash", "5.2-1")];
    let of = |os: &str, version: &str, scan: &Scan| gaps(&judge_bill(&bill(os, version, bash()), scan));
    let none = Scan { advisories: None, ..request(&policy()) };
    assert_eq!(
        of("debian", "13", &none),
        ["COV-ADV-001 high there is no database of advisories, so that no package can be checked for vulnerabilities"]
    );
    let now = with(sample());
    assert!(of("debian", "13", &now).is_empty());
    assert!(of("debian", "11", &now)[0].starts_with("COV-ADV-001 high the database has no advisories of debian 11 (Debian)"));
    assert!(of("fedora", "43", &now)[0].starts_with("COV-ADV-001 high no advisories of fedora 43 are known"));
    let at = |day: &str| Scan { at: day.parse().unwrap(), ..with(sample()) };
    assert!(of("debian", "13", &at("2026-11-29T12:00:00Z")).is_empty());
    let stale = "COV-ADV-002 high the advisories of Debian are of 2026-11-22, 8 days old, and may be 7";
    let catalogue = "COV-ADV-002 high the entries of CISA's catalogue of what attackers use are of 2026-11-22, 8 days old, and may be 7";
    assert_eq!(of("debian", "13", &at("2026-11-30T12:00:00Z")), [stale, catalogue]);
    let unlisted = database_of(&[("a.json", &record("CVE-2026-1", "Debian:13", "x", "", ""))]);
    assert_eq!(of("debian", "13", &with(&unlisted)), ["COV-ADV-001 high the database doesn't know which vulnerabilities attackers use"]);
    let php = Package { path: Some("/p".to_owned()), ..package(Origin::Composer, "a/b", "1.0") };
    let report = judge_bill(&bill("debian", "13", vec![php, package(Origin::Rpm, "x", "1-1")]), &now);
    assert_eq!(
        gaps(&report),
        [
            "COV-ADV-003 high the database has no advisories of Packagist, so that 1 package were not checked",
            "COV-ADV-003 low 1 package of another package manager than the system's was not checked: x",
        ]
    );
    let unread = Bill { unread: vec!["pkg:swift/x".to_owned()], ..bill("debian", "13", bash()) };
    let unlisted = judge_bill(&unread, &now);
    assert!(gaps(&unlisted)[0].starts_with("COV-PKG-002 medium 1 entry of the bill of materials can't be told"));
    let remedy = unlisted.findings.iter().find(|finding| finding.code == "COV-PKG-002").map(|finding| finding.remedy.as_str());
    assert!(remedy.is_some_and(|remedy| remedy.starts_with("Make the bill") && !remedy.contains("image")), "{remedy:?}");
}

#[test]
fn records_that_were_left_out_are_told() {
    let of = |ecosystem: &str, package: Package| {
        let sound = record("CVE-2026-1", ecosystem, "x", "", "");
        let mut records = [("a".to_owned(), Ok(sound)), ("b".to_owned(), Ok(b"{}".to_vec()))].into_iter();
        let retrieved = DAY.parse().ok();
        let mut builder = Builder::new();
        for (file, content) in [("osv", Content::Records(&mut records)), ("kev.json", Content::File(&KEV.as_bytes().to_vec()))] {
            builder.add(Input { file: file.to_owned(), url: None, retrieved, content }).unwrap();
        }
        let mut bytes = Vec::new();
        builder.finish(None, &mut bytes).unwrap();
        let database = Arc::new(Database::open(Arc::new(bytes)).unwrap());
        gaps(&judge_bill(&bill("debian", "13", vec![package]), &with(&database)))
    };
    let debian = "COV-ADV-003 high 1 record was left out of the advisories of Debian, since they can't be read";
    assert_eq!(of("Debian:13", package(Origin::Dpkg, "x", "1")), [debian]);
    let gem = "COV-ADV-003 medium 1 record was left out of the advisories of RubyGems, since they can't be read";
    assert!(of("RubyGems", package(Origin::Gem, "x", "1")).iter().any(|gap| gap == gem));
}

#[test]
fn a_bill_without_a_system_its_packages_or_their_sources_does_not_pass() {
    let of = |bill: Bill| {
        let report = judge_bill(&bill, &with(sample()));
        assert!(!report.passed());
        gaps(&report)
    };
    let empty = Bill { operating_system: None, ..bill("", "", Vec::new()) };
    let nothing = "COV-ADV-001 high the bill of materials names no operating system, so that nothing of the system was checked";
    assert_eq!(of(empty), [nothing]);
    let unlisted = "COV-ADV-001 high the bill of materials lists no package of debian 13, so that nothing of the system was checked";
    assert_eq!(of(bill("debian", "13", Vec::new())), [unlisted]);
    let sourceless = Bill { tells_sources: false, ..bill("debian", "13", vec![package(Origin::Dpkg, "bash", "5.2-1")]) };
    assert!(of(sourceless)[0].starts_with("COV-ADV-001 high the bill of materials doesn't tell of which sources its 1 package"));
}

/// A database whose bytes can't be had any more once it is open.
struct Gone(Vec<u8>);

impl BlockSource for Gone {
    fn size_bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        let is_edge = offset == 0 || offset + buffer.len() as u64 == self.size_bytes();
        let gone = || SourceError::OutOfBounds { offset, length: buffer.len() as u64, size_bytes: 0 };
        if is_edge { self.0.read_at(offset, buffer) } else { Err(gone()) }
    }
}

#[test]
fn a_database_that_cant_be_read_is_a_finding() {
    let inputs = [("a.json", record("CVE-2026-1", "Debian:13", "bash", "", "")), ("kev.json", KEV.into())];
    let bytes = built(&inputs.each_ref().map(|(name, bytes)| (*name, bytes.as_slice())), DAY);
    let database = Arc::new(Database::open(Arc::new(Gone(bytes))).unwrap());
    let report = scan(clean(), &with(&database));
    let [gap] = &gaps(&report)[..] else { panic!("{:?}", gaps(&report)) };
    assert!(gap.starts_with("COV-ADV-001 high the database of advisories can't be used: it "), "{gap}");
    assert!(!report.passed() && report.advisories.is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_database_never_makes_it_panic(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30)) {
        static BYTES: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
            let inputs = [("k.json", KERNEL), ("kev.json", KEV), ("epss.csv", EPSS)];
            built(&inputs.map(|(name, text)| (name, text.as_bytes())), DAY)
        });
        let mut bytes = BYTES.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(database) = Database::open(Arc::new(bytes)) {
            let kernel = of_source("linux-image-6.1.0-17-amd64", "6.1.69-1", "linux");
            let report = judge_bill(&bill("debian", "12", vec![kernel]), &with(&Arc::new(database)));
            prop_assert!(!report.findings.is_empty());
        }
    }
}
