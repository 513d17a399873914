//! AMI-SSH-011: the buyer's key must be enough to log in.

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::files::fits;
use crate::scan::sshd::Setting;
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const KEY_LOGIN: Rule = Rule {
    code: "AMI-SSH-011",
    severity: Severity::Critical,
    title: "no logins by key",
    why: "AWS's policy asks for logins by key pair: where a key doesn't let in, buyers can't log in, nor can AWS's scanner.",
    remedy: "Take `PubkeyAuthentication no` out of sshd's configuration, and what asks for more than a key or reads no keys (AuthenticationMethods, AuthorizedKeysFile).",
    judge: Judge::Root(key_login),
};

fn key_login(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    for (keyword, is_in_the_way, what) in SETTINGS {
        let by_command = keyword == FILES && root.sshd.effective("authorizedkeyscommand").is_some_and(|setting| !setting.is("none"));
        if by_command {
            continue;
        }
        if let Some(setting) = root.sshd.effective(keyword).filter(|setting| is_in_the_way(setting)) {
            verdict.file(&setting.path, format!("sshd {what}, so that buyers can't log in by their keys"));
            continue;
        }
        // What holds for accounts of the seller's alone keeps no buyer out.
        for (block, setting) in root.sshd.conditional(keyword).filter(|(_, setting)| is_in_the_way(setting)) {
            if is_for(&block.criteria, &root.login_user) {
                let reason = format!("sshd {what} for `Match {}`, so that buyers can't log in by their keys", block.criteria);
                verdict.file(&setting.path, reason);
            }
        }
    }
}

const FILES: &str = "authorizedkeysfile";

/// Settings that keep keys from letting in, by which values, and what sshd then does.
///
/// Source: sshd_config(5)
const SETTINGS: [(&str, fn(&Setting) -> bool, &str); 3] = [
    ("pubkeyauthentication", |setting| setting.is("no"), "takes no keys"),
    (FILES, |setting| setting.is("none"), "reads no keys"),
    ("authenticationmethods", |setting| !setting.arguments.iter().any(|list| is_by_key_alone(list)), "wants more or else than a key"),
];

/// Tells whether a key is all that one of `AuthenticationMethods`' lists asks for.
fn is_by_key_alone(list: &str) -> bool {
    list.split(',').all(|method| ["publickey", "any"].iter().any(|known| method.trim_matches('"').eq_ignore_ascii_case(known)))
}

/// Tells whether a block is for a user by his name alone; what else it asks for isn't known before somebody logs in.
fn is_for(criteria: &str, user: &str) -> bool {
    let mut words = criteria.split_whitespace();
    let is_by_user = words.next().is_some_and(|word| word.eq_ignore_ascii_case("user"));
    let Some(patterns) = words.next().filter(|_| is_by_user) else { return false };
    let fits_user = |pattern: &str| fits(pattern.as_bytes(), user.as_bytes(), false);
    let is_excepted = patterns.split(',').filter_map(|pattern| pattern.strip_prefix('!')).any(fits_user);
    words.next().is_none() && !is_excepted && patterns.split(',').any(fits_user)
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    const MAIN: &str = "/etc/ssh/sshd_config";

    fn with(text: &str) -> Vec<String> {
        found(clean().file(MAIN, format!("PasswordAuthentication no\n{text}")), "AMI-SSH-011")
    }

    #[test]
    fn keys_that_do_not_let_in_are_found() {
        let expected = ["critical /etc/ssh/sshd_config"];
        for text in [
            "PubkeyAuthentication no",
            "PubkeyAuthentication no\nPubkeyAuthentication yes",
            "AuthorizedKeysFile none",
            "AuthenticationMethods publickey,keyboard-interactive",
            "Match User admin\nPubkeyAuthentication no",
            "Match User adm*,!bob\nAuthenticationMethods password",
        ] {
            assert_eq!(with(text), expected, "{text}");
        }
        let dropped = "/etc/ssh/sshd_config.d/10.conf";
        let tree = clean().file(MAIN, "Include sshd_config.d/*.conf\nPasswordAuthentication no\nPubkeyAuthentication yes");
        assert_eq!(found(tree.file(dropped, "PubkeyAuthentication no"), "AMI-SSH-011"), [format!("critical {dropped}")]);
    }

    #[test]
    fn keys_that_let_in_are_not() {
        for text in [
            "",
            "PubkeyAuthentication yes\nPubkeyAuthentication no",
            "AuthorizedKeysFile none\nAuthorizedKeysCommand /opt/aws/bin/eic_run_authorized_keys %u %f",
            "AuthenticationMethods publickey,password publickey",
            "AuthenticationMethods any",
            "Match User backup\nPubkeyAuthentication no",
            "Match User *,!admin\nPubkeyAuthentication no",
            "Match Address 10.0.0.0/8\nPubkeyAuthentication no",
        ] {
            assert!(with(text).is_empty(), "{text}");
        }
    }
}
