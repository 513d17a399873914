//! `[[listing.template]]`: the CloudFormation templates of the newest version, by AWS's own addresses of them.

use super::super::entity::{DeliveryOption, Source, Version};
use super::draft::{Draft, Of};
use super::toml_text::{list, table, text};
use crate::rules::addresses::{document_fault, logo_fault};
use crate::rules::limits;

const TABLE: &str = "listing";

/// Reads the templates; what lacks a title or an address that a manifest can have is kept as it is.
pub(super) fn read(draft: &mut Draft) {
    let Some(newest) = draft.newest else { return };
    let version = &draft.product.versions[newest.index];
    let found: Vec<Found> = version.template_options().filter_map(|(option, source)| Found::of(version, option, source?)).collect();
    if found.is_empty() {
        return;
    }
    let tables: Vec<String> =
        found.iter().take(limits::TEMPLATES).enumerate().map(|(index, found)| found.table(draft, newest.index, index + 1)).collect();
    draft.add(TABLE, "template", list(&tables)).comment = Some(
        "AWS's own copies. Templates of the product's folder: file = \"listing/server.yaml\", diagram = \"listing/server.png\". \
         AWS doesn't tell which parameters get the image: image-parameters = [\"ImageId\"] unless they are named."
            .into(),
    );
    if version.ami_option().is_none() {
        draft.add(TABLE, "image-alone", "false".to_owned());
    }
}

/// Tells whether buyers can have the newest version by a template alone, as far as a manifest can say it.
pub(super) fn is_the_only_way(draft: &Draft) -> bool {
    draft.keys.iter().any(|key| key.table == TABLE && key.name == "image-alone")
}

/// A template that a manifest can name.
struct Found<'a> {
    option: (usize, &'a DeliveryOption),
    source: usize,
    title: &'a str,
    url: &'a str,
    diagram_url: &'a str,
}

impl<'a> Found<'a> {
    fn of(version: &'a Version, option: &'a DeliveryOption, source: &'a Source) -> Option<Self> {
        Some(Self {
            option: (version.delivery_options.iter().position(|other| std::ptr::eq(other, option))?, option),
            source: version.sources.iter().position(|other| std::ptr::eq(other, source))?,
            title: option.title.as_deref().filter(|title| !title.is_empty())?,
            url: source.template.as_deref().filter(|url| document_fault(url).is_none())?,
            diagram_url: source.architecture_diagram.as_deref().filter(|url| logo_fault(url).is_none())?,
        })
    }

    /// Writes it, and notes what it says; a text that is missing is the title again.
    fn table(&self, draft: &mut Draft, version: usize, number: usize) -> String {
        let (index, option) = self.option;
        let path = |field: &str| format!("Versions[{version}].DeliveryOptions[{index}].{field}");
        let mut entries = vec![("title", text(self.title)), ("url", text(self.url)), ("diagram-url", text(self.diagram_url))];
        draft.says(Of::Product, path("Title"));
        for field in ["Template", "ArchitectureDiagram"] {
            draft.says(Of::Product, format!("Versions[{version}].Sources[{}].{field}", self.source));
        }
        let short = option.short_description.as_deref();
        let texts = [
            ("short-description", "ShortDescription", short),
            ("long-description", "LongDescription", option.long_description.as_deref()),
            ("usage-instructions", "Instructions.Usage", option.instructions.usage.as_deref()),
        ];
        for (key, field, live) in texts {
            let live = live.map(str::trim_end).filter(|text| !text.is_empty());
            if live.is_some() {
                draft.says(Of::Product, path(field));
            }
            let said = match (key, live.unwrap_or(self.title)) {
                ("usage-instructions", _) if live.is_none() => continue,
                // Of the texts this one stands in the manifest alone.
                ("short-description", said) => text(said),
                (key, said) => draft.here_or_in_a_file(&format!("template-{number}-{key}"), said),
            };
            entries.push((key, said));
        }
        let types = draft.instance_types();
        if let Some(name) = option.recommendations.instance_type.as_deref().filter(|name| types.contains(name)) {
            entries.push(("recommended-instance-type", text(name)));
            draft.says(Of::Product, path("Recommendations.InstanceType"));
        }
        table(&entries)
    }
}
