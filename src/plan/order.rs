//! What each step of a plan has to wait for.

use std::collections::BTreeSet;

use crate::model::ids::Region;
use crate::model::plan::{Planned, Step};

/// Returns, for each step, the places of the steps that must be done before it begins.
///
/// ```text
/// claim → bake → scan → {boot, checksum} → release → grants in the Marketplace's Region → listing
///                                                  → copies → grants there
///                                                  → changes of the listing → listing
/// ```
///
/// The digests wait for the scan: blocks that it has read need not be read again, and what it stops
/// needs none. Grants of one Region follow one another, for they change the same image.
pub fn needs(steps: &[Planned]) -> Vec<BTreeSet<usize>> {
    let places = |wanted: &dyn Fn(&Step) -> bool| -> BTreeSet<usize> {
        steps.iter().enumerate().filter(|(_, planned)| wanted(&planned.step)).map(|(place, _)| place).collect()
    };
    let needs_of = |(place, planned): (usize, &Planned)| match &planned.step {
        Step::Claim | Step::FollowChangeSet { .. } | Step::MeasureBase { .. } => BTreeSet::new(),
        Step::Bake { .. } => places(&|s| matches!(s, Step::Claim)),
        Step::Scan => places(&|s| matches!(s, Step::Bake { .. })),
        Step::Boot => places(&|s| matches!(s, Step::Bake { .. } | Step::Scan)),
        Step::Checksum => places(&|s| matches!(s, Step::Bake { .. } | Step::Scan)),
        // Whatever stands before the seal is a condition of it.
        Step::Release => (0..place).collect(),
        Step::Copy { .. } => places(&|s| matches!(s, Step::Release)),
        Step::Grant { region, .. } => {
            let mut needed = places(&|s| is_image_of(s, region));
            needed.extend(places(&|s| is_grant_in(s, region)).range(..place).next_back());
            needed
        }
        // One after the other, on a listing that the one before has changed; a release that does not come about changes none.
        Step::ChangeListing { .. } => {
            let mut needed = places(&|s| matches!(s, Step::Release | Step::FollowChangeSet { .. }));
            needed.extend(places(&is_change).range(..place).next_back());
            needed
        }
        Step::CreateListing { .. } | Step::AddVersion { .. } => {
            let region = Region::marketplace();
            places(&|s| is_image_of(s, &region) || is_grant_in(s, &region) || is_change(s))
        }
    };
    steps.iter().enumerate().map(needs_of).collect()
}

/// Tells whether a step seals the image or makes the one of a Region.
fn is_image_of(step: &Step, wanted: &Region) -> bool {
    matches!(step, Step::Release) || matches!(step, Step::Copy { region } if region == wanted)
}

fn is_change(step: &Step) -> bool {
    matches!(step, Step::ChangeListing { .. })
}

fn is_grant_in(step: &Step, wanted: &Region) -> bool {
    matches!(step, Step::Grant { region, .. } if region == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::BaseRecord;

    fn plan(steps: Vec<Step>) -> Vec<Planned> {
        steps.into_iter().map(|step| Planned { step, why: String::new(), irreversible: false }).collect()
    }

    fn grant(region: &str, account: &str) -> Step {
        Step::Grant { region: region.parse().unwrap(), account: account.parse().unwrap(), snapshots: true }
    }

    fn copy(region: &str) -> Step {
        Step::Copy { region: region.parse().unwrap() }
    }

    fn needs_of(steps: Vec<Step>) -> Vec<Vec<usize>> {
        needs(&plan(steps)).into_iter().map(|needed| needed.into_iter().collect()).collect()
    }

    #[test]
    fn a_whole_release_is_sealed_by_all_before_and_listed_beside_its_copies() {
        let base =
            BaseRecord { image: "ami-0123456789abcdef0".parse().unwrap(), name: "base".to_owned(), owner: "136693071363".parse().unwrap() };
        let steps = vec![
            Step::Claim,
            Step::Bake { base, image_name: "name".to_owned(), region: Region::marketplace(), anew: false },
            Step::Scan,
            Step::Checksum,
            Step::Release,
            copy("eu-central-1"),
            grant("eu-central-1", "111122223333"),
            grant("us-east-1", "111122223333"),
            grant("us-east-1", "679593333241"),
            Step::CreateListing { draft: None, regions: BTreeSet::new() },
        ];
        let expected: [&[usize]; 10] = [&[], &[0], &[1], &[1, 2], &[0, 1, 2, 3], &[4], &[4, 5], &[4], &[4, 7], &[4, 7, 8]];
        assert_eq!(needs_of(steps), expected);
    }

    #[test]
    fn an_image_baked_elsewhere_is_listed_once_its_copy_is_there() {
        let list = Step::AddVersion { product: "prod-abcdefghijklm".parse().unwrap() };
        let steps = vec![copy("eu-west-1"), copy("us-east-1"), grant("us-east-1", "679593333241"), list];
        assert_eq!(needs_of(steps), [vec![], vec![], vec![1], vec![1, 2]]);
    }

    #[test]
    fn what_was_submitted_is_followed_at_once() {
        let follow = Step::FollowChangeSet { change_set: "0123456789abcdefghijklmno".parse().unwrap() };
        assert_eq!(needs_of(vec![copy("eu-west-1"), follow]), [Vec::<usize>::new(), vec![]]);
    }

    #[test]
    fn nothing_waits_for_what_comes_later() {
        let steps = plan(vec![copy("us-east-1"), grant("us-east-1", "679593333241"), grant("us-east-1", "111122223333")]);
        assert!(needs(&steps).iter().enumerate().all(|(place, needed)| needed.iter().all(|before| *before < place)));
    }
}
