//! Where the files lie that no package brought.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::model::report::UnownedFolder;

/// Folders that are told at most.
const MOST_FOLDERS: usize = 64;

/// Names that a folder is told by at most.
const MOST_NAMES: usize = 5;

/// Files that no package of the system brought, by their folders.
#[derive(Debug, Default)]
pub(in crate::scan) struct Unowned {
    folders: BTreeMap<PathBuf, Sum>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    files: u64,
    bytes: u64,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

impl Unowned {
    /// Takes in a file.
    pub(super) fn note(&mut self, path: &Path, size_bytes: u64) {
        let folder = path.parent().unwrap_or(path);
        let sum = Sum { files: 1, bytes: size_bytes };
        match self.folders.get_mut(folder) {
            Some(known) => known.add(sum),
            None => drop(self.folders.insert(folder.to_owned(), sum)),
        }
    }

    /// Takes in what another has.
    pub(super) fn add(&mut self, other: Self) {
        for (folder, sum) in other.folders {
            self.folders.entry(folder).or_default().add(sum);
        }
    }

    /// Counts the files.
    pub(in crate::scan) fn count(&self) -> u64 {
        self.folders.values().map(|sum| sum.files).sum()
    }

    /// Returns the folders by their paths, each with all that lies below it and isn't told of another: as deep as few enough
    /// of them tell of all.
    pub(in crate::scan) fn folders(&self) -> Vec<UnownedFolder> {
        let folded = |names: usize| {
            let mut folded: BTreeMap<PathBuf, Sum> = BTreeMap::new();
            for (folder, sum) in &self.folders {
                folded.entry(folder.components().take(1 + names).collect()).or_default().add(*sum);
            }
            folded
        };
        let root = Path::new(Component::RootDir.as_os_str());
        let few = (1..=MOST_NAMES).rev().map(folded).find(|folded| folded.len() <= MOST_FOLDERS);
        // Of an image with more folders at its root than that, the root tells of all.
        let few = few.unwrap_or_else(|| folded(0));
        let told = few.into_iter().map(|(folder, Sum { files, bytes })| UnownedFolder {
            path: if folder.as_os_str().is_empty() { root } else { &folder }.to_string_lossy().into_owned(),
            files,
            bytes,
        });
        told.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(paths: &[String]) -> Vec<(String, u64, u64)> {
        let (mut unowned, mut half) = (Unowned::default(), Unowned::default());
        for (number, path) in paths.iter().enumerate() {
            if number % 2 == 0 { &mut unowned } else { &mut half }.note(Path::new(path), 10);
        }
        unowned.add(half);
        assert_eq!(unowned.count(), paths.len() as u64);
        unowned.folders().into_iter().map(|folder| (folder.path, folder.files, folder.bytes)).collect()
    }

    fn files(count: usize, path: impl Fn(usize) -> String) -> Vec<String> {
        (0..count).map(path).collect()
    }

    #[test]
    fn folders_are_told_as_deep_as_few_of_them_tell_of_all() {
        let few = ["/x", "/opt/app/lib/a/b/c/d.so", "/opt/app/lib/a/b/e.so", "/opt/app/start"].map(str::to_owned);
        let expected = [("/", 1, 10), ("/opt/app", 1, 10), ("/opt/app/lib/a/b", 2, 20)];
        assert_eq!(told(&few), expected.map(|(path, files, bytes)| (path.to_owned(), files, bytes)));
        let many = files(200, |number| format!("/opt/app/{number}/{}/file", number % 7));
        assert_eq!(told(&many), [("/opt/app".to_owned(), 200, 2000)]);
        let wide = files(65, |number| format!("/{number}/file"));
        assert_eq!(told(&wide), [("/".to_owned(), 65, 650)]);
        assert_eq!(told(&files(64, |number| format!("/{number}/file"))).len(), 64);
        assert!(told(&[]).is_empty());
    }
}
