//! Whether services start at boot.

use std::path::Path;

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
