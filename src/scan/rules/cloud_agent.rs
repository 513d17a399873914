//! AMI-CLD-002: something must give the buyer's key to the login user at the first boot.

use std::path::PathBuf;

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::files::Files;
use crate::scan::kernels;
use crate::scan::units;
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const AGENT: Rule = Rule {
    code: "AMI-CLD-002",
    severity: Severity::Critical,
    title: "no agent that takes the buyer's key",
    why: "Without an agent that fetches the buyer's public key at the first boot nobody can log in, AWS's scanner included.",
    remedy: "Install and enable cloud-init with the Ec2 data source.",
    judge: Judge::Root(agent),
};

/// The units that run cloud-init: one process for all stages since 24.3, one for each before.
const UNITS: [&str; 4] = ["cloud-init-main.service", "cloud-init.service", "cloud-init-network.service", "cloud-init-local.service"];

/// Switches cloud-init off.
const DISABLED: &str = "/etc/cloud/cloud-init.disabled";

/// Enables cloud-init at boot where no link does.
const GENERATORS: &str = "/usr/lib/systemd/system-generators/cloud-init-generator";

fn agent(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let files = &root.files;
    // Afterburn does it on CoreOS and Flatcar.
    if units::is_enabled(files, "afterburn-sshkeys@core.service") {
        return;
    }
    if !is_installed(files) {
        verdict.image("cloud-init is not installed, so that the buyer's key is never put in place");
        return;
    }
    if files.exists(DISABLED) {
        verdict.file(DISABLED, "cloud-init is switched off, so that the buyer's key is never put in place");
    }
    let lines = kernels::command_lines(files);
    if let Some(path) = switched_off(&lines.booted) {
        verdict.file(path, "the kernel's command line switches cloud-init off, so that the buyer's key is never put in place");
    } else if let Some(path) = switched_off(&lines.to_be) {
        let reason = "the kernel's command line will switch cloud-init off once boot menus are made anew, as with the next kernel";
        verdict.file_as(Severity::High, path, reason);
    }
    if let Some(unit) = masked(files) {
        verdict
            .file(format!("/etc/systemd/system/{unit}"), "a unit of cloud-init is masked, so that the buyer's key is never put in place");
    } else if !is_started(files) {
        verdict.image("cloud-init does not start at boot, so that the buyer's key is never put in place");
    }
    if let Some(sources) = root.cloud.list("datasource_list")
        && !sources.iter().any(|source| source.eq_ignore_ascii_case("Ec2"))
    {
        let path = root.cloud.last("datasource_list").or_else(|| root.cloud.last("datasource_list.-")).map(|value| value.path.clone());
        verdict.file(
            path.unwrap_or_else(|| "/etc/cloud/cloud.cfg".into()),
            "cloud-init does not ask EC2, so that the buyer's key is never put in place",
        );
    }
}

/// Tells whether cloud-init runs at an instance's first boot.
pub(super) fn runs_at_boot(files: &Files) -> bool {
    let is_switched_off = files.exists(DISABLED) || switched_off(&kernels::command_lines(files).booted).is_some();
    is_installed(files) && !is_switched_off && masked(files).is_none() && is_started(files)
}

/// Returns the first file that switches it off on the kernel's command line; the last word of a line counts.
///
/// Source: <https://docs.cloud-init.io/en/latest/howto/disable_cloud_init.html>
fn switched_off(lines: &[(PathBuf, String)]) -> Option<&PathBuf> {
    let is_off = |line: &str| {
        let words = line.split(|c: char| c.is_whitespace() || c == '"' || c == '\'');
        words.filter_map(|word| word.strip_prefix("cloud-init=")).next_back() == Some("disabled")
    };
    lines.iter().find(|(_, line)| is_off(line)).map(|(path, _)| path)
}

fn is_installed(files: &Files) -> bool {
    files.exists("/usr/bin/cloud-init") || files.exists("/usr/local/bin/cloud-init")
}

fn is_started(files: &Files) -> bool {
    let by_openrc = |level: &str| files.symlink_metadata(format!("/etc/runlevels/{level}/cloud-init")).is_some();
    UNITS.iter().any(|unit| units::is_enabled(files, unit)) || files.exists(GENERATORS) || ["boot", "default"].into_iter().any(by_openrc)
}

fn masked(files: &Files) -> Option<&'static str> {
    UNITS.into_iter().find(|unit| units::is_masked(files, unit))
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    #[test]
    fn cloud_init_absent_or_switched_off_is_found() {
        assert_eq!(found(clean().without("/usr/bin/cloud-init"), "AMI-CLD-002"), ["critical image"]);
        assert_eq!(found(clean().file("/etc/cloud/cloud-init.disabled", ""), "AMI-CLD-002").len(), 1);
        let unlinked = clean().without("/etc/systemd/system/cloud-init.target.wants/cloud-init-main.service");
        assert_eq!(found(unlinked.clone(), "AMI-CLD-002"), ["critical image"]);
        assert!(found(unlinked.file("/usr/lib/systemd/system-generators/cloud-init-generator", "x"), "AMI-CLD-002").is_empty());
    }

    #[test]
    fn cloud_init_switched_off_on_the_kernels_command_line_is_found() {
        let with = |path: &str, text: &str| found(clean().file(path, text), "AMI-CLD-002");
        let menu = "menuentry 'A' {\n\tlinux\t/boot/vmlinuz-6.1.0-28-amd64 root=x ro cloud-init=disabled\n}\n";
        assert_eq!(with("/boot/grub/grub.cfg", menu), ["critical /boot/grub/grub.cfg"]);
        let entry = "/boot/loader/entries/a.conf";
        assert_eq!(with(entry, "title A\noptions root=x cloud-init=disabled quiet\n"), [format!("critical {entry}")]);
        assert_eq!(with("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"cloud-init=disabled\"\n"), ["high /etc/default/grub"]);
        assert!(with("/etc/default/grub", "#GRUB_CMDLINE_LINUX=\"cloud-init=disabled\"\n").is_empty());
        assert!(with("/boot/grub/grub.cfg", "linux /boot/vmlinuz-1 ro single cloud-init=disabled\n").is_empty(), "a recovery's");
        assert!(with("/boot/grub/grub.cfg", "linux /boot/vmlinuz-1 cloud-init=disabled cloud-init=enabled\n").is_empty());
    }

    #[test]
    fn a_list_of_data_sources_must_name_ec2() {
        let with = |text: &str| found(clean().file("/etc/cloud/cloud.cfg.d/90_dpkg.cfg", text), "AMI-CLD-002");
        assert_eq!(with("datasource_list: [ NoCloud, None ]"), ["critical /etc/cloud/cloud.cfg.d/90_dpkg.cfg"]);
        assert!(with("datasource_list: [ NoCloud, Ec2 ]").is_empty());
    }
}
