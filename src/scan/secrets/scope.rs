//! Which rules look at a file, told by its names alone.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::super::files::fits;
use super::rules::{Scope, SecretRule};

/// Which rules look at a file, by all of its names: a file may have several, and each of them counts.
///
/// Names are told by their numbers, in the order in which they were given.
#[derive(Debug, Default)]
pub(in crate::scan) struct FileScope {
    /// Rules for files of certain names, with the first name that they are for.
    named: BTreeMap<usize, usize>,
    /// The first name that tells of configuration or notes.
    config: Option<usize>,
    /// The first name that tells of those or of a program's source, where people write passwords down.
    text: Option<usize>,
    /// Whether one of its names is what somebody wrote for this system: neither a library nor documentation.
    own: bool,
    /// Whether it has such a name without an ending, which says nothing of what it holds.
    bare: bool,
    /// Whether it is a file of accounts.
    accounts: bool,
    /// Whether all its names are among the samples of a library.
    sample: bool,
    /// Whether all its names are among the tests, examples and documents of anything.
    among_samples: bool,
    /// Whether all its names are of source with C's comments.
    starred: bool,
}

impl FileScope {
    /// Tells what a file is to the rules by its names.
    pub(super) fn new<'p>(named: &NamedFiles, names: impl Iterator<Item = &'p Path>) -> Self {
        let mut scope = Self { sample: true, among_samples: true, starred: true, ..Self::default() };
        for (number, path) in names.enumerate() {
            for rule in named.rules(path) {
                scope.named.entry(rule).or_insert(number);
            }
            let is_config = is_config_like(path);
            let is_own = is_own(path);
            scope.config = scope.config.or(is_config.then_some(number));
            scope.text = scope.text.or((is_own && (is_config || is_source(path))).then_some(number));
            scope.own |= is_own;
            scope.bare |= is_own && path.extension().is_none() && !is_no_config(path);
            scope.accounts |= is_accounts(path);
            scope.sample &= is_sample(path);
            scope.among_samples &= is_manual(path) || is_among_samples(below(&path.to_string_lossy()));
            scope.starred &= has_c_comments(path);
        }
        scope
    }

    /// Returns the rules for files of such a name.
    pub(super) fn named(&self) -> impl Iterator<Item = usize> {
        self.named.keys().copied()
    }

    /// Tells whether it is configuration, a shell's script, or text whose name says nothing.
    pub(super) fn is_config(&self, form: Form) -> bool {
        self.config.is_some() || self.own && form == Form::ShellScript || self.bare && form == Form::Text
    }

    /// Tells whether it is configuration, a script or a program's source, and written for this system.
    pub(super) fn is_text(&self, form: Form) -> bool {
        self.text.is_some() || self.own && matches!(form, Form::ShellScript | Form::Script) || self.bare && form == Form::Text
    }

    /// Tells whether it is among the samples of a library.
    pub(super) fn is_sample(&self) -> bool {
        self.sample
    }

    /// Tells whether what a rule finds stands among tests, examples and documents, of a library or anything else. Of files that
    /// are credentials by their names, none does.
    pub(in crate::scan) fn is_among_samples(&self, rule: &SecretRule) -> bool {
        self.among_samples && rule.everywhere()
    }

    /// Tells whether a line that begins with `*` goes on with a comment in it.
    pub(super) fn has_starred_comments(&self) -> bool {
        self.starred
    }

    /// Tells whether a rule looks at the file, by its number and scope, and by what the file's beginning says.
    pub(super) fn has(&self, rule: usize, data: &SecretRule, form: Form) -> bool {
        match data.scope {
            _ if !data.files.is_empty() => self.named.contains_key(&rule),
            Scope::Any => true,
            Scope::NoAccounts => !self.accounts,
            Scope::Config => self.is_config(form),
            Scope::Text => self.is_text(form),
        }
    }

    /// Returns the number of the name that makes a rule look at the file.
    pub(in crate::scan) fn name(&self, rule: &SecretRule) -> usize {
        let by_scope = match rule.scope {
            Scope::Config => self.config,
            Scope::Text => self.text,
            Scope::Any | Scope::NoAccounts => None,
        };
        self.named.get(&rule.order).copied().or(by_scope).unwrap_or_default()
    }
}

/// What a file is written in, by its beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// Bytes of a program, or nothing.
    #[default]
    Binary,
    /// A shell's script, written as its settings are.
    ShellScript,
    /// Another interpreter's.
    Script,
    /// Any other text.
    Text,
}

impl Form {
    /// Tells by a file's beginning; of its first line what an interpreter it names.
    ///
    /// Source: <https://man7.org/linux/man-pages/man2/execve.2.html>, interpreter scripts
    pub(super) fn of(head: &[u8]) -> Self {
        let Some(rest) = head.strip_prefix(b"#!") else {
            return if is_text(&head[..head.len().min(TEXT_HEAD_BYTES)]) { Self::Text } else { Self::Binary };
        };
        let line = rest.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let words = line[..line.len().min(LONGEST_INTERPRETER_BYTES)].split(|byte| b" \t/".contains(byte));
        let is_shell = words.into_iter().any(|word| SHELLS.split(' ').any(|shell| shell.as_bytes() == word));
        if is_shell { Self::ShellScript } else { Self::Script }
    }
}

/// Tells text in UTF-8 or an encoding of one byte a character.
fn is_text(head: &[u8]) -> bool {
    !head.is_empty() && !head.iter().any(|&byte| byte < b' ' && !b"\t\n\r\x0c\x1b".contains(&byte))
}

/// How much of a file tells whether it is text.
const TEXT_HEAD_BYTES: usize = 1024;

/// What the kernel reads of a script's first line.
const LONGEST_INTERPRETER_BYTES: usize = 255;

const SHELLS: &str = "sh bash dash zsh ksh mksh ash busybox";

/// Endings of configuration, scripts and notes of what was done.
const ENDINGS: &str = "\
    env conf cfg cnf config ini yml yaml json toml properties props xml service socket timer mount netdev network sh bash \
    zsh profile rc psk tf tfvars tfstate hcl php sql ps1 bat htpasswd bak old orig save local ks cron rules secret secrets \
    key creds credentials list txt j2 jinja jinja2 tmpl tpl template dist log out csv tsv ldif reg vars inc";

/// Endings of programs' source.
const SOURCE_ENDINGS: &str = "\
    py pyw ipynb rb erb rake gemspec js mjs cjs jsx ts tsx vue php phtml pl pm go java kt kts scala groovy gradle cs vb fs rs c h cc \
    cpp hpp m swift lua r ex exs erl clj dart jl nix md adoc rst org";

/// Endings of source whose comments stand between `/*` and `*/`: where lines of cron and lists begin with `*`, none is one.
const C_COMMENT_ENDINGS: &str = "\
    js mjs cjs jsx ts tsx vue php phtml go java kt kts scala groovy gradle cs rs c h cc cpp hpp m swift dart sql tf hcl";

/// Names of configuration and scripts without a telling ending.
const NAMES: &str = "\
    *history .env* *rc user-data* Dockerfile* docker-compose* crontab environment .profile .bash* .htpasswd htpasswd \
    *passwords* *credentials* authorized* settings.py local_settings.py database.yml Vagrantfile Makefile notes *notes notes.md";

/// Folders whose files are configuration whatever their names.
const FOLDERS: &[&str] = &["/etc/", "/var/spool/cron/", "/var/lib/cloud/", "/usr/local/etc/"];

/// Configuration by its ending, but full of words and digests: translations, lists of versions, what programs come with.
const NO_CONFIG: &str = "\
    /node_modules/ /locale/ /locales/ /i18n/ /usr/share/zoneinfo/ /usr/share/i18n/ /.git/objects/ /etc/ssl/certs/ \
    /usr/share/mime/ /usr/share/ca-certificates/ /var/lib/dpkg/ /etc/apparmor.d/ /usr/share/doc/ /usr/share/man/";

const NO_CONFIG_NAMES: &str = "\
    package-lock.json npm-shrinkwrap.json composer.lock *.min.json *.schema.json composer.json package.json \
    *.tmLanguage.json go.sum requirements*.txt CMakeLists.txt README* LICEN[SC]E* COPYING* NOTICE* CHANGE* NEWS* AUTHORS* \
    robots.txt *SUMS.txt";

/// Where passwords of accounts stand, which rules of their own look at.
const ACCOUNTS: &[&str] = &["/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/passwd", "/etc/passwd-"];

/// Tells configuration and scripts from other files.
fn is_config_like(path: &Path) -> bool {
    let whole = path.to_string_lossy();
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    if is_no_config(path) || is_sample(path) {
        return false;
    }
    let ending = path.extension().unwrap_or_default();
    // Texts of libraries are lists and licences.
    if ending == "txt" && !is_own(path) {
        return false;
    }
    ENDINGS.split(' ').any(|known| ending.eq_ignore_ascii_case(known))
        || FOLDERS.iter().any(|folder| whole.starts_with(folder))
        || is_named(name, NAMES)
}

/// Tells what is none though its name or place is like it.
fn is_no_config(path: &Path) -> bool {
    let whole = path.to_string_lossy();
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    NO_CONFIG.split(' ').any(|part| whole.contains(part)) || is_accounts(path) || is_named(name, NO_CONFIG_NAMES)
}

fn is_named(name: &[u8], patterns: &str) -> bool {
    patterns.split(' ').any(|pattern| fits(pattern.as_bytes(), name, false))
}

/// Tells the files of accounts from others.
fn is_accounts(path: &Path) -> bool {
    ACCOUNTS.iter().any(|known| path == Path::new(known))
}

/// Where package managers of languages put libraries, where languages have their own, and where source is unpacked that
/// is built.
const LIBRARIES: &[&str] = &[
    "/node_modules/",
    "/site-packages/",
    "/dist-packages/",
    "/lib/python2",
    "/lib/python3",
    "/lib/ruby/",
    "/lib/perl5/",
    "/share/perl5/",
    "/share/perl/",
    "/gems/",
    "/pkg/mod/",
    "/usr/local/go/",
    "/lib/go/",
    "/lib/go-1",
    "/sdk/go1",
    "/registry/src/",
    "/vendor/",
    "/google-cloud-sdk/",
    "/usr/src/",
    "/usr/local/src/",
    "/usr/share/doc/",
    "/usr/local/share/doc/",
];

/// Pages of manuals, whose examples are nobody's passwords.
const MANUALS: &[&str] = &["/share/doc/", "/share/man/", "/share/info/", "/share/help/"];

/// Folders of tests and examples in libraries.
const SAMPLES: &str = "\
    test tests testing testdata test_data test-data testcase testcases testcert fixtures spec specs example examples sample \
    samples demo demos doc docs dummyserver __tests__";

/// Where package managers of languages keep libraries packed, tests and all.
const PACKED_LIBRARIES: &[&str] = &["/registry/cache/", "/_cacache/content-v2/"];

/// Tells files among the tests, examples and documents of a library: keys there are made for them.
fn is_sample(path: &Path) -> bool {
    let whole = path.to_string_lossy();
    if PACKED_LIBRARIES.iter().any(|library| whole.contains(library)) {
        return true;
    }
    let inside = LIBRARIES.iter().filter_map(|library| whole.split_once(library)).map(|(_, inside)| inside);
    inside.into_iter().any(|inside| is_among_samples(inside) || whole.starts_with("/usr/share/doc/"))
}

/// Tells pages of manuals and other documents.
fn is_manual(path: &Path) -> bool {
    MANUALS.iter().any(|folder| path.to_string_lossy().contains(folder))
}

/// Tells files of tests, examples and documents by their names and their folders'.
fn is_among_samples(inside: &str) -> bool {
    let mut parts = inside.rsplit('/');
    let name = parts.next().unwrap_or_default();
    let named = ["README", "test_", "examples"].iter().any(|start| name.starts_with(start)) || name == "METADATA";
    let tests = ["_test.go", "_test.py", "_spec.rb", "_test.rb"].iter().any(|end| name.ends_with(end));
    named
        || tests
        || [".test.", ".spec.", ".example.", ".examples."].iter().any(|part| name.contains(part))
        || parts.any(|part| SAMPLES.split(' ').any(|sample| sample == part))
}

/// Tells a program's source, by its ending.
fn is_source(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default();
    SOURCE_ENDINGS.split(' ').any(|known| ending.eq_ignore_ascii_case(known)) && !path.to_string_lossy().contains(".min.")
}

/// Tells source with C's comments, by its ending.
fn has_c_comments(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default();
    C_COMMENT_ENDINGS.split(' ').any(|known| ending.eq_ignore_ascii_case(known))
}

/// Tells what somebody wrote for this system from libraries, documents, tests and examples.
fn is_own(path: &Path) -> bool {
    let whole = path.to_string_lossy();
    let within = |folders: &[&str]| folders.iter().any(|folder| whole.contains(folder));
    !within(LIBRARIES) && !within(PACKED_LIBRARIES) && !within(MANUALS) && !is_accounts(path) && !is_among_samples(below(&whole))
}

/// A path below the folder of a user or a product, who may be called `test`.
fn below(path: &str) -> &str {
    path.splitn(4, '/').nth(3).unwrap_or_default()
}

/// Rules for files of certain names.
///
/// A pattern that begins with `/` is a whole path; any other fits the end of a path, name by name.
#[derive(Debug, Default)]
pub(super) struct NamedFiles {
    /// Patterns whose last name is literal, by that name; parents from the last to the first.
    literal: HashMap<Vec<u8>, Vec<Named>>,
    /// Other patterns.
    wild: Vec<(Vec<u8>, Named)>,
}

#[derive(Debug)]
struct Named {
    rule: usize,
    parents: Vec<Vec<u8>>,
    whole: bool,
}

impl NamedFiles {
    pub(super) fn new(rules: &[SecretRule]) -> Self {
        let mut named = Self::default();
        for (rule, pattern) in rules.iter().enumerate().flat_map(|(rule, data)| data.files.iter().map(move |file| (rule, file))) {
            let mut names = pattern.split('/').filter(|name| !name.is_empty()).rev().map(|name| name.as_bytes().to_vec());
            let Some(last) = names.next() else { continue };
            let entry = Named { rule, parents: names.collect(), whole: pattern.starts_with('/') };
            if last.iter().any(|byte| b"*?[".contains(byte)) {
                named.wild.push((last, entry));
            } else {
                named.literal.entry(last).or_default().push(entry);
            }
        }
        named
    }

    /// Returns the rules for a file, each once, in their order.
    pub(super) fn rules(&self, path: &Path) -> Vec<usize> {
        let path = path.as_os_str().as_encoded_bytes();
        let mut names = path.rsplit(|&byte| byte == b'/').filter(|name| !name.is_empty());
        let Some(last) = names.next() else { return Vec::new() };
        let literal = self.literal.get(last).into_iter().flatten();
        let wild = self.wild.iter().filter(|(pattern, _)| fits(pattern, last, false)).map(|(_, named)| named);
        let mut rules: Vec<usize> = literal.chain(wild).filter(|named| named.fits(names.clone())).map(|named| named.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }
}

impl Named {
    fn fits<'p>(&self, mut names: impl Iterator<Item = &'p [u8]>) -> bool {
        self.parents.iter().all(|pattern| names.next().is_some_and(|name| fits(pattern, name, false)))
            && (!self.whole || names.next().is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::RULES;
    use super::*;

    #[test]
    fn configuration_is_told_from_programs_and_translations() {
        let config = |path: &str| is_config_like(Path::new(path));
        for path in ["/srv/app/.env", "/etc/foo", "/opt/x/app.yml", "/root/.bash_history", "/home/a/.npmrc", "/srv/docker-compose.yml"] {
            assert!(config(path), "{path}");
        }
        for path in ["/usr/bin/x", "/opt/x/node_modules/y/z.json", "/etc/shadow", "/usr/share/locale/de/x.json", "/srv/package-lock.json"] {
            assert!(!config(path), "{path}");
        }
    }

    #[test]
    fn samples_are_what_libraries_test_with() {
        for path in
            ["/srv/app/node_modules/tls/test/key.pem", "/usr/lib/python3/dist-packages/x/tests/data/k.pem", "/usr/share/doc/x/k.pem"]
        {
            assert!(is_sample(Path::new(path)), "{path}");
        }
        for path in ["/root/.cargo/registry/cache/index/p256-0.14.0.crate", "/root/.npm/_cacache/content-v2/sha512/0a/bc/de"] {
            assert!(is_sample(Path::new(path)), "{path}");
        }
        for path in ["/srv/test/key.pem", "/srv/app/node_modules/tls/key.pem", "/opt/examples/k.pem"] {
            assert!(!is_sample(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn each_name_of_a_file_counts() {
        let named = NamedFiles::new(&RULES.rules);
        let names = ["/srv/data", "/usr/lib/python3/dist-packages/x/tests/.pgpass", "/srv/app.conf"].map(Path::new);
        let scope = FileScope::new(&named, names.into_iter());
        let name = |id: &str| {
            let rule = RULES.rules.iter().find(|rule| rule.id == id).unwrap();
            scope.has(rule.order, rule, Form::Binary).then(|| scope.name(rule))
        };
        assert_eq!(["pem-key", "pgpass", "assigned-password", "pypirc"].map(name), [Some(0), Some(1), Some(2), None]);
        assert!(!scope.is_sample() && FileScope::new(&named, names[1..2].iter().copied()).is_sample());
    }

    #[test]
    fn files_are_named_by_the_end_of_their_path_or_by_all_of_it() {
        let named = NamedFiles::new(&RULES.rules);
        let ids = |path: &str| named.rules(Path::new(path)).into_iter().map(|rule| RULES.rules[rule].id.as_str()).collect::<Vec<_>>();
        assert_eq!(ids("/home/x/.docker/config.json"), ["docker-auth"]);
        assert!(ids("/home/x/config.json").is_empty());
        assert_eq!(ids("/root/.netrc"), ["netrc"]);
        assert_eq!(ids("/etc/apt/auth.conf.d/private.conf"), ["netrc"]);
        assert!(ids("/srv/etc/apt/auth.conf").is_empty());
        assert_eq!(ids("/srv/tls/site.p12"), ["pkcs12"]);
        assert!(ids("/").is_empty());
    }
}
