//! Each code has something that triggers it, and triggers nothing else: a file of tables for each area.

mod document;
mod image;
mod listing;
mod media;
mod provisioning;
mod scan;
mod template;
mod texts;

use std::collections::BTreeSet;
use std::path::Path;

use super::super::Code::{self, *};
use super::super::explain::Example;
use super::*;

const SETUP: &str = "script = \"provision/10-setup.sh\"";
const PACKAGES: &str = "packages = [\"nginx\"]";

/// A code, a part of the scaffold, and what stands there instead.
type Edit = (Code, &'static str, &'static str);

/// A code, and what is done to the product's folder.
type Deed = (Code, fn(&Bench));

/// The beginning of a GIF of a size, which is all that tells it.
pub(super) fn gif(width: u16, height: u16) -> Vec<u8> {
    [b"GIF89a".as_slice(), &width.to_le_bytes(), &height.to_le_bytes(), &[0; 8]].concat()
}

/// The examples of the documentation, and more.
fn edits() -> impl Iterator<Item = Edit> {
    let examples = Code::ALL.iter().filter_map(|code| match code.example() {
        Example::Edit { right, wrong } => Some((*code, right, wrong)),
        Example::Told(_) => None,
    });
    let tables =
        [document::EDITS, texts::EDITS, media::EDITS, image::EDITS, provisioning::EDITS, listing::EDITS, template::EDITS, scan::EDITS];
    examples.chain(tables.into_iter().flatten().copied())
}

fn deeds() -> impl Iterator<Item = Deed> {
    let tables =
        [document::DEEDS, texts::DEEDS, media::DEEDS, image::DEEDS, provisioning::DEEDS, listing::DEEDS, template::DEEDS, scan::DEEDS];
    tables.into_iter().flatten().copied()
}

#[test]
fn each_edit_triggers_its_code_alone() {
    for (code, from, to) in edits() {
        let bench = Bench::new();
        bench.edit(from, to);
        let found: BTreeSet<Code> = bench.codes().into_iter().collect();
        assert_eq!(found, BTreeSet::from([code]), "{from} → {to}\n{}", bench.check().render(false));
    }
}

#[test]
fn each_deed_triggers_its_code_alone() {
    for (index, (code, deed)) in deeds().enumerate() {
        let bench = Bench::new();
        deed(&bench);
        let found: BTreeSet<Code> = bench.codes().into_iter().collect();
        assert_eq!(found, BTreeSet::from([code]), "deed {index}\n{}", bench.check().render(false));
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
        edits().map(|(code, ..)| code).chain(deeds().map(|(code, _)| code)).chain([TooManyFaults, Payload]).collect();
    let untested: Vec<&Code> = Code::ALL.iter().filter(|code| !triggered.contains(code)).collect();
    assert!(untested.is_empty(), "{untested:?}");
}

#[test]
fn secrets_are_told_and_never_shown() {
    for (code, deed) in deeds().filter(|(code, _)| *code == Secret) {
        let bench = Bench::new();
        deed(&bench);
        let faults = bench.check();
        assert_eq!(faults.errors(), 1, "{code}: {}", faults.render(false));
        assert!(!faults.render(true).contains("hunter2"));
        assert!(!faults.to_json().contains("hunter2"));
    }
}

#[test]
fn another_fault_on_a_secret_s_line_does_not_show_it() {
    let bench = Bench::new();
    bench.write("listing/usage-instructions.md", format!("curl https://admin:{}@example.com/x \u{2014} then\n", "hunter2secret"));
    bench.write("listing/long-description.md", format!("See <b>https://me:{}@example.com/</b> first.\n", "hunter2secret"));
    let faults = bench.check();
    let of = |code| faults.list().iter().filter(|fault| fault.code == code).count();
    assert_eq!((of(Secret), of(TextUnsupportedCharacter), of(TextHtml)), (2, 1, 1), "{}", faults.to_json());
    for told in [faults.render(false), faults.to_json(), faults.to_sarif()] {
        assert!(!told.contains("hunter2"), "{told}");
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
fn a_fault_of_a_template_points_into_the_template() {
    let bench = Bench::new();
    template::with_template(&bench);
    assert_eq!(bench.codes(), [], "{}", bench.check().render(false));
    let path = bench.product().join("listing/server.yaml");
    let text = fs::read_to_string(&path).unwrap().replace("10.0.0.0/8", "0.0.0.0/0").replace("!Ref ImageId", "ami-0123456789abcdef0");
    fs::write(path, text).unwrap();
    let faults = bench.check();
    let found: Vec<(Code, &str, usize)> = faults.list().iter().map(|fault| (fault.code, fault.file.as_str(), fault.line)).collect();
    let file = "products/demo/listing/server.yaml";
    let expected = [(TemplateImageUnused, file, 2), (TemplateOpenAccess, file, 6), (TemplateForeignImage, file, 16)];
    assert_eq!(found, expected, "{}", faults.render(false));
}

#[test]
fn without_the_image_alone_a_template_is_needed_and_no_port() {
    let bench = Bench::new();
    bench.edit("[listing]", "[listing]\nimage-alone = false");
    assert_eq!(bench.codes(), [MissingKey, Alternatives, Alternatives], "{}", bench.check().render(false));
}

#[test]
fn a_template_is_uploaded_with_its_diagram() {
    let bench = Bench::new();
    template::with_template(&bench);
    let product = bench.workspace().load(&slug(), crate::model::target::TargetName::Twin, None).unwrap().remove(0);
    let media: Vec<&str> = product.media().into_iter().map(|file| file.path.as_str()).collect();
    assert_eq!(media, ["listing/server.yaml", "listing/server.gif"]);
    let template = &product.listing.templates[0];
    assert_eq!(template.url, product.media()[0].url());
    assert_eq!(template.usage_instructions, product.listing.usage_instructions);
    assert_eq!(template.image_parameters, ["ImageId"]);
}

#[test]
fn a_fault_of_a_test_stands_at_its_script() {
    let bench = Bench::new();
    bench.write("tests/10-a.sh", "true\n").write("tests/20-b.sh", "#!/bin/sh\r\ntrue\r\n");
    let faults = bench.check();
    let found: Vec<(Code, &str, usize)> = faults.list().iter().map(|fault| (fault.code, fault.file.as_str(), fault.line)).collect();
    let expected = [(ScriptShebang, "products/demo/tests/10-a.sh", 1), (ScriptCrlf, "products/demo/tests/20-b.sh", 1)];
    assert_eq!(found, expected, "{}", faults.render(false));
}

#[test]
fn a_judge_is_asked_of_products_without_errors_and_his_word_is_a_fault() {
    let bench = Bench::new();
    let judge = Judge { payload: &|product| Some(format!("no room for {}", product.slug)), ..Judge::LENIENT };
    let codes = |bench: &Bench| {
        let faults = bench.workspace().check_all(None, &judge).unwrap();
        faults.list().iter().map(|fault| (fault.code, fault.message.clone())).collect::<Vec<_>>()
    };
    assert_eq!(codes(&bench), [(Payload, "no room for demo".to_owned())]);
    bench.edit("format = 1", "format = 2");
    assert_eq!(codes(&bench).iter().map(|(code, _)| *code).collect::<Vec<_>>(), [Format]);
}

#[test]
fn a_waiver_that_is_over_or_ends_soon_is_warned_of_at_its_line() {
    let bench = Bench::new();
    let waiver = |target: &str, expires: &str| {
        format!(
            "[[scan.waiver]]\nid = \"AMI-HIS-001\"\ntarget = \"{target}\"\nreason = \"x\"\nowner = \"x\"\n\
             created = 2026-10-02\nexpires = {expires}\n"
        )
    };
    let waivers = [("/a", "2026-11-22"), ("/b", "2026-11-23"), ("/c", "2026-12-06"), ("/d", "2026-12-07")];
    let waivers: String = waivers.iter().map(|(target, expires)| waiver(target, expires)).collect();
    bench.edit("[tags]", &format!("{waivers}[tags]"));
    let faults = bench.check();
    let text = fs::read_to_string(bench.product().join("product.toml")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let found: Vec<(Code, &str, String)> =
        faults.list().iter().map(|fault| (fault.code, lines[fault.line - 1], fault.message.clone())).collect();
    let ended = |day: &str| format!("the waiver ended on {day}: what it let pass counts again");
    let ends = |day: &str| format!("the waiver ends on {day}: what it lets pass counts again from the day after");
    let expected = [
        (WaiverEnding, "expires = 2026-11-22", ended("2026-11-22")),
        (WaiverEnding, "expires = 2026-11-23", ends("2026-11-23")),
        (WaiverEnding, "expires = 2026-12-06", ends("2026-12-06")),
    ];
    assert_eq!(found, expected);
    assert_eq!(faults.errors(), 0, "it is for the scan to stop a release for");
    let later = bench.workspace().check_all(None, &Judge { today: None, ..JUDGE }).unwrap();
    assert!(later.is_empty(), "without a day nothing is said");
}

#[test]
fn a_folder_that_is_no_product_name_is_told() {
    let bench = Bench::new();
    fs::create_dir(bench.root().join("products/Not_A_Slug")).unwrap();
    let faults = bench.workspace().check_all(None, &JUDGE).unwrap();
    assert_eq!(faults.list().iter().map(|fault| fault.code).collect::<Vec<_>>(), [Slug]);
    assert!(Path::new(&faults.list()[0].file).ends_with("Not_A_Slug"));
}

#[test]
fn a_value_of_another_type_is_named_by_its_own_key_and_told_its_form() {
    let told = |from: &str, to: &str| {
        let bench = Bench::new();
        let faults = bench.edit(from, to).check();
        assert_eq!(faults.list().len(), 1, "{}", faults.render(false));
        faults.render(false)
    };
    let price = told("\"t3.micro\" = \"0.01\"", "\"t3.micro\" = 0.01");
    assert!(price.contains("`t3.micro` is a decimal number") && price.contains("such as \"0.035\""), "{price}");
    let files = told("packages = [\"nginx\"]", "files = [\"files/app.py\"]");
    assert!(files.contains("`files` is a text") && files.contains("{ from = ") && files.contains(" mode = "), "{files}");
    let large = told("size-gib = 8", "size-gib = 99999999999999999999");
    assert!(large.contains("`size-gib` is an integer of more than 64 bits"), "{large}");
}
