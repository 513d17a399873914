//! apk's database, Alpine's: one text file of paragraphs.

use std::path::Path;

use super::Found;
use crate::model::report::{Origin, Package};
use crate::scan::files::Files;

/// Where apk keeps what is installed: before and after /lib became part of /usr.
const INSTALLED: [&str; 2] = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];

/// Reads the database. Where both paths are one file, its packages are found twice and listed once.
pub(super) fn read(files: &Files, found: &mut Found) {
    for path in INSTALLED {
        if let Some(text) = files.text(path) {
            found.databases.push(Path::new(path).to_owned());
            found.packages.extend(text.split("\n\n").filter_map(package));
        }
    }
}

/// Reads a paragraph; none without a name and a version. A letter and a colon begin a line; what comes after `F:` is
/// about the package's files.
///
/// Source: <https://wiki.alpinelinux.org/wiki/Apk_spec>
fn package(paragraph: &str) -> Option<Package> {
    let about = paragraph.lines().take_while(|line| !line.starts_with("F:"));
    let fields: Vec<(&str, &str)> = about.filter_map(|line| line.split_once(':')).collect();
    let field = |name: &str| fields.iter().find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| (*value).to_owned());
    let name = field("P")?;
    Some(Package {
        version: field("V")?,
        architecture: field("A").unwrap_or_default(),
        source: field("o").filter(|source| *source != name),
        source_version: None,
        licence: field("L"),
        module: None,
        origin: Origin::Apk,
        path: None,
        purl: String::new(),
        name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::MemoryTree;

    const SAMPLE: &str = "C:Q1abc=\nP:libcrypto3\nV:3.3.2-r4\nA:x86_64\nT:Crypto: library\nL:Apache-2.0\no:openssl\nF:lib\nR:P:odd\n\n\
        P:musl\nV:1.2.5-r8\nA:x86_64\nL:MIT\no:musl\n\nP:nothing\n\n";

    #[test]
    fn installed_packages_are_listed_once_under_both_paths() {
        let tree = MemoryTree::default().file(INSTALLED[1], SAMPLE).link("/lib", "usr/lib").tree();
        let found = crate::scan::packages::Packages::read(&Files::new(&tree), None);
        let brief = |p: &Package| format!("{} {} {} {:?} {:?}", p.name, p.version, p.architecture, p.source, p.licence);
        let listed: Vec<String> = found.list.iter().map(brief).collect();
        assert_eq!(
            listed,
            ["libcrypto3 3.3.2-r4 x86_64 Some(\"openssl\") Some(\"Apache-2.0\")", "musl 1.2.5-r8 x86_64 None Some(\"MIT\")"]
        );
    }
}
