//! Who is asking, and at what time.

use jiff::{SignedDuration, Timestamp};

use super::{Check, Health};
use crate::cloud::{CloudError, Identity, Reader};
use crate::model::ids::AccountId;

/// How wrong a clock may be before AWS refuses what is signed by it.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv_troubleshooting.html>
const REFUSED_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// How wrong it may be before it is worth a word.
const ODD_SKEW: SignedDuration = SignedDuration::from_secs(30);

/// What is known of the caller.
pub struct Caller {
    /// What was looked at.
    pub checks: Vec<Check>,
    /// Who it is; `None` when nobody could be told.
    pub identity: Option<Identity>,
}

/// Looks at credentials, account and clock. `expected` is the account that the workspace names.
pub async fn caller(reader: &Reader, expected: Option<&AccountId>, must_name: bool, now: Timestamp) -> Caller {
    let mut checks = Vec::new();
    let identity = match reader.identity().await {
        Ok(identity) => {
            checks.push(Check::ok("credentials", "", format!("{} of account {}", identity.arn, identity.account)));
            checks.push(account(&identity, expected, must_name));
            Some(identity)
        }
        Err(error) => {
            let remedy = "log in (aws sso login, aws configure) or name a profile that exists with --profile";
            checks.push(Check::not(Health::Fail, "credentials", "", error.to_string(), remedy));
            None
        }
    };
    checks.push(clock(reader.server_time().await, now));
    Caller { checks, identity }
}

fn account(identity: &Identity, expected: Option<&AccountId>, must_name: bool) -> Check {
    let found = format!("{}", identity.account);
    match expected {
        Some(expected) if *expected == identity.account => Check::ok("account", found, "is the one that bakehouse.toml names"),
        Some(expected) => {
            let remedy = "choose other credentials (--profile NAME) or another workspace";
            Check::not(Health::Fail, "account", found, format!("bakehouse.toml names {expected}"), remedy)
        }
        None if must_name => {
            let remedy = format!("write account = \"{}\" into bakehouse.toml if that is the one", identity.account);
            Check::not(Health::Fail, "account", found, "bakehouse.toml names none", remedy)
        }
        None => Check::ok("account", found, "is the target's own"),
    }
}

fn clock(answer: Result<Option<Timestamp>, CloudError>, now: Timestamp) -> Check {
    let there = match answer {
        Ok(Some(there)) => there,
        Ok(None) => return Check::not(Health::Unknown, "clock", "", "the answer bears no date", "compare this machine's clock by hand"),
        Err(error) => return Check::refused("clock", "", &error),
    };
    let skew = now.duration_since(there);
    let found = format!("{} s {} AWS's", skew.as_secs().abs(), if skew.is_negative() { "behind" } else { "ahead of" });
    let remedy = "set this machine's clock (timedatectl set-ntp true)";
    match skew.abs() {
        skew if skew >= REFUSED_SKEW => Check::not(Health::Fail, "clock", "", found, remedy),
        skew if skew >= ODD_SKEW => Check::not(Health::Warn, "clock", "", found, remedy),
        _ => Check::ok("clock", "", found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_aws_would_refuse_is_a_failure() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        for (seconds, health) in [(0, Health::Ok), (29, Health::Ok), (-31, Health::Warn), (299, Health::Warn), (-300, Health::Fail)] {
            let there = now - SignedDuration::from_secs(seconds);
            let check = clock(Ok(Some(there)), now);
            assert_eq!(check.health, health, "{check:?}");
            assert_eq!(check.remedy.is_none(), health == Health::Ok);
        }
        assert_eq!(clock(Ok(None), now).health, Health::Unknown, "no date is no health");
    }
}
