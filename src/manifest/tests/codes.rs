//! Each code has something that triggers it, and triggers nothing else.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::super::Code::{self, *};
use super::*;

const SETUP: &str = "script = \"provision/10-setup.sh\"";
const PACKAGES: &str = "packages = [\"nginx\"]";
const LOGO: &str = "https://example-bucket.s3.amazonaws.com/demo/logo.png";

/// A code, a part of the scaffold, and what stands there instead.
#[rustfmt::skip]
const EDITS: &[(Code, &str, &str)] = &[
    (Syntax, "format = 1", "format = "),
    (Syntax, "[tags]", "[tags"),
    (TooDeep, "format = 1", "format = 1\na.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a = 1"),
    (Format, "format = 1", "format = 2"),
    (UnknownKey, "title = ", "titel = \"x\"\ntitle = "),
    (UnknownKey, "format = 1", "format = 1\n[on.moon]"),
    (UnknownKey, "format = 1", "format = 1\n[on.aws.image]\nbass = 1"),
    (MissingKey, "title = \"Demo\"", ""),
    (MissingKey, "format = 1", ""),
    (WrongType, "title = \"Demo\"", "title = 5"),
    (WrongType, "security-updates = true", "security-updates = \"yes\""),
    (WrongType, "regions = []", "regions = \"us-east-1\""),
    (WrongType, "format = 1", "format = 99999999999999999999"),
    (UnknownValue, "\"x86_64\"\nos", "\"x86-64\"\nos"),
    (UnknownValue, "protocol = \"http\"", "protocol = \"gopher\""),
    (Malformed, "deadline = \"45m\"", "deadline = \"45 minutes\""),
    (Malformed, "{account}:role", "me:role"),
    (Malformed, "vendor = \"Example Vendor\"", "vendor = \"Ex*mple\""),
    (Malformed, "{ parameter = \"/aws/service/debian/release/13/latest/amd64\" }", "{ image = \"ami-x\" }"),
    (OutOfRange, "deadline = \"45m\"", "deadline = \"1m\""),
    (OutOfRange, "size-gib = 8", "size-gib = 0"),
    (OutOfRange, "port = 22", "port = 65536"),
    (Count, "search-keywords = [\"demo\"]", "search-keywords = []"),
    (Count, "categories = [\"Application Servers\"]", "categories = [\"Security\", \"Storage\", \"Testing\", \"Monitoring\"]"),
    (Duplicate, "search-keywords = [\"demo\"]", "search-keywords = [\"demo\", \"demo\"]"),
    (Alternatives, PACKAGES, "packages = [\"nginx\"]\nrun = \"true\""),
    (Alternatives, PACKAGES, ""),
    (Alternatives, "{ standard = \"2022-07-14\" }", "{}"),
    (Alternatives, "port = 22, ", "port = 22, to-port = 23, "),
    (Slug, "[product]", "[product]\nslug = \"other\""),
    (TextEmpty, "title = \"Demo\"", "title = \"\""),
    (TextEmpty, PACKAGES, "run = \" \""),
    (TextTooLong, "title = \"Demo\"", "title = \"0123456789012345678901234567890123456789012345678901234567890123456789012\""),
    (TextOuterSpace, "title = \"Demo\"", "title = \" Demo\""),
    (TextOuterSpace, "no further hour.\"", "no further hour. \""),
    (TextControlCharacter, "title = \"Demo\"", "title = \"De\\u0007mo\""),
    (TextUnsupportedCharacter, "title = \"Demo\"", "title = \"Demo \u{2014} new\""),
    (TextTrademarkSpace, "title = \"Demo\"", "title = \"Demo \u{2122}\""),
    (TitleCharacter, "title = \"Demo\"", "title = \"<Demo>\""),
    (UnknownOsName, "\"OTHERLINUX\"", "\"OTHER_LINUX\""),
    (UnknownCategory, "\"Application Servers\"", "\"Aplication Servers\""),
    (OpenSourceSentence, "[product]", "[product]\nrepackaged-open-source = true"),
    (LogoUrl, LOGO, "https://example.com/logo.png"),
    (EulaUrl, "{ standard = \"2022-07-14\" }", "{ url = \"https://example.com/eula.txt\" }"),
    (EulaVersion, "{ standard = \"2022-07-14\" }", "{ standard = \"2019-04-24\" }"),
    (LinkUrl, "[product]", "[product]\nadditional-resources = [{ text = \"x\", url = \"javascript:x\" }]"),
    (SeveralArchitectures, "architecture = \"x86_64\"", "architecture = [\"x86_64\", \"arm64\"]"),
    (UserName, "login-user = \"admin\"", "login-user = \"1admin\""),
    (UserName, "login-user = \"admin\"", "login-user = \"root\""),
    (PackageName, PACKAGES, "packages = [\"--purge\"]"),
    (FileMissing, SETUP, "script = \"provision/none.sh\""),
    (FileMissing, "file = \"listing/long-description.md\"", "file = \"listing/none.md\""),
    (FileOutside, SETUP, "script = \"../demo/provision/10-setup.sh\""),
    (FileKind, SETUP, "script = \"provision\""),
    (FileTarget, SETUP, "files = [{ from = \"provision/10-setup.sh\", to = \"etc/x\" }]"),
    (FileTarget, SETUP, "files = [{ from = \"provision/10-setup.sh\", to = \"/etc/../x\" }]"),
    (FileTarget, SETUP, "files = [{ from = \"provision/10-setup.sh\", to = \"/tmp/x\" }]"),
    (FileMode, SETUP, "files = [{ from = \"provision/10-setup.sh\", to = \"/x\", mode = \"9\" }]"),
    (FileOwner, SETUP, "files = [{ from = \"provision/10-setup.sh\", to = \"/x\", owner = \"a b\" }]"),
    (Duplicate, SETUP, "files = [{ from = \"product.toml\", to = \"/x\" }, { from = \"product.toml\", to = \"/x\" }]"),
    (ScriptShebang, SETUP, "script = \"listing/long-description.md\""),
    (ScriptCrlf, PACKAGES, "run = \"true\\r\\n\""),
    (InstanceType, "instance-type = \"t3.small\"\n#", "instance-type = \"t3\"\n#"),
    (InstanceArchitecture, "instance-type = \"t3.small\"\n#", "instance-type = \"t4g.small\"\n#"),
    (InstanceNotNitro, "instance-type = \"t3.small\"\n#", "instance-type = \"t2.small\"\n#"),
    (UnknownRegion, "regions = [\"us-east-1\"]", "regions = [\"us-esat-1\"]"),
    (BuildRegion, "region = \"us-east-1\"", "region = \"eu-west-1\""),
    (Tag, "[tags]", "[tags]\n\"bakehouse:product\" = \"x\""),
    (Tag, "[tags]", "[tags]\n\"aws:x\" = \"x\""),
    (Tag, "[tags]", "[tags]\nx = \"a<b\""),
    (RecommendedType, "recommended-instance-type = \"t3.small\"", "recommended-instance-type = \"t3.large\""),
    (MissingRate, "\"t3.small\" = \"0.02\"", ""),
    (StrayRate, "\"t3.small\" = \"0.02\"", "\"t3.small\" = \"0.02\"\n\"t3.large\" = \"0.04\""),
    (PricingModel, "model = \"hourly\"", "model = \"contract\""),
    (PricingModel, "model = \"hourly\"", "model = \"byol\""),
    (PricingModel, "model = \"hourly\"", "model = \"lottery\""),
    (Price, "\"0.02\"", "\"0.123456789\""),
    (Price, "\"0.02\"", "\"1e3\""),
    (PortRange, "port = 22", "from-port = 22, to-port = 21"),
    (Cidr, "10.0.0.0/8", "10.0.0.0/33"),
    (EndpointPath, "protocol = \"http\", ", "protocol = \"http\", path = \"/x\", "),
];

/// A code, and what is done to the product's folder.
type Deed = (Code, fn(&Bench));

const DEEDS: &[Deed] = &[
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
    (TextUnsupportedCharacter, |bench| {
        bench.write("listing/usage-instructions.md", "Click \u{201c}here\u{201d}");
    }),
    (Count, |bench| {
        let rates: String = (0..801).map(|n| format!("\"t3.x{n}\" = \"1\"\n")).collect();
        bench.edit("[listing.pricing.rates]", &format!("[listing.pricing.rates]\n{rates}"));
    }),
    (KeywordsTooLong, |bench| {
        let keywords: Vec<String> = (0..6).map(|n| format!("\"{n}{}\"", "x".repeat(45))).collect();
        bench.edit("search-keywords = [\"demo\"]", &format!("search-keywords = [{}]", keywords.join(", ")));
    }),
    (BootMode, |bench| {
        bench.edit("\"uefi-preferred\"", "\"uefi-preferred\"").edit("\"x86_64\"\nos", "\"arm64\"\nos");
        bench.edit("instance-type = \"t3.small\"\n#", "instance-type = \"t4g.small\"\n#");
        bench.edit("[\"t3.micro\", \"t3.small\"]", "[\"t4g.micro\"]").edit("\"t3.small\"\nregions", "\"t4g.micro\"\nregions");
        bench.edit("\"t3.micro\" =", "\"t4g.micro\" =").edit("\"t3.small\" = \"0.02\"", "");
    }),
    (Price, |bench| {
        bench.edit("\"0.01\"", "\"0\"").edit("\"0.02\"", "\"0.00\"");
    }),
    (FileOutside, |bench| {
        symlink("/etc/hostname", bench.product().join("link")).unwrap();
        bench.edit(SETUP, "files = [{ from = \"link\", to = \"/x\" }]");
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
];

#[test]
fn each_edit_triggers_its_code_alone() {
    for (code, from, to) in EDITS {
        let bench = Bench::new();
        bench.edit(from, to);
        let found: BTreeSet<Code> = bench.codes().into_iter().collect();
        assert_eq!(found, BTreeSet::from([*code]), "{from} → {to}\n{}", bench.check().render(false));
    }
}

#[test]
fn each_deed_triggers_its_code_alone() {
    for (index, (code, deed)) in DEEDS.iter().enumerate() {
        let bench = Bench::new();
        deed(&bench);
        let found: BTreeSet<Code> = bench.codes().into_iter().collect();
        assert_eq!(found, BTreeSet::from([*code]), "deed {index}\n{}", bench.check().render(false));
    }
}

#[test]
fn faults_without_end_are_cut_off() {
    let bench = Bench::new();
    let keys: String = (0..40_000).map(|n| format!("titl{n} = 1\n")).collect();
    bench.edit("[product]", &format!("[product]\n{keys}"));
    let faults = bench.check();
    assert_eq!(faults.list().len(), 1001);
    assert!(faults.list().iter().any(|fault| fault.code == TooManyFaults));
}

#[test]
fn every_code_has_its_trigger() {
    let triggered: BTreeSet<Code> =
        EDITS.iter().map(|(code, ..)| *code).chain(DEEDS.iter().map(|(code, _)| *code)).chain([TooManyFaults]).collect();
    let untested: Vec<&Code> = Code::ALL.iter().filter(|code| !triggered.contains(code)).collect();
    assert!(untested.is_empty(), "{untested:?}");
}

#[test]
fn secrets_are_told_and_never_shown() {
    for (code, deed) in DEEDS.iter().filter(|(code, _)| *code == Secret) {
        let bench = Bench::new();
        deed(&bench);
        let faults = bench.check();
        assert_eq!(faults.errors(), 1, "{code}: {}", faults.render(false));
        assert!(!faults.render(true).contains("hunter2"));
        assert!(!faults.to_json().contains("hunter2"));
    }
}

#[test]
fn a_fault_of_a_file_points_into_the_file() {
    let bench = Bench::new();
    bench.write("listing/long-description.md", "First line.\nSecond \u{2014} line.\n");
    let faults = bench.check();
    let fault = &faults.list()[0];
    assert_eq!((fault.file.as_str(), fault.line, fault.column), ("products/demo/listing/long-description.md", 2, 8));
}

#[test]
fn a_folder_that_is_no_product_name_is_told() {
    let bench = Bench::new();
    fs::create_dir(bench.root().join("products/Not_A_Slug")).unwrap();
    let faults = bench.workspace().check_all(None).unwrap();
    assert_eq!(faults.list().iter().map(|fault| fault.code).collect::<Vec<_>>(), [Slug]);
    assert!(Path::new(&faults.list()[0].file).ends_with("Not_A_Slug"));
}
