//! Which package brought a file, and with which digest.
//!
//! An image may have hundreds of thousands of such files, so that a path is kept as its hash alone, and digests stand
//! one behind the other: 24 bytes a file and the digest itself.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::path::Path;

use serde::Deserialize;

use super::bytes::{Damaged, damaged};
use super::digests::Digests;

/// Far more than any system has; Debian's largest desktop has 600,000. They take some 100 MB.
const MOST_FILES: usize = 2_000_000;

/// A path longer than this is nobody's.
pub(super) const LONGEST_PATH_BYTES: usize = 4096;

/// The digest of a file's content as its package shipped it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) enum Expected<'o> {
    /// All 16 bytes: dpkg's, and old packages of rpm's.
    Md5(&'o [u8]),
    /// All 20 bytes: apk's.
    Sha1(&'o [u8]),
    /// All 32 bytes (rpm's), or the first 20 (apk's since version 3).
    Sha256(&'o [u8]),
}

impl Expected<'_> {
    /// Tells whether a digest of the same kind is this one.
    pub(in crate::scan) fn is(&self, digest: &[u8]) -> bool {
        match self {
            Self::Md5(expected) | Self::Sha1(expected) => digest == *expected,
            Self::Sha256(expected) => digest.len() == Kind::Sha256.length() && digest.starts_with(expected),
        }
    }
}

/// What is known of a file that a package brought.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::scan) struct Owned<'o> {
    /// The first of the packages.
    pub(in crate::scan) package: &'o str,
    /// The digests that it may have: none where the database has none, several where several packages brought it.
    pub(in crate::scan) digests: Vec<Expected<'o>>,
    /// Whether it is a configuration file, which an administrator may change.
    pub(in crate::scan) configuration: bool,
    /// Who built the packages that brought it: the one who is trusted least, if there are several.
    pub(in crate::scan) builder: Builder,
}

/// Who built a package, the most trusted first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::scan) enum Builder {
    /// The distribution, for certain: it mends what is in there, and ships no secrets.
    Distribution,
    /// It can't be told.
    #[default]
    Unknown,
    /// Somebody else.
    Other,
}

/// The kind of a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Md5,
    Sha1,
    Sha256,
    /// The first 160 bits.
    Sha256Start,
}

impl Kind {
    const fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 | Self::Sha256Start => 20,
            Self::Sha256 => 32,
        }
    }
}

/// A file that a database lists.
#[derive(Debug, Clone, Copy)]
struct Entry {
    path: u64,
    package: u32,
    /// Where its digest begins.
    digest: u32,
    kind: Option<Kind>,
    configuration: bool,
}

/// Files as the databases list them.
#[derive(Debug, Clone, Default)]
pub(super) struct OwnedFiles {
    entries: Vec<Entry>,
    packages: Vec<String>,
    digests: Vec<u8>,
}

impl OwnedFiles {
    /// Begins the files of a package.
    pub(super) fn package(&mut self, name: &str) {
        if self.packages.last().is_none_or(|last| last != name) {
            self.packages.push(name.to_owned());
        }
    }

    /// Adds a file of the package that was begun last. A digest that has not the length of its kind is none.
    pub(super) fn add(&mut self, path: &[u8], digest: Option<(Kind, &[u8])>, configuration: bool) -> Result<(), Damaged> {
        if self.entries.len() >= MOST_FILES {
            return Err(damaged(format!("more than {MOST_FILES} files are said to be of packages")));
        }
        if path.len() > LONGEST_PATH_BYTES {
            return Err(damaged("a package's file has a path that is too long"));
        }
        let digest = digest.filter(|(kind, bytes)| bytes.len() == kind.length());
        // Neither can be too large: there are no more packages than files, and no digest is longer than 32 bytes.
        let (package, at) = (self.packages.len().saturating_sub(1) as u32, self.digests.len() as u32);
        self.digests.extend_from_slice(digest.map_or(&[], |(_, bytes)| bytes));
        self.entries.push(Entry { path: hash(path), package, digest: at, kind: digest.map(|(kind, _)| kind), configuration });
        Ok(())
    }
}

/// The files that packages brought.
pub(in crate::scan) struct Ownership {
    /// By the path's hash, then by package; of a package those with a digest first.
    files: OwnedFiles,
    /// Of each package who built it.
    builders: Vec<Builder>,
}

impl Ownership {
    /// Takes what the databases list, and who built packages by their names.
    pub(super) fn new(mut files: OwnedFiles, builders: &BTreeMap<String, Builder>) -> Self {
        files.entries.sort_by_key(|entry| (entry.path, entry.package, entry.kind.is_none()));
        // A package's list of files has no digests; what has one is known better.
        files.entries.dedup_by(|later, entry| (later.path, later.package) == (entry.path, entry.package) && later.kind.is_none());
        files.entries.shrink_to_fit();
        let builders = files.packages.iter().map(|package| builders.get(package).copied().unwrap_or_default()).collect();
        Self { files, builders }
    }

    /// Returns what is known of a file; none if no package brought it. The path is absolute in the image, without links.
    pub(in crate::scan) fn owner(&self, path: &Path) -> Option<Owned<'_>> {
        let hash = hash(path.as_os_str().as_encoded_bytes());
        let entries = &self.files.entries;
        let entries = entries[entries.partition_point(|entry| entry.path < hash)..].iter().take_while(|entry| entry.path == hash);
        let first = entries.clone().next()?;
        Some(Owned {
            package: self.files.packages.get(first.package as usize)?,
            digests: entries.clone().filter_map(|entry| self.expected(entry)).collect(),
            configuration: entries.clone().any(|entry| entry.configuration),
            builder: entries.clone().filter_map(|entry| self.builders.get(entry.package as usize)).max().copied().unwrap_or_default(),
        })
    }

    /// Tells whether a package brought the file with this content.
    pub(in crate::scan) fn brought(&self, path: &Path, content: &[u8]) -> bool {
        let Some(owned) = self.owner(path) else { return false };
        let mut digests = Digests::of(std::iter::once(&owned));
        digests.update(content);
        digests.finish().confirm(&owned) == Some(true)
    }

    fn expected(&self, entry: &Entry) -> Option<Expected<'_>> {
        let kind = entry.kind?;
        let start = entry.digest as usize;
        let bytes = self.files.digests.get(start..start + kind.length())?;
        Some(match kind {
            Kind::Md5 => Expected::Md5(bytes),
            Kind::Sha1 => Expected::Sha1(bytes),
            Kind::Sha256 | Kind::Sha256Start => Expected::Sha256(bytes),
        })
    }
}

fn hash(path: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(canonical(path));
    hasher.finish()
}

/// A path without its leading slash, and without `usr/` where systems with a merged /usr have one place under two names.
fn canonical(path: &[u8]) -> &[u8] {
    let path = path.strip_prefix(b"./").unwrap_or(path);
    let start = path.iter().position(|&byte| byte != b'/').unwrap_or(path.len());
    let path = &path[start..];
    match path.strip_prefix(b"usr/") {
        Some(rest) if [b"bin/".as_slice(), b"sbin/", b"lib"].iter().any(|start| rest.starts_with(start)) => rest,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use md5::{Digest as _, Md5};
    use sha1::Sha1;
    use sha2::Sha256;

    use super::*;

    #[test]
    fn a_file_is_known_by_its_content_and_the_digest_that_its_package_has() {
        let content = b"content";
        let mut files = OwnedFiles::default();
        files.package("x");
        files.add(b"/md5", Some((Kind::Md5, &Md5::digest(content))), false).unwrap();
        files.add(b"/sha1", Some((Kind::Sha1, &Sha1::digest(content))), false).unwrap();
        files.add(b"/sha256", Some((Kind::Sha256, &Sha256::digest(content))), false).unwrap();
        files.add(b"/none", None, false).unwrap();
        let ownership = Ownership::new(files, &BTreeMap::new());
        for path in ["/md5", "/sha1", "/sha256"] {
            assert!(ownership.brought(Path::new(path), content) && !ownership.brought(Path::new(path), b"other"), "{path}");
        }
        assert!(!ownership.brought(Path::new("/none"), content) && !ownership.brought(Path::new("/other"), content));
    }

    #[test]
    fn a_file_has_its_package_and_every_digest_that_it_may_have() {
        let mut files = OwnedFiles::default();
        files.package("first");
        files.add(b"/usr/lib/x", None, false).unwrap();
        files.add(b"lib/x", Some((Kind::Md5, &[1; 16])), true).unwrap();
        files.add(b"/ghost", None, false).unwrap();
        files.add(b"/wrong", Some((Kind::Sha1, &[1; 16])), false).unwrap();
        files.package("second");
        files.add(b"./usr/lib/x", Some((Kind::Sha256, &[2; 32])), false).unwrap();
        files.add(b"/short", Some((Kind::Sha256Start, &[3; 20])), false).unwrap();
        let ownership = Ownership::new(files, &BTreeMap::new());
        let owned = ownership.owner(Path::new("/lib/x")).unwrap();
        assert_eq!(
            owned,
            Owned {
                package: "first",
                digests: vec![Expected::Md5(&[1; 16]), Expected::Sha256(&[2; 32])],
                configuration: true,
                builder: Builder::Unknown
            }
        );
        for path in ["/ghost", "/wrong"] {
            assert_eq!(
                ownership.owner(Path::new(path)),
                Some(Owned { package: "first", digests: vec![], configuration: false, builder: Builder::Unknown })
            );
        }
        let short = ownership.owner(Path::new("/short")).unwrap();
        let digest = [[3; 20].as_slice(), &[9; 12]].concat();
        assert!(short.digests[0].is(&digest) && !short.digests[0].is(&digest[..20]));
        assert_eq!(ownership.owner(Path::new("/x")), None);
    }

    #[test]
    fn there_is_a_limit() {
        let mut files = OwnedFiles::default();
        files.package("p");
        assert!(files.add(&[b'x'; LONGEST_PATH_BYTES + 1], None, false).is_err());
        for _ in 0..MOST_FILES {
            files.add(b"/x", None, false).unwrap();
        }
        assert!(files.add(b"/x", None, false).is_err());
    }
}
