//! `[scan]`: what the scan lets pass.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::Date;
use regex::Regex;

use super::super::code::Code;
use super::super::context::{Reader, Use, Value, quoted};
use super::files::{normal, read};
use super::product::Facts;
use crate::advisories::vex::Statements;
use crate::model::product::{ScanPolicy, VexDocument, VulnerabilityPolicy};
use crate::model::report::Severity;
use crate::model::waiver::{Exception, Family, Waiver};
use crate::rules::texts::is_harmless;

/// The most waivers. Who needs more lets everything pass.
const MOST_WAIVERS: usize = 100;
/// The most characters of a waiver's texts.
const LONGEST_TEXT: usize = 500;
/// The most VEX documents.
const MOST_DOCUMENTS: usize = 50;
/// The most bytes of a glob.
const LONGEST_GLOB: usize = 500;
/// What the codes of the scan's rules begin with.
const RULES_BEGIN: [&str; 3] = ["AMI-", "COV-", "GATE-"];

/// Reads `[scan]`, which may be missing.
pub(super) fn scan(root: &Reader, facts: &Facts) -> Option<ScanPolicy> {
    root.or("scan", ScanPolicy::failing_on(Severity::High), |value| {
        let reader = value.table()?;
        let fail_on = reader.or("fail-on", Severity::High, |value| severity(&value));
        let thresholds = reader.or("thresholds", BTreeMap::new(), |value| thresholds(&value));
        let waivers = reader.or("waiver", Vec::new(), |value| waivers(&value, facts));
        let unallocated = reader.or("unallocated", false, |value| value.boolean());
        let vulnerabilities = reader.or("vulnerabilities", Default::default(), |value| vulnerabilities(&value));
        reader.finish();
        let (vulnerabilities, vex) = vulnerabilities?;
        Some(ScanPolicy { fail_on: fail_on?, thresholds: thresholds?, waivers: waivers?, unallocated: unallocated?, vulnerabilities, vex })
    })
}

fn severity(value: &Value) -> Option<Severity> {
    value.choice(&[Severity::Low, Severity::Medium, Severity::High, Severity::Critical].map(|severity| (severity.as_str(), severity)))
}

/// What was not looked at is never let pass by a threshold: only by a waiver that names it.
fn coverage_severity(value: &Value) -> Option<Severity> {
    value.choice(&[Severity::Low, Severity::Medium, Severity::High].map(|severity| (severity.as_str(), severity)))
}

fn thresholds(value: &Value) -> Option<BTreeMap<Family, Severity>> {
    let reader = value.table()?;
    let mut thresholds = BTreeMap::new();
    for family in Family::ALL {
        let Some(value) = reader.optional(family.as_str()) else { continue };
        let read = if family == Family::Cov { coverage_severity(&value) } else { severity(&value) };
        thresholds.extend(read.map(|severity| (family, severity)));
    }
    reader.finish();
    Some(thresholds)
}

fn vulnerabilities(value: &Value) -> Option<(VulnerabilityPolicy, Vec<VexDocument>)> {
    let reader = value.table()?;
    let usual = VulnerabilityPolicy::default();
    let max_age_days = reader.or("max-age", usual.max_age_days, |value| days(&value));
    let unfixed = reader.or("unfixed", usual.unfixed, |value| value.boolean());
    let vex = reader.or("vex", Vec::new(), |value| documents(&value));
    reader.finish();
    Some((VulnerabilityPolicy { max_age_days: max_age_days?, unfixed: unfixed? }, vex?))
}

/// Reads the VEX documents that a list names, and tells what in them can't be read or holds for nothing.
fn documents(value: &Value) -> Option<Vec<VexDocument>> {
    let values = value.list(0..=MOST_DOCUMENTS)?;
    let count = values.len();
    let mut documents: Vec<VexDocument> = Vec::new();
    let mut statements = Statements::default();
    for value in values {
        let Some(path) = value.string().map(normal) else { continue };
        if documents.iter().any(|other| other.path == path) {
            value.fault(Code::Duplicate, format!("{} is named twice", quoted(&path))).expected("each document once").report();
        }
        let Some(bytes) = read(&value, &path, Use::Text) else { continue };
        let told = statements.faults().len();
        if let Err(error) = statements.read(&path, &bytes) {
            value.fault(Code::VexDocument, error.to_string()).expected("OpenVEX or a CSAF 2.0 VEX document, JSON").report();
            continue;
        }
        for fault in &statements.faults()[told..] {
            value.fault(Code::VexStatement, fault.to_string()).expected("a statement that can be held against packages").report();
        }
        documents.extend(String::from_utf8(bytes).ok().map(|text| VexDocument { path, text }));
    }
    (documents.len() == count).then_some(documents)
}

/// Reads how many days old something may be: `7d`.
fn days(value: &Value) -> Option<u32> {
    let text = value.string()?;
    let digits = text.strip_suffix('d').filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let Some(digits) = digits else {
        value.fault(Code::Malformed, format!("`{}` is {}", value.name, quoted(text))).expected("days such as \"7d\"").report();
        return None;
    };
    match digits.parse() {
        Ok(days) if (1..=VulnerabilityPolicy::MOST_DAYS).contains(&days) => Some(days),
        _ => {
            let message = format!("`{}` is {}", value.name, quoted(text));
            value.fault(Code::OutOfRange, message).expected(format!("\"1d\" to \"{}d\"", VulnerabilityPolicy::MOST_DAYS)).report();
            None
        }
    }
}

fn waivers(value: &Value, facts: &Facts) -> Option<Vec<Waiver>> {
    let values = value.list(0..=MOST_WAIVERS)?;
    let count = values.len();
    let mut waivers: Vec<Waiver> = Vec::new();
    for value in values {
        let Some(waiver) = waiver(&value, facts) else { continue };
        if waivers.iter().any(|other| (&other.id, &other.target) == (&waiver.id, &waiver.target)) {
            let message = format!("two waivers are for {} of {}", quoted(&waiver.id), quoted(&waiver.target));
            value.fault(Code::Duplicate, message).expected("each `id` and `target` once").report();
        }
        waivers.push(waiver);
    }
    (waivers.len() == count).then_some(waivers)
}

fn waiver(value: &Value, facts: &Facts) -> Option<Waiver> {
    let reader = value.table()?;
    let id = reader.required("id").and_then(|value| id(&value, facts.rules));
    let target = reader.required("target").and_then(|value| target(&value));
    let reason = reader.required("reason").and_then(|value| line(&value));
    let owner = reader.required("owner").and_then(|value| line(&value));
    let created = reader.required("created").and_then(|value| value.date());
    let last_day = reader.required("expires");
    let expires = last_day.and_then(|value| value.date());
    let claim = reader.optional("exception");
    let exception = claim.map_or(Some(None), |value| exception(&value).map(Some));
    reader.finish();
    // What is wrong with one value hides nothing of the others.
    if let (Some(value), Some(created), Some(expires)) = (last_day, created, expires) {
        report_term(&value, created, expires, facts.today);
    }
    if let (Some(value), Some(id), Some(Some(exception))) = (claim, &id, exception) {
        report_exception(&value, id, exception);
    }
    Some(Waiver { id: id?, target: target?, reason: reason?, owner: owner?, created: created?, expires: expires?, exception: exception? })
}

/// Parts of which each may be globbed, or one glob for all of them: `AMI-HIS-001`, `CVE-2024-6387`, `GHSA-6vm3-jj99-7229`,
/// `ALSA-2024:4312`.
static ID: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[A-Z*?][A-Z0-9*?]{0,15}([-:][A-Za-z0-9*?]{1,16}){0,4}$").expect("the pattern is a constant"));

fn id(value: &Value, rules: &[&str]) -> Option<String> {
    let text = value.string()?;
    let is_glob = text.contains(['*', '?']);
    if ID.is_match(text) && !(is_glob && Family::of(text) == Some(Family::Cov)) {
        report_unknown(value, text, rules);
        return Some(text.to_owned());
    }
    value
        .fault(Code::WaiverId, format!("`id` is {}", quoted(text)))
        .expected(
            "a rule's code such as \"AMI-SSH-009\", a vulnerability's id such as \"CVE-2024-6387\", or a glob such as \"AMI-HIS-*\"; \
             of codes that begin with COV, one by its name",
        )
        .report();
    None
}

fn target(value: &Value) -> Option<String> {
    let text = value.string()?;
    let is_known = text == Waiver::IMAGE || text.starts_with('/') || text.strip_prefix("pkg:").is_some_and(|rest| rest.contains('/'));
    if is_known && text.len() <= LONGEST_GLOB && text.chars().all(|c| is_harmless(c) && c != '\n') {
        return Some(text.to_owned());
    }
    value
        .fault(Code::WaiverTarget, format!("`target` is {}", quoted(text)))
        .expected(format!(
            "a path or a glob of paths such as \"/opt/app/**\", a package URL such as \"pkg:deb/debian/openssl@*\", \
             or \"image\" for what is of the image as a whole; at most {LONGEST_GLOB} bytes"
        ))
        .report();
    None
}

/// Reads a text that a report can show on one line.
fn line(value: &Value) -> Option<String> {
    let text = value.string()?;
    let name = value.name;
    if text.trim().is_empty() {
        value.fault(Code::TextEmpty, format!("`{name}` is empty")).expected("a few words").report();
    } else if text.chars().count() > LONGEST_TEXT {
        let message = format!("`{name}` has {} characters", text.chars().count());
        value.fault(Code::TextTooLong, message).expected(format!("at most {LONGEST_TEXT} characters")).report();
    } else if let Some(found) = text.chars().find(|&c| !is_harmless(c) || c == '\n') {
        let message = format!("`{name}` holds the control character U+{:04X}", u32::from(found));
        value.fault(Code::TextControlCharacter, message).expected("one line of text").report();
    } else {
        return Some(text.to_owned());
    }
    None
}

fn exception(value: &Value) -> Option<Exception> {
    value.choice(&[(Exception::OneTimePassword.as_str(), Exception::OneTimePassword)])
}

/// Warns of a code that begins as those of rules do and is none's, or a glob of such that is for none.
fn report_unknown(value: &Value, text: &str, rules: &[&str]) {
    let pattern = format!("^{}$", regex::escape(text).replace(r"\*", ".*").replace(r"\?", "."));
    let is_rules = RULES_BEGIN.iter().any(|beginning| text.starts_with(beginning));
    // Ids of vulnerabilities are no rules' codes, and without end.
    if rules.is_empty() || !is_rules || Regex::new(&pattern).is_ok_and(|pattern| rules.iter().any(|rule| pattern.is_match(rule))) {
        return;
    }
    value
        .fault(Code::WaiverRule, format!("no rule of the scan has the code {}", quoted(text)))
        .expected("the code of a finding, as the scan prints it")
        .did_you_mean(text, rules)
        .report();
}

fn report_term(value: &Value, created: Date, expires: Date, today: Option<Date>) {
    let days = Waiver::days(created, expires);
    if (0..=Waiver::LONGEST_DAYS).contains(&days) {
        today.into_iter().for_each(|today| report_end(value, expires, today));
        return;
    }
    let message = match days {
        ..0 => format!("`expires` is {expires}, and `created` is {created}"),
        _ => format!("`expires` is {expires}, {days} days after `created`"),
    };
    let last = created.saturating_add(jiff::Span::new().days(Waiver::LONGEST_DAYS));
    value.fault(Code::WaiverTerm, message).expected(format!("{created} to {last}")).report();
}

/// Warns of a waiver that is over, or soon will be.
fn report_end(value: &Value, expires: Date, today: Date) {
    let message = match Waiver::days(today, expires) {
        ..0 => format!("the waiver ended on {expires}: what it let pass counts again"),
        left if left < Waiver::WARNED_DAYS => format!("the waiver ends on {expires}: what it lets pass counts again from the day after"),
        _ => return,
    };
    let soonest = today.saturating_add(jiff::Span::new().days(Waiver::WARNED_DAYS));
    value.fault(Code::WaiverEnding, message).expected(format!("{soonest} or later, once somebody has looked again")).report();
}

fn report_exception(value: &Value, id: &str, exception: Exception) {
    if exception.code() == id {
        return;
    }
    value
        .fault(Code::WaiverException, format!("`exception` stands beside `id = {}`", quoted(id)))
        .expected(format!("it beside `id = {}`", quoted(exception.code())))
        .report();
}
