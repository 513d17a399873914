//! Two architectures in one product: layers, titles, inputs.

use super::*;
use crate::model::ids::{AccountId, Architecture};
use crate::model::product::Product;
use crate::model::target::TargetName;

/// Makes the scaffold a product of two architectures.
const ARM: &str = r#"
[variant.arm64.image]
base = { parameter = "/aws/service/debian/release/13/latest/arm64" }
boot-mode = "uefi"

[variant.arm64.image.build]
instance-type = "t4g.small"

[variant.arm64.listing]
instance-types = ["t4g.micro", "t4g.small"]
recommended-instance-type = "t4g.small"

[variant.arm64.listing.pricing]
model = "hourly"
rates = { "t4g.micro" = "0.008", "t4g.small" = "0.016" }
"#;

fn both() -> Bench {
    let bench = Bench::new();
    bench.edit("architecture = \"x86_64\"", "architectures = [\"arm64\", \"x86_64\"]").edit("[tags]", &format!("{ARM}\n[tags]"));
    bench
}

fn load(bench: &Bench, target: TargetName) -> Vec<Product> {
    let account: AccountId = "123456789012".parse().unwrap();
    bench.workspace().load(&slug(), target, Some(&account)).unwrap_or_else(|faults| panic!("{}", faults.render(false)))
}

#[test]
fn each_architecture_is_a_variant_with_what_is_its_own() {
    let bench = both();
    assert!(bench.check().is_empty(), "{}", bench.check().render(false));
    let [x86, arm] = load(&bench, TargetName::Twin).try_into().unwrap();
    assert_eq!((x86.variant().to_string(), arm.variant().to_string()), ("demo.x86_64".to_owned(), "demo.arm64".to_owned()));
    assert_eq!((x86.build.instance_type.as_str(), arm.build.instance_type.as_str()), ("t3.small", "t4g.small"));
    assert_eq!(arm.listing.instance_types.iter().collect::<Vec<_>>(), ["t4g.micro", "t4g.small"]);
    assert_ne!(x86.listing.pricing, arm.listing.pricing);
    assert_eq!(x86.listing.refund_policy, arm.listing.refund_policy);
    assert_ne!(x86.manifest_digest, arm.manifest_digest);
}

#[test]
fn two_listings_never_have_one_title() {
    let titles = |bench: &Bench| load(bench, TargetName::Twin).into_iter().map(|product| product.texts.title).collect::<Vec<_>>();
    let bench = both();
    assert_eq!(titles(&bench), ["Demo", "Demo (Arm)"]);
    bench.edit("[tags]", "[variant.arm64.product]\ntitle = \"Demo on Graviton\"\n[tags]");
    assert_eq!(titles(&bench), ["Demo", "Demo on Graviton"]);
    let long = both();
    long.edit("title = \"Demo\"", &format!("title = \"{}\"", "x".repeat(70)));
    assert_eq!(long.codes(), [Code::TextTooLong]);
}

#[test]
fn one_architecture_keeps_its_title() {
    let bench = both();
    bench.edit("[\"arm64\", \"x86_64\"]", "[\"arm64\"]");
    let [arm] = load(&bench, TargetName::Twin).try_into().unwrap();
    assert_eq!(arm.texts.title, "Demo");
}

#[test]
fn a_target_may_say_something_of_a_variant_and_a_variant_of_a_target() {
    let bench = both();
    bench.edit("[tags]", "[on.aws.variant.arm64.tags]\na = \"1\"\n[variant.arm64.on.aws.tags]\na = \"0\"\nb = \"2\"\n[tags]");
    let tags = |target, variant: usize| load(&bench, target)[variant].tags.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>();
    assert_eq!(tags(TargetName::Aws, 1), ["a=1", "b=2", "project=demo"]);
    assert_eq!(tags(TargetName::Aws, 0), ["project=demo"]);
    assert_eq!(tags(TargetName::Twin, 1), ["project=demo"]);
}

#[test]
fn the_workspace_may_say_something_of_variants_that_a_product_lacks() {
    let bench = Bench::new();
    let defaults = "format = 1\n[defaults.variant.arm64.image.build]\ninstance-type = \"t4g.small\"\n";
    fs::write(bench.root().join("bakehouse.toml"), defaults).unwrap();
    assert!(bench.check().is_empty());
    let [x86] = load(&bench, TargetName::Twin).try_into().unwrap();
    assert_eq!(x86.image.architecture, Architecture::X86_64);
}

#[test]
fn a_fault_of_one_variant_is_a_fault_of_the_product() {
    let bench = both();
    bench.edit("instance-type = \"t4g.small\"", "instance-type = \"m7i.large\"");
    assert_eq!(bench.codes(), [Code::InstanceArchitecture]);
    let account: AccountId = "123456789012".parse().unwrap();
    assert!(bench.workspace().load(&slug(), TargetName::Twin, Some(&account)).is_err());
}

#[test]
fn inputs_are_those_of_the_variant() {
    let bench = both();
    bench
        .write("provision/arm.sh", "#!/bin/sh\ntrue\n")
        .edit("[tags]", "[[variant.arm64.image.provision]]\nscript = \"provision/arm.sh\"\n[tags]");
    let inputs: Vec<Vec<String>> = load(&bench, TargetName::Twin).into_iter().map(|p| p.inputs.into_keys().collect()).collect();
    assert_eq!(inputs, [["provision/10-setup.sh"], ["provision/arm.sh"]]);
}

#[test]
fn two_variants_never_have_one_listing() {
    let id = "product-id = \"prod-abcdefghijklm\"\n";
    let bench = both();
    bench.edit("[listing]\n", &format!("[listing]\n{id}"));
    assert_eq!(bench.codes(), [Code::Duplicate], "{}", bench.check().render(false));
    bench.edit("[variant.arm64.listing]\n", "[variant.arm64.listing]\nproduct-id = \"prod-nopqrstuvwxyz\"\n");
    assert_eq!(bench.codes(), [], "{}", bench.check().render(false));
}

#[test]
fn titles_that_become_the_same_are_a_fault() {
    for titles in [("x86_64", "Demo (Arm)"), ("arm64", "Demo 2")] {
        let bench = both();
        bench.edit("[tags]", &format!("[variant.{}.product]\ntitle = \"{}\"\n[tags]", titles.0, titles.1));
        if titles.0 == "arm64" {
            bench.edit("[tags]", "[variant.x86_64.product]\ntitle = \"Demo 2\"\n[tags]");
        }
        assert_eq!(bench.codes(), [Code::Duplicate], "{titles:?}\n{}", bench.check().render(false));
    }
}
