//! Going through all of a tree, with what leads to its directories asked for many at a time.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::{FileKind, FileTree, FoundMetadata, LONGEST_PATH_BYTES, Mount, TreeError};

/// Files or directories that are asked for together: as many as a snapshot's blocks may be.
pub const READ_TOGETHER: usize = 64;

impl FileTree {
    /// Tells that these files will be read soon, or these directories walked through: [`READ_TOGETHER`] at a time. Of a path
    /// with links nothing is fetched.
    pub fn prefetch(&self, paths: &[PathBuf]) {
        let mut by_mount = BTreeMap::<&Path, (&Mount, Vec<PathBuf>)>::new();
        for path in paths {
            let (mount, inner) = self.mount_of(path);
            by_mount.entry(&mount.at).or_insert_with(|| (mount, Vec::new())).1.push(inner);
        }
        by_mount.into_values().for_each(|(mount, paths)| mount.file_system.prefetch(&paths));
    }

    /// Visits everything in the tree but the root itself, directories before what they hold, a directory's names in
    /// order; links are visited, not followed. What can't be read is visited as an error and left out.
    /// What lies apart comes last. Ends at a break of the visitor.
    pub fn walk(&self, visit: &mut dyn FnMut(&Path, FoundMetadata) -> ControlFlow<()>) {
        let mut walk = || {
            self.walk_all_below(Path::new("/"), visit)?;
            for at in &self.apart {
                let metadata = self.symlink_metadata_resolved(at);
                let is_directory = matches!(&metadata, Ok(metadata) if metadata.kind == FileKind::Directory);
                visit(at, metadata)?;
                if is_directory {
                    self.walk_all_below(at, visit)?;
                }
            }
            ControlFlow::Continue(())
        };
        // Whoever breaks knows it.
        let _: ControlFlow<()> = walk();
    }

    /// Visits everything below a directory, as [`FileTree::walk`] does. The path has no links.
    pub fn walk_below(&self, top: &Path, visit: &mut dyn FnMut(&Path, FoundMetadata) -> ControlFlow<()>) {
        let _: ControlFlow<()> = self.walk_all_below(top, visit);
    }

    fn walk_all_below(&self, top: &Path, visit: &mut dyn FnMut(&Path, FoundMetadata) -> ControlFlow<()>) -> ControlFlow<()> {
        let mut directories = vec![top.to_owned()];
        while !directories.is_empty() {
            let mut together = directories.split_off(directories.len().saturating_sub(READ_TOGETHER));
            together.reverse();
            self.prefetch(&together);
            let mut found = Vec::new();
            for directory in together {
                self.visit_entries(&directory, &mut found, visit)?;
            }
            directories.extend(found.into_iter().rev());
        }
        ControlFlow::Continue(())
    }

    /// Visits what a directory holds, and adds the directories among that.
    fn visit_entries(
        &self,
        directory: &Path,
        found: &mut Vec<PathBuf>,
        visit: &mut dyn FnMut(&Path, FoundMetadata) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let (mount, inner) = self.mount_of(directory);
        let entries = match mount.file_system.read_dir_with_metadata(&inner) {
            Ok(entries) => entries,
            Err(error) => return visit(directory, Err(error)),
        };
        for (name, metadata) in entries {
            let path = directory.join(name);
            // A directory that holds itself, in a damaged file system, ends here.
            if path.as_os_str().len() > LONGEST_PATH_BYTES {
                let why = "its path is too long".to_owned();
                return visit(directory, Err(TreeError::Damaged { path: directory.to_owned(), why }));
            }
            // What a mount hides lies apart.
            let is_hidden = self.is_mount_point(&path);
            let metadata = if is_hidden { self.symlink_metadata_resolved(&path) } else { metadata.map(|found| mount.marked(found)) };
            if matches!(&metadata, Ok(metadata) if metadata.kind == FileKind::Directory) {
                found.push(path.clone());
            }
            visit(&path, metadata)?;
        }
        ControlFlow::Continue(())
    }
}
