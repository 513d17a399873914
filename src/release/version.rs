//! Which version comes next: upwards only, and none twice.

use crate::model::version::{Bump, Version};

/// A version that can't be released.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NextVersionError {
    /// It was released, or is being released by another run.
    #[error("version {0} is taken; a version is released once")]
    Taken(Version),
    /// A later one was released already.
    #[error("version {wanted} does not follow {latest}, the latest there is; versions only go up")]
    NotAfter {
        /// What was asked for.
        wanted: Version,
        /// The latest that was released, or that the listing has.
        latest: Version,
    },
}

/// Chooses the version of the next release.
///
/// `taken` are the versions sealed, `wanted` one that the user names. Without it, the first release
/// is 1.0.0; after a pre-release, a bump that its core version already makes ends the pre-release
/// (`2.0.0-rc.1` becomes `2.0.0` by any bump; `2.1.0-rc.1` by a minor or patch one).
///
/// # Errors
///
/// [`NextVersionError`] when the named version is taken or does not follow the latest.
pub fn next_version(taken: &[Version], bump: Bump, wanted: Option<&Version>) -> Result<Version, NextVersionError> {
    let latest = taken.iter().max();
    if let Some(wanted) = wanted {
        if taken.contains(wanted) {
            return Err(NextVersionError::Taken(wanted.clone()));
        }
        return match latest {
            Some(latest) if wanted < latest => Err(NextVersionError::NotAfter { wanted: wanted.clone(), latest: latest.clone() }),
            _ => Ok(wanted.clone()),
        };
    }
    let Some(latest) = latest else { return Ok(Version::new(1, 0, 0)) };
    let v = latest.semver();
    let core = Version::new(v.major, v.minor, v.patch);
    let ends_prerelease = latest.is_prerelease()
        && match bump {
            Bump::Major => v.minor == 0 && v.patch == 0,
            Bump::Minor => v.patch == 0,
            Bump::Patch => true,
        };
    if ends_prerelease {
        return Ok(core);
    }
    Ok(match bump {
        Bump::Major => Version::new(v.major + 1, 0, 0),
        Bump::Minor => Version::new(v.major, v.minor + 1, 0),
        Bump::Patch => Version::new(v.major, v.minor, v.patch + 1),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn versions(texts: &[&str]) -> Vec<Version> {
        texts.iter().map(|t| t.parse().unwrap()).collect()
    }

    #[test]
    fn the_next_version_follows_the_latest() {
        for (taken, bump, next) in [
            (vec![], Bump::Major, "1.0.0"),
            (vec!["1.0.0", "0.9.0"], Bump::Patch, "1.0.1"),
            (vec!["1.0.9", "1.2.3"], Bump::Minor, "1.3.0"),
            (vec!["1.2.3"], Bump::Major, "2.0.0"),
            (vec!["2.0.0-rc.1"], Bump::Major, "2.0.0"),
            (vec!["2.0.0-rc.1"], Bump::Patch, "2.0.0"),
            (vec!["2.0.1-rc.1"], Bump::Minor, "2.1.0"),
        ] {
            assert_eq!(next_version(&versions(&taken), bump, None).unwrap().to_string(), next, "{taken:?} {bump:?}");
        }
    }

    #[test]
    fn a_named_version_must_be_new_and_later() {
        let taken = versions(&["1.0.0", "1.1.0"]);
        let named = |v: &str| next_version(&taken, Bump::Patch, Some(&v.parse().unwrap()));
        assert!(matches!(named("1.0.0"), Err(NextVersionError::Taken(_))));
        assert!(matches!(named("1.0.5"), Err(NextVersionError::NotAfter { .. })));
        assert_eq!(named("1.2.0-rc.1").unwrap().to_string(), "1.2.0-rc.1");
    }

    proptest! {
        #[test]
        fn the_next_version_is_always_greater(core in (0u64..9, 0u64..9, 0u64..9), pre in "(-rc\\.[0-9])?", bump in 0..3) {
            let latest: Version = format!("{}.{}.{}{}", core.0, core.1, core.2, pre).parse().unwrap();
            let bump = [Bump::Major, Bump::Minor, Bump::Patch][bump as usize];
            prop_assert!(next_version(std::slice::from_ref(&latest), bump, None).unwrap() > latest);
        }
    }
}
