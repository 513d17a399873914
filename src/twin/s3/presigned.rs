//! Presigned addresses: the signature stands in the query, and holds for a while.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use std::collections::BTreeMap;
use std::time::SystemTime;

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Uri};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::model::digest::Digest;
use crate::model::ids::Region;
use crate::twin::auth::{ALGORITHM, CLOCK_SKEW, Key, UNSIGNED_PAYLOAD, encode, header_value};
use crate::twin::error::ApiError;
use crate::twin::state::State;

/// The longest that an address holds: seven days.
const MOST_SECONDS: i64 = 7 * 24 * 60 * 60;

/// Tells whether an address lets whoever has it read what it names.
pub(in crate::twin) fn is_presigned(state: &State, url: &str, now: Timestamp) -> bool {
    let key = Key { id: &state.access_key_id, secret: &state.secret_access_key, token: None };
    let request = url.parse::<Uri>().ok().and_then(|uri| {
        let host = uri.host()?.to_owned();
        Some(http::Request::get(uri).header(http::header::HOST, host).body(()).ok()?.into_parts().0)
    });
    request.is_some_and(|request| Presigned::of(&request).is_ok_and(|signature| signature.verify(&request, &key, now).is_ok()))
}

/// A signature in a query, taken apart.
pub(super) struct Presigned {
    key_id: String,
    date: String,
    region: String,
    time: String,
    seconds: i64,
    signed_headers: Vec<String>,
    signature: String,
}

impl Presigned {
    /// Takes the query's signature apart.
    pub fn of(request: &Parts) -> Result<Self, ApiError> {
        let query: BTreeMap<String, String> =
            form_urlencoded::parse(request.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        let part = |name: &str| {
            let missing = || {
                malformed(
                    "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, \
                     X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
                )
            };
            query.get(name).cloned().ok_or_else(missing)
        };
        if part("X-Amz-Algorithm")? != ALGORITHM {
            return Err(malformed("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""));
        }
        let credential = part("X-Amz-Credential")?;
        let [key_id, date, region, "s3", "aws4_request"] = credential.split('/').collect::<Vec<_>>()[..] else {
            return Err(malformed("Error parsing the X-Amz-Credential parameter; it must be KEY/DATE/REGION/s3/aws4_request."));
        };
        let seconds = part("X-Amz-Expires")?.parse().ok().filter(|seconds| (1..=MOST_SECONDS).contains(seconds));
        Ok(Self {
            key_id: key_id.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
            time: part("X-Amz-Date")?,
            seconds: seconds.ok_or_else(|| malformed("X-Amz-Expires must be between 1 and 604800 seconds"))?,
            signed_headers: part("X-Amz-SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: part("X-Amz-Signature")?,
        })
    }

    /// Checks time and signature; returns the Region that it was made for.
    pub fn verify(&self, request: &Parts, key: &Key<'_>, now: Timestamp) -> Result<Region, ApiError> {
        if self.key_id != key.id || request.uri.query().is_some_and(|query| query.contains("X-Amz-Security-Token=")) {
            return Err(ApiError::new(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."));
        }
        let signed_at = self.signed_at()?;
        let age = now.duration_since(signed_at);
        if age < -CLOCK_SKEW {
            return Err(ApiError::new(403, "AccessDenied", "Request is not valid yet"));
        }
        if age > SignedDuration::from_secs(self.seconds) {
            return Err(ApiError::new(403, "AccessDenied", "Request has expired"));
        }
        let unsigned = |name: &str| !self.signed_headers.iter().any(|signed| signed == name);
        if unsigned("host") || request.headers.keys().any(|name| name.as_str().starts_with("x-amz-") && unsigned(name.as_str())) {
            return Err(ApiError::new(403, "AccessDenied", "There were headers present in the request which were not signed"));
        }
        if self.signature != self.expected_signature(request, key, signed_at) {
            let message =
                "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
            return Err(ApiError::new(403, "SignatureDoesNotMatch", message));
        }
        self.region.parse().map_err(|_| malformed("Error parsing the X-Amz-Credential parameter; the region is none."))
    }

    fn signed_at(&self) -> Result<Timestamp, ApiError> {
        let wrong = || malformed("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\" and on the credential's date");
        if self.date.len() != 8 || !self.time.starts_with(&self.date) {
            return Err(wrong());
        }
        let time = DateTime::strptime("%Y%m%dT%H%M%SZ", &self.time).and_then(|date| date.to_zoned(TimeZone::UTC));
        time.map(|time| time.timestamp()).map_err(|_| wrong())
    }

    fn expected_signature(&self, request: &Parts, key: &Key<'_>, signed_at: Timestamp) -> String {
        let headers: String = self.signed_headers.iter().map(|name| format!("{name}:{}\n", header_value(request, name))).collect();
        let payload = request.headers.get("x-amz-content-sha256").map_or(UNSIGNED_PAYLOAD, |value| value.to_str().unwrap_or_default());
        let canonical = format!(
            "{}\n{}\n{}\n{headers}\n{}\n{payload}",
            request.method,
            canonical_path(request.uri.path()),
            canonical_query(request.uri.query().unwrap_or_default()),
            self.signed_headers.join(";")
        );
        let scope = format!("{}/{}/s3/aws4_request", self.date, self.region);
        let text = format!("{ALGORITHM}\n{}\n{scope}\n{}", self.time, Digest::of(canonical).to_hex());
        calculate_signature(generate_signing_key(key.secret, SystemTime::from(signed_at), &self.region, "s3"), text.as_bytes())
    }
}

/// Takes the signature out of an address, once it is verified, and makes headers of what the address says in
/// their place: SDKs move `x-amz-*` headers there when they presign, and the signature is over them all the same.
///
/// A header that the request has stands: it is signed too.
///
/// # Errors
///
/// `InvalidArgument`: what can't be a header.
pub(super) fn unfold(request: &mut Parts) -> Result<(), ApiError> {
    let query = request.uri.query().unwrap_or_default().to_owned();
    let mut kept = Vec::new();
    for pair in query.split('&').filter(|pair| !is_of_signature(pair)) {
        let (name, value) = form_urlencoded::parse(pair.as_bytes()).next().unwrap_or_default();
        let name = name.to_ascii_lowercase();
        if !name.starts_with("x-amz-") {
            kept.push(pair);
            continue;
        }
        let header = HeaderName::try_from(name.as_str()).ok().zip(HeaderValue::try_from(&*value).ok());
        let (name, value) = header.ok_or_else(|| ApiError::new(400, "InvalidArgument", format!("The value of {name} is none.")))?;
        request.headers.entry(name).or_insert(value);
    }
    let path = request.uri.path();
    let text = if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) };
    let mut parts = request.uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(text).ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        request.uri = uri;
    }
    Ok(())
}

fn is_of_signature(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default();
    ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature", "Content-Sha256"]
        .iter()
        .any(|part| name.strip_prefix("X-Amz-") == Some(part))
}

fn malformed(message: &str) -> ApiError {
    ApiError::new(400, "AuthorizationQueryParametersError", message)
}

/// S3 signs the path encoded once, its slashes and dots as they stand.
fn canonical_path(path: &str) -> String {
    path.split('/').map(|segment| encode(&percent_decode(segment))).collect::<Vec<_>>().join("/")
}

fn percent_decode(text: &str) -> String {
    // A plus is a plus in a path.
    let query = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(query.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name != "X-Amz-Signature")
        .map(|(name, value)| (encode(&name), encode(&value)))
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unfolded(query: &str) -> Result<Parts, String> {
        let address = format!("https://acme.s3.amazonaws.com/a%20key?{query}");
        let mut request = http::Request::put(address).header("x-amz-meta-a", "signed").body(()).unwrap().into_parts().0;
        unfold(&mut request).map_err(|error| error.code)?;
        Ok(request)
    }

    #[test]
    fn what_an_address_says_in_place_of_headers_becomes_headers() {
        let query =
            "X-Amz-Signature=0&partNumber=1&x-amz-checksum-crc32=AAAA%2BA%3D%3D&X-Amz-Acl=public-read&x-amz-meta-a=other&x-id=PutObject";
        let request = unfolded(query).unwrap();
        assert_eq!(request.uri, "https://acme.s3.amazonaws.com/a%20key?partNumber=1&x-id=PutObject");
        let headers = [("x-amz-checksum-crc32", "AAAA+A=="), ("x-amz-acl", "public-read"), ("x-amz-meta-a", "signed")];
        for (name, value) in headers {
            assert_eq!(request.headers[name], value);
        }
        assert_eq!(unfolded("X-Amz-Signature=0").unwrap().uri, "https://acme.s3.amazonaws.com/a%20key");
    }

    #[test]
    fn what_can_not_be_a_header_is_refused() {
        for query in ["x-amz-meta-%00=1", "x-amz-meta-b=a%0D%0Ab"] {
            assert_eq!(unfolded(query).unwrap_err(), "InvalidArgument", "{query}");
        }
    }
}
