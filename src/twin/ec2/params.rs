//! The query protocol's parameters: flat names such as `BlockDeviceMapping.1.Ebs.VolumeSize`.
//!
//! Values can only be had through [`Params::read`], which refuses whatever the operation has not
//! asked for, and the operation's row names what it takes. So a parameter that the twin doesn't implement
//! is refused by its name, never ignored.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::model::digest::Digest;
use crate::twin::error::ApiError;
use crate::twin::rates::Weight;
use crate::twin::table::{self, Judgement, Row};

use super::fault;
use super::operations::OPERATIONS;

/// The parameters of one request.
#[derive(Debug)]
pub(super) struct Params {
    operation: &'static Row,
    values: BTreeMap<String, String>,
}

impl Params {
    /// Parses a form-encoded body and takes out `Action` and `Version`.
    pub(super) fn parse(form: &[u8]) -> Result<Self, ApiError> {
        let mut values = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(form) {
            if value.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
                return Err(fault::invalid_value(&name, "it contains control characters"));
            }
            if values.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(fault::of("InvalidQueryParameter", format!("The parameter {name} is given more than once.")));
            }
        }
        let action = values.remove("Action").ok_or_else(|| fault::of("MissingAction", "The request is missing an action."))?;
        match values.remove("Version") {
            Some(version) if version == super::API_VERSION => {}
            Some(version) => {
                return Err(fault::of("NoSuchVersion", format!("The requested version ({version}) of service AmazonEC2 does not exist")));
            }
            None => return Err(fault::missing("Version")),
        }
        let operation = table::find(OPERATIONS, &action).ok_or_else(|| {
            fault::of("InvalidAction", format!("The action {action} is not valid for this web service: the twin does not have it."))
        })?;
        Ok(Self { operation, values })
    }

    /// Refuses parameters that the operation's row does not have.
    pub(super) fn check_names(&self) -> Result<(), ApiError> {
        for name in self.values.keys().filter(|name| *name != "DryRun") {
            match self.operation.judge(name) {
                Judgement::Taken => {}
                Judgement::Refused => return Err(fault::unsupported_parameter(name, self.operation.name)),
                Judgement::Unknown => return Err(fault::unknown_parameter(name)),
            }
        }
        Ok(())
    }

    /// Returns the operation.
    pub(super) fn operation(&self) -> &'static Row {
        self.operation
    }

    /// Returns what the request weighs: what it names by id, and whether it asks for a whole list.
    pub(super) fn weight(&self) -> Weight {
        // Whose things are wanted, and how much is told of them, makes no list shorter in AWS's eyes.
        let is_wide = |name: &String| ["DryRun", "IncludeAllInstances"].contains(&name.as_str()) || name.starts_with("Owner.");
        let ids = self.values.keys().filter(|name| name.starts_with("InstanceId.")).count();
        Weight { unfiltered: self.values.keys().all(is_wide), resources: u32::try_from(ids.max(1)).unwrap_or(u32::MAX) }
    }

    /// Returns the values that name things, those of filters left out: they may name what isn't there.
    pub(super) fn named(&self) -> impl Iterator<Item = &str> {
        self.values.iter().filter(|(name, _)| !name.starts_with("Filter.")).map(|(_, value)| value.as_str())
    }

    /// Digests operation and parameters but the client token: what an idempotent repetition repeats.
    pub(super) fn digest(&self) -> Digest {
        let pairs = self.values.iter().filter(|(name, _)| *name != "ClientToken" && *name != "DryRun");
        let parts = pairs.flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
        Digest::of_parts(std::iter::once(self.operation.name.as_bytes()).chain(parts))
    }

    /// Reads the parameters, refuses those that `parse` did not ask for, and answers `DryRun`.
    ///
    /// An operation that validates more before a dry run's answer asks for `DryRun` itself.
    pub(super) fn read<T>(self, parse: impl FnOnce(&mut Fields) -> Result<T, ApiError>) -> Result<T, ApiError> {
        let mut fields = Fields { operation: self.operation, path: String::new(), values: self.values };
        let parsed = parse(&mut fields)?;
        let dry_run = fields.boolean("DryRun")?.unwrap_or(false);
        fields.finish()?;
        if dry_run { Err(fault::dry_run()) } else { Ok(parsed) }
    }
}

/// Parameters under a common path; each is taken out as it is read.
#[derive(Debug)]
pub(super) struct Fields {
    operation: &'static Row,
    /// Empty, or the parameters' common beginning with its dot.
    path: String,
    values: BTreeMap<String, String>,
}

impl Fields {
    /// Returns the operation that the parameters are for.
    pub(super) fn operation(&self) -> &'static Row {
        self.operation
    }

    /// Takes a text; an empty one counts as absent, as on EC2.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.values.remove(name).filter(|value| !value.is_empty())
    }

    /// Takes a text that must be there.
    pub(super) fn required(&mut self, name: &str) -> Result<String, ApiError> {
        self.text(name).ok_or_else(|| fault::missing(&format!("{}{name}", self.path)))
    }

    /// Takes `true` or `false`.
    pub(super) fn boolean(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        self.text(name)
            .map(|value| match value.to_ascii_lowercase().as_str() {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(fault::of(
                    "InvalidParameterValue",
                    format!("Invalid value '{value}' for {}{name}. It must be a boolean.", self.path),
                )),
            })
            .transpose()
    }

    /// Takes a number.
    pub(super) fn number<N: FromStr>(&mut self, name: &str) -> Result<Option<N>, ApiError> {
        let Some(value) = self.text(name) else { return Ok(None) };
        let parsed = value.parse().map_err(|_| {
            fault::of(
                "InvalidParameterValue",
                format!("Value ({value}) for parameter {}{name} is invalid. It must be a number.", self.path),
            )
        })?;
        Ok(Some(parsed))
    }

    /// Takes a text that must be one of `allowed`.
    pub(super) fn one_of(&mut self, name: &str, allowed: &[&'static str]) -> Result<Option<&'static str>, ApiError> {
        let Some(value) = self.text(name) else { return Ok(None) };
        let Some(found) = allowed.iter().find(|a| **a == value) else {
            let text = format!("Value ({value}) for parameter {}{name} is invalid. The twin takes: {}.", self.path, allowed.join(", "));
            return Err(fault::of("InvalidParameterValue", text));
        };
        Ok(Some(found))
    }

    /// Takes a list of texts: `Name.1`, `Name.2`…
    pub(super) fn list(&mut self, name: &str) -> Result<Vec<String>, ApiError> {
        let members = self.members(name)?;
        members.into_values().map(|mut member| member.required("").map_err(|_| fault::invalid_value(&member.path, "it is empty"))).collect()
    }

    /// Takes a list of structures: `Name.1.Member`, `Name.2.Member`…
    pub(super) fn each<T>(&mut self, name: &str, mut parse: impl FnMut(&mut Self) -> Result<T, ApiError>) -> Result<Vec<T>, ApiError> {
        let parse = |mut member: Self| {
            let parsed = parse(&mut member)?;
            member.finish()?;
            Ok(parsed)
        };
        self.members(name)?.into_values().map(parse).collect()
    }

    /// Takes a structure: `Name.Member`; none when no member of it is given.
    pub(super) fn within<T>(&mut self, name: &str, parse: impl FnOnce(&mut Self) -> Result<T, ApiError>) -> Result<Option<T>, ApiError> {
        let mut inner = self.under(name);
        if inner.values.is_empty() {
            return Ok(None);
        }
        let parsed = parse(&mut inner)?;
        inner.finish()?;
        Ok(Some(parsed))
    }

    /// Splits off everything under `name.`, without that beginning.
    fn under(&mut self, name: &str) -> Self {
        let start = format!("{name}.");
        let mut inner = Self { operation: self.operation, path: format!("{}{start}", self.path), values: BTreeMap::new() };
        let names: Vec<String> = self.values.range(start.clone()..).map(|(n, _)| n.clone()).take_while(|n| n.starts_with(&start)).collect();
        for full in names {
            if let Some(value) = self.values.remove(&full) {
                inner.values.insert(full[start.len()..].to_owned(), value);
            }
        }
        inner
    }

    /// Splits off the members of a list, by number. A member that is a plain text has the empty name.
    fn members(&mut self, name: &str) -> Result<BTreeMap<u32, Self>, ApiError> {
        let inner = self.under(name);
        let mut members: BTreeMap<u32, Self> = BTreeMap::new();
        for (rest, value) in inner.values {
            let (number, member) = rest.split_once('.').unwrap_or((&rest, ""));
            let index = number.parse().ok().filter(|n| *n > 0);
            let index = index.ok_or_else(|| fault::unknown_parameter(&format!("{}{rest}", inner.path)))?;
            let path = if member.is_empty() { format!("{}{number}", inner.path) } else { format!("{}{number}.", inner.path) };
            let new = || Self { operation: self.operation, path, values: BTreeMap::new() };
            members.entry(index).or_insert_with(new).values.insert(member.to_owned(), value);
        }
        Ok(members)
    }

    fn finish(self) -> Result<(), ApiError> {
        match self.values.keys().next() {
            None => Ok(()),
            Some(name) => Err(fault::unsupported_parameter(&format!("{}{name}", self.path), self.operation.name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twin::rates::Rate;

    fn params(query: &str) -> Params {
        static TRY: Row = Row::new("Try", Rate::UNLIMITED);
        let pairs = form_urlencoded::parse(query.as_bytes());
        Params { operation: &TRY, values: pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect() }
    }

    #[test]
    fn lists_and_structures_are_taken_in_the_order_of_their_numbers() {
        let read = params("F.10.Name=b&F.2.Name=a&F.2.Value.1=x&F.2.Value.2=y&M.Size=3").read(|f| {
            let list = f.each("F", |m| Ok((m.required("Name")?, m.list("Value")?)))?;
            Ok((list, f.within("M", |m| m.number::<u64>("Size"))?))
        });
        let expected = vec![("a".to_owned(), vec!["x".to_owned(), "y".to_owned()]), ("b".to_owned(), vec![])];
        assert_eq!(read.unwrap(), (expected, Some(Some(3))));
    }

    #[test]
    fn what_nobody_asked_for_is_refused_by_its_full_name() {
        let error = params("A=1&B.1.C=2&B.1.D=3").read(|f| {
            f.text("A");
            f.each("B", |m| m.required("C"))
        });
        let error = error.unwrap_err();
        assert_eq!(error.code, "UnsupportedOperation");
        assert!(error.message.contains("B.1.D"), "{}", error.message);
    }

    #[test]
    fn a_dry_run_is_answered_after_reading() {
        assert_eq!(params("DryRun=true").read(|_| Ok(())).unwrap_err().status, 412);
        assert_eq!(params("DryRun=true&X=1").read(|_| Ok(())).unwrap_err().code, "UnsupportedOperation");
    }

    #[test]
    fn hostile_forms_are_refused() {
        let known = "Action=DescribeImages&Version=2016-11-15";
        assert!(Params::parse(known.as_bytes()).is_ok());
        for form in ["", "Action=A", "Action=A&Version=1", &format!("{known}&x=1&x=2"), &format!("{known}&x=%00")] {
            assert!(Params::parse(form.as_bytes()).is_err(), "{form}");
        }
        for query in ["L.0=a", "L.=a", "L.x=a", "L.99999999999=a", "L.1.2=a", "L.1="] {
            assert!(params(query).read(|f| f.list("L")).is_err(), "{query}");
        }
    }

    #[test]
    fn the_digest_leaves_out_the_client_token() {
        assert_eq!(params("A=1&ClientToken=x").digest(), params("A=1&ClientToken=y").digest());
        assert_ne!(params("A=1").digest(), params("A=2").digest());
    }
}
