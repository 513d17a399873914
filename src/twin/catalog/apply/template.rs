//! CloudFormation templates: what the Marketplace asks of them, as far as they say it plainly.
//!
//! Source: <https://docs.aws.amazon.com/marketplace/latest/userguide/cloudformation.html>

mod yaml;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Faults;

/// Ports that instances are administered by, and that databases listen on.
const GUARDED_PORTS: &[u64] = &[22, 1433, 1521, 3306, 3389, 5432, 5985, 5986, 6379, 27017];
/// The parameters that nested templates are found by.
const NESTING: [&str; 3] = ["MPS3BucketName", "MPS3BucketRegion", "MPS3KeyPrefix"];
const ANYWHERE: [&str; 2] = ["0.0.0.0/0", "::/0"];

/// What is told of a template to buyers.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Addresses of nested templates, where they are written out.
    pub nested: Vec<String>,
    /// Services whose resources it makes: `Amazon EC2`.
    pub services: Vec<String>,
}

/// Reads a template, and adds what its scan finds.
///
/// `parameters` are those that the image comes by.
pub(super) fn read(bytes: &[u8], parameters: &[&str], faults: &mut Faults) -> Found {
    let template = match parse(bytes) {
        Ok(template) => template,
        Err(reason) => {
            faults.find("INVALID_TEMPLATE", format!("The template can't be read: {reason}."));
            return Found::default();
        }
    };
    let Some(resources) = template["Resources"].as_object().filter(|resources| !resources.is_empty()) else {
        faults.find("INVALID_TEMPLATE", "The template has no resources.");
        return Found::default();
    };
    let empty = Map::new();
    let declared = template["Parameters"].as_object().unwrap_or(&empty);
    check_image_parameters(declared, resources, parameters, faults);
    declared.iter().for_each(|(name, parameter)| check_parameter(name, parameter, faults));
    for (name, resource) in resources {
        check_resource(name, resource, declared, faults);
    }
    Found { nested: nested(resources), services: services(resources) }
}

fn parse(bytes: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(error) if text.trim_start().starts_with('{') => Err(error.to_string()),
        Err(_) => yaml::parse(text),
    }
}

/// The image comes by the named parameters alone, each an image's id.
fn check_image_parameters(declared: &Map<String, Value>, resources: &Map<String, Value>, parameters: &[&str], faults: &mut Faults) {
    for name in parameters {
        match declared.get(*name) {
            None => faults.find("MISSING_AMI_PARAMETER", format!("The template has no parameter {name}.")),
            Some(parameter) if parameter["Type"] != "AWS::EC2::Image::Id" => {
                faults.find("INVALID_AMI_PARAMETER", format!("The type of parameter {name} must be AWS::EC2::Image::Id."));
            }
            Some(_) if !resources.values().any(|resource| refers_to(resource, name)) => {
                faults.find("UNUSED_AMI_PARAMETER", format!("No resource uses parameter {name}."));
            }
            Some(_) => {}
        }
    }
    for (name, resource) in resources {
        for image in images(resource) {
            let allowed = image["Ref"].as_str().is_some_and(|reference| parameters.contains(&reference));
            if !allowed {
                faults.find(
                    "FOREIGN_AMI",
                    format!("Resource {name} takes its AMI from elsewhere than the parameters [{}].", parameters.join(", ")),
                );
            }
        }
    }
}

/// Finds all values of properties called `ImageId`, at any depth.
fn images(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(members) => {
            members.iter().flat_map(|(name, value)| if name == "ImageId" { vec![value] } else { images(value) }).collect()
        }
        Value::Array(values) => values.iter().flat_map(images).collect(),
        _ => Vec::new(),
    }
}

fn refers_to(value: &Value, name: &str) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(key, value)| key == "Ref" && value == name || refers_to(value, name)),
        Value::Array(values) => values.iter().any(|value| refers_to(value, name)),
        // `Fn::Sub` names what it puts in.
        Value::String(text) => text.contains(&format!("${{{name}}}")),
        _ => false,
    }
}

fn check_parameter(name: &str, parameter: &Value, faults: &mut Faults) {
    let kind = parameter["Type"].as_str().unwrap_or_default();
    // Public parameters are everybody's; a name of one's own leads nowhere in a buyer's account.
    let is_own = parameter["Default"].as_str().is_none_or(|default| !default.starts_with("/aws/service/"));
    if kind.starts_with("AWS::SSM::Parameter") && is_own {
        faults.find("SSM_PARAMETER", format!("Parameter {name} is read from a parameter store that buyers don't have."));
    }
    let is_secret = parameter["NoEcho"] == true || parameter["NoEcho"] == "true" || name.to_ascii_lowercase().contains("password");
    if is_secret && parameter["Default"].as_str().is_some_and(|default| !default.is_empty()) {
        faults.find("DEFAULT_PASSWORD", format!("Parameter {name} has a default password."));
    }
}

fn check_resource(name: &str, resource: &Value, declared: &Map<String, Value>, faults: &mut Faults) {
    let properties = &resource["Properties"];
    let rules: Vec<&Value> = match resource["Type"].as_str().unwrap_or_default() {
        "AWS::EC2::SecurityGroup" => properties["SecurityGroupIngress"].as_array().into_iter().flatten().collect(),
        "AWS::EC2::SecurityGroupIngress" => vec![properties],
        "AWS::Lambda::Function" if properties["Code"].get("ZipFile").is_none() => {
            return faults.find("EXTERNAL_CODE", format!("Function {name} has its code elsewhere; provide it inline."));
        }
        "AWS::CloudFormation::Stack" => {
            let missing: Vec<&str> = NESTING.into_iter().filter(|parameter| !declared.contains_key(*parameter)).collect();
            if !missing.is_empty() {
                faults.find("MISSING_NESTING_PARAMETERS", format!("Nested stack {name} needs the parameters [{}].", missing.join(", ")));
            } else if !["MPS3BucketName", "MPS3KeyPrefix"].iter().all(|parameter| refers_to(&properties["TemplateURL"], parameter)) {
                faults.find(
                    "INVALID_NESTED_TEMPLATE",
                    format!("The TemplateURL of {name} is not made of the parameters [{}].", NESTING.join(", ")),
                );
            }
            return;
        }
        _ => return,
    };
    for rule in rules.into_iter().filter(|rule| is_guarded(rule, declared)) {
        let open = ["CidrIp", "CidrIpv6"]
            .iter()
            .any(|field| plain(&rule[*field], declared).as_str().is_some_and(|range| ANYWHERE.contains(&range)));
        if open {
            faults.find("OPEN_ACCESS", format!("Resource {name} opens a port of remote access or a database to 0.0.0.0/0 by default."));
        }
    }
}

/// Tells whether a rule is about a guarded port.
fn is_guarded(rule: &Value, declared: &Map<String, Value>) -> bool {
    let number = |field: &str| {
        let value = plain(&rule[field], declared);
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    };
    let all = matches!(plain(&rule["IpProtocol"], declared).as_str(), Some("-1")) || rule["IpProtocol"] == -1;
    match (number("FromPort"), number("ToPort")) {
        _ if all => true,
        (Some(from), Some(to)) => GUARDED_PORTS.iter().any(|port| (from..=to).contains(port)),
        _ => false,
    }
}

/// Follows a reference to a parameter's default.
fn plain<'a>(value: &'a Value, declared: &'a Map<String, Value>) -> &'a Value {
    match value["Ref"].as_str().and_then(|name| declared.get(name)) {
        Some(parameter) => &parameter["Default"],
        None => value,
    }
}

fn nested(resources: &Map<String, Value>) -> Vec<String> {
    let stacks = resources.values().filter(|resource| resource["Type"] == "AWS::CloudFormation::Stack");
    let address = |stack: &Value| {
        let url = &stack["Properties"]["TemplateURL"];
        url["Fn::Sub"].as_str().or(url["Fn::Sub"][0].as_str()).or(url.as_str()).map(str::to_owned)
    };
    stacks.filter_map(address).collect()
}

fn services(resources: &Map<String, Value>) -> Vec<String> {
    let service = |resource: &Value| Some(format!("Amazon {}", resource["Type"].as_str()?.strip_prefix("AWS::")?.split("::").next()?));
    resources.values().filter_map(service).collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r"
AWSTemplateFormatVersion: '2010-09-09'
Parameters:
  ImageId: { Type: AWS::EC2::Image::Id }
  Admins: { Type: String, Default: 10.0.0.0/8 }
  MPS3BucketName: { Type: String, Default: acme }
  MPS3BucketRegion: { Type: String, Default: us-east-1 }
  MPS3KeyPrefix: { Type: String, Default: stove/ }
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
  Network:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub https://${MPS3BucketName}.s3.${MPS3BucketRegion}.amazonaws.com/${MPS3KeyPrefix}network.yaml
";

    fn codes(text: &str) -> Vec<String> {
        let mut faults = Faults::default();
        read(text.as_bytes(), &["ImageId"], &mut faults);
        faults.findings.into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_template_that_keeps_the_rules_passes_and_is_told() {
        let mut faults = Faults::default();
        let found = read(GOOD.as_bytes(), &["ImageId"], &mut faults);
        assert!(faults.is_empty(), "{:?}", codes(GOOD));
        assert_eq!(found.services, ["Amazon CloudFormation", "Amazon EC2"]);
        assert_eq!(found.nested, ["https://${MPS3BucketName}.s3.${MPS3BucketRegion}.amazonaws.com/${MPS3KeyPrefix}network.yaml"]);
    }

    #[test]
    fn each_rule_that_is_broken_is_found() {
        for (from, to, expected) in [
            ("Type: AWS::EC2::Image::Id", "Type: String", "INVALID_AMI_PARAMETER"),
            ("  ImageId: { Type: AWS::EC2::Image::Id }\n", "", "MISSING_AMI_PARAMETER"),
            ("ImageId: !Ref ImageId", "ImageId: ami-0123456789abcdef0", "FOREIGN_AMI"),
            ("ImageId: !Ref ImageId", "KeyName: x", "UNUSED_AMI_PARAMETER"),
            ("Default: 10.0.0.0/8", "Default: 0.0.0.0/0", "OPEN_ACCESS"),
            ("CidrIp: !Ref Admins", "CidrIpv6: '::/0'", "OPEN_ACCESS"),
            ("FromPort: 443, ToPort: 443", "FromPort: 0, ToPort: 65535", "OPEN_ACCESS"),
            ("MPS3KeyPrefix: {", "Prefix: {", "MISSING_NESTING_PARAMETERS"),
            ("${MPS3KeyPrefix}network", "network", "INVALID_NESTED_TEMPLATE"),
            ("Admins: { Type: String", "Admins: { Type: 'AWS::SSM::Parameter::Value<String>'", "SSM_PARAMETER"),
            ("  Admins:", "  Password: { Type: String, NoEcho: true, Default: secret }\n  Admins:", "DEFAULT_PASSWORD"),
            ("  Server:", "  Code: { Type: AWS::Lambda::Function, Properties: { Code: { S3Bucket: acme } } }\n  Server:", "EXTERNAL_CODE"),
            ("Resources:", "Outputs:", "INVALID_TEMPLATE"),
            ("Resources:", "Resources: [", "INVALID_TEMPLATE"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let found = codes(&GOOD.replace(from, to));
            assert!(found.iter().any(|code| code == expected), "{to}: {found:?}, not {expected}");
        }
    }

    #[test]
    fn json_is_read_alike() {
        let text = r#"{"Parameters": {"ImageId": {"Type": "AWS::EC2::Image::Id"}},
            "Resources": {"Server": {"Type": "AWS::EC2::Instance", "Properties": {"ImageId": {"Ref": "ImageId"}}}}}"#;
        assert_eq!(codes(text), [""; 0]);
        assert_eq!(codes("{"), ["INVALID_TEMPLATE"]);
        assert_eq!(codes("\u{0}"), ["INVALID_TEMPLATE"]);
    }
}
