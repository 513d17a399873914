//! Files of the product's folder that the manifest names.

use super::super::code::Code;
use super::super::context::{Use, Value, quoted};
use super::super::folder::FileFault;
use super::super::secrets;
use super::super::source::At;

/// Reads a file that a value names.
pub(super) fn read(value: &Value, path: &str, used_as: Use) -> Option<Vec<u8>> {
    let fault = match value.context.read(path, used_as) {
        Ok(bytes) => return Some(bytes),
        Err(fault) => fault,
    };
    let (code, expected) = match fault {
        FileFault::Missing | FileFault::Unreadable(_) => (Code::FileMissing, "a readable file of the product's folder"),
        FileFault::Outside => (Code::FileOutside, "a path that stays in the product's folder"),
        FileFault::NotRegular => (Code::FileKind, "a regular file"),
        FileFault::TooLarge => (Code::FileTooLarge, "a file of at most 1 MiB"),
    };
    value.fault(code, format!("{} can't be used: {fault}", quoted(path))).expected(expected).report();
    None
}

/// Returns a path without `.` and doubled slashes, so that one file has one name.
pub(super) fn normal(path: &str) -> String {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/")
}

/// Reports secrets at their own place in a file, or at the value when they stand in the manifest.
pub(super) fn report_secrets(value: &Value, name: &str, content: &[u8], path: Option<&str>) {
    let found = secrets::find(content);
    // A place can be shown only in a text.
    let source = path.filter(|_| !found.is_empty()).and_then(|path| {
        let text = String::from_utf8(content.to_vec()).ok()?;
        Some(value.context.add_source(path, text))
    });
    for secret in found {
        let at = source.map_or(value.at(), |id| At::new(id, secret.range));
        value.context.mask(at);
        value
            .context
            .fault(Code::Secret, at, format!("{name} holds {}", secret.kind))
            .expected("nothing secret: user data, images and listings are read by others")
            .hint("have the instance fetch or make it at its first boot")
            .report();
    }
}
