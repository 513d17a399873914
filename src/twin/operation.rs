//! Which operation a request asks for, as AWS names it.

use std::borrow::Cow;
use std::fmt;

use http::Method;

use super::Call;

/// A service's operation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// The service, as requests are signed for it.
    pub service: &'static str,
    /// The operation, such as `RunInstances`; a method and a path where there is none of that kind.
    pub name: Cow<'static, str>,
}

/// The longest name that is remembered: a caller may send any text as an action.
const MOST_NAME_CHARACTERS: usize = 64;

impl Operation {
    /// Reads off a request what it asks for.
    pub(super) fn of(service: &'static str, call: &Call) -> Self {
        let name = match service {
            "ebs" => block_operation(call),
            "aws-marketplace" => call.uri.path().trim_matches('/').to_owned().into(),
            _ => target(call).or_else(|| action(call)).map_or_else(|| rest(call), Cow::Owned),
        };
        let name =
            if name.len() > MOST_NAME_CHARACTERS { name.chars().take(MOST_NAME_CHARACTERS).collect::<String>().into() } else { name };
        Self { service, name }
    }

    /// Tells whether it changes something.
    pub fn changes(&self) -> bool {
        const LOOKS: [&str; 7] = ["Describe", "Get", "List", "Batch", "Head", "Simulate", "GET "];
        !LOOKS.iter().any(|look| self.name.starts_with(look))
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.name)
    }
}

/// JSON protocols name it in a header: `AmazonSSM.GetParameter`.
fn target(call: &Call) -> Option<String> {
    let target = call.headers.get("x-amz-target")?.to_str().ok()?;
    Some(target.rsplit('.').next().unwrap_or(target).to_owned())
}

/// Query protocols name it in a parameter.
fn action(call: &Call) -> Option<String> {
    let in_query = call.uri.query().unwrap_or_default().as_bytes();
    let mut parameters = form_urlencoded::parse(in_query).chain(form_urlencoded::parse(&call.body));
    parameters.find(|(name, _)| name == "Action").map(|(_, action)| action.into_owned())
}

fn block_operation(call: &Call) -> Cow<'static, str> {
    let path: Vec<&str> = call.uri.path().split('/').skip(1).collect();
    Cow::Borrowed(match (&call.method, &path[..]) {
        (&Method::POST, ["snapshots"]) => "StartSnapshot",
        (&Method::POST, ["snapshots", "completion", _]) => "CompleteSnapshot",
        (&Method::PUT, ["snapshots", _, "blocks", _]) => "PutSnapshotBlock",
        (&Method::GET, ["snapshots", _, "blocks", _]) => "GetSnapshotBlock",
        (&Method::GET, ["snapshots", _, "blocks"]) => "ListSnapshotBlocks",
        (&Method::GET, ["snapshots", _, "changedblocks"]) => "ListChangedBlocks",
        _ => return rest(call),
    })
}

fn rest(call: &Call) -> Cow<'static, str> {
    Cow::Owned(format!("{} {}", call.method, call.uri.path()))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn named(service: &'static str, method: Method, uri: &str, target: Option<&'static str>, body: &'static str) -> (String, bool) {
        let mut headers = http::HeaderMap::new();
        if let Some(target) = target {
            headers.insert("x-amz-target", http::HeaderValue::from_static(target));
        }
        let region = "us-east-1".parse().unwrap();
        let call = Call { region, method, uri: uri.parse().unwrap(), headers, body: Bytes::from_static(body.as_bytes()) };
        let operation = Operation::of(service, &call);
        (operation.to_string(), operation.changes())
    }

    #[test]
    fn each_protocol_names_its_operations_in_its_own_way() {
        for (found, expected) in [
            (named("ec2", Method::POST, "/", None, "Version=1&Action=RunInstances"), ("ec2:RunInstances", true)),
            (named("sts", Method::GET, "/?Action=GetCallerIdentity", None, ""), ("sts:GetCallerIdentity", false)),
            (named("ssm", Method::POST, "/", Some("AmazonSSM.PutParameter"), "{}"), ("ssm:PutParameter", true)),
            (named("ebs", Method::GET, "/snapshots/snap-1/blocks/7?blockToken=x", None, ""), ("ebs:GetSnapshotBlock", false)),
            (named("ebs", Method::PUT, "/snapshots/snap-1/blocks/7", None, ""), ("ebs:PutSnapshotBlock", true)),
            (named("aws-marketplace", Method::POST, "/StartChangeSet", None, ""), ("aws-marketplace:StartChangeSet", true)),
            (named("ec2", Method::DELETE, "/odd", None, ""), ("ec2:DELETE /odd", true)),
        ] {
            assert_eq!((found.0.as_str(), found.1), expected);
        }
    }

    #[test]
    fn a_long_text_is_no_name_to_remember() {
        let body: &'static str = Box::leak(format!("Action={}", "é".repeat(1000)).into_boxed_str());
        assert_eq!(named("ec2", Method::POST, "/", None, body).0.chars().count(), 64 + "ec2:".len());
    }
}
