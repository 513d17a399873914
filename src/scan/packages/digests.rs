//! A file's digest, of the kinds that its packages know it by.

use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::Sha256;

use super::ownership::{Expected, Owned};

/// What is digested of a file that packages may have brought: of any other, nothing.
#[derive(Default)]
pub(in crate::scan) struct Digests {
    md5: Option<Md5>,
    sha1: Option<Sha1>,
    sha256: Option<Sha256>,
}

impl Digests {
    /// Digests a file as what is known of its names asks for.
    pub(in crate::scan) fn of<'a, 'o: 'a>(owners: impl Iterator<Item = &'a Owned<'o>> + Clone) -> Self {
        let any = |of: fn(&Expected) -> bool| owners.clone().flat_map(|owned| &owned.digests).any(of);
        Self {
            md5: any(|expected| matches!(expected, Expected::Md5(_))).then(Md5::new),
            sha1: any(|expected| matches!(expected, Expected::Sha1(_))).then(Sha1::new),
            sha256: any(|expected| matches!(expected, Expected::Sha256(_))).then(Sha256::new),
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

    /// Returns the digests, the file having been taken whole.
    pub(in crate::scan) fn finish(self) -> Digested {
        Digested {
            md5: self.md5.map(|digest| digest.finalize().into()),
            sha1: self.sha1.map(|digest| digest.finalize().into()),
            sha256: self.sha256.map(|digest| digest.finalize().into()),
        }
    }
}

/// The digests of a whole file.
pub(in crate::scan) struct Digested {
    md5: Option<[u8; 16]>,
    sha1: Option<[u8; 20]>,
    sha256: Option<[u8; 32]>,
}

impl Digested {
    /// Tells whether the file is as one of the packages brought it; none if no package says how that is.
    pub(in crate::scan) fn confirm(&self, owned: &Owned) -> Option<bool> {
        let is = |expected: &Expected| match expected {
            Expected::Md5(_) => self.md5.is_some_and(|digest| expected.is(&digest)),
            Expected::Sha1(_) => self.sha1.is_some_and(|digest| expected.is(&digest)),
            Expected::Sha256(_) => self.sha256.is_some_and(|digest| expected.is(&digest)),
        };
        (!owned.digests.is_empty()).then(|| owned.digests.iter().any(is))
    }
}
