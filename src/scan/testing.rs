//! A clean image in memory, and what tests plant in it.

use std::sync::{Arc, LazyLock};

use jiff::Timestamp;

use super::request::Scan;
use crate::advisories::{Builder, Content, Database, Input};
use crate::disk::testing::MemoryTree;
use crate::model::product::ScanPolicy;
use crate::model::report::{Finding, Report, Severity};

/// Forty characters as AWS makes them, made up here.
pub(super) const AWS_SECRET: &str = "kX9vQ2mPz7LrT4wYb1NcJ8hFd5GsA0eUi3oRq6tW";

/// A private key in form only: its body begins as one and is no key.
pub(super) fn pem(kind: &str, headers: &str) -> String {
    let open_ssh = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAABFwAAAAdz\n";
    let pkcs8 = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n";
    let body = if kind == "OPENSSH " { open_ssh } else { pkcs8 }.repeat(4);
    format!("-----BEGIN {kind}PRIVATE KEY-----\n{headers}{body}-----END {kind}PRIVATE KEY-----\n")
}

/// The sample of advisories in the repository, as if it had been retrieved on the day before the tests' scans.
pub(super) fn sample() -> &'static Arc<Database> {
    static SAMPLE: LazyLock<Arc<Database>> = LazyLock::new(|| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/advisories");
        let inputs = files(&folder).into_iter().filter(|path| !path.ends_with("README.md"));
        let inputs: Vec<(String, Vec<u8>)> = inputs
            .map(|path| (path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
            .collect();
        database_of(&inputs.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect::<Vec<_>>())
    });
    &SAMPLE
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    files.sort();
    files
}

/// A database of what is given, each with its name, retrieved on the day before the tests' scans.
pub(super) fn database_of(inputs: &[(&str, &[u8])]) -> Arc<Database> {
    Arc::new(Database::open(Arc::new(built(inputs, "2026-11-22T12:00:00Z"))).unwrap())
}

/// The bytes of a database of what is given, retrieved at a time.
pub(super) fn built(inputs: &[(&str, &[u8])], retrieved: &str) -> Vec<u8> {
    let mut builder = Builder::new();
    for (name, bytes) in inputs {
        let content = bytes.to_vec();
        // Dates of ends are as old as they are.
        let retrieved = (!name.contains("eol")).then(|| retrieved.parse().unwrap());
        builder.add(Input { file: (*name).to_owned(), url: None, retrieved, content: Content::File(&content) }).unwrap();
    }
    assert_eq!(builder.damaged(), 0);
    let mut bytes = Vec::new();
    builder.finish(Some("a sample".to_owned()), &mut bytes).unwrap();
    bytes
}

/// Debian 13 with cloud-init, sshd and sudo, as an image for the Marketplace should be.
pub(super) fn clean() -> MemoryTree {
    MemoryTree::default()
        .file("/usr/lib/os-release", "ID=debian\nVERSION_ID=\"13\"\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n")
        .link("/etc/os-release", "../usr/lib/os-release")
        .file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n")
        .file("/etc/shadow", "root:*:20000:0:99999:7:::\nwww-data:*:20000:0:99999:7:::\n")
        .file("/etc/group", "root:x:0:\nsudo:x:27:\n")
        .file("/etc/gshadow", "root:*::\nsudo:*::\n")
        .file("/etc/ssh/sshd_config", "PasswordAuthentication no\nPermitRootLogin no\nKbdInteractiveAuthentication no\nUsePAM yes\n")
        .file("/usr/sbin/sshd", "ELF")
        .file("/usr/lib/systemd/system/ssh.service", "[Unit]\n")
        .link("/etc/systemd/system/multi-user.target.wants/ssh.service", "/usr/lib/systemd/system/ssh.service")
        .file("/usr/bin/cloud-init", "#!/usr/bin/python3\n")
        .file("/usr/lib/systemd/system/cloud-init-main.service", "[Unit]\n")
        .link("/etc/systemd/system/cloud-init.target.wants/cloud-init-main.service", "/usr/lib/systemd/system/cloud-init-main.service")
        .file(
            "/etc/cloud/cloud.cfg",
            "users:\n  - default\ndisable_root: true\nsystem_info:\n  default_user:\n    name: admin\n    sudo: [\"ALL=(ALL) NOPASSWD:ALL\"]\n",
        )
        .file("/usr/bin/sudo", "ELF")
        .file("/etc/machine-id", "")
        .directory("/root")
        .file("/var/lib/dpkg/status", "Package: bash\nStatus: install ok installed\nVersion: 5.2-1\nArchitecture: amd64\n")
}

/// Scans a tree as an image for port 22 and the user `admin`, on 23 November 2026.
pub(super) fn report(tree: MemoryTree) -> Report {
    let policy = ScanPolicy::failing_on(Severity::High);
    scan(tree, &request(&policy))
}

/// Scans a tree as it is asked.
pub(super) fn scan(tree: MemoryTree, request: &Scan) -> Report {
    super::scan_tree(&|| tree.clone().tree(), request, &|_| {})
}

/// The request that [`report`] makes.
pub(super) fn request(policy: &ScanPolicy) -> Scan {
    let at: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
    let advisories = Some(sample().clone());
    Scan { login_user: Some("admin".to_owned()), advisories, ..Scan::by_policy(policy.clone(), at) }
}

/// The findings of a rule, each as its severity and path.
pub(super) fn found(tree: MemoryTree, code: &str) -> Vec<String> {
    let brief = |finding: &Finding| format!("{} {}", finding.severity, finding.path.as_deref().unwrap_or("image"));
    report(tree).findings.iter().filter(|finding| finding.code == code).map(brief).collect()
}
