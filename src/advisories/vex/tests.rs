//! Both formats together: what they say, which statement counts, what strangers may hand in.

use proptest::prelude::*;

use super::*;
use crate::model::vex::{Justification, VexStatus};

/// The shape of a vendor's OpenVEX on its image, by parts; and a later one, which overrides.
const OPENVEX: &str = r#"{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.com/vex/1", "author": "Example Authors",
  "role": "vendor", "timestamp": "2026-10-01T12:00:00Z", "last_updated": "2026-11-02T00:00:00+01:00", "version": 2, "statements": [
    {"vulnerability": {"@id": "https://nvd.nist.gov/vuln/detail/CVE-2026-0001", "name": "CVE-2026-0001", "aliases": ["GHSA-aaaa-bbbb-cccc"]},
     "timestamp": "2026-10-01T12:00:00Z", "products": [{"@id": "pkg:generic/hello-web",
       "subcomponents": [{"@id": "pkg:deb/debian/libssl3"}, {"identifiers": {"purl": "pkg:deb/debian/openssl?arch=source"}}]}],
     "status": "under_investigation"},
    {"vulnerability": {"name": "CVE-2026-0001", "aliases": ["GHSA-aaaa-bbbb-cccc"]},
     "products": [{"@id": "pkg:generic/hello-web",
       "subcomponents": [{"@id": "pkg:deb/debian/libssl3"}, {"identifiers": {"purl": "pkg:deb/debian/openssl?arch=source"}}]}],
     "status": "not_affected", "justification": "vulnerable_code_not_in_execute_path", "impact_statement": "The server has\nno such option."},
    {"vulnerability": {"name": "CVE-2026-0002"}, "products": [{"@id": "pkg:pypi/Zope_Interface@5.0", "hashes": {"sha-256": "00"}}],
     "status": "affected", "action_statement": "Update.", "action_statement_timestamp": "2026-10-01T12:00:00Z"}]}"#;

/// The same in CSAF, but for what was under investigation.
const CSAF: &str = r#"{"document": {"category": "csaf_vex", "csaf_version": "2.0", "title": "t",
    "publisher": {"category": "vendor", "name": "Example Authors", "namespace": "https://example.com"},
    "tracking": {"id": "E-1", "current_release_date": "2026-11-01T23:00:00Z", "initial_release_date": "2026-10-01T12:00:00Z",
      "status": "final", "version": "2", "revision_history": []}},
  "product_tree": {"branches": [{"category": "vendor", "name": "Example", "branches": [
      {"category": "product_name", "name": "hello-web", "product": {"name": "hello-web", "product_id": "web",
        "product_identification_helper": {"purl": "pkg:generic/hello-web"}}}]}],
    "full_product_names": [
      {"name": "libssl3", "product_id": "ssl", "product_identification_helper": {"purl": "pkg:deb/debian/libssl3"}},
      {"name": "openssl", "product_id": "src", "product_identification_helper": {"purl": "pkg:deb/debian/openssl?arch=source"}},
      {"name": "zope", "product_id": "zope", "product_identification_helper": {"purl": "pkg:pypi/zope-interface@5.0"}}],
    "relationships": [
      {"category": "default_component_of", "product_reference": "ssl", "relates_to_product_reference": "web",
       "full_product_name": {"name": "libssl3 of hello-web", "product_id": "web:1"}},
      {"category": "default_component_of", "product_reference": "src", "relates_to_product_reference": "web",
       "full_product_name": {"name": "openssl of hello-web", "product_id": "web:2"}}],
    "product_groups": [{"group_id": "all", "product_ids": ["web:1", "web:2"]}]},
  "vulnerabilities": [
    {"cve": "CVE-2026-0001", "ids": [{"system_name": "GitHub", "text": "GHSA-aaaa-bbbb-cccc"}], "notes": [{"category": "description", "text": "x"}],
     "product_status": {"known_not_affected": ["web:1", "web:2"], "recommended": ["zope"]},
     "flags": [{"label": "vulnerable_code_not_in_execute_path", "group_ids": ["all"]}],
     "threats": [{"category": "impact", "details": "The server has no such option.", "product_ids": ["web:1", "web:2"]},
       {"category": "exploit_status", "details": "none"}]},
    {"cve": "CVE-2026-0002", "product_status": {"known_affected": ["zope"]},
     "remediations": [{"category": "vendor_fix", "details": "Update.", "product_ids": ["zope"]}]}]}"#;

const LIBSSL: &str = "pkg:deb/debian/libssl3@3.0.15-1~deb12u1?arch=amd64&distro=debian-12&upstream=openssl";

fn statements(documents: &[&str]) -> Statements {
    let mut statements = Statements::default();
    for document in documents {
        statements.read("vex.json", document.as_bytes()).unwrap();
    }
    statements
}

fn told(statements: &Statements, package: &str, inside: &[&str], ids: &[&str]) -> String {
    statements.about(&Subject { package, inside }, ids).map_or("nothing".to_owned(), |statement| statement.told().to_string())
}

/// A document of these statements, at noon of the days that they begin with; those without are of the document's day, the 15th.
fn openvex(rows: &[(u32, &str, &str, &str)]) -> String {
    let rows = rows.iter().map(|(day, id, product, status)| {
        let at = if *day == 0 { String::new() } else { format!("\"timestamp\": \"2026-11-{day:02}T12:00:00Z\",") };
        let products = product.split(' ').map(|product| format!("{{\"@id\": \"{product}\"}}")).collect::<Vec<_>>().join(", ");
        let ids: Vec<&str> = id.split(' ').collect();
        format!(
            r#"{{{at} "vulnerability": {{"name": "{}", "aliases": {:?}}}, "products": [{products}], "status": "{status}",
            "justification": "component_not_present"}}"#,
            ids[0],
            &ids[1..]
        )
    });
    let rows = rows.collect::<Vec<_>>().join(",\n");
    format!(
        r#"{{"@context": "https://openvex.dev/ns/v0.2.0", "author": "A", "timestamp": "2026-11-15T12:00:00Z", "statements": [
{rows}]}}"#
    )
}

/// A CSAF document of a flaw in what these trees and statuses name.
fn csaf(tree: &str, status: &str) -> String {
    format!(
        r#"{{"document": {{"category": "csaf_vex", "csaf_version": "2.0", "publisher": {{"name": "A"}},
        "tracking": {{"current_release_date": "2026-11-15T12:00:00Z", "status": "final"}}}},
        "product_tree": {tree},
        "vulnerabilities": [{{"cve": "CVE-1-1", "product_status": {status}, "flags": [{{"label": "component_not_present"}}]}}]}}"#
    )
}

fn faults(document: &str) -> Vec<String> {
    statements(&[document]).faults().iter().map(ToString::to_string).collect()
}

#[test]
fn both_formats_make_the_same_statements() {
    let (openvex, csaf) = (statements(&[OPENVEX]), statements(&[CSAF]));
    let without_places = |all: &[Statement]| all.iter().map(|one| Statement { place: String::new(), ..one.clone() }).collect::<Vec<_>>();
    assert_eq!(without_places(&openvex.all()[1..]), without_places(csaf.all()));
    let places: Vec<&str> = openvex.all().iter().chain(csaf.all()).map(|one| one.place.as_str()).collect();
    assert_eq!(places, ["statements[0]", "statements[1]", "statements[2]", "vulnerabilities[0]", "vulnerabilities[1]"]);
    assert_eq!((openvex.all().len(), openvex.faults(), csaf.faults()), (3, &[][..], &[][..]));
    let expected = "not affected, says Example Authors on 2026-11-01 in vex.json: vulnerable code not in execute path; \
        The server has no such option.";
    for both in [openvex, csaf] {
        let image = "pkg:generic/hello-web@1.0.0";
        assert_eq!(told(&both, LIBSSL, &[image], &["CVE-2026-0001"]), expected);
        // openssl itself, and all that Debian builds of it.
        let tool = "pkg:deb/debian/openssl@3.0.15-1~deb12u1?arch=amd64";
        assert_eq!(told(&both, tool, &["cpe:/o:debian:debian_linux:12", image], &["GHSA-AAAA-bbbb-cccc"]), expected);
        // In another image, or nobody knows where; another flaw; another package.
        assert_eq!(told(&both, LIBSSL, &["pkg:generic/other"], &["CVE-2026-0001"]), "nothing");
        assert_eq!(told(&both, LIBSSL, &[], &["CVE-2026-0001"]), "nothing");
        assert_eq!(told(&both, LIBSSL, &[image], &["CVE-2026-0002"]), "nothing");
        assert_eq!(told(&both, "pkg:deb/debian/bash@5?arch=amd64", &[image], &["CVE-2026-0001"]), "nothing");
        assert_eq!(told(&both, "no package URL", &[image], &["CVE-2026-0001"]), "nothing");
        let zope = "affected, says Example Authors on 2026-11-01 in vex.json: Update.";
        assert_eq!(told(&both, "pkg:pypi/zope-interface@5.0", &[], &["CVE-2026-0002"]), zope);
    }
}

#[test]
fn documents_from_before_products_were_objects_are_read() {
    for context in ["https://openvex.dev/ns", "https://openvex.dev/ns/v0.0.1"] {
        let document = format!(
            r#"{{"@context": "{context}", "@id": "my-vexdoc", "format": "text/vex+json", "author": "A", "version": "1", "statements": [
            {{"timestamp": "2026-01-08T18:02:03.647787998-06:00", "vulnerability": "CVE-1-1", "vuln_description": "x", "status": "fixed",
              "products": ["pkg:apk/wolfi/git@2.39.0-r1?arch=armv7", "pkg:apk/wolfi/git@2.39.0-r1?arch=x86_64"], "status_notes": ""}},
            {{"timestamp": "2026-01-08T18:02:03Z", "vulnerability": "CVE-1-2", "status": "fixed", "products": ["pkg:generic/web"],
              "subcomponents": ["pkg:apk/wolfi/git", ""]}}]}}"#
        );
        let read = statements(&[&document]);
        let git = "pkg:apk/wolfi/git@2.39.0-r1?arch=x86_64&distro=wolfi";
        assert_eq!(told(&read, git, &[], &["CVE-1-1"]), "fixed, says A on 2026-01-09 in vex.json");
        assert_eq!(told(&read, "pkg:apk/wolfi/git@2.39.0-r2?arch=x86_64", &[], &["CVE-1-1"]), "nothing");
        // Subcomponents are of all products, and none that isn't understood makes it a statement on the whole.
        assert_eq!(told(&read, git, &["pkg:generic/web@1"], &["CVE-1-2"]), "fixed, says A on 2026-01-08 in vex.json");
        assert_eq!(told(&read, "pkg:apk/wolfi/curl@1", &["pkg:generic/web@1"], &["CVE-1-2"]), "nothing");
    }
}

#[test]
fn the_newest_statement_counts_and_the_last_of_one_time() {
    let curl = "pkg:deb/debian/curl";
    let cases: [(&[(u32, &str, &str, &str)], &str); 5] = [
        (&[(1, "CVE-1-1", curl, "affected"), (2, "CVE-1-1", curl, "fixed")], "fixed"),
        (&[(2, "CVE-1-1", curl, "fixed"), (1, "CVE-1-1", curl, "affected")], "fixed"),
        // Without a time of its own it is of the document's, the 15th.
        (&[(0, "CVE-1-1", curl, "fixed"), (16, "CVE-1-1", curl, "affected")], "affected"),
        (&[(0, "CVE-1-1", curl, "fixed"), (14, "CVE-1-1", curl, "affected")], "fixed"),
        (&[(0, "CVE-1-1", curl, "under_investigation"), (0, "CVE-1-1", curl, "fixed")], "fixed"),
    ];
    for (rows, expected) in cases {
        let one = openvex(rows);
        let apart: Vec<String> = rows.iter().map(|row| openvex(&[*row])).collect();
        let apart: Vec<&str> = apart.iter().map(String::as_str).collect();
        for read in [statements(&[&one]), statements(&apart)] {
            let subject = Subject { package: "pkg:deb/debian/curl@8", inside: &[] };
            assert_eq!(read.about(&subject, &["CVE-1-1"]).unwrap().status.as_str(), expected, "{rows:?}");
        }
    }
}

#[test]
fn a_statement_on_the_image_holds_for_all_that_is_in_it() {
    let read = statements(&[&openvex(&[(0, "CVE-1-1", "pkg:generic/hello-web@1.0.0", "not_affected")])]);
    assert_ne!(told(&read, LIBSSL, &["pkg:generic/hello-web@1.0.0"], &["CVE-1-1"]), "nothing");
    assert_eq!(told(&read, LIBSSL, &["pkg:generic/hello-web@1.0.1"], &["CVE-1-1"]), "nothing");
}

#[test]
fn each_flaw_of_a_finding_has_to_have_its_statement() {
    let curl = "pkg:deb/debian/curl";
    let subject = Subject { package: "pkg:deb/debian/curl@8", inside: &[] };
    let read = statements(&[&openvex(&[
        (1, "CVE-1-1 DSA-1", curl, "fixed"),
        (2, "CVE-1-2 DSA-1", curl, "not_affected"),
        (3, "CVE-1-3", curl, "affected"),
        (4, "GHSA-1", curl, "fixed"),
    ])]);
    let cases: [(&[&str], Option<&str>); 9] = [
        (&["CVE-1-1"], Some("fixed")),
        (&["cve-1-1", "DSA-1"], Some("fixed")),
        (&["CVE-1-1", "CVE-1-2"], Some("not_affected")),
        (&["CVE-1-3", "CVE-1-1", "CVE-1-2"], Some("affected")),
        // One of them is a flaw that nobody spoke of.
        (&["CVE-1-1", "CVE-1-9"], None),
        // The distribution's advisory is of this one too, the statement isn't.
        (&["CVE-1-9", "DSA-1"], None),
        (&["DSA-1"], Some("not_affected")),
        (&["CVE-1-9", "GHSA-1"], Some("fixed")),
        (&[], None),
    ];
    for (ids, expected) in cases {
        assert_eq!(read.about(&subject, ids).map(|statement| statement.status.as_str()), expected, "{ids:?}");
    }
}

#[test]
fn a_distributions_statement_holds_for_its_release_alone() {
    let tree = r#"{"branches": [{"category": "vendor", "name": "Red Hat", "branches": [
        {"category": "product_name", "name": "RHEL 8", "product": {"name": "RHEL 8", "product_id": "8",
          "product_identification_helper": {"cpe": "cpe:/o:redhat:enterprise_linux:8"}}},
        {"category": "product_name", "name": "RHEL 9", "product": {"name": "RHEL 9", "product_id": "9",
          "product_identification_helper": {"cpe": "cpe:/o:redhat:enterprise_linux:9"}}},
        {"category": "product_version", "name": "openssl", "product": {"name": "openssl", "product_id": "openssl",
          "product_identification_helper": {"purl": "pkg:rpm/redhat/openssl?arch=src"}}}]}],
      "relationships": [
        {"category": "default_component_of", "full_product_name": {"name": "x", "product_id": "8:openssl"},
         "product_reference": "openssl", "relates_to_product_reference": "8"},
        {"category": "default_component_of", "full_product_name": {"name": "x", "product_id": "9:openssl"},
         "product_reference": "openssl", "relates_to_product_reference": "9"}]}"#;
    let read = statements(&[&csaf(tree, r#"{"known_not_affected": ["8:openssl"], "known_affected": ["9:openssl"]}"#)]);
    assert_eq!(read.faults(), &[]);
    let package = "pkg:rpm/redhat/openssl-libs@3.0.7-18.el9_2?arch=x86_64&distro=rhel-9.2&epoch=1&upstream=openssl-3.0.7-18.el9_2.src.rpm";
    let cases = [
        (vec!["cpe:/o:redhat:enterprise_linux:8::baseos"], "not affected, says A on 2026-11-15 in vex.json: component not present"),
        (vec!["cpe:/o:redhat:enterprise_linux:9::baseos"], "affected, says A on 2026-11-15 in vex.json"),
        (vec!["cpe:/o:redhat:enterprise_linux:8", "cpe:/o:redhat:enterprise_linux:9"], "affected, says A on 2026-11-15 in vex.json"),
        (vec!["cpe:/o:redhat:enterprise_linux:7"], "nothing"),
        (vec![], "nothing"),
    ];
    for (inside, expected) in cases {
        assert_eq!(told(&read, package, &inside, &["CVE-1-1"]), expected, "{inside:?}");
    }
}

#[test]
fn what_holds_for_nothing_is_told() {
    let alone = |id: &str, helper: &str| {
        let helper = if helper.is_empty() { String::new() } else { format!(", \"product_identification_helper\": {{{helper}}}") };
        format!(r#"{{"name": "x", "product_id": "{id}"{helper}}}"#)
    };
    let names = |names: &[String]| format!("{{\"full_product_names\": [{}]}}", names.join(", "));
    let branch = |category: &str, name: &str, purl: &str| {
        format!(
            r#"{{"branches": [{{"category": "{category}", "name": "{name}", "branches": [
            {{"category": "architecture", "name": "x86_64", "product": {}}}]}}]}}"#,
            alone("1", &format!("\"purl\": \"{purl}\""))
        )
    };
    let circle = r#"{"relationships": [{"category": "installed_on", "full_product_name": {"name": "x", "product_id": "1"},
        "product_reference": "1", "relates_to_product_reference": "1"}]}"#;
    let not_affected = r#"{"known_not_affected": ["1"]}"#;
    let cases = [
        (openvex(&[(0, "CVE-1-1", "https://example.com/it", "fixed")]), "statements[0].products[0]: it has no package URL"),
        (openvex(&[(0, "CVE-1-1", "pkg:deb/", "fixed")]), "statements[0].products[0]: it has no package URL"),
        (openvex(&[]).replace("[\n]", "[{\"vulnerability\": \"X\", \"status\": \"fixed\"}]"), "statements[0]: it has no products"),
        (
            openvex(&[(0, "CVE-1-1", "pkg:deb/debian/x", "not_affected")]).replace("justification", "status_notes"),
            "statements[0]: it says `not_affected`, and neither",
        ),
        (csaf(&names(&[alone("1", "")]), not_affected), "vulnerabilities[0].product_status: product 1: it has no package URL"),
        (csaf("{}", r#"{"fixed": ["1", "2", "3"]}"#), "product 1: it is not in the product tree, and so for 2 others"),
        (csaf(circle, not_affected), "go in a circle"),
        (csaf(&branch("product_version_range", "vers:rpm/<2", "pkg:rpm/x/y"), not_affected), "it is a range of versions"),
        (
            csaf(&names(&[alone("1", r#""purl": "pkg:npm/a""#), alone("1", r#""purl": "pkg:npm/b""#)]), not_affected),
            "has several of that id",
        ),
        (
            csaf(&names(&[alone("1", r#""purl": "pkg:npm/a""#)]), not_affected).replace("flags", "notes"),
            "neither a flag nor a threat says why",
        ),
        (
            csaf(&names(&[alone("1", r#""purl": "pkg:npm/a""#)]), not_affected)
                .replace(r#""flags": [{"label": "component_not_present"}]"#, r#""threats": [{"category": "impact", "details": "Low"}]"#),
            "neither a flag nor a threat says why",
        ),
        (csaf(&names(&[]), not_affected).replace("cve", "title"), "vulnerabilities[0]: it has neither a `cve` nor `ids`"),
    ];
    for (document, expected) in cases {
        let found = faults(&document);
        assert!(matches!(&found[..], [fault] if fault.contains(expected)), "{found:?} has no {expected}");
        assert_eq!(statements(&[&document]).all(), &[], "{expected}");
    }
    let versions = [("4.2", "pkg:npm/a", "4.2"), ("openssl", "pkg:npm/a@1", "1"), ("4.2", "pkg:npm/a@1", "1")];
    for (name, purl, version) in versions {
        let read = statements(&[&csaf(&branch("product_version", name, purl), not_affected)]);
        assert_eq!(read.all()[0].products[0].component.purls[0].version.as_deref(), Some(version));
    }
    // A relationship's own name counts if it can't be of more than the part is.
    for (purl, name) in [("pkg:npm/own@1", "own"), ("pkg:npm/own", "a")] {
        let own = alone("2", &format!("\"purl\": \"{purl}\""));
        let tree = names(&[alone("1", r#""purl": "pkg:npm/a""#), alone("3", r#""cpe": "cpe:/o:x:y""#)]).replacen(
            '{',
            &format!(
                r#"{{"relationships": [{{"full_product_name": {own}, "product_reference": "1", "relates_to_product_reference": "3"}}], "#
            ),
            1,
        );
        let read = statements(&[&csaf(&tree, r#"{"known_not_affected": ["2"]}"#)]);
        let [product] = &read.all()[0].products[..] else { panic!("{read:?}") };
        assert_eq!((product.component.purls[0].name.as_str(), product.within.len()), (name, 1));
    }
    let both = csaf(&names(&[alone("1", r#""purl": "pkg:npm/a""#)]), r#"{"known_not_affected": ["1"], "known_affected": ["1"]}"#);
    assert!(faults(&both)[0].contains("contradicting"));
    assert_eq!(statements(&[&both]).all()[0].status, VexStatus::Affected { action: None });
}

#[test]
fn what_is_wrong_is_refused_with_its_place() {
    let one = openvex(&[(1, "CVE-1-1", "pkg:deb/debian/x", "fixed")]);
    let depth = 1 << 16;
    let nested = format!(
        "{}{}",
        r#"{"category": "vendor", "name": "x", "branches": ["#.repeat(depth).replacen(r#""category": "vendor", "name": "x", "#, "", 1),
        "]}".repeat(depth)
    );
    let cases = [
        (one.replace("fixed", "mended"), "vex.json: statements[0].status:2:152: unknown variant `mended`, expected one of"),
        (one.replace("component_not_present", "trust_me"), "vex.json: statements[0].justification:3:39: unknown variant `trust_me`"),
        (one.replace("\"@id\"", "\"id\""), "vex.json: statements[0].products[0].id:2:"),
        (one.replace("\"CVE-1-1\"", "7"), "vex.json: statements[0].vulnerability.name:2:"),
        (one.replace("\"CVE-1-1\"", "\"\""), "statements[0].vulnerability.name:2:66: an id, a name or a version is empty"),
        (one.replace("\"A\"", "\"A\\u001b[31m\""), "author:1:"),
        (one.replace("2026-11-01", "2026-11-31"), "statements[0].timestamp:2:"),
        (one.replace("timestamp", "role"), "unknown field `role`"),
        (one.replace("{\"timestamp\": \"2026-11-01T12:00:00Z\",", "{").replace("timestamp", "role"), "statements[0]: neither it nor"),
        (one.replace("v0.2.0", "v0.3.0"), "vex.json: @context: it is no OpenVEX up to 0.2: https://openvex.dev/ns/v0.3.0"),
        (one.replace("}]}", "}]} x"), "vex.json:3:57: trailing characters"),
        (one[..one.len() - 9].to_owned(), "EOF while parsing"),
        (CSAF.replace("\"2.0\"", "\"2.1\""), "vex.json: document.csaf_version: it is not 2.0: 2.1"),
        (CSAF.replace("csaf_vex", "csaf_base"), "document.category: it is none of csaf_vex, csaf_security_advisory: csaf_base"),
        (CSAF.replace("\"final\"", "\"draft\""), "document.tracking.status: it is a draft"),
        (CSAF.replace("known_affected", "known_unknown"), "vulnerabilities[1].product_status.known_unknown:"),
        (CSAF.replace("code_not_in", "code_not_at"), "vulnerabilities[0].flags[0].label:"),
        (CSAF.replace("2026-11-01T23:00:00Z", "soon"), "document.tracking.current_release_date:"),
        (CSAF.replace("\"web:1\"", "1"), "product_tree.relationships[0].full_product_name.product_id:"),
        ("{}".to_owned(), "vex.json: it is neither OpenVEX"),
        ("".to_owned(), "EOF"),
        ("[".repeat(1 << 20), "vex.json: [0]:1:1: invalid type"),
        (csaf(&nested, "{}"), "vex.json: product_tree.branches[0].branches[0]."),
        (csaf(&nested, "{}"), "recursion limit exceeded"),
    ];
    for (document, expected) in cases {
        let mut statements = statements(&[OPENVEX]);
        let error = statements.read("vex.json", document.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error} has no {expected}");
        assert_eq!(statements.all().len(), 3);
    }
    let large = vec![b' '; LARGEST_DOCUMENT_BYTES + 1];
    assert!(Statements::default().read("vex.json", &large).unwrap_err().to_string().contains("more than 67108864 bytes"));
}

#[test]
fn what_grows_when_it_is_read_is_bounded() {
    // Each is a part of two of the one before.
    let relationships: Vec<String> = (1..5000)
        .map(|number| {
            let before = number - 1;
            format!(
                r#"{{"full_product_name": {{"product_id": "{number}"}}, "product_reference": "{before}", "relates_to_product_reference": "{before}"}}"#
            )
        })
        .collect();
    let tree = format!(
        r#"{{"full_product_names": [{{"product_id": "0", "product_identification_helper": {{"purl": "pkg:npm/a"}}}}], "relationships": [{}]}}"#,
        relationships.join(",")
    );
    let ids: Vec<String> = (0..5000).map(|number| format!("\"{number}\"")).collect();
    let found = faults(&csaf(&tree, &format!("{{\"fixed\": [{}]}}", ids.join(","))));
    assert!(found[0].contains("too deep, and so for 4994 others"), "{found:?}");
    // A large group, over and over.
    let tree = format!(r#"{{"product_groups": [{{"group_id": "g", "product_ids": [{}]}}]}}"#, ids.join(","));
    let flags = vec![r#"{"label": "component_not_present", "group_ids": ["g"]}"#; 5000].join(",");
    let document = csaf(&tree, "{\"fixed\": []}").replace("\"flags\": [", &format!("\"flags\": [{flags},"));
    let error = Statements::default().read("vex.json", document.as_bytes()).unwrap_err().to_string();
    assert_eq!(error, "vex.json: vulnerabilities[0]: it goes through groups of products too often");
}

/// A package URL of an installed package, part by part.
fn parts() -> impl Strategy<Value = (String, String, String, Vec<(String, String)>)> {
    let qualifiers = proptest::sample::subsequence(vec!["arch", "distro", "epoch", "repository_url"], 0..=4);
    let qualifiers = qualifiers.prop_flat_map(|keys| {
        keys.into_iter().map(|key| "[a-z0-9_-]{1,8}".prop_map(move |value| (key.to_owned(), value))).collect::<Vec<_>>()
    });
    ("(deb/debian|rpm/redhat|npm/%40x|golang/a\\.b/c|generic)", "[a-z][a-z0-9._-]{0,8}", "[0-9a-z][0-9a-z.~_-]{0,8}", qualifiers)
}

fn written(kind: &str, name: &str, version: Option<&str>, qualifiers: &[(String, String)]) -> Purl {
    let version = version.map(|version| format!("@{version}")).unwrap_or_default();
    let qualifiers: Vec<String> = qualifiers.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let text = format!("pkg:{kind}/{name}{version}?{}", qualifiers.join("&"));
    Purl::read(&text).unwrap_or_else(|| panic!("{text} is no package URL"))
}

proptest! {
    #[test]
    fn to_say_less_is_to_cover_more_and_to_say_otherwise_is_not_to_cover(
        (kind, name, version, qualifiers) in parts(), has_version in any::<bool>(), kept in any::<u8>(), other in "[0-9]{9}",
    ) {
        let package = written(&kind, &name, Some(&version), &qualifiers);
        let some: Vec<_> = qualifiers.iter().enumerate().filter(|(bit, _)| kept >> bit & 1 == 1).map(|(_, pair)| pair.clone()).collect();
        let pattern = written(&kind, &name, has_version.then_some(&version), &some);
        prop_assert!(pattern.covers(&package) && package.covers(&package));
        // What is covered says as much or more.
        prop_assert_eq!(package.covers(&pattern), pattern == package);
        let longer = name.clone() + &other;
        prop_assert!(!written(&kind, &longer, None, &[]).covers(&package));
        prop_assert!(!written(&kind, &name, Some(&other), &[]).covers(&package));
        for (key, _) in &qualifiers {
            prop_assert!(!written(&kind, &name, None, &[(key.clone(), other.clone())]).covers(&package));
        }
        prop_assert!(!written(&kind, &name, None, &[("os".to_owned(), other)]).covers(&package));
    }

    #[test]
    fn damaged_documents_are_refused_or_read_and_never_more(
        is_csaf in any::<bool>(), edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = if is_csaf { CSAF } else { OPENVEX }.as_bytes().to_vec();
        for (place, byte) in &edits {
            let place = place.index(bytes.len());
            bytes[place] = *byte;
        }
        let cut = cut.index(bytes.len() * 2).min(bytes.len());
        for bytes in [&bytes[..], &bytes[..cut]] {
            let mut statements = Statements::default();
            let read = statements.read("vex.json", bytes);
            prop_assert!(read.is_ok() || statements.all().is_empty());
            statements.about(&Subject { package: LIBSSL, inside: &["pkg:generic/hello-web"] }, &["CVE-2026-0001", "CVE-2026-0002"]);
        }
    }

    #[test]
    fn names_of_anything_are_read_without_panic(name in "(pkg:|cpe:/|cpe:2.3:)?\\PC{0,40}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (Purl::read(&name).map(|purl| purl.covers(&purl)), Cpe::read(&name).map(|cpe| cpe.covers(&cpe)));
        let mut statements = Statements::default();
        prop_assert!(statements.read("vex.json", &bytes).is_err());
        statements.about(&Subject { package: &name, inside: &[&name] }, &[&name]);
    }
}

/// A range of versions is never taken for all of them, and that it holds for nothing is told.
#[test]
fn what_is_said_of_a_range_of_versions_is_told_and_holds_for_nothing() {
    const PACKAGE: &str = "pkg:pypi/zope-interface@5.0";
    for name in [
        "pkg:pypi/zope-interface@vers:pypi/<5.1",
        "pkg:pypi/zope-interface@vers%3Apypi%2F%3C5.1",
        "pkg:pypi/zope-interface?vers=vers:pypi/%3C5.1",
    ] {
        for product in
            [format!(r#"{{"@id": "{name}"}}"#), format!(r#"{{"@id": "pkg:pypi/zope-interface", "identifiers": {{"purl": "{name}"}}}}"#)]
        {
            let said = statements(&[&OPENVEX.replace(r#"{"@id": "pkg:pypi/Zope_Interface@5.0", "hashes": {"sha-256": "00"}}"#, &product)]);
            assert_eq!(told(&said, PACKAGE, &[], &["CVE-2026-0002"]), "nothing", "{product}");
            assert!(said.faults().iter().any(|fault| fault.reason.contains("range of versions")), "{product}: {:?}", said.faults());
        }
        let said = statements(&[&CSAF.replace("pkg:pypi/zope-interface@5.0", name)]);
        assert_eq!(told(&said, PACKAGE, &[], &["CVE-2026-0002"]), "nothing", "{name}");
        assert!(said.faults().iter().any(|fault| fault.reason.contains("range of versions")), "{name}: {:?}", said.faults());
    }
}

/// Two thousand documents of each format, each damaged in places of its own: refused with place and reason, or still a document.
#[test]
fn damaged_documents_are_told_with_place_and_reason_and_leave_what_was_read_before() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for whole in [OPENVEX, CSAF] {
        let mut refused = 0;
        for number in 0..2000 {
            let mut bytes = whole.as_bytes().to_vec();
            for _ in 0..runner.rng().random_range(1..4) {
                let at = runner.rng().random_range(0..bytes.len());
                match runner.rng().random_range(0..4) {
                    0 => bytes[at] = runner.rng().random(),
                    1 => bytes.truncate(at.max(1)),
                    2 => bytes.insert(at, b"{}[]\",:\\"[runner.rng().random_range(0..8)]),
                    // A stretch that stands there twice.
                    _ => {
                        let end = (at + runner.rng().random_range(1..60)).min(bytes.len());
                        let stretch = bytes[at..end].to_vec();
                        bytes.splice(at..at, stretch);
                    }
                }
            }
            let mut statements = statements(&[OPENVEX]);
            let before = statements.all().len();
            if let Err(InvalidVex(fault)) = statements.read("damaged.json", &bytes) {
                refused += 1;
                assert_eq!((statements.all().len(), fault.file.as_str()), (before, "damaged.json"), "{number}");
                let is_placed = fault.place.is_some() || fault.record.is_some() || fault.reason.starts_with("it is neither");
                assert!(is_placed && !fault.reason.is_empty(), "{number}: {fault}");
            }
        }
        assert!(refused > 1000, "{refused}");
    }
}

#[test]
fn labels_are_those_of_the_formats() {
    for (justification, label) in [
        (Justification::ComponentNotPresent, "component_not_present"),
        (Justification::VulnerableCodeNotPresent, "vulnerable_code_not_present"),
        (Justification::VulnerableCodeNotInExecutePath, "vulnerable_code_not_in_execute_path"),
        (Justification::VulnerableCodeCannotBeControlledByAdversary, "vulnerable_code_cannot_be_controlled_by_adversary"),
        (Justification::InlineMitigationsAlreadyExist, "inline_mitigations_already_exist"),
    ] {
        assert_eq!((justification.as_str(), serde_json::to_string(&justification).unwrap()), (label, format!("\"{label}\"")));
    }
}
