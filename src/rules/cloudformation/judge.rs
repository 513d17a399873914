//! The rules, each once.

use std::collections::BTreeMap;
use std::ops::Range;

use super::access;
use super::document::{Node, read};

/// The largest template in bytes that CloudFormation reads from S3.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
pub const LARGEST_BYTES: u64 = 1024 * 1024;

/// The type of a parameter that an image comes by.
const IMAGE_ID: &str = "AWS::EC2::Image::Id";
/// The parameters that nested templates are found by; the Marketplace writes their defaults anew.
const NESTING: [&str; 3] = ["MPS3BucketName", "MPS3BucketRegion", "MPS3KeyPrefix"];

/// A rule of the Marketplace's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// It is YAML or JSON.
    Syntax,
    /// It makes something.
    Resources,
    /// The parameter that gets the image is there.
    ImageParameterMissing,
    /// It is of the type of an image's id.
    ImageParameterType,
    /// A resource uses it.
    ImageParameterUnused,
    /// Images come by these parameters alone.
    ForeignImage,
    /// No parameter is read from the seller's own parameter store.
    OwnParameterStore,
    /// No password has a default.
    DefaultPassword,
    /// No port of remote access or a database is open to everybody by default.
    OpenAccess,
    /// A function's code is inline.
    ExternalCode,
    /// Nested templates are found by the Marketplace's three parameters.
    Nesting,
}

/// A rule that a template breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFault {
    /// Which.
    pub rule: Rule,
    /// Where, in bytes of the text.
    pub at: Range<usize>,
    /// How: a sentence without its full stop.
    pub message: String,
}

/// Judges a template; `image_parameters` are those that get the version's image.
///
/// What is found is in the order of the rules, and never more than the text has values.
pub fn judge(text: &str, image_parameters: &[&str]) -> Vec<TemplateFault> {
    let root = match read(text) {
        Ok(root) => root,
        Err(unreadable) => {
            let message = format!("the template can't be read: {}", unreadable.reason);
            return vec![TemplateFault { rule: Rule::Syntax, at: unreadable.at, message }];
        }
    };
    let Some(resources) = root.get("Resources").filter(|resources| !resources.entries().is_empty()) else {
        let at = root.entry("Resources").map_or(0..0, |entry| entry.key_at.clone());
        return vec![TemplateFault { rule: Rule::Resources, at, message: "the template has no resources".to_owned() }];
    };
    let mut case = Case { parameters: BTreeMap::new(), image_parameters, faults: Vec::new() };
    for entry in root.get("Parameters").map(Node::entries).unwrap_or_default() {
        case.parameters.insert(&entry.key, (&entry.value, entry.key_at.clone()));
    }
    let parameters_at = root.entry("Parameters").or(root.entry("Resources")).map_or(0..0, |entry| entry.key_at.clone());
    case.image_parameters(resources, &parameters_at);
    case.images(resources);
    case.parameters();
    for entry in resources.entries() {
        case.resource(&entry.key, &entry.key_at, &entry.value);
    }
    case.faults
}

/// A template that is being judged.
pub(super) struct Case<'a> {
    /// The template's parameters, and where their names stand.
    parameters: BTreeMap<&'a str, (&'a Node, Range<usize>)>,
    image_parameters: &'a [&'a str],
    faults: Vec<TemplateFault>,
}

impl<'a> Case<'a> {
    pub(super) fn fault(&mut self, rule: Rule, at: &Range<usize>, message: String) {
        self.faults.push(TemplateFault { rule, at: at.clone(), message });
    }

    /// Returns the text that a value has, or has by default when it is a parameter's.
    pub(super) fn default<'b>(&self, value: &'b Node) -> Option<(&'b str, Range<usize>)>
    where
        'a: 'b,
    {
        let plain = match value.reference() {
            Some(name) => self.parameters.get(name)?.0.get("Default")?,
            None => value,
        };
        Some((plain.text()?, plain.at.clone()))
    }

    fn image_parameters(&mut self, resources: &Node, parameters_at: &Range<usize>) {
        for name in self.image_parameters {
            let Some((parameter, at)) = self.parameters.get(name).cloned() else {
                let message = format!("the template has no parameter {name} that would get the image");
                self.fault(Rule::ImageParameterMissing, parameters_at, message);
                continue;
            };
            let kind = parameter.entry("Type");
            if kind.and_then(|kind| kind.value.text()) != Some(IMAGE_ID) {
                let at = kind.map_or(&at, |kind| &kind.value.at);
                self.fault(Rule::ImageParameterType, at, format!("the parameter {name} is not of the type {IMAGE_ID}"));
            }
            if !resources.mentions(name) {
                self.fault(Rule::ImageParameterUnused, &at, format!("no resource uses the parameter {name}, which gets the image"));
            }
        }
    }

    /// Looks at every property that is called `ImageId`.
    fn images(&mut self, resources: &Node) {
        let mut images = Vec::new();
        resources.visit(&mut |node| images.extend(node.entries().iter().filter(|entry| entry.key == "ImageId")));
        for image in images {
            if !image.value.reference().is_some_and(|name| self.image_parameters.contains(&name)) {
                let names = self.image_parameters.join(" or ");
                self.fault(Rule::ForeignImage, &image.key_at, format!("an image comes from elsewhere than the parameter {names}"));
            }
        }
    }

    fn parameters(&mut self) {
        let parameters: Vec<_> = self.parameters.iter().map(|(name, (parameter, at))| (*name, *parameter, at.clone())).collect();
        for (name, parameter, at) in parameters {
            let default = parameter.get("Default").and_then(Node::text).filter(|default| !default.is_empty());
            let kind = parameter.get("Type").and_then(Node::text).unwrap_or_default();
            // AWS's public parameters are there for every buyer.
            if kind.starts_with("AWS::SSM::Parameter") && !default.is_some_and(|default| default.starts_with("/aws/service/")) {
                let message = format!("the parameter {name} is read from a parameter store that buyers don't have");
                self.fault(Rule::OwnParameterStore, &at, message);
            }
            let is_hidden = parameter.get("NoEcho").and_then(Node::text).is_some_and(|text| text.eq_ignore_ascii_case("true"));
            if (is_hidden || name.to_ascii_lowercase().contains("password"))
                && let Some(value) = parameter.entry("Default").filter(|_| default.is_some())
            {
                self.fault(Rule::DefaultPassword, &value.key_at, format!("the parameter {name}, a password, has a default"));
            }
        }
    }

    fn resource(&mut self, name: &str, at: &Range<usize>, resource: &'a Node) {
        let Some(properties) = resource.get("Properties") else { return };
        match resource.get("Type").and_then(Node::text).unwrap_or_default() {
            "AWS::EC2::SecurityGroup" => {
                if let Some(ingress) = properties.get("SecurityGroupIngress") {
                    access::check(self, ingress);
                }
            }
            "AWS::EC2::SecurityGroupIngress" => access::check(self, properties),
            "AWS::Lambda::Function" => {
                let code = properties.entry("Code");
                if code.is_none_or(|code| code.value.get("ZipFile").is_none()) {
                    let at = code.map_or(at, |code| &code.key_at);
                    self.fault(Rule::ExternalCode, at, format!("the function {name} has its code elsewhere than in the template"));
                }
            }
            "AWS::CloudFormation::Stack" => self.nested(name, at, properties),
            _ => {}
        }
    }

    fn nested(&mut self, name: &str, at: &Range<usize>, properties: &Node) {
        let missing: Vec<&str> = NESTING.into_iter().filter(|parameter| !self.parameters.contains_key(parameter)).collect();
        let url = properties.entry("TemplateURL");
        // The Region may be left out of an address.
        let is_found = |parameter: &&str| url.is_some_and(|url| url.value.mentions(parameter)) || *parameter == "MPS3BucketRegion";
        if !missing.is_empty() {
            self.fault(
                Rule::Nesting,
                at,
                format!("the template has a nested one, {name}, and lacks the parameters {}", missing.join(", ")),
            );
        } else if !NESTING.iter().all(is_found) {
            let at = url.map_or(at, |url| &url.key_at);
            self.fault(Rule::Nesting, at, format!("the TemplateURL of {name} is not made of {}", NESTING.join(", ")));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "\
Parameters:
  ImageId: { Type: 'AWS::EC2::Image::Id' }
  Admins: { Type: String, Default: 10.0.0.0/8 }
  Size: { Type: 'AWS::SSM::Parameter::Value<String>', Default: /aws/service/sizes/small }
  Password: { Type: String, NoEcho: true, Default: '' }
  MPS3BucketName: { Type: String, Default: acme }
  MPS3BucketRegion: { Type: String, Default: us-east-1 }
  MPS3KeyPrefix: { Type: String, Default: hello/ }
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      SecurityGroupIngress:
        - { IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0 }
        - { IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: !Ref Admins }
  Server:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: !Ref ImageId
  Code:
    Type: AWS::Lambda::Function
    Properties: { Code: { ZipFile: 'exports.handler = () => {}' } }
  Network:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub 'https://${MPS3BucketName}.s3.amazonaws.com/${MPS3KeyPrefix}network.yaml'
";

    /// The rules that a text breaks, each with its line.
    fn broken(text: &str) -> Vec<(Rule, usize)> {
        judge(text, &["ImageId"]).into_iter().map(|fault| (fault.rule, text[..fault.at.start].matches('\n').count() + 1)).collect()
    }

    #[test]
    fn a_template_that_keeps_the_rules_passes() {
        assert_eq!(judge(GOOD, &["ImageId"]), []);
    }

    #[test]
    fn a_rule_that_is_broken_is_told_at_its_line() {
        for (from, to, expected) in [
            ("Type: 'AWS::EC2::Image::Id'", "Type: String", (Rule::ImageParameterType, 2)),
            ("ImageId: { Type: 'AWS::EC2::Image::Id' }", "ImageId: { Default: ami-0123456789abcdef0 }", (Rule::ImageParameterType, 2)),
            ("  ImageId: {", "  Image: {", (Rule::ImageParameterMissing, 1)),
            ("ImageId: !Ref ImageId", "KeyName: x", (Rule::ImageParameterUnused, 2)),
            ("ImageId: !Ref ImageId", "ImageId: ami-0123456789abcdef0\n      UserData: !Sub '${ImageId}'", (Rule::ForeignImage, 19)),
            ("ImageId: !Ref ImageId", "ImageId: !If [A, !Ref ImageId, !Ref B]", (Rule::ForeignImage, 19)),
            ("Default: /aws/service/sizes/small", "Default: /acme/size", (Rule::OwnParameterStore, 4)),
            ("Default: ''", "Default: changeme", (Rule::DefaultPassword, 5)),
            ("Default: 10.0.0.0/8", "Default: 0.0.0.0/0", (Rule::OpenAccess, 3)),
            ("CidrIp: !Ref Admins", "CidrIpv6: '::/0'", (Rule::OpenAccess, 15)),
            ("FromPort: 443, ToPort: 443", "FromPort: '0', ToPort: '65535'", (Rule::OpenAccess, 14)),
            ("tcp, FromPort: 443, ToPort: 443", "-1", (Rule::OpenAccess, 14)),
            ("Code: { ZipFile:", "Code: { S3Bucket:", (Rule::ExternalCode, 22)),
            ("  MPS3KeyPrefix:", "  Prefix:", (Rule::Nesting, 23)),
            ("${MPS3KeyPrefix}", "", (Rule::Nesting, 26)),
            ("Resources:", "Resource:", (Rule::Resources, 1)),
            ("  Group:", " Group:", (Rule::Syntax, 16)),
            ("Resources:", "Resources: [", (Rule::Syntax, 11)),
        ] {
            assert!(GOOD.contains(from), "{from}");
            assert_eq!(broken(&GOOD.replacen(from, to, 1)), [expected], "{to}");
        }
    }

    #[test]
    fn rules_of_a_group_are_found_under_conditions() {
        let rule = "- { IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: !Ref Admins }";
        let conditional = "- !If [A, { IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 0.0.0.0/0 }, !Ref 'AWS::NoValue']";
        assert_eq!(broken(&GOOD.replace(rule, conditional)), [(Rule::OpenAccess, 15)]);
    }

    #[test]
    fn several_parameters_may_get_the_image() {
        let text = GOOD
            .replace("ImageId: !Ref ImageId", "ImageId: !Ref Image2")
            .replace("  Admins:", "  Image2: { Type: 'AWS::EC2::Image::Id' }\n  Admins:");
        assert_eq!(judge(&text, &["Image2"]), []);
        assert_eq!(
            judge(&text, &["ImageId", "Image2"]).into_iter().map(|fault| fault.rule).collect::<Vec<_>>(),
            [Rule::ImageParameterUnused]
        );
    }

    #[test]
    fn large_texts_are_judged_in_time() {
        let references: String = (0..4000).map(|i| format!("  R{i}: {{ Type: AWS::EC2::SecurityGroupIngress, Properties: {{ FromPort: !Ref P{i}, ToPort: 1, CidrIp: !Ref P{i} }} }}\n")).collect();
        let parameters: String = (0..4000).map(|i| format!("  P{i}: {{ Type: String, Default: x }}\n")).collect();
        assert!(judge(&format!("Parameters:\n{parameters}Resources:\n{references}"), &[]).is_empty());
        assert_eq!(judge(&"a".repeat(1 << 20), &[]).len(), 1);
        assert_eq!(judge(&"&a ".repeat(1 << 18), &[]).len(), 1);
        assert_eq!(judge(&"a:\n".repeat(1 << 18), &[]).len(), 1);
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "[-\\[\\]{}:,!&*?|>'\"%@`# \\n\\tA-Fa-f0-9é\\\\]{0,80}") {
            for fault in judge(&text, &["ImageId"]) {
                prop_assert!(text.get(fault.at.clone()).is_some(), "{:?}", fault.at);
            }
        }

        #[test]
        fn no_damage_is_too_strange(place in 0..GOOD.len(), length in 0..40_usize, by in "[-{}:!&*'\" \\n]{0,3}") {
            let mut text = GOOD.to_owned();
            text.replace_range(place..(place + length).min(GOOD.len()), &by);
            for fault in judge(&text, &["ImageId"]) {
                prop_assert!(text.get(fault.at.clone()).is_some(), "{:?}", fault.at);
            }
        }
    }
}
