//! Where Debian's packages come from: what this machine's own apt is configured with.

use std::path::Path;

use super::BuildError;

/// The two archives that a Debian system takes its packages from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// The release and its updates.
    pub archive: Mirror,
    /// Its security updates.
    pub security: Mirror,
}

/// The address of an archive, without the release: it ends in `/debian` or `/debian-security`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror(pub String);

impl Sources {
    /// Reads them from the `sources.list` and `sources.list.d` in a folder such as `/etc/apt`; what is
    /// not found there (on Ubuntu, say) is what mmdebstrap takes by itself, as its program text says.
    ///
    /// The first archive whose path ends in `debian` and the first in `debian-security` count.
    ///
    /// # Errors
    ///
    /// [`BuildError::Io`] when a file is there and can't be read; [`BuildError::NoArchive`] when
    /// neither names an archive of Debian.
    pub fn of_machine(apt: &Path, mmdebstrap: &Path) -> Result<Self, BuildError> {
        let mut known = addresses(apt)?;
        known.extend(quoted_addresses(&read(mmdebstrap)?));
        let first = |end: &'static str| {
            let found = known.iter().find(|address| address.trim_end_matches('/').ends_with(end)).cloned();
            found.map(Mirror).ok_or(BuildError::NoArchive { end })
        };
        Ok(Self { archive: first("/debian")?, security: first("/debian-security")? })
    }

    /// Returns the lines of a `sources.list` for a release.
    pub fn lines(&self, release: &str) -> [String; 3] {
        let Self { archive: Mirror(archive), security: Mirror(security) } = self;
        [
            format!("deb {archive} {release} main"),
            format!("deb {archive} {release}-updates main"),
            format!("deb {security} {release}-security main"),
        ]
    }
}

/// Reads a text; one that is not there is empty.
fn read(path: &Path) -> Result<String, BuildError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(e) => Err(BuildError::io(format!("reading {}", path.display()))(e)),
    }
}

/// The addresses that stand in quotes in a program's text.
fn quoted_addresses(program: &str) -> Vec<String> {
    let words = program.split(|c: char| c.is_whitespace() || "\"'();,<>".contains(c));
    words.filter(|word| is_web(word)).map(str::to_owned).collect()
}

fn addresses(apt: &Path) -> Result<Vec<String>, BuildError> {
    let mut addresses = one_line(&read(&apt.join("sources.list"))?);
    let folder = apt.join("sources.list.d");
    let mut parts: Vec<_> = match std::fs::read_dir(&folder) {
        Ok(entries) => entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(BuildError::io(format!("reading {}", folder.display()))(e)),
    };
    parts.sort();
    for path in parts {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("list") => addresses.extend(one_line(&read(&path)?)),
            Some("sources") => addresses.extend(deb822(&read(&path)?)),
            _ => {}
        }
    }
    Ok(addresses)
}

/// Source: sources.list(5), one-line style.
fn one_line(text: &str) -> Vec<String> {
    let address = |line: &str| {
        let rest = line.trim().strip_prefix("deb")?;
        let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
        let rest = if rest.starts_with('[') { rest.split_once(']')?.1 } else { rest };
        rest.split_ascii_whitespace().next().filter(|address| is_web(address)).map(str::to_owned)
    };
    text.lines().filter_map(address).collect()
}

/// Source: sources.list(5), deb822 style.
fn deb822(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for stanza in text.split("\n\n") {
        let mut field = "";
        let (mut addresses, mut enabled) = (Vec::new(), true);
        for line in stanza.lines().filter(|line| !line.starts_with('#')) {
            let value = match line.split_once(':') {
                Some((name, value)) if !line.starts_with([' ', '\t']) => {
                    field = name;
                    value
                }
                _ => line,
            };
            match field.to_ascii_lowercase().as_str() {
                "uris" => addresses.extend(value.split_ascii_whitespace().filter(|address| is_web(address)).map(str::to_owned)),
                "enabled" => enabled = !value.trim().eq_ignore_ascii_case("no"),
                _ => {}
            }
        }
        if enabled {
            found.extend(addresses);
        }
    }
    found
}

/// Archives on this machine's own disk mean nothing inside an image, nor do `mirror+file:` lists.
fn is_web(address: &str) -> bool {
    address.starts_with("http://") || address.starts_with("https://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_styles_are_read_and_what_is_switched_off_is_not() {
        let apt = tempfile::tempdir().unwrap();
        std::fs::create_dir(apt.path().join("sources.list.d")).unwrap();
        let list = "# deb http://off.example/debian x main\ndeb [arch=amd64 signed-by=/k] https://near.example/debian/ trixie main\n";
        std::fs::write(apt.path().join("sources.list"), list).unwrap();
        let sources = "Types: deb\nURIs: http://no.example/debian-security\nEnabled: no\n\nTypes: deb\n# a note\nURIs: file:/x\n http://safe.example/debian-security\nSuites: a\n";
        std::fs::write(apt.path().join("sources.list.d/debian.sources"), sources).unwrap();
        std::fs::write(apt.path().join("sources.list.d/other.list.disabled"), "deb http://no.example/debian a b").unwrap();
        let found = Sources::of_machine(apt.path(), Path::new("/nonexistent")).unwrap();
        assert_eq!(found.archive.0, "https://near.example/debian/");
        assert_eq!(found.security.0, "http://safe.example/debian-security");
        assert_eq!(found.lines("trixie")[2], "deb http://safe.example/debian-security trixie-security main");
    }

    #[test]
    fn a_machine_of_another_distribution_takes_what_mmdebstrap_takes() {
        let apt = tempfile::tempdir().unwrap();
        std::fs::write(apt.path().join("sources.list"), "deb http://archive.example/ubuntu noble main\n").unwrap();
        let program = apt.path().join("mmdebstrap");
        std::fs::write(&program, "my $m = \"http://d.example/debian\";\nmy $s = 'http://s.example/debian-security';\n").unwrap();
        let found = Sources::of_machine(apt.path(), &program).unwrap();
        assert_eq!((found.archive.0.as_str(), found.security.0.as_str()), ("http://d.example/debian", "http://s.example/debian-security"));
        assert!(matches!(Sources::of_machine(apt.path(), Path::new("/nonexistent")), Err(BuildError::NoArchive { .. })));
    }
}
