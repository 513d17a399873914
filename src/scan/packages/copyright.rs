//! Licences of Debian's packages: dpkg keeps none, but each package brings a file for people, most of which programs can
//! read too.
//!
//! Source: <https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/>

use std::collections::BTreeSet;
use std::path::Path;

use crate::model::report::{Origin, Package};
use crate::scan::files::Files;

/// The largest one of Debian 13 has 1.3 MB.
const LARGEST_BYTES: u64 = 4 << 20;

/// What is longer is a text, not names.
const LONGEST_LICENCE: usize = 1000;

/// Adds licences to the packages of dpkg that have none, by `/usr/share/doc/PACKAGE/copyright`; what isn't written for
/// programs is not guessed at.
pub(in crate::scan) fn add_licences(files: &Files, packages: &mut [Package]) {
    let without = packages.iter_mut().filter(|package| package.origin == Origin::Dpkg && package.licence.is_none());
    // A hostile database's name could lead out of the folder.
    for package in without.filter(|package| !package.name.contains('/')) {
        let path = Path::new("/usr/share/doc").join(&package.name).join("copyright");
        let text = files.read_within(path, LARGEST_BYTES);
        package.licence = text.and_then(|text| licence(&String::from_utf8_lossy(&text)));
    }
}

/// The licences that the paragraphs name, all of which hold for one part or another.
fn licence(text: &str) -> Option<String> {
    let first = text.lines().find(|line| !line.trim().is_empty())?;
    let (field, format) = first.split_once(':')?;
    if !matches!(field.trim(), "Format" | "Format-Specification") || !format.contains("copyright-format") {
        return None;
    }
    let names = text.lines().filter_map(|line| line.strip_prefix("License:")).map(str::trim).filter(|name| !name.is_empty());
    let names: BTreeSet<&str> = names.collect();
    let is_one = names.len() == 1;
    let part = |name: &str| if is_one || !name.contains([' ', ',']) { name.to_owned() } else { format!("({name})") };
    let licence = names.into_iter().map(part).collect::<Vec<_>>().join(" AND ");
    (!licence.is_empty() && licence.len() <= LONGEST_LICENCE).then_some(licence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::MemoryTree;

    const FORMAT: &str = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n";

    #[test]
    fn names_are_taken_once_and_free_text_is_not_guessed_at() {
        let text = format!(
            "{FORMAT}Upstream-Name: x\n\nFiles: *\nLicense: Expat\n\nFiles: a\nLicense: GPL-2+ or Artistic\n\nLicense: Expat\n Permission is\n"
        );
        assert_eq!(licence(&text).unwrap(), "Expat AND (GPL-2+ or Artistic)");
        assert_eq!(licence(&format!("{FORMAT}\nFiles: *\nLicense: GPL-2+ or Artistic\n")).unwrap(), "GPL-2+ or Artistic");
        for text in ["", "This is bash.\nLicense: GPL-3\n", FORMAT, &format!("{FORMAT}License:\n"), "Format: http://other\nLicense: MIT\n"]
        {
            assert_eq!(licence(text), None, "{text}");
        }
        assert_eq!(licence(&format!("{FORMAT}License: {}\n", "x".repeat(2000))), None);
    }

    #[test]
    fn packages_of_dpkg_have_the_licence_beside_their_documentation() {
        let tree = MemoryTree::default()
            .file("/usr/share/doc/liba/copyright", format!("{FORMAT}License: MIT\n"))
            .link("/usr/share/doc/a", "liba")
            .tree();
        let package = |name: &str, origin| Package { name: name.to_owned(), origin, ..Package::default() };
        let mut packages =
            [package("a", Origin::Dpkg), package("../doc/a", Origin::Dpkg), package("b", Origin::Dpkg), package("a", Origin::Npm)];
        let files = Files::new(&tree);
        add_licences(&files, &mut packages);
        let licences: Vec<_> = packages.iter().map(|package| package.licence.as_deref()).collect();
        assert_eq!(licences, [Some("MIT"), None, None, None]);
        assert!(files.faults().is_empty());
    }
}
