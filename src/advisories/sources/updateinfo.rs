//! `updateinfo.xml` of Amazon Linux: which builds mend which CVEs. OSV has no records of Amazon's.
//!
//! Source: <https://docs.aws.amazon.com/linux/al2023/ug/security-advisories.html>, the files themselves under
//! <https://cdn.amazonlinux.com/>

use std::collections::BTreeSet;
use std::io::BufRead;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use quick_xml::events::{BytesStart, Event as Xml};
use quick_xml::{Reader, XmlVersion};

use super::super::about::Fault;
use super::super::advisory::{Advisory, AffectedVersions, Event, Severity};
use super::super::ecosystem::Ecosystem;
use super::lines::Lines;
use super::osv::{Record, RecordOf};
use super::term::{check, summary};

/// Builds of an update: those of kernels have hundreds.
const MOST_BUILDS: usize = 100_000;

const LONGEST_FIELD_BYTES: usize = 4096;

/// CVEs of an update.
const MOST_REFERENCES: usize = 10_000;

/// Reads updates and hands them on, each by itself; what of them can't be read is a fault. Those that aren't about
/// security say nothing of flaws.
///
/// # Errors
///
/// A fault of the file itself: what comes after can't be read.
pub(in crate::advisories) fn read_updateinfo(
    file: &str,
    from: &mut dyn BufRead,
    mut hand_on: impl FnMut(Result<Record, Fault>),
) -> Result<(), Fault> {
    let mut reader = Reader::from_reader(Lines::new(from));
    let mut buffer = Vec::new();
    let mut walk = Walk::default();
    loop {
        let place = reader.get_ref().place();
        let at =
            |record: Option<String>, reason: &str| Fault { file: file.to_owned(), record, place: Some(place), reason: summary(reason) };
        buffer.clear();
        reader.get_mut().begin();
        match reader.read_event_into(&mut buffer) {
            Ok(Xml::Start(tag)) => walk.open(&tag),
            Ok(Xml::Empty(tag)) => {
                walk.open(&tag);
                walk.close(tag.name().as_ref());
            }
            Ok(Xml::Text(text)) => walk.say(&text),
            Ok(Xml::CData(text)) => walk.say(&text),
            // Ids and words have none; a title may.
            Ok(Xml::GeneralRef(_)) => walk.say(" "),
            Ok(Xml::End(tag)) => {
                if let Some(update) = walk.close(tag.name().as_ref()) {
                    let id = Some(summary(&update.id)).filter(|id| !id.is_empty());
                    match update.record() {
                        Ok(Some(record)) => hand_on(Ok(record)),
                        Ok(None) => {}
                        Err(reason) => hand_on(Err(at(id, &reason))),
                    }
                }
            }
            Ok(Xml::Eof) if walk.update.is_some() => return Err(at(None, "it ends within an update")),
            Ok(Xml::Eof) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(at(walk.update.map(|update| summary(&update.id)), &format!("it can't be read: {error}"))),
        }
    }
}

/// Where in the file one is.
#[derive(Default)]
struct Walk {
    update: Option<Update>,
    /// The element whose text is wanted.
    field: Option<Field>,
}

#[derive(Clone, Copy)]
enum Field {
    Id,
    Title,
    Severity,
}

#[derive(Default)]
struct Update {
    is_security: bool,
    id: String,
    title: String,
    severity: String,
    issued: String,
    updated: String,
    cves: BTreeSet<String>,
    collection: String,
    builds: Vec<Build>,
    /// The first thing that is wrong.
    wrong: Option<String>,
}

struct Build {
    name: String,
    version: String,
    architecture: String,
}

impl Walk {
    fn open(&mut self, tag: &BytesStart<'_>) {
        if tag.name().as_ref() == "update" {
            self.update = Some(Update { is_security: attribute(tag, "type").is_none_or(|kind| kind == "security"), ..Update::default() });
            return;
        }
        let Some(update) = &mut self.update else { return };
        self.field = match tag.name().as_ref() {
            "id" => Some(Field::Id),
            "title" => Some(Field::Title),
            "severity" => Some(Field::Severity),
            _ => None,
        };
        match tag.name().as_ref() {
            "issued" => update.issued = attribute(tag, "date").unwrap_or_default(),
            "updated" => update.updated = attribute(tag, "date").unwrap_or_default(),
            "collection" => update.collection = attribute(tag, "short").unwrap_or_default(),
            "reference" => update.reference(tag),
            "package" => update.build(tag),
            _ => {}
        }
    }

    /// Ends an element; returns the update that it was.
    fn close(&mut self, name: &str) -> Option<Update> {
        self.field = None;
        if name == "update" { self.update.take() } else { None }
    }

    fn say(&mut self, text: &str) {
        let (Some(update), Some(field)) = (&mut self.update, self.field) else { return };
        let field = match field {
            Field::Id => &mut update.id,
            Field::Title => &mut update.title,
            Field::Severity => &mut update.severity,
        };
        if field.len() + text.len() <= LONGEST_FIELD_BYTES {
            field.push_str(text);
        } else {
            update.wrong.get_or_insert("its id, title or severity is too long".to_owned());
        }
    }
}

impl Update {
    fn reference(&mut self, tag: &BytesStart<'_>) {
        if attribute(tag, "type").as_deref() != Some("cve") {
            return;
        }
        match attribute(tag, "id") {
            Some(id) if check(&id).is_ok() && self.cves.len() < MOST_REFERENCES => {
                self.cves.insert(id);
            }
            _ => {
                self.wrong.get_or_insert("a reference to a CVE has no fit id, or there are too many".to_owned());
            }
        }
    }

    fn build(&mut self, tag: &BytesStart<'_>) {
        let field = |name| attribute(tag, name).filter(|text| check(text).is_ok());
        let (Some(name), Some(version), Some(release), Some(architecture)) =
            (field("name"), field("version"), field("release"), field("arch"))
        else {
            self.wrong.get_or_insert("a package has no fit name, version, release or arch".to_owned());
            return;
        };
        let epoch = attribute(tag, "epoch").unwrap_or_default();
        let version = match epoch.as_str() {
            "" | "0" => format!("{version}-{release}"),
            _ if epoch.len() < 10 && epoch.bytes().all(|byte| byte.is_ascii_digit()) => format!("{epoch}:{version}-{release}"),
            _ => {
                self.wrong.get_or_insert("a package's epoch is no number".to_owned());
                return;
            }
        };
        if self.builds.len() >= MOST_BUILDS {
            self.wrong.get_or_insert("it has too many packages".to_owned());
            return;
        }
        self.builds.push(Build { name, version, architecture });
    }

    /// Returns it as what OSV would say; none if it isn't about security.
    fn record(self) -> Result<Option<Record>, String> {
        if !self.is_security {
            return Ok(None);
        }
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        let id = self.id.trim().to_owned();
        check(&id)?;
        let (release, repository) = place(&id, &self.collection)?;
        let issued = time(&self.issued);
        let modified = time(&self.updated).or(issued).ok_or("it has no date")?;
        let word = Some(self.severity.trim().to_lowercase()).filter(|word| check(word).is_ok());
        let advisory = Advisory {
            id,
            aliases: Vec::new(),
            upstream: self.cves.into_iter().collect(),
            related: Vec::new(),
            summary: summary(&self.title),
            published: issued,
            modified,
            severity: Severity { word, vectors: Vec::new() },
        };
        let affected = self.builds.into_iter().filter(|build| build.architecture != "src").map(|build| RecordOf {
            ecosystem: Ecosystem::AmazonLinux,
            release: release.to_owned(),
            package: build.name,
            what: AffectedVersions {
                ranges: vec![vec![Event::Introduced("0".to_owned()), Event::Fixed(build.version)]],
                architectures: vec![build.architecture],
                repository: repository.clone(),
                ..AffectedVersions::default()
            },
        });
        Ok(Some(Record { advisory, withdrawn: false, affected: affected.collect() }))
    }
}

/// Tells the release and the repository; none is the main one. The id says both: `ALAS2023-2023-001` and `ALAS2-2018-951`
/// are of the main ones, `ALAS2NGINX1-2023-001` and `ALAS2LIVEPATCH-2020-002` aren't.
fn place(id: &str, collection: &str) -> Result<(&'static str, Option<String>), String> {
    let unknown = || format!("{:?} is no id of Amazon Linux 2's or 2023's", summary(id));
    let head = id.rsplitn(3, '-').nth(2).ok_or_else(unknown)?;
    let (release, repository) = if let Some(rest) = head.strip_prefix("ALAS2023") {
        ("2023", rest)
    } else if let Some(rest) = head.strip_prefix("ALAS2") {
        ("2", rest)
    } else if let (Some(rest), true) = (head.strip_prefix("ALAS"), collection.starts_with("amazon-linux-2")) {
        (if collection.starts_with("amazon-linux-2023") { "2023" } else { "2" }, rest)
    } else {
        return Err(unknown());
    };
    Ok((release, Some(repository.trim_start_matches('-').to_lowercase()).filter(|name| !name.is_empty())))
}

/// Returns an attribute's value.
fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = tag.try_get_attribute(name).ok()??;
    Some(attribute.normalized_value(XmlVersion::Implicit1_0).ok()?.into_owned())
}

/// Reads `2023-02-17 20:41`, with seconds or without, or a day alone.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let full = if text.matches(':').count() == 1 { format!("{text}:00") } else { text.to_owned() };
    let time: DateTime = full.parse().ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(updates: &str) -> (Vec<Result<Record, String>>, Result<(), String>) {
        let xml = format!("<?xml version=\"1.0\" ?>\n<updates>{updates}</updates>");
        let mut records = Vec::new();
        let end = read_updateinfo("u.xml", &mut xml.as_bytes(), |record| records.push(record.map_err(|fault| fault.to_string())));
        (records, end.map_err(|fault| fault.to_string()))
    }

    fn update(id: &str, package: &str) -> String {
        format!(
            "<update type=\"security\"><id>{id}</id><title>An update</title><issued date=\"2024-07-01 20:41\" /><updated date=\"2024-07-02 23:22:00\"/>\n\
             <severity>Important</severity><references><reference id=\"CVE-2024-6387\" type=\"cve\"/><reference id=\"x\" type=\"self\"/></references>\
             <pkglist><collection short=\"amazon-linux-2023\"><name>Amazon Linux 2023</name>{package}</collection></pkglist></update>"
        )
    }

    const OPENSSH: &str = "<package name=\"openssh\" version=\"8.7p1\" release=\"8.amzn2023.0.11\" epoch=\"0\" arch=\"x86_64\"><filename>f</filename></package>\
        <package name=\"openssl\" version=\"3.0.8\" release=\"1\" epoch=\"1\" arch=\"aarch64\"/>";

    #[test]
    fn an_update_is_read_with_builds_epochs_and_cves() {
        let (records, end) = read(&update("ALAS2023-2024-649", OPENSSH));
        end.unwrap();
        let [Ok(record)] = &records[..] else { panic!("{records:?}") };
        assert_eq!(record.advisory.upstream, ["CVE-2024-6387"]);
        assert_eq!(record.advisory.severity.word.as_deref(), Some("important"));
        assert_eq!(record.advisory.modified.to_string(), "2024-07-02T23:22:00Z");
        let fixed: Vec<_> =
            record.affected.iter().map(|of| (of.package.as_str(), &of.what.ranges[0][1], &of.what.architectures[0][..])).collect();
        let expected = [
            ("openssh", &Event::Fixed("8.7p1-8.amzn2023.0.11".into()), "x86_64"),
            ("openssl", &Event::Fixed("1:3.0.8-1".into()), "aarch64"),
        ];
        assert_eq!(fixed, expected);
    }

    #[test]
    fn the_id_tells_release_and_repository() {
        for (id, release, repository) in [
            ("ALAS2023-2023-001", "2023", None),
            ("ALAS2-2018-951", "2", None),
            ("ALAS2NGINX1-2023-001", "2", Some("nginx1")),
            ("ALAS2KERNEL-5.10-2022-002", "2", Some("kernel-5.10")),
            ("ALAS2LIVEPATCH-2020-002", "2", Some("livepatch")),
            ("ALAS2023LIVEPATCH-2024-002", "2023", Some("livepatch")),
        ] {
            let (records, _) = read(&update(id, OPENSSH));
            let of = &records[0].as_ref().unwrap().affected[0];
            assert_eq!((of.release.as_str(), of.what.repository.as_deref()), (release, repository), "{id}");
        }
    }

    #[test]
    fn a_damaged_update_is_told_and_those_after_it_are_read() {
        let bad = update("ALAS2023-2024-1", "<package name=\"x\" version=\"1\" arch=\"x86_64\"/>");
        let (records, end) = read(&format!("{bad}{}<update type=\"bugfix\"><id>B</id></update>", update("ALAS2023-2024-2", OPENSSH)));
        end.unwrap();
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].as_ref().unwrap_err().split(": ").last(), Some("a package has no fit name, version, release or arch"));
        assert!(records[1].is_ok());
        assert!(read(&update("RHSA-2024:1", OPENSSH)).0[0].as_ref().unwrap_err().contains("is no id of Amazon"));
        for cut in ["<update><id>", "<update><id>x</title></update>", "<update type=\"security"] {
            assert!(read(cut).1.unwrap_err().starts_with("u.xml"), "{cut}");
        }
    }
}
