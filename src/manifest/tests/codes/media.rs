//! Logo, licence, links: what triggers each of the codes.

use std::os::unix::fs::symlink;

use super::super::super::Code::*;
use super::{Deed, Edit};

const LOGO: &str = "https://example-bucket.s3.amazonaws.com/demo/logo.png";

/// The beginning of a GIF of a size, which is all that tells it.
fn gif(width: u16, height: u16) -> Vec<u8> {
    [b"GIF89a".as_slice(), &width.to_le_bytes(), &height.to_le_bytes(), &[0; 8]].concat()
}

#[rustfmt::skip]
pub(super) const EDITS: &[Edit] = &[
    (LogoUrl, LOGO, "http://example-bucket.s3.amazonaws.com/demo/logo.png"),
    (LogoUrl, LOGO, "https://example-bucket.s3.amazonaws.com/demo/logo.png?versionId=1"),
    (LogoUrl, LOGO, "https://example-bucket.s3.amazonaws.com/demo/logo.svg"),
    (LogoUrl, LOGO, "https://raw.githubusercontent.com/example/demo/main/logo.png"),
    (EulaUrl, "{ standard = \"2022-07-14\" }", "{ url = \"http://example-bucket.s3.amazonaws.com/eula.txt\" }"),
    (LinkUrl, "[product]", "[product]\nadditional-resources = [{ text = \"x\", url = \"example.com\" }]"),
    (TextTooLong, "[product]", concat!("[product]\nadditional-resources = [{ url = \"https://example.com\", text = \"", "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", "!\" }]")),
    (Count, "[product]", "[product]\nadditional-resources = [{ text = \"a\", url = \"https://example.com/1\" }, { text = \"b\", url = \"https://example.com/2\" }, { text = \"c\", url = \"https://example.com/3\" }, { text = \"d\", url = \"https://example.com/4\" }]"),
];

pub(super) const DEEDS: &[Deed] = &[
    (LogoFormat, |bench| {
        bench.write("listing/logo.png", "<svg/>");
    }),
    (LogoFormat, |bench| {
        bench.write("listing/logo.png", gif(200, 200));
    }),
    (LogoTooLarge, |bench| {
        bench.write("listing/logo.gif", vec![0; 5_000_001]);
    }),
    (LogoDimensions, |bench| {
        bench.write("listing/logo.gif", gif(300, 100));
    }),
    (LogoDimensions, |bench| {
        bench.write("listing/logo.gif", gif(100, 100));
    }),
    (LogoWidth, |bench| {
        bench.write("listing/logo.gif", gif(1000, 800));
    }),
    (FileOutside, |bench| {
        symlink("/etc/hostname", bench.product().join("listing/logo.png")).unwrap();
    }),
];
