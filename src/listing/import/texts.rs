//! `[product]`.

use std::sync::LazyLock;

use regex::Regex;

use super::draft::{Draft, Of};
use super::toml_text::{list, table, text};
use crate::rules::limits;

// As the reader of manifests has it.
static VENDOR: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[A-Za-z0-9][A-Za-z0-9 ().'@_/-]{0,38}[A-Za-z0-9)]$").expect("the pattern is a constant"));

const TABLE: &str = "product";

pub(super) fn read(draft: &mut Draft) {
    vendor(draft);
    let (product, of) = (draft.product, |path| (Of::Product, path));
    let description = &product.description;
    draft.text(TABLE, "title", description.product_title.as_deref(), of("Description.ProductTitle"), "Example");
    let short = description.short_description.as_deref();
    draft.text(TABLE, "short-description", short, of("Description.ShortDescription"), "Example.");
    let long = description.long_description.as_deref();
    draft.long_text(TABLE, "long-description", long, of("Description.LongDescription"), "Example.");
    draft.texts(TABLE, "highlights", &description.highlights, of("Description.Highlights"), "Example");
    let keywords = each_once(&description.search_keywords);
    draft.texts(TABLE, "search-keywords", &keywords, of("Description.SearchKeywords"), "example");
    draft.texts(TABLE, "categories", &description.categories, of("Description.Categories"), "Application Servers");
    if let Some(sku) = description.sku.as_deref().filter(|sku| !sku.is_empty()) {
        draft.add(TABLE, "sku", text(sku));
        draft.says(Of::Product, "Description.Sku");
    }
    media(draft);
    links(draft);
    let support = product.support_information.description.as_deref();
    let place = "Write to support@example.com.";
    draft.long_text(TABLE, "support-description", support, of("SupportInformation.Description"), place);
    eula(draft);
}

fn vendor(draft: &mut Draft) {
    const WHY: &str = "your name as image names begin with it: a rule of the Marketplace";
    match draft.product.description.manufacturer.as_deref().filter(|name| VENDOR.is_match(name)) {
        Some(name) => {
            draft.add(TABLE, "vendor", text(name)).comment =
                Some("Image names start with the vendor's name: a rule of the Marketplace.".into());
            draft.says(Of::Product, "Description.Manufacturer");
        }
        None => draft.fill_in(TABLE, "vendor", text("Example Vendor"), WHY),
    }
}

fn media(draft: &mut Draft) {
    const LOGO: &str = "https://example-bucket.s3.amazonaws.com/logo.png";
    let resources = &draft.product.promotional_resources;
    draft.text(TABLE, "logo-url", resources.logo_url.as_deref(), (Of::Product, "PromotionalResources.LogoUrl"), LOGO);
    if let Some(key) = draft.keys.last_mut().filter(|key| key.fill_in.is_none()) {
        key.comment = Some("AWS's own copy. Another logo: logo = { file = \"listing/logo.png\" }, and media-bucket in [listing].".into());
    }
    if let Some(url) = resources.videos.first().and_then(|video| video.url.as_deref()) {
        draft.add(TABLE, "video-url", text(url));
        draft.says(Of::Product, "PromotionalResources.Videos[0].Url");
    }
}

/// AWS tells some words twice that it takes once.
fn each_once(words: &[String]) -> Vec<String> {
    let is_first = |(place, word): &(usize, &String)| !words[..*place].contains(word);
    words.iter().enumerate().filter(is_first).map(|(_, word)| word.clone()).collect()
}

fn links(draft: &mut Draft) {
    let mut links = Vec::new();
    for (index, link) in draft.product.promotional_resources.additional_resources.iter().enumerate() {
        let (Some(words), Some(url)) = (link.text.as_deref(), link.url.as_deref()) else { continue };
        links.push(table(&[("text", text(words)), ("url", text(url))]));
        let path = format!("PromotionalResources.AdditionalResources[{index}]");
        draft.says(Of::Product, format!("{path}.Text"));
        draft.says(Of::Product, format!("{path}.Url"));
        if link.kind.as_deref() == Some("Link") {
            draft.says(Of::Product, format!("{path}.Type"));
        }
    }
    if !links.is_empty() {
        draft.add(TABLE, "additional-resources", list(&links));
    }
}

fn eula(draft: &mut Draft) {
    let terms = draft.offer.map(|offer| offer.terms.as_slice()).unwrap_or_default();
    let found = terms.iter().enumerate().find_map(|(index, term)| Some((index, term.documents.first().filter(|_| term.is("LegalTerm"))?)));
    let standard = table(&[("standard", text(limits::STANDARD_EULA))]);
    let Some((index, document)) = found else {
        return draft.fill_in(TABLE, "eula", standard, "the standard contract, or your own text: { url = \"https://…\" }");
    };
    let path = format!("Terms[{index}].Documents[0]");
    match (document.kind.as_deref(), document.version.as_deref(), document.url.as_deref()) {
        (Some("StandardEula"), Some(limits::STANDARD_EULA), _) => {
            draft.add(TABLE, "eula", standard);
            draft.says(Of::Offer, format!("{path}.Version"));
        }
        (Some("StandardEula"), version, _) => {
            let why = format!("the live offer has the contract of {}, which new offers can't have", version.unwrap_or("no date"));
            return draft.fill_in(TABLE, "eula", standard, why);
        }
        (Some("CustomEula"), _, Some(url)) => {
            let key = draft.add(TABLE, "eula", table(&[("url", text(url))]));
            key.comment =
                Some("AWS's own copy. Another text: eula = { file = \"listing/eula.txt\" }, and media-bucket in [listing].".into());
            draft.says(Of::Offer, format!("{path}.Url"));
        }
        (kind, ..) => {
            let why = format!("the live offer has a licence of another kind: {}", kind.unwrap_or("none"));
            return draft.fill_in(TABLE, "eula", standard, why);
        }
    }
    draft.says(Of::Offer, format!("{path}.Type"));
    draft.says(Of::Offer, format!("Terms[{index}].Type"));
}
