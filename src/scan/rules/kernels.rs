//! AMI-OS-004: kernels that newer ones have come after, and whether the newest one boots.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::kernels::{self, Kernel};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const KERNELS: Rule = Rule {
    code: "AMI-OS-004",
    severity: Severity::Medium,
    title: "superseded kernels",
    why: "Kernels that don't boot take space, and scanners count their vulnerabilities.",
    remedy: "Reboot into the newest kernel during the bake, and remove the others (`apt autoremove --purge`, `dnf remove --oldinstallonly`).",
    judge: Judge::Root(superseded),
};

fn superseded(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let installed = kernels::installed(&root.files);
    let mut newest: BTreeMap<String, &Kernel> = BTreeMap::new();
    for kernel in &installed {
        let first = *newest.entry(kernel.flavour()).or_insert(kernel);
        if first.release != kernel.release {
            verdict.file(&kernel.path, format!("the kernel {} is superseded by {}, but still there", kernel.release, first.release));
        }
    }
    if installed.len() < 2 {
        return;
    }
    let Some(default) = kernels::default(&root.files) else {
        verdict.image_as(Severity::Low, "several kernels are installed; which one boots was not evaluated offline");
        return;
    };
    // The loader may know one that isn't there: then it is for the boot to show.
    let Some(booted) = installed.iter().find(|kernel| kernel.release == default) else { return };
    if let Some(first) = newest.get(&booted.flavour()).filter(|first| kernels::compare(&default, &first.release) == Ordering::Less) {
        verdict.file_as(Severity::High, &booted.path, format!("the kernel {default} boots, though {} is installed", first.release));
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    #[test]
    fn superseded_kernels_are_found_and_count_more_if_they_boot() {
        let tree = clean().file("/boot/vmlinuz-6.1.0-28-cloud-amd64", "x").file("/boot/vmlinuz-6.1.0-9-cloud-amd64", "x");
        let menu = |release: &str| format!("menuentry 'x' {{\n linux /boot/vmlinuz-{release}\n}}\n");
        let old = "/boot/vmlinuz-6.1.0-9-cloud-amd64";
        let with = |release: &str| found(tree.clone().file("/boot/grub/grub.cfg", menu(release)), "AMI-OS-004");
        assert_eq!(with("6.1.0-28-cloud-amd64"), [format!("medium {old}")]);
        assert_eq!(with("6.1.0-9-cloud-amd64"), [format!("high {old}"), format!("medium {old}")]);
        assert_eq!(found(tree, "AMI-OS-004"), [format!("medium {old}"), "low image".to_owned()]);
    }

    #[test]
    fn one_kernel_of_each_flavour_is_none_too_many() {
        let tree = clean().file("/boot/vmlinuz-6.8.0-51-generic", "x").file("/boot/vmlinuz-6.8.0-1021-aws", "x");
        let tree = tree.file("/boot/grub/grub.cfg", "menuentry 'x' {\nlinux /boot/vmlinuz-6.8.0-51-generic\n}\n");
        assert!(found(tree, "AMI-OS-004").is_empty());
        assert!(found(clean().file("/boot/vmlinuz-6.1.0-28-amd64", "x"), "AMI-OS-004").is_empty());
    }
}
