//! The document: what triggers each of the codes.

use std::fs;

use super::super::super::Code::*;
use super::{Deed, Edit, PACKAGES, SETUP};

#[rustfmt::skip]
pub(super) const EDITS: &[Edit] = &[
    (Syntax, "[tags]", "[tags"),
    (UnknownKey, "format = 1", "format = 1\n[on.moon]"),
    (UnknownKey, "format = 1", "format = 1\n[on.aws.image]\nbass = 1"),
    (UnknownKey, "format = 1", "format = 1\n[variant.riscv64]"),
    (UnknownKey, "format = 1", "format = 1\n[on.aws.on.aws]"),
    (StrayVariant, "format = 1", "format = 1\n[on.aws.variant.arm64.product]\ntitle = \"Demo for Arm\""),
    (WrongType, "architecture = \"x86_64\"", "architecture = [\"x86_64\", \"arm64\"]"),
    (Count, "architecture = \"x86_64\"", "architectures = []"),
    (Alternatives, "architecture = \"x86_64\"", "architecture = \"x86_64\"\narchitectures = [\"x86_64\"]"),
    (MissingKey, "format = 1", ""),
    (WrongType, "security-updates = true", "security-updates = \"yes\""),
    (WrongType, "regions = []", "regions = \"us-east-1\""),
    (WrongType, "format = 1", "format = 99999999999999999999"),
    (UnknownValue, "\"x86_64\"\nos", "\"x86-64\"\nos"),
    (Malformed, "{account}:role", "me:role"),
    (Malformed, "vendor = \"Example Vendor\"", "vendor = \"Ex*mple\""),
    (Malformed, "{ parameter = \"/aws/service/debian/release/13/latest/amd64\" }", "{ image = \"ami-x\" }"),
    (OutOfRange, "deadline = \"45m\"", "deadline = \"1m\""),
    (OutOfRange, "port = 22", "port = 65536"),
    (Count, "categories = [\"Application Servers\"]", "categories = [\"Security\", \"Storage\", \"Testing\", \"Monitoring\"]"),
    (Alternatives, PACKAGES, "packages = [\"nginx\"]\nrun = \"true\""),
    (Alternatives, PACKAGES, ""),
    (Alternatives, "{ standard = \"2022-07-14\" }", "{}"),
    (Duplicate, SETUP, "files = [{ from = \"product.toml\", to = \"/x\" }, { from = \"product.toml\", to = \"/x\" }]"),
];

pub(super) const DEEDS: &[Deed] = &[
    (Unreadable, |bench| fs::remove_file(bench.product().join("product.toml")).unwrap()),
    (TooLarge, |bench| {
        bench.write("product.toml", vec![b'#'; 1024 * 1024 + 1]);
    }),
    (NotUtf8, |bench| {
        bench.write("product.toml", b"format = 1 # \xff");
    }),
    (NotUtf8, |bench| {
        bench.write("listing/long-description.md", b"\xff");
    }),
    (Count, |bench| {
        let rates: String = (0..801).map(|n| format!("\"t3.x{n}\" = \"1\"\n")).collect();
        bench.edit("[listing.pricing.rates]", &format!("[listing.pricing.rates]\n{rates}"));
    }),
];
