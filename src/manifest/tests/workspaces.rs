//! Layers, targets, digests, many faults at once, and bytes of any kind.

use proptest::prelude::*;

use super::super::{Settings, WorkspaceError, scaffold_workspace};
use super::*;
use crate::model::ids::AccountId;
use crate::model::product::{Pricing, Provision};
use crate::model::target::TargetName;

fn account() -> AccountId {
    "123456789012".parse().unwrap()
}

#[test]
fn the_scaffold_passes_for_both_targets() {
    let bench = Bench::new();
    fs::write(bench.root().join("bakehouse.toml"), scaffold_workspace()).unwrap();
    let workspace = bench.workspace();
    assert_eq!(workspace.settings, Settings::default());
    assert_eq!(workspace.products().unwrap(), [slug()]);
    for target in TargetName::ALL {
        let product = workspace.load(&slug(), target, Some(&account())).unwrap().remove(0);
        assert_eq!(product.listing.access_role.as_str(), "arn:aws:iam::123456789012:role/AWSMarketplaceAmiIngestion");
        assert_eq!(product.inputs.keys().collect::<Vec<_>>(), ["provision/10-setup.sh"]);
        assert!(
            matches!(&product.provision[1], Provision::Script { path, content } if path == "provision/10-setup.sh" && !content.is_empty())
        );
    }
    assert!(workspace.check_all(None, &JUDGE).unwrap().is_empty());
}

#[test]
fn a_product_knows_where_its_keys_stand() {
    let bench = Bench::new();
    let manifest = fs::read_to_string(bench.product().join("product.toml")).unwrap();
    let vendor = manifest.lines().find(|line| line.starts_with("vendor")).unwrap();
    bench.edit(&format!("{vendor}\n"), "");
    fs::write(bench.root().join("bakehouse.toml"), format!("format = 1\n\n[defaults.product]\n{vendor}\n")).unwrap();
    let product = bench.workspace().load(&slug(), TargetName::Twin, None).unwrap().remove(0);
    let place = |key: &str| product.places.get(key).map(|place| (place.file.as_str(), place.line)).unwrap();
    assert_eq!(place("product.vendor"), ("bakehouse.toml", 4));
    let (file, line) = place("product.title");
    let written = fs::read_to_string(bench.root().join(file)).unwrap();
    assert!(written.lines().nth(line - 1).unwrap().starts_with("title"), "{file}:{line}");
}

#[test]
fn a_listing_of_two_products_is_told_at_both() {
    let bench = Bench::new();
    bench.edit("[listing]\n", "[listing]\nproduct-id = \"prod-abcdefghijklm\"\n");
    for (path, content) in scaffold(&"other".parse().unwrap()) {
        let path = bench.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let named = String::from_utf8(content).unwrap().replacen("[listing]\n", "[listing]\nproduct-id = \"prod-abcdefghijklm\"\n", 1);
        fs::write(path, named).unwrap();
    }
    let workspace = bench.workspace();
    let told = |faults: Faults| {
        let of_two = faults.list().iter().filter(|fault| fault.code == Code::Duplicate && fault.message.contains("too (products/"));
        of_two.map(|fault| fault.file.clone()).collect::<Vec<_>>()
    };
    let both = [format!("products/{}/product.toml", slug()), "products/other/product.toml".to_owned()];
    let mut all = told(workspace.check_all(None, &JUDGE).unwrap());
    all.sort();
    assert_eq!(all, {
        let mut both = both.clone();
        both.sort();
        both
    });
    assert_eq!(told(workspace.check_some(&[slug()], None, &JUDGE).unwrap()), both[..1]);
    // Each for itself is right.
    assert!(workspace.check(&slug(), None, &JUDGE).is_empty());
}

/// The sample product with its real files, as they are in the repository.
#[test]
fn hello_web_passes_for_both_targets() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = Workspace::find(&repository.join("products/hello-web")).unwrap();
    assert_eq!(workspace.root, repository);
    let slug = "hello-web".parse().unwrap();
    for target in TargetName::ALL {
        let product = workspace.load(&slug, target, Some(&account())).unwrap_or_else(|faults| panic!("{}", faults.render(false))).remove(0);
        assert_eq!(product.listing.instance_types.len(), 4);
        assert!(matches!(product.listing.pricing, Pricing::Hourly { .. }));
    }
    assert!(workspace.check(&slug, None, &JUDGE).is_empty());
}

#[test]
fn a_product_wins_over_the_workspace_and_the_target_over_both() {
    let bench = Bench::new();
    let defaults = "format = 1\ntarget = \"aws\"\naccount = \"123456789012\"\n[defaults.tags]\nteam = \"bread\"\nproject = \"all\"\n[defaults.on.aws.tags]\nplace = \"aws\"\n";
    fs::write(bench.root().join("bakehouse.toml"), defaults).unwrap();
    bench.edit("[tags]", "[on.twin.tags]\nteam = \"twins\"\n[tags]");
    let workspace = bench.workspace();
    assert_eq!(workspace.settings.target, TargetName::Aws);
    let tags = |target| {
        workspace.load(&slug(), target, None).unwrap().remove(0).tags.into_iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>()
    };
    assert_eq!(tags(TargetName::Aws), ["place=aws", "project=demo", "team=bread"]);
    assert_eq!(tags(TargetName::Twin), ["project=demo", "team=twins"]);
}

#[test]
fn the_manifest_digest_follows_what_it_says_and_not_how() {
    let digest = |change: &dyn Fn(&Bench)| {
        let bench = Bench::new();
        change(&bench);
        bench.workspace().load(&slug(), TargetName::Twin, None).unwrap().remove(0).manifest_digest
    };
    let plain = digest(&|_| {});
    assert_eq!(plain, digest(&|bench| _ = bench.edit("format = 1", "# a comment\nformat = 0x1")));
    assert_eq!(plain, digest(&|bench| _ = bench.edit("format = 1", "format = 1\n[on.aws.tags]\nx = \"y\"")));
    assert_ne!(plain, digest(&|bench| _ = bench.edit("Demo", "Demo 2")));
    assert_ne!(plain, digest(&|bench| _ = bench.write("listing/long-description.md", "Other.")));
}

#[test]
fn a_faulty_workspace_file_is_told_whole() {
    let bench = Bench::new();
    fs::write(bench.root().join("bakehouse.toml"), "format = 1\ntarget = \"moon\"\nacount = \"1\"\n").unwrap();
    let Err(WorkspaceError::Faulty { faults }) = Workspace::find(bench.root()) else { panic!("it is faulty") };
    let codes: Vec<Code> = faults.list().iter().map(|fault| fault.code).collect();
    assert_eq!(codes, [Code::UnknownValue, Code::UnknownKey]);
    assert_eq!(faults.list()[1].hint.as_deref(), Some("did you mean \"account\"?"));
}

#[test]
fn a_fault_of_the_defaults_is_told_where_it_stands() {
    let bench = Bench::new();
    fs::write(bench.root().join("bakehouse.toml"), "format = 1\n[defaults.scan]\nfail-on = \"never\"\n").unwrap();
    let faults = bench.check();
    let fault = &faults.list()[0];
    assert_eq!((fault.file.as_str(), fault.line, fault.code), ("bakehouse.toml", 3, Code::UnknownValue));
}

#[test]
fn no_workspace_is_said_so() {
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(Workspace::find(empty.path()), Err(WorkspaceError::NotFound { .. })));
}

#[test]
fn twenty_faults_are_told_at_once() {
    let bench = Bench::new();
    bench.write("product.toml", include_str!("twenty-faults.toml")).write("provision/tune.sh", "echo no shebang\r\n");
    let faults = bench.check();
    insta::assert_snapshot!("twenty_faults", faults.render(false));
    insta::assert_snapshot!("twenty_faults_json", faults.to_json());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let bench = Bench::new();
        bench.write("product.toml", &bytes);
        prop_assert!(bench.check().errors() > 0);
    }

    #[test]
    fn any_cut_and_any_splice_is_answered(at in 0usize..3000, length in 0usize..200, splice in "[\\[\\]{}=\"'.,\\\\\n a-z0-9\u{202e}\u{7f}™]{0,40}") {
        let bench = Bench::new();
        let text = fs::read_to_string(bench.product().join("product.toml")).unwrap();
        let characters: Vec<char> = text.chars().collect();
        let start = at.min(characters.len());
        let end = (start + length).min(characters.len());
        let spliced: String = characters[..start].iter().copied().chain(splice.chars()).chain(characters[end..].iter().copied()).collect();
        bench.write("product.toml", spliced);
        let faults = bench.check();
        prop_assert_eq!(faults.render(false).is_empty(), faults.is_empty());
        prop_assert!(faults.list().iter().all(|fault| fault.line > 0 && fault.column > 0));
    }
}
