//! Kernels: those that lie in /boot, and the one that boots.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use super::files::Files;

/// A kernel in /boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kernel {
    /// `6.12.41+deb13-cloud-amd64`, as `uname -r` says.
    pub(super) release: String,
    pub(super) path: PathBuf,
}

impl Kernel {
    /// What tells it from others of the same version: `cloud-amd64`, `aws`; empty for Fedora's.
    pub(super) fn flavour(&self) -> String {
        self.release.split('-').filter(|part| part.starts_with(|c: char| c.is_ascii_alphabetic())).collect::<Vec<_>>().join("-")
    }
}

/// Where boot loaders keep what they boot; grub's folder is `grub2` on Fedora's family.
const MENUS: [&str; 3] = ["/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/efi/EFI/fedora/grub.cfg"];
const ENVIRONMENTS: [&str; 2] = ["/boot/grub/grubenv", "/boot/grub2/grubenv"];
const ENTRIES: &str = "/boot/loader/entries/*.conf";

/// Lists the kernels that are installed, the newest first; rescue images are none.
pub(super) fn installed(files: &Files) -> Vec<Kernel> {
    let paths = ["/boot/vmlinuz-*", "/boot/vmlinux-*", "/boot/Image-*"].iter().flat_map(|pattern| files.glob(pattern));
    let mut kernels: Vec<Kernel> = paths
        .filter_map(|path| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            let release = name.split_once('-')?.1.to_owned();
            // Red Hat's rescue image is `0-rescue-…`.
            (!release.starts_with("0-rescue") && release.starts_with(|c: char| c.is_ascii_digit())).then_some(Kernel { release, path })
        })
        .collect();
    kernels.sort_by(|a, b| compare(&b.release, &a.release).then_with(|| a.path.cmp(&b.path)));
    kernels
}

/// Returns the release of the kernel that boots: the default, or the only one that there is; none if it can't be told.
pub(super) fn booted(files: &Files) -> Option<String> {
    default(files).or_else(|| match installed(files).as_slice() {
        [only] => Some(only.release.clone()),
        _ => None,
    })
}

/// Tells which kernel boots unless somebody chooses another; none if it can't be told.
///
/// Source: <https://uapi-group.org/specifications/specs/boot_loader_specification/> and grub's manual, `default`, `saved_entry`.
pub(super) fn default(files: &Files) -> Option<String> {
    let menu = MENUS.iter().find_map(|path| files.text(path));
    let saved = ENVIRONMENTS.iter().find_map(|path| assigned(&files.text(path)?, "saved_entry"));
    let entries: Vec<(String, String)> = files.glob(ENTRIES).iter().filter_map(|path| entry(files, path)).collect();
    let uses_entries = !entries.is_empty() && menu.as_ref().is_none_or(|menu| menu.contains("blscfg"));
    if uses_entries {
        let named = saved.and_then(|saved| entries.iter().find(|(name, _)| *name == saved.trim_end_matches(".conf")));
        // Without a name that fits, the newest one boots.
        let chosen = named.or_else(|| entries.iter().max_by(|a, b| compare(&a.1, &b.1)))?;
        return Some(chosen.1.clone());
    }
    let menu = menu?;
    let linux = |text: &str| {
        let line = text.lines().map(str::trim).find(|line| line.starts_with("linux"))?;
        release_of(line.split_whitespace().nth(1)?)
    };
    // The last assignment outside of the part for another one's next boot is the default itself.
    let default = menu
        .lines()
        .rev()
        .find_map(|line| assigned(line.trim().trim_start_matches("set ").trim(), "default").filter(|value| !value.contains("next_entry")));
    let default = match default.as_deref() {
        Some("${saved_entry}") => saved?,
        Some(default) => default.to_owned(),
        None => "0".to_owned(),
    };
    let last = default.rsplit('>').next().unwrap_or_default();
    if default == "0" {
        return menu.split_once("menuentry ").and_then(|(_, rest)| linux(rest));
    }
    // By its title or its id.
    let blocks = menu.split("menuentry ").skip(1);
    blocks
        .filter(|block| {
            block.lines().next().is_some_and(|head| head.contains(&format!("'{last}'")) || head.contains(&format!("\"{last}\"")))
        })
        .find_map(linux)
}

/// An entry's name and the release of its kernel.
fn entry(files: &Files, path: &Path) -> Option<(String, String)> {
    let text = files.text(path)?;
    let name = path.file_stem()?.to_string_lossy().into_owned();
    let value = |key: &str| text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix([' ', '\t']).map(str::trim));
    let release = value("linux").and_then(release_of).or_else(|| value("version").map(str::to_owned))?;
    (!release.starts_with("0-rescue")).then_some((name, release))
}

/// The release in a path such as `/boot/vmlinuz-6.1.0-28-amd64`.
fn release_of(path: &str) -> Option<String> {
    let name = path.rsplit('/').next()?;
    let release = ["vmlinuz-", "vmlinux-", "Image-"].iter().find_map(|prefix| name.strip_prefix(prefix))?;
    Some(release.to_owned())
}

/// What kernels are told at boot, each with the file that says so: grub's menus, entries by themselves, and what those are made of.
pub(super) struct CommandLines {
    /// Of what boots now; recovery and rescue are none of it.
    pub(super) booted: Vec<(PathBuf, String)>,
    /// Of menus that will be made.
    pub(super) to_be: Vec<(PathBuf, String)>,
}

/// Reads what kernels are told.
///
/// Source: <https://www.gnu.org/software/grub/manual/grub/grub.html#Simple-configuration>, `GRUB_CMDLINE_LINUX`, and
/// <https://www.freedesktop.org/software/systemd/man/latest/kernel-install.html>, `/etc/kernel/cmdline`
pub(super) fn command_lines(files: &Files) -> CommandLines {
    let mut lines = CommandLines { booted: Vec::new(), to_be: Vec::new() };
    let takes = |lines: &mut Vec<(PathBuf, String)>, path: &Path, starts: &[&str]| {
        let text = files.text(path).unwrap_or_default();
        let own = text.lines().map(str::trim).filter(|line| starts.iter().any(|start| line.starts_with(start)));
        lines.extend(own.filter(|line| !is_rescue(line)).map(|line| (path.to_owned(), line.to_owned())));
    };
    MENUS.iter().for_each(|path| takes(&mut lines.booted, Path::new(path), &["linux", "set kernelopts"]));
    ENVIRONMENTS.iter().for_each(|path| takes(&mut lines.booted, Path::new(path), &["kernelopts"]));
    for path in files.glob(ENTRIES) {
        if !path.to_string_lossy().contains("-0-rescue") {
            takes(&mut lines.booted, &path, &["options"]);
        }
    }
    let made_of = std::iter::once(PathBuf::from("/etc/default/grub")).chain(files.glob("/etc/default/grub.d/*.cfg"));
    made_of.for_each(|path| takes(&mut lines.to_be, &path, &["GRUB_CMDLINE_LINUX=", "GRUB_CMDLINE_LINUX_DEFAULT="]));
    takes(&mut lines.to_be, Path::new("/etc/kernel/cmdline"), &[""]);
    lines
}

/// Tells a recovery's line, which boots when somebody chooses it.
fn is_rescue(line: &str) -> bool {
    line.split_whitespace().any(|word| matches!(word, "single" | "recovery" | "rescue" | "emergency") || word.contains("-0-rescue"))
}

fn assigned(text: &str, name: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim().trim_matches(['"', '\'']).to_owned()).filter(|value| !value.is_empty())
}

/// Compares releases: runs of digits as numbers, other runs by their letters.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let runs = |text: &str| -> Vec<(Option<u64>, String)> {
        let mut runs: Vec<String> = Vec::new();
        for c in text.chars() {
            match runs.last_mut().filter(|run| {
                run.ends_with(|last: char| last.is_ascii_digit() == c.is_ascii_digit() && last.is_alphanumeric() == c.is_alphanumeric())
            }) {
                Some(run) => run.push(c),
                None => runs.push(c.to_string()),
            }
        }
        runs.into_iter().filter(|run| run.chars().all(char::is_alphanumeric)).map(|run| (run.parse().ok(), run)).collect()
    };
    runs(a).cmp(&runs(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::MemoryTree;

    fn read(tree: MemoryTree) -> (Vec<String>, Option<String>) {
        let tree = tree.tree();
        let files = Files::new(&tree);
        (installed(&files).into_iter().map(|kernel| kernel.release).collect(), default(&files))
    }

    #[test]
    fn releases_are_compared_by_their_numbers() {
        for (older, newer) in [
            ("6.1.0-9-amd64", "6.1.0-28-amd64"),
            ("5.14.0-427.el9.x86_64", "5.14.0-427.13.1.el9_4.x86_64"),
            ("6.8.0-51-generic", "6.11.0-1-generic"),
        ] {
            assert_eq!(compare(older, newer), Ordering::Less, "{older} {newer}");
        }
    }

    #[test]
    fn grubs_first_or_named_entry_boots() {
        let menu = "set default=\"0\"\nmenuentry 'Debian' --id 'simple' {\n\tlinux /boot/vmlinuz-6.1.0-28-amd64 root=x\n}\nsubmenu 'More' {\n\
            menuentry 'Old' $menuentry_id_option 'gnulinux-6.1.0-9-amd64-advanced-x' {\n\tlinux /boot/vmlinuz-6.1.0-9-amd64\n}\n}\n";
        let tree = MemoryTree::default().file("/boot/vmlinuz-6.1.0-28-amd64", "").file("/boot/vmlinuz-6.1.0-9-amd64", "");
        let (kernels, default) = read(tree.clone().file("/boot/grub/grub.cfg", menu));
        assert_eq!(kernels, ["6.1.0-28-amd64", "6.1.0-9-amd64"]);
        assert_eq!(default.as_deref(), Some("6.1.0-28-amd64"));
        let saved = menu.replace("\"0\"", "\"${saved_entry}\"");
        let tree = tree
            .file("/boot/grub/grub.cfg", saved)
            .file("/boot/grub/grubenv", "# GRUB\nsaved_entry=gnulinux-advanced-x>gnulinux-6.1.0-9-amd64-advanced-x\n");
        assert_eq!(read(tree).1.as_deref(), Some("6.1.0-9-amd64"));
    }

    #[test]
    fn entries_by_themselves_boot_the_saved_one_or_the_newest() {
        let tree = MemoryTree::default()
            .file("/boot/loader/entries/m-5.14.0-427.el9.conf", "title A\nlinux /boot/vmlinuz-5.14.0-427.el9\n")
            .file("/boot/loader/entries/m-5.14.0-70.el9.conf", "title B\nversion 5.14.0-70.el9\nlinux /vmlinuz-5.14.0-70.el9\n")
            .file("/boot/loader/entries/m-0-rescue.conf", "linux /boot/vmlinuz-0-rescue-m\n")
            .file("/boot/vmlinuz-0-rescue-m", "");
        assert_eq!(read(tree.clone()), (Vec::new(), Some("5.14.0-427.el9".to_owned())));
        let saved =
            tree.file("/boot/grub2/grubenv", "saved_entry=m-5.14.0-70.el9\n").file("/boot/grub2/grub.cfg", "insmod blscfg\nblscfg\n");
        assert_eq!(read(saved).1.as_deref(), Some("5.14.0-70.el9"));
    }

    #[test]
    fn damaged_menus_tell_nothing() {
        for menu in ["", "set default=", "menuentry ", "set default=\"x>y\"\nmenuentry 'z' {", "menuentry 'a' {\nlinux\n}"] {
            assert_eq!(read(MemoryTree::default().file("/boot/grub/grub.cfg", menu)).1, None, "{menu}");
        }
    }
}
