//! `bakehouse check [PRODUCT…]`: everything that is wrong with manifests, at once.

use clap::{Args, ValueEnum};

use super::context;
use crate::bake;
use crate::cli::Global;
use crate::engine::EngineError;
use crate::failure::Failure;
use crate::manifest::{Code, Faults, Workspace, faults_page};
use crate::model::ids::Slug;
use crate::model::target::TargetName;
use crate::ui::{self, Ui};

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The products [default: all]
    pub products: Vec<Slug>,
    /// How to write the faults
    #[arg(long, value_enum, default_value_t)]
    pub format: CheckFormat,
    /// Explain a code, such as manifest/unknown-key (all: every code, as Markdown), and check nothing
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
    let workspace = context::workspace(global)?;
    let faults = check(&workspace, &args.products)?;
    if faults.errors() == 0 {
        check_payloads(&workspace, &args.products)?;
    }
    match args.format {
        CheckFormat::Text => told(&workspace, args, faults),
        CheckFormat::Json => printed(&faults, &faults.to_json()),
        CheckFormat::Sarif => printed(&faults, &faults.to_sarif()),
    }
}

fn check(workspace: &Workspace, products: &[Slug]) -> Result<Faults, Failure> {
    let account = workspace.settings.account.as_ref();
    if products.is_empty() {
        return Ok(workspace.check_all(account)?);
    }
    let mut faults = Faults::default();
    for product in products {
        context::known_product(workspace, product)?;
        faults.append(workspace.check(product, account));
    }
    Ok(faults)
}

/// Faults that were written to standard output are not told again.
fn printed(faults: &Faults, text: &str) -> Result<(), Failure> {
    ui::print(text);
    if faults.errors() == 0 { Ok(()) } else { Err(Failure::Manifest(Faults::default())) }
}

fn told(workspace: &Workspace, args: &CheckArgs, faults: Faults) -> Result<(), Failure> {
    if faults.errors() > 0 {
        return Err(Failure::Manifest(faults));
    }
    let ui = Ui::new();
    if !faults.is_empty() {
        ui.say(&faults.render(ui.colour()));
    }
    let products = if args.products.is_empty() { workspace.products()? } else { args.products.clone() };
    let verdict = if faults.is_empty() { "nothing wrong with" } else { "no errors in" };
    let names: Vec<&str> = products.iter().map(Slug::as_str).collect();
    match names.as_slice() {
        [] => ui.say("there are no products to check: bakehouse init NAME makes one"),
        names if names.len() > 10 => ui.say(&format!("{verdict} {} products", names.len())),
        names => ui.say(&format!("{verdict} {}", names.join(", "))),
    }
    Ok(())
}

fn explain(code: &str) -> Result<(), Failure> {
    if code == "all" {
        ui::print(faults_page().trim_end());
        return Ok(());
    }
    let code: Code = code.parse().map_err(|e| Failure::other(format!("{e}"), "`bakehouse check --explain all` lists every code"))?;
    ui::print(code.explanation().trim_end());
    Ok(())
}

/// Refuses a product whose payload finds no room.
fn check_payloads(workspace: &Workspace, products: &[Slug]) -> Result<(), Failure> {
    let all = if products.is_empty() { workspace.products()? } else { products.to_vec() };
    for slug in &all {
        for target in TargetName::ALL {
            for product in workspace.load(slug, target, workspace.settings.account.as_ref()).unwrap_or_default() {
                bake::payload(&product, &"0".repeat(16)).map_err(|error| Failure::from(EngineError::UserData(error)))?;
            }
        }
    }
    Ok(())
}
