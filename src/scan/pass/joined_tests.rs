//! What stands behind something else is found, and told where it can't be opened.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use super::Contents;
use super::nested::{Kind, unpack};
use super::tests::{brief, contents, gzip, tar, zip};
use crate::disk::testing::{MemoryTree, spoiled};
use crate::scan::testing::pem;

const CONF: &[u8] = b"smtp_password = Vq7-pulpit-94\n";

/// An archive of cpio's, filled up to a block's end.
fn cpio(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in files.iter().copied().chain([("TRAILER!!!", b"".as_slice())]) {
        let numbers = [1, 0o100_644, 0, 0, 1, 0, content.len(), 0, 0, 0, 0, name.len() + 1, 0];
        archive.extend_from_slice(b"070701");
        numbers.iter().for_each(|number| archive.extend_from_slice(format!("{number:08X}").as_bytes()));
        archive.extend_from_slice(name.as_bytes());
        archive.push(0);
        archive.resize(archive.len().next_multiple_of(4), 0);
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(4), 0);
    }
    archive.resize(archive.len().next_multiple_of(512), 0);
    archive
}

/// An archive of `ar`'s.
fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, content) in members {
        archive.extend_from_slice(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, content.len()).as_bytes());
        archive.extend_from_slice(content);
        archive.extend_from_slice(&b"\n"[..content.len() % 2]);
    }
    archive
}

/// Packs by a public tool.
fn packed(tool: &str, content: &[u8]) -> Vec<u8> {
    let child = Command::new(tool).arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("this test needs {tool}: {error}"));
    child.stdin.take().unwrap().write_all(content).unwrap();
    child.wait_with_output().unwrap().stdout
}

fn sealed(found: &Contents) -> Vec<String> {
    found.sealed.iter().flat_map(|(kind, paths)| paths.iter().map(move |path| format!("{kind} {}", path.display()))).collect()
}

fn assert_whole(found: &Contents) {
    assert!(found.partial.is_empty() && found.faults.is_empty(), "{:?} {:?}", found.partial, found.faults);
}

#[test]
fn an_initial_ram_disk_is_searched_behind_its_microcode() {
    let microcode = cpio(&[("kernel/x86/microcode/GenuineIntel.bin", &[0xa5; 70_001])]);
    let system = cpio(&[("etc/key.pem", pem("", "").as_bytes())]);
    let behind = |more: &[u8]| [&microcode, more].concat();
    let two = [microcode.clone(), behind(&packed("zstd", &system))].concat();
    let tree = MemoryTree::default()
        .file("/boot/a.img", behind(&gzip(&system)))
        .file("/boot/b.img", two)
        .file("/boot/c.img", behind(&system))
        .file("/srv/d.tar", tar(&[], &[("boot/initrd", &behind(&gzip(&system)))]));
    let found = contents(&tree);
    assert_eq!(
        brief(&found),
        ["/boot/a.img pem-key", "/boot/b.img pem-key", "/boot/c.img pem-key", "/srv/d.tar/boot/initrd pem-key"],
        "each once"
    );
    assert!(found.sealed.is_empty());
    assert_whole(&found);
}

#[test]
fn an_initial_ram_disk_that_is_not_unpacked_behind_its_microcode_is_told() {
    let microcode = cpio(&[("kernel/x86/microcode/AuthenticAMD.bin", b"lorem")]);
    for (tool, name) in [("xz", "xz"), ("bzip2", "bzip2"), ("lz4", "LZ4")] {
        let disk = [microcode.clone(), packed(tool, &cpio(&[("x", b"y")]))].concat();
        let found = contents(&MemoryTree::default().file("/boot/a", &*disk).file("/b.tar", tar(&[], &[("c", &disk)])));
        assert_eq!(sealed(&found), [format!("{name} /b.tar/c"), format!("{name} /boot/a")]);
        assert_whole(&found);
    }
    assert!(sealed(&contents(&MemoryTree::default().file("/boot/a", microcode))).is_empty());
}

#[test]
fn zip_archives_behind_a_script_or_a_program_are_searched() {
    let archive = zip("-9", &[("conf/app.properties", CONF)]);
    let behind = |front: &[u8]| [front, &archive].concat();
    let program = [b"\x7fELF".as_slice(), b"PK\x05\x06", &[0; 30_000]].concat();
    let tree = MemoryTree::default()
        .file("/opt/boot.jar", behind(b"#!/bin/bash\nexec java -jar \"$0\"\n"))
        .file("/opt/tool", behind(b"#!/usr/bin/env python3\n"))
        .file("/opt/other.pyz", behind(b"anything"))
        .file("/opt/installer", behind(&program))
        .file("/opt/spanning", behind(b"PK00"))
        .file("/opt/none", program)
        .file("/srv/x.tar.gz", gzip(tar(&[], &[("lib/boot.jar", &behind(b"#!/bin/bash\n")), ("lib/no.jar", b"#!/bin/sh\n")])))
        .file("/srv/y.zip", zip("-0", &[("lib/tool", &behind(b"#!/bin/bash\n"))]));
    let found = contents(&tree);
    let told = |path: &str| format!("{path}/conf/app.properties assigned-password");
    assert_eq!(
        brief(&found),
        [
            "/opt/boot.jar",
            "/opt/installer",
            "/opt/other.pyz",
            "/opt/spanning",
            "/opt/tool",
            "/srv/x.tar.gz/lib/boot.jar",
            "/srv/y.zip/lib/tool"
        ]
        .map(told)
    );
    assert_whole(&found);
    assert!(found.unread_software.is_empty(), "{:?}", found.unread_software);
}

#[test]
fn packages_of_debian_are_searched_and_archives_of_objects_are_not_told() {
    let (control, data) = (gzip(tar(&[], &[("postinst", CONF)])), tar(&[], &[("./opt/app.conf", CONF)]));
    let package = |name: &str, data: &[u8]| ar(&[("debian-binary", b"2.0\n"), ("control.tar.gz", &control), (name, data)]);
    let tree = MemoryTree::default()
        .file("/srv/a.deb", package("data.tar.gz/", &gzip(&data)))
        .file("/srv/b.deb", package("data.tar.zst", &packed("zstd", &data)))
        .file("/srv/c.deb", package("data.tar.xz", &packed("xz", &data)))
        .file("/srv/d.deb", package("data.tar", &data))
        .file("/usr/lib/e.a", ar(&[("/", b"symbols"), ("x.o/", b"\x7fELF"), ("packed", &packed("xz", &data))]));
    let found = contents(&tree);
    let conf: Vec<String> = brief(&found).into_iter().filter(|line| line.contains("app.conf")).collect();
    assert_eq!(
        conf,
        ["a.deb/data.tar.gz", "b.deb/data.tar.zst", "d.deb/data.tar"].map(|path| format!("/srv/{path}/opt/app.conf assigned-password"))
    );
    assert_eq!(brief(&found).len(), 7, "{:?}", brief(&found));
    assert_eq!(sealed(&found), ["xz /srv/c.deb/data.tar.xz"]);
    assert_whole(&found);
    let cut = package("data.tar", &data);
    let found = contents(&MemoryTree::default().file("/srv/a.deb", &cut[..cut.len() - 9_000]));
    assert!(found.partial.contains_key(Path::new("/srv/a.deb")), "{:?}", found.partial);
}

#[test]
fn what_a_script_unpacks_is_searched_or_told() {
    let archive = tar(&[], &[("app.conf", CONF)]);
    let script =
        |more: &[u8]| [b"#!/bin/sh\n# This script was generated using Makeself 2.5.0\ncat <<EOF\nexit 0\n".as_slice(), more].concat();
    let tree = MemoryTree::default()
        .file("/opt/a.run", script(&gzip(&archive)))
        .file("/opt/b.run", script(&packed("zstd", &archive)))
        .file("/opt/c.run", script(&packed("xz", &archive)))
        .file("/opt/d.run", script(b"Salted__\x01\x93 lorem"))
        .file("/opt/e.run", script(b"U2FsdGVkX18="))
        .file("/opt/f.sh", "#!/bin/sh\nSalted__ is what OpenSSL writes\nhsqs\nLZIP\n")
        .file("/srv/g.tar", tar(&[], &[("a.run", &script(&gzip(&archive)))]));
    let found = contents(&tree);
    let told = |path: &str| format!("{path}/app.conf assigned-password");
    assert_eq!(brief(&found), ["/opt/a.run", "/opt/b.run", "/srv/g.tar/a.run"].map(told));
    assert_eq!(sealed(&found), ["Makeself /opt/e.run", "OpenSSL /opt/d.run", "xz /opt/c.run"]);
    assert_whole(&found);
}

#[test]
fn spoiled_ones_are_no_trouble() {
    let disk = [cpio(&[("a", b"lorem ipsum")]), gzip(cpio(&[("b", b"dolor sit amet")]))].concat();
    let package = ar(&[("debian-binary", b"2.0\n"), ("data.tar.gz", &gzip(tar(&[], &[("x", b"lorem")])))]);
    let archive = [b"#!/bin/sh\n".as_slice(), &zip("-9", &[("a", b"lorem ipsum")])].concat();
    for whole in [disk, package, archive] {
        for seed in 0..2_000 {
            let bytes = spoiled(&whole, seed);
            if let Some(kind) = Kind::of_file(Path::new("/a"), &bytes, &bytes) {
                let _ = unpack(kind, &bytes, u64::MAX, 1 << 20, &mut |leaf| io::copy(leaf.content, &mut io::sink()).map(drop));
            }
        }
    }
}
