//! Ruby's gems: the specification that RubyGems writes for each that it installs. It is a program, which is not run:
//! RubyGems writes it in one way always.
//!
//! Source: `to_ruby` in <https://github.com/rubygems/rubygems/blob/master/lib/rubygems/specification.rb> and
//! <https://github.com/rubygems/rubygems/blob/master/lib/rubygems/stub_specification.rb>

use std::path::Path;

use super::file;
use crate::disk::BlockSource;
use crate::model::report::{Origin, Package};
use crate::scan::packages::bytes::{Damaged, damaged};

const MOST_BYTES: u64 = 4 << 20;

/// The platform of gems that are Ruby alone.
const ANY_PLATFORM: &str = "ruby";

/// Tells whether a path is of an installed gem's specification; those of Ruby's own gems are in a folder `default`.
pub(super) fn is_specification(path: &Path) -> bool {
    let mut folders = path.ancestors().skip(1).map(|folder| folder.file_name().unwrap_or_default()).skip_while(|name| *name == "default");
    path.extension().is_some_and(|extension| extension == "gemspec") && folders.next().is_some_and(|name| name == "specifications")
}

/// Adds the gem that a specification describes.
pub(super) fn read(file: &dyn BlockSource, packages: &mut Vec<Package>) -> Result<(), Damaged> {
    let bytes = file::whole(file, MOST_BYTES)?;
    let text = String::from_utf8_lossy(&bytes);
    let stub = text.lines().take(4).find_map(|line| line.strip_prefix("# stub: "));
    let mut stub = stub.into_iter().flat_map(str::split_whitespace).map(str::to_owned);
    let mut field = |name: &str| stub.next().or_else(|| assigned(&text, name).into_iter().next());
    let (Some(name), Some(version)) = (field("name"), field("version")) else {
        return Err(damaged("it has no name and version"));
    };
    let platform = field("platform").filter(|platform| platform != ANY_PLATFORM).unwrap_or_default();
    let licences = [assigned(&text, "licenses"), assigned(&text, "license")].concat();
    packages.push(Package {
        name,
        version,
        architecture: platform,
        // The author's list says that each of them applies to something, or that one can choose; the format doesn't tell.
        licence: (!licences.is_empty()).then(|| licences.join(", ")),
        origin: Origin::Gem,
        ..Package::default()
    });
    Ok(())
}

/// The texts that the first assignment to a field has (`s.licenses = ["MIT".freeze]`).
fn assigned(text: &str, field: &str) -> Vec<String> {
    let value = text.lines().filter_map(|line| line.split_once('=')).find_map(|(target, value)| {
        let (object, name) = target.trim().rsplit_once('.')?;
        (name == field && object.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')).then_some(value)
    });
    value.map(literals).unwrap_or_default()
}

/// The text literals of an expression. A backslash takes the next character as it is.
fn literals(expression: &str) -> Vec<String> {
    let mut literals = Vec::new();
    let mut characters = expression.chars();
    while let Some(quote) = characters.next() {
        if quote == '#' {
            break;
        }
        if !matches!(quote, '"' | '\'') {
            continue;
        }
        let mut literal = String::new();
        while let Some(character) = characters.next() {
            match character {
                '\\' => literal.extend(characters.next()),
                end if end == quote => break,
                other => literal.push(other),
            }
        }
        literals.push(literal);
    }
    literals
}
