//! How fast a database of advisories is built, opened and asked.

use std::hint::black_box;
use std::io;
use std::sync::Arc;

use bakehouse::advisories::{Builder, Content, Database, Ecosystem, Input};
use bakehouse::disk::FileSource;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

/// As many as all distributions and languages that matter to an image have.
const RECORDS: u32 = 200_000;

/// Packages that advisories are of: some have many.
const PACKAGES: u32 = 20_000;

/// What an image has.
const INSTALLED: u32 = 2_000;

/// A record as large as those of distributions are, the same each time.
fn record(number: u32) -> String {
    let package = number.wrapping_mul(2_654_435_761) % PACKAGES;
    let affected: Vec<String> = (11..14)
        .map(|release| {
            format!(
                r#"{{"package": {{"ecosystem": "Debian:{release}", "name": "package-{package}"}}, "ranges": [{{"type": "ECOSYSTEM",
                "events": [{{"introduced": "0"}}, {{"fixed": "{release}.{}-{}+deb{release}u{}"}}]}}], "versions": [{}],
                "ecosystem_specific": {{"urgency": "not yet assigned"}}}}"#,
                number % 90,
                number % 9,
                number % 5,
                (0..20).map(|minor| format!("\"{release}.{minor}-1\"")).collect::<Vec<_>>().join(", "),
            )
        })
        .collect();
    format!(
        r#"{{"schema_version": "1.7.3", "id": "DEBIAN-CVE-{}-{number}", "modified": "2026-11-{:02}T12:00:00Z", "published": "2026-01-01T00:00:00Z",
        "upstream": ["CVE-{}-{number}"], "details": "{}",
        "severity": [{{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:{}"}}],
        "references": [{{"type": "ADVISORY", "url": "https://security-tracker.debian.org/tracker/CVE-{number}"}}], "affected": [{}]}}"#,
        2000 + number % 27,
        1 + number % 28,
        2000 + number % 27,
        "A flaw in how input is read lets whoever sends it run code. ".repeat(5 + number as usize % 10),
        ["N", "L", "H"][number as usize % 3],
        affected.join(", "),
    )
}

fn build() -> (u64, Vec<u8>) {
    let mut json_bytes = 0;
    let mut builder = Builder::new();
    let mut records = (0..RECORDS).map(|number| {
        let json = record(number).into_bytes();
        json_bytes += json.len() as u64;
        (format!("{number}.json"), io::Result::Ok(json))
    });
    let content = Content::Records(&mut records);
    builder.add(Input { file: "osv".to_owned(), url: None, retrieved: None, content }).expect("it is not too large");
    assert_eq!(builder.damaged(), 0);
    let mut bytes = Vec::new();
    builder.finish(None, &mut bytes).expect("it is written to memory");
    (json_bytes, bytes)
}

fn advisories(criterion: &mut Criterion) {
    let (json_bytes, bytes) = build();
    eprintln!("{RECORDS} records of {} MiB make {} MiB", json_bytes >> 20, bytes.len() >> 20);
    let file = tempfile::NamedTempFile::new().expect("there is room");
    std::fs::write(file.path(), &bytes).expect("there is room");
    let open = || Database::open(Arc::new(FileSource::open(file.path()).expect("it was written"))).expect("it is whole");
    let mut group = criterion.benchmark_group("advisories");
    group.sample_size(10);
    group.bench_function("200,000 records built", |bencher| bencher.iter(|| black_box(build())));
    // What a command does before it decides by one: `verify` reads all of it.
    group.bench_function("opened, header and digest alone", |bencher| bencher.iter(|| black_box(open())));
    group.bench_function("opened and held against its digest", |bencher| bencher.iter(|| black_box(open().verify())));
    let asked = |database: &Database| -> usize {
        let affected = (0..INSTALLED).map(|number| database.affected(Ecosystem::Debian, "12", &format!("package-{}", number * 7)));
        affected.map(|found| found.expect("it is whole").len()).sum()
    };
    assert!(asked(&open()) > INSTALLED as usize);
    group.bench_function("2,000 packages looked up, just opened", |bencher| {
        bencher.iter_batched(open, |database| black_box(asked(&database)), BatchSize::PerIteration);
    });
    let database = open();
    group.bench_function("2,000 packages looked up again", |bencher| bencher.iter(|| black_box(asked(&database))));
    group.finish();
}

criterion_group!(benches, advisories);
criterion_main!(benches);
