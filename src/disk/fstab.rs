//! `/etc/fstab`: which file system belongs where.
//!
//! Source: <https://man7.org/linux/man-pages/man5/fstab.5.html>

use std::path::{Path, PathBuf};

use super::image::Volume;
use super::inodes::Inodes;
use super::tree::FileTree;

/// The largest `/etc/fstab` that is read.
const LARGEST_FSTAB_BYTES: u64 = 1 << 20;

/// A line that places a file system.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    what: String,
    /// An absolute path, as it stands there.
    pub at: PathBuf,
}

/// What a line can name a file system by, besides its partition.
pub(super) struct Names {
    uuid: String,
    label: String,
}

impl Names {
    pub fn of(fs: &impl Inodes) -> Self {
        Self { uuid: fs.uuid().to_owned(), label: fs.label().to_owned() }
    }
}

impl Line {
    /// Tells whether it is for this file system.
    pub fn names(&self, volume: &Volume, names: &Names) -> bool {
        let partition = &volume.partition;
        let Some((kind, value)) = self.what.split_once('=') else {
            let by = |folder: &str| self.what.strip_prefix("/dev/disk/").and_then(|rest| rest.strip_prefix(folder));
            let same = |folder, name: &str| by(folder).is_some_and(|found| !name.is_empty() && found == name);
            return volume.is_device(&self.what)
                || same("by-uuid/", &names.uuid)
                || same("by-label/", &udev_name(&names.label))
                || same("by-partuuid/", &partition.uuid)
                || same("by-partlabel/", &udev_name(&partition.name));
        };
        let value = value.trim_matches('"');
        !value.is_empty()
            && match kind {
                "UUID" => value.eq_ignore_ascii_case(&names.uuid),
                "LABEL" => value == names.label,
                "PARTUUID" => value.eq_ignore_ascii_case(&partition.uuid),
                "PARTLABEL" => value == partition.name,
                _ => false,
            }
    }
}

/// Reads which file systems belong where, a mount point before what lies in it. An unreadable fstab places
/// nothing, which shows as loose volumes.
pub(super) fn read(tree: &FileTree) -> Vec<Line> {
    let Ok(bytes) = tree.read(Path::new("/etc/fstab"), LARGEST_FSTAB_BYTES) else { return Vec::new() };
    let mut lines = parse(&String::from_utf8_lossy(&bytes));
    lines.sort_by_key(|line| line.at.components().count());
    lines
}

fn parse(text: &str) -> Vec<Line> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let placed = lines.filter_map(|line| {
        let mut fields = line.split([' ', '\t']).filter(|field| !field.is_empty()).map(unescape);
        let line = Line { what: fields.next()?, at: PathBuf::from(fields.next()?) };
        (line.at.is_absolute() && line.at != Path::new("/")).then_some(line)
    });
    placed.collect()
}

/// Blanks and backslashes stand as three octal digits: `\040`.
fn unescape(field: &str) -> String {
    let mut parts = field.split('\\');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[3..]);
            }
            None => {
                bytes.push(b'\\');
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Writes a label as udev names links by it: all but letters, digits and a few signs in hexadecimal.
///
/// Source: util-linux, libblkid/src/encode.c (`blkid_encode_string`).
fn udev_name(label: &str) -> String {
    let mut name = String::new();
    for c in label.chars() {
        if c.is_ascii_alphanumeric() || "#+-.:=@_".contains(c) || !c.is_ascii() {
            name.push(c);
        } else {
            name.push_str(&format!("\\x{:02x}", u32::from(c)));
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_octal() {
        let read = |text: &str| parse(text).into_iter().map(|line| (line.what, line.at)).collect::<Vec<_>>();
        let text = "# comment\nLABEL=my\\040data\t/srv/my\\040data ext4\n/dev/x / ext4\nUUID=a none swap\nUUID=b /a\\134b\nUUID=c /a\\9\n";
        let expected = [("LABEL=my data", "/srv/my data"), ("UUID=b", "/a\\b"), ("UUID=c", "/a\\9")];
        assert_eq!(read(text), expected.map(|(what, at)| (what.to_owned(), PathBuf::from(at))));
    }

    #[test]
    fn udev_escapes_labels() {
        assert_eq!(udev_name("my data/é"), "my\\x20data\\x2fé");
    }
}
