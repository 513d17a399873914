//! A few files in memory, as a file system.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bakehouse::disk::{Attributes, DirectoryEntry, FileKind, FileSystem, Metadata, TreeError};

/// Files by their paths, with the directories that they lie in.
#[derive(Clone)]
pub struct MemoryTree(Arc<BTreeMap<PathBuf, Option<Vec<u8>>>>);

impl MemoryTree {
    /// Makes one of files: path and content.
    pub fn of(files: &[(&str, &[u8])]) -> Self {
        let mut nodes = BTreeMap::new();
        for (path, content) in files {
            Path::new(path).ancestors().skip(1).for_each(|parent| drop(nodes.insert(parent.to_owned(), None)));
            nodes.insert(PathBuf::from(path), Some(content.to_vec()));
        }
        Self(Arc::new(nodes))
    }

    fn get(&self, path: &Path) -> Result<Option<&[u8]>, TreeError> {
        let node = self.0.get(path).ok_or_else(|| TreeError::NotFound { path: path.to_owned() })?;
        Ok(node.as_deref())
    }
}

impl FileSystem for MemoryTree {
    fn metadata(&self, path: &Path) -> Result<Metadata, TreeError> {
        Ok(match self.get(path)? {
            Some(content) => Metadata { size_bytes: content.len() as u64, mode: 0o755, ..Metadata::new(FileKind::File) },
            None => Metadata { mode: 0o755, ..Metadata::new(FileKind::Directory) },
        })
    }

    fn read_dir(&self, path: &Path) -> Result<Vec<DirectoryEntry>, TreeError> {
        if self.get(path)?.is_some() {
            return Err(TreeError::WrongKind { path: path.to_owned(), wanted: "a directory" });
        }
        let kind = |content: &Option<Vec<u8>>| if content.is_some() { FileKind::File } else { FileKind::Directory };
        let children = self.0.iter().filter(|(child, _)| child.parent() == Some(path));
        Ok(children
            .filter_map(|(child, content)| Some(DirectoryEntry { name: child.file_name()?.to_owned(), kind: kind(content) }))
            .collect())
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, TreeError> {
        self.get(path)?;
        Err(TreeError::WrongKind { path: path.to_owned(), wanted: "a link" })
    }

    fn read(&self, path: &Path, sink: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), TreeError> {
        let content = self.get(path)?.ok_or_else(|| TreeError::WrongKind { path: path.to_owned(), wanted: "a regular file" })?;
        let _ = content.chunks(4096).try_for_each(sink);
        Ok(())
    }

    fn attributes(&self, path: &Path) -> Result<Attributes, TreeError> {
        self.get(path).map(|_| Attributes::new())
    }
}
