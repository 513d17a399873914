//! What goes wrong inside, before it is known which path it is about.

use std::error::Error;
use std::path::Path;

use super::source::SourceError;
use super::tree::TreeError;

/// Why something can't be read.
#[derive(Debug)]
pub(super) enum Fault {
    NotFound,
    /// It is not what was wanted, named with its article.
    WrongKind(&'static str),
    /// A structure contradicts itself or another; a lowercase fragment.
    Damaged(String),
    Encrypted,
    Source(SourceError),
}

impl Fault {
    pub fn damaged(why: impl Into<String>) -> Self {
        Self::Damaged(why.into())
    }

    /// Says why, where it is about no path; a lowercase fragment.
    pub fn why(self) -> String {
        match self {
            Self::NotFound => "it is not there".to_owned(),
            Self::WrongKind(wanted) => format!("it is not {wanted}"),
            Self::Damaged(why) => why,
            Self::Encrypted => "it is encrypted".to_owned(),
            Self::Source(source) => with_causes(&source),
        }
    }

    /// Says which path it is about.
    pub fn at(self, path: &Path) -> TreeError {
        let path = path.to_owned();
        match self {
            Self::NotFound => TreeError::NotFound { path },
            Self::WrongKind(wanted) => TreeError::WrongKind { path, wanted },
            Self::Damaged(why) => TreeError::Damaged { path, why },
            Self::Encrypted => TreeError::Encrypted { path },
            Self::Source(source) => TreeError::Source { path, source },
        }
    }
}

impl From<SourceError> for Fault {
    fn from(source: SourceError) -> Self {
        Self::Source(source)
    }
}

/// An error with all that it was caused by.
pub(super) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// What a structure that ends too early comes to.
pub(super) fn cut_off(what: &str) -> Fault {
    Fault::Damaged(format!("{what} is cut off"))
}
