//! Which files are read, and by which reader.

use std::path::Path;

use super::{composer, dotnet, elf, gem, go, java, node, python, rust};
use crate::disk::{BlockSource, FileKind, Metadata};
use crate::model::report::Package;
use crate::scan::packages::purl;

/// What a file is to the readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) enum Format {
    /// An ELF program or library; Go's and Rust's say what they were built of.
    Program,
    /// A Java archive.
    JavaArchive,
    /// The metadata of a Python distribution.
    PythonMetadata,
    /// A `package.json`.
    NodeDescription,
    /// A gem's specification.
    GemSpecification,
    /// The dependencies of a .NET application.
    DotnetDependencies,
    /// Composer's list of PHP packages.
    ComposerList,
}

/// Tells by a file's path and metadata alone what it is. The path is absolute in the image.
pub(in crate::scan) fn format(path: &Path, metadata: Metadata) -> Option<Format> {
    if metadata.kind != FileKind::File || metadata.size_bytes == 0 {
        return None;
    }
    if java::is_archive(path.file_name()?.as_encoded_bytes()) {
        return Some(Format::JavaArchive);
    }
    if python::is_metadata(path) {
        return Some(Format::PythonMetadata);
    }
    if node::is_description(path) {
        return Some(Format::NodeDescription);
    }
    if gem::is_specification(path) {
        return Some(Format::GemSpecification);
    }
    if dotnet::is_dependencies(path) {
        return Some(Format::DotnetDependencies);
    }
    composer::is_list(path).then_some(Format::ComposerList)
}

/// Tells by a file's first bytes what it is, where [`format`] couldn't; 64 bytes are enough.
pub(in crate::scan) fn sniff(_path: &Path, head: &[u8]) -> Option<Format> {
    elf::is_program(head).then_some(Format::Program)
}

/// Adds the packages that a file tells of, each with its origin, path and package URL; their order is the file's own.
///
/// # Errors
///
/// Why the file, or a part of it, can't be read; a lower-case fragment. What could be read was added.
pub(in crate::scan) fn read(format: Format, path: &Path, file: &dyn BlockSource, packages: &mut Vec<Package>) -> Result<(), String> {
    let before = packages.len();
    let outcome = match format {
        Format::Program => elf::open(file).and_then(|program| {
            go::read(&program, packages)?;
            rust::read(&program, packages)
        }),
        Format::JavaArchive => java::read(path, file, packages),
        Format::PythonMetadata => python::read(file, packages),
        Format::NodeDescription => node::read(path, file, packages),
        Format::GemSpecification => gem::read(file, packages),
        Format::DotnetDependencies => dotnet::read(file, packages),
        Format::ComposerList => composer::read(file, packages),
    };
    for package in &mut packages[before..] {
        package.path = Some(path.to_string_lossy().into_owned());
        package.purl = purl(package, None);
    }
    outcome.map_err(|why| why.to_string())
}
