//! Bills of materials as they are read: ours, and those of other tools.
//!
//! What a package is stands in its package URL; what a URL can't say (a source package, a name's capitals) is taken from
//! where we and the best-known tools write it.

use std::str::FromStr;

use packageurl::PackageUrl;
use serde_json::Value;

use crate::model::report::{OperatingSystem, Origin, Package};

/// What a bill says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    /// What it is of, in its maker's words.
    pub name: String,
    /// The version of what it is of.
    pub version: Option<String>,
    /// The operating system, if it names one.
    pub operating_system: Option<OperatingSystem>,
    /// The packages that it names, sorted.
    pub packages: Vec<Package>,
    /// Whether its maker tells of which source packages are built: any package has one, or the bill is ours.
    pub tells_sources: bool,
    /// What it lists and can't be told as a package: without a package URL, or with one of an unknown kind; sorted.
    pub unread: Vec<String>,
}

/// Says why a document is no bill that can be read.
#[derive(Debug, thiserror::Error)]
pub enum InvalidBill {
    /// It is no JSON.
    #[error("it is no JSON document")]
    Json {
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// It is JSON, and neither of the two forms.
    #[error("it is neither CycloneDX 1.x nor SPDX 2.x in JSON")]
    Form,
}

/// Reads a bill of materials: CycloneDX 1.x or SPDX 2.x, JSON.
///
/// # Errors
///
/// [`InvalidBill`] for any other document.
pub fn read(text: &[u8]) -> Result<Bill, InvalidBill> {
    // Windows' tools begin texts with a mark of their byte order.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let document: Value = serde_json::from_slice(text).map_err(|source| InvalidBill::Json { source })?;
    let mut reader = Reader::default();
    let is_cyclonedx = document["bomFormat"] == "CycloneDX" && document["specVersion"].as_str().is_some_and(|v| v.starts_with("1."));
    let is_ours = |tool: &Value| tool["name"] == "bakehouse" || tool.as_str().is_some_and(|tool| tool.starts_with("Tool: bakehouse-"));
    let tools = [&document["metadata"]["tools"]["components"], &document["creationInfo"]["creators"]];
    reader.tells_sources = tools.iter().filter_map(|tools| tools.as_array()).flatten().any(is_ours);
    let (name, version) = if is_cyclonedx {
        let whole = &document["metadata"]["component"];
        reader.components(&document["components"]);
        (&whole["name"], &whole["version"])
    } else if document["spdxVersion"].as_str().is_some_and(|version| version.starts_with("SPDX-2.")) {
        let packages = document["packages"].as_array().map_or(&[][..], Vec::as_slice);
        let whole = packages.iter().find(|package| package["SPDXID"] == "SPDXRef-Image").unwrap_or(&Value::Null);
        packages.iter().filter(|package| !std::ptr::eq(*package, whole)).for_each(|package| reader.spdx_package(package));
        (if whole.is_null() { &document["name"] } else { &whole["name"] }, &whole["versionInfo"])
    } else {
        return Err(InvalidBill::Form);
    };
    Ok(reader.into_bill(owned(name).unwrap_or_default(), owned(version)))
}

#[derive(Default)]
struct Reader {
    operating_system: Option<OperatingSystem>,
    packages: Vec<Package>,
    tells_sources: bool,
    unread: Vec<String>,
}

impl Reader {
    /// Reads CycloneDX's components and those in them; serde_json bounds how deep they can be.
    fn components(&mut self, components: &Value) {
        for component in components.as_array().into_iter().flatten() {
            self.component(component);
            self.components(&component["components"]);
        }
    }

    fn component(&mut self, component: &Value) {
        match component["type"].as_str() {
            Some("operating-system") => {
                self.operating_system = system(component, "version");
                return;
            }
            // Files are listed beside the packages that were found in them.
            Some("file") => return,
            _ => {}
        }
        let group = component["group"].as_str().filter(|group| !group.is_empty());
        let name = component["name"].as_str().unwrap_or_default();
        let Some(mut package) = self.package(component["purl"].as_str(), group, name) else { return };
        let property = |keys: &[&str]| {
            let mut properties = component["properties"].as_array().into_iter().flatten();
            properties.find(|p| p["name"].as_str().is_some_and(|name| keys.contains(&name))).and_then(|p| owned(&p["value"]))
        };
        package.architecture = property(&["bakehouse:architecture"]).unwrap_or(package.architecture);
        package.module = property(&["bakehouse:module"]).or(package.module);
        package.source = property(&["bakehouse:source", "aquasecurity:trivy:SrcName"]).or(package.source);
        self.tells_sources |= package.source.is_some();
        package.source_version =
            property(&["bakehouse:source-version"]).or_else(|| trivy_source_version(&property)).or(package.source_version);
        package.vendor = property(&["bakehouse:vendor"]);
        package.maintainer = property(&["bakehouse:maintainer"]);
        package.source.take_if(|source| *source == package.name);
        package.source_version.take_if(|version| *version == package.version);
        package.path = owned(&component["evidence"]["occurrences"][0]["location"]);
        package.licence = owned(&component["licenses"][0]["expression"])
            .or_else(|| owned(&component["licenses"][0]["license"]["name"]))
            .or_else(|| owned(&component["licenses"][0]["license"]["id"]));
        self.packages.push(package);
    }

    fn spdx_package(&mut self, entry: &Value) {
        match entry["primaryPackagePurpose"].as_str() {
            Some("OPERATING-SYSTEM") => {
                self.operating_system = system(entry, "versionInfo").or_else(|| self.operating_system.take());
                return;
            }
            // What a bill is of.
            Some("CONTAINER" | "SOURCE") if entry["externalRefs"].is_null() => return,
            _ => {}
        }
        let name = entry["name"].as_str().unwrap_or_default();
        let references = entry["externalRefs"].as_array().into_iter().flatten();
        let purl = references.filter(|reference| reference["referenceType"] == "purl").find_map(|r| r["referenceLocator"].as_str());
        let Some(mut package) = self.package(purl, None, name) else { return };
        let declared = entry["licenseDeclared"].as_str().filter(|licence| !matches!(*licence, "NOASSERTION" | "NONE"));
        package.licence = declared.map(str::to_owned);
        let info = entry["sourceInfo"].as_str().unwrap_or_default();
        package.path = info.strip_prefix("found in ").map(str::to_owned);
        if let Some((source, version)) = trivy_source(info) {
            self.tells_sources = true;
            package.source = Some(source).filter(|source| *source != package.name).map(str::to_owned);
            // It may lack the epoch and the revision, which the binary package's own has.
            package.source_version = Some(version).filter(|version| !package.version.contains(version)).map(str::to_owned);
        }
        self.packages.push(package);
    }

    /// Tells what a package URL names; its group and name in the bill's own words have capitals that a URL may lack.
    fn package(&mut self, purl: Option<&str>, group: Option<&str>, shown: &str) -> Option<Package> {
        let read = purl.and_then(|purl| Some((purl, PackageUrl::from_str(purl).ok()?)));
        let known = read.and_then(|(purl, url)| Some((purl, origin(url.ty())?, url)));
        let Some((purl, origin, url)) = known else {
            self.unread.push(purl.unwrap_or(shown).to_owned());
            return None;
        };
        let qualifier = |key: &str| url.qualifiers().get(key).map(|value| value.clone().into_owned()).filter(|value| !value.is_empty());
        let separator = if origin == Origin::Maven { ":" } else { "/" };
        let namespace = url.namespace().filter(|_| !is_of_system(origin));
        let name = namespace.map_or_else(|| url.name().to_owned(), |namespace| format!("{namespace}{separator}{}", url.name()));
        let told = group.map_or_else(|| shown.to_owned(), |group| format!("{group}{separator}{shown}"));
        let same = |text: &str| text.to_lowercase().replace(['-', '_', '.'], "");
        let name = if same(&told) == same(&name) { told } else { name };
        let version = url.version().unwrap_or_default();
        let version = match qualifier("epoch") {
            Some(epoch) if epoch != "0" => format!("{epoch}:{version}"),
            _ => version.to_owned(),
        };
        let (source, source_version) = qualifier("upstream").map_or((None, None), |text| upstream(&text, origin));
        self.tells_sources |= source.is_some();
        if self.operating_system.is_none() && is_of_system(origin) {
            self.operating_system = qualifier("distro").and_then(|text| distro(&text));
        }
        Some(Package {
            architecture: qualifier("arch").or_else(|| qualifier("platform")).unwrap_or_default(),
            source: source.filter(|source| *source != name),
            source_version: source_version.filter(|source| *source != version),
            licence: None,
            module: qualifier("rpmmod").or_else(|| qualifier("modularitylabel")),
            vendor: None,
            maintainer: None,
            origin,
            path: None,
            by_file_name: false,
            purl: purl.to_owned(),
            checksum: None,
            name,
            version,
        })
    }

    fn into_bill(mut self, name: String, version: Option<String>) -> Bill {
        self.packages.sort();
        self.packages.dedup();
        self.unread.sort();
        self.unread.dedup();
        let Self { operating_system, packages, tells_sources, unread } = self;
        Bill { name, version, operating_system, packages, tells_sources, unread }
    }
}

/// Source: <https://github.com/package-url/purl-spec/blob/main/PURL-TYPES.rst>
fn origin(kind: &str) -> Option<Origin> {
    Some(match kind {
        "deb" => Origin::Dpkg,
        "rpm" => Origin::Rpm,
        "apk" => Origin::Apk,
        "golang" => Origin::Go,
        "cargo" => Origin::Cargo,
        "pypi" => Origin::Pypi,
        "npm" => Origin::Npm,
        "maven" => Origin::Maven,
        "gem" => Origin::Gem,
        "nuget" => Origin::Nuget,
        "composer" => Origin::Composer,
        _ => return None,
    })
}

fn is_of_system(origin: Origin) -> bool {
    matches!(origin, Origin::Dpkg | Origin::Rpm | Origin::Apk)
}

/// A source package: `glibc@2.41-12`, `glibc`, or an rpm's file name.
fn upstream(text: &str, origin: Origin) -> (Option<String>, Option<String>) {
    let parts = if origin == Origin::Rpm {
        let name = text.strip_suffix(".src.rpm").unwrap_or(text);
        // The last two dashes stand before the version and the release.
        let release = name.rfind('-').unwrap_or(0);
        name[..release].rfind('-').map(|version| (&name[..version], &name[version + 1..]))
    } else {
        text.split_once('@')
    };
    parts.map_or_else(|| (Some(text.to_owned()), None), |(name, version)| (Some(name.to_owned()), Some(version.to_owned())))
}

/// `debian-13`, `opensuse-leap-15.6`.
fn distro(text: &str) -> Option<OperatingSystem> {
    let (id, version) = match text.rsplit_once('-') {
        Some((id, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => (id, version),
        _ => (text, ""),
    };
    let system = named_as_itself(id, version, format!("{id} {version}").trim().to_owned());
    (!id.is_empty()).then_some(system)
}

/// The operating system that an entry is.
fn system(entry: &Value, version: &str) -> Option<OperatingSystem> {
    let id = owned(&entry["name"])?;
    let version = owned(&entry[version]).unwrap_or_default();
    let name = owned(&entry["description"]).unwrap_or_else(|| format!("{id} {version}").trim().to_owned());
    Some(named_as_itself(&id, &version, name))
}

/// Other tools' names of operating systems, and what these call themselves in os-release.
///
/// Source: `OSType` and its aliases in trivy's pkg/fanal/types/const.go
const SYSTEMS: [(&str, &str); 11] = [
    ("alma", "almalinux"),
    ("amazon", "amzn"),
    ("amazon linux", "amzn"),
    ("debian gnu/linux", "debian"),
    ("opensuse.leap", "opensuse-leap"),
    ("opensuse.tumbleweed", "opensuse-tumbleweed"),
    ("oracle", "ol"),
    ("redhat", "rhel"),
    ("slem", "sle-micro"),
    ("suse linux enterprise micro", "sle-micro"),
    ("suse linux enterprise server", "sles"),
];

/// An operating system by its own id and version. trivy writes Amazon's with its name (`2 (Karoo)`) or to the last build.
fn named_as_itself(id: &str, version: &str, name: String) -> OperatingSystem {
    let lower = id.to_lowercase();
    let known = SYSTEMS.iter().find(|(other, _)| *other == lower).map(|(_, own)| (*own).to_owned());
    let id = known.unwrap_or_else(|| id.to_owned());
    let version = if id == "amzn" { version.split(['.', ' ']).next().unwrap_or_default() } else { version };
    OperatingSystem { id, version: version.to_owned(), name }
}

/// trivy's word for a source package in SPDX: `built package from: openssl 3.0.11-1~deb12u2`.
///
/// Source: `SourcePackagePrefix` in trivy's pkg/sbom/spdx/marshal.go
fn trivy_source(info: &str) -> Option<(&str, &str)> {
    info.strip_prefix("built package from: ")?.trim().split_once(' ')
}

/// trivy writes a source package's version in parts.
fn trivy_source_version(property: &dyn Fn(&[&str]) -> Option<String>) -> Option<String> {
    let version = property(&["aquasecurity:trivy:SrcVersion"])?;
    let release = property(&["aquasecurity:trivy:SrcRelease"]).map_or_else(String::new, |release| format!("-{release}"));
    let epoch = property(&["aquasecurity:trivy:SrcEpoch"]).map_or_else(String::new, |epoch| format!("{epoch}:"));
    Some(format!("{epoch}{version}{release}"))
}

fn owned(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
