//! The SSH server's effective configuration.

use std::path::{Path, PathBuf};

use super::files::Files;
use super::inclusions::Inclusions;
use super::sshd_command::CommandLine;
use crate::model::report::Package;

/// Where sshd looks for its configuration: the vendor's place is SUSE's.
const MAIN: [&str; 2] = ["/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config"];

/// What `-f` names in place of a file if sshd is to read none.
const NO_FILE: &str = "none";

/// sshd gives up on deeper inclusion.
///
/// Source: OpenSSH, servconf.c, `SERVCONF_MAX_DEPTH`.
const DEEPEST_INCLUSION: usize = 16;

/// One line of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// In lower case.
    pub(super) keyword: String,
    pub(super) arguments: Vec<String>,
    /// The file it stands in.
    pub(super) path: PathBuf,
}

impl Setting {
    /// Tells whether its first argument is this word; sshd ignores case for them.
    pub(super) fn is(&self, word: &str) -> bool {
        self.arguments.first().is_some_and(|argument| argument.eq_ignore_ascii_case(word))
    }
}

/// The lines of a `Match` block.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct MatchBlock {
    /// What follows `Match`, such as `user backup`.
    pub(super) criteria: String,
    pub(super) settings: Vec<Setting>,
}

/// The server's configuration: what holds for all, and what holds for some.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct SshdConfig {
    /// The main file; none if there is none and sshd's defaults hold.
    pub(super) main: Option<PathBuf>,
    global: Vec<Setting>,
    pub(super) matches: Vec<MatchBlock>,
}

impl SshdConfig {
    /// Reads the configuration with all that it includes.
    ///
    /// Source: <https://man.openbsd.org/sshd_config>
    pub(super) fn read(files: &Files) -> Self {
        let mut config = Self::default();
        let command_line = CommandLine::read(files);
        config.global = command_line.settings;
        // Ports of the command line come instead of those in files.
        let has_port = config.global.iter().any(|setting| setting.keyword == "port");
        let by_command = config.global.len();
        let main = command_line.file.or_else(|| MAIN.map(PathBuf::from).into_iter().find(|path| files.exists(path)));
        if let Some(path) = main.filter(|path| path != Path::new(NO_FILE)) {
            if !files.exists(&path) {
                files.fault(&path, "sshd is told to read it, and it is not there".to_owned());
            }
            config.include(&mut Inclusions::new(files, DEEPEST_INCLUSION), &path, None);
            config.main = Some(path);
        }
        if has_port {
            let from_files = config.global.split_off(by_command);
            config.global.extend(from_files.into_iter().filter(|setting| setting.keyword != "port"));
        }
        config
    }

    /// Returns the line that holds for a keyword (in lower case): the first one, unless `Match all`
    /// says otherwise, which comes over it.
    pub(super) fn effective(&self, keyword: &str) -> Option<&Setting> {
        self.effective_of(&[keyword])
    }

    /// Returns the line that holds for a keyword with several names.
    pub(super) fn effective_of(&self, names: &[&str]) -> Option<&Setting> {
        let for_all = self.matches.iter().filter(|block| block.criteria.eq_ignore_ascii_case("all")).flat_map(|block| &block.settings);
        for_all.chain(&self.global).find(|setting| names.contains(&setting.keyword.as_str()))
    }

    /// Returns all lines of a keyword that adds up, outside of `Match` blocks.
    pub(super) fn all<'a>(&'a self, keyword: &'a str) -> impl Iterator<Item = &'a Setting> {
        self.global.iter().filter(move |setting| setting.keyword == keyword)
    }

    /// Returns the first line of a keyword in each `Match` block that is for some connections only.
    pub(super) fn conditional<'a>(&'a self, keyword: &'a str) -> impl Iterator<Item = (&'a MatchBlock, &'a Setting)> {
        let blocks = self.matches.iter().filter(|block| !block.criteria.eq_ignore_ascii_case("all"));
        blocks.filter_map(move |block| Some((block, block.settings.iter().find(|setting| setting.keyword == keyword)?)))
    }

    /// Reads a file; `block` is the `Match` block that its first lines belong to. A block that begins in an
    /// included file ends with it.
    fn include(&mut self, inclusions: &mut Inclusions, path: &Path, mut block: Option<usize>) {
        inclusions.open(path, |inclusions, text| {
            for (keyword, arguments) in text.lines().filter_map(split) {
                match keyword.as_str() {
                    "match" => {
                        self.matches.push(MatchBlock { criteria: arguments.join(" "), settings: Vec::new() });
                        block = Some(self.matches.len() - 1);
                    }
                    "include" => {
                        for pattern in &arguments {
                            inclusions.glob(&absolute(pattern)).iter().for_each(|included| self.include(inclusions, included, block));
                        }
                    }
                    _ => {
                        let setting = Setting { keyword, arguments, path: path.to_owned() };
                        match block {
                            Some(block) => self.matches[block].settings.push(setting),
                            None => self.global.push(setting),
                        }
                    }
                }
            }
        });
    }
}

/// The version of OpenSSH's server, major and minor, by its package; none if no package has it.
pub(super) fn version(packages: &[Package]) -> Option<(u32, u32)> {
    // Arch's and old SUSE's package is not divided.
    let package = ["openssh-server", "openssh"].iter().find_map(|name| packages.iter().find(|package| package.name == *name))?;
    let upstream = package.version.split_once(':').map_or(package.version.as_str(), |(_, version)| version);
    let mut numbers = upstream.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

fn absolute(pattern: &str) -> String {
    if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/ssh/{pattern}") }
}

/// Splits a line into its keyword, in lower case, and its arguments; none for a comment or an empty line.
pub(super) fn split(line: &str) -> Option<(String, Vec<String>)> {
    let line = line.trim();
    let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    if keyword.is_empty() || keyword.starts_with('#') {
        return None;
    }
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    let mut arguments = Vec::new();
    let mut rest = rest.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (argument, after) = match rest.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
            Some(split) => split,
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        arguments.push(argument.to_owned());
        rest = after.trim_start();
    }
    Some((keyword.to_ascii_lowercase(), arguments))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::MemoryTree;

    fn read(tree: MemoryTree) -> SshdConfig {
        SshdConfig::read(&Files::new(&tree.tree()))
    }

    #[test]
    fn the_first_value_wins_and_inclusion_is_in_place() {
        let config = read(
            MemoryTree::default()
                .file("/etc/ssh/sshd_config", "Include sshd_config.d/*.conf\nPasswordAuthentication yes\nport = 2222 # x\n")
                .file("/etc/ssh/sshd_config.d/20.conf", "PasswordAuthentication yes\n")
                .file("/etc/ssh/sshd_config.d/10.conf", "passwordauthentication \"no\"\n"),
        );
        let setting = config.effective("passwordauthentication").unwrap();
        assert!(setting.is("no"));
        assert_eq!(setting.path, Path::new("/etc/ssh/sshd_config.d/10.conf"));
        assert_eq!(config.all("port").next().unwrap().arguments, ["2222"]);
    }

    #[test]
    fn match_blocks_stand_apart_and_end_with_an_included_file() {
        let config = read(
            MemoryTree::default()
                .file("/etc/ssh/sshd_config", "Include /etc/ssh/a\nPermitRootLogin no\nMatch User x\n PermitRootLogin yes\n")
                .file("/etc/ssh/a", "Match User backup\nPasswordAuthentication yes\n"),
        );
        assert!(config.effective("permitrootlogin").unwrap().is("no"));
        assert!(config.effective("passwordauthentication").is_none());
        let conditional: Vec<_> = config.conditional("permitrootlogin").map(|(block, _)| block.criteria.as_str()).collect();
        assert_eq!(conditional, ["User x"]);
    }

    #[test]
    fn the_command_line_comes_first_and_its_port_alone() {
        let config = read(
            MemoryTree::default()
                .file("/etc/ssh/sshd_config", "Port 22\nPasswordAuthentication no\n")
                .file("/etc/default/ssh", "# x\nSSHD_OPTS=\"-4 -p2222 -o PasswordAuthentication=yes\"\n"),
        );
        assert!(config.effective("passwordauthentication").unwrap().is("yes"));
        let ports: Vec<_> = config.all("port").flat_map(|setting| &setting.arguments).collect();
        assert_eq!(ports, ["2222"]);
    }

    #[test]
    fn versions_are_read_from_packages_of_all_families() {
        let of = |name: &str, text: &str| version(&[Package { name: name.to_owned(), version: text.to_owned(), ..Package::default() }]);
        assert_eq!(of("openssh-server", "1:10.0p1-7"), Some((10, 0)));
        assert_eq!(of("openssh-server", "8.7p1-38.el9"), Some((8, 7)));
        assert_eq!(of("openssh", "6.6p1-1"), Some((6, 6)));
        assert!(of("openssh-server", "x").is_none() && of("dropbear", "2022.83").is_none());
    }

    #[test]
    fn match_all_comes_over_what_stands_before() {
        let config = read(MemoryTree::default().file("/etc/ssh/sshd_config", "PermitRootLogin no\nMatch all\nPermitRootLogin yes\n"));
        assert!(config.effective("permitrootlogin").unwrap().is("yes"));
    }

    #[test]
    fn files_that_include_themselves_end_in_a_fault() {
        let tree = MemoryTree::default().file("/etc/ssh/sshd_config", "Include sshd_config sshd_config\nPort 22\n").tree();
        let files = Files::new(&tree);
        SshdConfig::read(&files);
        assert_eq!(files.faults().len(), 1);
    }
}
