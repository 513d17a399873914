//! What goes wrong on purpose: requests and answers that get lost, faults and refusals, by a script.
//!
//! A network loses what it carries and a service has its bad days; a caller has to come through all
//! of it. Rules are looked at in their order for every admitted request; the first that strikes counts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::operation::Operation;

/// What goes wrong, as a file holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultScript {
    /// The format of the file: 1.
    pub format: u32,
    /// The rules.
    pub rules: Vec<FaultRule>,
}

/// Which calls are struck, and by what.
///
/// The calls that a rule is about are counted from 1; it strikes `times` of them from the `nth` on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The service, as requests are signed for it (`ec2`, `ebs`, `aws-marketplace`, …); any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The operation, such as `RunInstances`; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// A change type, such as `UpdateVisibility`: the rule is about the changes of this type that the Catalog lets in, or,
    /// for [`RESCAN`], about the scans of published versions that AWS repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_type: Option<String>,
    /// Counts only calls that change something.
    #[serde(default)]
    pub only_changes: bool,
    /// The first call struck.
    #[serde(default = "one")]
    pub nth: u64,
    /// How many calls are struck.
    #[serde(default = "one")]
    pub times: u64,
    /// What strikes them.
    pub fault: Fault,
}

/// Stands for the scans of published versions where change types stand.
pub const RESCAN: &str = "Rescan";

/// What happens to a call, or to a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The connection breaks before the request is there: nothing is done.
    LostRequest,
    /// It is done, and the connection breaks before the answer is there.
    LostAnswer,
    /// It is done, and no answer ever comes.
    Silence,
    /// The request is so much longer on its way, and is answered as usual.
    Latency {
        /// How long, on the twin's clock; not zero.
        milliseconds: u32,
    },
    /// Nothing is done; the answer is this, in the service's own form.
    Answer {
        /// The HTTP status, such as 503.
        status: u16,
        /// AWS's code, such as `RequestLimitExceeded`.
        code: String,
        /// AWS's text.
        #[serde(default)]
        message: String,
    },
    /// The change's set fails when its time has come: what a reviewer says, or what only AWS can find.
    Refusal {
        /// AWS's code, such as `AUDIT_ERROR`; `SERVER_FAULT` fails the set as AWS's own fault.
        code: String,
        /// AWS's text.
        #[serde(default)]
        message: String,
    },
    /// The scan of the change's image finds these.
    ScanFindings(Vec<ScanFinding>),
}

/// What a scan has against an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanFinding {
    /// Its code.
    pub code: String,
    /// Its text.
    #[serde(default)]
    pub message: String,
}

/// A script that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FaultScriptError {
    /// It does not parse.
    #[error("it is no script of faults")]
    Syntax {
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// It is of another version of bakehouse.
    #[error("its format is {found}, not 1")]
    Format {
        /// Its format.
        found: u32,
    },
    /// A rule is about an operation that there is none of.
    #[error("rule {number} names the operation {name:?}, which the twin lacks")]
    Operation {
        /// Its place, from 1.
        number: usize,
        /// What it names.
        name: String,
        /// What it could name: the operations of its service.
        known: Vec<String>,
    },
    /// A rule can never strike.
    #[error("rule {number} {reason}")]
    Rule {
        /// Its place, from 1.
        number: usize,
        /// What is wrong with it, as a predicate.
        reason: String,
    },
}

impl FaultScript {
    /// Reads a script.
    ///
    /// # Errors
    ///
    /// [`FaultScriptError`]; a rule that can never strike is one.
    pub fn parse(text: &str) -> Result<Self, FaultScriptError> {
        let script: Self = serde_json::from_str(text).map_err(|source| FaultScriptError::Syntax { source })?;
        if script.format != 1 {
            return Err(FaultScriptError::Format { found: script.format });
        }
        for (index, rule) in script.rules.iter().enumerate() {
            let number = index + 1;
            rule.check().map_err(|reason| FaultScriptError::Rule { number, reason })?;
            if let Some((name, known)) = rule.unknown_operation() {
                return Err(FaultScriptError::Operation { number, name, known });
            }
        }
        Ok(script)
    }
}

impl FaultRule {
    /// Makes a rule that strikes the nth call that changes something.
    pub fn nth_change(nth: u64, fault: Fault) -> Self {
        Self { service: None, operation: None, change_type: None, only_changes: true, nth, times: 1, fault }
    }

    /// Makes a rule that strikes the first calls of an operation.
    pub fn first_calls(operation: &str, times: u64, fault: Fault) -> Self {
        let operation = Some(operation.to_owned());
        Self { service: None, operation, change_type: None, only_changes: false, nth: 1, times, fault }
    }

    /// Makes a rule that strikes the first changes of a type.
    pub fn first_changes(change_type: &str, times: u64, fault: Fault) -> Self {
        let change_type = Some(change_type.to_owned());
        Self { service: None, operation: None, change_type, only_changes: false, nth: 1, times, fault }
    }

    fn check(&self) -> Result<(), String> {
        match (&self.service, &self.fault) {
            (Some(service), _) if !super::service::is_known(service) => Err(format!("names the service {service:?}, which the twin lacks")),
            (_, Fault::Answer { status, .. }) if !(400..=599).contains(status) => {
                Err(format!("answers with status {status}, which is no failure"))
            }
            _ if self.change_type.is_some() => self.check_change(),
            (_, Fault::Refusal { .. } | Fault::ScanFindings(_)) => Err("refuses a change, and names no change_type".to_owned()),
            (_, Fault::Latency { milliseconds: 0 }) => Err("adds no latency".to_owned()),
            _ if self.nth == 0 || self.times == 0 => Err("strikes no call: calls are counted from 1".to_owned()),
            _ => Ok(()),
        }
    }

    fn check_change(&self) -> Result<(), String> {
        let name = self.change_type.as_deref().unwrap_or_default();
        let is_rescan = name == RESCAN;
        if !is_rescan && !super::catalog::change_types().any(|(_, known, _)| known == name) {
            return Err(format!("names the change type {name:?}, which the twin lacks"));
        }
        if self.service.is_some() || self.operation.is_some() || self.only_changes {
            return Err("is about changes, and names calls too".to_owned());
        }
        if self.nth == 0 || self.times == 0 {
            return Err("strikes no change: they are counted from 1".to_owned());
        }
        match &self.fault {
            Fault::ScanFindings(_) => Ok(()),
            Fault::Refusal { .. } if !is_rescan => Ok(()),
            Fault::LostRequest if is_rescan => Ok(()),
            _ => Err("is about changes: they meet a refusal or scan_findings, and a Rescan scan_findings or lost_request".to_owned()),
        }
    }

    /// Returns the operation that the rule names, and those that there are, unless it is one of them.
    fn unknown_operation(&self) -> Option<(String, Vec<String>)> {
        // What has no name goes by its method and path.
        let name = self.operation.as_ref().filter(|name| !name.contains(' '))?;
        let of_service = |action: String| {
            let (service, operation) = action.split_once(':')?;
            self.service.as_deref().is_none_or(|wanted| wanted == service).then(|| operation.to_owned())
        };
        let known: Vec<String> = super::describe::actions().into_iter().filter_map(of_service).collect();
        (!known.contains(name)).then(|| (name.clone(), known))
    }

    fn is_about(&self, operation: &Operation) -> bool {
        self.change_type.is_none()
            && self.service.as_deref().is_none_or(|service| service == operation.service)
            && self.operation.as_deref().is_none_or(|name| name == operation.name)
            && (!self.only_changes || operation.changes())
    }
}

/// The rules with their counts, and the count of all calls.
pub(super) struct Faults {
    tally: Arc<Tally>,
    /// Told when a call is met with silence.
    silenced: Notify,
}

/// The rules of a twin, and how often each could have struck; known still when the twin is closed.
#[derive(Debug)]
pub struct Tally {
    rules: Vec<FaultRule>,
    counts: Mutex<Counts>,
}

impl Tally {
    /// Says of each rule that never struck how often it was called what the rule is about, a line each.
    pub fn unstruck(&self) -> Vec<String> {
        let counts = self.lock();
        let never = (1..).zip(&self.rules).zip(&counts.of_rules).filter(|((_, rule), count)| **count < rule.nth);
        let line = |((number, rule), count): ((usize, &FaultRule), &u64)| {
            let named = [&rule.change_type, &rule.operation, &rule.service];
            let of = named.into_iter().find_map(|name| name.as_deref()).unwrap_or("any operation");
            format!("rule {number} of the faults never struck: it strikes from call {} of {of} on, and there were {count}", rule.nth)
        };
        never.map(line).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(|e| e.into_inner())
    }
}

#[derive(Debug, Default)]
struct Counts {
    of_rules: Vec<u64>,
    of_operations: BTreeMap<Operation, u64>,
}

impl Faults {
    pub(super) fn new(rules: Vec<FaultRule>) -> Self {
        let counts = Counts { of_rules: vec![0; rules.len()], of_operations: BTreeMap::new() };
        Self { tally: Arc::new(Tally { rules, counts: Mutex::new(counts) }), silenced: Notify::new() }
    }

    /// Returns the rules with their counts.
    pub(super) fn tally(&self) -> Arc<Tally> {
        self.tally.clone()
    }

    /// Counts a call and says what strikes it.
    pub(super) fn strike(&self, operation: &Operation) -> Option<&Fault> {
        *self.tally.lock().of_operations.entry(operation.clone()).or_default() += 1;
        self.strike_where(|rule| rule.is_about(operation))
    }

    /// Counts a change that was let in, or a [`RESCAN`], and says what becomes of it.
    pub(super) fn strike_change(&self, change_type: &str) -> Option<&Fault> {
        self.strike_where(|rule| rule.change_type.as_deref() == Some(change_type))
    }

    fn strike_where(&self, is_about: impl Fn(&FaultRule) -> bool) -> Option<&Fault> {
        let mut counts = self.tally.lock();
        let mut struck = None;
        for (rule, count) in self.tally.rules.iter().zip(&mut counts.of_rules).filter(|(rule, _)| is_about(rule)) {
            *count += 1;
            let strikes = *count >= rule.nth && *count - rule.nth < rule.times;
            if strikes && struck.is_none() {
                struck = Some(&rule.fault);
            }
        }
        struck
    }

    /// Never answers; whoever waits for that is told.
    pub(super) async fn stay_silent<T>(&self) -> T {
        self.silenced.notify_one();
        std::future::pending().await
    }

    /// Waits until a call is met with silence.
    pub(super) async fn silenced(&self) {
        self.silenced.notified().await;
    }

    /// Returns how often each operation was called in this process.
    pub(super) fn calls(&self) -> BTreeMap<Operation, u64> {
        self.tally.lock().of_operations.clone()
    }
}

fn one() -> u64 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(name: &'static str) -> Operation {
        Operation { service: "ec2", name: name.into() }
    }

    #[test]
    fn a_rule_counts_the_calls_it_is_about() {
        let lost = FaultRule { nth: 2, times: 2, ..FaultRule::nth_change(1, Fault::LostAnswer) };
        let refused = FaultRule::first_calls("DescribeImages", 1, Fault::Silence);
        let faults = Faults::new(vec![lost, refused]);
        let strikes = ["RunInstances", "DescribeImages", "DescribeImages", "CreateTags", "CopyImage", "CreateTags"]
            .map(|name| faults.strike(&operation(name)).cloned());
        assert_eq!(strikes, [None, Some(Fault::Silence), None, Some(Fault::LostAnswer), Some(Fault::LostAnswer), None]);
        assert_eq!(faults.calls()[&operation("CreateTags")], 2);
    }

    #[test]
    fn rules_about_changes_count_changes_alone() {
        let refusal = Fault::Refusal { code: "AUDIT_ERROR".to_owned(), message: String::new() };
        let faults = Faults::new(vec![FaultRule::first_changes("UpdateVisibility", 1, refusal.clone())]);
        assert_eq!(faults.strike(&operation("StartChangeSet")), None);
        let struck = ["AddRegions", "UpdateVisibility", "UpdateVisibility"].map(|change_type| faults.strike_change(change_type).cloned());
        assert_eq!(struck, [None, Some(refusal), None]);
    }

    #[test]
    fn a_rule_that_never_struck_is_told() {
        let rules =
            vec![FaultRule { nth: 3, ..FaultRule::first_calls("CreateTags", 1, Fault::Silence) }, FaultRule::nth_change(1, Fault::Silence)];
        let faults = Faults::new(rules);
        faults.strike(&operation("CreateTags"));
        let expected = "rule 1 of the faults never struck: it strikes from call 3 of CreateTags on, and there were 1";
        assert_eq!(faults.tally().unstruck(), [expected]);
    }

    #[test]
    fn a_script_reads_as_it_is_written() {
        let text = r#"{"format": 1, "rules": [
            {"operation": "RunInstances", "fault": "lost_answer"},
            {"service": "ebs", "nth": 3, "times": 2, "fault": {"answer": {"status": 503, "code": "ServiceUnavailable"}}},
            {"service": "ebs", "fault": {"latency": {"milliseconds": 20}}}
        ]}"#;
        let script = FaultScript::parse(text).unwrap();
        assert_eq!(script.rules[0], FaultRule::first_calls("RunInstances", 1, Fault::LostAnswer));
        let Fault::Answer { status, .. } = &script.rules[1].fault else { panic!("{script:?}") };
        assert_eq!((*status, script.rules[1].nth), (503, 3));
        assert_eq!(script.rules[2].fault, Fault::Latency { milliseconds: 20 });
    }

    #[test]
    fn a_rule_that_can_never_strike_is_refused() {
        for (rule, reason) in [
            (r#""service": "ecs", "fault": "silence""#, "rule 1 names the service \"ecs\", which the twin lacks"),
            (r#""operation": "RunInstance", "fault": "silence""#, "rule 1 names the operation \"RunInstance\", which the twin lacks"),
            (
                r#""service": "ebs", "operation": "RunInstances", "fault": "silence""#,
                "rule 1 names the operation \"RunInstances\", which the twin lacks",
            ),
            (r#""fault": {"scan_findings": []}"#, "rule 1 refuses a change, and names no change_type"),
            (
                r#""change_type": "UpdateName", "fault": {"refusal": {"code": "X"}}"#,
                "rule 1 names the change type \"UpdateName\", which the twin lacks",
            ),
            (
                r#""change_type": "Rescan", "fault": {"refusal": {"code": "X"}}"#,
                "rule 1 is about changes: they meet a refusal or scan_findings, and a Rescan scan_findings or lost_request",
            ),
            (r#""nth": 0, "fault": "silence""#, "rule 1 strikes no call: calls are counted from 1"),
            (r#""fault": {"answer": {"status": 200, "code": "x"}}"#, "rule 1 answers with status 200, which is no failure"),
            (r#""fault": {"latency": {"milliseconds": 0}}"#, "rule 1 adds no latency"),
        ] {
            let refused = FaultScript::parse(&format!("{{\"format\": 1, \"rules\": [{{{rule}}}]}}")).unwrap_err();
            assert_eq!(refused.to_string(), reason);
        }
        assert!(matches!(FaultScript::parse("{\"format\": 2, \"rules\": []}"), Err(FaultScriptError::Format { found: 2 })));
    }
}
