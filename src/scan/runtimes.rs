//! Runtimes and servers that don't come from the distribution, so that nobody but their makers keeps them safe.
//!
//! A distribution keeps its own packages safe for as long as it is supported, whatever their makers do: an end of theirs is
//! none of its Python's. What counts here is what was fetched from elsewhere: told by the marks that makers and
//! well-known repositories put into versions and names, and by where it lies.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::files::Files;
use super::packages::is_marked;
use crate::model::report::{Package, Runtime};

/// How a package is known to be from elsewhere.
#[derive(Clone, Copy, PartialEq)]
enum Known {
    /// By its name, which no distribution has.
    Name,
    /// By the mark of a repository in its version ([`is_marked`]), since distributions have the name too.
    Mark,
}

/// Packages by the beginning of their name.
const PACKAGES: [(&str, &str, Known); 24] = [
    ("nodejs", "nodejs", Known::Mark),
    ("mysql", "mysql-community-server", Known::Name),
    ("mysql", "mysql-commercial-server", Known::Name),
    ("mariadb", "mariadb-server", Known::Mark),
    ("mariadb", "MariaDB-server", Known::Name),
    ("mongodb", "mongodb-org-server", Known::Name),
    ("mongodb", "mongodb-enterprise-server", Known::Name),
    ("postgresql", "postgresql-", Known::Mark),
    ("postgresql", "postgresql", Known::Mark),
    ("php", "php", Known::Mark),
    ("nginx", "nginx", Known::Mark),
    ("httpd", "httpd", Known::Mark),
    ("redis", "redis", Known::Mark),
    ("temurin", "temurin-", Known::Name),
    ("dotnet", "dotnet-runtime-", Known::Name),
    ("dotnet", "dotnet-hostfxr-", Known::Name),
    ("dotnet", "aspnetcore-runtime-", Known::Name),
    ("python", "python3.", Known::Mark),
    ("python", "python2.7", Known::Mark),
    ("ruby", "fullstaq-ruby-", Known::Name),
    ("openssl", "openssl", Known::Mark),
    ("go", "golang-go", Known::Mark),
    ("tomcat", "tomcat", Known::Mark),
    ("nodejs", "nsolid", Known::Name),
];

/// Folders whose names end in a version, and what has to lie in them.
const VERSIONED: [(&str, &str, &str); 12] = [
    ("python", "*/.pyenv/versions/*", "bin/python"),
    ("nodejs", "*/.nvm/versions/node/v*", "bin/node"),
    ("nodejs", "*/.fnm/node-versions/v*", "installation/bin/node"),
    ("nodejs", "*/.asdf/installs/nodejs/*", "bin/node"),
    ("python", "*/.asdf/installs/python/*", "bin/python"),
    ("ruby", "*/.asdf/installs/ruby/*", "bin/ruby"),
    ("ruby", "*/.rbenv/versions/*", "bin/ruby"),
    ("dotnet", "*/.dotnet/shared/Microsoft.NETCore.App/*", "System.dll"),
    ("dotnet", "/usr/share/dotnet/shared/Microsoft.NETCore.App/*", "System.dll"),
    ("dotnet", "/usr/lib64/dotnet/shared/Microsoft.NETCore.App/*", "System.dll"),
    ("dotnet", "/usr/lib/dotnet/shared/Microsoft.NETCore.App/*", "System.dll"),
    ("dotnet", "/opt/dotnet/shared/Microsoft.NETCore.App/*", "System.dll"),
];

/// Files that say the version of what they came with, and what stands before it.
const TELLING: [(&str, &str, &str); 14] = [
    ("go", "/usr/local/go/VERSION", "go"),
    ("go", "/opt/go/VERSION", "go"),
    ("nodejs", "/usr/local/include/node/node_version.h", "#define NODE_MAJOR_VERSION "),
    ("nodejs", "/opt/*/include/node/node_version.h", "#define NODE_MAJOR_VERSION "),
    ("php", "/usr/local/include/php/main/php_version.h", "#define PHP_VERSION \""),
    ("php", "/opt/*/include/php/main/php_version.h", "#define PHP_VERSION \""),
    ("openssl", "/usr/local/include/openssl/opensslv.h", "OpenSSL "),
    ("openssl", "/usr/local/*/include/openssl/opensslv.h", "OpenSSL "),
    ("openssl", "/opt/*/include/openssl/opensslv.h", "OpenSSL "),
    ("postgresql", "/usr/local/pgsql/include/pg_config.h", "#define PG_VERSION \""),
    ("postgresql", "/opt/*/include/pg_config.h", "#define PG_VERSION \""),
    ("tomcat", "/opt/*/RELEASE-NOTES", "Apache Tomcat Version "),
    ("tomcat", "/usr/local/*/RELEASE-NOTES", "Apache Tomcat Version "),
    ("tomcat", "/var/lib/*/RELEASE-NOTES", "Apache Tomcat Version "),
];

/// Where JDKs lie, each with a file `release`.
const JDKS: [&str; 4] = ["/usr/lib/jvm/*/release", "/opt/*/release", "/usr/local/*/release", "/usr/java/*/release"];

/// Lists the runtimes from elsewhere, each once.
pub(super) fn read(files: &Files, packages: &[Package], homes: &[PathBuf]) -> BTreeSet<Runtime> {
    let mut runtimes: BTreeSet<Runtime> = packages.iter().filter_map(from_package).collect();
    let mut add = |id: &str, version: String, path: &Path| {
        runtimes.insert(Runtime { id: id.to_owned(), version, path: Some(path.to_string_lossy().into_owned()) });
    };
    for (id, pattern, inside) in VERSIONED {
        let places = match pattern.strip_prefix("*/") {
            Some(rest) => homes.iter().flat_map(|home| files.glob_in(home, rest)).collect(),
            None => files.glob(pattern),
        };
        for path in places.into_iter().filter(|path| files.exists(path.join(inside))) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            // A link is another name of a version that is there.
            if let Some(version) = version_at_start(name.trim_start_matches('v')).filter(|_| files.link(&path).is_none()) {
                add(id, version, &path);
            }
        }
    }
    for (id, pattern, before) in TELLING {
        for path in files.glob(pattern) {
            let text = files.text(&path).unwrap_or_default();
            if let Some(version) = text.match_indices(before).find_map(|(at, _)| version_at_start(&text[at + before.len()..])) {
                add(id, version, &path);
            }
        }
    }
    for path in JDKS.iter().flat_map(|pattern| files.glob(pattern)) {
        if let Some((id, version)) = jdk(&files.text(&path).unwrap_or_default()) {
            add(id, version, &path);
        }
    }
    // `make install` puts them there; packages don't.
    for path in ["/usr/local/bin/python[23].*", "/opt/*/bin/python[23].*"].iter().flat_map(|pattern| files.glob(pattern)) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let version = name.trim_start_matches("python");
        if version.split('.').count() == 2
            && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
            && files.link(&path).is_none()
        {
            add("python", version.to_owned(), &path);
        }
    }
    runtimes
}

fn from_package(package: &Package) -> Option<Runtime> {
    let (id, _, _) = PACKAGES.into_iter().find(|(_, name, known)| match known {
        Known::Name => package.name.starts_with(name),
        Known::Mark => is_marked(package) && (begins(&package.name, name) || name.ends_with(['-', '.']) && package.name.starts_with(name)),
    })?;
    let upstream = package.version.split_once(':').map_or(package.version.as_str(), |(_, version)| version);
    Some(Runtime { id: id.to_owned(), version: version_at_start(upstream)?, path: None })
}

/// Tells whether a package is of this name or of a version of it: `php8.3`, `php-fpm`, `postgresql16-server`.
fn begins(package: &str, name: &str) -> bool {
    package.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_digit() || c == '-'))
}

/// The digits, dots and the letter (OpenSSL's `1.1.1w`) that a text begins with.
fn version_at_start(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let letter = text[end..]
        .chars()
        .next()
        .filter(char::is_ascii_lowercase)
        .filter(|_| !text[end..].chars().nth(1).is_some_and(char::is_alphanumeric));
    let version = text[..end].trim_end_matches('.');
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.chars().chain(letter).collect())
}

/// A JDK's maker, as far as dates are known of, and its version; that of Java 8 is written `1.8.0_402`.
fn jdk(release: &str) -> Option<(&'static str, String)> {
    let value =
        |key: &str| release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(|value| value.trim().trim_matches('"'));
    let id = match value("IMPLEMENTOR")? {
        "Eclipse Adoptium" | "Eclipse Foundation" | "AdoptOpenJDK" => "temurin",
        "Oracle Corporation" => "openjdk",
        _ => return None,
    };
    let version = value("JAVA_VERSION")?;
    Some((id, version_at_start(version.strip_prefix("1.").unwrap_or(version))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::MemoryTree;

    fn package(name: &str, version: &str) -> Option<(String, String)> {
        let package = Package { name: name.to_owned(), version: version.to_owned(), ..Package::default() };
        from_package(&package).map(|runtime| (runtime.id, runtime.version))
    }

    #[test]
    fn packages_from_elsewhere_are_told_from_the_distributions() {
        let elsewhere = [
            ("nodejs", "18.20.4-1nodesource1", "nodejs", "18.20.4"),
            ("php8.0-fpm", "1:8.0.30-2+0~20231123.45+debian12~1.gbp1", "php", "8.0.30"),
            ("postgresql-12", "12.22-1.pgdg120+1", "postgresql", "12.22"),
            ("postgresql12-server", "12.22-1PGDG.rhel9", "postgresql", "12.22"),
            ("nginx", "1.24.0-1~bookworm", "nginx", "1.24.0"),
            ("mongodb-org-server", "5.0.31", "mongodb", "5.0.31"),
            ("temurin-8-jdk", "8.0.402.0.0+6-0", "temurin", "8.0.402.0.0"),
            ("dotnet-runtime-6.0", "6.0.36-1", "dotnet", "6.0.36"),
        ];
        for (name, version, id, upstream) in elsewhere {
            assert_eq!(package(name, version), Some((id.to_owned(), upstream.to_owned())), "{name}");
        }
        for (name, version) in [
            ("nodejs", "18.19.0+dfsg-6"),
            ("php8.2", "8.2.29-1~deb12u1"),
            ("nginx", "1.26.3-3+deb13u1"),
            ("python3.11", "3.11.2-6+deb12u6"),
            ("postgresql-15", "15.14-0+deb12u1"),
            ("phpmyadmin", "4:5.2.2+0~x"),
        ] {
            assert_eq!(package(name, version), None, "{name}");
        }
    }

    #[test]
    fn what_lies_beside_packages_is_found_by_its_own_word() {
        let tree = MemoryTree::default()
            .file("/usr/local/go/VERSION", "go1.20.3\ntime x\n")
            .file("/usr/local/include/node/node_version.h", "#define NODE_MAJOR_VERSION 16\n")
            .file("/opt/ssl/include/openssl/opensslv.h", "# define OPENSSL_VERSION_TEXT \"OpenSSL 1.1.1w  11 Sep 2023\"\n")
            .file("/usr/lib/jvm/a/release", "IMPLEMENTOR=\"Eclipse Adoptium\"\nJAVA_VERSION=\"1.8.0_402\"\n")
            .file("/usr/lib/jvm/b/release", "IMPLEMENTOR=\"Debian\"\nJAVA_VERSION=\"17.0.1\"\n")
            .file("/root/.pyenv/versions/3.8.10/bin/python", "")
            .file("/usr/local/bin/python3.7", "")
            .file("/usr/local/bin/python3.7-config", "")
            .directory("/usr/local/lib/python3.13")
            .tree();
        let found = read(&Files::new(&tree), &[], &["/root".into()]);
        let brief: Vec<_> = found.iter().map(|runtime| (runtime.id.as_str(), runtime.version.as_str())).collect();
        assert_eq!(
            brief,
            [("go", "1.20.3"), ("nodejs", "16"), ("openssl", "1.1.1w"), ("python", "3.7"), ("python", "3.8.10"), ("temurin", "8.0")]
        );
    }
}
