//! AMI-PWD-011: consoles that log an account in by themselves.

use std::collections::BTreeSet;
use std::path::Path;

use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::files::Files;
use crate::scan::sshd_command::unquoted;
use crate::scan::units;
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const CONSOLES: Rule = Rule {
    code: "AMI-PWD-011",
    severity: Severity::High,
    title: "consoles that log in by themselves",
    why: "On EC2 the serial console is within reach, and whoever gets to it is let in without a password.",
    remedy: "Take `--autologin` (`-a`, or `-o '-f …'`) out of the unit, what is dropped in beside it, or inittab.",
    judge: Judge::Root(consoles),
};

/// Units that ask for logins at consoles; systemd starts an instance of the first two for each console that there is.
const UNITS: [&str; 4] = ["getty@.service", "serial-getty@.service", "console-getty.service", "container-getty@.service"];

const FOLDERS: [&str; 3] = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

const PROGRAMS: [&str; 4] = ["agetty", "getty", "mingetty", "mgetty"];

/// Options of agetty that have a value.
///
/// Source: agetty(8)
const WITH_VALUE: &str = "aCdfHIloPrtT";

fn consoles(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let files = &root.files;
    let mut told = BTreeSet::new();
    let mut tell = |path: &Path| {
        if told.insert(path.to_owned()) {
            verdict.file(path, "a console logs an account in without a password");
        }
    };
    for unit in listed(files).into_iter().filter(|unit| !units::is_masked(files, unit)) {
        let commands = units::values(files, &unit, "ExecStart");
        commands.iter().filter(|(_, command)| logs_in(&unquoted(command))).for_each(|(path, _)| tell(path));
    }
    // sysvinit's and BusyBox's `id:runlevels:action:process`, Upstart's jobs, and OpenRC's options.
    let inittab = files.text("/etc/inittab").unwrap_or_default();
    let mut processes = inittab.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(|line| line.splitn(4, ':').nth(3));
    if processes.any(|process| logs_in(&unquoted(process))) {
        tell(Path::new("/etc/inittab"));
    }
    for path in files.glob("/etc/init/*.conf") {
        let text = files.text(&path).unwrap_or_default();
        if text.lines().filter_map(|line| line.trim().strip_prefix("exec ")).any(|command| logs_in(&unquoted(command))) {
            tell(&path);
        }
    }
    for path in files.glob("/etc/conf.d/agetty*") {
        let text = files.text(&path).unwrap_or_default();
        let options = text.lines().filter_map(|line| line.trim().strip_prefix("agetty_options="));
        if options.into_iter().any(|options| has_login(&unquoted(&unquoted(options).join(" ")))) {
            tell(&path);
        }
    }
}

/// Lists the units, and instances for which something is dropped in or that have a file of their own.
fn listed(files: &Files) -> BTreeSet<String> {
    let mut listed: BTreeSet<String> = UNITS.iter().map(|unit| (*unit).to_owned()).collect();
    for pattern in ["*getty*.service", "*getty*.service.d"] {
        for path in FOLDERS.iter().flat_map(|folder| files.glob(&format!("{folder}/{pattern}"))) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            listed.insert(name.strip_suffix(".d").unwrap_or(&name).to_owned());
        }
    }
    listed
}

/// Tells a command that asks for logins and doesn't ask.
fn logs_in(words: &[String]) -> bool {
    let program = |word: &String| {
        Path::new(word.trim_start_matches(['-', '@', ':', '+', '!']))
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| PROGRAMS.contains(&name))
    };
    words.iter().position(program).is_some_and(|at| has_login(&words[at + 1..]))
}

/// Tells whether options name an account that is logged in, or have login(1) ask nobody (`-f`).
fn has_login(words: &[String]) -> bool {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            if name == "autologin" {
                return true;
            }
            if name == "login-options" && value.map_or_else(|| words.next().map(String::as_str), Some).is_some_and(asks_nobody) {
                return true;
            }
            continue;
        }
        let Some(options) = word.strip_prefix('-') else { continue };
        let Some((at, option)) = options.char_indices().find(|(_, option)| WITH_VALUE.contains(*option)) else { continue };
        let attached = &options[at + 1..];
        let value = if attached.is_empty() { words.next().map(String::as_str) } else { Some(attached) };
        if option == 'a' || option == 'o' && value.is_some_and(asks_nobody) {
            return true;
        }
    }
    false
}

fn asks_nobody(options: &str) -> bool {
    options.split_whitespace().take_while(|word| *word != "--").any(|word| word == "-f" || word == "-pf")
}

#[cfg(test)]
mod tests {
    use crate::disk::testing::MemoryTree;
    use crate::scan::testing::{clean, found};

    const STOCK: &str = "[Service]\nExecStart=-/sbin/agetty -o '-p -- \\\\u' --noclear --keep-baud 115200,57600,38400,9600 - $TERM\n";

    fn stock() -> MemoryTree {
        clean().file("/usr/lib/systemd/system/getty@.service", STOCK).file("/usr/lib/systemd/system/serial-getty@.service", STOCK)
    }

    #[test]
    fn consoles_that_log_in_by_themselves_are_found() {
        let path = "/etc/systemd/system/serial-getty@ttyS0.service.d/autologin.conf";
        for options in ["--autologin root", "--autologin=root", "-a root", "-Jaroot", "-n -o '-p -f root'", "--login-options '-f root'"] {
            let text = format!("[Service]\nExecStart=\nExecStart=-/sbin/agetty {options} --noclear %I $TERM\n");
            assert_eq!(found(stock().file(path, text), "AMI-PWD-011"), [format!("high {path}")], "{options}");
        }
        for (path, text) in [
            ("/etc/systemd/system/getty@.service.d/x.conf", "[Service]\nExecStart=\nExecStart=-/sbin/agetty -a admin %I\n"),
            ("/etc/inittab", "# x\ntty1:2345:respawn:/sbin/agetty --autologin root tty1 linux\n"),
            ("/etc/init/tty.conf", "respawn\nexec /sbin/mingetty --autologin root $TTY\n"),
            ("/etc/conf.d/agetty.tty1", "agetty_options=\"--autologin root --noclear\"\n"),
        ] {
            assert_eq!(found(stock().file(path, text), "AMI-PWD-011"), [format!("high {path}")], "{text}");
        }
    }

    #[test]
    fn consoles_as_distributions_have_them_are_not() {
        let told = |tree: MemoryTree| found(tree, "AMI-PWD-011");
        assert!(told(stock()).is_empty());
        assert!(
            told(stock().file("/etc/inittab", "tty1::respawn:/sbin/getty 38400 tty1\n#x::respawn:/sbin/agetty -a root x\n")).is_empty()
        );
        let path = "/etc/systemd/system/getty@tty1.service.d/noclear.conf";
        assert!(told(stock().file(path, "[Service]\nTTYVTDisallocate=no\n")).is_empty());
        let masked = stock().file("/usr/lib/systemd/system/getty@tty9.service", "[Service]\nExecStart=/sbin/agetty -a root tty9\n");
        assert!(told(masked.link("/etc/systemd/system/getty@tty9.service", "/dev/null")).is_empty());
    }
}
