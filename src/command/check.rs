//! `bakehouse check [PRODUCT…]`: everything that is wrong with manifests, at once.

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;

use super::context;
use crate::bake;
use crate::cli::Global;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::listing;
use crate::manifest::{Code, Faults, Judge, Workspace, faults_page};
use crate::model::ids::Slug;
use crate::model::product::Product;
use crate::model::target::TargetName;
use crate::model::vulnerability::Vulnerability;
use crate::rules::names::nearest;
use crate::scan::{self, RuleInfo};
use crate::ui::{self, Ui};

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The products [default: all]
    pub products: Vec<Slug>,
    /// How to write the faults
    #[arg(long, value_enum, default_value_t)]
    pub format: CheckFormat,
    /// Explain a code of a fault, a finding or an obstacle, such as manifest/unknown-key, change-set/text, obstacle/price-locked or
    /// AMI-SSH-006 (all: every code, as Markdown), and check nothing
    #[arg(long, value_name = "CODE", conflicts_with_all = ["products", "format"])]
    pub explain: Option<String>,
}

/// How faults are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people, with the line of each.
    #[default]
    Text,
    /// For programs; versioned.
    Json,
    /// SARIF 2.1.0, for code hosts and editors.
    Sarif,
}

/// Checks the products for every target.
///
/// # Errors
///
/// [`Failure::Manifest`] when something is wrong.
pub fn run(global: &Global, args: &CheckArgs) -> Result<(), Failure> {
    if let Some(code) = &args.explain {
        return explain(code);
    }
    let (workspace, faults) = match context::workspace(global) {
        Ok(workspace) => {
            let faults = check(&workspace, &args.products)?;
            (Some(workspace), faults)
        }
        // A faulty bakehouse.toml is told as any manifest is.
        Err(Failure::Manifest(faults)) => (None, faults),
        Err(other) => return Err(other),
    };
    let ui = Ui::of(global);
    match (args.format, workspace) {
        (CheckFormat::Json, _) => ui::print(&faults.to_json()),
        (CheckFormat::Sarif, _) => ui::print(&faults.to_sarif()),
        (CheckFormat::Text, Some(workspace)) if faults.errors() == 0 => told(&ui, &workspace, args, &faults)?,
        (CheckFormat::Text, _) => return Err(Failure::Manifest(faults)),
    }
    ui.annotate(&faults);
    // What was written to standard output is not told again.
    if faults.errors() == 0 { Ok(()) } else { Err(Failure::Manifest(Faults::default())) }
}

fn check(workspace: &Workspace, products: &[Slug]) -> Result<Faults, Failure> {
    let account = workspace.settings.account.as_ref();
    let rules: Vec<&str> = scan::rules().map(|rule| rule.code).collect();
    let today = Clock::System.now().to_zoned(TimeZone::UTC).date();
    let judge = Judge { payload: &payload_fault, rules: &rules, today: Some(today) };
    if products.is_empty() {
        return Ok(workspace.check_all(account, &judge)?);
    }
    products.iter().try_for_each(|product| context::known_product(workspace, product))?;
    Ok(workspace.check_some(products, account, &judge)?)
}

/// Says why an instance can't be given what a product brings.
pub fn payload_fault(product: &Product) -> Option<String> {
    let error = bake::payload(product, &"0".repeat(16)).err()?;
    let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
    Some(causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}")))
}

fn told(ui: &Ui, workspace: &Workspace, args: &CheckArgs, faults: &Faults) -> Result<(), Failure> {
    if !faults.is_empty() {
        ui.say(faults.render(ui.colour()).trim_end());
    }
    let products = if args.products.is_empty() { workspace.products()? } else { args.products.clone() };
    let verdict = if faults.is_empty() { "nothing wrong with" } else { "no errors in" };
    let names: Vec<&str> = products.iter().map(Slug::as_str).collect();
    match names.as_slice() {
        [] => ui.say("there are no products to check: bakehouse init NAME makes one"),
        names if names.len() > 10 => ui.say(&format!("{verdict} {} products", names.len())),
        names => ui.say(&format!("{verdict} {}", names.join(", "))),
    }
    // A rehearsal may have them, so they are no faults; on AWS buyers would see them.
    let account = workspace.settings.account.as_ref();
    for product in products.iter().filter_map(|slug| workspace.load(slug, TargetName::Aws, account).ok()?.into_iter().next()) {
        listing::placeholders(&product).iter().for_each(|found| ui.say(&format!("note: {}: {found}", product.slug)));
    }
    Ok(())
}

const EVERY_CODE: &str = "`bakehouse check --explain all` lists every code";

fn explain(code: &str) -> Result<(), Failure> {
    let text = match code {
        "all" => codes_page(),
        code => explanation(code)?,
    };
    ui::print(text.trim_end());
    Ok(())
}

/// Returns docs/faults.md: every code of a manifest's fault, of a change set's, of what a plan can't have, and of a scan's finding.
fn codes_page() -> String {
    format!("{}\n{}\n{}\n{}", faults_page(), listing::change_sets_page(), listing::obstacles_page(), scan::findings_page())
}

fn explanation(code: &str) -> Result<String, Failure> {
    if let Some(rule) = RuleInfo::of(code) {
        return Ok(rule.explanation());
    }
    if code.starts_with("change-set/") {
        let found = code.parse::<listing::Code>();
        return found.map(listing::Code::explanation).map_err(|unknown| Failure::other(unknown.to_string(), EVERY_CODE));
    }
    if code.starts_with(listing::OBSTACLE) {
        let found = listing::obstacle_named(code);
        return found.map(listing::explained_obstacle).map_err(|unknown| Failure::other(unknown, EVERY_CODE));
    }
    let unknown = match code.parse::<Code>() {
        Ok(code) => return Ok(code.explanation()),
        Err(unknown) => unknown,
    };
    // Without a family a manifest's code is meant first.
    if let Ok(code) = listing::obstacle_named(code) {
        return Ok(listing::explained_obstacle(code));
    }
    if code.starts_with("CVE-") || code.starts_with("GHSA-") {
        let hint = format!("{} tells of it; findings of flaws have the codes AMI-VUL-001 to 003", Vulnerability::page(code));
        return Err(Failure::other(format!("{code} is the id of a flaw, not a code"), hint));
    }
    let of_scan = code.split('-').next().is_some_and(|first| ["AMI", "COV", "GATE"].iter().any(|known| first.eq_ignore_ascii_case(known)));
    let what = match nearest(&code.to_ascii_uppercase(), scan::rules().map(|rule| rule.code)) {
        Some(rule) if of_scan => format!("there is no code {code:?}; did you mean {rule}?"),
        _ => unknown.to_string(),
    };
    Err(Failure::other(what, EVERY_CODE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::scaffold;

    #[test]
    fn the_page_is_what_the_codes_say() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == codes_page(), "docs/faults.md is stale: `bakehouse check --explain all > docs/faults.md`");
    }

    #[test]
    fn codes_of_faults_and_findings_are_explained_and_misspellings_helped() {
        assert!(explanation("unknown-key").unwrap().starts_with("manifest/unknown-key (error)\n"));
        assert!(explanation("AMI-SSH-006").unwrap().starts_with("AMI-SSH-006 (critical)\n"));
        assert!(explanation("change-set/text").unwrap().starts_with("change-set/text\n"));
        assert!(explanation("obstacle/pricing-model").unwrap().starts_with("obstacle/pricing-model\n"));
        assert!(explanation("pricing-model").unwrap().starts_with("manifest/pricing-model (error)\n"));
        assert!(explanation("price-locked").unwrap().starts_with("obstacle/price-locked\n"));
        let wrong = |code: &str| explanation(code).unwrap_err().render(false);
        assert!(wrong("AMI-SHS-006").contains("did you mean AMI-SSH-006?"), "{}", wrong("AMI-SHS-006"));
        assert!(wrong("change-set/txet").contains("did you mean change-set/text?"), "{}", wrong("change-set/txet"));
        assert!(wrong("obstacle/price-loked").contains("did you mean obstacle/price-locked?"));
        assert!(wrong("unkown-key").contains("did you mean manifest/unknown-key?"));
        assert!(wrong("CVE-2024-6387").contains("https://nvd.nist.gov/vuln/detail/CVE-2024-6387"));
    }

    #[test]
    fn a_payload_without_room_is_a_fault_whichever_products_are_checked() {
        let folder = tempfile::tempdir().unwrap();
        let slug: Slug = "demo".parse().unwrap();
        let noise: String = (0..4000_u64).map(|n| format!("{:016x}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
        for (path, mut content) in scaffold(&slug) {
            if path.ends_with("provision/10-setup.sh") {
                content.extend(noise.bytes());
            }
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let workspace = Workspace::open(folder.path()).unwrap();
        for products in [&[][..], &[slug]] {
            let faults = check(&workspace, products).unwrap();
            let [fault] = faults.list() else { panic!("{}", faults.render(false)) };
            assert_eq!((fault.code, faults.errors()), (Code::Payload, 1));
            assert!(fault.message.contains("10-setup.sh") && faults.to_sarif().contains("manifest/payload"), "{}", fault.message);
        }
    }
}
