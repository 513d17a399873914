//! From what is published to what is answered.

use std::io::Write as _;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::disk::BlockSource;

const ALMA: &str = r#"{"id": "ALSA-2025:10073", "summary": "Important: firefox security update", "modified": "2025-07-01T19:42:01Z",
    "published": "2025-07-01T00:00:00Z", "related": ["CVE-2025-6430", "CVE-2025-6424"], "affected": [
    {"package": {"ecosystem": "AlmaLinux:10", "name": "firefox"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "128.12.0-1.el10_0"}]}]},
    {"package": {"ecosystem": "AlmaLinux:9", "name": "firefox"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "128.12.0-1.el9_6"}]}]}]}"#;

const GO: &str = r#"{"id": "GO-2020-0001", "modified": "0001-01-01T00:00:00Z", "published": "2021-04-14T20:04:52Z",
    "aliases": ["CVE-2020-36567", "GHSA-6vm3-jj99-7229"], "summary": "Arbitrary log line injection", "affected": [
    {"package": {"ecosystem": "Go", "name": "github.com/gin-gonic/gin"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.6.0"}]}]}]}"#;

const KEV: &str = r#"{"catalogVersion": "2025.08.25", "dateReleased": "2025-08-25T17:04:19Z", "count": 1, "vulnerabilities": [
    {"cveID": "CVE-2025-6424", "vulnerabilityName": "Firefox", "dateAdded": "2025-08-25", "knownRansomwareCampaignUse": "Unknown"}]}"#;

const EPSS: &str = "#model_version:v2025.03.14,score_date:2026-11-27T12:55:00Z\ncve,epss,percentile\nCVE-2020-36567,0.00123,0.4\n";

const EOL: &str = r#"[{"cycle": "10", "eol": "2035-05-31"}]"#;

fn amazon(architecture: &str) -> String {
    format!(
        "<?xml version=\"1.0\" ?><updates><update type=\"security\"><id>ALAS2023-2024-649</id><title>openssh</title>\
         <issued date=\"2024-07-01 20:41\"/><updated date=\"2024-07-0{} 20:41\"/><severity>Critical</severity>\
         <references><reference id=\"CVE-2024-6387\" type=\"cve\"/></references><pkglist><collection short=\"amazon-linux-2023\">\
         <package name=\"openssh\" version=\"8.7p1\" release=\"8.amzn2023.0.11\" epoch=\"0\" arch=\"{architecture}\"/>\
         </collection></pkglist></update></updates>",
        if architecture == "x86_64" { 2 } else { 3 }
    )
}

fn built(inputs: &[(&str, Vec<u8>)]) -> (Vec<u8>, About) {
    let mut builder = Builder::new();
    for (file, bytes) in inputs {
        builder.add(Input { file: (*file).to_owned(), url: None, retrieved: None, content: Content::File(bytes) }).unwrap();
    }
    let mut bytes = Vec::new();
    let (digest, about) = builder.finish(Some("a sample".to_owned()), &mut bytes).unwrap();
    let database = open(bytes.clone());
    database.verify().unwrap();
    assert_eq!((database.digest(), &database.about().unwrap()), (digest, &about));
    (bytes, about)
}

fn open(bytes: Vec<u8>) -> Database {
    Database::open(Arc::new(bytes)).unwrap()
}

/// A ZIP archive, by the program that everybody has.
fn zipped(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
    for (name, text) in entries {
        let (mut entry, config) = archive.new_file(name).compression_method(rawzip::CompressionMethod::DEFLATE).start().unwrap();
        let packed = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::default());
        let mut writer = config.wrap(packed);
        writer.write_all(text.as_bytes()).unwrap();
        let (packed, descriptor) = writer.finish().unwrap();
        packed.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
    bytes
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

fn all() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("osv/all.zip", zipped(&[("ALSA-2025:10073.json", ALMA), ("GO-2020-0001.json", GO), ("README.md", "x")])),
        ("osv/one.json", GO.into()),
        ("amazon/x86_64/updateinfo.xml.gz", gzipped(&amazon("x86_64"))),
        ("amazon/aarch64/updateinfo.xml.gz", gzipped(&amazon("aarch64"))),
        ("kev.json", KEV.into()),
        ("epss.csv.gz", gzipped(EPSS)),
        ("almalinux.json", EOL.into()),
    ]
}

#[test]
fn what_went_in_is_answered() {
    let (bytes, about) = built(&all());
    let database = open(bytes);
    assert_eq!(database.releases(Ecosystem::AlmaLinux).unwrap(), ["10", "9"]);
    let [affected] = &database.affected(Ecosystem::AlmaLinux, "9", "firefox").unwrap()[..] else { panic!() };
    assert_eq!(affected.what.ranges, [[Event::Introduced("0".into()), Event::Fixed("128.12.0-1.el9_6".into())]]);
    let advisory = database.advisory(affected.advisory).unwrap();
    assert_eq!((advisory.id.as_str(), advisory.severity.word.as_deref()), ("ALSA-2025:10073", Some("important")));
    assert_eq!(database.named("CVE-2025-6424").unwrap(), [affected.advisory]);
    assert_eq!(database.named("ALSA-2025:10073").unwrap(), [affected.advisory]);
    assert_eq!(database.affected(Ecosystem::Go, "", "github.com/gin-gonic/gin").unwrap().len(), 1);
    for (ecosystem, release, package) in
        [(Ecosystem::AlmaLinux, "1", "firefox"), (Ecosystem::AlmaLinux, "9", "fire"), (Ecosystem::Npm, "", "x")]
    {
        assert!(database.affected(ecosystem, release, package).unwrap().is_empty());
    }
    assert_eq!(database.exploited("CVE-2025-6424").unwrap().unwrap().name, "Firefox");
    assert_eq!(database.exploited("CVE-2025-6425").unwrap(), None);
    assert_eq!(database.likelihood("CVE-2020-36567").unwrap().unwrap().score_billionths, 1_230_000);
    assert_eq!(database.cycles("almalinux").unwrap()[0].security, End::On("2035-05-31".parse().unwrap()));
    assert_eq!(database.cycles("debian").unwrap(), []);
    let Counts { advisories, packages, affected, exploited, likelihoods, cycles } = about.counts;
    assert_eq!([advisories, packages, affected, exploited, likelihoods, cycles], [3, 4, 4, 1, 1, 1]);
    assert_eq!(about.releases["AlmaLinux"], [("10".to_owned(), 1), ("9".to_owned(), 1)].into());
}

#[test]
fn architectures_of_amazons_repositories_come_together() {
    let database = open(built(&all()).0);
    let [affected] = &database.affected(Ecosystem::AmazonLinux, "2023", "openssh").unwrap()[..] else { panic!() };
    assert_eq!(affected.what.architectures, ["aarch64", "x86_64"]);
    assert_eq!(database.advisory(affected.advisory).unwrap().modified.to_string(), "2024-07-03T20:41:00Z");
}

#[test]
fn sources_are_told_with_licences_dates_and_digests() {
    let (_, about) = built(&all());
    let source = about.sources.iter().find(|source| source.file == "osv/all.zip").unwrap();
    assert_eq!((source.records, source.foreign, source.damaged), (2, 1, 0));
    assert_eq!(source.newest.unwrap().to_string(), "2025-07-01T19:42:01Z");
    assert_eq!(source.ecosystems["Go"].newest.to_string(), "2021-04-14T20:04:52Z");
    assert_eq!(source.ecosystems["AlmaLinux"].licence, "MIT");
    assert_eq!(about.label.as_deref(), Some("a sample"));
    let kev = about.sources.iter().find(|source| source.kind == SourceKind::Kev).unwrap();
    assert_eq!((kev.digest, kev.size_bytes), (crate::model::digest::Digest::of(KEV), KEV.len() as u64));
}

#[test]
fn the_last_modified_record_counts_and_a_withdrawn_one_takes_it_away() {
    let older = ALMA.replace("2025-07-01T19:42:01Z", "2025-07-01T10:00:00Z").replace("128.12.0-1", "128.11.0-1");
    let newer = ALMA.replace("2025-07-01T19:42:01Z", "2025-07-02T10:00:00Z").replace("\"published\"", "\"withdrawn\"");
    for order in [[&older, &ALMA.to_owned()], [&ALMA.to_owned(), &older]] {
        let (bytes, about) = built(&[("1.json", order[0].clone().into()), ("2.json", order[1].clone().into())]);
        let [affected] = &open(bytes).affected(Ecosystem::AlmaLinux, "10", "firefox").unwrap()[..] else { panic!() };
        assert_eq!(affected.what.ranges[0][1], Event::Fixed("128.12.0-1.el10_0".into()));
        assert_eq!(about.counts.advisories, 1);
    }
    let (bytes, about) = built(&[("1.json", newer.into()), ("2.json", ALMA.into())]);
    assert!(open(bytes).affected(Ecosystem::AlmaLinux, "10", "firefox").unwrap().is_empty());
    assert_eq!((about.counts.advisories, about.counts.packages), (0, 0));
}

#[test]
fn the_same_inputs_make_the_same_bytes_in_any_order() {
    let mut inputs = all();
    let (first, _) = built(&inputs);
    for _ in 0..inputs.len() {
        inputs.rotate_left(1);
        assert!(built(&inputs).0 == first);
        inputs.swap(0, 2);
        assert!(built(&inputs).0 == first);
    }
}

#[test]
fn a_folder_of_records_is_one_source() {
    let mut builder = Builder::new();
    let records = [("a.json".to_owned(), Ok(ALMA.into())), ("b.json".to_owned(), Ok(b"{".to_vec())), ("c.json".to_owned(), Ok(GO.into()))];
    let content = Content::Records(&mut records.into_iter());
    builder.add(Input { file: "osv".into(), url: None, retrieved: None, content }).unwrap();
    assert_eq!(builder.faults().map(Fault::to_string).collect::<Vec<_>>(), ["osv: b.json:1:1: EOF while parsing an object"]);
    let (_, about) = builder.finish(None, &mut Vec::new()).unwrap();
    assert_eq!((about.sources.len(), about.sources[0].records, about.sources[0].damaged), (1, 2, 1));
}

#[test]
fn what_is_of_no_kind_is_told() {
    for (bytes, reason) in [
        (b"<html>".to_vec(), "no kind"),
        (Vec::new(), "no kind"),
        (b"PK\x03\x04 and nothing".to_vec(), "damaged"),
        (gzipped(KEV)[..40].to_vec(), "stream"),
        (b"{\"id\":".to_vec(), "EOF"),
    ] {
        let (_, about) = built(&[("x", bytes)]);
        let [fault] = &about.sources[0].faults[..] else { panic!() };
        assert!(fault.to_string().contains(reason), "{fault}");
    }
}

#[test]
fn entries_of_archives_that_cant_be_unpacked_are_told_and_the_others_read() {
    let mut archive = zipped(&[("a.json", ALMA), ("b.json", GO), ("c.json", "{}")]);
    let at = archive.windows(6).position(|bytes| bytes == b"a.json").unwrap() + 60;
    archive[at] ^= 0xff;
    let (_, about) = built(&[("all.zip", archive)]);
    let faults: Vec<String> = about.sources[0].faults.iter().map(Fault::to_string).collect();
    assert!(faults[0].starts_with("all.zip: a.json: it can't be unpacked"), "{faults:?}");
    assert!(faults[1].starts_with("all.zip: c.json:1:2: missing field `id`"), "{faults:?}");
    assert_eq!((faults.len(), about.counts.advisories), (2, 1));
}

#[test]
fn other_files_and_other_formats_are_no_databases() {
    let (bytes, _) = built(&all());
    let refusal = |bytes: Vec<u8>| Database::open(Arc::new(bytes)).map(|_| ()).unwrap_err();
    assert!(matches!(refusal(b"SQLite format 3".to_vec()), DatabaseError::Foreign));
    assert!(matches!(refusal(vec![0; 4096]), DatabaseError::Foreign));
    let mut newer = bytes.clone();
    newer[12] = 9;
    assert!(matches!(refusal(newer), DatabaseError::Format { found: 9, .. }));
    assert!(matches!(refusal(bytes[..bytes.len() / 2].to_vec()), DatabaseError::Damaged { .. }));
    let mut changed = bytes;
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    assert!(matches!(open(changed).verify(), Err(DatabaseError::Digest { .. })));
}

/// Asks all there is to ask; whatever comes is fine as long as something comes.
fn ask(database: &Database) {
    let _ = (database.about(), database.verify());
    for ecosystem in Ecosystem::all() {
        for release in database.releases(ecosystem).unwrap_or_default() {
            for affected in database.affected(ecosystem, &release, "firefox").iter().flat_map(|found| found.iter()) {
                let _ = database.advisory(affected.advisory);
            }
        }
    }
    let _ = (database.affected(Ecosystem::Go, "", "github.com/gin-gonic/gin"), database.affected(Ecosystem::AlmaLinux, "9", "firefox"));
    let _ = (database.named("CVE-2025-6424"), database.exploited("CVE-2025-6424"));
    let _ = (database.likelihood("CVE-2020-36567"), database.cycles("almalinux"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_databases_are_read_or_refused(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40), cut in any::<prop::sample::Index>()) {
        static WHOLE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| built(&all()).0);
        let mut bytes = WHOLE.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut.index(4) == 0 {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(database) = Database::open(Arc::new(bytes)) {
            ask(&database);
        }
    }
}

/// Ten thousand records, each damaged in a place of its own: each is refused with the place, or is still a record.
#[test]
fn damaged_records_are_told_one_by_one_and_nothing_else_is_lost() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut refused, mut read) = (0_u64, 0_u64);
    let mut builder = Builder::new();
    let mut records = (0..10_000).map(|number| {
        let mut json = ALMA.replace("ALSA-2025:10073", &format!("ALSA-2025:{number}")).into_bytes();
        let damages = runner.rng().random_range(1..4);
        for _ in 0..damages {
            let at = runner.rng().random_range(0..json.len());
            match runner.rng().random_range(0..3) {
                0 => json[at] = runner.rng().random(),
                1 => json.truncate(at.max(1)),
                _ => json.insert(at, b"{}[]\",:\\"[runner.rng().random_range(0..8)]),
            }
        }
        match serde_json::from_slice::<serde_json::Value>(&json) {
            Ok(_) => read += 1,
            Err(_) => refused += 1,
        }
        (format!("{number}.json"), Ok(json))
    });
    builder.add(Input { file: "osv".into(), url: None, retrieved: None, content: Content::Records(&mut records) }).unwrap();
    drop(records);
    assert_eq!(builder.damaged(), builder.faults().count() as u64);
    assert!(builder.damaged() >= refused && refused > 5000, "{refused} {read}");
    assert!(builder.faults().all(|fault| fault.place.is_some() && fault.record.is_some() && !fault.reason.is_empty()));
    let damaged = builder.damaged();
    let (_, about) = builder.finish(None, &mut Vec::new()).unwrap();
    assert_eq!(about.sources[0].records + damaged, 10_000);
}

/// Every kind of file, as it is published: each record of the sample, of each ecosystem; archives of them; Amazon's, CISA's,
/// FIRST's, endoflife.date's and Debian's files.
fn kinds() -> Vec<(String, Vec<u8>)> {
    fn below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
        let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        paths.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/advisories");
    let mut files: Vec<_> = below(&folder).into_iter().filter(|path| path.extension().is_some_and(|extension| extension != "md")).collect();
    files.sort();
    let sample = files.iter().map(|path| (path.strip_prefix(&folder).unwrap().display().to_string(), std::fs::read(path).unwrap()));
    let debian = "version,codename,series,created,release,eol,eol-lts,eol-elts\n12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-06-10,2028-06-30,2033-06-30\n";
    let ubuntu = "version,codename,series,created,release,eol,eol-server,eol-esm\n24.04 LTS,Noble Numbat,noble,2023-10-26,2024-04-25,2029-05-31,2029-05-31,2034-04-25\n";
    let made = all().into_iter().map(|(file, bytes)| (format!("made/{file}"), bytes));
    let plain = [("epss.csv", EPSS), ("distro-info/debian.csv", debian), ("distro-info/ubuntu.csv", ubuntu)];
    sample.chain(made).chain(plain.map(|(file, text)| (file.to_owned(), text.as_bytes().to_vec()))).collect()
}

/// Ten thousand files of every kind, each damaged in places of its own: each is told by name and reason, or read; nothing panics.
#[test]
fn damaged_files_of_every_kind_are_told_or_read() {
    const CASES: usize = 10_000;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let kinds = kinds();
    let mut refused = std::collections::BTreeMap::<&str, usize>::new();
    for number in 0..CASES {
        let (file, whole) = &kinds[number % kinds.len()];
        let mut bytes = whole.clone();
        for _ in 0..runner.rng().random_range(1..4) {
            let at = runner.rng().random_range(0..bytes.len());
            match runner.rng().random_range(0..4) {
                0 => bytes[at] = runner.rng().random(),
                1 => bytes.truncate(at.max(1)),
                2 => bytes.insert(at, b"{}[]\",<>"[runner.rng().random_range(0..8)]),
                // A stretch that stands there twice.
                _ => {
                    let end = (at + runner.rng().random_range(1..80)).min(bytes.len());
                    let stretch = bytes[at..end].to_vec();
                    bytes.splice(at..at, stretch);
                }
            }
        }
        let mut builder = Builder::new();
        let content = Content::File(&bytes as &dyn BlockSource);
        builder.add(Input { file: file.clone(), url: None, retrieved: None, content }).unwrap();
        for fault in builder.faults() {
            assert!(fault.file == *file && !fault.reason.is_empty(), "{fault:?}");
            // What is no archive, or of no kind that is known, has no place; what has records or lines has.
            let is_whole = fault.record.is_none() && fault.place.is_none();
            assert!(!is_whole || file.ends_with("zip") || file.ends_with("gz") || fault.reason.contains("no kind"), "{fault:?}");
        }
        *refused.entry(file).or_default() += usize::from(builder.damaged() > 0);
        let damaged = builder.damaged();
        let (_, about) = builder.finish(None, &mut Vec::new()).unwrap();
        assert_eq!(about.sources[0].damaged, damaged);
    }
    assert_eq!(refused.len(), kinds.len());
    assert!(refused.values().all(|refused| *refused > 50), "{refused:?}");
}

/// The sample that tests of other areas and the demo build their database from.
#[test]
fn the_sample_in_the_repository_is_read_whole() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/advisories");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let mut names: Vec<_> = std::fs::read_dir(folder.join("osv")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let names: Vec<String> = names.iter().map(|name| format!("osv/{}", name.to_str().unwrap())).collect();
    let others = ["updateinfo.xml", "kev.json", "eol/debian.json", "eol/amazon-linux.json", "eol/ubuntu.json", "eol/almalinux.json"];
    let inputs: Vec<_> = names.iter().map(String::as_str).chain(others).map(|name| (name, read(name))).collect();
    let (bytes, about) = built(&inputs);
    assert!(about.sources.iter().all(|source| source.damaged == 0 && source.foreign == 0), "{about:#?}");
    assert_eq!(about.counts.advisories, 12);
    let database = open(bytes);
    let [affected] = &database.affected(Ecosystem::Debian, "12", "openssh").unwrap()[..] else { panic!() };
    assert_eq!(database.advisory(affected.advisory).unwrap().upstream, ["CVE-2024-6387"]);
    assert_eq!(database.named("CVE-2021-25900").unwrap().len(), 2);
}
