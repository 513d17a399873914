//! A file's digest, of the kind that its packages know it by.

use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::Sha256;

use super::ownership::{Expected, Owned};

/// What is digested of a file that a package may have brought: of any other, nothing.
#[derive(Default)]
pub(in crate::scan) struct Digests<'a> {
    expected: Vec<Expected<'a>>,
    md5: Option<Md5>,
    sha1: Option<Sha1>,
    sha256: Option<Sha256>,
}

impl<'a> Digests<'a> {
    /// Digests a file as its packages have it.
    pub(in crate::scan) fn of(owned: Option<&Owned<'a>>) -> Self {
        let expected = owned.map(|owned| owned.digests.clone()).unwrap_or_default();
        let any = |of: fn(&Expected) -> bool| expected.iter().any(of);
        Self {
            md5: any(|expected| matches!(expected, Expected::Md5(_))).then(Md5::new),
            sha1: any(|expected| matches!(expected, Expected::Sha1(_))).then(Sha1::new),
            sha256: any(|expected| matches!(expected, Expected::Sha256(_))).then(Sha256::new),
            expected,
        }
    }

    /// Takes the file's next bytes.
    pub(in crate::scan) fn update(&mut self, bytes: &[u8]) {
        if let Some(digest) = &mut self.md5 {
            digest.update(bytes);
        }
        if let Some(digest) = &mut self.sha1 {
            digest.update(bytes);
        }
        if let Some(digest) = &mut self.sha256 {
            digest.update(bytes);
        }
    }

    /// Tells whether the file is as one of its packages brought it; none if no package says how that is.
    pub(in crate::scan) fn confirms(self) -> Option<bool> {
        let (md5, sha1, sha256) = (self.md5.map(Md5::finalize), self.sha1.map(Sha1::finalize), self.sha256.map(Sha256::finalize));
        let is = |expected: &Expected| match expected {
            Expected::Md5(_) => md5.is_some_and(|digest| expected.is(&digest)),
            Expected::Sha1(_) => sha1.is_some_and(|digest| expected.is(&digest)),
            Expected::Sha256(_) => sha256.is_some_and(|digest| expected.is(&digest)),
        };
        (!self.expected.is_empty()).then(|| self.expected.iter().any(is))
    }
}
