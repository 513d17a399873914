//! Planning and carrying out, one round after the other, until nothing is left.

use std::collections::BTreeSet;

use super::ship::Approval;
use crate::engine::{EngineError, Next};
use crate::failure::Failure;
use crate::model::digest::Digest;
use crate::model::listing_set::ListingSet;
use crate::model::plan::{Plan, Step};
use crate::ui::Ui;

/// How often a command plans anew because somebody else has changed the listing in between.
const MOST_MOVES: u32 = 5;

/// What a command has planned and carried out so far, so that it comes to an end.
#[derive(Debug, Default)]
pub struct Rounds {
    before: Option<Digest>,
    changed: BTreeSet<Digest>,
    agreed: BTreeSet<Digest>,
    moves: u32,
}

impl Rounds {
    /// Tells whether anything was carried out before.
    pub fn is_first(&self) -> bool {
        self.before.is_none()
    }

    /// Takes up what is planned next; false when there is nothing left that carrying out would change.
    ///
    /// # Errors
    ///
    /// When it is a change of the listing that succeeded already: sent again it would again change nothing.
    pub fn take(&mut self, next: &Next) -> Result<bool, Failure> {
        let plan = next.plan();
        if matches!(next, Next::Nothing { .. }) || self.before.as_ref() == Some(&plan.digest()) {
            return Ok(false);
        }
        if let Some(again) = sets(plan).find(|set| self.changed.contains(&set.wish()) && !matches!(next, Next::Continue { .. })) {
            let fields: BTreeSet<&str> = again.changes.iter().map(|change| change.field.as_str()).collect();
            let changes: Vec<String> = again.changes.iter().map(ToString::to_string).collect();
            return Err(Failure::other(
                format!(
                    "the Marketplace took the change of {} and yet says it otherwise: {}",
                    fields.into_iter().collect::<Vec<_>>().join(", "),
                    changes.join("; ")
                ),
                "write in the manifest what the Marketplace has made of it, as `bakehouse list plan` shows it",
            ));
        }
        self.before = Some(plan.digest());
        Ok(true)
    }

    /// Approves what was approved before: changes that are planned anew as they were, against a listing that has moved.
    pub fn approval(&self, approval: &Approval, plan: &Plan) -> Approval {
        let is_agreed =
            !plan.is_empty() && sets(plan).count() == plan.steps.len() && sets(plan).all(|set| self.agreed.contains(&set.wish()));
        Approval { yes: approval.yes || is_agreed, approve: approval.approve.clone() }
    }

    /// Takes up how the round ended. One in which the listing moved is none: what is left is planned anew.
    ///
    /// # Errors
    ///
    /// Any other end, and that one when it comes again and again.
    pub fn end(&mut self, plan: &Plan, end: Result<(), Failure>, ui: &Ui) -> Result<(), Failure> {
        match end {
            Ok(()) => self.changed.extend(sets(plan).map(ListingSet::wish)),
            Err(Failure::Engine(moved)) if matches!(*moved, EngineError::ListingMoved { .. }) && self.moves < MOST_MOVES => {
                ui.say(&format!("{moved}; what is left is planned anew"));
                self.moves += 1;
                self.before = Some(Digest::of(""));
                self.agreed.extend(sets(plan).map(ListingSet::wish));
            }
            Err(other) => return Err(other),
        }
        Ok(())
    }
}

fn sets(plan: &Plan) -> impl Iterator<Item = &ListingSet> {
    plan.steps.iter().filter_map(|planned| match &planned.step {
        Step::ChangeListing { set, .. } => Some(&**set),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::model::listing_set::FieldChange;
    use crate::model::plan::Planned;

    fn next(title: &str, revision: u64) -> Next {
        let entity = "prod-abcdefghijklm".parse().unwrap();
        let change = FieldChange {
            field: "title".to_owned(),
            key: None,
            before: Some("Old".to_owned()),
            after: Some(title.to_owned()),
            per_cent: None,
        };
        let set = ListingSet {
            name: "texts".to_owned(),
            request: json!({ "ProductTitle": title }),
            based_on: BTreeMap::from([(entity, revision)]),
            changes: vec![change],
            takes: "minutes".to_owned(),
            irreversible: vec!["it can't be undone".to_owned()],
            rises: Vec::new(),
        };
        let step = Step::ChangeListing { set: Box::new(set), asked: false };
        let plan = Plan {
            format: Plan::FORMAT,
            target: "twin".to_owned(),
            account: "111122223333".parse().unwrap(),
            variant: "web.x86_64".parse().unwrap(),
            version: "1.0.0".parse().unwrap(),
            input: Digest::of(""),
            steps: vec![Planned { step, why: "it differs".to_owned(), irreversible: true }],
            obstacles: Vec::new(),
            notices: Vec::new(),
        };
        Next::Begin { plan, superseded: None, head: None }
    }

    fn moved() -> Result<(), Failure> {
        let entity = "prod-abcdefghijklm".parse().unwrap();
        Err(Failure::from(EngineError::ListingMoved { entity, planned: 1, found: 2 }))
    }

    #[test]
    fn a_change_that_took_no_effect_is_not_sent_again() {
        let (mut rounds, ui) = (Rounds::default(), Ui::new());
        let (first, again) = (next("A  title", 1), next("A  title", 2));
        assert!(rounds.is_first() && rounds.take(&first).unwrap());
        rounds.end(first.plan(), Ok(()), &ui).unwrap();
        let told = rounds.take(&again).unwrap_err().to_string();
        assert!(told.contains("title Old → A  title"), "{told}");
        assert!(rounds.take(&next("Another", 2)).unwrap(), "what else is left goes on");
    }

    #[test]
    fn the_same_plan_is_not_carried_out_twice() {
        let mut rounds = Rounds::default();
        assert!(rounds.take(&next("A title", 1)).unwrap());
        assert!(!rounds.take(&next("A title", 1)).unwrap() && !rounds.is_first());
    }

    #[test]
    fn what_was_agreed_to_stays_agreed_to_when_the_listing_moves_and_nothing_else_does() {
        let (mut rounds, ui) = (Rounds::default(), Ui::new());
        let asks = Approval { yes: false, approve: Vec::new() };
        let first = next("A title", 1);
        assert!(!rounds.approval(&asks, first.plan()).yes);
        for _ in 0..MOST_MOVES {
            rounds.take(&first).unwrap();
            rounds.end(first.plan(), moved(), &ui).unwrap();
        }
        assert!(rounds.take(&next("A title", 2)).unwrap());
        assert!(rounds.approval(&asks, next("A title", 2).plan()).yes);
        assert!(!rounds.approval(&asks, next("Another", 2).plan()).yes);
        assert!(rounds.end(first.plan(), moved(), &ui).is_err(), "it comes to an end");
    }
}
