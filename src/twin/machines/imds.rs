//! EC2's instance metadata service, version 2: what it answers, apart from how it is reached.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-metadata.html>

mod serve;
mod tree;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, StatusCode};
use jiff::Timestamp;

use crate::model::digest::Digest;
use crate::model::ids::Region;
use crate::twin::state::State;

pub(super) use serve::Server;

/// A token's longest life in seconds: six hours.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html>
const TOKEN_SECONDS: i64 = 21_600;

/// What an instance can learn about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// `i-…`
    pub instance: String,
    /// `r-…`
    pub reservation: String,
    /// `ami-…`
    pub image: String,
    /// Such as `t3.small`.
    pub instance_type: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// The account that owns it.
    pub account: String,
    /// Its Region.
    pub region: Region,
    /// Its availability zone.
    pub zone: String,
    /// Its private address.
    pub private_ip: String,
    /// Its public address, if it has one.
    pub public_ip: Option<String>,
    /// Its network card's address.
    pub mac: String,
    /// Its VPC.
    pub vpc: String,
    /// Its subnet.
    pub subnet: String,
    /// Its subnet's range.
    pub subnet_cidr: String,
    /// Its security groups: id and name.
    pub security_groups: Vec<(String, String)>,
    /// Its root device, such as `/dev/xvda`.
    pub root_device: String,
    /// Its key pair's name and public key.
    pub key: Option<(String, String)>,
    /// Its user data; empty means none.
    pub user_data: Vec<u8>,
    /// When it was started.
    pub launched: Timestamp,
    /// Whether requests need a token.
    pub tokens_required: bool,
}

impl Metadata {
    /// Collects an instance's metadata from the twin's state; `None` when it is not there.
    pub fn of(state: &State, region: &Region, instance: &str) -> Option<Self> {
        let there = state.regions.get(region)?;
        let instance = there.instances.get(instance)?;
        let group = |id: &String| (id.clone(), there.security_groups.get(id).map_or_else(|| id.clone(), |group| group.name.clone()));
        Some(Self {
            instance: instance.id.clone(),
            reservation: instance.reservation.clone(),
            image: instance.image.clone(),
            instance_type: instance.instance_type.clone(),
            architecture: instance.architecture.clone(),
            account: state.account.to_string(),
            region: region.clone(),
            zone: instance.zone.clone(),
            private_ip: instance.private_ip.clone(),
            public_ip: instance.public_ip.clone(),
            mac: instance.mac.clone(),
            vpc: there.vpc.clone(),
            subnet: instance.subnet.clone(),
            subnet_cidr: there.subnets.get(&instance.subnet).map_or_else(|| "172.31.0.0/16".to_owned(), |subnet| subnet.cidr.clone()),
            security_groups: instance.security_groups.iter().map(group).collect(),
            root_device: instance.root_device.clone(),
            key: instance.key.clone(),
            user_data: instance.user_data.clone(),
            launched: instance.launched,
            tokens_required: instance.imds_tokens_required,
        })
    }
}

/// A request as far as the service looks at it.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Path, as sent.
    pub path: String,
    /// `X-aws-ec2-metadata-token`.
    pub token: Option<String>,
    /// `X-aws-ec2-metadata-token-ttl-seconds`.
    pub token_seconds: Option<String>,
    /// Whether a proxy passed it on (`X-Forwarded-For`): such a request gets no token.
    pub forwarded: bool,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Status.
    pub status: StatusCode,
    /// Seconds that a fresh token lives, which go into a header.
    pub token_seconds: Option<i64>,
    /// Body.
    pub body: Vec<u8>,
}

impl Response {
    fn empty(status: StatusCode) -> Self {
        Self { status, token_seconds: None, body: Vec::new() }
    }
}

/// Makes and checks a machine's tokens; they carry their expiry, so none has to be kept.
#[derive(Clone)]
pub struct Tokens {
    secret: String,
}

impl Tokens {
    /// Makes the tokens of one machine from a secret that its guest does not know.
    pub fn new(secret: String) -> Self {
        Self { secret }
    }

    fn issue(&self, seconds: i64, now: Timestamp) -> String {
        let expires = now.as_second().saturating_add(seconds);
        URL_SAFE_NO_PAD.encode([&expires.to_be_bytes()[..], self.seal(expires).as_bytes()].concat())
    }

    fn check(&self, token: &str, now: Timestamp) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else { return false };
        let Some((expires, seal)) = bytes.split_first_chunk::<8>() else { return false };
        let expires = i64::from_be_bytes(*expires);
        seal == self.seal(expires).as_bytes() && now.as_second() < expires
    }

    fn seal(&self, expires: i64) -> Digest {
        Digest::of_parts([b"metadata token", self.secret.as_bytes(), &expires.to_be_bytes()[..]])
    }
}

/// Answers a request for an instance's metadata.
///
/// The hop limit is not enforced: the guest's packets end at QEMU, so none of them carries a count
/// of hops that this service could look at.
pub fn answer(metadata: &Metadata, tokens: &Tokens, request: &Request, now: Timestamp) -> Response {
    match request.method {
        Method::PUT => issue(tokens, request, now),
        Method::GET | Method::HEAD => {
            let allowed = match &request.token {
                Some(token) => tokens.check(token, now),
                None => !metadata.tokens_required,
            };
            if allowed { get(metadata, &request.path) } else { Response::empty(StatusCode::UNAUTHORIZED) }
        }
        _ => Response::empty(StatusCode::METHOD_NOT_ALLOWED),
    }
}

fn issue(tokens: &Tokens, request: &Request, now: Timestamp) -> Response {
    if request.path != "/latest/api/token" {
        return Response::empty(StatusCode::METHOD_NOT_ALLOWED);
    }
    if request.forwarded {
        return Response::empty(StatusCode::FORBIDDEN);
    }
    let seconds = request.token_seconds.as_deref().and_then(|seconds| seconds.parse::<i64>().ok());
    match seconds {
        Some(seconds @ 1..=TOKEN_SECONDS) => {
            Response { status: StatusCode::OK, token_seconds: Some(seconds), body: tokens.issue(seconds, now).into_bytes() }
        }
        _ => Response::empty(StatusCode::BAD_REQUEST),
    }
}

fn get(metadata: &Metadata, path: &str) -> Response {
    match tree::look(metadata, path) {
        Some(body) => Response { status: StatusCode::OK, token_seconds: None, body },
        None => Response::empty(StatusCode::NOT_FOUND),
    }
}

#[cfg(test)]
pub(in crate::twin::machines) mod tests {
    use super::*;

    pub(in crate::twin::machines) fn metadata() -> Metadata {
        Metadata {
            instance: "i-0123456789abcdef0".to_owned(),
            reservation: "r-0123456789abcdef0".to_owned(),
            image: "ami-0123456789abcdef0".to_owned(),
            instance_type: "t3.small".to_owned(),
            architecture: "x86_64".to_owned(),
            account: "123456789012".to_owned(),
            region: Region::marketplace(),
            zone: "us-east-1a".to_owned(),
            private_ip: "172.31.0.10".to_owned(),
            public_ip: Some("127.87.1.2".to_owned()),
            mac: "0a:12:34:56:78:9a".to_owned(),
            vpc: "vpc-01234567".to_owned(),
            subnet: "subnet-01234567".to_owned(),
            subnet_cidr: "172.31.0.0/20".to_owned(),
            security_groups: vec![("sg-01234567".to_owned(), "default".to_owned())],
            root_device: "/dev/xvda".to_owned(),
            key: Some(("mine".to_owned(), "ssh-ed25519 AAAA mine".to_owned())),
            user_data: b"#!/bin/sh\n".to_vec(),
            launched: "2026-01-31T12:00:00Z".parse().unwrap(),
            tokens_required: true,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn token(seconds: &str, now: Timestamp) -> Response {
        let request = Request {
            method: Method::PUT,
            path: "/latest/api/token".to_owned(),
            token_seconds: Some(seconds.to_owned()),
            ..Request::default()
        };
        answer(&metadata(), &Tokens::new("s".to_owned()), &request, now)
    }

    fn get_with(token: Option<String>, now: Timestamp) -> StatusCode {
        let request = Request { path: "/latest/meta-data/instance-id".to_owned(), token, ..Request::default() };
        answer(&metadata(), &Tokens::new("s".to_owned()), &request, now).status
    }

    #[test]
    fn a_token_opens_until_it_expires() {
        let issued = token("60", at(0));
        assert_eq!((issued.status, issued.token_seconds), (StatusCode::OK, Some(60)));
        let text = String::from_utf8(issued.body).unwrap();
        assert_eq!(get_with(Some(text.clone()), at(59)), StatusCode::OK);
        assert_eq!(get_with(Some(text), at(60)), StatusCode::UNAUTHORIZED);
    }

    #[test]
    fn without_a_token_or_with_a_forged_one_nothing_opens() {
        let other = String::from_utf8(
            answer(
                &metadata(),
                &Tokens::new("other".to_owned()),
                &Request {
                    method: Method::PUT,
                    path: "/latest/api/token".to_owned(),
                    token_seconds: Some("60".to_owned()),
                    ..Request::default()
                },
                at(0),
            )
            .body,
        )
        .unwrap();
        for bad in [None, Some(String::new()), Some("AAAA".to_owned()), Some("%".to_owned()), Some(other)] {
            assert_eq!(get_with(bad, at(0)), StatusCode::UNAUTHORIZED);
        }
    }

    #[test]
    fn version_1_is_open_where_tokens_are_optional() {
        let open = Metadata { tokens_required: false, ..metadata() };
        let request = Request { path: "/latest/meta-data/instance-id".to_owned(), ..Request::default() };
        assert_eq!(answer(&open, &Tokens::new("s".to_owned()), &request, at(0)).body, b"i-0123456789abcdef0");
    }

    #[test]
    fn tokens_are_refused_for_bad_lives_and_through_proxies() {
        for bad in ["0", "-1", "21601", "x", ""] {
            assert_eq!(token(bad, at(0)).status, StatusCode::BAD_REQUEST, "{bad}");
        }
        let request = Request {
            method: Method::PUT,
            path: "/latest/api/token".to_owned(),
            token_seconds: Some("60".to_owned()),
            forwarded: true,
            ..Request::default()
        };
        assert_eq!(answer(&metadata(), &Tokens::new("s".to_owned()), &request, at(0)).status, StatusCode::FORBIDDEN);
    }
}
