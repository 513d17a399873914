//! What the SSH server is told on its command line: by systemd's units, or by what init scripts read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::files::Files;
use super::sshd::{Setting, split};
use super::units;

/// What init scripts, and units that are not there to be read, put on sshd's command line: the file, and the variable in it. Debian's, Fedora's and
/// SUSE's, and OpenRC's.
const COMMAND_LINES: [(&str, &str); 5] = [
    ("/etc/default/ssh", "SSHD_OPTS"),
    ("/etc/sysconfig/sshd", "OPTIONS"),
    ("/etc/sysconfig/sshd", "SSHD_OPTS"),
    ("/etc/sysconfig/ssh", "SSHD_OPTS"),
    ("/etc/conf.d/sshd", "SSHD_OPTS"),
];

/// Options of sshd that have a value.
///
/// Source: <https://man.openbsd.org/sshd>
const WITH_VALUE: &str = "bCcEfghkopuV";

/// The settings that come over those of files, and the file that is read instead of the usual one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CommandLine {
    pub(super) settings: Vec<Setting>,
    pub(super) file: Option<PathBuf>,
}

/// A word of a command, with the file that it stands in.
type Word = (PathBuf, String);

impl CommandLine {
    /// Reads the command line of the server that starts. Further servers that are told anything else are a fault.
    pub(super) fn read(files: &Files) -> Self {
        let own = ["ssh.service", "sshd.service"].map(str::to_owned).into_iter().filter(|unit| !units::is_masked(files, unit));
        let enabled = units::enabled(files).into_iter().flat_map(|unit| {
            let stem = unit.rsplit_once('.').map_or(unit.as_str(), |(stem, _)| stem).to_owned();
            // A socket may start an instance for each connection.
            let instance = unit.ends_with(".socket").then(|| format!("{stem}@.service"));
            std::iter::once(format!("{stem}.service")).chain(instance)
        });
        let mut servers = own.chain(enabled).flat_map(|service| servers(files, &service));
        let Some((_, first)) = servers.next() else { return Self::by_scripts(files) };
        let said =
            |line: &Self| (line.settings.iter().map(|s| (s.keyword.clone(), s.arguments.clone())).collect::<Vec<_>>(), line.file.clone());
        for (path, _) in servers.filter(|(_, other)| said(other) != said(&first)) {
            files.fault(&path, "it starts another SSH server with options of its own, whose configuration was not looked at".to_owned());
        }
        first
    }

    fn by_scripts(files: &Files) -> Self {
        let mut words = Vec::new();
        for (path, variable) in COMMAND_LINES {
            let text = files.text(path).unwrap_or_default();
            let assigned = text.lines().rev().find_map(|line| line.trim().strip_prefix(variable)?.trim_start().strip_prefix('='));
            let plain = assigned.unwrap_or_default().replace(['"', '\''], "");
            words.extend(plain.split_whitespace().map(|word| (path.into(), word.to_owned())));
        }
        Self::parse(words)
    }

    /// Takes options as getopt(3) does.
    fn parse(words: Vec<Word>) -> Self {
        let mut line = Self::default();
        let mut words = words.into_iter();
        while let Some((path, word)) = words.next() {
            let Some(options) = word.strip_prefix('-') else { continue };
            let Some((at, option)) = options.char_indices().find(|(_, option)| WITH_VALUE.contains(*option)) else { continue };
            let attached = &options[at + 1..];
            let value = if attached.is_empty() { words.next().map(|(_, word)| word).unwrap_or_default() } else { attached.to_owned() };
            let setting = match option {
                'o' => split(&value),
                'p' => split(&format!("Port {value}")),
                'f' => {
                    line.file = Some(value.into());
                    None
                }
                _ => None,
            };
            line.settings.extend(setting.map(|(keyword, arguments)| Setting { keyword, arguments, path }));
        }
        line
    }
}

/// The SSH servers that a service starts, each with the file that says so.
///
/// Source: <https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html#Command%20lines>
fn servers(files: &Files, service: &str) -> Vec<(PathBuf, CommandLine)> {
    let commands = units::values(files, service, "ExecStart");
    let commands: Vec<_> = commands.into_iter().filter(|(_, command)| command.contains("sshd")).collect();
    if commands.is_empty() {
        return Vec::new();
    }
    let variables = variables(files, service);
    let server = |(path, command): (PathBuf, String)| {
        let mut words = unquoted(&command);
        let is_server =
            |word: &String| Path::new(word.trim_start_matches(['-', '@', ':', '+', '!'])).file_name().is_some_and(|name| name == "sshd");
        if !words.iter().any(is_server) {
            // A shell is given the command as one word.
            words = words.iter().flat_map(|word| word.split_whitespace()).map(str::to_owned).collect();
        }
        let start = words.iter().position(is_server)?;
        let words = words.into_iter().skip(start + 1).flat_map(|word| expand(word, &path, &variables)).collect();
        Some((path, CommandLine::parse(words)))
    };
    commands.into_iter().filter_map(server).collect()
}

/// The variables that a service's commands may name, those of files over those of the unit.
fn variables(files: &Files, service: &str) -> HashMap<String, Word> {
    let assigned =
        |path: &Path, word: &str| word.split_once('=').map(|(name, value)| (name.to_owned(), (path.to_owned(), value.to_owned())));
    let mut variables = HashMap::new();
    for (path, value) in units::values(files, service, "Environment") {
        variables.extend(unquoted(&value).iter().filter_map(|word| assigned(&path, word)));
    }
    for (_, file) in units::values(files, service, "EnvironmentFile") {
        for path in files.glob(file.trim_start_matches('-')) {
            let text = files.text(&path).unwrap_or_default().replace("\\\n", " ");
            let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
            variables.extend(
                lines.filter_map(|line| assigned(&path, line)).map(|(name, (path, value))| (name, (path, unquoted(&value).join(" ")))),
            );
        }
    }
    variables
}

/// Puts in what a word's variable stands for: `$NAME` as several words, `${NAME}` as one.
fn expand(word: String, path: &Path, variables: &HashMap<String, Word>) -> Vec<Word> {
    let Some(name) = word.strip_prefix('$') else { return vec![(path.to_owned(), word)] };
    let whole = name.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
    match (variables.get(whole.unwrap_or(name)), whole) {
        (None, _) => Vec::new(),
        (Some(value), Some(_)) => vec![value.clone()],
        (Some((path, value)), None) => unquoted(value).into_iter().map(|word| (path.clone(), word)).collect(),
    }
}

/// Splits words at spaces outside of quotes, which are taken away.
pub(super) fn unquoted(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use crate::disk::testing::MemoryTree;
    use crate::scan::testing::{clean, found};

    const UNIT: &str = "/usr/lib/systemd/system/ssh.service";
    const DROPPED: &str = "/etc/systemd/system/ssh.service.d/x.conf";

    fn debian() -> MemoryTree {
        clean().file(UNIT, "[Service]\nEnvironmentFile=-/etc/default/ssh\nExecStart=/usr/sbin/sshd -D $SSHD_OPTS\n")
    }

    #[test]
    fn options_of_units_and_their_environment_come_over_files() {
        assert!(found(debian(), "AMI-SSH-001").is_empty());
        let root = |tree: MemoryTree| [found(tree.clone(), "AMI-SSH-001"), found(tree, "AMI-SSH-003")].concat();
        for options in ["-o PasswordAuthentication=yes -o PermitRootLogin=yes", "-DoPasswordAuthentication=yes -oPermitRootLogin=yes"] {
            for command in [format!("/usr/sbin/sshd -D {options}"), format!("-/bin/sh -c 'exec /usr/sbin/sshd {options}'")] {
                let both = |path: &str| [format!("critical {path}"), format!("critical {path}")];
                assert_eq!(root(debian().file(UNIT, format!("[Service]\nExecStart={command}\n"))), both(UNIT), "{command}");
                assert_eq!(root(debian().file(DROPPED, format!("[Service]\nExecStart=\nExecStart={command}\n"))), both(DROPPED));
            }
        }
        let tree = debian().file(DROPPED, "[Service]\nEnvironment=\"SSHD_OPTS=-o PasswordAuthentication=yes\"\n");
        assert_eq!(found(tree.clone(), "AMI-SSH-001"), [format!("critical {DROPPED}")]);
        let alias = "/etc/systemd/system/sshd.service.d/x.conf";
        let aliased = debian().file(alias, "[Service]\nEnvironment=\"SSHD_OPTS=-o PasswordAuthentication=yes\"\n");
        let aliased = aliased.link("/etc/systemd/system/sshd.service", UNIT);
        assert_eq!(found(aliased.clone(), "AMI-SSH-001"), [format!("critical {alias}")]);
        assert!(found(aliased, "COV-FILE-001").is_empty(), "one server by two names");
        assert!(found(tree.file("/etc/default/ssh", "SSHD_OPTS=\n"), "AMI-SSH-001").is_empty());
    }

    #[test]
    fn a_file_that_the_command_line_names_is_read_instead() {
        let other = |tree: MemoryTree| found(tree.file("/etc/ssh/other", "PasswordAuthentication yes\n"), "AMI-SSH-001");
        let expected = ["critical /etc/ssh/other"];
        assert_eq!(other(debian().file("/etc/default/ssh", "SSHD_OPTS=\"-f /etc/ssh/other\"\n")), expected);
        assert_eq!(other(clean().file("/etc/sysconfig/sshd", "SSHD_OPTS=\"-f /etc/ssh/other\"\n")), expected);
        let tree = debian().file(DROPPED, "[Service]\nExecStart=\nExecStart=/usr/sbin/sshd -D -f /etc/ssh/other\n");
        assert_eq!(other(tree.clone()), expected);
        assert_eq!(found(tree, "COV-FILE-001"), ["high /etc/ssh/other"]);
    }

    #[test]
    fn a_second_server_with_options_of_its_own_is_told() {
        let path = "/etc/systemd/system/back.service";
        let tree = debian().link("/etc/systemd/system/multi-user.target.wants/back.service", path);
        let with = |command: &str| found(tree.clone().file(path, format!("[Service]\nExecStart={command}\n")), "COV-FILE-001");
        assert_eq!(with("/usr/sbin/sshd -D -f /etc/ssh/other"), [format!("high {path}")]);
        assert_eq!(with("/usr/sbin/sshd -D -p 2222"), [format!("high {path}")]);
        assert!(with("/usr/sbin/sshd -D").is_empty());
    }
}
