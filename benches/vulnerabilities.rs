//! How long an image's packages take against all that is known, and how long a day's round over everything listed.
//!
//! The database is made up: as many advisories as Debian's and Ubuntu's together have, as uneven as theirs: most packages
//! have some, a kernel has thousands.

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use bakehouse::advisories::{Builder, Content, Database, Input};
use bakehouse::model::product::ScanPolicy;
use bakehouse::model::report::{OperatingSystem, Package, Report, Severity};
use bakehouse::scan::{Bill, Scan, judge_again, judge_bill};
use criterion::{Criterion, criterion_group, criterion_main};

const ADVISORIES: usize = 200_000;
const SOURCES: usize = 20_000;
const PACKAGES: usize = 2_000;
const REPORTS: usize = 100;
/// Of the advisories of a source, one in so many is not mended in what is installed.
const UNMENDED: usize = 200;

/// One in twenty is of the kernel, the others of any package.
fn source(number: usize) -> String {
    if number.is_multiple_of(20) { "linux".to_owned() } else { format!("source-{}", number.wrapping_mul(7919) % SOURCES) }
}

fn record(number: usize) -> (String, std::io::Result<Vec<u8>>) {
    let cve = format!("CVE-2026-{number}");
    let fixed = if number.is_multiple_of(UNMENDED) { "9.9-1" } else { "1.0-1" };
    let json = format!(
        r#"{{"id": "DEBIAN-{cve}", "modified": "2026-11-01T00:00:00Z", "upstream": ["{cve}"], "summary": "a flaw of number {number}",
        "severity": [{{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:H"}}], "affected": [{{"package":
        {{"ecosystem": "Debian:13", "name": "{}"}}, "ranges": [{{"type": "ECOSYSTEM", "events": [{{"introduced": "0"}}, {{"fixed": "{fixed}"}}]}}]}}]}}"#,
        source(number)
    );
    (format!("{number}.json"), Ok(json.into_bytes()))
}

fn database() -> Vec<u8> {
    let mut builder = Builder::new();
    let mut records = (0..ADVISORIES).map(record);
    let retrieved = Some("2026-11-26T00:00:00Z".parse().expect("it is a time"));
    let content = Content::Records(&mut records);
    builder.add(Input { file: "osv".to_owned(), url: None, retrieved, content }).expect("memory is enough");
    let mut epss = String::from("#model_version:v2025.03.14,score_date:2026-11-26T12:55:00Z\ncve,epss,percentile\n");
    (0..ADVISORIES).for_each(|number| writeln!(epss, "CVE-2026-{number},0.00123,0.4").expect("memory is enough"));
    let bytes = epss.into_bytes();
    builder.add(Input { file: "epss.csv".to_owned(), url: None, retrieved, content: Content::File(&bytes) }).expect("memory is enough");
    let mut database = Vec::new();
    builder.finish(None, &mut database).expect("memory is enough");
    database
}

fn image() -> Bill {
    let package = |name: String, source: String| Package {
        name,
        source: Some(source),
        version: "2.0-1".to_owned(),
        architecture: "amd64".to_owned(),
        ..Package::default()
    };
    let mut packages: Vec<Package> =
        (1..PACKAGES).map(|number| package(format!("package-{number}"), format!("source-{}", number * 9))).collect();
    packages.push(package("linux-image-6.12.1-amd64".to_owned(), "linux".to_owned()));
    let system = OperatingSystem { id: "debian".to_owned(), version: "13".to_owned(), name: "Debian 13".to_owned() };
    Bill { name: "an image".to_owned(), version: None, operating_system: Some(system), packages, tells_sources: true, unread: Vec::new() }
}

fn request(bytes: &Arc<Vec<u8>>) -> Scan {
    Scan {
        advisories: Some(Arc::new(Database::open(Arc::new(bytes.as_ref().clone())).expect("it was built"))),
        ..Scan::by_policy(ScanPolicy::failing_on(Severity::High), "2026-11-27T12:00:00Z".parse().expect("it is a time"))
    }
}

fn vulnerabilities(criterion: &mut Criterion) {
    let bytes = Arc::new(database());
    let bill = image();
    let warm = request(&bytes);
    let report = judge_bill(&bill, &warm);
    println!("{} packages, {} findings", bill.packages.len(), report.findings.len());
    let mut group = criterion.benchmark_group("vulnerabilities");
    group.sample_size(10);
    group.bench_function("2,000 packages, nothing of the database read yet", |bencher| {
        bencher.iter_batched(|| request(&bytes), |request| black_box(judge_bill(&bill, &request)), criterion::BatchSize::PerIteration);
    });
    let reports: Vec<Report> = vec![report; REPORTS];
    group.bench_function("100 reports judged again", |bencher| {
        bencher.iter(|| reports.iter().map(|report| judge_again(report, &warm).findings.len()).sum::<usize>());
    });
    group.finish();
}

criterion_group!(benches, vulnerabilities);
criterion_main!(benches);
