//! rpm's database: where it is, in which form, and what the header of an installed package says.

use std::path::{Path, PathBuf};

use super::bytes::{Damaged, Order, damaged, size_at, slice};
use super::database::Database;
use super::ownership::{Kind, LONGEST_PATH_BYTES, OwnedFiles};
use super::{Found, bdb, ndb, sqlite};
use crate::disk::FileKind;
use crate::model::checksum::Checksum;
use crate::model::report::{Origin, Package};
use crate::scan::files::Files;
use crate::scan::software::TreeFile;

/// Where rpm keeps its database: now, before (and still on RHEL), and on systems that are updated as a whole.
const FOLDERS: [&str; 3] = ["/usr/lib/sysimage/rpm", "/var/lib/rpm", "/usr/share/rpm"];

/// A database of 2,000 packages has some 250 MB. It is never in memory but for a header and a page.
const LARGEST_DATABASE_BYTES: u64 = 2 << 30;

/// Hands out the headers of a database, those before a fault too.
type Read = fn(&mut Database, &mut dyn FnMut(&[u8])) -> Result<(), Damaged>;

/// The forms that a database has, newest first.
const FORMS: [(&str, Read); 3] = [("rpmdb.sqlite", sqlite_headers), ("Packages.db", ndb::headers), ("Packages", bdb::headers)];

/// Reads the databases of an image: of each folder the newest one that lists any package, since what an older form
/// leaves behind lists packages that are gone. One folder under several names is read once.
pub(super) fn read(files: &Files, found: &mut Found) {
    let mut seen: Vec<PathBuf> = Vec::new();
    for folder in FOLDERS {
        for (name, headers) in FORMS {
            let path = Path::new(folder).join(name);
            let Ok(resolved) = files.tree().resolve(&path) else { continue };
            if seen.contains(&resolved) {
                break;
            }
            let Some(metadata) = files.metadata(&path).filter(|metadata| metadata.kind == FileKind::File) else { continue };
            let before = found.packages.len();
            found.databases.push(path.clone());
            if metadata.size_bytes > LARGEST_DATABASE_BYTES {
                found.damaged.push((path.clone(), format!("it is larger than {LARGEST_DATABASE_BYTES} bytes")));
            } else {
                let file = TreeFile { tree: files.tree(), path: &resolved, size_bytes: metadata.size_bytes };
                add(&path, &mut Database::new(&file), headers, found);
            }
            seen.push(resolved);
            tell_log(files, &path, found);
            if found.packages.len() > before {
                break;
            }
        }
    }
}

fn sqlite_headers(database: &mut Database, each: &mut dyn FnMut(&[u8])) -> Result<(), Damaged> {
    sqlite::rows(database, "Packages", &mut |row| match sqlite::values(row)?.as_slice() {
        // hnum, blob
        [_, sqlite::Value::Bytes(header), ..] => {
            each(header);
            Ok(())
        }
        _ => Err(damaged("a row of Packages has no header")),
    })
}

/// SQLite writes changes into a log first; one that has content holds packages that the database doesn't list yet.
fn tell_log(files: &Files, database: &Path, found: &mut Found) {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    let log = PathBuf::from(log);
    if files.metadata(&log).is_some_and(|metadata| metadata.size_bytes > 0) {
        found.damaged.push((log, "changes that were not yet taken into the database are not read".to_owned()));
    }
}

fn add(path: &Path, database: &mut Database, read: Read, found: &mut Found) {
    let (mut faults, mut first) = (0, None);
    let outcome = read(database, &mut |header| {
        let mut note = |why| {
            faults += 1;
            first.get_or_insert(why);
        };
        match package(header) {
            Ok(Some(package)) => {
                found.owned.package(&package.name);
                found.packages.push(package);
                add_files(header, &mut found.owned).unwrap_or_else(note);
            }
            Ok(None) => {}
            Err(why) => note(why),
        }
    });
    if let Some(why) = first {
        let why = format!("{faults} of its packages can't be read, or not to their end, the first because {why}");
        found.damaged.push((path.to_owned(), why));
    }
    if let Err(why) = outcome {
        found.damaged.push((path.to_owned(), why.to_string()));
    }
}

/// What of a header is wanted.
///
/// Source: <https://github.com/rpm-software-management/rpm/blob/master/include/rpm/rpmtag.h>
mod tag {
    pub(super) const SHA1_HEADER: u32 = 269;
    pub(super) const SHA256_HEADER: u32 = 273;
    pub(super) const NAME: u32 = 1000;
    pub(super) const VERSION: u32 = 1001;
    pub(super) const RELEASE: u32 = 1002;
    pub(super) const EPOCH: u32 = 1003;
    pub(super) const VENDOR: u32 = 1011;
    pub(super) const LICENCE: u32 = 1014;
    pub(super) const ARCHITECTURE: u32 = 1022;
    pub(super) const SOURCE: u32 = 1044;
    pub(super) const MODULE: u32 = 5096;
    pub(super) const FILE_STATES: u32 = 1029;
    pub(super) const FILE_DIGESTS: u32 = 1035;
    pub(super) const FILE_FLAGS: u32 = 1037;
    pub(super) const FOLDER_INDEXES: u32 = 1116;
    pub(super) const BASE_NAMES: u32 = 1117;
    pub(super) const FOLDERS: u32 = 1118;
    pub(super) const DIGEST_ALGORITHM: u32 = 5011;
}

/// Types of a header's values; those of text all begin with the text, up to a zero byte.
const CHAR: u32 = 1;
const INT32: u32 = 4;
const TEXTS: [u32; 3] = [6, 8, 9];

/// The most entries and bytes that rpm itself lets a header have.
///
/// Source: `hdrblobVerifyLengths` in rpm's lib/header.c
const MOST_ENTRIES: usize = 0xffff;
const MOST_BYTES: usize = 0x1000_0000;

/// No package has more files: kernel sources have 100,000.
const MOST_TEXTS: usize = 1_000_000;

/// Reads a header; none of a key that packages are signed with, which rpm keeps as if it were one.
pub(super) fn package(header: &[u8]) -> Result<Option<Package>, Damaged> {
    let header = Header::open(header)?;
    let wanted = |tag: u32, what: &str| header.text(tag)?.ok_or_else(|| damaged(format!("a package has no {what}")));
    let name = wanted(tag::NAME, "name")?;
    if name == "gpg-pubkey" {
        return Ok(None);
    }
    let (version, release) = (wanted(tag::VERSION, "version")?, wanted(tag::RELEASE, "release")?);
    let plain = format!("{version}-{release}");
    let version = match header.number(tag::EPOCH)? {
        // No epoch is the same as 0.
        None | Some(0) => plain.clone(),
        Some(epoch) => format!("{epoch}:{plain}"),
    };
    let (source, source_version) = header.text(tag::SOURCE)?.as_deref().and_then(source).unzip();
    Ok(Some(Package {
        source: source.filter(|source| *source != name),
        source_version: source_version.filter(|version| *version != plain),
        name,
        version,
        architecture: header.text(tag::ARCHITECTURE)?.unwrap_or_default(),
        licence: header.text(tag::LICENCE)?,
        module: header.text(tag::MODULE)?.filter(|module| !module.is_empty()),
        vendor: header.text(tag::VENDOR)?,
        maintainer: None,
        origin: Origin::Rpm,
        path: None,
        by_file_name: false,
        purl: String::new(),
        checksum: checksum(&header)?,
    }))
}

/// Reads the digest of a package's header as it was built, which has the digest of all that the package brings.
///
/// Source: <https://rpm-software-management.github.io/rpm/manual/signatures_digests.html>
fn checksum(header: &Header) -> Result<Option<Checksum>, Damaged> {
    let digest = match header.text(tag::SHA256_HEADER)? {
        None => header.text(tag::SHA1_HEADER)?,
        digest => digest,
    };
    Ok(digest.as_deref().and_then(Checksum::from_hex))
}

/// Of a file's flags: a configuration file, and one that is a package's but not in it.
///
/// Source: <https://github.com/rpm-software-management/rpm/blob/master/include/rpm/rpmfiles.h>
const FLAG_CONFIGURATION: u32 = 1 << 0;
const FLAG_GHOST: u32 = 1 << 6;

/// A file that is there as this package brought it; others were replaced by another package, or left out.
const STATE_NORMAL: u8 = 0;

/// Kinds of digests by the numbers of OpenPGP; none is MD5, as in packages of before 2009.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc9580#section-9.5>
fn kind(algorithm: Option<u32>) -> Option<Kind> {
    match algorithm {
        None | Some(1) => Some(Kind::Md5),
        Some(2) => Some(Kind::Sha1),
        Some(8) => Some(Kind::Sha256),
        Some(_) => None,
    }
}

/// Adds a package's files.
///
/// Source: <https://rpm-software-management.github.io/rpm/manual/tags.html>
pub(super) fn add_files(header: &[u8], owned: &mut OwnedFiles) -> Result<(), Damaged> {
    let header = Header::open(header)?;
    let names = header.texts(tag::BASE_NAMES)?;
    let folders = header.texts(tag::FOLDERS)?;
    let indexes = header.numbers(tag::FOLDER_INDEXES)?;
    let digests = header.texts(tag::FILE_DIGESTS)?;
    let flags = header.numbers(tag::FILE_FLAGS)?;
    let states = header.states()?;
    let kind = kind(header.number(tag::DIGEST_ALGORITHM)?);
    for (number, name) in names.iter().enumerate() {
        if states.get(number).is_some_and(|state| *state != STATE_NORMAL) {
            continue;
        }
        let index = indexes.get(number).and_then(|index| usize::try_from(*index).ok());
        let Some(folder) = index.and_then(|index| folders.get(index)) else {
            return Err(damaged("a file's folder is not in the list of folders"));
        };
        // A hostile folder's name would be copied for each of its files.
        if folder.len() + name.len() > LONGEST_PATH_BYTES {
            return Err(damaged("a file's path is too long"));
        }
        let flags = flags.get(number).copied().unwrap_or_default();
        let digest = digests.get(number).filter(|_| flags & FLAG_GHOST == 0).and_then(|digest| hex::decode(digest).ok());
        let digest = kind.zip(digest.as_deref());
        owned.add(&[*folder, *name].concat(), digest, flags & FLAG_CONFIGURATION != 0)?;
    }
    Ok(())
}

/// The name and the version of a source package, from the name of its file.
fn source(file: &str) -> Option<(String, String)> {
    let stem = file.strip_suffix(".src.rpm").or_else(|| file.strip_suffix(".nosrc.rpm"))?;
    let (rest, release) = stem.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    Some((name.to_owned(), format!("{version}-{release}")))
}

/// A header: an index of entries (tag, type, offset, count), then the data that they point into.
///
/// Source: <https://rpm-software-management.github.io/rpm/manual/format_header.html>
struct Header<'h> {
    index: &'h [u8],
    data: &'h [u8],
}

impl<'h> Header<'h> {
    fn open(header: &'h [u8]) -> Result<Self, Damaged> {
        let (entries, data) = (size_at(header, 0, Order::Big)?, size_at(header, 4, Order::Big)?);
        if entries == 0 || entries > MOST_ENTRIES || data > MOST_BYTES {
            return Err(damaged(format!("a header is said to have {entries} entries and {data} bytes")));
        }
        Ok(Self { index: slice(header, 8, entries * 16)?, data: slice(header, 8 + entries * 16, data)? })
    }

    /// The type of a tag's value, of how many elements it is, and the data from there on.
    fn find(&self, tag: u32) -> Result<Option<(u32, usize, &'h [u8])>, Damaged> {
        for entry in self.index.chunks_exact(16) {
            if super::bytes::u32_at(entry, 0, Order::Big)? != tag {
                continue;
            }
            let kind = super::bytes::u32_at(entry, 4, Order::Big)?;
            let offset = size_at(entry, 8, Order::Big)?;
            let count = size_at(entry, 12, Order::Big)?;
            if count == 0 {
                return Err(damaged(format!("tag {tag} has no value")));
            }
            let data = self.data.get(offset..).ok_or_else(|| damaged(format!("tag {tag} points beyond its header")))?;
            return Ok(Some((kind, count, data)));
        }
        Ok(None)
    }

    /// A tag's text, or the first one of several.
    fn text(&self, tag: u32) -> Result<Option<String>, Damaged> {
        let Some((kind, _, data)) = self.find(tag)? else { return Ok(None) };
        if !TEXTS.contains(&kind) {
            return Err(damaged(format!("tag {tag} is no text")));
        }
        let end = data.iter().position(|&byte| byte == 0).ok_or_else(|| damaged(format!("the text of tag {tag} has no end")))?;
        Ok(Some(String::from_utf8_lossy(&data[..end]).into_owned()))
    }

    fn number(&self, tag: u32) -> Result<Option<u32>, Damaged> {
        match self.find(tag)? {
            None => Ok(None),
            Some((INT32, _, data)) => super::bytes::u32_at(data, 0, Order::Big).map(Some),
            Some(_) => Err(damaged(format!("tag {tag} is no number"))),
        }
    }

    /// A tag's texts; none if it isn't there. Each has at least the byte that ends it.
    fn texts(&self, tag: u32) -> Result<Vec<&'h [u8]>, Damaged> {
        let Some((kind, count, data)) = self.find(tag)? else { return Ok(Vec::new()) };
        if !TEXTS.contains(&kind) {
            return Err(damaged(format!("tag {tag} is no text")));
        }
        if count > MOST_TEXTS {
            return Err(damaged(format!("tag {tag} has more than {MOST_TEXTS} texts")));
        }
        let mut texts: Vec<&[u8]> = data.split(|&byte| byte == 0).take(count + 1).collect();
        // What comes after the last zero byte is no text.
        texts.pop();
        if texts.len() < count {
            return Err(damaged(format!("tag {tag} has fewer than {count} texts")));
        }
        Ok(texts)
    }

    /// A tag's numbers; none if it isn't there.
    fn numbers(&self, tag: u32) -> Result<Vec<u32>, Damaged> {
        match self.find(tag)? {
            None => Ok(Vec::new()),
            Some((INT32, count, data)) => {
                let numbers = slice(data, 0, count.saturating_mul(4))?.chunks_exact(4);
                numbers.map(|number| super::bytes::u32_at(number, 0, Order::Big)).collect()
            }
            Some(_) => Err(damaged(format!("tag {tag} is no number"))),
        }
    }

    /// The states of files, a byte each; none if there are none.
    fn states(&self) -> Result<&'h [u8], Damaged> {
        match self.find(tag::FILE_STATES)? {
            Some((CHAR, count, data)) => slice(data, 0, count),
            Some(_) => Err(damaged("the states of files are no bytes")),
            None => Ok(&[]),
        }
    }
}
