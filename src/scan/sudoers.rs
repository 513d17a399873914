//! sudo's rules: all files that are read, line by line.

use std::path::{Path, PathBuf};

use super::files::Files;
use super::inclusions::Inclusions;

/// sudo gives up on deeper inclusion.
///
/// Source: sudo, plugins/sudoers/toke.l, `MAX_SUDOERS_DEPTH`.
const DEEPEST_INCLUSION: usize = 128;

/// sudo's configuration.
#[derive(Debug, Default)]
pub(super) struct Sudoers {
    /// Rules and settings, each with its file; comments, inclusions and empty lines left out, continued lines joined.
    pub(super) lines: Vec<(PathBuf, String)>,
    /// The files that are read, and the folders that they are read from, each once.
    pub(super) places: Vec<PathBuf>,
}

impl Sudoers {
    /// Reads `/etc/sudoers` with all that it includes; `/etc/sudoers.d` even if nothing includes it.
    ///
    /// Source: <https://www.sudo.ws/docs/man/sudoers.man/>
    pub(super) fn read(files: &Files) -> Self {
        let mut sudoers = Self::default();
        let mut inclusions = Inclusions::new(files, DEEPEST_INCLUSION);
        sudoers.include(&mut inclusions, Path::new("/etc/sudoers"));
        let folder = Path::new("/etc/sudoers.d");
        if !sudoers.places.iter().any(|place| place == folder) {
            sudoers.include_folder(&mut inclusions, folder);
        }
        sudoers.places.sort();
        sudoers.places.dedup();
        sudoers
    }

    fn include(&mut self, inclusions: &mut Inclusions, path: &Path) {
        inclusions.open(path, |inclusions, text| {
            self.places.push(path.to_owned());
            for line in text.replace("\\\n", " ").lines().map(str::trim) {
                // `#include` is no comment; `@include` is its name of today.
                let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
                let rest = rest.trim().trim_matches('"');
                match word.trim_start_matches(['#', '@']) {
                    "include" if word.len() == 8 => self.include(inclusions, &place(rest)),
                    "includedir" if word.len() == 11 => self.include_folder(inclusions, &place(rest)),
                    _ if line.is_empty() || line.starts_with('#') => {}
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

fn place(text: &str) -> PathBuf {
    Path::new("/etc").join(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::MemoryTree;

    #[test]
    fn inclusions_are_followed_and_comments_are_not() {
        let tree = MemoryTree::default()
            .file("/etc/sudoers", "# include /x\nroot ALL=(ALL) \\\n ALL\n#includedir /etc/sudoers.d\n@include more\n")
            .file("/etc/sudoers.d/a", "a ALL=(ALL) ALL\n")
            .file("/etc/sudoers.d/b.bak", "b ALL=(ALL) ALL\n")
            .file("/etc/more", "c ALL=(ALL) ALL\n@include more\n");
        let tree = tree.tree();
        let files = Files::new(&tree);
        let sudoers = Sudoers::read(&files);
        let names: Vec<&str> = sudoers.lines.iter().filter_map(|(_, line)| line.split(' ').next()).take(3).collect();
        assert_eq!(names, ["root", "a", "c"]);
        assert_eq!(files.faults().len(), 1);
    }
}
