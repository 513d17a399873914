//! What goes round a change set when it is sent: its name, and its version's title.

use crate::model::ids::Slug;
use crate::model::version::Version;

/// The longest `ChangeSetName` in characters.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_StartChangeSet.html>
const LONGEST_NAME: usize = 100;

/// Returns the title that a version has on the Marketplace.
pub fn version_title(version: &Version) -> String {
    version.to_string()
}

/// Returns a change set's name: what it does to which product, in the characters that AWS allows.
pub fn change_set_name(product: &Slug, version: &Version, action: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " _+=.:@-".contains(c);
    format!("{product} {version}: {action}").chars().map(|c| if allowed(c) { c } else { '-' }).take(LONGEST_NAME).collect()
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
}
