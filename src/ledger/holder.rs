//! Who holds a lease: a process, told well enough to know whether it is still there.

use std::fmt;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

/// A process that works on a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// The machine's name.
    pub host: String,
    /// The process's id.
    pub pid: u32,
    /// Who runs it.
    pub user: String,
    /// The boot and the namespace in which the process id means something; empty where neither is known.
    pub boot: String,
    /// When the process began, in clock ticks since the boot; process ids are used again.
    pub started: u64,
}

impl Holder {
    /// Describes this process.
    pub fn this_process() -> Self {
        let pid = std::process::id();
        let started = if let Process::Began(ticks) = process(pid) { ticks } else { 0 };
        Self { host: host(), pid, user: user(), boot: boot(), started }
    }

    /// Tells whether the process is known to have ended: one of this machine, since its last boot.
    ///
    /// Of a process elsewhere, or where there is no `/proc`, nothing is known; of one that another user
    /// hides, only that it is there.
    pub fn is_gone(&self) -> bool {
        !self.boot.is_empty()
            && self.boot == boot()
            && match process(self.pid) {
                Process::Gone => true,
                Process::Began(ticks) => ticks != self.started,
                Process::Hidden => false,
            }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {} (process {})", self.user, self.host, self.pid)
    }
}

fn host() -> String {
    let named = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
    named.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "a machine without a name".to_owned())
}

fn user() -> String {
    let named = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()));
    named.unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw()))
}

/// Two containers of one machine share its boot, not their process ids: the namespace tells them apart.
fn boot() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let namespace = std::fs::read_link("/proc/self/ns/pid");
    match (boot, namespace) {
        (Ok(boot), Ok(namespace)) => format!("{} {}", boot.trim(), namespace.display()),
        _ => String::new(),
    }
}

/// What is to be known of a process id.
#[derive(Debug, PartialEq, Eq)]
enum Process {
    /// There is none of that id, or only what is left of one.
    Gone,
    /// There is one, which began so many clock ticks after the boot.
    Began(u64),
    /// There is one, of which nothing can be read: `/proc` may be mounted with `hidepid`.
    Hidden,
}

/// Source: proc_pid_stat(5): the third field is the state, the 22nd the start.
fn process(pid: u32) -> Process {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        let is_there = i32::try_from(pid).ok().and_then(Pid::from_raw).is_some_and(|id| test_kill_process(id) != Err(Errno::SRCH));
        return if is_there { Process::Hidden } else { Process::Gone };
    };
    // The second field is the program's name in parentheses, which may hold anything.
    let mut fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace();
    match (fields.next(), fields.nth(18).and_then(|ticks| ticks.parse().ok())) {
        (Some("Z" | "X"), _) => Process::Gone,
        (_, Some(ticks)) => Process::Began(ticks),
        _ => Process::Hidden,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_gone_when_its_id_is_unused_or_another_s() {
        let me = Holder::this_process();
        assert!(me.started > 0 && !me.is_gone());
        assert!(Holder { pid: u32::MAX, ..me.clone() }.is_gone());
        assert!(Holder { started: me.started + 1, ..me.clone() }.is_gone());
        assert!(!Holder { pid: u32::MAX, boot: "another machine's".to_owned(), ..me.clone() }.is_gone());
        assert!(!Holder { pid: u32::MAX, boot: String::new(), ..me }.is_gone());
    }

    #[test]
    fn a_process_is_known_by_its_id_until_it_has_ended() {
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        assert!(matches!(process(child.id()), Process::Began(ticks) if ticks > 0));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(process(child.id()), Process::Gone);
        assert_eq!(process(u32::MAX), Process::Gone);
    }
}
