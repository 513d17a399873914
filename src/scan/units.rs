//! systemd's units: which start at boot, and what they say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::files::Files;

/// Folders of systemd's units, the administrator's first.
///
/// Source: <https://www.freedesktop.org/software/systemd/man/latest/systemd.unit.html>
const FOLDERS: [&str; 3] = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/// Tells whether a unit (`ssh.service`) starts at boot: a target or socket wants it, and nobody masked it.
pub(super) fn is_enabled(files: &Files, unit: &str) -> bool {
    let wanted = FOLDERS.iter().any(|folder| {
        let by = |kind: &str| !files.glob(&format!("{folder}/*.{kind}/{unit}")).is_empty();
        by("wants") || by("requires")
    });
    wanted && !is_masked(files, unit)
}

/// Lists all units that start at boot or that something which does wants; instances by their own name (`wg-quick@wg0.service`).
pub(super) fn enabled(files: &Files) -> BTreeSet<String> {
    let links = FOLDERS.iter().flat_map(|folder| ["wants", "requires"].map(|kind| files.glob(&format!("{folder}/*.{kind}/*")))).flatten();
    let names: BTreeSet<String> = links.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect();
    names.into_iter().filter(|unit| !is_masked(files, unit)).collect()
}

/// Tells whether a unit is linked to /dev/null, which keeps it from starting at all.
pub(super) fn is_masked(files: &Files, unit: &str) -> bool {
    let place = Path::new(FOLDERS[0]).join(unit);
    files.link(&place).is_some_and(|target| target == Path::new("/dev/null"))
        || files.symlink_metadata(&place).is_some_and(|metadata| metadata.kind == crate::disk::FileKind::File && metadata.size_bytes == 0)
}

/// Tells whether the unit is there.
pub(super) fn is_installed(files: &Files, unit: &str) -> bool {
    FOLDERS.iter().any(|folder| files.symlink_metadata(Path::new(folder).join(unit)).is_some())
}

/// Returns the values of a key (`ExecStart`) in a unit's file and what is dropped in beside it, in the order in which they
/// add up, each with its file; an empty one takes back those before. An instance is read from its template.
pub(super) fn values(files: &Files, unit: &str, key: &str) -> Vec<(PathBuf, String)> {
    let template = unit.split_once('@').and_then(|(name, rest)| Some(format!("{name}@.{}", rest.rsplit_once('.')?.1)));
    let names: Vec<&str> = std::iter::once(unit).chain(template.as_deref()).collect();
    let place = names.iter().flat_map(|name| FOLDERS.map(|folder| Path::new(folder).join(name))).find(|path| files.exists(path));
    let mut values = Vec::new();
    let dropped =
        names.iter().flat_map(|name| FOLDERS.iter().rev().flat_map(move |folder| files.glob(&format!("{folder}/{name}.d/*.conf"))));
    for path in place.into_iter().chain(dropped) {
        // Lines that end in a backslash go on.
        let text = files.text(&path).unwrap_or_default().replace("\\\n", " ");
        for line in text.lines() {
            let Some(value) = line.trim().strip_prefix(key).and_then(|rest| rest.trim_start().strip_prefix('=')) else { continue };
            if value.trim().is_empty() {
                values.clear();
            } else {
                values.push((path.clone(), value.trim().to_owned()));
            }
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::MemoryTree;

    #[test]
    fn values_add_up_over_what_is_dropped_in_and_an_empty_one_clears_them() {
        let tree = MemoryTree::default()
            .file("/usr/lib/systemd/system/a@.service", "[Service]\nExecStart=/bin/a \\\n  --b\n")
            .file("/usr/lib/systemd/system/s.socket", "[Socket]\nListenStream=22\n")
            .file("/etc/systemd/system/s.socket.d/x.conf", "[Socket]\nListenStream=\nListenStream = 2222\n")
            .link("/etc/systemd/system/multi-user.target.wants/a@b.service", "/usr/lib/systemd/system/a@.service")
            .link("/etc/systemd/system/multi-user.target.wants/off.service", "/usr/lib/systemd/system/off.service")
            .link("/etc/systemd/system/off.service", "/dev/null")
            .tree();
        let files = Files::new(&tree);
        assert_eq!(values(&files, "s.socket", "ListenStream"), [("/etc/systemd/system/s.socket.d/x.conf".into(), "2222".to_owned())]);
        assert_eq!(values(&files, "a@b.service", "ExecStart")[0].1, "/bin/a    --b");
        assert_eq!(enabled(&files).into_iter().collect::<Vec<_>>(), ["a@b.service"]);
    }
}
