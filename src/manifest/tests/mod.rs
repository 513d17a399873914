//! Whole manifests, from folder to product or faults.

mod codes;
mod limits;
mod sarif;
mod schema;
mod variants;
mod workspaces;

use std::fs;
use std::path::Path;

use jiff::civil::date;

use super::{Code, Faults, Judge, Workspace, scaffold};
use crate::model::ids::Slug;

/// A judge of 23 November 2026 who knows some rules, and whom every payload suits.
const JUDGE: Judge = Judge {
    rules: &["AMI-HIS-001", "AMI-PWD-003", "AMI-SEC-001", "AMI-SEC-002", "AMI-SEC-005"],
    today: Some(date(2026, 11, 23)),
    ..Judge::LENIENT
};

/// A workspace with one product that nothing is wrong with.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in scaffold(&slug()) {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        Self { folder }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn product(&self) -> std::path::PathBuf {
        self.root().join("products/demo")
    }

    /// Replaces a part of the manifest that must be there.
    fn edit(&self, from: &str, to: &str) -> &Self {
        let path = self.product().join("product.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "the scaffold holds {from:?}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
        self
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.product().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn workspace(&self) -> Workspace {
        Workspace::find(self.root()).unwrap()
    }

    fn check(&self) -> Faults {
        self.workspace().check(&slug(), None, &JUDGE)
    }

    fn codes(&self) -> Vec<Code> {
        self.check().list().iter().map(|fault| fault.code).collect()
    }
}

fn slug() -> Slug {
    "demo".parse().unwrap()
}
