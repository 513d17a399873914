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
    remedy: "Let agetty and login ask: take `--autologin` (`-a`, `-o '-f …'`, `-n -l …`) or a shell in their place out \
        of the unit, what is dropped in beside it, inittab, or credstore; disable debug-shell.service.",
    judge: Judge::Root(consoles),
};

/// Units that ask for logins at consoles; systemd starts an instance of the first two for each console that there is.
const UNITS: [&str; 4] = ["getty@.service", "serial-getty@.service", "console-getty.service", "container-getty@.service"];

const PROGRAMS: [&str; 4] = ["agetty", "getty", "mingetty", "mgetty"];

/// Shells that a console has without anybody being asked.
const SHELLS: [&str; 9] = ["sh", "bash", "ash", "dash", "zsh", "ksh", "fish", "su", "sushell"];

/// What runs the command behind it.
const WRAPPERS: [&str; 6] = ["busybox", "setsid", "cttyhack", "env", "exec", "nohup"];

/// Commands in commands that are followed.
const DEEPEST_COMMAND: usize = 4;

/// Credentials that agetty and login take as their options, and where systemd finds them at the first boot.
///
/// Source: agetty(8), login(1), systemd.exec(5)
const CREDENTIALS: [&str; 2] = ["agetty.autologin", "login.noauth"];
const STORES: [&str; 3] = ["/etc/credstore", "/etc/credstore.encrypted", "/usr/lib/credstore"];

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
    if units::is_enabled(files, "debug-shell.service") {
        let links = units::FOLDERS.iter().flat_map(|folder| files.glob(&format!("{folder}/*/debug-shell.service")));
        links.take(1).for_each(|path| tell(&path));
    }
    for name in CREDENTIALS {
        for path in STORES.iter().map(|folder| Path::new(folder).join(name)) {
            if files.read(&path).is_some_and(|content| !content.trim_ascii().is_empty()) {
                tell(&path);
            }
        }
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
        for path in units::FOLDERS.iter().flat_map(|folder| files.glob(&format!("{folder}/{pattern}"))) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            listed.insert(name.strip_suffix(".d").unwrap_or(&name).to_owned());
        }
    }
    listed
}

/// Tells a command that is to ask for logins and doesn't ask.
fn logs_in(words: &[String]) -> bool {
    lets_in(words, 0)
}

fn lets_in(words: &[String], depth: usize) -> bool {
    // systemd's marks, and a login shell's.
    let command = |word: &String| name(word.trim_start_matches(['-', '@', ':', '+', '!', '|'])).to_owned();
    let is_passed = |word: &&String| WRAPPERS.contains(&command(word).as_str()) || word.contains('=') && !word.starts_with('-');
    let first = words.iter().take_while(is_passed).count();
    let Some(program) = words.get(first).map(command).filter(|_| depth < DEEPEST_COMMAND) else { return false };
    let rest = &words[first + 1..];
    if program == "login" {
        return rest.iter().any(|word| asks_nobody(word));
    }
    if SHELLS.contains(&program.as_str()) {
        if let Some(at) = rest.iter().position(|word| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c')) {
            return rest.get(at + 1).is_some_and(|text| lets_in(&unquoted(text), depth + 1));
        }
        // A script is not a shell; `su` has a name there.
        return program == "su" || rest.iter().all(|word| word.starts_with('-'));
    }
    // It may stand behind other words, such as a lock's or a delay's.
    let getty = words.iter().position(|word| PROGRAMS.contains(&command(word).as_str()));
    getty.is_some_and(|at| has_login(&words[at + 1..]))
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Tells whether options name an account that is logged in, have login(1) ask nobody (`-f`), or have something else than login
/// in its place: a shell, or whatever it is that no name is asked for before (`-n`).
fn has_login(words: &[String]) -> bool {
    let (mut skips, mut program) = (false, None);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            let (option, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            match option {
                "autologin" => return true,
                "skip-login" => skips = true,
                "login-options" | "login-program" | "loginprog" => {
                    let value = value.map_or_else(|| words.next().map(String::as_str), Some);
                    if option != "login-options" {
                        program = value;
                    } else if value.is_some_and(asks_nobody) {
                        return true;
                    }
                }
                _ => {}
            }
            continue;
        }
        let Some(options) = word.strip_prefix('-') else { continue };
        let with_value = options.char_indices().find(|(_, option)| WITH_VALUE.contains(*option));
        skips |= options[..with_value.map_or(options.len(), |(at, _)| at)].contains('n');
        let Some((at, option)) = with_value else { continue };
        let attached = &options[at + 1..];
        let value = if attached.is_empty() { words.next().map(String::as_str) } else { Some(attached) };
        match option {
            'a' => return true,
            'o' if value.is_some_and(asks_nobody) => return true,
            'l' => program = value,
            _ => {}
        }
    }
    program.map(name).is_some_and(|program| SHELLS.contains(&program) || skips && program != "login")
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
    fn shells_in_the_place_of_a_login_are_found() {
        let path = "/etc/systemd/system/serial-getty@.service.d/x.conf";
        for command in [
            "-/sbin/agetty -n -l /usr/local/sbin/enter %I",
            "-/sbin/agetty --skip-login --login-program /bin/bash %I",
            "-/sbin/agetty -l /bin/bash %I",
            "-/sbin/agetty -nl/usr/bin/enter %I",
            "-/bin/bash",
            "-/usr/bin/bash --login",
            "/bin/login -f root",
            "/bin/sh -c 'exec /sbin/agetty -a root %I'",
            "/bin/sh -c 'exec /bin/bash'",
            "/usr/bin/setsid /bin/busybox sh",
            "/bin/su - root",
        ] {
            let text = format!("[Service]\nExecStart=\nExecStart={command}\n");
            assert_eq!(found(stock().file(path, text), "AMI-PWD-011"), [format!("high {path}")], "{command}");
        }
        for command in ["-/sbin/agetty -n -l /bin/login %I", "-/bin/login", "/bin/sh /usr/local/bin/ask", "/bin/sh -c '/sbin/agetty %I'"] {
            let text = format!("[Service]\nExecStart=\nExecStart={command}\n");
            assert!(found(stock().file(path, text), "AMI-PWD-011").is_empty(), "{command}");
        }
        for (path, text) in [
            ("/etc/inittab", "ttyS0::respawn:/bin/sh\n"),
            ("/etc/inittab", "::askfirst:-/bin/ash\n"),
            ("/etc/credstore/agetty.autologin", "root"),
            ("/etc/credstore/login.noauth", "yes\n"),
        ] {
            assert_eq!(found(stock().file(path, text), "AMI-PWD-011"), [format!("high {path}")], "{text}");
        }
        let shell = stock().file("/usr/lib/systemd/system/debug-shell.service", "[Service]\nExecStart=/bin/bash\n");
        assert!(found(shell.clone(), "AMI-PWD-011").is_empty());
        let link = "/etc/systemd/system/sysinit.target.wants/debug-shell.service";
        let shell = shell.link(link, "/usr/lib/systemd/system/debug-shell.service");
        assert_eq!(found(shell, "AMI-PWD-011"), [format!("high {link}")]);
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
