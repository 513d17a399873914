//! What runs without being asked: commands of units that start at boot, of cron, at, rc.local and init scripts of users.

use std::path::{Path, PathBuf};

use super::files::Files;
use super::units;

/// A command, the file it stands in, and what starts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) path: PathBuf,
    /// A unit's name, `cron`, `at` or `boot`.
    pub(super) by: String,
    pub(super) command: String,
}

/// Tables of cron and at, and what runs at boot beside systemd. Debian's, Fedora's and SUSE's, Alpine's.
const TABLES: [(&str, &str); 13] = [
    ("cron", "/etc/crontab"),
    ("cron", "/etc/anacrontab"),
    ("cron", "/etc/cron.d/*"),
    ("cron", "/etc/cron.hourly/*"),
    ("cron", "/etc/cron.daily/*"),
    ("cron", "/etc/cron.weekly/*"),
    ("cron", "/etc/cron.monthly/*"),
    ("cron", "/etc/periodic/*/*"),
    ("cron", "/var/spool/cron/*"),
    ("cron", "/var/spool/cron/*/*"),
    ("at", "/var/spool/at/*"),
    ("boot", "/etc/rc.local"),
    ("boot", "/etc/local.d/*.start"),
];

/// Keys of a unit that hold commands.
const COMMANDS: [&str; 4] = ["ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload"];

/// Lists all commands, by file.
pub(super) fn read(files: &Files) -> Vec<Job> {
    let mut jobs = Vec::new();
    for unit in units::enabled(files) {
        // A timer or a path or a socket starts the service of its name.
        let service = unit.rsplit_once('.').map_or(unit.clone(), |(name, _)| format!("{name}.service"));
        for (path, command) in COMMANDS.iter().flat_map(|key| units::values(files, &service, key)) {
            jobs.push(Job { path, by: service.clone(), command });
        }
    }
    for (by, path) in TABLES.iter().flat_map(|(by, pattern)| files.glob(pattern).into_iter().map(move |path| (by, path))) {
        jobs.extend(lines(files, &path).map(|command| Job { path: path.clone(), by: (*by).to_owned(), command }));
    }
    jobs.sort_by(|a, b| (&a.path, &a.command).cmp(&(&b.path, &b.command)));
    jobs.dedup();
    jobs
}

fn lines(files: &Files, path: &Path) -> impl Iterator<Item = String> {
    let text = files.text(path).unwrap_or_default();
    let lines: Vec<String> =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect();
    lines.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::MemoryTree;

    #[test]
    fn commands_of_units_timers_and_tables_are_listed() {
        let tree = MemoryTree::default()
            .file("/etc/systemd/system/a.service", "[Service]\nExecStart=/bin/a\n")
            .link("/etc/systemd/system/multi-user.target.wants/a.service", "/etc/systemd/system/a.service")
            .file("/usr/lib/systemd/system/b.service", "[Service]\nExecStart=/bin/b\n")
            .link("/etc/systemd/system/timers.target.wants/b.timer", "/usr/lib/systemd/system/b.timer")
            .file("/usr/lib/systemd/system/off.service", "[Service]\nExecStart=/bin/off\n")
            .file("/var/spool/cron/crontabs/root", "# x\n@reboot /bin/c\n")
            .tree();
        let jobs = read(&Files::new(&tree));
        let brief: Vec<_> = jobs.iter().map(|job| (job.by.as_str(), job.command.as_str())).collect();
        assert_eq!(brief, [("a.service", "/bin/a"), ("b.service", "/bin/b"), ("cron", "@reboot /bin/c")]);
    }
}
