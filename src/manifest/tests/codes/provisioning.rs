//! Provisioning: what triggers each of the codes.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use super::super::super::Code::*;
use super::{Deed, Edit, PACKAGES, SETUP};

#[rustfmt::skip]
pub(super) const EDITS: &[Edit] = &[
    (FileMissing, "file = \"listing/long-description.md\"", "file = \"listing/none.md\""),
    (FileTarget, SETUP, "files = [{ from = \"provision/10-setup.sh\", to = \"etc/x\" }]"),
    (FileTarget, SETUP, "files = [{ from = \"provision/10-setup.sh\", to = \"/etc/../x\" }]"),
    (FileTarget, SETUP, "files = [{ from = \"provision/10-setup.sh\", to = \"/tmp/x\" }]"),
    (FileMode, SETUP, "files = [{ from = \"provision/10-setup.sh\", to = \"/x\", mode = \"9\" }]"),
    (FileOwner, SETUP, "files = [{ from = \"provision/10-setup.sh\", to = \"/x\", owner = \"a b\" }]"),
];

pub(super) const DEEDS: &[Deed] = &[
    (FileOutside, |bench| {
        symlink("/etc/hostname", bench.product().join("link")).unwrap();
        bench.edit(SETUP, "files = [{ from = \"link\", to = \"/x\" }]");
    }),
    (FileOutside, |bench| {
        fs::remove_dir_all(bench.product().join("tests")).unwrap();
        symlink("/etc", bench.product().join("tests")).unwrap();
    }),
    (FileMissing, |bench| {
        fs::remove_dir_all(bench.product().join("tests")).unwrap();
        symlink("nowhere", bench.product().join("tests")).unwrap();
    }),
    (FileMissing, |bench| {
        let name = std::ffi::OsStr::from_bytes(b"10-\xff.sh");
        bench.write("tests/10-a.sh", "#!/bin/sh\n");
        fs::write(bench.product().join("tests").join(name), "#!/bin/sh\n").unwrap();
    }),
    (FileKind, |bench| {
        fs::remove_dir_all(bench.product().join("tests")).unwrap();
        bench.write("tests", "#!/bin/sh\n");
    }),
    (StrayTest, |bench| {
        bench.write("tests/10-a.sh", "#!/bin/sh\n").write("tests/20-b", "#!/bin/sh\n").write("tests/.hidden", "");
    }),
    (FileTooLarge, |bench| {
        bench.write("large", vec![0; 1024 * 1024 + 1]).edit(SETUP, "files = [{ from = \"large\", to = \"/x\" }]");
    }),
    (ScriptCrlf, |bench| {
        bench.write("provision/10-setup.sh", "#!/bin/sh\r\ntrue\r\n");
    }),
    (Secret, |bench| {
        bench.write("provision/10-setup.sh", format!("#!/bin/sh\ncurl https://me:{}@example.com/\n", "hunter2"));
    }),
    (Secret, |bench| {
        bench.write("listing/long-description.md", format!("Log in at https://me:{}@example.com/ today.", "hunter2"));
    }),
    (Secret, |bench| {
        bench.edit(PACKAGES, &format!("run = \"curl https://me:{}@example.com/\"", "hunter2"));
    }),
    (Secret, |bench| {
        bench.edit(PACKAGES, &format!("run = \"curl https:/\\u002Fme:{}@example.com/\"", "hunter2"));
    }),
    (ScriptCrlf, |bench| {
        bench
            .write("tool", "#!/bin/sh\r\ntrue\r\n")
            .edit(SETUP, "files = [{ from = \"tool\", to = \"/usr/local/bin/tool\", mode = \"0755\" }]");
    }),
];
