//! The operating system, from os-release.

use std::collections::BTreeMap;

use super::files::Files;
use crate::disk::OS_RELEASE;
use crate::model::report::OperatingSystem;

/// Reads which operating system an image holds; none if no os-release file names it.
pub(super) fn read(files: &Files) -> Option<OperatingSystem> {
    OS_RELEASE.iter().find_map(|path| files.text(path)).and_then(|text| parse(&text))
}

/// Reads an os-release file; none without an `ID`.
///
/// CentOS Stream calls itself `centos`, as CentOS Linux did; here its id is `centos-stream`.
///
/// Source: <https://www.freedesktop.org/software/systemd/man/latest/os-release.html>
fn parse(text: &str) -> Option<OperatingSystem> {
    let fields: BTreeMap<&str, String> = text.lines().filter_map(assignment).collect();
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let mut id = field("ID").to_ascii_lowercase();
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
        return None;
    }
    if id == "centos" && field("NAME").contains("Stream") {
        id = "centos-stream".to_owned();
    }
    let version = field("VERSION_ID");
    let name = [field("PRETTY_NAME"), field("NAME"), id.clone()].into_iter().find(|name| !name.is_empty())?;
    let printable = |text: String| text.chars().filter(|c| !c.is_control()).take(200).collect();
    Some(OperatingSystem { id, version: printable(version), name: printable(name) })
}

/// Splits a line of shell assignment, quotes and backslashes taken away.
fn assignment(line: &str) -> Option<(&str, String)> {
    let (name, value) = line.trim().split_once('=')?;
    if name.starts_with('#') {
        return None;
    }
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    let value = match quoted('\'') {
        Some(literal) => literal.to_owned(),
        None => unescape(quoted('"').unwrap_or(value)),
    };
    Some((name, value))
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_comments_and_missing_fields_are_understood() {
        let os = parse("# x\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nID=debian\nVERSION_ID='13'\nBAD\n").unwrap();
        assert_eq!((os.id.as_str(), os.version.as_str(), os.name.as_str()), ("debian", "13", "Debian GNU/Linux 13 (trixie)"));
        assert_eq!(parse("ID=arch\n").unwrap().version, "");
        assert!(parse("NAME=x\n").is_none() && parse("ID=\"a b\"").is_none());
    }

    #[test]
    fn centos_stream_is_told_from_centos() {
        assert_eq!(parse("ID=centos\nNAME=\"CentOS Stream\"\nVERSION_ID=9").unwrap().id, "centos-stream");
        assert_eq!(parse("ID=centos\nNAME=\"CentOS Linux\"\nVERSION_ID=8").unwrap().id, "centos");
    }
}
