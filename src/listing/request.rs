//! What goes round a change set when it is sent: its name, and its version's title.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::change_set::AMI_PRODUCT;
use crate::model::ids::Slug;
use crate::model::record::{Sent, SentTemplate};
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
    // What stands for no release is no name.
    let version = if *version == Version::UNRELEASED { "listing".to_owned() } else { version.to_string() };
    format!("{product} {version}: {action}").chars().map(|c| if allowed(c) { c } else { '-' }).take(LONGEST_NAME).collect()
}

/// Returns what a request says that AWS will tell otherwise: it serves copies of its own, and adds accounts.
pub fn sent(request: &Value) -> Sent {
    let mut sent = Sent::default();
    for change in request["ChangeSet"].as_array().into_iter().flatten() {
        let details = &change["DetailsDocument"];
        let text = |pointer: &str| details.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        match change["ChangeType"].as_str() {
            Some("UpdateInformation") => {
                sent.logo_url = text("/LogoUrl").or(sent.logo_url);
                sent.video_url = text("/VideoUrls/0").or(sent.video_url);
            }
            Some("AddRegions") => {
                let regions = details["Regions"].as_array().into_iter().flatten();
                let regions = regions.filter_map(|region| region.as_str()?.parse().ok());
                sent.regions.get_or_insert_default().extend(regions);
            }
            Some("UpdateLegalTerms") => sent.eula_url = text("/Terms/0/Documents/0/Url").or(sent.eula_url),
            Some("AddDeliveryOptions") => sent.templates = Some(templates(details)).filter(|templates| !templates.is_empty()),
            Some("UpdateTargeting") if change["Entity"]["Type"] == AMI_PRODUCT => {
                let accounts = details["PositiveTargeting"]["BuyerAccounts"].as_array();
                sent.allowed_accounts = accounts.map(|accounts| accounts.iter().filter_map(|id| id.as_str()?.parse().ok()).collect());
            }
            _ => {}
        }
    }
    sent
}

/// The templates of a version's details.
fn templates(details: &Value) -> BTreeMap<String, SentTemplate> {
    let template = |option: &Value| {
        let details = &option["Details"]["DeploymentTemplateDeliveryOptionDetails"];
        let parameters = details["TemplateSources"].as_array()?.iter();
        let sent = SentTemplate {
            url: details["Template"].as_str()?.to_owned(),
            diagram_url: details["ArchitectureDiagram"].as_str()?.to_owned(),
            image_parameters: parameters.filter_map(|source| source["ParameterName"].as_str().map(str::to_owned)).collect(),
        };
        Some((option["DeliveryOptionTitle"].as_str()?.to_owned(), sent))
    };
    details["DeliveryOptions"].as_array().into_iter().flatten().filter_map(template).collect()
}

/// Tells whether a change set of this name may have submitted a version of a product: others' and rehearsals don't.
pub fn names_submission(name: &str, product: &Slug) -> bool {
    let rest = name.strip_prefix(product.as_str()).and_then(|rest| rest.strip_prefix(' '));
    rest.is_some_and(|rest| !rest.ends_with(&format!(": {REHEARSAL}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_keeps_to_its_pattern() {
        let slug: Slug = "hello-web".parse().unwrap();
        let version: Version = "2.0.0-rc.1".parse().unwrap();
        assert_eq!(change_set_name(&slug, &version, "first listing (new), \"a/b\""), "hello-web 2.0.0-rc.1: first listing -new-- -a-b-");
        assert_eq!(change_set_name(&slug, &Version::UNRELEASED, "prices up"), "hello-web listing: prices up");
        assert_eq!(change_set_name(&slug, &version, &"x".repeat(200)).chars().count(), LONGEST_NAME);
    }

    #[test]
    fn what_aws_keeps_copies_of_is_remembered() {
        let source = |name: &str| json!({ "ParameterName": name });
        let template = json!({ "Template": "t.yaml", "ArchitectureDiagram": "d.png", "TemplateSources": [source("B"), source("A")] });
        let template = json!({ "DeliveryOptionTitle": "One", "Details": { "DeploymentTemplateDeliveryOptionDetails": template } });
        let image = json!({ "Details": { "AmiDeliveryOptionDetails": {} } });
        let version = |options: Value| {
            sent(&json!({ "ChangeSet": [{ "ChangeType": "AddDeliveryOptions", "DetailsDocument": { "DeliveryOptions": options } }] }))
        };
        let (url, diagram_url) = ("t.yaml".to_owned(), "d.png".to_owned());
        let expected = SentTemplate { url, diagram_url, image_parameters: ["A".to_owned(), "B".to_owned()].into() };
        assert_eq!(version(json!([image, template])).templates, Some([("One".to_owned(), expected)].into()));
        assert!(version(json!([image])).is_empty());
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
