//! The templates of change sets and release notes: embedded, or a product's own.

use std::collections::BTreeMap;

/// The template of a first listing: product, version and public offer in one change set.
pub(super) const FIRST_LISTING: &str = "change-sets/first-listing.json.hbs";
/// The template of a new version of a product.
pub(super) const ADD_VERSION: &str = "change-sets/add-version.json.hbs";
/// The template of a version's details, which both change sets hold.
pub(super) const DELIVERY_OPTIONS: &str = "change-sets/delivery-options.json.hbs";
/// The template of release notes, for manifests that have none.
pub(super) const RELEASE_NOTES: &str = "notes/release.md.hbs";

const EMBEDDED: [(&str, &str); 4] = [
    (FIRST_LISTING, include_str!("../../templates/change-sets/first-listing.json.hbs")),
    (ADD_VERSION, include_str!("../../templates/change-sets/add-version.json.hbs")),
    (DELIVERY_OPTIONS, include_str!("../../templates/change-sets/delivery-options.json.hbs")),
    (RELEASE_NOTES, include_str!("../../templates/notes/release.md.hbs")),
];

/// The templates that listings are made from, by their path under `templates/`.
#[derive(Debug, Clone)]
pub struct Templates(BTreeMap<&'static str, String>);

/// Says that a product overrides a template that listings don't have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no template {name:?} to override; there are {}", EMBEDDED.map(|(name, _)| name).join(", "))]
pub struct UnknownTemplate {
    /// What was found.
    pub name: String,
}

impl Templates {
    /// Returns the embedded templates.
    pub fn embedded() -> Self {
        Self(EMBEDDED.into_iter().map(|(name, text)| (name, text.to_owned())).collect())
    }

    /// Returns the embedded templates with a product's own in their place, by path.
    ///
    /// # Errors
    ///
    /// [`UnknownTemplate`] for a path that isn't embedded: an override that nothing reads is a
    /// mistake in its name.
    pub fn with_overrides(overrides: BTreeMap<String, String>) -> Result<Self, UnknownTemplate> {
        let mut templates = Self::embedded();
        for (name, text) in overrides {
            match templates.0.get_mut(name.as_str()) {
                Some(template) => *template = text,
                None => return Err(UnknownTemplate { name }),
            }
        }
        Ok(templates)
    }

    pub(super) fn get(&self, name: &'static str) -> &str {
        self.0.get(name).expect("the map begins with every embedded template and loses none")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_of_nothing_is_refused_by_name() {
        let overrides = |name: &str| Templates::with_overrides(BTreeMap::from([(name.to_owned(), "mine".to_owned())]));
        assert_eq!(overrides(RELEASE_NOTES).unwrap().get(RELEASE_NOTES), "mine");
        let error = overrides("notes/relase.md.hbs").unwrap_err().to_string();
        assert!(error.contains("notes/relase.md.hbs") && error.contains(RELEASE_NOTES), "{error}");
    }
}
