//! What the texts in a Java archive say that it is.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::model::report::{Origin, Package};

/// A longer value is no name, version or licence; a list of licences' addresses has some 200 bytes.
const LONGEST_FIELD_BYTES: usize = 1024;

/// The package of a `pom.properties`, which Maven puts into what it builds. An archive that took in others has theirs too.
///
/// Source: <https://maven.apache.org/shared/maven-archiver/>
pub(super) fn by_maven(properties: &str) -> Option<Package> {
    let lines = properties.lines().map(str::trim).filter(|line| !line.starts_with(['#', '!']));
    let values: BTreeMap<&str, &str> =
        lines.filter_map(|line| line.split_once(['=', ':'])).map(|(key, value)| (key.trim(), value.trim())).collect();
    let value = |key: &str| values.get(key).copied().filter(|value| is_filled_in(value));
    Some(package(&format!("{}:{}", value("groupId")?, value("artifactId")?), value("version")?, None))
}

/// The licences in a `pom.xml`: any of them, as Maven has it. Those that it inherits are not in it.
///
/// Source: <https://maven.apache.org/pom.html#Licenses>
pub(super) fn licences(pom: &str) -> Option<String> {
    const PLACE: [&str; 4] = ["project", "licenses", "license", "name"];
    let mut reader = Reader::from_str(pom);
    // How many elements are open, and how many of them, from the outermost on, lead to the place.
    let (mut depth, mut leading) = (0, 0);
    let mut names: Vec<String> = Vec::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) => {
                if leading == depth && PLACE.get(depth).is_some_and(|name| element.local_name().as_ref() == *name) {
                    leading += 1;
                }
                depth += 1;
                if leading == PLACE.len() && depth == PLACE.len() {
                    names.push(String::new());
                }
            }
            Ok(Event::End(_)) => {
                depth = depth.saturating_sub(1);
                leading = leading.min(depth);
            }
            Ok(Event::Text(text)) if leading == PLACE.len() && depth == PLACE.len() => {
                names.last_mut()?.push_str(&text.xml10_content());
            }
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    let names: Vec<&str> = names.iter().map(|name| name.trim()).filter(|name| is_filled_in(name)).collect();
    Some(names.join(" OR ")).filter(|names| is_filled_in(names))
}

/// The package of a manifest; what it doesn't say is taken from the file's name. None where a name or a version is in
/// neither, or where the archive is one of those that Maven told of: the others it took in.
///
/// Source: <https://docs.oracle.com/en/java/javase/21/docs/specs/jar/jar.html#jar-manifest> and, for bundles,
/// <https://docs.osgi.org/specification/osgi.core/8.0.0/framework.module.html>
pub(super) fn by_manifest(manifest: &str, file_name: &str, by_maven: &[Package]) -> Option<Package> {
    let attributes = main_attributes(manifest);
    let attribute = |name: &str| {
        let found = attributes.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim()).filter(|value| is_filled_in(value))
    };
    let stem = file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem);
    let (file_artifact, file_version) = named(stem);
    // A title is for people unless it could be an artifact's name.
    let title = attribute("Implementation-Title").filter(|title| is_identifier(title));
    let symbolic = attribute("Bundle-SymbolicName").and_then(|name| name.split(';').next()).map(str::trim);
    let bundle = symbolic.or(attribute("Bundle-Name")).filter(|name| is_identifier(name));
    let artifact = title.or(bundle).unwrap_or(file_artifact);
    let said = attribute("Implementation-Version").or_else(|| attribute("Bundle-Version"));
    let version = said.or(file_version).filter(|version| is_filled_in(version))?;
    let by_file_name = title.or(bundle).is_none() && said.is_none();
    let own = [Some(file_artifact), title, bundle];
    let is_own = |package: &Package| {
        let artifact = package.name.rsplit(':').next();
        own.contains(&artifact) || by_maven.len() == 1 && package.version == version
    };
    if by_maven.iter().any(is_own) || !is_filled_in(artifact) {
        return None;
    }
    let group = attribute("Implementation-Vendor-Id").filter(|group| is_identifier(group));
    let name = group.map_or_else(|| artifact.to_owned(), |group| format!("{group}:{artifact}"));
    Some(Package { by_file_name, ..package(&name, version, attribute("Bundle-License")) })
}

/// The attributes of the first paragraph. A line that begins with a space goes on where the one before was cut.
fn main_attributes(manifest: &str) -> Vec<(&str, String)> {
    let mut attributes: Vec<(&str, String)> = Vec::new();
    for line in manifest.lines().take_while(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix(' ') {
            if let Some((_, value)) = attributes.last_mut() {
                value.push_str(rest);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            attributes.push((name, value.trim_start().to_owned()));
        }
    }
    attributes
}

/// The artifact and the version in a name as Maven gives it: `log4j-1.2-api-2.17.1`.
fn named(stem: &str) -> (&str, Option<&str>) {
    let dash = stem.rmatch_indices('-').find(|(at, _)| stem.as_bytes().get(at + 1).is_some_and(u8::is_ascii_digit));
    match dash {
        Some((at, _)) if at > 0 => (&stem[..at], Some(&stem[at + 1..])),
        _ => (stem, None),
    }
}

/// Tells a value from one that was never filled in (`${…}`), and from what is no name, version or licence.
fn is_filled_in(value: &str) -> bool {
    (1..=LONGEST_FIELD_BYTES).contains(&value.len()) && !value.contains("${")
}

fn is_identifier(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn package(name: &str, version: &str, licence: Option<&str>) -> Package {
    Package {
        name: name.to_owned(),
        version: version.to_owned(),
        licence: licence.map(str::to_owned),
        origin: Origin::Maven,
        ..Package::default()
    }
}
