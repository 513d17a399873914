//! Files of the product's folder that the manifest names.

use super::super::code::Code;
use super::super::context::{Context, Use, Value, quoted};
use super::super::folder::FileFault;
use super::super::secrets;
use super::super::source::At;

/// Reads a file that a value names.
pub(super) fn read(value: &Value, path: &str, used_as: Use) -> Option<Vec<u8>> {
    read_at(value.context, value.at(), path, used_as)
}

/// Reads a file; what is wrong with it is told at a place of the manifest.
pub(super) fn read_at(context: &Context, at: At, path: &str, used_as: Use) -> Option<Vec<u8>> {
    let fault = match context.read(path, used_as) {
        Ok(bytes) => return Some(bytes),
        Err(fault) => fault,
    };
    let expected = match fault {
        FileFault::Outside => "a path that stays in the product's folder",
        FileFault::NotRegular | FileFault::NotFolder => "a regular file",
        FileFault::TooLarge => "a file of at most 1 MiB",
        FileFault::Missing | FileFault::NameNotUtf8 | FileFault::Unreadable(_) => "a readable file of the product's folder",
    };
    context.fault(code(&fault), at, format!("{} can't be used: {fault}", quoted(path))).expected(expected).report();
    None
}

/// Returns the code of what is wrong with a file or a folder.
pub(super) fn code(fault: &FileFault) -> Code {
    match fault {
        FileFault::Missing | FileFault::NameNotUtf8 | FileFault::Unreadable(_) => Code::FileMissing,
        FileFault::Outside => Code::FileOutside,
        FileFault::NotRegular | FileFault::NotFolder => Code::FileKind,
        FileFault::TooLarge => Code::FileTooLarge,
    }
}

/// Returns a path without `.` and doubled slashes, so that one file has one name.
pub(super) fn normal(path: &str) -> String {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/")
}

/// Reports secrets at their own place in a file, or at a place of the manifest when they stand there.
pub(super) fn report_secrets(context: &Context, at: At, name: &str, content: &[u8], path: Option<&str>) {
    let found = secrets::find(content);
    // A place can be shown only in a text.
    let source = path.filter(|_| !found.is_empty()).and_then(|path| {
        let text = String::from_utf8(content.to_vec()).ok()?;
        Some(context.add_source(path, text))
    });
    for secret in found {
        let at = source.map_or(at, |id| At::new(id, secret.range));
        context.mask(at);
        context
            .fault(Code::Secret, at, format!("{name} holds {}", secret.kind))
            .expected("nothing secret: user data, images and listings are read by others")
            .hint("have the instance fetch or make it at its first boot")
            .report();
    }
}
