//! The stable codes of what a plan can't have of a listing: why, and what to do.

use std::fmt::Write as _;

use crate::model::obstacle::ObstacleCode;
use crate::rules::names::nearest;

/// How the codes begin.
pub const FAMILY: &str = "obstacle/";

/// What is told of a code; sentences.
struct About {
    meaning: &'static str,
    why: &'static str,
    remedy: &'static str,
}

/// Explains a code by itself, for the terminal.
pub fn explained(code: ObstacleCode) -> String {
    let About { meaning, why, remedy } = about(code);
    format!("{code}\n\n{meaning}\n\nwhy: {why}\nwhat to do: {remedy}\n")
}

/// Returns the part of docs/faults.md on obstacles: every code with its explanation.
pub fn obstacles_page() -> String {
    let mut page = String::from(
        "# What can't be had of a listing\n\n\
         Differences between manifest and live listing that `list plan` shows and never sends: AWS refuses them, or nothing can be sent yet.\n\
         The code stands in brackets after the reason, and as `code` of an obstacle in JSON.\n",
    );
    for code in ObstacleCode::ALL {
        let About { meaning, why, remedy } = about(*code);
        let _ = write!(page, "\n## {code}\n\n{meaning}\n\n**Why.** {why}\n\n**What to do.** {remedy}\n");
    }
    page
}

/// Finds a code by its name, with its family or without.
///
/// # Errors
///
/// Says that there is none, and which is next to it.
pub fn obstacle_named(name: &str) -> Result<ObstacleCode, String> {
    let whole = |name: &str| if name.starts_with(FAMILY) { name.to_owned() } else { format!("{FAMILY}{name}") };
    let wanted = whole(name);
    ObstacleCode::ALL.iter().copied().find(|code| code.as_str() == wanted).ok_or_else(|| {
        let near = nearest(&wanted, ObstacleCode::ALL.iter().map(|code| code.as_str()));
        let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        format!("there is no code {:?}{hint}", name.chars().take(60).collect::<String>())
    })
}

/// Sources: AWS Marketplace Catalog API reference, "Work with public offers" and "Work with single-AMI products":
/// <https://docs.aws.amazon.com/marketplace/latest/APIReference/work-with-public-offers.html>,
/// <https://docs.aws.amazon.com/marketplace/latest/APIReference/work-with-single-ami-products.html>.
fn about(code: ObstacleCode) -> About {
    match code {
        ObstacleCode::PricingModel => About {
            meaning: "The manifest has another pricing model than the released offer.",
            why: "A released offer keeps its pricing model; AWS refuses another (INCOMPATIBLE_PRICING_MODEL).",
            remedy: "Give `listing.pricing.model` the offer's model again, or list the other one as another product.",
        },
        ObstacleCode::PricingTerms => About {
            meaning: "The manifest adds terms to the released offer that can't be added, or lacks terms that it has.",
            why: "A released offer keeps its terms (INCOMPATIBLE_TERMS): a year's prices can be added to hourly ones, nothing else, and nothing goes.",
            remedy: "Write the monthly prices, the year's prices and the free trial into `listing.pricing` as the offer has them; what is to be \
                     sold otherwise is another product.",
        },
        ObstacleCode::PriceLocked => About {
            meaning: "Prices were raised, and the rise has not taken effect yet.",
            why: "A rise takes effect on the first of the month after 90 days' notice to buyers; before that AWS takes no other \
                  (INVALID_PRICE_CHANGE), and nothing takes it back.",
            remedy: "Apply the plan again after the day that it names; prices that fall, and those of new instance types, are applied meanwhile.",
        },
        ObstacleCode::Unpriced => About {
            meaning: "An instance type is on sale, or is to be, and the manifest has no price for it.",
            why: "What AWS meters needs a price, and no rate can be taken away from a released offer (INCOMPATIBLE_RATES).",
            remedy: "Give the instance type its price in `listing.pricing`, the year's too if others have one.",
        },
        ObstacleCode::UnreadablePrices => About {
            meaning: "The live prices are of a form that can't be read, so that none can be changed.",
            why: "A change of prices sends all of them again; what isn't understood would be lost or changed with it.",
            remedy: "Change the prices in the Management Portal, or bring them there into the form of prices by the hour that a manifest can say.",
        },
        ObstacleCode::RestrictedDimension => About {
            meaning: "An instance type was restricted, and the manifest sells it again.",
            why: "What AWS meters and was restricted has no way back (INVALID_DIMENSION).",
            remedy: "Take the instance type out of `listing.instance-types` and its prices, and offer another in its place.",
        },
        ObstacleCode::RecommendedInstanceType => About {
            meaning: "A version recommends an instance type that isn't to be on sale.",
            why: "AWS restricts no instance type that a version recommends which buyers can have (RECOMMENDED_INSTANCE_TYPE_RESTRICTED), and lets no \
                  version recommend what isn't on sale.",
            remedy: "Restrict the versions that recommend it (`bakehouse list restrict`), or name another `listing.recommended-instance-type` that \
                     is on sale; the newest version is changed with it.",
        },
        ObstacleCode::LastInstanceType => About {
            meaning: "No instance type would be left on sale.",
            why: "A product has at least one in every Region that it is sold in (REGION_NO_INSTANCES).",
            remedy: "Keep an instance type that can be on sale, or take the whole product off sale: `bakehouse list visibility PRODUCT restricted`.",
        },
        ObstacleCode::LastRegion => About {
            meaning: "No Region would be left that the product is sold in.",
            why: "A product has at least one (INVALID_REGIONS).",
            remedy: "Keep a Region in `listing.regions`, or take the whole product off sale: `bakehouse list visibility PRODUCT restricted`.",
        },
        ObstacleCode::NextVersion => About {
            meaning: "A version that is listed says otherwise than the manifest, and keeps what it was added with.",
            why: "What AWS was told of a version's image (its login, operating system, scanning port, template) has no change type.",
            remedy: "Nothing, if it can wait: the next version that is released is added with what the manifest says. `bakehouse ship PRODUCT \
                     --rebuild` makes one now.",
        },
        ObstacleCode::Countries => About {
            meaning: "The offer is for some countries, and the manifest has it for all.",
            why: "AWS documents no way back from some countries to all of them.",
            remedy: "Name all countries that it is to be for in `listing.offer.countries`.",
        },
        ObstacleCode::Refused => About {
            meaning: "AWS would refuse the change as it stands, or the change waits for one that AWS would refuse.",
            why: "What would be refused is known before it is sent; the code of the fault stands beside the reason (`change-set/…`, `fault` in JSON).",
            remedy: "Mend what that fault names (`bakehouse check --explain` explains it too); what waits for it is then planned with it.",
        },
        ObstacleCode::ToFillIn => About {
            meaning: "A key of the manifest only holds a place since the product was imported, or goes together with one that does.",
            why: "The live listing didn't tell it, and a text that only holds a place is not to be seen by buyers.",
            remedy: "Write into the key what is to be said, and take the comment \"fill in\" above it away.",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::codes::advice;
    use super::*;

    #[test]
    fn every_obstacle_is_explained_by_sentences_and_codes_of_aws_that_are_known() {
        let page = obstacles_page();
        for code in ObstacleCode::ALL {
            let About { meaning, why, remedy } = about(*code);
            for sentence in [meaning, why, remedy] {
                assert!(sentence.ends_with('.') && sentence.starts_with(|c: char| c.is_uppercase()), "{code}: {sentence}");
                let is_code = |word: &&str| word.contains('_') && word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
                for aws in sentence.split(|c: char| !c.is_alphanumeric() && c != '_').filter(is_code) {
                    assert!(advice(aws).is_some(), "{code}: {aws} is no code of AWS's that is known");
                }
            }
            assert_eq!(obstacle_named(code.as_str()), Ok(*code));
            assert!(page.contains(&format!("\n## {code}\n")) && explained(*code).starts_with(&format!("{code}\n")));
        }
        assert!(obstacle_named("obstacle/price-loked").unwrap_err().contains("did you mean obstacle/price-locked?"));
    }
}
