//! Signature Version 4, the server's side: whose request is it, for which service and Region?
//!
//! The canonical request is built here, from the reference; key and signature are `aws-sigv4`'s.
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::SystemTime;

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use http::request::Parts;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::model::digest::Digest;

/// How far a request's date may lie from the twin's time.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv_troubleshooting.html>
pub(super) const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(15);

pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
pub(super) const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// The key that requests are signed with.
pub(super) struct Key<'a> {
    /// Access key id.
    pub id: &'a str,
    /// Secret access key.
    pub secret: &'a str,
    /// The token that goes with it, if it is a session's.
    pub token: Option<&'a str>,
}

/// What a signature was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    /// Region as written; not yet checked to be one.
    pub region: String,
    /// Signing name of a service, such as `ec2`.
    pub service: String,
}

/// Why a request is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It isn't signed at all.
    Missing,
    /// It is signed in a way that can't be read, or that the twin does not support.
    Incomplete(String),
    /// Its access key is not the twin's.
    UnknownKey,
    /// Its signature, or the digest of its body, is another.
    Mismatch(String),
    /// It was signed too long ago or in the future.
    Skewed(String),
}

/// An `Authorization` header, taken apart.
pub(super) struct Authorization {
    key_id: String,
    date: String,
    /// What it was made for.
    pub scope: Scope,
    signed_headers: Vec<String>,
    signature: String,
}

impl Authorization {
    /// Returns the access key that was signed with, as the request says.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Takes the request's header apart.
    pub fn of(request: &Parts) -> Result<Self, Refusal> {
        let Some(header) = request.headers.get(http::header::AUTHORIZATION) else {
            if request.uri.query().is_some_and(|query| query.contains("X-Amz-Signature=")) {
                return Err(incomplete("the twin takes presigned requests for S3 alone: sign in the Authorization header"));
            }
            return Err(Refusal::Missing);
        };
        let header = header.to_str().map_err(|_| incomplete("the Authorization header is not ASCII"))?;
        let Some(rest) = header.strip_prefix(ALGORITHM) else {
            return Err(incomplete(&format!("the Authorization header does not begin with {ALGORITHM}")));
        };
        let parts: BTreeMap<&str, &str> = rest.split(',').filter_map(|part| part.trim().split_once('=')).collect();
        let part = |name| parts.get(name).copied().ok_or_else(|| incomplete(&format!("Authorization header requires '{name}' parameter")));
        let credential: Vec<&str> = part("Credential")?.split('/').collect();
        let [key_id, date, region, service, "aws4_request"] = credential[..] else {
            return Err(incomplete("Credential must be KEY/DATE/REGION/SERVICE/aws4_request"));
        };
        Ok(Self {
            key_id: key_id.to_owned(),
            date: date.to_owned(),
            scope: Scope { region: region.to_owned(), service: service.to_owned() },
            signed_headers: part("SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: part("Signature")?.to_owned(),
        })
    }

    /// Checks the signature; `now` is given when the date is to be checked too.
    pub fn verify(&self, request: &Parts, body: &[u8], key: &Key<'_>, now: Option<Timestamp>) -> Result<(), Refusal> {
        let token = request.headers.get("x-amz-security-token").map(http::HeaderValue::as_bytes);
        if self.key_id != key.id || token != key.token.map(str::as_bytes) {
            return Err(Refusal::UnknownKey);
        }
        self.check_signed_headers(request)?;
        let time = self.check_date(request, now)?;
        let payload_digests = self.payload_digests(request, body)?;
        let signed = payload_digests.iter().any(|payload| self.signature == self.expected_signature(request, payload, key, time));
        if !signed {
            return Err(Refusal::Mismatch(
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and \
                 signing method. Consult the service documentation for details."
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// Host, date and whatever AWS gives a meaning to must be signed.
    pub fn check_signed_headers(&self, request: &Parts) -> Result<(), Refusal> {
        let unsigned = |name: &str| !self.signed_headers.iter().any(|signed| signed == name);
        for name in ["host", "x-amz-date"] {
            if unsigned(name) {
                return Err(incomplete(&format!("'{name}' must be a 'SignedHeader' in the AWS Authorization")));
            }
        }
        match request.headers.keys().find(|name| name.as_str().starts_with("x-amz-") && unsigned(name.as_str())) {
            Some(name) => Err(incomplete(&format!("There were headers present in the request which were not signed: {name}"))),
            None => Ok(()),
        }
    }

    /// Returns when the request was signed; `now` is given when that must be near.
    pub fn check_date(&self, request: &Parts, now: Option<Timestamp>) -> Result<SystemTime, Refusal> {
        let text = request.headers.get("x-amz-date").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if self.date.len() != 8 || !self.date.bytes().all(|b| b.is_ascii_digit()) || !text.starts_with(&self.date) {
            return Err(Refusal::Mismatch(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date: {text}"
            )));
        }
        let time = DateTime::strptime("%Y%m%dT%H%M%SZ", text)
            .and_then(|date| date.to_zoned(TimeZone::UTC))
            .map_err(|_| incomplete(&format!("Date must be in ISO-8601 'basic format'. Got '{text}'.")))?
            .timestamp();
        if let Some(now) = now {
            let age = now.duration_since(time);
            if age.abs() > CLOCK_SKEW {
                let what = if age.is_negative() { "Signature not yet current" } else { "Signature expired" };
                return Err(Refusal::Skewed(format!("{what}: {text} is more than 15 min. from {now:.0}")));
            }
        }
        Ok(SystemTime::from(time))
    }

    /// Lists what may stand for the body in the canonical request.
    fn payload_digests(&self, request: &Parts, body: &[u8]) -> Result<Vec<String>, Refusal> {
        let digest = Digest::of(body).to_hex();
        match request.headers.get("x-amz-content-sha256").map(|value| value.as_bytes()) {
            Some(given) if given == digest.as_bytes() => Ok(vec![digest]),
            Some(given) if given == UNSIGNED_PAYLOAD.as_bytes() => Ok(vec![UNSIGNED_PAYLOAD.to_owned()]),
            Some(_) => Err(Refusal::Mismatch("The provided 'x-amz-content-sha256' header does not match what was computed.".to_owned())),
            // PutSnapshotBlock's body is covered by its checksum header instead; clients differ in
            // whether they sign it nevertheless.
            // Source: <https://docs.aws.amazon.com/ebs/latest/APIReference/API_PutSnapshotBlock.html>
            None if self.scope.service == "ebs" && request.method == http::Method::PUT => Ok(vec![digest, UNSIGNED_PAYLOAD.to_owned()]),
            None => Ok(vec![digest]),
        }
    }

    fn expected_signature(&self, request: &Parts, payload: &str, key: &Key<'_>, time: SystemTime) -> String {
        let Scope { region, service } = &self.scope;
        let canonical = canonical_request(request, &self.signed_headers, payload);
        let date = request.headers.get("x-amz-date").map(|value| String::from_utf8_lossy(value.as_bytes())).unwrap_or_default();
        let text = format!("{ALGORITHM}\n{date}\n{}/{region}/{service}/aws4_request\n{}", self.date, Digest::of(canonical).to_hex());
        calculate_signature(generate_signing_key(key.secret, time, region, service), text.as_bytes())
    }
}

fn incomplete(message: &str) -> Refusal {
    Refusal::Incomplete(message.to_owned())
}

fn canonical_request(request: &Parts, signed_headers: &[String], payload: &str) -> String {
    let mut text = format!("{}\n{}\n{}\n", request.method, canonical_path(request.uri.path()), canonical_query(request.uri.query()));
    for name in signed_headers {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{name}:{}", header_value(request, name));
    }
    let _ = write!(text, "\n{}\n{payload}", signed_headers.join(";"));
    text
}

/// Every service but S3 signs the path encoded once more, without its dots.
fn canonical_path(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(encode(other)),
        }
    }
    let slash = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    format!("/{}{slash}", segments.join("/"))
}

fn canonical_query(query: Option<&str>) -> String {
    let mut pairs: Vec<_> =
        form_urlencoded::parse(query.unwrap_or_default().as_bytes()).map(|(name, value)| (encode(&name), encode(&value))).collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Joins a header's values, their runs of spaces made one.
pub(super) fn header_value(request: &Parts, name: &str) -> String {
    let tidy = |text: &str| text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let values: Vec<_> = request.headers.get_all(name).iter().map(|value| tidy(&String::from_utf8_lossy(value.as_bytes()))).collect();
    match (name, &values[..], request.uri.authority()) {
        // A request that never went through a socket has its host in the address alone.
        ("host", [], Some(authority)) => {
            let default_port = if request.uri.scheme_str() == Some("https") { ":443" } else { ":80" };
            authority.as_str().strip_suffix(default_port).unwrap_or(authority.as_str()).to_owned()
        }
        _ => values.join(","),
    }
}

/// Encodes all but letters, digits and `-_.~`.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn hostile_requests_are_refused_without_harm(
            credential in "[a-zA-Z0-9/]{0,40}|AKIA/[0-9-]{8}/us-east-1/ec2/aws4_request",
            headers in "[a-z;-]{0,20}|host;x-amz-date",
            date in "[0-9TZ-]{0,20}|[0-9]{8}T[0-9]{6}Z",
            path in "/[a-z0-9/.%]{0,20}",
            query in "[a-z0-9&=%+]{0,20}",
            signature in "[0-9a-f]{0,64}",
        ) {
            let request = http::Request::builder()
                .uri(format!("{path}?{query}"))
                .header("x-amz-date", date)
                .header("authorization", format!("{ALGORITHM} Credential={credential}, SignedHeaders={headers}, Signature={signature}"))
                .body(());
            let Ok(request) = request else { return Ok(()) };
            let (parts, ()) = request.into_parts();
            let key = Key { id: "AKIA", secret: "secret", token: None };
            for now in [Some(Timestamp::UNIX_EPOCH), None] {
                prop_assert!(Authorization::of(&parts).and_then(|authorization| authorization.verify(&parts, b"", &key, now)).is_err());
            }
        }
    }

    #[test]
    fn dates_at_the_ends_of_time_are_no_harm() {
        for year in ["0000", "0001", "9999"] {
            let request = http::Request::builder()
                .header("x-amz-date", format!("{year}0101T000000Z"))
                .header("host", "localhost")
                .header(
                    "authorization",
                    format!("{ALGORITHM} Credential=AKIA/{year}0101/r/ec2/aws4_request, SignedHeaders=host;x-amz-date, Signature=0"),
                )
                .body(())
                .unwrap();
            let (parts, ()) = request.into_parts();
            let authorization = Authorization::of(&parts).unwrap_or_else(|refusal| panic!("{refusal:?}"));
            assert!(authorization.verify(&parts, b"", &Key { id: "AKIA", secret: "secret", token: None }, None).is_err());
        }
    }
}
