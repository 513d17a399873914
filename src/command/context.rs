//! What commands share: the workspace, the target, the product, the engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use object_store::ObjectStore;

use crate::cli::Global;
use crate::clock::Clock;
use crate::cloud::{BlockStore, BucketError, Connect, Identity, Reader, Writer};
use crate::command::known::Known;
use crate::command::local_twin::{is_emulated, open_twin, twin_folder};
use crate::command::selection::{Selection, Variants};
use crate::command::{db, git};
use crate::engine::{Collector, Engine, EngineError, Leave};
use crate::failure::Failure;
use crate::ledger::{Binding, Holder, Ledger};
use crate::listing::Templates;
use crate::manifest::Workspace;
use crate::model::ids::{AccountId, Slug};
use crate::model::target::{BucketPlace, Login, TargetName};
use crate::model::waiver::WaiverOptions;
use crate::twin;
use crate::twin::machines::Machines;
use crate::ui::Ui;

/// How long to wait between two looks at AWS, which answers a few thousand callers.
const AWS_INTERVAL: Duration = Duration::from_secs(10);
/// The same for the twin, which answers one.
const TWIN_INTERVAL: Duration = Duration::from_secs(1);

/// A workspace and a target, connected.
pub struct Context {
    /// The workspace.
    pub workspace: Workspace,
    /// The target.
    pub target: TargetName,
    /// Whoever the target says the caller is.
    pub identity: Identity,
    /// Talks to the user.
    pub ui: Arc<Ui>,
    /// Whether machines that this process starts are emulated.
    emulated: bool,
    /// Whether this process's twin runs no machines at all.
    machineless: bool,
    leave: Leave,
    database: PathBuf,
    reader: Reader,
    ledger: Ledger,
}

/// Said before machines are started that are emulated.
pub const EMULATED: &str = "note: KVM does not run guests on this machine; the twin's machines are emulated, about ten times slower";

/// A workspace and clients of a target that nobody has been asked anything by yet.
pub struct Connected {
    /// The workspace.
    pub workspace: Workspace,
    /// The target.
    pub target: TargetName,
    /// Looks at the target.
    pub reader: Reader,
    emulated: bool,
    machineless: bool,
}

impl Connected {
    /// Finds the workspace and sets up the clients.
    ///
    /// # Errors
    ///
    /// No workspace; a twin that can't be opened.
    pub async fn open(global: &Global) -> Result<Self, Failure> {
        let workspace = workspace(global)?;
        let target = target(global, &workspace);
        let login = login(global, &workspace, target);
        let connection = connection(global, &workspace, target, &login)?;
        let emulated = matches!(&connection, Connect::Twin(twin) if is_emulated(twin));
        let machineless = matches!(&connection, Connect::Twin(twin) if matches!(twin.machines(), Machines::None));
        Ok(Self { workspace, target, reader: Reader::connect_as(connection, &login).await, emulated, machineless })
    }

    /// Has blocks that are read outlive the command, up to so many GiB; with 0, those kept before are removed.
    ///
    /// # Errors
    ///
    /// When the folder that they are kept in can't be used.
    pub fn keep_blocks(self, most_gib: Option<u64>) -> Result<Self, Failure> {
        let reader = keep_blocks(self.reader, self.target, &self.workspace, most_gib)?;
        Ok(Self { reader, ..self })
    }

    /// Opens the target's ledger.
    ///
    /// # Errors
    ///
    /// When it can't be used, or is another account's.
    pub async fn ledger(&self, identity: &Identity) -> Result<Ledger, Failure> {
        let binding = Binding { format: 1, target: self.target.to_string(), account: identity.account.clone() };
        Ok(match self.workspace.settings.ledgers.get(&self.target) {
            None => Ledger::open_folder(&ledger_folder(&self.workspace, self.target, &identity.account), binding).await?,
            Some(place) => {
                let bucket = bucket(&self.reader, place).await.map_err(|error| no_bucket(error, place))?;
                Ledger::open_bucket(bucket, place, binding).await?
            }
        })
    }
}

impl Context {
    /// Finds the workspace, connects to the target and checks the account. Only reads.
    ///
    /// # Errors
    ///
    /// No workspace; no credentials; another account than the workspace names.
    pub async fn open(global: &Global) -> Result<Self, Failure> {
        let connected = Connected::open(global).await?;
        let identity = connected.reader.identity().await?;
        if connected.target == TargetName::Aws {
            refuse_strange_account(&connected.workspace, &identity)?;
        }
        let ledger = connected.ledger(&identity).await?;
        let Connected { workspace, target, reader, emulated, machineless } = connected;
        Ok(Self {
            workspace,
            target,
            identity,
            ui: Arc::new(Ui::of(global)),
            emulated,
            machineless,
            leave: global.leave.clone(),
            database: db::place(global),
            reader,
            ledger,
        })
    }

    /// The same for a command on one product, which is looked for before anything else is.
    ///
    /// # Errors
    ///
    /// Those of [`Context::open`]; no such product.
    pub async fn open_for(global: &Global, product: &Selection) -> Result<Self, Failure> {
        known_product(&workspace(global)?, &product.product)?;
        Self::open(global).await
    }

    /// Has blocks that are read outlive the command, as [`Connected::keep_blocks`] does.
    ///
    /// # Errors
    ///
    /// When the folder that they are kept in can't be used.
    pub fn keep_blocks(self, most_gib: Option<u64>) -> Result<Self, Failure> {
        let reader = keep_blocks(self.reader, self.target, &self.workspace, most_gib)?;
        Ok(Self { reader, ..self })
    }

    /// Returns what looks at the target.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Returns the target's ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Reads a product's manifest for this target and account.
    ///
    /// # Errors
    ///
    /// [`Failure::Manifest`] with everything that is wrong; an architecture that the product doesn't have.
    pub fn variants(&self, selection: &Selection) -> Result<Variants, Failure> {
        variants(&self.workspace, self.target, &self.identity.account, selection)
    }

    /// Returns what workspace and ledger know.
    pub fn known(&self) -> Known<'_> {
        let Self { workspace, target, identity, ledger, ui, .. } = self;
        Known { workspace, target: *target, account: &identity.account, ledger, ui }
    }

    /// Makes what collects garbage.
    pub fn collector(&self) -> Collector {
        Collector { ledger: self.ledger.clone(), holder: Holder::this_process(), clock: Clock::System, interval: self.interval() }
    }

    /// Returns what changes the target.
    pub fn writer(&self) -> Writer {
        Writer::new(self.reader.clone())
    }

    fn interval(&self) -> Duration {
        if self.target == TargetName::Aws { AWS_INTERVAL } else { TWIN_INTERVAL }
    }

    /// Makes an engine for a product's variants.
    ///
    /// # Errors
    ///
    /// A product's own template that can't be read, or that overrides none.
    pub fn engine(&self, variants: &Variants, patience: Duration) -> Result<Engine, Failure> {
        let slug = variants.all().first().map(|product| product.slug.as_str()).unwrap_or_default();
        let folder = self.workspace.root.join("products").join(slug);
        let templates = Templates::with_overrides(overrides(&folder.join("templates"))?)
            .map_err(|e| Failure::other(e.to_string(), format!("rename or remove it in {}/templates", folder.display())))?;
        let (variants, git_commit) = (variants.all().to_vec(), git::commit(&folder));
        let advisories = db::open(&self.database)?;
        Ok(Engine { go_on: format!("bakehouse ship {slug}"), variants, git_commit, templates, advisories, ..self.follower(patience) })
    }

    /// Makes an engine that knows no product: it follows what is under way already.
    pub fn follower(&self, patience: Duration) -> Engine {
        Engine {
            writer: self.writer(),
            ledger: self.ledger.clone(),
            holder: Holder::this_process(),
            clock: Clock::System,
            observer: self.ui.clone(),
            target: self.target.as_str(),
            account: self.identity.account.clone(),
            until: until(patience),
            leave: self.leave.clone(),
            go_on: "bakehouse runs".to_owned(),
            interval: self.interval(),
            variants: Vec::new(),
            git_commit: None,
            waivers: WaiverOptions::default(),
            advisories: None,
            templates: Templates::embedded(),
        }
    }

    /// Says that what takes machines will be slow, where it will.
    ///
    /// # Errors
    ///
    /// When the twin runs no machines: bake and boot would wait for their deadlines.
    pub fn expect_machines(&self) -> Result<(), Failure> {
        if self.machineless {
            return Err(Failure::other(
                "the twin runs no machines here, and baking and booting an image take one",
                "install QEMU (apt-get install qemu-system-x86 ovmf slirp4netns) or play a guest with --machines scripted --script FILE",
            ));
        }
        if self.emulated {
            self.ui.say(EMULATED);
        }
        Ok(())
    }

    /// Says where all this happens: now, and again when what it returns goes out of scope, so that whatever has effects
    /// says it first and last however it ends.
    #[must_use = "the target is said a second time when this is dropped"]
    pub fn state_target(&self) -> StatedTarget<'_> {
        self.say_target();
        StatedTarget(self)
    }

    fn say_target(&self) {
        let what = match self.target {
            TargetName::Twin => "the twin on this machine: a rehearsal, nothing reaches AWS",
            TargetName::Aws => "AWS: for real",
        };
        self.ui.say(&format!("target: {} · account {} · {what}", self.target, self.identity.account));
    }
}

/// Says the target once more when it is dropped.
pub struct StatedTarget<'a>(&'a Context);

impl Drop for StatedTarget<'_> {
    fn drop(&mut self) {
        self.0.say_target();
    }
}

/// What a target's ledger tells, for commands that need nothing else of the target.
pub struct Records {
    /// The target.
    pub target: TargetName,
    /// Whose ledger it is.
    pub account: AccountId,
    /// The ledger.
    pub ledger: Ledger,
    /// Talks to the user.
    pub ui: Arc<Ui>,
    workspace: Workspace,
}

impl Records {
    /// Opens the target's ledger. A twin that is there is not asked: another process may be at work on it.
    ///
    /// # Errors
    ///
    /// Those of [`Context::open`], but for a twin's that is in use.
    pub async fn open(global: &Global) -> Result<Self, Failure> {
        let workspace = workspace(global)?;
        let target = target(global, &workspace);
        let lies_with_the_twin = target == TargetName::Twin && !workspace.settings.ledgers.contains_key(&target);
        match twin::peek(&twin_folder(&workspace)) {
            Ok(caller) if lies_with_the_twin => {
                let account = caller.account;
                let binding = Binding { format: 1, target: target.to_string(), account: account.clone() };
                let ledger = Ledger::open_folder(&ledger_folder(&workspace, target, &account), binding).await?;
                Ok(Self { target, account, ledger, ui: Arc::new(Ui::of(global)), workspace })
            }
            _ => {
                let Context { workspace, target, identity, ui, ledger, .. } = Context::open(global).await?;
                Ok(Self { target, account: identity.account, ledger, ui, workspace })
            }
        }
    }

    /// Returns what workspace and ledger know.
    pub fn known(&self) -> Known<'_> {
        let Self { target, account, ledger, ui, workspace } = self;
        Known { workspace, target: *target, account, ledger, ui }
    }

    /// Reads a product's manifest for this target and account: what releases are judged by.
    ///
    /// # Errors
    ///
    /// Those of [`Context::variants`].
    pub fn variants(&self, selection: &Selection) -> Result<Variants, Failure> {
        variants(&self.workspace, self.target, &self.account, selection)
    }

    /// Lists the products of the workspace.
    ///
    /// # Errors
    ///
    /// When its folder can't be read.
    pub fn products(&self) -> Result<Vec<Slug>, Failure> {
        Ok(self.workspace.products()?)
    }
}

fn variants(workspace: &Workspace, target: TargetName, account: &AccountId, selection: &Selection) -> Result<Variants, Failure> {
    known_product(workspace, &selection.product)?;
    let loaded = workspace.load(&selection.product, target, Some(account));
    Variants::choose(loaded.map_err(Failure::Manifest)?, selection)
}

/// Returns the time at which somebody's patience is at its end.
fn until(patience: Duration) -> jiff::Timestamp {
    Clock::System.now().saturating_add(patience).unwrap_or(jiff::Timestamp::MAX)
}

/// Refuses a product that the workspace does not have.
///
/// # Errors
///
/// With the names of those that it has.
pub fn known_product(workspace: &Workspace, slug: &Slug) -> Result<(), Failure> {
    let products = workspace.products()?;
    if products.contains(slug) {
        return Ok(());
    }
    let names: Vec<&str> = products.iter().map(Slug::as_str).collect();
    let hint = if names.is_empty() { format!("bakehouse init {slug}") } else { format!("there are: {}", names.join(", ")) };
    Err(Failure::other(format!("there is no product {slug} in {}", workspace.root.display()), hint))
}

/// Finds the workspace.
///
/// # Errors
///
/// When there is none from here upwards.
pub fn workspace(global: &Global) -> Result<Workspace, Failure> {
    let start = match &global.workspace {
        Some(folder) if !folder.is_dir() => {
            return Err(Failure::other(
                format!("there is no folder {}", folder.display()),
                "-C names the folder that the command works in",
            ));
        }
        Some(folder) => folder.clone(),
        None => {
            std::env::current_dir().map_err(|e| Failure::other(format!("the current folder can't be used: {e}"), "go to another one"))?
        }
    };
    Ok(Workspace::find(&start)?)
}

/// Chooses the target: the command line's, else the workspace's.
pub fn target(global: &Global, workspace: &Workspace) -> TargetName {
    global.target.map_or(workspace.settings.target, TargetName::from)
}

/// Says as whom the target is worked on: as the command line says, else the workspace.
fn login(global: &Global, workspace: &Workspace, target: TargetName) -> Login {
    let mut login = workspace.settings.logins.get(&target).cloned().unwrap_or_default();
    login.profile = global.profile.clone().or(login.profile);
    login.role = global.role.clone().or(login.role);
    login
}

fn connection(global: &Global, workspace: &Workspace, target: TargetName, login: &Login) -> Result<Connect, Failure> {
    if target == TargetName::Aws {
        refuse_empty_endpoints()?;
        return Ok(Connect::Aws { profile: login.profile.clone() });
    }
    let folder = twin_folder(workspace);
    match twin::serve::running(&folder) {
        Some(_) if global.faults.is_some() => {
            Err(Failure::other("the twin is being served, and faults are its server's", "give --faults to bakehouse twin serve"))
        }
        Some(running) => {
            if global.machines.is_some() || global.script.is_some() {
                Ui::of(global).say(&format!(
                    "note: the twin is being served at {}, and its machines are the server's: --machines and --script are passed over here; \
                     give them to bakehouse twin serve",
                    running.url
                ));
            }
            let caller = twin::peek(&folder)?;
            Ok(Connect::TwinServer { url: running.url, credentials: caller.credentials })
        }
        None => Ok(Connect::Twin(open_twin(global, workspace)?)),
    }
}

/// Returns where what can be made again is kept; an empty `XDG_CACHE_HOME` is none.
///
/// Source: <https://specifications.freedesktop.org/basedir-spec/latest/>
pub(super) fn cache_folder() -> PathBuf {
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from).or_else(home);
    cache.unwrap_or_else(std::env::temp_dir).join("bakehouse")
}

/// A twin's blocks go with its state: a state that is put back may give other snapshots the same ids.
fn keep_blocks(reader: Reader, target: TargetName, workspace: &Workspace, most_gib: Option<u64>) -> Result<Reader, Failure> {
    let Some(most_gib) = most_gib else { return Ok(reader) };
    let folder = match target {
        TargetName::Aws => cache_folder().join("blocks"),
        TargetName::Twin => twin_folder(workspace).join("kept-blocks"),
    };
    if most_gib == 0 {
        BlockStore::clear(&folder).map_err(|error| {
            Failure::other(format!("what is kept in {} can't be removed: {error}", folder.display()), "remove the folder by hand")
        })?;
        return Ok(reader);
    }
    let store = BlockStore::open(&folder, most_gib << 30).map_err(|error| {
        let what = format!("blocks can't be kept in {}: {error}", folder.display());
        Failure::other(what, "remove the folder, or leave --keep-blocks out: nothing else is in it")
    })?;
    Ok(reader.keep_blocks(store))
}

/// Each target has a ledger of its own. The real one lies beside `products/`, to be committed; a
/// rehearsal's goes with the twin's state.
fn ledger_folder(workspace: &Workspace, target: TargetName, account: &AccountId) -> PathBuf {
    match target {
        TargetName::Aws => workspace.root.join("ledger").join(account.as_str()),
        TargetName::Twin => twin_folder(workspace).join("ledger"),
    }
}

async fn bucket(reader: &Reader, place: &BucketPlace) -> Result<Arc<dyn ObjectStore>, BucketError> {
    let region = reader.bucket_region(&place.bucket, Timestamp::now()).await?;
    reader.objects(&place.bucket, &region)
}

fn no_bucket(error: BucketError, place: &BucketPlace) -> Failure {
    if error.code().is_some() {
        return EngineError::Bucket(error).into();
    }
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Failure::other(
        format!("the ledger {place} can't be opened: {error}{cause}"),
        format!("make the bucket (aws s3 mb s3://{}), or mend ledger in bakehouse.toml", place.bucket),
    )
}

/// Refuses endpoint variables that are set to nothing: the SDK does not take them for unset.
fn refuse_empty_endpoints() -> Result<(), Failure> {
    let empty = std::env::vars_os().find(|(name, value)| name.to_string_lossy().starts_with("AWS_ENDPOINT_URL") && value.is_empty());
    match empty {
        Some((name, _)) => {
            let name = name.to_string_lossy();
            Err(Failure::other(format!("{name} is set, and to nothing"), format!("unset {name}")))
        }
        None => Ok(()),
    }
}

/// Refuses an account that the workspace does not name. A twin is refused by the clients themselves.
fn refuse_strange_account(workspace: &Workspace, identity: &Identity) -> Result<(), Failure> {
    match &workspace.settings.account {
        None => Err(Failure::other(
            format!("bakehouse.toml does not say which account is meant; the credentials are of {}", identity.account),
            format!("write account = \"{}\" into bakehouse.toml if that is the one", identity.account),
        )),
        Some(wanted) if *wanted != identity.account => Err(Failure::other(
            format!("the credentials are of account {}, bakehouse.toml says {wanted}", identity.account),
            "choose other credentials (--profile NAME) or another workspace",
        )),
        Some(_) => Ok(()),
    }
}

/// Templates of the product's own are small texts; a larger file is none.
const MOST_TEMPLATE_BYTES: u64 = 256 * 1024;

/// Reads a product's own templates by their path below its `templates/`, which has the folders of the embedded ones.
fn overrides(folder: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let mut found = BTreeMap::new();
    let Ok(folders) = std::fs::read_dir(folder) else { return Ok(found) };
    let unreadable =
        |path: &Path, why: String| Failure::other(format!("the template {} can't be read: {why}", path.display()), "mend or remove it");
    for kind in folders.flatten().filter(|entry| entry.file_type().is_ok_and(|t| t.is_dir())) {
        let files = std::fs::read_dir(kind.path()).map_err(|e| unreadable(&kind.path(), e.to_string()))?;
        for file in files.flatten().filter(|entry| entry.file_type().is_ok_and(|t| t.is_file())) {
            let path = file.path();
            if file.metadata().map_err(|e| unreadable(&path, e.to_string()))?.len() > MOST_TEMPLATE_BYTES {
                return Err(unreadable(&path, format!("it is larger than {MOST_TEMPLATE_BYTES} bytes")));
            }
            let text = std::fs::read_to_string(&path).map_err(|e| unreadable(&path, e.to_string()))?;
            found.insert(format!("{}/{}", kind.file_name().to_string_lossy(), file.file_name().to_string_lossy()), text);
        }
    }
    Ok(found)
}
