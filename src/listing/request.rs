//! What goes round a change set when it is sent: its name, and its version's title.

use crate::model::ids::Slug;
use crate::model::version::Version;

/// The longest `ChangeSetName` in characters.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_StartChangeSet.html>
const LONGEST_NAME: usize = 100;

/// What a change set does that lists a product for the first time.
pub const FIRST_LISTING: &str = "first listing";
/// What one does that adds a version to a listing.
pub const NEW_VERSION: &str = "new version";
/// What one does that is only to be validated: it submits nothing.
pub const REHEARSAL: &str = "rehearsal";

/// Returns the title that a version has on the Marketplace.
pub fn version_title(version: &Version) -> String {
    version.to_string()
}

/// Returns a change set's name: what it does to which product, in the characters that AWS allows.
pub fn change_set_name(product: &Slug, version: &Version, action: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " _+=.:@-".contains(c);
    format!("{product} {version}: {action}").chars().map(|c| if allowed(c) { c } else { '-' }).take(LONGEST_NAME).collect()
}

/// Tells whether a change set of this name may have submitted a version of a product: others' and rehearsals don't.
pub fn names_submission(name: &str, product: &Slug) -> bool {
    let rest = name.strip_prefix(product.as_str()).and_then(|rest| rest.strip_prefix(' '));
    rest.is_some_and(|rest| !rest.ends_with(&format!(": {REHEARSAL}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_to_its_pattern() {
        let slug: Slug = "hello-web".parse().unwrap();
        let version: Version = "2.0.0-rc.1".parse().unwrap();
        assert_eq!(change_set_name(&slug, &version, "first listing (new), \"a/b\""), "hello-web 2.0.0-rc.1: first listing -new-- -a-b-");
        assert_eq!(change_set_name(&slug, &version, &"x".repeat(200)).chars().count(), LONGEST_NAME);
    }

    #[test]
    fn submissions_are_told_by_their_names() {
        let slug: Slug = "hello-web".parse().unwrap();
        let name = |action| change_set_name(&slug, &"1.0.0".parse().unwrap(), action);
        assert!(names_submission(&name(FIRST_LISTING), &slug) && names_submission(&name(NEW_VERSION), &slug));
        assert!(!names_submission(&name(REHEARSAL), &slug));
        for other in ["hello-web-2 1.0.0: new version", "Update prices", "hello-web", ""] {
            assert!(!names_submission(other, &slug), "{other}");
        }
    }
}
