//! Who sees a product: the one change that people review, alone in its set.

use std::collections::BTreeMap;

use super::Entity;
use super::entity::{AmiProduct, Visibility};
use crate::model::change_set::product::{TargetVisibility, UpdateVisibility};
use crate::model::change_set::{Change, ChangeSet, Details, EntityRef};
use crate::model::ids::EntityId;
use crate::model::listing_set::{FieldChange, ListingSet};

/// Why a product's visibility can't be changed so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VisibilityError {
    /// It is that already.
    #[error("the product is {0} already")]
    Already(String),
    /// AWS takes no such step.
    #[error("a {from} product can't be made {to}; AWS makes a draft limited by releasing it")]
    NoWay {
        /// What it is.
        from: String,
        /// What it was to be.
        to: &'static str,
    },
    /// Only who loses a product is pointed to another.
    #[error("a replacement is named for a product that is to be restricted, and for no other")]
    Replacement,
}

/// Makes the change set of another visibility.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/APIReference/ami-products.html#ami-update-visibility>.
///
/// # Errors
///
/// [`VisibilityError`].
pub fn change_visibility(
    product: &Entity<AmiProduct>,
    target: TargetVisibility,
    replacement: Option<EntityId>,
) -> Result<ListingSet, VisibilityError> {
    let to = target.as_str();
    if replacement.is_some() && target != TargetVisibility::Restricted {
        return Err(VisibilityError::Replacement);
    }
    let from = match product.details.visibility() {
        Some(is @ (Visibility::Limited | Visibility::Public | Visibility::Restricted)) => is.to_string(),
        other => return Err(VisibilityError::NoWay { from: other.map(ToString::to_string).unwrap_or_default(), to }),
    };
    if from == to {
        return Err(VisibilityError::Already(from));
    }
    let change = Change {
        entity: Some(EntityRef::Existing { id: product.id.clone(), revision: None }),
        name: None,
        details: Details::UpdateVisibility(UpdateVisibility { target_visibility: target, replacement_product_id: replacement.clone() }),
    };
    let shown = |field: &str, before: Option<String>, after: String| FieldChange {
        field: field.to_owned(),
        key: None,
        before,
        after: Some(after),
        per_cent: None,
    };
    let mut changes = vec![shown("visibility", Some(from), to.to_owned())];
    changes.extend(
        replacement.map(|id| shown("replacement product", product.details.description.replacement_product_id.clone(), id.to_string())),
    );
    Ok(ListingSet {
        name: format!("visibility {}", to.to_lowercase()),
        request: ChangeSet { name: None, changes: vec![change] }.to_json(),
        based_on: BTreeMap::from([(product.id.clone(), product.revision)]),
        changes,
        takes: "7 to 10 business days and at most 37, while people review it and nothing else of the product can be changed".to_owned(),
        // From each of the three there is a way back to the others.
        irreversible: Vec::new(),
        rises: Vec::new(),
    })
}
