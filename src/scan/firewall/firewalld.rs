//! firewalld: zones, the services that they open, and which zone a packet meets.

use std::path::{Path, PathBuf};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Answer, Network, Packet, is_port, setting};
use crate::scan::files::Files;

/// The administrator's files come before those that packages bring.
const FOLDERS: [&str; 2] = ["/etc/firewalld", "/usr/lib/firewalld"];

/// Asks the zone that the packet meets: the one that its source is bound to, else the default one.
///
/// Source: <https://firewalld.org/documentation/man-pages/firewalld.zone.html>
pub(super) fn ask(files: &Files, packet: Packet) -> (PathBuf, Answer) {
    let zones = FOLDERS.iter().flat_map(|folder| files.glob(&format!("{folder}/zones/*.xml")));
    let by_source = zones
        .filter_map(|path| Some((Zone::read(files, &path)?, path)))
        .find(|(zone, _)| zone.sources.iter().any(|source| source.covers(packet.from)));
    let (zone, path) = match by_source {
        Some(found) => found,
        None => {
            let name = setting(files, "/etc/firewalld/firewalld.conf", "DefaultZone").unwrap_or_else(|| "public".to_owned());
            let path = find(files, "zones", &name);
            let Some(zone) = path.as_ref().and_then(|path| Zone::read(files, path)) else {
                return ("/etc/firewalld/firewalld.conf".into(), Answer::Unknown);
            };
            (zone, path.unwrap_or_default())
        }
    };
    let answer = zone.answer(files, packet);
    (path, answer)
}

#[derive(Default)]
struct Zone {
    target: String,
    sources: Vec<Network>,
    services: Vec<String>,
    ports: Vec<String>,
    rules: Vec<Rule>,
}

/// A rich rule.
#[derive(Default)]
struct Rule {
    source: Option<String>,
    service: Option<String>,
    port: Option<String>,
    verdict: Option<Answer>,
}

impl Zone {
    fn read(files: &Files, path: &Path) -> Option<Self> {
        let text = files.text(path)?;
        let mut zone = Self::default();
        let mut open: Option<Rule> = None;
        let mut reader = Reader::from_str(&text);
        loop {
            match reader.read_event() {
                Ok(Event::Start(tag)) if tag.name().as_ref() == "rule" => open = Some(Rule::default()),
                Ok(Event::Start(tag) | Event::Empty(tag)) => match &mut open {
                    Some(rule) => rule.take(&tag),
                    None => zone.take(&tag),
                },
                Ok(Event::End(tag)) if tag.name().as_ref() == "rule" => zone.rules.extend(open.take()),
                Ok(Event::Eof) => return Some(zone),
                Ok(_) => {}
                Err(error) => {
                    files.fault(path, format!("it is no XML: {error}"));
                    return None;
                }
            }
        }
    }

    fn take(&mut self, tag: &BytesStart) {
        match tag.name().as_ref() {
            "zone" => self.target = attribute(tag, "target").unwrap_or_default(),
            "source" => self.sources.extend(attribute(tag, "address").and_then(|address| Network::parse(&address))),
            "service" => self.services.extend(attribute(tag, "name")),
            "port" => self.ports.extend(tcp_port(tag)),
            _ => {}
        }
    }

    fn answer(&self, files: &Files, packet: Packet) -> Answer {
        let by_rules: Vec<Answer> = self.rules.iter().filter_map(|rule| rule.answer(files, packet)).collect();
        // firewalld asks what denies before what allows.
        for answer in [Answer::Closed, Answer::Unknown, Answer::Open] {
            if by_rules.contains(&answer) {
                return answer;
            }
        }
        let by_service = self.services.iter().any(|service| opens(files, service, packet.port));
        if self.target == "ACCEPT" || by_service || self.ports.iter().any(|port| is_port(port, packet.port)) {
            return Answer::Open;
        }
        Answer::Closed
    }
}

impl Rule {
    fn take(&mut self, tag: &BytesStart) {
        match tag.name().as_ref() {
            "source" => self.source = Some(attribute(tag, "address").unwrap_or_default()),
            "service" => self.service = attribute(tag, "name"),
            "port" => self.port = tcp_port(tag),
            "accept" => self.verdict = Some(Answer::Open),
            "drop" | "reject" => self.verdict = Some(Answer::Closed),
            _ => {}
        }
    }

    /// None if the rule isn't about the packet.
    fn answer(&self, files: &Files, packet: Packet) -> Option<Answer> {
        let verdict = self.verdict?;
        let named = match (&self.service, &self.port) {
            (Some(service), _) => opens(files, service, packet.port),
            (None, Some(port)) => is_port(port, packet.port),
            (None, None) => true,
        };
        match self.source.as_deref().map(Network::parse) {
            _ if !named => None,
            None => Some(verdict),
            Some(Some(source)) if source.covers(packet.from) => Some(verdict),
            Some(Some(source)) if !source.meets(packet.from) => None,
            // An IPv6 network is no unknown one.
            Some(None) if self.source.as_deref().is_some_and(|source| source.contains(':')) => None,
            Some(_) => Some(Answer::Unknown),
        }
    }
}

/// Tells whether a service, by its file, is about the port; ssh is on 22 without one.
fn opens(files: &Files, service: &str, port: u16) -> bool {
    let Some(text) = find(files, "services", service).and_then(|path| files.text(path)) else { return service == "ssh" && port == 22 };
    let mut reader = Reader::from_str(&text);
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag) | Event::Empty(tag)) if tag.name().as_ref() == "port" => {
                if tcp_port(&tag).is_some_and(|text| is_port(&text, port)) {
                    return true;
                }
            }
            Ok(Event::Eof) | Err(_) => return false,
            Ok(_) => {}
        }
    }
}

fn find(files: &Files, kind: &str, name: &str) -> Option<PathBuf> {
    // The name is of the image: it must not lead elsewhere.
    let places = FOLDERS.iter().map(|folder| PathBuf::from(format!("{folder}/{kind}/{name}.xml")));
    (!name.contains('/')).then(|| places.into_iter().find(|path| files.exists(path))).flatten()
}

fn tcp_port(tag: &BytesStart) -> Option<String> {
    (attribute(tag, "protocol")? == "tcp").then(|| attribute(tag, "port")).flatten()
}

fn attribute(tag: &BytesStart, name: &str) -> Option<String> {
    let attribute = tag.attributes().flatten().find(|attribute| attribute.key.as_ref() == name)?;
    Some(attribute.value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::MemoryTree;

    fn answer(zone: &str, more: &[(&str, &str)]) -> Answer {
        let tree = MemoryTree::default().file("/usr/lib/firewalld/zones/public.xml", zone);
        let tree = more.iter().fold(tree, |tree, (path, text)| tree.file(path, text)).tree();
        ask(&Files::new(&tree), Packet { from: Network::parse("10.0.0.0/16").unwrap(), port: 22 }).1
    }

    #[test]
    fn services_ports_and_rules_open_a_zone() {
        for open in [
            r#"<zone><service name="ssh"/></zone>"#,
            r#"<?xml version="1.0"?><zone target="ACCEPT"/>"#,
            r#"<zone><port protocol="tcp" port="20-30"/></zone>"#,
            r#"<zone><rule family="ipv4"><source address="10.0.0.0/8"/><service name="ssh"/><accept/></rule></zone>"#,
        ] {
            assert_eq!(answer(open, &[]), Answer::Open, "{open}");
        }
        for closed in [
            "<zone/>",
            r#"<zone><!-- <service name="ssh"/> --><port protocol="udp" port="22"/></zone>"#,
            r#"<zone><service name="ssh"/><rule><service name="ssh"/><drop/></rule></zone>"#,
            r#"<zone><rule><source address="192.168.0.0/16"/><service name="ssh"/><accept/></rule></zone>"#,
        ] {
            assert_eq!(answer(closed, &[]), Answer::Closed, "{closed}");
        }
    }

    #[test]
    fn the_zone_and_the_service_are_the_ones_configured() {
        let ssh = r#"<zone><service name="ssh"/></zone>"#;
        let moved = ("/etc/firewalld/services/ssh.xml", r#"<service><port protocol="tcp" port="2222"/></service>"#);
        assert_eq!(answer(ssh, &[moved]), Answer::Closed);
        let other = ("/etc/firewalld/firewalld.conf", "DefaultZone=drop\n");
        assert_eq!(answer(ssh, &[other, ("/usr/lib/firewalld/zones/drop.xml", r#"<zone target="DROP"/>"#)]), Answer::Closed);
        assert_eq!(answer(ssh, &[other]), Answer::Unknown);
        let bound = ("/etc/firewalld/zones/inner.xml", r#"<zone target="DROP"><source address="10.0.0.0/8"/></zone>"#);
        assert_eq!(answer(ssh, &[bound]), Answer::Closed);
        assert_eq!(answer("<zone><x", &[]), Answer::Unknown);
    }
}
