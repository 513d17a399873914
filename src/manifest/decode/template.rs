//! `[[listing.template]]`: CloudFormation templates that buyers launch the image by.

use std::sync::LazyLock;

use regex::Regex;

use super::super::code::Code;
use super::super::context::{Reader, Use, Value, quoted};
use super::super::folder::FileFault;
use super::super::source::At;
use super::files::{code, report_secrets};
use super::listing::recommended_type;
use super::media::MediaPlace;
use super::texts::{long_text, text};
use crate::model::deployment_template::DeploymentTemplate;
use crate::model::media::MediaFile;
use crate::rules::addresses::{document_fault, logo_fault};
use crate::rules::advice::missing_template_topics;
use crate::rules::cloudformation::{self, Rule, judge};
use crate::rules::diagram::{self, DiagramFault, diagram_fault};
use crate::rules::limits;

/// The parameter that gets the image when the manifest does not say.
const IMAGE_PARAMETER: &str = "ImageId";
/// What a diagram's file must be.
const DIAGRAM_FORM: &str = "a png, jpg or gif of 1560 x 878 or 1560 x 3120 pixels, at most 5 MB";

/// What the listing says of all ways of launching, for templates that don't say it themselves.
pub(super) struct Shared<'a> {
    pub(super) usage_instructions: Option<&'a str>,
    pub(super) recommended: Option<&'a str>,
    pub(super) types: Option<&'a [String]>,
}

/// Reads the templates; each has a title of its own.
pub(super) fn templates(value: &Value, place: &MediaPlace, shared: &Shared) -> Option<Vec<DeploymentTemplate>> {
    let mut found: Vec<DeploymentTemplate> = Vec::new();
    let mut is_whole = true;
    for value in value.list(0..=limits::TEMPLATES)? {
        match template(&value, place, shared) {
            Some(template) if found.iter().any(|other| other.title == template.title) => {
                let message = format!("two templates have the title {}", quoted(&template.title));
                value.fault(Code::Duplicate, message).expected("a title that buyers choose it by").report();
            }
            Some(template) => found.push(template),
            None => is_whole = false,
        }
    }
    is_whole.then_some(found)
}

fn template(value: &Value, place: &MediaPlace, shared: &Shared) -> Option<DeploymentTemplate> {
    let reader = value.table()?;
    let title = reader.required("title").and_then(|value| text(&value, limits::DELIVERY_OPTION_TITLE));
    let short_description = reader.required("short-description").and_then(|value| text(&value, limits::SHORT_DESCRIPTION));
    let long_description = reader.required("long-description").and_then(|value| long_text(&value, limits::LONG_DESCRIPTION));
    let usage_instructions = usage_instructions(&reader, shared);
    let recommended = reader
        .optional("recommended-instance-type")
        .map_or_else(|| shared.recommended.map(str::to_owned), |value| recommended_type(&value, shared.types));
    let image_parameters =
        reader.or("image-parameters", vec![IMAGE_PARAMETER.to_owned()], |value| value.list_of(limits::IMAGE_PARAMETERS, parameter));
    let source = reader.exactly_one(&["file", "url"]).and_then(|value| source(&value, image_parameters.as_deref(), place));
    let diagram = reader.exactly_one(&["diagram", "diagram-url"]).and_then(|value| diagram(&value, place));
    reader.finish();
    let ((url, file), (diagram_url, diagram)) = (source?, diagram?);
    Some(DeploymentTemplate {
        title: title?,
        short_description: short_description?,
        long_description: long_description?,
        usage_instructions: usage_instructions?,
        recommended_instance_type: recommended?,
        url,
        file,
        diagram_url,
        diagram,
        image_parameters: image_parameters?,
    })
}

/// Reads the usage instructions, which must speak of what a template makes.
fn usage_instructions(reader: &Reader, shared: &Shared) -> Option<String> {
    let Some(value) = reader.optional("usage-instructions") else { return shared.usage_instructions.map(str::to_owned) };
    let text = long_text(&value, limits::USAGE_INSTRUCTIONS)?;
    let missing = missing_template_topics(&text);
    if !missing.is_empty() {
        value
            .fault(Code::UsageTopics, format!("`usage-instructions` of a template say nothing of {}", missing.join(", ")))
            .expected("a sentence for each")
            .report();
    }
    Some(text)
}

// Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
static PARAMETER: LazyLock<Regex> = LazyLock::new(|| Regex::new("^[A-Za-z0-9]{1,255}$").expect("the pattern is a constant"));

fn parameter(value: &Value) -> Option<String> {
    let name = value.string()?;
    if !PARAMETER.is_match(name) {
        value
            .fault(Code::Malformed, format!("`image-parameters` has {}", quoted(name)))
            .expected("the name of a template's parameter: letters and digits")
            .report();
        return None;
    }
    Some(name.to_owned())
}

/// Reads `url`, or `file = "listing/server.yaml"`: the template's address, and the file.
fn source(value: &Value, parameters: Option<&[String]>, place: &MediaPlace) -> Option<(String, Option<MediaFile>)> {
    let text = value.string()?;
    if value.name == "url" {
        report_url(value, text);
        return Some((text.to_owned(), None));
    }
    let content = content(value, text, cloudformation::LARGEST_BYTES, Code::TemplateTooLarge, "a template of at most 1 MiB")?;
    report_secrets(value.context, value.at(), &quoted(text), &content, Some(text));
    // Without a name there is nothing to look for.
    if let Some(parameters) = parameters.filter(|parameters| !parameters.is_empty()) {
        report_rules(value, text, &content, parameters);
    }
    let media = place.file(value, text, content)?;
    if let Some(url) = place.url(&media) {
        report_url(value, &url);
    }
    Some((media.url(), Some(media)))
}

fn report_url(value: &Value, url: &str) {
    if let Some(fault) = document_fault(url) {
        value
            .fault(Code::TemplateUrl, format!("{} can't be the template: {fault}", quoted(url)))
            .expected("the https address of a template in S3, readable by everyone")
            .report();
    }
}

/// Reports the rules that a template breaks at their places in it.
fn report_rules(value: &Value, path: &str, content: &[u8], parameters: &[String]) {
    let Ok(text) = std::str::from_utf8(content) else {
        return value.fault(Code::NotUtf8, format!("{} is not UTF-8", quoted(path))).expected("a template in UTF-8").report();
    };
    let parameters: Vec<&str> = parameters.iter().map(String::as_str).collect();
    let faults = judge(text, &parameters);
    if faults.is_empty() {
        return;
    }
    let source = value.context.add_source(path, text.to_owned());
    for fault in faults {
        let (code, expected) = told(fault.rule);
        value.context.fault(code, At::new(source, fault.at), fault.message).expected(expected).report();
    }
}

/// The code of a rule, and what keeps it.
fn told(rule: Rule) -> (Code, &'static str) {
    match rule {
        Rule::Syntax => (Code::TemplateSyntax, "a template in YAML or JSON"),
        Rule::Resources => (Code::TemplateResources, "the mapping `Resources` with an entry"),
        Rule::ImageParameterMissing => (Code::TemplateImageParameter, "a parameter of that name; else name it by `image-parameters`"),
        Rule::ImageParameterType => (Code::TemplateImageType, "Type: AWS::EC2::Image::Id"),
        Rule::ImageParameterUnused => (Code::TemplateImageUnused, "a resource with ImageId: !Ref of it"),
        Rule::ForeignImage => (Code::TemplateForeignImage, "ImageId: !Ref of a parameter that gets the image"),
        Rule::OwnParameterStore => (Code::TemplateParameterStore, "a plain parameter, or one of AWS's own below /aws/service/"),
        Rule::DefaultPassword => (Code::TemplatePassword, "no default"),
        Rule::OpenAccess => (Code::TemplateOpenAccess, "a private range, or a parameter without default"),
        Rule::ExternalCode => (Code::TemplateExternalCode, "the code inline, as ZipFile"),
        Rule::Nesting => {
            (Code::TemplateNesting, "a TemplateURL of MPS3BucketName, MPS3BucketRegion and MPS3KeyPrefix, which are parameters")
        }
    }
}

/// Reads `diagram-url`, or `diagram = "listing/server.png"`: the picture's address, and the file.
fn diagram(value: &Value, place: &MediaPlace) -> Option<(String, Option<MediaFile>)> {
    let text = value.string()?;
    if value.name == "diagram-url" {
        report_diagram_url(value, text);
        return Some((text.to_owned(), None));
    }
    let content = content(value, text, diagram::LARGEST_BYTES, Code::DiagramTooLarge, DIAGRAM_FORM)?;
    let ending = text.rsplit_once('.').map_or_else(String::new, |(_, ending)| ending.to_ascii_lowercase());
    let fault = diagram_fault(&content, &ending).map(|fault| match fault {
        DiagramFault::Format(found) => (Code::DiagramFormat, found),
        DiagramFault::Dimensions(found) => (Code::DiagramDimensions, found),
    });
    if let Some((code, found)) = fault {
        value.fault(code, format!("the diagram {} does not suit: {found}", quoted(text))).expected(DIAGRAM_FORM).report();
        return None;
    }
    let media = place.file(value, text, content)?;
    if let Some(url) = place.url(&media) {
        report_diagram_url(value, &url);
    }
    Some((media.url(), Some(media)))
}

fn report_diagram_url(value: &Value, url: &str) {
    if let Some(fault) = logo_fault(url) {
        value
            .fault(Code::DiagramUrl, format!("{} can't be the diagram: {fault}", quoted(url)))
            .expected("the https address of a .png, .jpg or .gif in S3, readable by everyone, without a query string")
            .report();
    }
}

/// Reads a file of at most so many bytes.
fn content(value: &Value, path: &str, most_bytes: u64, too_large: Code, expected: &str) -> Option<Vec<u8>> {
    let fault = match value.context.read_at_most(path, Use::Text, most_bytes) {
        Ok(content) => return Some(content),
        Err(fault) => fault,
    };
    let code = if matches!(fault, FileFault::TooLarge) { too_large } else { code(&fault) };
    value.fault(code, format!("{} can't be used: {fault}", quoted(path))).expected(expected).report();
    None
}
