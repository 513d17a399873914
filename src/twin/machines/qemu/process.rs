//! A process that is not ours to wait for, told from a later one that got its number.

use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::twin::machines::probe::boot_id;

/// A process by its number and when it started, which together are never given twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started, in the kernel's ticks since the machine started.
    started: u64,
    /// Which start of the machine that was.
    boot: String,
}

impl Process {
    /// Looks at a running process; `None` when there is none of that number.
    pub fn of(pid: u32) -> Option<Self> {
        Some(Self { pid, started: stat(pid)?.started, boot: boot_id() })
    }

    /// Tells whether it still runs.
    pub fn is_running(&self) -> bool {
        self.boot == boot_id() && stat(self.pid).is_some_and(|stat| stat.started == self.started && !stat.ended)
    }

    /// Ends it at once and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When it may not be ended, or is still there after ten seconds.
    pub async fn kill(&self) -> std::io::Result<()> {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
        // The descriptor is taken first, so that what is checked is what is ended.
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Err(Errno::SRCH) => return Ok(()),
            handle => handle?,
        };
        if !self.is_running() {
            return Ok(());
        }
        match pidfd_send_signal(&handle, Signal::KILL) {
            Err(Errno::SRCH) => return Ok(()),
            sent => sent?,
        }
        for _ in 0..500 {
            if !self.is_running() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(std::io::ErrorKind::TimedOut.into())
    }
}

struct Stat {
    started: u64,
    /// Dead, and only waiting for its parent to take notice.
    ended: bool,
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Source: proc_pid_stat(5).
fn parse_stat(text: &str) -> Option<Stat> {
    // The second field is the program's name in parentheses, and may hold blanks and parentheses.
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let ended = matches!(fields.next()?, "Z" | "X" | "x");
    // Fields 3 to 21 lie before the start time, the 22nd.
    let started = fields.nth(18)?.parse().ok()?;
    Some(Stat { started, ended })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_time_is_found_behind_any_name() {
        let line = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 3 0 987654 1 2 3";
        let stat = parse_stat(line).unwrap();
        assert_eq!((stat.started, stat.ended), (987_654, false));
        assert!(parse_stat(&line.replace(") S", ") Z")).unwrap().ended);
        for bad in ["", "42 (x", "42 (x) S 1 2", ")"] {
            assert!(parse_stat(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn another_process_of_the_same_number_is_not_it() {
        let mut process = Process::of(std::process::id()).unwrap();
        assert!(process.is_running());
        process.started += 1;
        assert!(!process.is_running());
    }
}
