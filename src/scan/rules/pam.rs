//! AMI-PWD-009, 010: PAM letting accounts in that have no password, or anybody.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::model::report::Severity;
use crate::scan::accounts::Password;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::files::Files;
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const NULL_PASSWORDS: Rule = Rule {
    code: "AMI-PWD-009",
    severity: Severity::Medium,
    title: "PAM taking empty passwords",
    why: "With an account that has no password, an empty one lets in.",
    remedy: "Take `nullok` out of pam_unix's lines for auth (authselect's feature without-nullok, pam-auth-update on Debian).",
    judge: Judge::Root(null_passwords),
};

pub(super) const ANYBODY: Rule = Rule {
    code: "AMI-PWD-010",
    severity: Severity::Critical,
    title: "PAM letting anybody in",
    why: "Where pam_permit, a condition or a program alone decides, whatever is given for a password lets in.",
    remedy: "Take the line of pam_permit's, pam_succeed_if's or pam_exec's out of the stack for auth, \
        or let pam_unix be required before it.",
    judge: Judge::Root(anybody),
};

/// Fedora's, Debian's and SUSE's common stacks, sshd's own, and that of services which have none.
const STACKS: [&str; 6] = ["system-auth", "password-auth", "common-auth", "sshd", "login", "other"];

/// Debian's and Fedora's stacks have always had `nullok`, and sshd refuses empty passwords by itself: what counts is whether an account has one.
fn null_passwords(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let accounts = &root.accounts;
    let is_empty = |field: &str| Password::of(field) == Password::Empty;
    let has_empty = accounts.shadow.iter().any(|(_, field)| is_empty(field)) || accounts.users.iter().any(|user| is_empty(&user.password));
    for path in STACKS.iter().filter_map(|stack| place(&root.files, Path::new(stack))) {
        let text = root.files.text(&path).unwrap_or_default();
        let opens = text.lines().map(str::trim).any(|line| {
            let mut words = line.split_whitespace();
            let kind = words.next().unwrap_or_default();
            kind.trim_start_matches('-') == "auth" && words.any(|word| matches!(word, "nullok" | "nullok_secure"))
        });
        if opens && has_empty {
            verdict.file_as(Severity::Critical, &path, "PAM lets accounts without a password in, and there are such");
        } else if opens {
            verdict.file(&path, "PAM would let an account without a password in");
        }
    }
}

/// Stacks that decide who is let in: those of services that let in from afar, at a console and to root, and those that others
/// take in.
const SERVICES: [&str; 10] = ["sshd", "login", "remote", "su", "su-l", "sudo", "common-auth", "system-auth", "password-auth", "other"];

/// Where stacks lie, the administrator's first.
const FOLDERS: [&str; 2] = ["/etc/pam.d", "/usr/lib/pam.d"];

/// Modules that succeed or only look at circumstances, whoever it is; any other that is required proves something.
const NEUTRAL: &str = "\
    pam_permit pam_env pam_faildelay pam_nologin pam_securetty pam_shells pam_succeed_if pam_group pam_warn pam_debug pam_echo \
    pam_issue pam_motd pam_mail pam_faillock pam_tally2 pam_tally pam_selinux pam_keyinit pam_time pam_access pam_limits \
    pam_umask pam_loginuid pam_systemd pam_cap pam_listfile pam_localuser pam_usertype pam_gnome_keyring pam_kwallet5 \
    pam_lastlog";

/// Stacks taken in by others, and those that they take in.
const DEEPEST_INCLUSION: usize = 8;

/// A line for auth.
struct Line {
    path: PathBuf,
    control: String,
    module: String,
    arguments: String,
}

fn anybody(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let mut told = BTreeSet::new();
    for service in SERVICES {
        let mut lines = Vec::new();
        read(&root.files, service, 0, &mut lines);
        let open = opening(&lines).map(|path| (path, "anybody in without a password"));
        // Whoever calls su or sudo is in already.
        let by_condition = || conditional(&lines).filter(|_| !service.starts_with("su"));
        let open = open.or_else(|| by_condition().map(|path| (path, "in by a condition or a program alone, before any password is asked")));
        if let Some((path, whom)) = open.filter(|(path, _)| told.insert(path.to_path_buf())) {
            verdict.file(path, format!("PAM lets {whom} ({service})"));
        }
    }
}

/// Where a stack lies.
fn place(files: &Files, service: impl AsRef<Path>) -> Option<PathBuf> {
    FOLDERS.iter().map(|folder| Path::new(folder).join(service.as_ref())).find(|path| files.exists(path))
}

/// Reads a stack with those that it takes in.
///
/// Source: pam.d(5)
fn read(files: &Files, service: &str, depth: usize, lines: &mut Vec<Line>) {
    let service = Path::new(service).file_name().unwrap_or_default();
    let Some(path) = place(files, service).filter(|_| depth < DEEPEST_INCLUSION) else { return };
    let text = files.text(&path).unwrap_or_default().replace("\\\n", " ");
    for line in text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
        if let Some(other) = line.strip_prefix("@include") {
            read(files, other.trim(), depth + 1, lines);
            continue;
        }
        let Some((kind, rest)) = line.split_once(char::is_whitespace) else { continue };
        if !kind.trim_start_matches('-').eq_ignore_ascii_case("auth") {
            continue;
        }
        let rest = rest.trim_start();
        let (control, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some(divided) => divided,
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        let (module, arguments) = rest.trim_start().split_once(char::is_whitespace).unwrap_or((rest.trim_start(), ""));
        match control.to_ascii_lowercase().as_str() {
            "include" | "substack" => read(files, module, depth + 1, lines),
            control => {
                let module = module.rsplit('/').next().unwrap_or_default().trim_end_matches(".so").to_owned();
                lines.push(Line { path: path.clone(), control: control.to_owned(), module, arguments: arguments.to_owned() });
            }
        }
    }
}

/// Returns the file of a line of pam_permit's that lets anybody in: one that is sufficient with nothing required before it
/// that proves anything, or one that is required with no such thing at all.
fn opening(lines: &[Line]) -> Option<&Path> {
    let first = first_proof(lines);
    let permits = |line: &&Line| line.module == "pam_permit";
    let has = |line: &Line, values: &[&str]| line.control.split_whitespace().any(|value| values.contains(&value));
    let ends = |line: &&Line| has(line, &["sufficient", "success=done", "default=done"]);
    let counts = |line: &&Line| has(line, &["required", "requisite", "success=ok", "default=ok"]);
    let sufficient = lines[..first].iter().filter(permits).find(ends);
    let alone = || lines.iter().filter(permits).find(counts).filter(|_| first == lines.len());
    sufficient.or_else(alone).map(|line| line.path.as_path())
}

/// Returns the file of a condition (pam_succeed_if) or a program (pam_exec) that is sufficient by itself, with nothing required
/// before it that proves anything: whoever fails at a sufficient pam_unix gets to it too. Distributions have pam_succeed_if
/// required or requisite, and ask by `use_uid` who calls.
fn conditional(lines: &[Line]) -> Option<&Path> {
    let decides = |line: &&Line| {
        line.control == "sufficient"
            && (line.module == "pam_exec" || line.module == "pam_succeed_if" && !line.arguments.contains("use_uid"))
    };
    lines[..first_proof(lines)].iter().find(decides).map(|line| line.path.as_path())
}

/// The place of the first line that proves who it is, whoever fails at it; behind all if there is none.
fn first_proof(lines: &[Line]) -> usize {
    let proves = |line: &Line| {
        // By its values: who fails is turned away, at once or at the end.
        let by_values =
            line.control.split_whitespace().any(|pair| matches!(pair, "default=die" | "default=bad" | "auth_err=die" | "auth_err=bad"));
        (matches!(line.control.as_str(), "required" | "requisite") || by_values) && !NEUTRAL.split(' ').any(|known| known == line.module)
    };
    lines.iter().position(proves).unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    #[test]
    fn nullok_counts_more_where_an_account_has_no_password() {
        let path = "/etc/pam.d/common-auth";
        let tree = clean().file(path, "# auth x nullok\nauth\t[success=1 default=ignore]\tpam_unix.so nullok\n");
        assert_eq!(found(tree.clone(), "AMI-PWD-009"), [format!("medium {path}")]);
        assert_eq!(found(tree.file("/etc/shadow", "bob::1:::::\n"), "AMI-PWD-009"), [format!("critical {path}")]);
        assert!(found(clean().file(path, "auth required pam_unix.so\npassword required pam_unix.so nullok\n"), "AMI-PWD-009").is_empty());
    }

    #[test]
    fn nullok_counts_where_the_vendor_or_the_last_resort_has_it() {
        let open = "auth required pam_unix.so nullok\n";
        for path in ["/usr/lib/pam.d/system-auth", "/etc/pam.d/other"] {
            assert_eq!(found(clean().file(path, open), "AMI-PWD-009"), [format!("medium {path}")]);
        }
        let hidden = clean().file("/usr/lib/pam.d/sshd", open).file("/etc/pam.d/sshd", "auth required pam_unix.so\n");
        assert!(found(hidden, "AMI-PWD-009").is_empty());
    }

    fn anybody(path: &str, text: &str) -> Vec<String> {
        found(clean().file(path, text), "AMI-PWD-010")
    }

    #[test]
    fn pam_permit_that_decides_is_found() {
        let path = "/etc/pam.d/sshd";
        for text in [
            "auth sufficient pam_permit.so\nauth required pam_unix.so\n",
            "auth required pam_env.so\nauth [success=done default=ignore] /lib/security/pam_permit.so\nauth required pam_deny.so\n",
            "auth required pam_permit.so\naccount required pam_unix.so\n",
            "auth sufficient pam_unix.so\nauth required pam_permit.so\n",
            "-auth\tSufficient\tpam_permit.so\n",
        ] {
            assert_eq!(anybody(path, text), [format!("critical {path}")], "{text}");
        }
        let tree =
            clean().file(path, "@include common-auth\n").file("/etc/pam.d/su", "auth sufficient pam_rootok.so\nauth include common-auth\n");
        let common = "/etc/pam.d/common-auth";
        assert_eq!(found(tree.file(common, "auth sufficient pam_permit.so\n"), "AMI-PWD-010"), [format!("critical {common}")], "once");
    }

    #[test]
    fn conditions_and_programs_that_suffice_are_found() {
        for path in ["/etc/pam.d/sshd", "/etc/pam.d/login", "/etc/pam.d/common-auth", "/usr/lib/pam.d/other"] {
            for text in [
                "auth sufficient pam_succeed_if.so user ingroup vendor\nauth required pam_unix.so\n",
                "auth required pam_env.so\nauth sufficient pam_unix.so\nauth sufficient pam_exec.so /usr/bin/true\n",
            ] {
                assert_eq!(anybody(path, text), [format!("critical {path}")], "{text}");
            }
            for text in [
                "auth optional pam_exec.so /usr/bin/log\nauth required pam_unix.so\n",
                "auth required pam_unix.so\nauth sufficient pam_succeed_if.so uid >= 1000\n",
                "auth sufficient pam_unix.so\nauth requisite pam_succeed_if.so uid >= 1000 quiet_success\nauth required pam_deny.so\n",
                "auth [default=1 ignore=ignore success=ok] pam_succeed_if.so uid >= 1000 quiet\nauth required pam_unix.so\n",
            ] {
                assert!(anybody(path, text).is_empty(), "{text}");
            }
        }
        let su = "auth sufficient pam_succeed_if.so uid = 0 use_uid quiet\nauth required pam_unix.so\n";
        assert!(anybody("/etc/pam.d/su", su).is_empty());
    }

    #[test]
    fn stacks_as_distributions_have_them_are_not() {
        let debian = "auth\t[success=1 default=ignore]\tpam_unix.so nullok\nauth\trequisite\tpam_deny.so\nauth\trequired\tpam_permit.so\n\
            auth\toptional\tpam_cap.so\n";
        let fedora = "auth required pam_env.so\nauth required pam_faildelay.so delay=2000000\nauth sufficient pam_unix.so nullok\n\
            auth required pam_deny.so\naccount required pam_permit.so\n";
        let su = "auth sufficient pam_rootok.so\nauth required pam_wheel.so use_uid\nauth substack system-auth\n";
        for (path, text) in [
            ("/etc/pam.d/common-auth", debian),
            ("/etc/pam.d/system-auth", fedora),
            ("/etc/pam.d/su", su),
            ("/etc/pam.d/login", "auth required pam_unix.so\nauth sufficient pam_permit.so\n"),
            ("/etc/pam.d/sshd", "# auth sufficient pam_permit.so\nauth required pam_unix.so\nsession required pam_permit.so\n"),
            ("/etc/pam.d/chfn", "auth sufficient pam_permit.so\n"),
        ] {
            assert!(anybody(path, text).is_empty(), "{text}");
        }
        assert!(anybody("/etc/pam.d/sshd", "@include sshd\nauth include sshd\nauth required pam_unix.so\n").is_empty(), "in a circle");
    }
}
