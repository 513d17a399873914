//! The database of advisories: built from a sample and from a server on this machine, told of, replaced only when whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use bakehouse::clock::Clock;
use bakehouse::cloud::{DownloadError, Downloaded, Downloads, Wanted};
use bakehouse::model::digest::Digest;
use bytes::Bytes;
use futures::StreamExt as _;
use http::{HeaderMap, Response, StatusCode};
use serde_json::Value;

use super::place;

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/advisories")
}

/// Runs `db` and returns its exit code, what it printed and what it said.
fn db(database: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bakehouse"));
    program.arg("db").args(arguments).env("NO_COLOR", "1").env("BAKEHOUSE_DATABASE", database);
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        program.env_remove(name);
    }
    let output = program.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_database_is_built_of_the_sample_and_told_of() {
    let folder = place::folder();
    let database = folder.path().join("below/advisories.db");
    let (code, _, said) = db(&database, &["info"]);
    assert!(code == 1 && said.contains("db build"), "{said}");
    let sample = sample();
    let build = ["build", "--from", sample.to_str().unwrap(), "--label", "a sample of 2025-08-25"];
    let (code, _, said) = db(&database, &build);
    assert_eq!((code, said.as_str()), (0, ""));
    let first = std::fs::read(&database).unwrap();
    let (code, told, _) = db(&database, &["info"]);
    assert!(
        code == 0 && told.contains("a sample of 2025-08-25") && told.contains("12 advisories") && told.contains("CC-BY-SA-4.0"),
        "{told}"
    );
    let (_, json, _) = db(&database, &["info", "--format", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["format"], &json["about"]["counts"]["exploited"]), (&1.into(), &1.into()));
    let (code, _, said) = db(&database, &[&build[..], &["--as-of", "2999-01-01"]].concat());
    assert!(code == 1 && said.contains("a day that is to come"), "{said}");
    db(&database, &build);
    assert!(std::fs::read(&database).unwrap() == first, "the same sources make the same bytes");
    assert_eq!(std::fs::read_dir(database.parent().unwrap()).unwrap().count(), 1, "no draft stays");
}

#[test]
fn a_database_whose_bytes_have_changed_is_told_of_by_nobody() {
    let folder = place::folder();
    let database = folder.path().join("advisories.db");
    db(&database, &["build", "--from", sample().to_str().unwrap()]);
    let mut flipped = std::fs::read(&database).unwrap();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    std::fs::write(&database, flipped).unwrap();
    let (code, told, said) = db(&database, &["info"]);
    assert!(code == 1 && told.is_empty() && said.contains("it is damaged") && said.contains("db update makes it anew"), "{told}{said}");
}

#[test]
fn a_place_that_no_database_can_have_is_named_with_why_and_what_next() {
    let folder = place::folder();
    let (taken, file) = (folder.path().join("folder"), folder.path().join("file"));
    std::fs::create_dir(&taken).unwrap();
    std::fs::write(&file, "").unwrap();
    let (sample, hint) = (sample(), taken.join("advisories.db"));
    let build = ["build", "--from", sample.to_str().unwrap()];
    for arguments in [&build[..], &["info"]] {
        let (code, _, said) = db(&taken, arguments);
        let why = format!("{} is a folder, and no database of advisories", taken.display());
        assert!(code == 1 && said.contains(&why) && said.contains(&format!("--database names a file: {}", hint.display())), "{said}");
    }
    let below = file.join("advisories.db");
    let (code, _, said) = db(&below, &build);
    let why = format!("{} can't be written: the folder {} can't be made", below.display(), file.display());
    assert!(code == 1 && said.contains(&why) && !said.contains("stays"), "{said}");
    let none = folder.path().join("none.db");
    let mut scan = Command::new(env!("CARGO_BIN_EXE_bakehouse"));
    let output = scan.args(["scan", "--database"]).args([&none, &taken]).env("NO_COLOR", "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(&format!("there is no database of advisories at {}: bakehouse db update", none.display())), "{said}");
}

#[test]
fn sources_are_called_by_their_folders_and_what_is_none_is_told_with_what_is() {
    let folder = place::folder();
    let (database, one, other) = (folder.path().join("advisories.db"), folder.path().join("one"), folder.path().join("other"));
    for place in [&one, &other] {
        std::fs::create_dir(place).unwrap();
        std::fs::copy(sample().join("kev.json"), place.join("kev.json")).unwrap();
        std::fs::copy(sample().join("osv/GO-2024-2687.json"), place.join("a.json")).unwrap();
    }
    let from = ["build", "--format", "json", "--from", one.to_str().unwrap(), other.to_str().unwrap()];
    let (_, told, _) = db(&database, &from);
    let json: Value = serde_json::from_str(&told).unwrap();
    let names: Vec<&str> = json["about"]["sources"].as_array().unwrap().iter().map(|source| source["file"].as_str().unwrap()).collect();
    assert_eq!(names, ["one", "one/kev.json", "other", "other/kev.json"]);
    std::fs::write(one.join("end-of-life.json"), r#"{"source": "a table of somebody's", "products": {"debian": {}}}"#).unwrap();
    let none = folder.path().join("none.db");
    let (code, _, said) = db(&none, &from);
    assert!(code == 1 && said.contains("one/end-of-life.json: it is of no kind that is known: OSV"), "{said}");
    assert!(said.contains(&format!("there is none at {} yet", none.display())) && said.contains("db build --help says"), "{said}");
    let (_, help, _) = db(&none, &["build", "--help"]);
    assert!(help.contains("endoflife.date/api/v1/products/full") && help.contains("known_exploited_vulnerabilities.json"), "{help}");
}

#[test]
fn what_lies_in_a_folder_is_taken_by_its_content_or_named() {
    let (folder, database) = (place::folder(), place::folder());
    let database = database.path().join("advisories.db");
    let record = r#"{"id":"GHSA-0000-0000-0001","modified":"2025-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"x"},"versions":["1.0.0"]}]}"#;
    for (name, content) in [("no-ending", record), ("of.text", record), ("garbage", "\u{0}\u{1}"), ("README", "Read me.")] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let (code, _, said) = db(&database, &["build", "--from", folder.path().to_str().unwrap()]);
    assert!(code == 0 && said.contains("passed over in") && said.trim_end().ends_with(": garbage"), "{said}");
    let (_, json, _) = db(&database, &["info", "--format", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["about"]["counts"]["advisories"], 1, "one record, said twice: {json:#}");
}

#[test]
fn an_empty_variable_names_no_database() {
    let folder = place::folder();
    let mut program = Command::new(env!("CARGO_BIN_EXE_bakehouse"));
    program.args(["db", "info"]).env("BAKEHOUSE_DATABASE", "").env("BAKEHOUSE_KEEP_BLOCKS", "").env("XDG_CACHE_HOME", folder.path());
    let output = program.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains(&*folder.path().to_string_lossy()), "{said}");
}

#[test]
fn damaged_sources_leave_the_old_database_unless_they_may_be_left_out() {
    let folder = place::folder();
    let (database, sources) = (folder.path().join("advisories.db"), folder.path().join("sources"));
    std::fs::create_dir(&sources).unwrap();
    std::fs::write(&database, "bakehouse-db: the old one").unwrap();
    std::fs::copy(sample().join("osv/GO-2024-2687.json"), sources.join("a.json")).unwrap();
    std::fs::write(sources.join("b.json"), "{\"schema_version\": \"1\",\n \"modified\": 7}").unwrap();
    std::fs::write(sources.join("c.csv"), "not,known\n").unwrap();
    let from = sources.to_str().unwrap();
    let (code, _, said) = db(&database, &["build", "--from", from]);
    assert_eq!(code, 1);
    for told in ["sources: b.json:2:14: modified: invalid type", "sources/c.csv: it is of no kind that is known", "2 records can't be read"]
    {
        assert!(said.contains(told), "{said} has no {told}");
    }
    assert_eq!(std::fs::read(&database).unwrap(), b"bakehouse-db: the old one");
    let (code, told, _) = db(&database, &["build", "--from", from, "--skip-damaged", "--format", "json"]);
    let json: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, &json["about"]["sources"][0]["faults"][0]["record"]), (0, &"b.json".into()));
    let (before, nothing) = (std::fs::read(&database).unwrap(), folder.path().join("nothing"));
    std::fs::create_dir(&nothing).unwrap();
    std::fs::write(nothing.join("b.json"), "{").unwrap();
    let (code, _, said) = db(&database, &["build", "--from", nothing.to_str().unwrap(), "--skip-damaged"]);
    assert!(code == 1 && said.contains("says anything of flaws") && said.contains("stays as it is"), "{said}");
    assert!(std::fs::read(&database).unwrap() == before, "an empty one takes no place");
    let (code, _, said) = db(&database, &["build", "--from", folder.path().join("none").to_str().unwrap()]);
    assert!(code == 1 && said.contains("can't be read"), "{said}");
}

#[test]
fn bounds_that_are_no_versions_are_counted_and_end_no_build() {
    let folder = place::folder();
    let (database, sources) = (folder.path().join("advisories.db"), folder.path().join("sources"));
    std::fs::create_dir(&sources).unwrap();
    let record = |id: &str, ecosystem: &str, events: &str| {
        let json = format!(
            r#"{{"id": "{id}", "modified": "2026-01-01T00:00:00Z", "affected": [{{"package": {{"ecosystem": "{ecosystem}", "name": "x"}},
                "versions": ["any thing"], "ranges": [{{"type": "ECOSYSTEM", "events": [{events}]}}]}}]}}"#
        );
        std::fs::write(sources.join(format!("{id}.json")), json).unwrap();
    };
    record("A-1", "npm", r#"{"introduced": "0"}, {"fixed": "1..x"}"#);
    record("A-2", "npm", r#"{"introduced": "v"}, {"last_affected": "2.0.0"}, {"limit": "*"}"#);
    record("A-3", "PyPI", r#"{"introduced": "0"}, {"fixed": "unknown"}"#);
    record("A-4", "Debian:13", r#"{"introduced": "0"}, {"fixed": "1:9.2p1-2+deb12u3"}"#);
    let (code, told, said) = db(&database, &["build", "--from", sources.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    for line in [
        "2 bounds of ranges of npm can't be a version there, such as \"1..x\" in A-1 (sources)",
        "1 bound of ranges of PyPI can't be a version there, such as \"unknown\" in A-3 (sources)",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("Debian") && told.contains("4 advisories"), "{told}{said}");
}

/// A server of files by path. It breaks off after so many bytes as often as it is told to.
#[derive(Clone, Default)]
struct Server {
    files: Arc<Mutex<BTreeMap<String, Bytes>>>,
    broken: Arc<Mutex<Vec<usize>>>,
    asked: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    /// What is said of a part instead of where it is: its start, and the size of the whole.
    range: Arc<Mutex<Option<(usize, &'static str)>>>,
    /// How much of what is asked for a part holds at most.
    short: Arc<Mutex<Option<usize>>>,
}

impl Server {
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    fn put(&self, path: &str, bytes: impl Into<Bytes>) {
        self.files.lock().unwrap().insert(path.to_owned(), bytes.into());
    }

    fn ranges(&self) -> Vec<Option<String>> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|(_, headers)| headers.get("range").map(|range| range.to_str().unwrap().to_owned())).collect()
    }
}

async fn answer(State(server): State<Server>, request: Request) -> Response<Body> {
    let path = request.uri().path().to_owned();
    server.asked.lock().unwrap().push((path.clone(), request.headers().clone()));
    let answer = Response::builder();
    if path == "/round" {
        return answer.status(StatusCode::FOUND).header("location", "/round").body(Body::empty()).unwrap();
    }
    if path == "/led/on" {
        return answer.status(StatusCode::FOUND).header("location", "../file").body(Body::empty()).unwrap();
    }
    let Some(bytes) = server.files.lock().unwrap().get(&path).cloned() else {
        return answer.status(StatusCode::NOT_FOUND).body(Body::empty()).unwrap();
    };
    let etag = format!("\"{}\"", Digest::of(&bytes).short(16));
    let says = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    if says("if-none-match") == Some(&etag) {
        return answer.status(StatusCode::NOT_MODIFIED).header("etag", etag).body(Body::empty()).unwrap();
    }
    let start = says("range").filter(|_| says("if-range") == Some(&etag));
    let start: usize = start.map_or(0, |range| range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap());
    let bytes_to = server.short.lock().unwrap().filter(|_| start > 0).map_or(bytes.len(), |short| bytes.len().min(start + short));
    let whole = bytes.len();
    let bytes = bytes.slice(..bytes_to);
    let (status, rest) = if start > 0 { (StatusCode::PARTIAL_CONTENT, bytes.slice(start..)) } else { (StatusCode::OK, bytes.clone()) };
    let answer = answer.status(status).header("etag", etag).header("content-length", rest.len());
    let (from, of) = server.range.lock().unwrap().map_or((start, whole.to_string()), |(from, of)| (from, of.to_owned()));
    let answer = answer.header("content-range", format!("bytes {from}-{}/{of}", bytes.len() - 1));
    let body = match server.broken.lock().unwrap().pop() {
        Some(length) => {
            let part: Result<Bytes, std::io::Error> = Ok(rest.slice(..length.min(rest.len())));
            let end = async {
                // What came before is sent in the meantime.
                tokio::task::yield_now().await;
                Err(std::io::Error::other("broken off"))
            };
            Body::from_stream(futures::stream::iter([part]).chain(futures::stream::once(end)))
        }
        None => Body::from(rest),
    };
    answer.body(body).unwrap()
}

fn clock() -> Clock {
    Clock::manual("2026-11-27T12:00:00Z".parse().unwrap())
}

#[tokio::test]
async fn what_broke_off_is_gone_on_with_and_what_is_unchanged_is_not_fetched() {
    let (server, folder) = (Server::default(), place::folder());
    let (url, to) = (format!("{}/led/on", server.start().await), folder.path().join("below/file"));
    let bytes: Bytes = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    server.put("/file", bytes.clone());
    *server.broken.lock().unwrap() = vec![5000, 100_000];
    let downloads = Downloads::new(clock());
    let mut wanted = Wanted { url: &url, to: &to, etag: None, digest: Some(Digest::of(&bytes)), most_bytes: 1 << 20 };
    let Downloaded::New { etag } = downloads.fetch(&wanted).await.unwrap() else { panic!("it is new") };
    assert!(std::fs::read(&to).unwrap() == bytes);
    assert_eq!(std::fs::read_dir(to.parent().unwrap()).unwrap().count(), 1, "no draft stays");
    let ranges: Vec<String> = server.ranges().into_iter().flatten().collect();
    assert!(ranges.contains(&"bytes=105000-".to_owned()), "{ranges:?}");
    wanted.etag = etag.as_deref();
    assert_eq!(downloads.fetch(&wanted).await.unwrap(), Downloaded::Unchanged);
    // It changes while it is being fetched: what has come of the old one is no part of the new one.
    *server.broken.lock().unwrap() = vec![777];
    std::fs::remove_file(&to).unwrap();
    let newer = Bytes::from(vec![7; 3000]);
    let changing = async {
        while server.broken.lock().unwrap().len() == 1 {
            tokio::task::yield_now().await;
        }
        server.put("/file", newer.clone());
    };
    let wanted = Wanted { url: &url, to: &to, etag: None, digest: None, most_bytes: 1 << 20 };
    let (fetched, ()) = tokio::join!(downloads.fetch(&wanted), changing);
    fetched.unwrap();
    let found = std::fs::read(&to).unwrap();
    assert!(found == newer || found == bytes, "never of both");
}

#[tokio::test]
async fn a_part_that_is_shorter_than_what_was_asked_for_is_not_the_whole() {
    let (server, folder) = (Server::default(), place::folder());
    let (url, to) = (format!("{}/file", server.start().await), folder.path().join("file"));
    let bytes: Bytes = (0..10_000_u32).flat_map(u32::to_le_bytes).collect();
    server.put("/file", bytes.clone());
    *server.broken.lock().unwrap() = vec![1000];
    *server.short.lock().unwrap() = Some(15_000);
    let wanted = Wanted { url: &url, to: &to, etag: None, digest: None, most_bytes: 1 << 20 };
    Downloads::new(clock()).fetch(&wanted).await.unwrap();
    assert!(std::fs::read(&to).unwrap() == bytes);
    let ranges: Vec<String> = server.ranges().into_iter().flatten().collect();
    assert_eq!(ranges, ["bytes=1000-", "bytes=16000-", "bytes=31000-"]);
    let error = Downloads::new(clock()).fetch(&Wanted { most_bytes: 1000, ..wanted }).await.unwrap_err();
    assert!(error.to_string().ends_with("it is too large"), "{error}");
}

#[tokio::test]
async fn a_part_of_a_file_of_unknown_size_is_taken_and_another_part_than_was_asked_for_begins_anew() {
    for (said, ranges) in [((1000, "*"), vec!["bytes=1000-"]), ((0, "40000"), vec!["bytes=1000-"])] {
        let (server, folder) = (Server::default(), place::folder());
        let (url, to) = (format!("{}/file", server.start().await), folder.path().join("file"));
        let bytes: Bytes = (0..10_000_u32).flat_map(u32::to_le_bytes).collect();
        server.put("/file", bytes.clone());
        *server.broken.lock().unwrap() = vec![1000];
        *server.range.lock().unwrap() = Some(said);
        let wanted = Wanted { url: &url, to: &to, etag: None, digest: None, most_bytes: 1 << 20 };
        Downloads::new(clock()).fetch(&wanted).await.unwrap();
        assert!(std::fs::read(&to).unwrap() == bytes);
        assert_eq!(server.ranges().into_iter().flatten().collect::<Vec<_>>(), ranges, "{said:?}");
    }
}

#[tokio::test]
async fn what_is_unchanged_there_and_spoiled_here_is_fetched() {
    let (server, folder) = (Server::default(), place::folder());
    let (url, to) = (format!("{}/file", server.start().await), folder.path().join("file"));
    server.put("/file", "as it is");
    let wanted = Wanted { url: &url, to: &to, etag: None, digest: Some(Digest::of("as it is")), most_bytes: 1 << 20 };
    let downloads = Downloads::new(clock());
    let Downloaded::New { etag } = downloads.fetch(&wanted).await.unwrap() else { panic!("it is new") };
    let again = Wanted { etag: etag.as_deref(), ..wanted };
    assert_eq!(downloads.fetch(&again).await.unwrap(), Downloaded::Unchanged);
    std::fs::write(&to, "spoiled").unwrap();
    assert!(matches!(downloads.fetch(&again).await.unwrap(), Downloaded::New { .. }));
    assert_eq!(std::fs::read_to_string(&to).unwrap(), "as it is");
}

#[tokio::test]
async fn nobody_is_led_round_in_circles() {
    let (server, folder) = (Server::default(), place::folder());
    let (url, to) = (format!("{}/round", server.start().await), folder.path().join("file"));
    let wanted = Wanted { url: &url, to: &to, etag: None, digest: None, most_bytes: 1 << 20 };
    let error = Downloads::new(clock()).fetch(&wanted).await.unwrap_err();
    assert!(error.to_string().ends_with("/round leads to \"/round\", and it was led on too often"), "{error}");
}

#[tokio::test]
async fn what_is_not_what_it_should_be_is_not_kept() {
    let (server, folder) = (Server::default(), place::folder());
    let (root, to) = (server.start().await, folder.path().join("file"));
    server.put("/file", "changed");
    let url = format!("{root}/file");
    let wanted = Wanted { url: &url, to: &to, etag: None, digest: Some(Digest::of("as it was")), most_bytes: 1 << 20 };
    let error = Downloads::new(clock()).fetch(&wanted).await.unwrap_err();
    assert!(matches!(error, DownloadError::Damaged { .. }), "{error}");
    let url = format!("{root}/none");
    let error = Downloads::new(clock()).fetch(&Wanted { url: &url, ..wanted }).await.unwrap_err();
    assert!(error.is_missing(), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_fetches_what_changed_and_keeps_what_cant_be_had() {
    let (server, folder) = (Server::default(), place::folder());
    let mirror = server.start().await;
    let (database, sources) = (folder.path().join("advisories.db"), folder.path().join("sources"));
    let read = |name: &str| std::fs::read(sample().join(name)).unwrap();
    server.put("/osv-vulnerabilities.storage.googleapis.com/Go/all.zip", read("osv/GO-2024-2687.json"));
    server.put("/www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json", read("kev.json"));
    server.put("/endoflife.date/api/v1/products/full", "{\"schema_version\": \"1.2.0\", \"result\": []}");
    let csv = "version,codename,series,created,release,eol\n12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-06-10\n";
    server.put("/salsa.debian.org/debian/distro-info-data/-/raw/main/debian.csv", csv);
    let update = |ecosystems: &'static [&'static str]| {
        let (database, sources, mirror) = (database.clone(), sources.clone(), mirror.clone());
        tokio::task::spawn_blocking(move || {
            let mut arguments = vec!["update", "--mirror", &mirror, "--folder", sources.to_str().unwrap()];
            ecosystems.iter().for_each(|name| arguments.extend(["--only", name]));
            db(&database, &arguments)
        })
    };
    let (code, _, said) = update(&["go"]).await.unwrap();
    assert!(code == 1 && said.contains("distro-info/ubuntu.csv can't be had") && !database.exists(), "{said}");
    server.put("/salsa.debian.org/debian/distro-info-data/-/raw/main/ubuntu.csv", csv);
    let (code, _, said) = update(&["go"]).await.unwrap();
    assert!(code == 0 && said.contains("the database is built without it, since it decides over nothing"), "{said}");
    server.put("/epss.empiricalsecurity.com/epss_scores-current.csv.gz", "cve,epss,percentile\nCVE-2023-45288,0.7,0.9\n");
    let (code, told, said) = update(&["go"]).await.unwrap();
    assert!(code == 0 && said.contains("osv/Go.zip is unchanged") && said.contains("epss.csv.gz fetched"), "{said}");
    assert!(told.contains("1 advisory of "), "{told}");
    let (_, json, _) = db(&database, &["info", "--format", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let sources_of = json["about"]["sources"].as_array().unwrap();
    assert!(
        sources_of.iter().all(|source| source["url"].as_str().unwrap().starts_with("https://") && source["retrieved"].is_string()),
        "{json:#}"
    );
    // Amazon's are found by lists; the extras have none here, and one repository isn't there.
    for arch in ["x86_64", "aarch64"] {
        server.put(&format!("/cdn.amazonlinux.com/2/extras-catalog-{arch}.json"), "{\"topics\": []}");
        for place in ["al2023/core/mirrors/latest", "2/core/latest"] {
            server.put(&format!("/cdn.amazonlinux.com/{place}/{arch}/mirror.list"), "https://cdn.amazonlinux.com/repo\n");
        }
    }
    let updateinfo = read("updateinfo.xml");
    let repomd = format!(
        "<repomd><data type=\"updateinfo\"><checksum type=\"sha256\">{}</checksum><location href=\"repodata/u.xml\"/></data></repomd>",
        Digest::of(&updateinfo).to_hex()
    );
    server.put("/cdn.amazonlinux.com/repo/repodata/repomd.xml", repomd);
    server.put("/cdn.amazonlinux.com/repo/repodata/u.xml", updateinfo);
    let (code, told, said) = update(&["amazon linux"]).await.unwrap();
    assert!(code == 0 && said.contains("amazon/2023/livepatch.x86_64 isn't there"), "{said}");
    assert!(told.contains("Amazon Linux"), "{told}");
    // An extra that is there, then a server from which nothing can be had.
    for arch in ["x86_64", "aarch64"] {
        server.put(&format!("/cdn.amazonlinux.com/2/extras-catalog-{arch}.json"), "{\"topics\": [{\"n\": \"nginx1\"}]}");
        server.put(&format!("/cdn.amazonlinux.com/2/extras/nginx1/latest/{arch}/mirror.list"), "https://cdn.amazonlinux.com/repo\n");
    }
    let (code, _, said) = update(&["amazon linux"]).await.unwrap();
    assert!(code == 0 && said.contains("amazon/2/extras/nginx1.x86_64.xml.gz fetched"), "{said}");
    server.put("/cdn.amazonlinux.com/2/extras-catalog-x86_64.json", "[");
    let (code, _, said) = update(&["amazon linux"]).await.unwrap();
    assert!(code == 0 && said.contains("the list of Amazon Linux 2's extras for x86_64 is taken as it was"), "{said}");
    server.files.lock().unwrap().clear();
    let (code, _, said) = update(&["go", "amazon linux"]).await.unwrap();
    assert!(code == 0 && said.contains("kev.json is taken as it was"), "{said}");
    assert!(said.contains("extras for aarch64 is taken as it was") && said.contains("livepatch.x86_64 isn't there"), "{said}");
}
