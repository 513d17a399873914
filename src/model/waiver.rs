//! What a product's owners let pass: findings of which somebody has said why, and until when.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Rules of one subject, for which a manifest can have a threshold of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// How the instance is logged in to.
    Ssh,
    /// Passwords of accounts.
    Pwd,
    /// Users and what they may.
    Usr,
    /// cloud-init and what it left.
    Cld,
    /// Identities of agents.
    Agt,
    /// Secrets in files.
    Sec,
    /// Histories and logs.
    His,
    /// Operating system and software: whether they are supported still.
    Os,
    /// Vulnerabilities of installed packages.
    Vul,
    /// The image and its file systems.
    Fs,
    /// Connections that the image makes by itself.
    Net,
    /// Malware.
    Mal,
    /// Coverage: what was not looked at.
    Cov,
    /// Waivers that have expired, or that nothing needs; VEX statements that take no effect.
    Wvr,
}

impl Family {
    /// All families, in the order of the documentation.
    pub const ALL: [Self; 14] = [
        Self::Ssh,
        Self::Pwd,
        Self::Usr,
        Self::Cld,
        Self::Agt,
        Self::Sec,
        Self::His,
        Self::Os,
        Self::Vul,
        Self::Fs,
        Self::Net,
        Self::Mal,
        Self::Cov,
        Self::Wvr,
    ];

    /// Returns its name, as manifests have it: `ssh`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ssh => "ssh",
            Self::Pwd => "pwd",
            Self::Usr => "usr",
            Self::Cld => "cld",
            Self::Agt => "agt",
            Self::Sec => "sec",
            Self::His => "his",
            Self::Os => "os",
            Self::Vul => "vul",
            Self::Fs => "fs",
            Self::Net => "net",
            Self::Mal => "mal",
            Self::Cov => "cov",
            Self::Wvr => "wvr",
        }
    }

    /// Returns the family of a rule by its code: the middle of `AMI-SSH-006`; coverage for whatever begins with `COV-`.
    pub fn of(code: &str) -> Option<Self> {
        let mut parts = code.split('-');
        let name = match parts.next() {
            Some("COV") => "COV",
            _ => parts.next()?,
        };
        Self::ALL.into_iter().find(|family| family.as_str().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Findings that are let pass for a while.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The rule's code, or a glob of codes: `AMI-SSH-009`, `AMI-HIS-*`; of a vulnerability one of its ids: `CVE-2024-6387`.
    pub id: String,
    /// What it was found in: a glob of absolute paths, a glob of package URLs, or [`Waiver::IMAGE`].
    pub target: String,
    /// Why it may pass.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The day from which it holds.
    pub created: Date,
    /// The last day on which it holds.
    pub expires: Date,
    /// The exception of AWS's policy that it claims; absent for an ordinary waiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception: Option<Exception>,
}

impl Waiver {
    /// The target of findings that are of the image as a whole.
    pub const IMAGE: &str = "image";

    /// The most days from `created` to `expires`: each waiver is looked at again twice a year.
    pub const LONGEST_DAYS: i32 = 180;

    /// Days before its end from which on a waiver is warned of.
    pub const WARNED_DAYS: i32 = 14;

    /// Returns how it stands on a day.
    ///
    /// Somewhere it is tomorrow already: a waiver that begins a day later holds.
    pub fn state(&self, today: Date) -> WaiverState {
        let left = Self::days(today, self.expires);
        if left < 0 {
            WaiverState::Expired
        } else if Self::days(today, self.created) > 1 {
            WaiverState::NotYet
        } else if left < Self::WARNED_DAYS {
            WaiverState::Expiring
        } else {
            WaiverState::Active
        }
    }

    /// Returns how many days it holds.
    pub fn term_days(&self) -> i32 {
        Self::days(self.created, self.expires)
    }

    /// Counts the days from one day to another; below zero if it lies before.
    pub fn days(from: Date, to: Date) -> i32 {
        from.until(to).map_or(0, |span| span.get_days())
    }
}

impl fmt::Display for Waiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} by {}", self.id, self.target, self.owner)
    }
}

/// What AWS's policy for images lets pass although a rule finds it.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/userguide/product-and-ami-policies.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exception {
    /// A service that is not for administration is first entered with a strong password, made at random by each instance,
    /// which is used once and has to be changed at once.
    OneTimePassword,
}

impl Exception {
    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OneTimePassword => "one-time-password",
        }
    }

    /// Returns the code of the one rule whose findings it is for.
    ///
    /// What each instance makes for itself is in no image: what is found is a service that begins with a password of its
    /// own, not a credential or a key that somebody left.
    pub fn code(self) -> &'static str {
        match self {
            Self::OneTimePassword => "AMI-SEC-005",
        }
    }
}

/// How a waiver stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaiverState {
    /// It holds.
    Active,
    /// It holds for less than [`Waiver::WARNED_DAYS`].
    Expiring,
    /// Its last day is over.
    Expired,
    /// Its first day is to come.
    NotYet,
    /// AWS rejects what it is for, and nobody said on the command line that this may pass. Of findings alone.
    NotAllowed,
}

impl WaiverState {
    /// Tells whether it lets a finding pass.
    pub fn holds(self) -> bool {
        matches!(self, Self::Active | Self::Expiring)
    }
}

/// A waiver that was written for a finding, and whether it lets the finding pass.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingWaiver {
    /// Whether it holds, or why not.
    pub state: WaiverState,
    /// Why the finding may pass.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// What it is for, as the manifest has it: a glob of paths or package URLs; absent in reports of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The day from which it holds; absent in reports of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Date>,
    /// The last day on which it holds.
    pub expires: Date,
    /// The exception of AWS's policy that it claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception: Option<Exception>,
}

/// A waiver of the manifest, and what came of it in a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaiverUse {
    /// The waiver.
    pub waiver: Waiver,
    /// How it stood on the day of the scan.
    pub state: WaiverState,
    /// How many findings it is for; none when it is unused.
    pub findings: usize,
    /// How many of them it let pass.
    pub waived: usize,
}

/// What is said of waivers on the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaiverOptions {
    /// Findings that AWS rejects may pass too.
    pub allow_policy: bool,
    /// A waiver that has expired or that nothing needs fails the scan.
    pub strict: bool,
}

impl WaiverOptions {
    /// Tells whether nothing was said.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// Returns what says so on a command line, each with a space before it.
    pub fn arguments(self) -> String {
        let given = [(self.allow_policy, " --allow-policy-waivers"), (self.strict, " --strict-waivers")];
        given.iter().filter(|(is_given, _)| *is_given).map(|(_, argument)| *argument).collect()
    }

    /// Tells whether what passed by these passes by others too.
    pub fn cover(self, others: Self) -> bool {
        (others.allow_policy || !self.allow_policy) && (self.strict || !others.strict)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn waiver() -> Waiver {
        Waiver {
            id: "AMI-HIS-001".to_owned(),
            target: "/root/**".to_owned(),
            reason: "it is empty of secrets".to_owned(),
            owner: "security@example.com".to_owned(),
            created: date(2026, 11, 2),
            expires: date(2027, 2, 1),
            exception: None,
        }
    }

    #[test]
    fn a_waiver_holds_through_its_last_day_and_is_warned_of_two_weeks_before() {
        let states: [(Date, WaiverState); 7] = [
            (date(2026, 10, 31), WaiverState::NotYet),
            (date(2026, 11, 1), WaiverState::Active),
            (date(2026, 11, 2), WaiverState::Active),
            (date(2027, 1, 18), WaiverState::Active),
            (date(2027, 1, 19), WaiverState::Expiring),
            (date(2027, 2, 1), WaiverState::Expiring),
            (date(2027, 2, 2), WaiverState::Expired),
        ];
        for (today, state) in states {
            assert_eq!(waiver().state(today), state, "{today}");
        }
        assert_eq!(waiver().term_days(), 91);
    }

    #[test]
    fn a_family_is_known_from_the_code() {
        let families =
            ["AMI-SSH-006", "AMI-OS-001", "COV-PART-001", "GATE-WVR-001", "AMI-VUL-001", "AMI-XYZ-001", "AMI", ""].map(Family::of);
        let known = [Family::Ssh, Family::Os, Family::Cov, Family::Wvr, Family::Vul].map(Some);
        assert_eq!(families[..5], known);
        assert_eq!(families[5..], [None; 3]);
    }
}
