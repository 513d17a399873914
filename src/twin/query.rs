//! AWS's query protocol, as STS and IAM speak it: a form in, XML out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::error::{ApiError, xml};
use super::{Call, Reply};

/// A request's parameters; those that nobody took are refused at the end.
pub(super) struct Query {
    action: String,
    parameters: BTreeMap<String, String>,
}

impl Query {
    /// Reads a request of a version of the API.
    pub(super) fn of(call: &Call, version: &str) -> Result<Self, ApiError> {
        let in_query = call.uri.query().unwrap_or_default().as_bytes();
        let pairs = form_urlencoded::parse(in_query).chain(form_urlencoded::parse(&call.body));
        let mut parameters: BTreeMap<String, String> = pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        let (action, asked) = (parameters.remove("Action").unwrap_or_default(), parameters.remove("Version").unwrap_or_default());
        if action.is_empty() || asked != version {
            return Err(unknown(&action, &asked));
        }
        Ok(Self { action, parameters })
    }

    /// Returns what is asked for.
    pub(super) fn action(&self) -> &str {
        &self.action
    }

    /// Takes a parameter.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.parameters.remove(name)
    }

    /// Takes a parameter that must be there.
    pub(super) fn required(&mut self, name: &str) -> Result<String, ApiError> {
        let missing = || {
            let member = format!("{}{}", name[..1].to_lowercase(), &name[1..]);
            invalid(format!("1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"))
        };
        self.text(name).filter(|value| !value.is_empty()).ok_or_else(missing)
    }

    /// Takes a list: `Name.member.1`, `Name.member.2`…
    pub(super) fn list(&mut self, name: &str) -> Vec<String> {
        (1..).map_while(|number| self.text(&format!("{name}.member.{number}"))).collect()
    }

    /// Refuses what nobody took.
    pub(super) fn finish(&self) -> Result<(), ApiError> {
        match self.parameters.keys().next() {
            None => Ok(()),
            Some(name) => Err(invalid(format!("The twin does not take the parameter {name} in {}", self.action))),
        }
    }

    /// Refuses an action that the service doesn't have.
    pub(super) fn unknown(&self, version: &str) -> ApiError {
        unknown(&self.action, version)
    }
}

fn unknown(action: &str, version: &str) -> ApiError {
    ApiError::new(400, "InvalidAction", format!("Could not find operation {action} for version {version}"))
}

/// A parameter that can't be.
pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "ValidationError", message)
}

/// The result's elements, written one after the other; every text is escaped.
#[derive(Default)]
pub(super) struct Elements(String);

impl Elements {
    /// Writes `<name>value</name>`.
    pub(super) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        // Writing to a string can't fail.
        let _ = write!(self.0, "<{name}>{}</{name}>", quick_xml::escape::escape(value));
        self
    }

    /// Writes `<name>…</name>` around what `write` writes.
    pub(super) fn within(&mut self, name: &str, write: impl FnOnce(&mut Self)) -> &mut Self {
        let _ = write!(self.0, "<{name}>");
        write(self);
        let _ = write!(self.0, "</{name}>");
        self
    }

    /// Makes the answer to an action.
    pub(super) fn into_reply(self, action: &str, namespace: &str, request_id: &str) -> Reply {
        let result = if self.0.is_empty() { String::new() } else { format!("<{action}Result>{}</{action}Result>", self.0) };
        xml(format!(
            "<{action}Response xmlns=\"{namespace}\">{result}<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>\
             </{action}Response>"
        ))
    }
}
