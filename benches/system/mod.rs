//! A disk with a system on it, the same each time: ext4, dpkg's databases, texts and programs of the sizes that Debian has.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use md5::{Digest, Md5};

/// Files that a package brings.
const FILES_OF_A_PACKAGE: usize = 60;

/// Of so many files one is nobody's, as an application's are.
const UNOWNED: usize = 10;

const TEXT: &str = "Each file is read once, and handed to everybody who wants its bytes: the digest, the search, the packages.\n\
    static int read_session(struct session *session, const char *name, size_t length) { return session->state; }\n\
    ExecStart=/usr/sbin/daemon --config /etc/daemon.conf --pid-file /run/daemon/pid\nRestart=on-failure\n\
    msgid \"The session has expired\"\nmsgstr \"Die Sitzung ist abgelaufen\"\n\
    def __init__(self, name, *, timeout=30, password=None):\n    self.name, self.timeout = name, timeout\n";

const ETC: [(&str, &str); 9] = [
    ("usr/lib/os-release", "ID=debian\nVERSION_ID=\"13\"\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n"),
    ("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n"),
    ("etc/shadow", "root:*:20000:0:99999:7:::\nwww-data:*:20000:0:99999:7:::\n"),
    ("etc/group", "root:x:0:\nsudo:x:27:\n"),
    ("etc/ssh/sshd_config", "PasswordAuthentication no\nPermitRootLogin no\nKbdInteractiveAuthentication no\n"),
    ("usr/sbin/sshd", "\u{7f}ELF"),
    ("usr/bin/cloud-init", "#!/usr/bin/python3\n"),
    ("etc/cloud/cloud.cfg", "users: [default]\nsystem_info:\n  default_user:\n    name: admin\n"),
    ("etc/machine-id", ""),
];

/// A disk in a file.
pub enum Disk {
    /// Somebody's own.
    Given(PathBuf),
    /// Made here, and gone with this.
    Made(tempfile::TempDir),
}

impl Disk {
    /// Takes the disk that is given, or makes one.
    pub fn make_unless(given: Option<PathBuf>) -> Self {
        given.map_or_else(|| Self::make(content_bytes()), Self::Given)
    }

    /// Returns where it is.
    pub fn path(&self) -> PathBuf {
        match self {
            Self::Given(path) => path.clone(),
            Self::Made(folder) => folder.path().join("disk"),
        }
    }

    fn make(content_bytes: u64) -> Self {
        // Where all else is built: there is room.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("there is room for a folder");
        let root = folder.path().join("root");
        fill(&root, content_bytes);
        let (megabytes, disk) = (content_bytes / 1_000_000 * 5 / 4 + 64, folder.path().join("disk"));
        let mut make = Command::new("mke2fs");
        make.env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default()));
        make.args(["-q", "-F", "-t", "ext4", "-b", "4096", "-d"]).arg(&root).arg(&disk).arg(format!("{megabytes}M"));
        assert!(make.status().expect("mke2fs of the package e2fsprogs is there").success(), "{make:?}");
        fs::remove_dir_all(root).expect("the folder is ours");
        Self::Made(folder)
    }
}

fn content_bytes() -> u64 {
    let megabytes = std::env::var("BAKEHOUSE_BENCH_MB").map_or(1024, |text| text.parse().expect("BAKEHOUSE_BENCH_MB is a number"));
    megabytes * 1_000_000
}

/// Writes a root file system.
fn fill(root: &Path, content_bytes: u64) {
    ETC.iter().for_each(|(path, content)| write(&root.join(path), content.as_bytes()));
    let mut random = Random(1);
    let (mut written, mut number) = (0, 0);
    let mut status = String::new();
    while written < content_bytes {
        let name = format!("package-{number}");
        let mut sums = String::new();
        for index in 0..FILES_OF_A_PACKAGE {
            let content = random.content();
            written += content.len() as u64;
            let path = if index % UNOWNED == 0 { format!("opt/{name}/{index}") } else { format!("usr/lib/{name}/{index}") };
            if index % UNOWNED != 0 {
                sums.push_str(&format!("{}  {path}\n", hex::encode(Md5::digest(&content))));
            }
            write(&root.join(path), &content);
        }
        write(&root.join(format!("var/lib/dpkg/info/{name}.md5sums")), sums.as_bytes());
        status.push_str(&format!("Package: {name}\nStatus: install ok installed\nVersion: 1.{number}-1\nArchitecture: amd64\n\n"));
        number += 1;
    }
    write(&root.join("var/lib/dpkg/status"), status.as_bytes());
}

fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("the folder is ours");
    File::create(path).and_then(|mut file| file.write_all(content)).expect("there is room");
}

/// Numbers that are the same each time.
///
/// Source: <https://www.jstatsoft.org/article/view/v008i14> (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    /// Mostly small texts, and a few programs that are most of the bytes.
    fn content(&mut self) -> Vec<u8> {
        match self.below(100) {
            0..70 => self.text(8 << 10),
            70..85 => self.text(128 << 10),
            85..95 => self.program(128 << 10),
            _ => self.program(1 << 20),
        }
    }

    fn text(&mut self, most_bytes: u64) -> Vec<u8> {
        let length = 1 + self.below(most_bytes) as usize;
        let mut text = Vec::with_capacity(length + TEXT.len());
        while text.len() < length {
            text.extend_from_slice(format!("{:x} ", self.next()).as_bytes());
            text.extend_from_slice(TEXT.as_bytes());
        }
        text.truncate(length);
        text
    }

    /// Half code, as far as bytes go, and half names.
    fn program(&mut self, most_bytes: u64) -> Vec<u8> {
        let length = 1 + self.below(most_bytes) as usize;
        let mut program = b"\x7fELF\x02\x01\x01".to_vec();
        while program.len() < length {
            (0..64).for_each(|_| program.extend_from_slice(&self.next().to_le_bytes()));
            program.extend_from_slice(&TEXT.as_bytes()[..400]);
        }
        program
    }
}
