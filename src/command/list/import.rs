//! `bakehouse list import PRODUCT-ID`: a live product and its public offer into a manifest, or into what one lacks.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::cli::{Format, Global};
use crate::command::check::payload_fault;
use crate::command::context::Context;
use crate::engine::EngineError;
use crate::failure::Failure;
use crate::listing::{AmiProduct, CompletionError, DOCUMENTS, Import, LiveListing, Offer, differences, import};
use crate::manifest::{Judge, Workspace};
use crate::model::ids::{EntityId, Slug};
use crate::ui;

/// Arguments of `list import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The product's id in the Marketplace, such as prod-abcdefghijklm
    pub id: EntityId,
    /// What it is called here [default: made of its title]
    #[arg(long = "as", value_name = "SLUG")]
    pub slug: Option<Slug>,
    /// Show the manifest; write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How to write what was done
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// A product as it is live.
struct Live {
    product: String,
    offer: Option<String>,
}

/// What is written: new files, and the manifest with what it lacked.
struct Files {
    new: BTreeMap<PathBuf, String>,
    completed: Option<(PathBuf, String)>,
    added: Vec<String>,
}

/// Writes the manifest of a live product, or adds to the one that is there.
///
/// # Errors
///
/// When there is no such product, or when files that would be written are there.
pub async fn run(global: &Global, args: &ImportArgs) -> Result<(), Failure> {
    let context = Context::open(global).await?;
    let live = read(&context, &args.id).await?;
    let import =
        import(&LiveListing { id: &args.id, product: &live.product, offer: live.offer.as_deref() }).map_err(EngineError::Entity)?;
    let Some(slug) = args.slug.clone().or_else(|| import.slug()) else {
        return Err(Failure::other("the live title makes no name for a product", "name it: --as SLUG"));
    };
    let files = lay_out(&context.workspace.root, &slug, &import)?;
    refuse_existing(&files)?;
    if args.dry_run {
        return show(&context, args, &slug, &import, &files);
    }
    write(&files)?;
    tell(&context, args, &slug, &import, &files, &live)
}

async fn read(context: &Context, id: &EntityId) -> Result<Live, Failure> {
    let reader = context.reader();
    let account = &context.identity.account;
    let Some(product) = reader.entity(id).await? else {
        return Err(Failure::other(
            format!("account {account} has no product {id} in the Marketplace"),
            "the id stands in the Management Portal, and in `aws marketplace-catalog list-entities --entity-type AmiProduct`",
        ));
    };
    if !product.entity_type.starts_with("AmiProduct") {
        return Err(Failure::other(format!("{id} is a {}", product.entity_type), "products with images are imported: AmiProduct"));
    }
    let offer = match reader.public_offer_of(id).await? {
        Some(offer) => reader.entity(&offer).await?.map(|offer| offer.details),
        None => None,
    };
    Ok(Live { product: product.details, offer })
}

/// Decides what is written where.
fn lay_out(root: &Path, slug: &Slug, import: &Import) -> Result<Files, Failure> {
    let folder = root.join("products").join(slug.as_str());
    let manifest = folder.join("product.toml");
    let mut named = import.files();
    let Some(existing) = text_of(&manifest)? else {
        named.insert("product.toml".to_owned(), import.manifest(slug));
        let new = named.into_iter().map(|(path, text)| (folder.join(path), text)).collect();
        return Ok(Files { new, completed: None, added: Vec::new() });
    };
    let workspace = text_of(&root.join("bakehouse.toml"))?;
    let completed = import.complete(&existing, workspace.as_deref()).map_err(|error| no_completion(&error, &manifest))?;
    named.retain(|path, _| path == DOCUMENTS || completed.files.contains(path));
    let new = named.into_iter().map(|(path, text)| (folder.join(path), text)).collect();
    let changed = (!completed.added.is_empty()).then_some((manifest, completed.text));
    Ok(Files { new, completed: changed, added: completed.added })
}

fn no_completion(error: &CompletionError, manifest: &Path) -> Failure {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let what = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    Failure::other(
        format!("{} can't be completed: {what}", manifest.display()),
        "import it under another name (--as), and take over what is missing",
    )
}

fn text_of(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::other(format!("{} can't be read: {error}", path.display()), "mend its permissions")),
    }
}

/// Refuses to write over anything but what is the same already.
fn refuse_existing(files: &Files) -> Result<(), Failure> {
    let differs =
        |(path, text): &(&PathBuf, &String)| path.symlink_metadata().is_ok() && fs::read(path).ok().as_deref() != Some(text.as_bytes());
    let there: Vec<String> = files.new.iter().filter(differs).map(|(path, _)| path.display().to_string()).collect();
    if there.is_empty() {
        return Ok(());
    }
    Err(Failure::other(
        format!("{} would be written and is there with another content; nothing was written", there.join(", ")),
        "move it away, or import under another name: --as SLUG",
    ))
}

fn write(files: &Files) -> Result<(), Failure> {
    for (path, text) in &files.new {
        let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
        let created = folder.and_then(|()| match fs::File::create_new(path) {
            // What differs was refused before.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            file => file?.write_all(text.as_bytes()),
        });
        created.map_err(|error| unwritable(path, &error))?;
    }
    if let Some((path, text)) = &files.completed {
        // A manifest is half of nobody's: the new one takes the old one's place whole.
        let whole = path.with_extension("toml.new");
        fs::write(&whole, text).and_then(|()| fs::rename(&whole, path)).map_err(|error| unwritable(path, &error))?;
    }
    Ok(())
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::other(format!("{} can't be written: {error}", path.display()), "choose another folder with -C")
}

/// Shows what would be written.
fn show(context: &Context, args: &ImportArgs, slug: &Slug, import: &Import, files: &Files) -> Result<(), Failure> {
    if args.format == Format::Json {
        ui::print(&document(args, slug, import, files));
        return Ok(());
    }
    let manifest = files.completed.as_ref().map(|(_, text)| text.clone());
    let new = || files.new.iter().find(|(path, _)| path.ends_with("product.toml")).map(|(_, text)| text.clone());
    match manifest.or_else(new) {
        Some(text) => ui::print(text.trim_end()),
        None => context.ui.say(&format!("the manifest of {slug} lacks nothing that the live listing tells")),
    }
    kept(context, import);
    Ok(())
}

/// Tells what was written, what a manifest can't say, what is wrong, and what next.
fn tell(context: &Context, args: &ImportArgs, slug: &Slug, import: &Import, files: &Files, live: &Live) -> Result<(), Failure> {
    for path in files.new.keys() {
        context.ui.say(&format!("wrote {}", path.display()));
    }
    match &files.completed {
        Some((path, _)) => context.ui.say(&format!("added to {}: {}", path.display(), files.added.join(", "))),
        None if files.added.is_empty() && !files.new.keys().any(|path| path.ends_with("product.toml")) => {
            context.ui.say(&format!("the manifest of {slug} lacks nothing that the live listing tells"));
        }
        None => {}
    }
    kept(context, import);
    // The manifests are read anew: one of them is another now.
    let workspace = Workspace::open(&context.workspace.root)?;
    judge(context, &workspace, slug);
    compare(context, &workspace, slug, live);
    for (key, what) in import.to_fill_in().filter(|(key, _)| files.completed.is_none() || files.added.contains(key)) {
        context.ui.say(&format!("to fill in: {key}: {what}"));
    }
    context.ui.say(&format!(
        "next: fill in what is marked in products/{slug}/product.toml, `bakehouse check {slug}`, `bakehouse list plan {slug}`"
    ));
    if args.format == Format::Json {
        ui::print(&document(args, slug, import, files));
    }
    Ok(())
}

fn kept(context: &Context, import: &Import) {
    for kept in import.kept() {
        context.ui.say(&format!("kept: {} {}: {}", kept.path, kept.value, kept.because));
    }
    if !import.kept().is_empty() {
        context.ui.say(&format!("      {} values that a manifest can't say; they lie in {DOCUMENTS}", import.kept().len()));
    }
}

/// Tells what the Marketplace would refuse of the live listing today.
fn judge(context: &Context, workspace: &Workspace, slug: &Slug) {
    let judge = Judge { payload: &payload_fault, ..Judge::LENIENT };
    let faults = workspace.check(slug, Some(&context.identity.account), &judge);
    for fault in faults.list() {
        context.ui.say(&format!("{}: {}:{}: {} ({})", fault.severity.as_str(), fault.file, fault.line, fault.message, fault.code));
    }
}

/// Tells what a manifest that was there says otherwise than the live listing.
fn compare(context: &Context, workspace: &Workspace, slug: &Slug, live: &Live) {
    let Ok(variants) = workspace.load(slug, context.target, Some(&context.identity.account)) else { return };
    let offer = live.offer.as_deref().map(Offer::parse).and_then(Result::ok);
    let (Some(product), Ok(details)) = (variants.first(), AmiProduct::parse(&live.product)) else { return };
    for found in differences(product, &details, offer.as_ref()) {
        let field = found.key.iter().fold(found.field.clone(), |field, key| format!("{key} {field}"));
        let [live, manifest] = [found.before, found.after].map(|value| value.unwrap_or_else(|| "nothing".to_owned()));
        context.ui.say(&format!("differs: {field}: the manifest says {manifest}, the live listing {live}"));
    }
}

fn document(args: &ImportArgs, slug: &Slug, import: &Import, files: &Files) -> String {
    let written: Vec<&PathBuf> = files.new.keys().chain(files.completed.iter().map(|(path, _)| path)).collect();
    let fill_in: BTreeMap<String, &str> = import.to_fill_in().collect();
    let document = json!({
        "format": 1,
        "product_id": args.id,
        "slug": slug,
        "dry_run": args.dry_run,
        "written": written,
        "added": files.added,
        "kept": import.kept(),
        "to_fill_in": fill_in,
    });
    format!("{document:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Import {
        let product =
            json!({ "Description": { "ProductTitle": "Acme Hello" }, "Compatibility": { "AvailableInstanceTypes": ["t3.small"] } });
        import(&LiveListing { id: &"prod-abcdefghijklm".parse().unwrap(), product: &product.to_string(), offer: None }).unwrap()
    }

    #[test]
    fn what_is_there_is_completed_and_nothing_is_written_over() {
        let root = tempfile::tempdir().unwrap();
        let slug = sample().slug().unwrap();
        assert_eq!(slug.as_str(), "acme-hello");
        let files = lay_out(root.path(), &slug, &sample()).unwrap();
        refuse_existing(&files).unwrap();
        write(&files).unwrap();
        let manifest = root.path().join("products/acme-hello/product.toml");
        let first = fs::read_to_string(&manifest).unwrap();
        // Once more, there is nothing to add.
        let again = lay_out(root.path(), &slug, &sample()).unwrap();
        refuse_existing(&again).unwrap();
        assert!(again.added.is_empty() && again.completed.is_none());
        // What somebody changed stays; what is missing comes back.
        fs::write(
            &manifest,
            first.replace("title = \"Acme Hello\"", "# ours\ntitle = \"Ours\"").replace("product-id = \"prod-abcdefghijklm\"\n", ""),
        )
        .unwrap();
        let more = lay_out(root.path(), &slug, &sample()).unwrap();
        assert_eq!(more.added, ["listing.product-id"]);
        write(&more).unwrap();
        let text = fs::read_to_string(&manifest).unwrap();
        assert!(text.contains("# ours\ntitle = \"Ours\"\n") && text.contains("product-id = \"prod-abcdefghijklm\""), "{text}");
        fs::write(root.path().join("products/acme-hello").join(DOCUMENTS), "{}").unwrap();
        assert!(refuse_existing(&lay_out(root.path(), &slug, &sample()).unwrap()).is_err());
    }
}
