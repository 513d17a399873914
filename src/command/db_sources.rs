//! Where what is published of flaws is to be had.

use crate::advisories::Ecosystem;
use crate::model::digest::Digest;

/// A file that is published under one address, always.
pub struct Published {
    /// Its path below the folder of downloaded files.
    pub path: String,
    /// Its address.
    pub url: String,
}

/// A repository of Amazon's: what it publishes is found by its list of mirrors.
pub struct Repository {
    /// The path of its `updateinfo` below the folder of downloaded files, without an ending.
    pub path: String,
    /// The address of its list of mirrors.
    pub mirrors: String,
}

/// What `repomd.xml` says of `updateinfo`.
#[derive(Debug, PartialEq, Eq)]
pub struct Updateinfo {
    /// Its path from the mirror's root on.
    pub href: String,
    /// Its digest.
    pub digest: Digest,
}

/// Where the extras lie below the folder of downloaded files.
pub const EXTRAS: &str = "amazon/2/extras/";

/// Architectures of Amazon Linux.
const ARCHITECTURES: [&str; 2] = ["x86_64", "aarch64"];

/// EPSS's scores: they are told beside flaws, and decide over nothing.
pub const DISPENSABLE: &str = "epss.csv.gz";

/// Signals and ends of life.
///
/// Source: <https://www.cisa.gov/known-exploited-vulnerabilities-catalog>, <https://www.first.org/epss/data_stats>,
/// <https://endoflife.date/docs/api/v1/>, <https://salsa.debian.org/debian/distro-info-data>
const SIGNALS: [(&str, &str); 5] = [
    ("kev.json", "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"),
    (DISPENSABLE, "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz"),
    ("end-of-life.json", "https://endoflife.date/api/v1/products/full"),
    ("distro-info/debian.csv", "https://salsa.debian.org/debian/distro-info-data/-/raw/main/debian.csv"),
    ("distro-info/ubuntu.csv", "https://salsa.debian.org/debian/distro-info-data/-/raw/main/ubuntu.csv"),
];

/// Returns the exports of these ecosystems, and the signals.
pub fn published(ecosystems: &[Ecosystem]) -> Vec<Published> {
    let exports = ecosystems.iter().filter_map(|ecosystem| {
        Some(Published { path: format!("osv/{}.zip", ecosystem.as_str().replace(' ', "-")), url: ecosystem.export()? })
    });
    let signals = SIGNALS.iter().map(|(path, url)| Published { path: (*path).to_owned(), url: (*url).to_owned() });
    exports.chain(signals).collect()
}

/// The list of AL2's extras, for an architecture.
pub fn extras_catalogues() -> impl Iterator<Item = (&'static str, String)> {
    ARCHITECTURES.into_iter().map(|arch| (arch, format!("https://cdn.amazonlinux.com/2/extras-catalog-{arch}.json")))
}

/// Returns Amazon's repositories but for AL2's extras.
pub fn repositories() -> Vec<Repository> {
    let of = |arch: &str| {
        [
            (format!("amazon/2023/core.{arch}"), format!("https://cdn.amazonlinux.com/al2023/core/mirrors/latest/{arch}/mirror.list")),
            (
                format!("amazon/2023/livepatch.{arch}"),
                format!("https://cdn.amazonlinux.com/al2023/kernel-livepatch/mirrors/al2023/{arch}/mirror.list"),
            ),
            (format!("amazon/2/core.{arch}"), format!("https://cdn.amazonlinux.com/2/core/latest/{arch}/mirror.list")),
        ]
    };
    ARCHITECTURES.into_iter().flat_map(of).map(|(path, mirrors)| Repository { path, mirrors }).collect()
}

/// Returns the repositories of the extras that a catalogue names.
///
/// # Errors
///
/// Why the catalogue can't be read; a clause.
pub fn extras(arch: &str, catalogue: &[u8]) -> Result<Vec<Repository>, String> {
    #[derive(serde::Deserialize)]
    struct Catalogue {
        topics: Vec<Topic>,
    }
    #[derive(serde::Deserialize)]
    struct Topic {
        n: String,
    }
    let catalogue: Catalogue = serde_json::from_slice(catalogue).map_err(|error| format!("it can't be read: {error}"))?;
    let topics = catalogue.topics.into_iter().map(|topic| topic.n);
    let repository = |name: String| {
        // It becomes a part of a path and an address.
        if name.is_empty() || name.starts_with('.') || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b)) {
            return Err(format!("{name:?} in it is no name"));
        }
        Ok(Repository {
            path: format!("{EXTRAS}{name}.{arch}"),
            mirrors: format!("https://cdn.amazonlinux.com/2/extras/{name}/latest/{arch}/mirror.list"),
        })
    };
    topics.map(repository).collect()
}

/// Returns the first mirror of a list, with a slash at its end: over TLS, whatever the list says, for what is had there
/// holds the digests of all else.
pub fn mirror(list: &[u8]) -> Option<String> {
    let list = String::from_utf8_lossy(list);
    let host = |line: &'_ str| line.strip_prefix("https://").or_else(|| line.strip_prefix("http://")).map(str::to_owned);
    let first = list.lines().map(str::trim).find_map(host)?;
    Some(format!("https://{}/", first.trim_end_matches('/')))
}

/// Reads where a repository's `updateinfo` is, and what its digest is to be; none where it has none.
///
/// Source: <https://github.com/rpm-software-management/createrepo_c>, `repomd.xml`
pub fn updateinfo(repomd: &[u8]) -> Option<Updateinfo> {
    use quick_xml::Reader;
    use quick_xml::events::Event;
    let (mut is_it, mut in_checksum, mut digest, mut href) = (false, false, None, None);
    let text = std::str::from_utf8(repomd).ok()?;
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) | Event::Empty(tag) => {
                let attribute = |name| tag.try_get_attribute(name).ok().flatten().map(|found| found.value.to_string());
                match tag.name().as_ref() {
                    "data" => is_it = attribute("type").as_deref() == Some("updateinfo"),
                    "checksum" if is_it => in_checksum = attribute("type").as_deref() == Some("sha256"),
                    "location" if is_it => href = attribute("href"),
                    _ => {}
                }
            }
            Event::Text(text) if in_checksum => digest = format!("sha256:{}", text.trim()).parse().ok(),
            Event::End(tag) => {
                in_checksum = false;
                if tag.name().as_ref() == "data" && is_it {
                    break;
                }
            }
            Event::Eof => return None,
            _ => {}
        }
    }
    let href = href.filter(|href| !href.starts_with('/') && !href.contains("..") && !href.contains("://"))?;
    Some(Updateinfo { href, digest: digest? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_has_addresses() {
        let all: Vec<Ecosystem> = Ecosystem::all().collect();
        let published = published(&all);
        assert!(published.iter().any(|file| file.url.ends_with("/Red%20Hat/all.zip") && file.path == "osv/Red-Hat.zip"));
        assert!(published.iter().all(|file| !file.url.contains("Amazon")));
    }

    #[test]
    fn amazons_lists_are_read() {
        assert_eq!(mirror(b"\nhttps://cdn/2/core/x\nhttps://other/\n").as_deref(), Some("https://cdn/2/core/x/"));
        assert_eq!(mirror(b"http://cdn/2/core/x\n").as_deref(), Some("https://cdn/2/core/x/"), "never in clear");
        assert_eq!(mirror(b"<html>"), None);
        let names: Vec<String> =
            extras("aarch64", br#"{"topics": [{"n": "nginx1", "x": 1}]}"#).unwrap().into_iter().map(|it| it.mirrors).collect();
        assert_eq!(names, ["https://cdn.amazonlinux.com/2/extras/nginx1/latest/aarch64/mirror.list"]);
        assert!(extras("x", br#"{"topics": [{"n": "../x"}]}"#).is_err() && extras("x", b"[").is_err());
        let digest = Digest::of("x");
        let repomd = format!(
            "<repomd><data type=\"primary\"><checksum type=\"sha256\">0</checksum><location href=\"p.gz\"/></data>\
             <data type=\"updateinfo\"><checksum type=\"sha256\">{}</checksum><open-checksum type=\"sha256\">1</open-checksum>\
             <location href=\"repodata/updateinfo.xml.gz\"/></data></repomd>",
            digest.to_hex()
        );
        assert_eq!(updateinfo(repomd.as_bytes()), Some(Updateinfo { href: "repodata/updateinfo.xml.gz".into(), digest }));
        assert_eq!(updateinfo(repomd.replace("repodata/", "../../").as_bytes()), None);
        assert_eq!(updateinfo(b"<repomd></repomd>"), None);
    }
}
