//! `bakehouse schema product|workspace`: the JSON Schema that editors check manifests by.

use clap::{Args, ValueEnum};

use crate::failure::Failure;
use crate::manifest::{product_schema, schema_text, workspace_schema};
use crate::ui;

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Which file's schema
    #[arg(value_enum, default_value_t)]
    pub of: SchemaOf,
}

/// The files that have a schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// products/*/product.toml.
    #[default]
    Product,
    /// bakehouse.toml.
    Workspace,
}

/// Prints the schema, as `init` writes it into schema/.
///
/// # Errors
///
/// None.
pub fn run(args: &SchemaArgs) -> Result<(), Failure> {
    let schema = match args.of {
        SchemaOf::Product => product_schema(),
        SchemaOf::Workspace => workspace_schema(),
    };
    ui::print(&schema_text(&schema));
    Ok(())
}
