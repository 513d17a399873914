//! `bakehouse list import PRODUCT-ID`: a live product and its public offer into a manifest, or into what one lacks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::cli::{Format, Global};
use crate::command::check::payload_fault;
use crate::command::context::Context;
use crate::engine::EngineError;
use crate::failure::Failure;
use crate::listing::{AmiProduct, CompletionError, DOCUMENTS, Earlier, Given, Import, LiveListing, Offer, differences, import};
use crate::manifest::{Judge, Workspace};
use crate::model::count::counted;
use crate::model::digest::Digest;
use crate::model::ids::{Architecture, EntityId, Slug, Variant};
use crate::release::{history, listed_product, sent};
use crate::ui;

/// A product's manifest, in its folder.
const MANIFEST: &str = "product.toml";

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

/// What is written, and what is not.
#[derive(Default)]
struct Files {
    /// New files, and those of an earlier import that nobody has changed since.
    written: BTreeMap<PathBuf, String>,
    /// A manifest of somebody's, with what it lacked.
    completed: Option<(PathBuf, String)>,
    /// The keys that it lacked.
    added: Vec<String>,
    /// Files of an earlier import that somebody has changed since, and that the live listing tells otherwise: they stay.
    changed: Vec<PathBuf>,
    /// Files that no import wrote, where some are to be.
    foreign: Vec<PathBuf>,
}

/// Writes the manifest of a live product, or adds to the one that is there.
///
/// # Errors
///
/// When there is no such product, when the name is another product's, or when files that would be written are there.
pub async fn run(global: &Global, args: &ImportArgs) -> Result<(), Failure> {
    let context = Context::open(global).await?;
    let live = read(&context, &args.id).await?;
    let import =
        import(&LiveListing { id: &args.id, product: &live.product, offer: live.offer.as_deref() }).map_err(EngineError::Entity)?;
    let Some(slug) = args.slug.clone().or_else(|| import.slug()) else {
        return Err(Failure::other("the live title makes no name for a product", "name it: --as SLUG"));
    };
    refuse_another(&context, &slug, &args.id).await?;
    refuse_second(&context, &slug, &args.id)?;
    let files = lay_out(&context.workspace.root, &slug, &args.id, &import)?;
    refuse_foreign(&files)?;
    if args.dry_run {
        return show(&context, args, &slug, &import, &files);
    }
    write(&files)?;
    tell(&context, args, &slug, &import, &files, &live).await
}

/// Refuses a name whose product is another listing, as its manifest says or its ledger.
async fn refuse_another(context: &Context, slug: &Slug, id: &EntityId) -> Result<(), Failure> {
    let variants = context.workspace.load(slug, context.target, Some(&context.identity.account)).unwrap_or_default();
    let mut listed: BTreeSet<EntityId> = variants.into_iter().filter_map(|product| product.listing.product_id).collect();
    for architecture in Architecture::ALL {
        let records = context.ledger().records(&Variant { product: slug.clone(), architecture }).await?;
        listed.extend(listed_product(&history(&records)));
    }
    if listed.is_empty() || listed.contains(id) {
        return Ok(());
    }
    let listed: Vec<&str> = listed.iter().map(EntityId::as_str).collect();
    Err(Failure::other(
        format!("{slug} is listed as {}, and {id} is another product; nothing was written", listed.join(" and ")),
        "import it under a name of its own: --as SLUG",
    ))
}

/// Refuses a listing that another manifest of the workspace names: each plan would undo the other's, and `check` refuses both.
fn refuse_second(context: &Context, slug: &Slug, id: &EntityId) -> Result<(), Failure> {
    for other in context.workspace.products()?.into_iter().filter(|other| other != slug) {
        // A manifest of which something is still to be filled in names its listing all the same.
        let (variants, _) = context.workspace.load_faulty(&other, context.target, Some(&context.identity.account));
        if variants.iter().any(|product| product.listing.product_id.as_ref() == Some(id)) {
            return Err(Failure::other(
                format!("{id} is the listing of {other} already; nothing was written"),
                format!("import it into that one: --as {other}"),
            ));
        }
    }
    Ok(())
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
    let offer = match reader.public_offers(std::slice::from_ref(id)).await?.of(id)? {
        Some(offer) => reader.entity(offer).await?.map(|offer| offer.details),
        None => None,
    };
    Ok(Live { product: product.details, offer })
}

/// Decides what is written where: what an earlier import wrote and nobody has changed is written anew.
fn lay_out(root: &Path, slug: &Slug, id: &EntityId, import: &Import) -> Result<Files, Failure> {
    let folder = root.join("products").join(slug.as_str());
    let record = folder.join(DOCUMENTS);
    let earlier = text_of(&record)?.map(|text| earlier(&record, &text, id)).transpose()?;
    let (mut files, mut named, mut written) = (Files::default(), import.files().clone(), BTreeMap::new());
    let manifest = folder.join(MANIFEST);
    match text_of(&manifest)?.filter(|text| !earlier.as_ref().is_some_and(|earlier| earlier.wrote(MANIFEST, text))) {
        None => {
            named.insert(MANIFEST.to_owned(), import.manifest(slug));
        }
        Some(existing) => {
            let workspace = text_of(&root.join("bakehouse.toml"))?;
            let completed = import.complete(&existing, workspace.as_deref()).map_err(|error| no_completion(&error, &manifest))?;
            named.retain(|path, _| completed.files.contains(path) || earlier.as_ref().is_some_and(|earlier| earlier.has_written(path)));
            files.completed = (!completed.added.is_empty()).then_some((manifest, completed.text));
            files.added = completed.added;
        }
    }
    for (name, text) in named {
        let path = folder.join(&name);
        match text_of(&path)? {
            Some(found) if found != text && !earlier.as_ref().is_some_and(|earlier| earlier.wrote(&name, &found)) => {
                let changed = earlier.as_ref().is_some_and(|earlier| earlier.has_written(&name));
                if changed { files.changed.push(path) } else { files.foreign.push(path) }
            }
            found => {
                written.insert(name, Digest::of(&text));
                if found.as_ref() != Some(&text) {
                    files.written.insert(path, text);
                }
            }
        }
    }
    let text = import.record(&written);
    if text_of(&record)?.as_ref() != Some(&text) {
        files.written.insert(record, text);
    }
    Ok(files)
}

fn earlier(path: &Path, text: &str, id: &EntityId) -> Result<Earlier, Failure> {
    let refuse = |what: String| {
        Failure::other(format!("{} {what}; nothing was written", path.display()), "move it away, or import under another name: --as SLUG")
    };
    let earlier = Earlier::parse(text).map_err(|error| refuse(format!("is not what an import writes: {error}")))?;
    if &earlier.product_id != id {
        return Err(refuse(format!("is of {}, and {id} is another product", earlier.product_id)));
    }
    Ok(earlier)
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

/// Refuses to write over what no import wrote.
fn refuse_foreign(files: &Files) -> Result<(), Failure> {
    let foreign: Vec<String> = files.foreign.iter().map(|path| path.display().to_string()).collect();
    if foreign.is_empty() {
        return Ok(());
    }
    Err(Failure::other(
        format!("{} would be written and is there with another content; nothing was written", foreign.join(", ")),
        "move it away, or import under another name: --as SLUG",
    ))
}

fn write(files: &Files) -> Result<(), Failure> {
    for (path, text) in files.written.iter().chain(files.completed.iter().map(|(path, text)| (path, text))) {
        // Half a file is of no use to anybody: a new one takes its place whole.
        let mut whole = path.clone().into_os_string();
        whole.push(".new");
        let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
        folder.and_then(|()| fs::write(&whole, text)).and_then(|()| fs::rename(&whole, path)).map_err(|error| unwritable(path, &error))?;
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
    let new = || files.written.iter().find(|(path, _)| path.ends_with(MANIFEST)).map(|(_, text)| text.clone());
    match manifest.or_else(new) {
        Some(text) => ui::print(text.trim_end()),
        None => context.ui.say(&format!("the manifest of {slug} lacks nothing that the live listing tells")),
    }
    kept(context, import);
    Ok(())
}

/// Tells what was written, what a manifest can't say, what is wrong, and what next.
async fn tell(context: &Context, args: &ImportArgs, slug: &Slug, import: &Import, files: &Files, live: &Live) -> Result<(), Failure> {
    for path in files.written.keys() {
        context.ui.say(&format!("wrote {}", path.display()));
    }
    for path in &files.changed {
        context.ui.say(&format!("kept: {}: it was changed since it was imported, and the live listing says otherwise", path.display()));
    }
    match &files.completed {
        Some((path, _)) => context.ui.say(&format!("added to {}: {}", path.display(), files.added.join(", "))),
        None if files.added.is_empty() && !files.written.keys().any(|path| path.ends_with(MANIFEST)) => {
            context.ui.say(&format!("the manifest of {slug} lacks nothing that the live listing tells"));
        }
        None => {}
    }
    kept(context, import);
    // The manifests are read anew: one of them is another now.
    let workspace = Workspace::open(&context.workspace.root)?;
    judge(context, &workspace, slug);
    compare(context, &workspace, slug, live).await?;
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

/// Tells what a manifest can't say; of older versions, how much.
fn kept(context: &Context, import: &Import) {
    let mut older: BTreeMap<&str, usize> = BTreeMap::new();
    for kept in import.kept() {
        match &kept.older_version {
            Some(version) => *older.entry(version).or_default() += 1,
            None => context.ui.say(&format!("kept: {} {}: {}", kept.path, kept.value, kept.because)),
        }
    }
    for (version, count) in older {
        context.ui.say(&format!("kept: {} of the older version {version}, which stays as it is", counted(count, "value")));
    }
    if !import.kept().is_empty() {
        context.ui.say(&format!("      {} that a manifest can't say; they lie in {DOCUMENTS}", counted(import.kept().len(), "value")));
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
async fn compare(context: &Context, workspace: &Workspace, slug: &Slug, live: &Live) -> Result<(), Failure> {
    let Ok(variants) = workspace.load(slug, context.target, Some(&context.identity.account)) else { return Ok(()) };
    let offer = live.offer.as_deref().map(Offer::parse).and_then(Result::ok);
    let (Some(product), Ok(details)) = (variants.first(), AmiProduct::parse(&live.product)) else { return Ok(()) };
    let given = Given::from(sent(&context.ledger().records(&product.variant()).await?));
    for found in differences(product, &given, &details, offer.as_ref()) {
        let field = found.key.iter().fold(found.field.clone(), |field, key| format!("{key} {field}"));
        let [live, manifest] = [found.before, found.after].map(|value| value.unwrap_or_else(|| "nothing".to_owned()));
        context.ui.say(&format!("differs: {field}: the manifest says {manifest}, the live listing {live}"));
    }
    Ok(())
}

fn document(args: &ImportArgs, slug: &Slug, import: &Import, files: &Files) -> String {
    let written: Vec<&PathBuf> = files.written.keys().chain(files.completed.iter().map(|(path, _)| path)).collect();
    let fill_in: BTreeMap<String, &str> = import.to_fill_in().collect();
    let document = json!({
        "format": 1,
        "product_id": args.id,
        "slug": slug,
        "dry_run": args.dry_run,
        "written": written,
        "added": files.added,
        "changed_by_hand": files.changed,
        "kept": import.kept(),
        "to_fill_in": fill_in,
    });
    format!("{document:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "prod-abcdefghijklm";

    /// What comes of a listing of this title, whose long description takes a file of its own.
    fn sample(description: &str) -> Import {
        let product = json!({
            "Description": { "ProductTitle": "Acme Hello", "LongDescription": format!("{description}\nIn two lines.") },
            "Compatibility": { "AvailableInstanceTypes": ["t3.small"] }
        });
        import(&LiveListing { id: &ID.parse().unwrap(), product: &product.to_string(), offer: None }).unwrap()
    }

    /// A workspace with a product that is imported once and again.
    struct Bench(tempfile::TempDir);

    impl Bench {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join("products/acme-hello").join(name)
        }

        fn lay_out(&self, import: &Import) -> Result<Files, Failure> {
            let files = lay_out(self.0.path(), &import.slug().unwrap(), &ID.parse().unwrap(), import)?;
            refuse_foreign(&files)?;
            Ok(files)
        }

        /// Imports, and names the files that were written.
        fn import(&self, description: &str) -> Vec<String> {
            let files = self.lay_out(&sample(description)).unwrap();
            write(&files).unwrap();
            let written = files.written.keys().chain(files.completed.iter().map(|(path, _)| path));
            written.map(|path| path.strip_prefix(self.path("")).unwrap().display().to_string()).collect()
        }

        fn read(&self, name: &str) -> String {
            fs::read_to_string(self.path(name)).unwrap()
        }
    }

    const TEXT: &str = "listing/long-description.md";

    #[test]
    fn what_is_there_is_completed_and_nothing_is_written_over() {
        let bench = Bench::new();
        assert_eq!(bench.import("First"), [DOCUMENTS, TEXT, MANIFEST]);
        assert_eq!(bench.import("First"), Vec::<String>::new(), "there is nothing to add");
        // What somebody changed stays; what is missing comes back.
        let first = bench.read(MANIFEST);
        let own = first.replace("title = \"Acme Hello\"", "# ours\ntitle = \"Ours\"").replace(&format!("product-id = \"{ID}\"\n"), "");
        fs::write(bench.path(MANIFEST), own).unwrap();
        assert_eq!(bench.lay_out(&sample("First")).unwrap().added, ["listing.product-id"]);
        assert_eq!(bench.import("First"), [DOCUMENTS, MANIFEST]);
        let text = bench.read(MANIFEST);
        assert!(text.contains("# ours\ntitle = \"Ours\"\n") && text.contains(&format!("product-id = \"{ID}\"")), "{text}");
    }

    #[test]
    fn what_an_import_wrote_is_written_anew_unless_somebody_has_changed_it() {
        let bench = Bench::new();
        bench.import("First");
        assert_eq!(bench.import("Second"), [DOCUMENTS, TEXT], "the manifest names the file, and says the same");
        assert!(bench.read(TEXT).starts_with("Second"));
        fs::write(bench.path(TEXT), "Ours\n").unwrap();
        let files = bench.lay_out(&sample("Third")).unwrap();
        assert_eq!(files.changed, [bench.path(TEXT)]);
        assert_eq!(bench.import("Third"), [DOCUMENTS]);
        assert_eq!(bench.read(TEXT), "Ours\n");
    }

    #[test]
    fn what_no_import_wrote_is_in_the_way() {
        let bench = Bench::new();
        fs::create_dir_all(bench.path("listing")).unwrap();
        fs::write(bench.path(TEXT), "Ours\n").unwrap();
        assert!(bench.lay_out(&sample("First")).is_err());
        fs::remove_file(bench.path(TEXT)).unwrap();
        for other in ["{}".to_owned(), bench_record("prod-0123456789abc")] {
            fs::write(bench.path(DOCUMENTS), &other).unwrap();
            assert!(bench.lay_out(&sample("First")).is_err(), "{other}");
        }
    }

    fn bench_record(id: &str) -> String {
        json!({ "format": 1, "product_id": id, "product": {}, "offer": null }).to_string()
    }
}
