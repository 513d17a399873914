//! AMI-SEC-006: what asks its user for AWS keys, where a role is to be used.

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::pass::Contents;
use crate::scan::secrets::Family;
use crate::scan::verdict::{Judge, Rule, Verdict};

use super::secrets::of_family;

pub(super) const REQUESTS: Rule = Rule {
    code: "AMI-SEC-006",
    severity: Severity::Medium,
    title: "requests for AWS keys",
    why: "AWS's policy forbids products that ask for access keys: instances get their rights by an IAM role.",
    remedy: "Let instances use an IAM role, which a CloudFormation template can make, and don't ask for access keys.",
    judge: Judge::Content(requests),
};

fn requests(_: &Evidence, _: &Root, contents: &Contents, verdict: &mut Verdict) {
    for (path, found) in of_family(contents, Family::Request) {
        let reason = "what stands there seems to ask whoever uses the product for AWS access keys";
        verdict.line_as(REQUESTS.severity, path, found.line, reason);
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    #[test]
    fn prompts_and_forms_are_told_from_programs_that_read_a_role() {
        for asks in [
            "#!/bin/sh\nread -rp 'Key: ' AWS_SECRET_ACCESS_KEY\n",
            "<input type=\"password\" name=\"aws_secret_access_key\">",
            "print('Please enter your AWS secret access key')",
        ] {
            assert_eq!(found(clean().file("/opt/setup", asks), "AMI-SEC-006"), ["medium /opt/setup"], "{asks}");
        }
        for harmless in ["export AWS_SECRET_ACCESS_KEY=$(get)", "the AWS secret access key is read from the role", "aws configure list"] {
            assert!(found(clean().file("/opt/setup", harmless), "AMI-SEC-006").is_empty(), "{harmless}");
        }
    }
}
