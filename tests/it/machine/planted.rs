//! What somebody may leave in an image, written into a copy of its disk.
//!
//! A bake would clean some of it away (keys, histories), so that a second one would show less than this does.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use bakehouse::disk::{BackingFiles, open_local, partitions};
use bakehouse::model::digest::BLOCK_SIZE_BYTES;
use bakehouse::model::ids::Region;
use bakehouse::reach::LoginKey;
use bakehouse::twin::blocks::Blocks;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A file to be left in an image.
pub struct Planted {
    pub path: &'static str,
    /// What a scan has to say of it.
    pub code: &'static str,
    /// What nothing that is written of the image may hold.
    pub secret: String,
    pub content: String,
}

/// A copy of an image's disk.
pub struct Disk {
    path: PathBuf,
    /// The root file system, as debugfs takes it.
    root: String,
}

/// Makes all of it anew: none is a sample that anybody has published.
pub fn all(shadow: &str) -> Vec<Planted> {
    let ssh_key = LoginKey::random().private_text();
    let (key_id, secret_key, password) = (random(BASE32, 16), random(ALPHANUMERIC, 40), random(ALPHANUMERIC, 20));
    // As SHA-512 crypt's of a password that nobody knows.
    let hash = format!("$6${}${}", random(ALPHANUMERIC, 16), random(ALPHANUMERIC, 86));
    // Any 32 bytes are an ED25519 key, and these stand before one.
    // Source: <https://www.rfc-editor.org/rfc/rfc8410#section-7>
    let mut pem_key = hex::decode("302e020100300506032b657004220420").unwrap();
    pem_key.extend(random(ALPHANUMERIC, 32).bytes());
    let pem_key = STANDARD.encode(pem_key);
    let planted = |path, code, secret: &str, content| Planted { path, code, secret: secret.to_owned(), content };
    vec![
        planted("/home/deploy/.ssh/backup", "AMI-SSH-010", ssh_key.lines().nth(3).unwrap(), ssh_key.clone()),
        planted("/etc/shadow", "AMI-PWD-003", &hash, format!("{shadow}deploy:{hash}:20400:0:99999:7:::\n")),
        planted(
            "/home/deploy/.aws/credentials",
            "AMI-SEC-001",
            &secret_key,
            format!("[default]\naws_access_key_id = AKIA{key_id}\naws_secret_access_key = {secret_key}\n"),
        ),
        planted(
            "/home/deploy/.bash_history",
            "AMI-HIS-001",
            &password,
            format!("cd /opt/app\npsql postgresql://app:{password}@db.internal/shop\n"),
        ),
        planted(
            "/opt/app/tls.pem",
            "AMI-SEC-002",
            &pem_key,
            format!("-----BEGIN PRIVATE KEY-----\n{pem_key}\n-----END PRIVATE KEY-----\n"),
        ),
    ]
}

impl Disk {
    /// Copies the disk of a snapshot from the twin's blocks.
    pub fn of(snapshot: &str, twin: &Path, to: &Path) -> Self {
        let blocks = Blocks::open(&twin.join("blocks")).unwrap();
        let map = blocks.map(&Region::marketplace(), snapshot).unwrap();
        let disk = File::create(to).unwrap();
        // Whole GiB, as a snapshot's volume has.
        let end = u64::from(*map.last_key_value().unwrap().0 + 1) * BLOCK_SIZE_BYTES as u64;
        disk.set_len(end.next_multiple_of(1 << 30)).unwrap();
        for (index, digest) in &map {
            disk.write_all_at(&blocks.read(digest).unwrap(), u64::from(*index) * BLOCK_SIZE_BYTES as u64).unwrap();
        }
        let table = partitions(&*open_local(to, BackingFiles::Refused).unwrap().source).unwrap();
        let root = table.partitions.iter().max_by_key(|partition| partition.size_bytes).unwrap();
        Self { root: format!("{}?offset={}", to.display(), root.start_bytes), path: to.to_owned() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a file.
    pub fn read(&self, path: &str) -> String {
        self.debugfs(&format!("cat {path}"))
    }

    /// Writes a file, which root alone can read, in folders that are made as needed.
    pub fn write(&self, path: &str, content: &str) {
        let from = self.path.with_extension("planted");
        fs::write(&from, content).unwrap();
        fs::set_permissions(&from, fs::Permissions::from_mode(0o600)).unwrap();
        let folders: Vec<&Path> = Path::new(path).ancestors().skip(1).filter(|folder| folder.parent().is_some()).collect();
        // Of a folder that is there already, and of no file to be replaced, it complains and ends well.
        folders.iter().rev().for_each(|folder| drop(self.debugfs(&format!("mkdir {}", folder.display()))));
        self.debugfs(&format!("rm {path}"));
        self.debugfs(&format!("write {} {path}", from.display()));
        assert_eq!(self.read(path), content, "{path}");
    }

    fn debugfs(&self, request: &str) -> String {
        let mut command = Command::new("debugfs");
        command.env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default()));
        let output = command.args(["-w", "-R", request, &self.root]).output();
        let output = output.unwrap_or_else(|error| panic!("debugfs is needed (scripts/test installs it): {error}"));
        assert!(output.status.success(), "{request}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn random(alphabet: &[u8], length: usize) -> String {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).unwrap();
    bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect()
}
