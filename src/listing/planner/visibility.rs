//! Who sees a product at all: asked for by a command, never by the manifest.

use super::{Case, Obstacle, ObstacleCode, Outcome, Part, Stage};
use crate::listing::diff;
use crate::listing::entity::Visibility;
use crate::model::change_set::Details;

pub(super) fn plan(case: &Case, outcome: &mut Outcome) {
    let Some(wanted) = case.desired.visibility else { return };
    let live = case.product.visibility();
    let word = wanted.target_visibility.as_str();
    let Some(change) = diff::value("visibility", live.map(ToString::to_string), Some(word.to_owned())) else { return };
    // Each of the three can become each of the others. Source: Catalog API, "Update visibility".
    if !matches!(live, Some(Visibility::Limited | Visibility::Public | Visibility::Restricted)) {
        let reason = format!("the product was never released, so it can't become {word}");
        return outcome.obstacles.push(Obstacle::of(ObstacleCode::Visibility, change, reason));
    }
    let details = vec![Details::UpdateVisibility(wanted.clone())];
    outcome.parts.push(Part { stage: Stage::Visibility, name: "visibility", details, changes: vec![change], irreversible: Vec::new() });
}
