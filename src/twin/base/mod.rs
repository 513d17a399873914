//! Base images for the twin: built from a distribution's packages, or imported from a file.

pub mod debian;
mod import;
mod sources;
mod tool;

pub use import::{ImportError, Imported, import};
pub use sources::{Mirror, Sources};

use std::path::PathBuf;

use crate::twin::machines::BootMode;

/// A base image: a raw disk, ready to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The disk: a sparse raw file.
    pub disk: PathBuf,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its name, such as `debian-13-amd64-20261123`.
    pub name: String,
    /// What it is, in a line.
    pub description: String,
    /// How it is started.
    pub boot_mode: BootMode,
}

/// A base image that could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A program is missing.
    #[error("{program} is not installed")]
    Missing {
        /// The program or file.
        program: String,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// Neither apt's configuration nor mmdebstrap names an archive of Debian.
    #[error("no address of a Debian archive that ends in {end} is known on this machine")]
    NoArchive {
        /// `/debian` or `/debian-security`.
        end: &'static str,
    },
    /// A program failed.
    #[error("{step} failed: {said}")]
    Failed {
        /// What it was to do.
        step: &'static str,
        /// The last lines that it wrote.
        said: String,
    },
    /// A file could not be used.
    #[error("{what} failed")]
    Io {
        /// What was tried.
        what: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl BuildError {
    /// Returns what the user can do about it, where something is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { package, .. } => Some(format!("install it: apt-get install {package}")),
            Self::NoArchive { .. } => Some("name Debian's archives in a file in /etc/apt/sources.list.d".to_owned()),
            _ => None,
        }
    }

    fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
