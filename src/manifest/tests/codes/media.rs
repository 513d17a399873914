//! Logo, licence, links: what triggers each of the codes.

use std::os::unix::fs::symlink;

use super::super::super::Code::*;
use super::{Bench, Deed, Edit, gif};

const LOGO: &str = "https://example-bucket.s3.amazonaws.com/demo/logo.png";

/// A logo that is a file.
const FILE: &str = "logo-url = \"https://example-bucket.s3.amazonaws.com/demo/logo.png\"";
const LOGO_FILE: &str = "logo = { file = \"listing/logo.gif\" }";

#[rustfmt::skip]
pub(super) const EDITS: &[Edit] = &[
    (LogoUrl, LOGO, "http://example-bucket.s3.amazonaws.com/demo/logo.png"),
    (LogoUrl, LOGO, "https://example-bucket.s3.amazonaws.com/demo/logo.png?versionId=1"),
    (LogoUrl, LOGO, "https://example-bucket.s3.amazonaws.com/demo/logo.svg"),
    (LogoUrl, LOGO, "https://raw.githubusercontent.com/example/demo/main/logo.png"),
    (EulaUrl, "{ standard = \"2022-07-14\" }", "{ url = \"http://example-bucket.s3.amazonaws.com/eula.txt\" }"),
    (LinkUrl, "[product]", "[product]\nadditional-resources = [{ text = \"x\", url = \"example.com\" }]"),
    (TextTooLong, "[product]", concat!("[product]\nadditional-resources = [{ url = \"https://example.com\", text = \"", "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", "!\" }]")),
    (LinkUrl, "[product]", "[product]\nvideo-url = \"video.mp4\""),
    (TextTooLong, "[product]", concat!("[product]\nsku = \"", "01234567890123456789012345678901234567890123456789", "01234567890123456789012345678901234567890123456789", "!\"")),
    (Alternatives, FILE, ""),
    (Alternatives, FILE, "logo-url = \"https://example-bucket.s3.amazonaws.com/demo/logo.png\"\nlogo = { file = \"listing/logo.gif\" }"),
    (FileMissing, FILE, LOGO_FILE),
    (FileOutside, FILE, "logo = { file = \"../logo.gif\" }"),
    (FileMissing, "{ standard = \"2022-07-14\" }", "{ file = \"listing/eula.txt\" }"),
    (Malformed, "[listing]", "[listing]\nmedia-bucket = \"a.b.c\""),
    (Malformed, "[listing]", "[listing]\nmedia-bucket = \"A\""),
    (Count, "[product]", "[product]\nadditional-resources = [{ text = \"a\", url = \"https://example.com/1\" }, { text = \"b\", url = \"https://example.com/2\" }, { text = \"c\", url = \"https://example.com/3\" }, { text = \"d\", url = \"https://example.com/4\" }]"),
];

const STANDARD: &str = "{ standard = \"2022-07-14\" }";

fn with_bucket(bench: &Bench) -> &Bench {
    bench.edit("[listing]", "[listing]\nmedia-bucket = \"example-bucket\"")
}

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
    (MissingKey, |bench| {
        bench.write("listing/logo.gif", gif(200, 200)).edit(FILE, LOGO_FILE);
    }),
    (LogoFormat, |bench| {
        with_bucket(bench).write("listing/logo.gif", "<svg/>").edit(FILE, LOGO_FILE);
    }),
    (LogoWidth, |bench| {
        with_bucket(bench).write("listing/logo.gif", gif(1000, 800)).edit(FILE, LOGO_FILE);
    }),
    (LogoTooLarge, |bench| {
        with_bucket(bench).write("listing/logo.gif", vec![0; 5_000_001]).edit(FILE, LOGO_FILE);
    }),
    (LogoUrl, |bench| {
        with_bucket(bench).write("listing/our logo.gif", gif(200, 200)).edit(FILE, "logo = { file = \"listing/our logo.gif\" }");
    }),
    (EulaFormat, |bench| {
        with_bucket(bench).write("eula.txt", " \n").edit(STANDARD, "{ file = \"eula.txt\" }");
    }),
    (EulaFormat, |bench| {
        with_bucket(bench).write("eula.pdf", "A text.").edit(STANDARD, "{ file = \"eula.pdf\" }");
    }),
    (EulaFormat, |bench| {
        with_bucket(bench).write("eula.md", "A text.").edit(STANDARD, "{ file = \"eula.md\" }");
    }),
    (EulaUrl, |bench| {
        with_bucket(bench).write("our eula.txt", "A text.").edit(STANDARD, "{ file = \"our eula.txt\" }");
    }),
    (MissingKey, |bench| {
        bench.write("eula.txt", "A text.").edit(STANDARD, "{ file = \"eula.txt\" }");
    }),
    (FileOutside, |bench| {
        symlink("/etc/hostname", bench.product().join("listing/logo.png")).unwrap();
    }),
];
