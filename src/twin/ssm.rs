//! SSM's parameter store, over JSON 1.1.
//!
//! Source: <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::error::{self, ApiError, Form};
use super::rates::{Bar, Rate, Weight};
use super::state::{Parameter, RegionState, State, Tags};
use super::table::{self, Judgement, Row};
use super::{Call, Reply, Twin};
use crate::model::ids::{AccountId, ImageId, Region};

/// Limits of the standard tier.
///
/// Source: <https://docs.aws.amazon.com/general/latest/gr/ssm.html>
const MOST_VALUE_BYTES: usize = 4096;
const MOST_PARAMETERS: usize = 10_000;
/// Source: <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>
const MOST_NAME_BYTES: usize = 1011;
const MOST_LEVELS: usize = 15;
/// Source: <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html>
const MOST_NAMES: usize = 10;

/// Where AWS and others publish parameters that all accounts can read.
const PUBLIC_PREFIX: &str = "/aws/service/";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetParameter {
    name: String,
    #[expect(dead_code, reason = "means nothing to parameters that aren't encrypted, and there are no others")]
    with_decryption: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetParameters {
    names: Vec<String>,
    #[expect(dead_code, reason = "means nothing to parameters that aren't encrypted, and there are no others")]
    with_decryption: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeleteParameter {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PutParameter {
    name: String,
    value: String,
    r#type: Option<String>,
    #[serde(default)]
    overwrite: bool,
    data_type: Option<String>,
    description: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    tier: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Tag {
    key: String,
    value: String,
}

/// Answers a request to SSM.
pub(super) async fn handle(twin: &Arc<Twin>, call: &Call) -> Reply {
    match answer(twin, call) {
        Ok(body) => error::json("application/x-amz-json-1.1", &body),
        Err(error) => error.into_reply(Form::Json, call.request_id()),
    }
}

/// The operations. AWS shares one limit among all that read, which the twin counts for each by itself.
///
/// Rates: <https://docs.aws.amazon.com/general/latest/gr/ssm.html>, those without higher throughput.
pub(super) static OPERATIONS: &[Row] = &[
    Row::new("DeleteParameter", Rate::per_second(5)).takes("Name").errors("AccessDeniedException ParameterNotFound"),
    Row::new("GetParameter", Rate::per_second(40)).takes("Name WithDecryption").errors("ParameterNotFound ParameterVersionNotFound"),
    Row::new("GetParameters", Rate::per_second(40)).takes("Names.N WithDecryption"),
    Row::new("PutParameter", Rate::per_second(3))
        .takes("DataType Description Name Overwrite Tags.N.Key Tags.N.Value Tier Type Value")
        .refuses("AllowedPattern KeyId Policies")
        .errors(
            "AccessDeniedException HierarchyLevelLimitExceededException ParameterAlreadyExists ParameterLimitExceeded \
             UnsupportedParameterType",
        ),
];

/// Codes that every operation refuses with.
pub(super) const COMMON_ERRORS: &str = "AccessDeniedException InternalError ThrottlingException ValidationException";

fn answer(twin: &Twin, call: &Call) -> Result<Value, ApiError> {
    let target = call.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let Some(operation) = target.strip_prefix("AmazonSSM.").and_then(|name| table::find(OPERATIONS, name)) else {
        return Err(ApiError::new(400, "UnknownOperationException", format!("The twin has no operation {target:?} in SSM")));
    };
    twin.gate(&call.region, "ssm", operation, Weight::ONE).map_err(barred)?;
    let body: Value = serde_json::from_slice(&call.body).map_err(unreadable)?;
    if let Some(name) = table::names(&body).iter().find(|name| operation.judge(name) != Judgement::Taken) {
        return Err(invalid(format!("{} takes no parameter {name} from the twin", operation.name)));
    }
    match operation.name {
        "GetParameter" => get(twin, &call.region, &request(body)?),
        "GetParameters" => get_many(twin, &call.region, request(body)?),
        "PutParameter" => put(twin, &call.region, request(body)?),
        _ => delete(twin, &call.region, &request(body)?),
    }
}

fn barred(bar: Bar) -> ApiError {
    match bar {
        Bar::Denied => ApiError::new(400, "AccessDeniedException", "User is not authorized to perform this operation"),
        Bar::Throttled => ApiError::new(400, "ThrottlingException", "Rate exceeded"),
    }
}

fn request<T: DeserializeOwned>(body: Value) -> Result<T, ApiError> {
    serde_json::from_value(body).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> ApiError {
    invalid(format!("The request can't be read: {error}"))
}

fn get(twin: &Twin, region: &Region, request: &GetParameter) -> Result<Value, ApiError> {
    twin.read(|state| Ok(json!({ "Parameter": shown(state, region, &request.name)? })))
}

fn get_many(twin: &Twin, region: &Region, request: GetParameters) -> Result<Value, ApiError> {
    if !(1..=MOST_NAMES).contains(&request.names.len()) {
        return Err(invalid(format!("Names must have 1 to {MOST_NAMES} members")));
    }
    let names: BTreeSet<String> = request.names.into_iter().collect();
    twin.read(|state| {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for name in names {
            match shown(state, region, &name) {
                Ok(parameter) => found.push(parameter),
                Err(_) => missing.push(name),
            }
        }
        Ok(json!({ "Parameters": found, "InvalidParameters": missing }))
    })
}

fn put(twin: &Twin, region: &Region, request: PutParameter) -> Result<Value, ApiError> {
    let tags = request.check()?;
    let now = twin.clock().now();
    twin.change(|state| {
        let here = state.regions.entry(region.clone()).or_default();
        let existing = here.parameters.get(&request.name);
        let parameter = request.applied_to(existing, tags, now, here.parameters.len())?;
        let version = parameter.version;
        // AWS looks for the image after it has answered; when there is none, nothing is stored.
        // Source: <https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-ec2-aliases.html>
        if parameter.data_type == "text" || has_image(here, &parameter.value, &state.account) {
            here.parameters.insert(request.name.clone(), parameter);
        }
        Ok(json!({ "Version": version, "Tier": "Standard" }))
    })
}

fn delete(twin: &Twin, region: &Region, request: &DeleteParameter) -> Result<Value, ApiError> {
    if request.name.starts_with(PUBLIC_PREFIX) {
        return Err(reserved(&request.name));
    }
    twin.change(|state| {
        let removed = state.regions.get_mut(region).and_then(|here| here.parameters.remove(&request.name));
        removed.map(|_| json!({})).ok_or_else(|| not_found(&request.name))
    })
}

/// Shows a parameter by `NAME` or `NAME:VERSION`; of versions, the twin keeps the last alone.
fn shown(state: &State, region: &Region, wanted: &str) -> Result<Value, ApiError> {
    let (name, selector) = wanted.split_once(':').map_or((wanted, None), |(name, selector)| (name, Some(selector)));
    let parameter = state.regions.get(region).and_then(|here| here.parameters.get(name)).ok_or_else(|| not_found(wanted))?;
    if selector.is_some_and(|selector| selector != parameter.version.to_string()) {
        let message = format!("Systems Manager could not find version {} of {name}.", selector.unwrap_or_default());
        return Err(ApiError::new(400, "ParameterVersionNotFound", message));
    }
    let owner = if name.starts_with(PUBLIC_PREFIX) { String::new() } else { state.account.to_string() };
    let mut shown = json!({
        "Name": name,
        "Type": parameter.kind,
        "Value": parameter.value,
        "Version": parameter.version,
        "LastModifiedDate": parameter.modified.as_second(),
        "ARN": format!("arn:aws:ssm:{region}:{owner}:parameter/{}", name.trim_start_matches('/')),
        "DataType": parameter.data_type,
    });
    if let Some(selector) = selector {
        shown["Selector"] = format!(":{selector}").into();
    }
    Ok(shown)
}

impl PutParameter {
    /// Checks what can be checked without the state; returns the tags.
    fn check(&self) -> Result<Tags, ApiError> {
        check_name(&self.name)?;
        match self.r#type.as_deref() {
            None | Some("String") => {}
            Some("StringList" | "SecureString") => {
                let message = format!("The twin has parameters of type String alone, not {}.", self.r#type.as_deref().unwrap_or_default());
                return Err(ApiError::new(400, "UnsupportedParameterType", message));
            }
            Some(other) => return Err(invalid(format!("{other} is no parameter type"))),
        }
        if self.value.is_empty() || self.value.len() > MOST_VALUE_BYTES {
            return Err(invalid(format!("Standard tier parameters support a maximum parameter value of {MOST_VALUE_BYTES} characters.")));
        }
        if self.tier.as_deref().is_some_and(|tier| tier != "Standard") {
            return Err(invalid("The twin has parameters of the tier Standard alone."));
        }
        match self.data_type.as_deref() {
            None | Some("text") => {}
            Some("aws:ec2:image") if self.value.parse::<ImageId>().is_ok() => {}
            Some("aws:ec2:image") => return Err(invalid(format!("The value {:?} is not the id of an image", self.value))),
            Some(other) => return Err(invalid(format!("The twin has no data type {other}"))),
        }
        if self.overwrite && !self.tags.is_empty() {
            return Err(invalid(
                "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite \
                 flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.",
            ));
        }
        Ok(self.tags.iter().map(|Tag { key, value }| (key.clone(), value.clone())).collect())
    }

    fn applied_to(&self, existing: Option<&Parameter>, tags: Tags, modified: Timestamp, count: usize) -> Result<Parameter, ApiError> {
        match existing {
            Some(_) if !self.overwrite => {
                let message = "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.";
                return Err(ApiError::new(400, "ParameterAlreadyExists", message));
            }
            None if self.r#type.is_none() => return Err(invalid("A parameter type is required when you create a parameter.")),
            None if count >= MOST_PARAMETERS => {
                return Err(ApiError::new(400, "ParameterLimitExceeded", format!("There are {MOST_PARAMETERS} parameters already.")));
            }
            _ => {}
        }
        Ok(Parameter {
            name: self.name.clone(),
            kind: "String".to_owned(),
            value: self.value.clone(),
            version: existing.map_or(0, |parameter| parameter.version) + 1,
            data_type: self.data_type.clone().or_else(|| existing.map(|p| p.data_type.clone())).unwrap_or_else(|| "text".to_owned()),
            modified,
            description: self.description.clone().or_else(|| existing.map(|p| p.description.clone())).unwrap_or_default(),
            tags: existing.map_or(tags, |parameter| parameter.tags.clone()),
        })
    }
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
    if name.is_empty() || name.len() > MOST_NAME_BYTES || !name.chars().all(is_allowed) || name.contains("//") || name.ends_with('/') {
        return Err(invalid("Parameter name: only a mix of letters, numbers and the following 4 symbols .-_/ is allowed."));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(invalid("Parameter name must be a fully qualified name."));
    }
    if name.matches('/').count() > MOST_LEVELS {
        let message = format!("Parameter hierarchies are limited to {MOST_LEVELS} levels.");
        return Err(ApiError::new(400, "HierarchyLevelLimitExceededException", message));
    }
    let beginning = name.trim_start_matches('/').to_ascii_lowercase();
    if beginning.starts_with("aws") || beginning.starts_with("ssm") {
        return Err(reserved(name));
    }
    Ok(())
}

fn has_image(here: &RegionState, id: &str, account: &AccountId) -> bool {
    here.images.get(id).is_some_and(|image| image.owner == *account || image.public || image.launch_permissions.contains(account.as_str()))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "ValidationException", message)
}

fn not_found(name: &str) -> ApiError {
    ApiError::new(400, "ParameterNotFound", format!("The parameter {name} could not be found."))
}

fn reserved(name: &str) -> ApiError {
    ApiError::new(400, "AccessDeniedException", format!("No access to reserved parameter name: {name}."))
}

/// Writes a public parameter, one below `/aws/service/` that callers may only read.
///
/// # Errors
///
/// When the state can't be written.
pub fn publish_parameter(twin: &Twin, region: &Region, name: &str, value: &str) -> Result<(), ApiError> {
    let modified = twin.clock().now();
    twin.change(|state| {
        let parameters = &mut state.regions.entry(region.clone()).or_default().parameters;
        let version = parameters.get(name).map_or(1, |old| old.version + 1);
        let parameter = Parameter {
            name: name.to_owned(),
            kind: "String".to_owned(),
            value: value.to_owned(),
            version,
            data_type: "text".to_owned(),
            description: String::new(),
            modified,
            tags: Tags::new(),
        };
        parameters.insert(name.to_owned(), parameter);
        Ok(())
    })
}

/// Has the public parameters of one value say another; returns their names.
pub(super) fn move_public(parameters: &mut BTreeMap<String, Parameter>, from: &str, to: &str, now: Timestamp) -> Vec<String> {
    let moved = parameters.values_mut().filter(|parameter| parameter.value == from && parameter.name.starts_with(PUBLIC_PREFIX));
    moved
        .map(|parameter| {
            parameter.value = to.to_owned();
            parameter.version += 1;
            parameter.modified = now;
            parameter.name.clone()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde_json::json;

    use crate::twin::testing::TestTwin;

    impl TestTwin {
        async fn ssm(&self, operation: &str, body: serde_json::Value) -> (StatusCode, serde_json::Value) {
            let target = format!("AmazonSSM.{operation}");
            let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.1")];
            let reply = self.send("ssm", http::Method::POST, "/", &headers, body.to_string()).await;
            (reply.status(), serde_json::from_slice(reply.body()).unwrap())
        }
    }

    #[tokio::test]
    async fn a_parameter_is_put_read_changed_and_deleted() {
        let twin = TestTwin::new();
        let put = |value: &str, overwrite: bool| json!({ "Name": "/a/b", "Value": value, "Type": "String", "Overwrite": overwrite });
        assert_eq!(twin.ssm("PutParameter", put("one", false)).await.1["Version"], 1);
        assert_eq!(twin.ssm("PutParameter", put("two", false)).await.1["__type"], "ParameterAlreadyExists");
        assert_eq!(twin.ssm("PutParameter", put("two", true)).await.1["Version"], 2);
        let (_, read) = twin.ssm("GetParameter", json!({ "Name": "/a/b" })).await;
        assert_eq!((&read["Parameter"]["Value"], &read["Parameter"]["Version"]), (&json!("two"), &json!(2)));
        let (_, read) = twin.ssm("GetParameters", json!({ "Names": ["/a/b", "/a/c"] })).await;
        assert_eq!((&read["Parameters"][0]["Name"], &read["InvalidParameters"]), (&json!("/a/b"), &json!(["/a/c"])));
        assert_eq!(twin.ssm("DeleteParameter", json!({ "Name": "/a/b" })).await.0, 200);
        let (status, refused) = twin.ssm("GetParameter", json!({ "Name": "/a/b" })).await;
        assert_eq!((status.as_u16(), &refused["__type"]), (400, &json!("ParameterNotFound")));
    }

    #[tokio::test]
    async fn what_the_store_would_not_take_is_refused() {
        let twin = TestTwin::new();
        let tag = json!([{ "Key": "k", "Value": "v" }]);
        for (body, code) in [
            (json!({ "Name": "/a", "Value": "v" }), "ValidationException"),
            (json!({ "Name": "a/b", "Value": "v", "Type": "String" }), "ValidationException"),
            (json!({ "Name": "/a b", "Value": "v", "Type": "String" }), "ValidationException"),
            (json!({ "Name": "/aws/service/x", "Value": "v", "Type": "String" }), "AccessDeniedException"),
            (json!({ "Name": "/a", "Value": "v", "Type": "SecureString" }), "UnsupportedParameterType"),
            (json!({ "Name": "/a", "Value": "v", "Type": "String", "Overwrite": true, "Tags": tag }), "ValidationException"),
            (json!({ "Name": "/a", "Value": "v", "Type": "String", "DataType": "aws:ec2:image" }), "ValidationException"),
            (json!({ "Name": "/a", "Value": "v", "Type": "String", "Policies": "[]" }), "ValidationException"),
        ] {
            assert_eq!(twin.ssm("PutParameter", body.clone()).await.1["__type"], code, "{body}");
        }
        assert_eq!(twin.ssm("LabelParameterVersion", json!({})).await.1["__type"], "UnknownOperationException");
    }

    #[tokio::test]
    async fn an_image_that_is_not_there_is_accepted_and_not_stored() {
        let twin = TestTwin::new();
        let body = json!({ "Name": "/a", "Value": "ami-0123456789abcdef0", "Type": "String", "DataType": "aws:ec2:image" });
        assert_eq!(twin.ssm("PutParameter", body).await.0, 200);
        assert_eq!(twin.ssm("GetParameter", json!({ "Name": "/a" })).await.1["__type"], "ParameterNotFound");
    }
}
