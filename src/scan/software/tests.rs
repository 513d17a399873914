//! Files of each format, made by public tools where there are any, else by the bytes of the format; and spoiled ones.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::{DeflateEncoder, ZlibEncoder};

use super::*;
use crate::disk::testing::spoiled;
use crate::disk::{FileKind, Metadata};
use crate::model::report::Package;

/// Reads a file as the pass over all content does; none if no reader takes it.
fn read_as_found(path: &str, content: &[u8]) -> Option<(Vec<Package>, Result<(), String>)> {
    let metadata = Metadata { size_bytes: content.len() as u64, mode: 0o644, ..Metadata::new(FileKind::File) };
    let path = Path::new(path);
    let format = format(path, metadata).or_else(|| sniff(path, &content[..content.len().min(64)]))?;
    let mut packages = Vec::new();
    let outcome = read(format, path, &content.to_vec(), &mut packages);
    Some((packages, outcome))
}

/// What a readable file holds, in brief.
fn found(path: &str, content: impl AsRef<[u8]>) -> Vec<String> {
    let (packages, outcome) = read_as_found(path, content.as_ref()).expect("a reader takes it");
    outcome.unwrap();
    assert!(packages.iter().all(|package| package.path.as_deref() == Some(path)));
    packages.iter().map(|package| format!("{} {}", package.purl, package.licence.as_deref().unwrap_or("-"))).collect()
}

/// Why a file can't be read.
fn fault(path: &str, content: impl AsRef<[u8]>) -> String {
    read_as_found(path, content.as_ref()).expect("a reader takes it").1.unwrap_err()
}

// --- Programs.

/// The shape of a program.
#[derive(Clone, Copy)]
struct Machine {
    is_64: bool,
    is_big: bool,
}

const AMD64: Machine = Machine { is_64: true, is_big: false };

impl Machine {
    fn number(self, value: u64, bytes: usize) -> Vec<u8> {
        if self.is_big { value.to_be_bytes()[8 - bytes..].to_vec() } else { value.to_le_bytes()[..bytes].to_vec() }
    }

    fn word(self, value: u64) -> Vec<u8> {
        self.number(value, if self.is_64 { 8 } else { 4 })
    }

    /// Fields of the given widths, an address where the width is 0.
    fn fields(self, fields: &[(u64, usize)]) -> Vec<u8> {
        fields.iter().flat_map(|&(value, width)| if width == 0 { self.word(value) } else { self.number(value, width) }).collect()
    }

    /// A program whose only data is loaded to `ADDRESS`, in a section of this name; without section headers if it has none.
    fn elf(self, section: Option<&str>, data: &[u8]) -> Vec<u8> {
        let (header, segment, entry): (u64, u64, u64) = if self.is_64 { (64, 56, 64) } else { (52, 32, 40) };
        let names = format!("\0{}\0", section.unwrap_or_default());
        let at = (header + segment).next_multiple_of(16);
        let names_at = at + data.len() as u64;
        let table = names_at + names.len() as u64;
        let count = if section.is_some() { 3 } else { 0 };
        let mut elf = vec![0x7f, b'E', b'L', b'F', 1 + u8::from(self.is_64), 1 + u8::from(self.is_big), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let table_at = if count == 0 { 0 } else { table };
        elf.extend(self.fields(&[(2, 2), (0, 2), (1, 4), (0, 0), (header, 0), (table_at, 0), (0, 4), (header, 2), (segment, 2), (1, 2)]));
        elf.extend(self.fields(&[(entry, 2), (count, 2), (2, 2)]));
        let size = data.len() as u64;
        elf.extend(if self.is_64 {
            self.fields(&[(1, 4), (6, 4), (at, 0), (ADDRESS, 0), (0, 0), (size, 0), (size, 0), (16, 0)])
        } else {
            self.fields(&[(1, 4), (at, 0), (ADDRESS, 0), (0, 0), (size, 0), (size, 0), (6, 4), (16, 0)])
        });
        elf.resize(at as usize, 0);
        elf.extend(data);
        elf.extend(names.bytes());
        if count > 0 {
            elf.extend(vec![0; entry as usize]);
            let section = |name: u64, at: u64, size: u64| {
                self.fields(&[(name, 4), (1, 4), (0, 0), (0, 0), (at, 0), (size, 0), (0, 4), (0, 4), (0, 0), (0, 0)])
            };
            elf.extend(section(1, at, size));
            elf.extend(section(0, names_at, names.len() as u64));
        }
        elf
    }

    /// Go's build information in the form with addresses, of before Go 1.18.
    fn go_by_address(self, version: &str, modules: &str) -> Vec<u8> {
        let width = if self.is_64 { 8 } else { 4 };
        let framed = framed(modules);
        let strings = ADDRESS + 32;
        let texts = strings + 4 * width;
        let mut data = [b"\xff Go buildinf:".to_vec(), vec![width as u8, u8::from(self.is_big)]].concat();
        data.extend(self.fields(&[(strings, 0), (strings + 2 * width, 0)]));
        data.resize(32, 0);
        data.extend(self.fields(&[(texts, 0), (version.len() as u64, 0), (texts + version.len() as u64, 0), (framed.len() as u64, 0)]));
        data.extend(version.bytes());
        data.extend(framed);
        data
    }
}

const ADDRESS: u64 = 0x0040_0000;

/// A list of modules between its marks.
fn framed(modules: &str) -> Vec<u8> {
    [[0x30; 16].as_slice(), modules.as_bytes(), &[0xf9; 16]].concat()
}

/// Go's build information in today's form.
fn go_inline(version: &str, modules: &str) -> Vec<u8> {
    let mut data = [b"\xff Go buildinf:".to_vec(), vec![8, 2], vec![0; 16]].concat();
    for text in [version.as_bytes(), &framed(modules)] {
        let length = text.len();
        data.extend([(length & 0x7f) as u8 | 0x80, (length >> 7) as u8]);
        data.extend(text);
    }
    data
}

const MODULES: &str = "path\tgithub.com/A/tool/cmd/x\nmod\tgithub.com/A/tool\t(devel)\t\ndep\tgolang.org/x/net\tv0.1.0\th1:x=\n\
    dep\tgithub.com/old/name\tv1.0.0\n=>\tgithub.com/new/name\tv1.2.0+incompatible\th1:y=\ndep\tk8s.io/api\tv0.0.0\n=>\t./staging/api\t(devel)\t\n\
    build\t-compiler=gc\n";

const GO: [&str; 5] = [
    "pkg:golang/stdlib@1.22.1 -",
    "pkg:golang/github.com/a/tool -",
    "pkg:golang/golang.org/x/net@v0.1.0 -",
    "pkg:golang/github.com/new/name@v1.2.0%2Bincompatible -",
    "pkg:golang/k8s.io/api -",
];

#[test]
fn go_programs_tell_their_modules_in_every_form() {
    for is_64 in [false, true] {
        for is_big in [false, true] {
            let machine = Machine { is_64, is_big };
            for section in [Some(".go.buildinfo"), None] {
                assert_eq!(found("/bin/x", machine.elf(section, &go_inline("go1.22.1 X:boringcrypto", MODULES))), GO);
                assert_eq!(found("/bin/x", machine.elf(section, &machine.go_by_address("go1.22.1", MODULES))), GO);
            }
        }
    }
    assert_eq!(found("/bin/x", AMD64.elf(Some(".go.buildinfo"), &go_inline("devel go1.23-ab12 Tue", ""))), ["pkg:golang/stdlib -"]);
    // Other programs, and those of which nothing is loaded.
    assert!(found("/bin/x", AMD64.elf(Some(".data"), b"x")).is_empty());
    assert!(found("/bin/x", AMD64.elf(None, b"x")).is_empty());
    assert!(found("/bin/sh", std::fs::read("/bin/sh").unwrap()).is_empty());
}

#[test]
fn go_information_that_leads_nowhere_is_told() {
    let mut data = AMD64.go_by_address("go1.22.1", MODULES);
    data[16] = 0xff;
    assert_eq!(fault("/bin/x", AMD64.elf(Some(".go.buildinfo"), &data)), "its Go build information can't be found");
}

fn zlib(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

const CRATES: &str = r#"{"packages":[{"name":"build_only","version":"1.0.0","source":"crates.io","kind":"build"},
    {"name":"adler","version":"0.2.3","source":"crates.io"},{"name":"x","version":"0.1.0","source":"local","dependencies":[0,1],"root":true}],"format":8}"#;

#[test]
fn rust_programs_tell_their_crates() {
    // A section put into a real program by binutils.
    let folder = tempfile::tempdir().unwrap();
    let (section, program) = (folder.path().join("section"), folder.path().join("program"));
    std::fs::write(&section, zlib(CRATES.as_bytes())).unwrap();
    let added = format!(".dep-v0={}", section.display());
    let status = Command::new("objcopy").args(["--add-section", &added, "/bin/true"]).arg(&program).status().unwrap();
    assert!(status.success(), "objcopy (binutils)");
    assert_eq!(found("/bin/x", std::fs::read(program).unwrap()), ["pkg:cargo/adler@0.2.3 -", "pkg:cargo/x@0.1.0 -"]);
    let bomb = AMD64.elf(Some(".dep-v0"), &zlib(&vec![b' '; 9 << 20]));
    assert_eq!(fault("/bin/x", bomb), "its list of crates can't be read: it unpacks to more than 8388608 bytes");
    assert!(fault("/bin/x", AMD64.elf(Some(".dep-v0"), b"x")).starts_with("its list of crates can't be read: "));
}

// --- Texts.

#[test]
fn python_distributions_are_read_from_wheels_and_eggs() {
    let wheel = "Metadata-Version: 2.1\nName: Foo_Bar\nVersion: 1.0\nLicense: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License\n\
        Classifier: Topic :: X\n\nName: of the description\n";
    assert_eq!(found("/usr/lib/python3/foo_bar-1.0.dist-info/METADATA", wheel), ["pkg:pypi/foo-bar@1.0 MIT License"]);
    let text = "Name: a\r\nVersion: 2\r\nLicense: Copyright\r\n  many words\r\nLicense-Expression: MIT OR Apache-2.0\r\n\r\n";
    for path in ["/x/a.egg-info/PKG-INFO", "/x/a.egg/EGG-INFO/PKG-INFO", "/x/a-2.egg-info"] {
        assert_eq!(found(path, text), ["pkg:pypi/a@2 MIT OR Apache-2.0"]);
    }
    assert_eq!(found("/x/a-2.egg-info", "name: a\nversion: 2\nlicense: BSD\n"), ["pkg:pypi/a@2 BSD"]);
    assert_eq!(fault("/x/a-2.egg-info", "Name: a\n\nVersion: 2\n"), "it has no name and version");
    assert!(read_as_found("/x/METADATA", b"Name: a").is_none() && read_as_found("/x/PKG-INFO", b"Name: a").is_none());
}

#[test]
fn node_packages_are_read_with_every_form_of_licence() {
    let path = "/srv/node_modules/@s/p/package.json";
    for (licence, expected) in [
        (r#""license":"MIT""#, "MIT"),
        (r#""license":{"type":"BSD","url":"u"}"#, "BSD"),
        (r#""licenses":[{"type":"MIT"},{"type":"GPL-2.0"}]"#, "MIT OR GPL-2.0"),
        (r#""licenses":["MIT","X11"]"#, "MIT OR X11"),
        (r#""license":7"#, "-"),
    ] {
        let json = format!("\u{feff}{{\"name\":\"@s/P\",\"version\":\"v1.0.0\",{licence}}}");
        assert_eq!(found(path, json), [format!("pkg:npm/%40s/p@1.0.0 {expected}")]);
    }
    assert!(found(path, r#"{"type":"module"}"#).is_empty());
    assert!(found("/srv/node_modules/p/test/package.json", "{").is_empty());
    for path in [path, "/srv/node_modules/p/package.json"] {
        assert!(fault(path, "{").starts_with("it can't be read: "));
    }
    assert!(read_as_found("/srv/package.json", b"{}").is_none());
}

#[test]
fn gems_are_read_without_running_them() {
    let stub = "# -*- encoding: utf-8 -*-\n# stub: nokogiri 1.15.4 x86_64-linux lib\n\nGem::Specification.new do |s|\n  s.name = \"other\".freeze\n\
        \x20 s.licenses = [\"MIT\".freeze, 'A\\'B'] # \"no\"\n  s.summary = \"x\"\nend\n";
    let path = "/usr/lib/ruby/gems/3.1.0/specifications/nokogiri-1.15.4-x86_64-linux.gemspec";
    assert_eq!(found(path, stub), ["pkg:gem/nokogiri@1.15.4?platform=x86_64-linux MIT, A'B"]);
    let plain = "Gem::Specification.new do |spec|\n  spec.name = 'json'\n  spec.version = Gem::Version.new(\"2.6.1\")\n  spec.license = \"Ruby\"\nend\n";
    assert_eq!(found("/usr/lib/ruby/gems/3.1.0/specifications/default/json-2.6.1.gemspec", plain), ["pkg:gem/json@2.6.1 Ruby"]);
    assert_eq!(fault("/x/specifications/a.gemspec", "x"), "it has no name and version");
    assert!(read_as_found("/x/gems/a/a.gemspec", b"x").is_none());
}

#[test]
fn dotnet_applications_tell_their_packages_and_not_their_own_parts() {
    let json = r#"{"targets":{},"libraries":{"App/1.0.0":{"type":"project"},"Newtonsoft.Json/13.0.1":{"type":"package","sha512":"x"},"no":{"type":"package"}}}"#;
    assert_eq!(found("/srv/App.deps.json", json), ["pkg:nuget/Newtonsoft.Json@13.0.1 -"]);
    assert!(fault("/srv/App.deps.json", "{").starts_with("it can't be read: "));
}

#[test]
fn composers_list_is_read_in_both_forms() {
    let list = r#"[{"name":"Monolog/monolog","version":"v2.0.0","license":["MIT","X"]},{"name":"no/version"}]"#;
    for json in [list.to_owned(), format!("{{\"packages\":{list},\"dev\":false}}")] {
        assert_eq!(found("/srv/vendor/composer/installed.json", json), ["pkg:composer/monolog/monolog@2.0.0 MIT OR X"]);
    }
    assert_eq!(fault("/srv/vendor/composer/installed.json", "{}"), "it lists no packages");
    assert!(read_as_found("/srv/installed.json", b"[]").is_none());
}

// --- Java.

/// An archive, its entries packed or as they are.
fn zip(entries: &[(&str, &[u8], bool)]) -> Vec<u8> {
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
    for (name, content, packed) in entries {
        let method = if *packed { rawzip::CompressionMethod::DEFLATE } else { rawzip::CompressionMethod::STORE };
        let (mut entry, config) = archive.new_file(*name).compression_method(method).start().unwrap();
        let descriptor = if *packed {
            let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::fast()));
            writer.write_all(content).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            descriptor
        } else {
            let mut writer = config.wrap(&mut entry);
            writer.write_all(content).unwrap();
            writer.finish().unwrap().1
        };
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap()
}

const LOG4J: &str = "#Generated by Maven\r\nversion=2.14.1\r\ngroupId=org.apache.logging.log4j\r\nartifactId=log4j-core\r\n";

/// A web application with libraries packed, stored, and shaded into one.
fn war() -> Vec<u8> {
    let other = b"groupId: g\nartifactId: a\nversion: 1\n";
    let shaded = zip(&[
        ("META-INF/maven/org.apache.logging.log4j/log4j-core/pom.properties", LOG4J.as_bytes(), true),
        ("META-INF/maven/g/a/pom.properties", other, false),
    ]);
    let manifest =
        b"Manifest-Version: 1.0\r\nImplementation-Title: Some Library\r\nBundle-SymbolicName: org.some.lib;single\r\n rary:=true\r\n\
        Bundle-Version: 3.2\r\nBundle-License: Apache-2.0\r\n\r\nName: x\r\nImplementation-Version: 9\r\n";
    let bundle = zip(&[("META-INF/MANIFEST.MF", manifest, true)]);
    zip(&[
        ("WEB-INF/lib/shaded.jar", &shaded, true),
        ("WEB-INF/lib/bundle.jar", &bundle, false),
        ("WEB-INF/lib/log4j-1.2-api-2.17.1.jar", &zip(&[("x", b"", false)]), true),
        ("WEB-INF/lib/unknown.jar", &zip(&[("x", b"", false)]), true),
    ])
}

const WAR: [&str; 4] = [
    "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1 -",
    "pkg:maven/g/a@1 -",
    "pkg:generic/org.some.lib@3.2 Apache-2.0",
    "pkg:generic/log4j-1.2-api@2.17.1 -",
];

#[test]
fn java_archives_tell_what_is_in_them_at_any_depth() {
    assert_eq!(found("/srv/app.war", war()), WAR);
    // What is run as a program has a script before it.
    assert_eq!(found("/srv/app.WAR", [b"#!/bin/sh\nexec java\n".to_vec(), war()].concat()), WAR);
    let vendor = b"Implementation-Vendor-Id: org.g\nImplementation-Title: t\nImplementation-Version: 1\n";
    assert_eq!(found("/x/y-7.jar", zip(&[("meta-inf/manifest.mf", vendor, true)])), ["pkg:maven/org.g/t@1 -"]);
    assert!(found("/x/y.jar", zip(&[("META-INF/maven/g/a/pom.properties", b"version=${v}\n", true)])).is_empty());
}

#[test]
fn java_archives_in_other_archives_are_told() {
    let pom = ("META-INF/maven/org.apache.logging.log4j/log4j-core/pom.properties", LOG4J.as_bytes(), true);
    let jar = zip(&[pom]);
    let expected = ["pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1 -"];
    assert_eq!(found("/srv/app-1.0.zip", zip(&[("app-1.0/lib/log4j-core.jar", &jar, true)])), expected, "the archive itself is no package");
    assert_eq!(found("/srv/dist.zip", zip(&[("inner.zip", &zip(&[("a.jar", &jar, false)]), true)])), expected);
    assert_eq!(found("/srv/lib.aar", zip(&[("classes.jar", &jar, true)])), expected);
    let module = zip(&[("classes/META-INF/maven/org.apache.logging.log4j/log4j-core/pom.properties", LOG4J.as_bytes(), true)]);
    assert_eq!(found("/srv/x.jmod", [b"JM\x01\0".to_vec(), module].concat()), expected);
    // Archives of anything else are none of software's business.
    for other in [b"no archive".to_vec(), zip(&[("inner.zip", b"no archive", true)]), zip(&[("a-1.txt", b"x", true)])] {
        assert!(found("/srv/other-1.0.zip", other).is_empty());
    }
    assert_eq!(found("/x/core-1.9.0.aar", zip(&[("classes.jar", &zip(&[("x", b"", false)]), true)])), ["pkg:generic/core@1.9.0 -"]);
}

#[test]
fn what_its_files_name_alone_tells_is_marked_as_weaker() {
    let told = |path: &str, content: Vec<u8>| {
        let (packages, outcome) = read_as_found(path, &content).unwrap();
        outcome.unwrap();
        packages.into_iter().map(|package| (package.name, package.version, package.by_file_name)).collect::<Vec<_>>()
    };
    let owned = |name: &str, version: &str, by_file_name| [(name.to_owned(), version.to_owned(), by_file_name)];
    let bare = || zip(&[("org/apache/logging/log4j/core/Logger.class", b"x", true)]);
    assert_eq!(told("/srv/lib/log4j-core-2.14.1.jar", bare()), owned("log4j-core", "2.14.1", true));
    assert_eq!(told("/srv/lib/log4j-core.jar", bare()), []);
    let manifest = b"Implementation-Title: log4j-core\nImplementation-Version: 2.14.1\n";
    assert_eq!(told("/srv/x-1.jar", zip(&[("META-INF/MANIFEST.MF", manifest, true)])), owned("log4j-core", "2.14.1", false));
}

#[test]
fn an_archive_that_took_in_others_is_told_beside_them() {
    let shaded = |manifest: &str, poms: &[(&str, &str)]| {
        let poms: Vec<(String, String)> = poms
            .iter()
            .map(|(artifact, version)| {
                (format!("META-INF/maven/g/{artifact}/pom.properties"), format!("groupId=g\nartifactId={artifact}\nversion={version}\n"))
            })
            .collect();
        let mut entries = vec![("META-INF/MANIFEST.MF", manifest.as_bytes(), true)];
        entries.extend(poms.iter().map(|(path, text)| (path.as_str(), text.as_bytes(), true)));
        zip(&entries)
    };
    let manifest = "Bundle-Name: Some Tool\nBundle-Version: 2.5\n";
    let taken_in = ["pkg:maven/g/lib@1 -", "pkg:generic/tool@2.5 -"];
    assert_eq!(found("/x/tool-2.5.jar", shaded(manifest, &[("lib", "1")])), taken_in);
    assert_eq!(found("/x/y.jar", shaded("Bundle-Name: tool\nBundle-Version: 2.5\n", &[("lib", "1")])), taken_in);
    // Its own is among those that Maven put there.
    assert_eq!(
        found("/x/tool-2.5.jar", shaded(manifest, &[("tool", "2.5"), ("lib", "1")])),
        ["pkg:maven/g/tool@2.5 -", "pkg:maven/g/lib@1 -"]
    );
    assert_eq!(found("/x/renamed.jar", shaded("Implementation-Version: 2.5\n", &[("tool", "2.5")])), ["pkg:maven/g/tool@2.5 -"]);
}

#[test]
fn licences_of_an_archive_are_those_of_its_own_description() {
    let with = |pom: &str| {
        let properties = b"groupId=g\nartifactId=a\nversion=1\n";
        let entries =
            [("META-INF/maven/g/a/pom.properties", properties.as_slice(), true), ("META-INF/maven/g/a/pom.xml", pom.as_bytes(), true)];
        found("/x/y.jar", zip(&entries)).concat()
    };
    let own = "<licenses><license><name> Apache-2.0 </name><url>u</url></license><license><name>MIT</name></license></licenses>";
    let other = "<dependencies><licenses><license><name>GPL</name></license></licenses></dependencies>";
    assert_eq!(
        with(&format!("<?xml version=\"1.0\"?><project xmlns=\"x\">{other}{own}<name>n</name></project>")),
        "pkg:maven/g/a@1 Apache-2.0 OR MIT"
    );
    for none in [
        "",
        "<project>",
        "<project></project></project>",
        "<a><project><licenses><license><name>x",
        "<project><licenses><license><name>${x}",
    ] {
        assert_eq!(with(none), "pkg:maven/g/a@1 -", "{none}");
    }
}

#[test]
fn fields_of_a_java_archive_are_no_longer_than_any_name() {
    let long = "x".repeat(100_000);
    let properties = format!("groupId=g\nartifactId={long}\nversion=1\n");
    assert!(found("/x/y.jar", zip(&[("META-INF/maven/g/a/pom.properties", properties.as_bytes(), true)])).is_empty());
    let manifest = format!("Implementation-Title: {long}\nImplementation-Version: 1\nBundle-License: {long}\n");
    assert_eq!(found("/x/y-1.jar", zip(&[("META-INF/MANIFEST.MF", manifest.as_bytes(), true)])), ["pkg:generic/y@1 -"]);
}

#[test]
fn what_a_java_archive_hides_is_told() {
    assert!(!fault("/x.jar", b"no archive").is_empty());
    let mut deep = zip(&[]);
    for _ in 0..8 {
        deep = zip(&[("i.jar", &deep, true)]);
    }
    assert_eq!(fault("/x.jar", &deep), "archives are in it 8 deep and deeper");
    let bomb = vec![0; (96 << 20) + 1];
    let (packages, outcome) = read_as_found("/x.war", &zip(&[("bomb.jar", &bomb, true), ("a-1.jar", &zip(&[]), true)])).unwrap();
    assert_eq!(outcome.unwrap_err(), "bomb.jar in it can't be unpacked: it has more than 100663296 bytes");
    assert_eq!(packages.len(), 1, "the others are found all the same");
}

#[test]
fn archives_that_hold_much_take_turns_and_small_ones_do_not_wait() {
    let large = zip(&[("META-INF/maven/g/a/pom.properties", LOG4J.as_bytes(), true), ("x", &vec![b'x'; 9 << 20], false)]);
    let nested = zip(&[("middle.jar", &zip(&[("large.jar", &large, true)]), true)]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(found("/x.war", &nested), WAR[..1]));
            scope.spawn(|| assert_eq!(found("/y.war", war()), WAR));
        }
    });
}

// --- Hostile files.

#[test]
fn spoiled_files_are_no_trouble() {
    let samples: [(&str, Vec<u8>); 11] = [
        ("/bin/a", AMD64.elf(Some(".go.buildinfo"), &go_inline("go1.22.1", MODULES))),
        (
            "/bin/b",
            Machine { is_64: false, is_big: true }.elf(None, &Machine { is_64: false, is_big: true }.go_by_address("go1.22.1", MODULES)),
        ),
        ("/bin/c", AMD64.elf(Some(".dep-v0"), &zlib(CRATES.as_bytes()))),
        ("/x.war", war()),
        ("/x.jar", zip(&[("META-INF/maven/g/a/pom.properties", LOG4J.as_bytes(), false), ("META-INF/MANIFEST.MF", b"A: b\n c\n", true)])),
        ("/x.egg-info", b"Name: a\nVersion: 2\nLicense: x\n y\nClassifier: License :: a\n".to_vec()),
        ("/node_modules/a/package.json", br#"{"name":"a","version":"1","licenses":[{"type":"MIT"},"x"]}"#.to_vec()),
        ("/a.deps.json", br#"{"libraries":{"a/1":{"type":"package"},"b":{"type":"package"}}}"#.to_vec()),
        ("/composer/installed.json", br#"{"packages":[{"name":"a/b","version":"v1","license":["MIT"]}]}"#.to_vec()),
        ("/specifications/a.gemspec", b"# stub: a 1 ruby lib\ns.licenses = ['a', \"b\\\"\"]\n".to_vec()),
        ("/specifications/b.gemspec", b"s.name = 'a'\ns.version = '1'\ns.license = 'c'\n".to_vec()),
    ];
    for (path, content) in &samples {
        for seed in 0..2_000 {
            let _ = read_as_found(path, &spoiled(content, seed));
        }
        for end in 0..content.len().min(600) {
            let _ = read_as_found(path, &content[..end]);
        }
    }
}
