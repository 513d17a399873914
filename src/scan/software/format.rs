//! Which files are read, and by which reader.

use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::file::{File, Reading};
use super::{composer, dotnet, elf, gem, go, java, node, python, rust};
use crate::disk::{FileKind, Metadata};
use crate::model::checksum::Checksum;
use crate::model::digest::Digest;
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

/// Digests a file; none if it can't be read to its end, which whoever reads it for secrets tells.
fn digest(file: &dyn File) -> Option<Checksum> {
    let (mut reading, mut sha256) = (Reading::new(file), Sha256::new());
    let mut piece = vec![0; 64 << 10];
    loop {
        match reading.read(&mut piece).ok()? {
            0 => return Some(Checksum::Sha256(Digest::from_bytes(sha256.finalize().into()))),
            length => sha256.update(&piece[..length]),
        }
    }
}

/// Adds the packages that a file tells of, each with its origin, path, package URL and the file's digest; their order is the file's own.
///
/// # Errors
///
/// Why the file, or a part of it, can't be read; a lower-case fragment. What could be read was added.
pub(in crate::scan) fn read(format: Format, path: &Path, file: &dyn File, packages: &mut Vec<Package>) -> Result<(), String> {
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
    let checksum = if packages.len() > before { digest(file) } else { None };
    for package in &mut packages[before..] {
        package.checksum = checksum;
        package.path = Some(path.to_string_lossy().into_owned());
        package.purl = purl(package, None);
    }
    outcome.map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_have_the_digest_of_the_file_that_told_of_them() {
        let path = Path::new("/usr/lib/python3/site-packages/x-1.dist-info/METADATA");
        let text = format!("Name: x\nVersion: 1\n\n{}", "long ".repeat(50_000));
        let mut packages = Vec::new();
        read(Format::PythonMetadata, path, &text, &mut packages).unwrap();
        assert_eq!(packages[0].checksum, Some(Checksum::Sha256(Digest::of(&text))));
    }
}
