//! The workspace: `bakehouse.toml` and the folders in `products/`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::code::Code;
use super::context::{Context, Reader, Value};
use super::decode::{self, Facts};
use super::faults::Faults;
use super::folder::{FileFault, Folder};
use super::layers::{self, Case};
use super::node::{self, ParseFault, Table};
use super::parallel;
use super::secrets;
use super::shared_listing::{self, Listed};
use super::source::{At, SourceId, Sources};
use crate::model::ids::{AccountId, Architecture, Region, Slug};
use crate::model::product::Product;
use crate::model::target::{BucketPlace, Login, TargetName};

/// The file that marks a workspace and holds what all its products share.
const WORKSPACE_FILE: &str = "bakehouse.toml";
/// The folder of the products.
const PRODUCTS: &str = "products";
/// A product's manifest.
const MANIFEST: &str = "product.toml";

/// A folder with products and what they share.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The folder that holds `products/`.
    pub root: PathBuf,
    /// What `bakehouse.toml` says of where to work.
    pub settings: Settings,
    defaults: Defaults,
}

/// What `bakehouse.toml` says of where to work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where commands work unless told otherwise; the twin by default.
    pub target: TargetName,
    /// The account that commands on AWS must find themselves in.
    pub account: Option<AccountId>,
    /// The Region of calls that belong to none; us-east-1 by default.
    pub region: Region,
    /// Where the ledgers lie that are not in the workspace's own folders, by target.
    pub ledgers: BTreeMap<TargetName, BucketPlace>,
    /// As whom each target is worked on: `[on.aws]`, `[on.twin]`.
    pub logins: BTreeMap<TargetName, Login>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { target: TargetName::Twin, account: None, region: Region::marketplace(), ledgers: BTreeMap::new(), logins: BTreeMap::new() }
    }
}

/// What floors above know that a check goes by, and the reader of manifests does not.
pub struct Judge<'a> {
    /// Says what is wrong with the payload of a product that has no errors.
    pub payload: &'a (dyn Fn(&Product) -> Option<String> + Sync),
    /// The codes of the scan's rules, which waivers are held against; none where they are not known.
    pub rules: &'a [&'a str],
    /// The day for which waivers are judged, of which those that are over or end soon are warned of; none where that is left
    /// to the scan.
    pub today: Option<Date>,
}

impl Judge<'static> {
    /// The judge who finds nothing.
    pub const LENIENT: Self = Judge { payload: &|_| None, rules: &[], today: None };
}

/// Why there is no workspace.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// Neither `bakehouse.toml` nor `products/` in the folder or above it.
    #[error("no {WORKSPACE_FILE} and no {PRODUCTS} folder in {} or above it", start.display())]
    NotFound {
        /// Where the search began.
        start: PathBuf,
    },
    /// A folder can't be read.
    #[error("{} can't be read", path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// `bakehouse.toml` is faulty.
    #[error("{WORKSPACE_FILE} is faulty: {faults}")]
    Faulty {
        /// All that is wrong with it.
        faults: Faults,
    },
}

/// `[defaults]` of the workspace and the text that it stands in.
#[derive(Debug, Clone, Default)]
struct Defaults {
    sources: Sources,
    table: Table,
}

impl Workspace {
    /// Finds the workspace of a folder: the nearest one above that has `bakehouse.toml` or `products/`.
    ///
    /// # Errors
    ///
    /// [`WorkspaceError`] when there is none, or when `bakehouse.toml` is faulty.
    pub fn find(start: &Path) -> Result<Self, WorkspaceError> {
        let is_root = |folder: &&Path| folder.join(WORKSPACE_FILE).exists() || folder.join(PRODUCTS).is_dir();
        let absolute = std::path::absolute(start).map_err(|source| WorkspaceError::Unreadable { path: start.to_owned(), source })?;
        match absolute.ancestors().find(is_root) {
            Some(root) => Self::open(root),
            None => Err(WorkspaceError::NotFound { start: absolute.clone() }),
        }
    }

    /// Opens the workspace of which `root` is the folder.
    ///
    /// # Errors
    ///
    /// [`WorkspaceError::Faulty`] when there is a `bakehouse.toml` and something is wrong with it.
    pub fn open(root: &Path) -> Result<Self, WorkspaceError> {
        let mut workspace = Self { root: root.to_owned(), settings: Settings::default(), defaults: Defaults::default() };
        if !root.join(WORKSPACE_FILE).exists() {
            return Ok(workspace);
        }
        let context = Context::new(Folder::new(root.to_owned()), String::new(), Sources::default());
        let read = read_toml(&context, WORKSPACE_FILE).and_then(|(at, table)| settings(&context, at, &table));
        let sources = context.sources();
        let faults = context.finish();
        match read {
            Some((settings, table)) if faults.errors() == 0 => {
                workspace.settings = settings;
                workspace.defaults = Defaults { sources, table };
                Ok(workspace)
            }
            _ => Err(WorkspaceError::Faulty { faults }),
        }
    }

    /// Returns the products: the folders in `products/`, sorted by name.
    ///
    /// Folders whose name starts with a dot are passed over; one whose name is no slug is returned
    /// by [`Workspace::check_all`] as a fault.
    ///
    /// # Errors
    ///
    /// [`WorkspaceError::Unreadable`] when `products/` is there and can't be listed.
    pub fn products(&self) -> Result<Vec<Slug>, WorkspaceError> {
        Ok(self.folders()?.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Loads a product as it holds for a target, every file it names read: its variants, one for each
    /// architecture, in the order of the architectures.
    ///
    /// `{account}` in the ingestion role's ARN becomes `account`; without one, on AWS the account
    /// of `bakehouse.toml`, else zeros, which is enough for a check.
    ///
    /// # Errors
    ///
    /// [`Faults`] with all that is wrong, warnings among them; warnings alone are no error.
    pub fn load(&self, slug: &Slug, target: TargetName, account: Option<&AccountId>) -> Result<Vec<Product>, Faults> {
        let (variants, faults) = self.read(slug, target, account, &Judge::LENIENT);
        if variants.is_empty() || faults.errors() > 0 { Err(faults) } else { Ok(variants) }
    }

    /// Reads the variants of a product as far as they can be read, whatever is wrong with them, and returns that too.
    pub fn load_faulty(&self, slug: &Slug, target: TargetName, account: Option<&AccountId>) -> (Vec<Product>, Faults) {
        self.read(slug, target, account, &Judge::LENIENT)
    }

    /// Checks all variants of a product for both targets and returns all that is wrong, warnings among it.
    ///
    /// Variants are held against what `judge` knows, too.
    pub fn check(&self, slug: &Slug, account: Option<&AccountId>, judge: &Judge) -> Faults {
        self.check_and_list(slug, account, judge).0
    }

    /// Checks products as [`Workspace::check`] does, and that no other product of the workspace has their listings.
    ///
    /// # Errors
    ///
    /// [`WorkspaceError::Unreadable`] when `products/` can't be listed.
    pub fn check_some(&self, slugs: &[Slug], account: Option<&AccountId>, judge: &Judge) -> Result<Faults, WorkspaceError> {
        let mut faults = Faults::default();
        slugs.iter().for_each(|slug| faults.append(self.check(slug, account, judge)));
        let listed = parallel::map(&self.products()?, |slug| self.check_and_list(slug, account, &Judge::LENIENT).1);
        faults.append(shared_listing::faults(&self.root, &listed.concat(), |slug| slugs.contains(slug)));
        Ok(faults)
    }

    fn check_and_list(&self, slug: &Slug, account: Option<&AccountId>, judge: &Judge) -> (Faults, Vec<Listed>) {
        let (mut all, mut listed) = (Faults::default(), Vec::new());
        for target in TargetName::ALL {
            let (variants, faults) = self.read(slug, target, account, judge);
            all.merge(faults);
            listed.extend(Listed::of(&variants, target));
        }
        (all, listed)
    }

    /// Checks every product as [`Workspace::check`] does, that none has another's listing, and that the folders have names
    /// that can be a product's.
    ///
    /// # Errors
    ///
    /// [`WorkspaceError::Unreadable`] when `products/` can't be listed.
    pub fn check_all(&self, account: Option<&AccountId>, judge: &Judge) -> Result<Faults, WorkspaceError> {
        let each = parallel::map(&self.folders()?, |name| match name.parse::<Slug>() {
            Ok(slug) => self.check_and_list(&slug, account, judge),
            Err(_) => (bad_folder(name), Vec::new()),
        });
        let (mut all, mut listed) = (Faults::default(), Vec::new());
        for (faults, named) in each {
            all.append(faults);
            listed.extend(named);
        }
        all.append(shared_listing::faults(&self.root, &listed, |_| true));
        Ok(all)
    }

    fn folders(&self) -> Result<Vec<String>, WorkspaceError> {
        let path = self.root.join(PRODUCTS);
        let unreadable = |source| WorkspaceError::Unreadable { path: path.clone(), source };
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() && !name.starts_with('.') {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Reads all variants, as far as they can be read, and returns what is wrong with any.
    fn read(&self, slug: &Slug, target: TargetName, account: Option<&AccountId>, judge: &Judge) -> (Vec<Product>, Faults) {
        // The account of `bakehouse.toml` is one of AWS; the twin's is its own.
        let settings = self.settings.account.as_ref().filter(|_| target == TargetName::Aws);
        let placeholder = AccountId::placeholder();
        let account = account.or(settings).unwrap_or(&placeholder);
        let facts = Facts { slug, account, rules: judge.rules, today: judge.today };
        let case = Case { target, architecture: None };
        let (first, variants, mut faults) = self.read_variant(&facts, case, &[], judge);
        let mut products: Vec<Product> = first.into_iter().collect();
        for architecture in variants.into_iter().skip(1) {
            let (product, _, more) = self.read_variant(&facts, Case { architecture: Some(architecture), ..case }, &products, judge);
            products.extend(product);
            faults.merge(more);
        }
        (products, faults)
    }

    /// Reads one variant, and which ones there are. Files read for it are its own inputs alone; `others` are
    /// the variants read before.
    fn read_variant(&self, facts: &Facts, case: Case, others: &[Product], judge: &Judge) -> (Option<Product>, Vec<Architecture>, Faults) {
        let folder = Folder::new(self.root.join(PRODUCTS).join(facts.slug.as_str()));
        let prefix = format!("{PRODUCTS}/{}/", facts.slug);
        let context = Context::new(folder, prefix, self.defaults.sources.clone());
        let mut variants = Vec::new();
        let product = read_toml(&context, MANIFEST).and_then(|(at, own)| {
            let merged = layers::merge(&context, &self.defaults.table, &own, case)?;
            variants = merged.variants;
            let product = decode::product(&context, at, &merged.table, facts, merged.architecture)?;
            layers::report_shared(&context, &merged.table, &product, others);
            if !context.has_errors()
                && let Some(message) = (judge.payload)(&product)
            {
                let at = layers::place(&merged.table, "image", "build").unwrap_or(at);
                context.fault(Code::Payload, at, message).expected("a payload that an instance can be given").report();
            }
            Some(product)
        });
        (product, variants, context.finish())
    }
}

/// Reads a TOML file of the context's folder as a table, whose secrets are told and masked.
fn read_toml(context: &Context, path: &str) -> Option<(At, Table)> {
    let (id, text) = read_text(context, path)?;
    report_secrets(context, id, &text);
    match node::parse(id, &text) {
        // Faults of the document as a whole point at its beginning.
        Ok(table) => Some((At::new(id, 0..0), table)),
        Err(fault) => {
            report_parse_fault(context, fault);
            None
        }
    }
}

fn read_text(context: &Context, path: &str) -> Option<(SourceId, String)> {
    let at_start = |text: String| At::new(context.add_source(path, text), 0..0);
    let bytes = match context.read_manifest(path) {
        Ok(bytes) => bytes,
        Err(FileFault::TooLarge) => {
            context.fault(Code::TooLarge, at_start(String::new()), "the manifest is larger than 1 MiB").report();
            return None;
        }
        Err(fault) => {
            let message = format!("the manifest can't be read: {fault}");
            let pending = context.fault(Code::Unreadable, at_start(String::new()), message).expected(format!("a file {path}"));
            pending.hint("`bakehouse init NAME` writes a product to start from").report();
            return None;
        }
    };
    match String::from_utf8(bytes) {
        Ok(text) => Some((context.add_source(path, text.clone()), text)),
        Err(error) => {
            let offset = error.utf8_error().valid_up_to();
            let id = context.add_source(path, String::from_utf8_lossy(error.as_bytes()).into_owned());
            context.fault(Code::NotUtf8, At::new(id, offset..offset), "the manifest is not UTF-8").report();
            None
        }
    }
}

fn report_parse_fault(context: &Context, fault: ParseFault) {
    match fault {
        ParseFault::TooDeep(at) => context.fault(Code::TooDeep, at, "keys or values are nested too deep").report(),
        ParseFault::Syntax(faults) => {
            for (at, message) in faults {
                context.fault(Code::Syntax, at, message).report();
            }
        }
    }
}

fn report_secrets(context: &Context, id: SourceId, text: &str) {
    for secret in secrets::find(text.as_bytes()) {
        let at = At::new(id, secret.range);
        context.mask(at);
        context
            .fault(Code::Secret, at, format!("the manifest holds {}", secret.kind))
            .expected("nothing secret: manifests are committed, and user data read by others")
            .hint("have the instance fetch or make it at its first boot, and replace the secret: it is known now")
            .report();
    }
}

/// Reads `bakehouse.toml`: where to work, and the defaults.
fn settings(context: &Context, at: At, table: &Table) -> Option<(Settings, Table)> {
    let root = Reader::new(context, "", at, table);
    decode::format(&root);
    let targets = TargetName::ALL.map(|name| (name.as_str(), name));
    let target = root.or("target", TargetName::Twin, |value| value.choice(&targets));
    let account = root.maybe("account", |value| value.parse("an account id of twelve digits, as a text"));
    let region = root.or("region", Region::marketplace(), |value| value.parse("a region such as \"us-east-1\""));
    let targets = root.or("on", Targets::default(), read_targets);
    let defaults = root.or("defaults", Table::new(), |value| Some(value.table()?.table().clone()));
    root.finish();
    let Targets { ledgers, logins } = targets?;
    Some((Settings { target: target?, account: account?, region: region?, ledgers, logins }, defaults?))
}

/// What `[on.TARGET]` of `bakehouse.toml` says.
#[derive(Default)]
struct Targets {
    ledgers: BTreeMap<TargetName, BucketPlace>,
    logins: BTreeMap<TargetName, Login>,
}

/// Reads `[on.TARGET]` of `bakehouse.toml`.
fn read_targets(value: Value) -> Option<Targets> {
    let on = value.table()?;
    let mut targets = Targets::default();
    for name in TargetName::ALL {
        let Some(value) = on.optional(name.as_str()) else { continue };
        let target = value.table()?;
        let ledger = target.maybe("ledger", |value| value.parse("a place in a bucket such as \"s3://my-bucket/ledger\""));
        let profile = target.maybe("profile", |value| value.parse("the name of a profile, as a text"));
        let role = target.maybe("role", |value| value.parse("a role ARN such as arn:aws:iam::123456789012:role/Name"));
        let external_id = target.maybe("external-id", |value| value.parse("an external id, as a text"));
        target.finish();
        targets.ledgers.extend(ledger?.map(|place| (name, place)));
        targets.logins.insert(name, Login { profile: profile?, role: role?, external_id: external_id? });
    }
    on.finish();
    Some(targets)
}

fn bad_folder(name: &str) -> Faults {
    let context = Context::new(Folder::new(PathBuf::new()), String::new(), Sources::default());
    let id = context.add_source(&format!("{PRODUCTS}/{name}"), String::new());
    context
        .fault(Code::Slug, At::new(id, 0..0), format!("{} is no name for a product", super::context::quoted(name)))
        .expected("at most 40 lower-case letters, digits and single hyphens, starting with a letter")
        .hint("rename the folder")
        .report();
    context.finish()
}
