//! systemd's units: which start at boot, and what they say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::files::Files;
use crate::disk::FileKind;

/// Folders of systemd's units, the administrator's first. What an image has below `/run` is none of them: systemd lays an empty
/// file system over it before it reads any unit.
///
/// Source: <https://www.freedesktop.org/software/systemd/man/latest/systemd.unit.html>
pub(super) const FOLDERS: [&str; 4] =
    ["/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

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
        || files.symlink_metadata(&place).is_some_and(|metadata| metadata.kind == FileKind::File && metadata.size_bytes == 0)
}

/// Tells whether the unit is there.
pub(super) fn is_installed(files: &Files, unit: &str) -> bool {
    FOLDERS.iter().any(|folder| files.symlink_metadata(Path::new(folder).join(unit)).is_some())
}

/// Returns the values of a key (`ExecStart`) in a unit's file and what is dropped in beside it, in the order in which they
/// add up, each with its file; an empty one takes back those before. An instance is read from its template, and what is
/// dropped in for one of a unit's names counts for all of them.
pub(super) fn values(files: &Files, unit: &str, key: &str) -> Vec<(PathBuf, String)> {
    let mut values = Vec::new();
    for path in place(files, unit).into_iter().chain(dropped_in(files, unit)) {
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

/// Returns the file that says what a unit is, or its template.
fn place(files: &Files, unit: &str) -> Option<PathBuf> {
    let template = template(unit);
    let names = std::iter::once(unit).chain(template.as_deref());
    names.flat_map(|name| FOLDERS.map(|folder| Path::new(folder).join(name))).find(|path| files.exists(path))
}

/// Lists what is dropped in for a unit, under any of its names, for all whose names begin alike and for all of its kind: by
/// their own names, of which the first one counts. What is for all of a kind comes last, wherever it lies.
fn dropped_in(files: &Files, unit: &str) -> Vec<PathBuf> {
    // Of a unit that isn't there, what is for all of its kind makes none.
    let kind = unit.rsplit_once('.').filter(|_| place(files, unit).is_some()).map(|(_, kind)| vec![kind.to_owned()]);
    let mut dropped = BTreeMap::new();
    for of_name in names(files, unit).iter().map(|name| drop_in_names(name)).chain(kind) {
        for path in FOLDERS.iter().flat_map(|folder| of_name.iter().flat_map(move |name| files.glob(&format!("{folder}/{name}.d/*.conf"))))
        {
            if let Some(name) = path.file_name() {
                dropped.entry(name.to_owned()).or_insert(path);
            }
        }
    }
    dropped.into_values().collect()
}

/// Lists by which names something can be dropped in for a unit of this name, the nearest first: of `a-b@c.service` those, its
/// template `a-b@.service`, and what begins alike up to a dash, `a-@c.service` and `a-@.service`.
fn drop_in_names(unit: &str) -> Vec<String> {
    let mut names = Vec::new();
    // An instance may have dashes and dots of its own, which are none of the name's beginning.
    let end = unit.find('@').or_else(|| unit.rfind('.')).unwrap_or(unit.len());
    let (start, rest) = unit.split_at(end);
    let begins_alike = start.rmatch_indices('-').map(|(dash, _)| &start[..=dash]).filter(|prefix| *prefix != start);
    for start in std::iter::once(start).chain(begins_alike) {
        let name = format!("{start}{rest}");
        let template = template(&name);
        names.push(name);
        names.extend(template);
    }
    names
}

/// Lists the names of a unit, itself first: links to its file are aliases, as Debian's `sshd.service` is of `ssh.service`.
fn names(files: &Files, unit: &str) -> Vec<String> {
    let mut names = vec![unit.to_owned()];
    let Some(kind) = unit.rsplit_once('.').map(|(_, kind)| format!(".{kind}")) else { return names };
    let links = files.unit_links.get_or_init(|| links(files));
    // What it leads to, and then what leads there: a link to a link is nobody's. What is masked leads to no unit.
    let own = links.iter().find(|(name, target)| name == unit && target.ends_with(&kind)).map_or(unit, |(_, target)| target);
    let others = std::iter::once(own).chain(links.iter().filter(|(_, target)| target == own).map(|(name, _)| name.as_str()));
    for name in others {
        if name.ends_with(&kind) && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// Lists links among units.
fn links(files: &Files) -> Vec<(String, String)> {
    let of_folder = |folder: &'static str| {
        let links = files.list(folder).into_iter().filter(|entry| entry.kind == FileKind::Symlink);
        links.filter_map(move |entry| {
            let target = files.link(Path::new(folder).join(&entry.name))?;
            Some((entry.name.to_string_lossy().into_owned(), target.file_name()?.to_string_lossy().into_owned()))
        })
    };
    FOLDERS.into_iter().flat_map(of_folder).collect()
}

/// The template of an instance: `getty@.service` of `getty@tty1.service`.
fn template(unit: &str) -> Option<String> {
    let (name, rest) = unit.split_once('@')?;
    Some(format!("{name}@.{}", rest.rsplit_once('.')?.1)).filter(|template| template != unit)
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

    #[test]
    fn what_is_dropped_in_for_an_alias_counts_and_the_administrators_comes_over_the_vendors() {
        let tree = MemoryTree::default()
            .file("/usr/lib/systemd/system/ssh.service", "[Service]\nEnvironment=A=0\n")
            .link("/etc/systemd/system/sshd.service", "/usr/lib/systemd/system/ssh.service")
            .file("/etc/systemd/system/sshd.service.d/20.conf", "[Service]\nEnvironment=A=2\n")
            .file("/etc/systemd/system/ssh.service.d/30.conf", "[Service]\nEnvironment=A=3\n")
            .file("/usr/lib/systemd/system/ssh.service.d/30.conf", "[Service]\nEnvironment=A=no\n")
            .file("/usr/lib/systemd/system/ssh.service.d/10.conf", "[Service]\nEnvironment=A=1\n")
            .tree();
        let files = Files::new(&tree);
        for unit in ["ssh.service", "sshd.service"] {
            let texts: Vec<String> = values(&files, unit, "Environment").into_iter().map(|(_, text)| text).collect();
            assert_eq!(texts, ["A=0", "A=1", "A=2", "A=3"], "{unit}");
        }
    }

    #[test]
    fn what_is_dropped_in_for_units_that_begin_alike_and_for_all_of_a_kind_counts() {
        let unit = |value: &str| format!("[Service]\nEnvironment={value}\n");
        let tree = MemoryTree::default()
            .file("/usr/lib/systemd/system/web-app-one.service", unit("A=0"))
            .file("/etc/systemd/system/service.d/10.conf", unit("A=1"))
            .file("/usr/local/lib/systemd/system/web-.service.d/20.conf", unit("A=2"))
            .file("/usr/lib/systemd/system/web-app-.service.d/30.conf", unit("A=3"))
            // The nearer name's counts, and the administrator's folder before it.
            .file("/etc/systemd/system/service.d/30.conf", unit("A=no"))
            .file("/etc/systemd/system/web-.service.d/40.conf", unit("A=4"))
            .file("/usr/lib/systemd/system/web-app-one.service.d/40.conf", unit("A=no"))
            // Of other units, of another kind, and where systemd finds an empty folder.
            .file("/etc/systemd/system/web-app-one-.service.d/50.conf", unit("A=no"))
            .file("/etc/systemd/system/we-.service.d/51.conf", unit("A=no"))
            .file("/etc/systemd/system/socket.d/52.conf", unit("A=no"))
            .file("/run/systemd/system/service.d/53.conf", unit("A=no"))
            .tree();
        let files = Files::new(&tree);
        let texts: Vec<String> = values(&files, "web-app-one.service", "Environment").into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["A=0", "A=1", "A=2", "A=3", "A=4"]);
        assert!(values(&files, "absent.service", "Environment").is_empty(), "there is no such unit");
    }

    #[test]
    fn an_instance_has_what_is_dropped_in_for_its_template_and_its_own_dashes_begin_nothing() {
        let names = drop_in_names("a-b@c-d.e.service");
        assert_eq!(names, ["a-b@c-d.e.service", "a-b@.service", "a-@c-d.e.service", "a-@.service"]);
        assert_eq!(drop_in_names("a-.slice"), ["a-.slice"]);
        assert_eq!(drop_in_names("ssh.service"), ["ssh.service"]);
    }
}
