//! `bakehouse check [PRODUCT…]`: everything that is wrong with manifests, at once.

use clap::Args;

use super::context;
use crate::cli::{Format, Global};
use crate::failure::Failure;
use crate::manifest::Faults;
use crate::model::ids::Slug;
use crate::ui::{self, Ui};

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The products [default: all]
    pub products: Vec<Slug>,
    /// How to write the faults
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Checks the products for every target.
///
/// # Errors
///
/// [`Failure::Manifest`] when something is wrong.
pub fn run(global: &Global, args: &CheckArgs) -> Result<(), Failure> {
    let workspace = context::workspace(global)?;
    let account = workspace.settings.account.clone();
    let mut faults = Faults::default();
    let products = if args.products.is_empty() { workspace.products()? } else { args.products.clone() };
    for product in &products {
        context::known_product(&workspace, product)?;
        faults.append(workspace.check(product, account.as_ref()));
    }
    if args.format == Format::Json {
        ui::print(&faults.to_json());
        return if faults.errors() == 0 { Ok(()) } else { Err(Failure::Manifest(Faults::default())) };
    }
    let ui = Ui::new();
    if faults.errors() > 0 {
        return Err(Failure::Manifest(faults));
    }
    if !faults.is_empty() {
        ui.say(&faults.render(ui.colour()));
    }
    let names: Vec<&str> = products.iter().map(Slug::as_str).collect();
    if names.is_empty() {
        ui.say("there are no products to check: bakehouse init NAME makes one");
    } else {
        ui.say(&format!("nothing wrong with {}", names.join(", ")));
    }
    Ok(())
}
