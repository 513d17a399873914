//! AMI-SSH-004: passwords by another name: PAM asks for them in keyboard-interactive logins.

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const INTERACTIVE: Rule = Rule {
    code: "AMI-SSH-004",
    severity: Severity::High,
    title: "keyboard-interactive logins",
    why: "Keyboard-interactive logins ask for a password by another name; AWS's policy asks for key pairs alone.",
    remedy: "Set `KbdInteractiveAuthentication no` (`ChallengeResponseAuthentication no` before OpenSSH 8.7) in sshd's configuration.",
    judge: Judge::Root(interactive),
};

/// One setting under its names of today and of before; the first line counts, whichever name it has.
///
/// Source: OpenSSH, servconf.c (`sKbdInteractiveAuthentication`).
const NAMES: [&str; 3] = ["kbdinteractiveauthentication", "challengeresponseauthentication", "skeyauthentication"];

fn interactive(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    // Without PAM nobody asks; its default is no.
    let Some(pam) = root.sshd.effective("usepam").filter(|setting| setting.is("yes")) else { return };
    match root.sshd.effective_of(&NAMES) {
        None => verdict.file(
            &pam.path,
            "sshd has PAM ask for passwords, because UsePAM is yes and nothing sets KbdInteractiveAuthentication, whose default is yes",
        ),
        Some(setting) if !setting.is("no") => verdict.file(&setting.path, "sshd has PAM ask for passwords"),
        Some(_) => {}
    }
    for (block, setting) in NAMES.iter().flat_map(|name| root.sshd.conditional(name)) {
        if !setting.is("no") {
            verdict.file(&setting.path, format!("sshd has PAM ask for passwords for `Match {}`", block.criteria));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    fn with(text: &str) -> Vec<String> {
        found(clean().file("/etc/ssh/sshd_config", format!("PasswordAuthentication no\n{text}")), "AMI-SSH-004")
    }

    #[test]
    fn pam_asking_for_passwords_is_found_by_value_by_default_and_in_match_blocks() {
        assert_eq!(with("UsePAM yes"), ["high /etc/ssh/sshd_config"]);
        assert_eq!(with("UsePAM yes\nChallengeResponseAuthentication yes\nKbdInteractiveAuthentication no").len(), 1);
        assert_eq!(with("UsePAM yes\nKbdInteractiveAuthentication no\nMatch User x\nKbdInteractiveAuthentication yes").len(), 1);
    }

    #[test]
    fn without_pam_or_with_either_name_set_to_no_nothing_is_found() {
        assert!(with("").is_empty() && with("UsePAM no").is_empty());
        assert!(with("UsePAM yes\nChallengeResponseAuthentication no").is_empty());
    }
}
