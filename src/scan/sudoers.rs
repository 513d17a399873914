//! sudo's rules: all files that are read, line by line.

mod aliases;
mod rule;

use std::path::{Path, PathBuf};

use super::files::Files;
use super::inclusions::Inclusions;

pub(super) use aliases::{Aliases, Member};
pub(super) use rule::{Grant, Rule, grants};

/// sudo gives up on deeper inclusion.
///
/// Source: sudo, plugins/sudoers/toke.l, `MAX_SUDOERS_DEPTH`.
const DEEPEST_INCLUSION: usize = 128;

/// Where sudo's configuration begins; the vendor's counts where the administrator has none, as in SUSE's newer releases.
///
/// Source: <https://www.sudo.ws/docs/install/>, `--enable-adminconf`; openSUSE's package sets it, with `/usr/etc`.
const BEGINNINGS: [&str; 2] = ["/etc/sudoers", "/usr/etc/sudoers"];

/// sudo's configuration.
#[derive(Debug, Default)]
pub(super) struct Sudoers {
    /// Settings (`Defaults`), each with its file.
    pub(super) settings: Vec<(PathBuf, String)>,
    /// Who may do what, aliases resolved. Of all rules that fit, the last one counts.
    pub(super) rules: Vec<Rule>,
    /// The files that are read, and the folders that they are read from, each once.
    pub(super) places: Vec<PathBuf>,
}

impl Sudoers {
    /// Reads `/etc/sudoers` with all that it includes; `/etc/sudoers.d` even if nothing includes it.
    ///
    /// Source: <https://www.sudo.ws/docs/man/sudoers.man/>
    pub(super) fn read(files: &Files) -> Self {
        let mut text = Text::default();
        let mut inclusions = Inclusions::new(files, DEEPEST_INCLUSION);
        if let Some(beginning) = BEGINNINGS.into_iter().find(|path| files.exists(path)) {
            text.include(&mut inclusions, Path::new(beginning));
        }
        let folder = Path::new("/etc/sudoers.d");
        if !text.places.iter().any(|place| place == folder) {
            text.include_folder(&mut inclusions, folder);
        }
        let Text { lines, mut places } = text;
        places.sort();
        places.dedup();
        let aliases = Aliases::read(lines.iter().map(|(_, line)| line.as_str()));
        let rules = lines.iter().filter_map(|(path, line)| Rule::parse(path, line, &aliases)).collect();
        if let Some((path, _)) = lines.first().filter(|_| aliases.is_over()) {
            files.fault(path, "sudo's rules come to too many users and commands, or its aliases are too deep".to_owned());
        }
        let settings = lines.into_iter().filter(|(_, line)| line.starts_with("Defaults")).collect();
        Self { settings, rules, places }
    }
}

/// The lines of all files, and where they are from.
#[derive(Default)]
struct Text {
    /// Comments, inclusions and empty lines left out, continued lines joined.
    lines: Vec<(PathBuf, String)>,
    places: Vec<PathBuf>,
}

impl Text {
    fn include(&mut self, inclusions: &mut Inclusions, path: &Path) {
        inclusions.open(path, |inclusions, text| {
            self.places.push(path.to_owned());
            // A path that is no whole one begins where the file is that names it.
            let place = |name: &str| path.parent().unwrap_or(path).join(name);
            for line in text.replace("\\\n", " ").lines().map(str::trim) {
                // `#include` is no comment; `@include` is its name of today.
                let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
                let rest = rest.trim().trim_matches('"');
                match word.trim_start_matches(['#', '@']) {
                    "include" if word.len() == 8 => self.include(inclusions, &place(rest)),
                    "includedir" if word.len() == 11 => self.include_folder(inclusions, &place(rest)),
                    _ if line.is_empty() || is_comment(line) => {}
                    _ => self.lines.push((path.to_owned(), line.to_owned())),
                }
            }
        });
    }

    /// Files with a dot or a tilde in their names are skipped.
    fn include_folder(&mut self, inclusions: &mut Inclusions, folder: &Path) {
        let paths = inclusions.list(folder);
        self.places.push(folder.to_owned());
        for path in paths {
            if !path.file_name().unwrap_or_default().to_string_lossy().contains(['.', '~']) {
                self.include(inclusions, &path);
            }
        }
    }
}

/// Digests of commands have a colon of their own.
const DIGESTS: [&str; 4] = ["sha224", "sha256", "sha384", "sha512"];

/// Where a word ends: at the first character of a kind that is neither quoted nor behind a backslash.
fn end_of(text: &str, is_end: impl Fn(char) -> bool) -> usize {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ if !is_quoted && is_end(c) => return at,
            _ => {}
        }
    }
    text.len()
}

/// Where an item of a list ends: before a comma or a colon.
fn end_of_item(text: &str) -> usize {
    let word = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
    let digest = if DIGESTS.contains(&&text[..word]) { end_of(text, char::is_whitespace) } else { 0 };
    digest + end_of(&text[digest..], |c| matches!(c, ',' | ':'))
}

/// Tells whether what begins with `#` is a comment, and no user's id.
///
/// Source: sudo, plugins/sudoers/toke.l: "comment, not uid/gid".
fn is_comment(text: &str) -> bool {
    let number = text.strip_prefix('#').map(|number| number.strip_prefix('-').unwrap_or(number));
    number.is_some_and(|number| !number.starts_with(|c: char| c.is_ascii_digit()))
}

/// Leaves out a comment at the end: it begins a word.
fn without_comment(text: &str) -> &str {
    let begins_comment = |(at, _): &(usize, &str)| text[..*at].ends_with(char::is_whitespace) && is_comment(&text[*at..]);
    text.match_indices('#').find(begins_comment).map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::MemoryTree;

    fn read(tree: MemoryTree) -> (Vec<String>, usize) {
        let tree = tree.tree();
        let files = Files::new(&tree);
        let sudoers = Sudoers::read(&files);
        (sudoers.rules.iter().map(|rule| rule.users[0].name.clone()).collect(), files.faults().len())
    }

    #[test]
    fn inclusions_are_followed_and_comments_are_not() {
        let tree = MemoryTree::default()
            .file("/etc/sudoers", "# include /x\nroot ALL=(ALL) \\\n ALL\n#includedir /etc/sudoers.d\n@include more\n")
            .file("/etc/sudoers.d/a", "a ALL=(ALL) ALL\n@include ../less\n")
            .file("/etc/sudoers.d/b.bak", "b ALL=(ALL) ALL\n")
            .file("/etc/less", "b ALL=(ALL) ALL\n")
            .file("/etc/more", "c ALL=(ALL) ALL\n#1 ALL=ALL\n#-----\n@include more\n");
        let (names, faults) = read(tree);
        assert_eq!((&names[..5], faults), (&["root", "a", "b", "c", "#1"].map(str::to_owned)[..], 1));
    }

    #[test]
    fn the_vendors_file_counts_where_there_is_no_other() {
        let tree = MemoryTree::default()
            .file("/usr/etc/sudoers", "root ALL=(ALL) ALL\n@includedir /usr/etc/sudoers.d\n@includedir /etc/sudoers.d\n")
            .file("/usr/etc/sudoers.d/a", "a ALL=(ALL) ALL\n")
            .file("/etc/sudoers.d/b", "b ALL=(ALL) ALL\n");
        assert_eq!(read(tree.clone()).0, ["root", "a", "b"]);
        assert_eq!(read(tree.file("/etc/sudoers", "c ALL=(ALL) ALL\n")).0, ["c", "b"]);
    }

    #[test]
    fn rules_without_end_are_a_fault() {
        let users = vec!["bob"; 10_000].join(",");
        let commands = vec!["/bin/ls"; 10_000].join(",");
        let tree = MemoryTree::default().file("/etc/sudoers", format!("{users} ALL={commands}\neve ALL=ALL\n"));
        assert_eq!(read(tree), (Vec::new(), 1));
    }
}
