//! `bakehouse db update`: fetches what is published of flaws, and builds the database of it.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::context::cache_folder;
use super::db;
use super::db_inputs::{ORIGINS, Origin, Origins};
use super::db_sources::{self, EXTRAS, Repository, Updateinfo};
use crate::advisories::Ecosystem;
use crate::cli::{Format, Global};
use crate::clock::Clock;
use crate::cloud::{DownloadError, Downloaded, Downloads, LARGEST_FILE_BYTES, Wanted};
use crate::failure::Failure;
use crate::model::digest::Digest;
use crate::ui::{self, Ui};

/// What is read into memory: lists of mirrors and the like.
const LARGEST_LIST_BYTES: u64 = 16 << 20;

/// So many files that no server answers for tell that there is no network.
const UNANSWERED: usize = 2;

/// Arguments of `db update`.
#[derive(Debug, Args)]
pub struct UpdateArgs {
    /// Fetch these ecosystems only, as OSV calls them: Debian, "Amazon Linux", PyPI [default: all but Chainguard, whose
    /// million records few images need]
    #[arg(long, value_name = "ECOSYSTEM", value_parser = ecosystem)]
    pub only: Vec<Ecosystem>,
    /// Keep what is fetched here [default: in the user's cache folder]
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// Ask this server for all of it, which has each address below its root: MIRROR/www.cisa.gov/…
    #[arg(long, value_name = "URL")]
    pub mirror: Option<String>,
    /// Leave out what can't be read, and name it in the database, instead of failing
    #[arg(long)]
    pub skip_damaged: bool,
    /// How to write what came of it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

fn ecosystem(text: &str) -> Result<Ecosystem, String> {
    let found = Ecosystem::all().find(|ecosystem| ecosystem.as_str().eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("one of {}", Ecosystem::all().map(Ecosystem::as_str).collect::<Vec<_>>().join(", ")))
}

/// Fetches and builds. What can't be had, but was once, is taken as it was then: its age tells.
///
/// # Errors
///
/// When something can't be had and never was; when the database can't be built. What was fetched stays.
pub async fn run(global: &Global, args: &UpdateArgs) -> Result<(), Failure> {
    let folder = args.folder.clone().unwrap_or_else(|| cache_folder().join("advisories").join("sources"));
    let mirror = args.mirror.as_deref().map(|mirror| mirror.trim_end_matches('/').to_owned());
    let origins = Origins { format: 1, ..Origins::read(&folder)? };
    let mut update = Update {
        ui: Ui::of(global),
        downloads: Downloads::new(Clock::System),
        folder,
        mirror,
        origins,
        failures: Vec::new(),
        answered: Err(Vec::new()),
    };
    let ecosystems: Vec<Ecosystem> = match args.only.as_slice() {
        [] => Ecosystem::all().filter(|&ecosystem| ecosystem != Ecosystem::Chainguard).collect(),
        only => only.to_vec(),
    };
    for file in db_sources::published(&ecosystems) {
        update.file(&file.path, &file.url, None).await?;
        update.refuse_without_network(&db::place(global))?;
    }
    if ecosystems.contains(&Ecosystem::AmazonLinux) {
        update.amazon().await?;
    }
    Failure::all(update.failures)?;
    let from = vec![update.folder];
    let build = db::BuildArgs { from, skip_damaged: args.skip_damaged, label: None, as_of: None, format: args.format };
    db::build(global, &build)
}

struct Update {
    ui: Ui,
    downloads: Downloads,
    folder: PathBuf,
    mirror: Option<String>,
    origins: Origins,
    failures: Vec<Failure>,
    /// Whether any server has answered yet; until then, why the first ones did not.
    answered: Result<(), Vec<String>>,
}

impl Update {
    /// Gives up once some files were asked for and no server has answered: the others would each be waited for in vain.
    fn refuse_without_network(&self, database: &Path) -> Result<(), Failure> {
        match &self.answered {
            Err(unanswered) if unanswered.len() >= UNANSWERED => Err(Failure::other(
                format!("no server answers; {}: {}", db::as_it_was(database), unanswered.join("; ")),
                "is there a network? db build --from FOLDER builds of files that are here, --mirror asks another server for all",
            )),
            _ => Ok(()),
        }
    }

    /// Fetches a file and notes where it is from, at once: whoever is interrupted goes on from here.
    async fn file(&mut self, path: &str, url: &str, digest: Option<Digest>) -> Result<(), Failure> {
        let to = self.folder.join(path);
        // Another address may call other bytes the same.
        let known = self.origins.files.get(path).filter(|origin| origin.url == url);
        let etag = known.and_then(|origin| origin.etag.clone());
        let asked = self.address(url);
        let wanted = Wanted { url: &asked, to: &to, etag: etag.as_deref(), digest, most_bytes: LARGEST_FILE_BYTES };
        let fetched = self.downloads.fetch(&wanted).await;
        match (&fetched, &mut self.answered) {
            (Err(error @ DownloadError::Silent { .. }), Err(unanswered)) => unanswered.push(ui::harmless(&told(error)).into_owned()),
            _ => self.answered = Ok(()),
        }
        match fetched {
            Ok(Downloaded::Unchanged) => {
                self.ui.say(&format!("{path} is unchanged"));
                self.note(path, url, etag)
            }
            Ok(Downloaded::New { etag }) => {
                self.ui.say(&format!("{path} fetched"));
                self.note(path, url, etag)
            }
            Err(error) => {
                self.failed(path, self.is_had(path), &told(&error));
                Ok(())
            }
        }
    }

    /// Tells whether a file was had once.
    fn is_had(&self, path: &str) -> bool {
        self.origins.files.contains_key(path) && self.folder.join(path).exists()
    }

    /// Says that something can't be had now; a failure, unless it was had once.
    fn failed(&mut self, what: &str, was_had: bool, why: &str) {
        let why = ui::harmless(why);
        if was_had {
            self.ui.say(&format!("{why}; {what} is taken as it was"));
        } else if what == db_sources::DISPENSABLE {
            self.ui.say(&format!("{why}; the database is built without it, since it decides over nothing"));
        } else {
            self.failures.push(Failure::other(format!("{what} can't be had: {why}"), "bakehouse db update goes on where it stopped"));
        }
    }

    fn note(&mut self, path: &str, url: &str, etag: Option<String>) -> Result<(), Failure> {
        let origin = Origin { url: url.to_owned(), retrieved: Clock::System.now(), etag };
        self.origins.files.insert(path.to_owned(), origin);
        let file = self.folder.join(ORIGINS);
        let write = || {
            let draft = tempfile::NamedTempFile::new_in(&self.folder)?;
            serde_json::to_writer_pretty(&draft, &self.origins)?;
            draft.persist(&file).map_err(|error| error.error).map(|_| ())
        };
        write().map_err(|error| Failure::other(format!("{} can't be written: {error}", file.display()), "--folder names another place"))
    }

    async fn amazon(&mut self) -> Result<(), Failure> {
        let mut repositories = db_sources::repositories();
        for (arch, url) in db_sources::extras_catalogues() {
            let catalogue = self.list(&url).await.map_err(|error| told(&error));
            match catalogue.and_then(|catalogue| db_sources::extras(arch, &catalogue)) {
                Ok(extras) => repositories.extend(extras),
                Err(why) => {
                    // Those that were had lie in the folder, and are read with it.
                    let was_had = self.origins.files.keys().any(|path| path.starts_with(EXTRAS) && path.contains(&format!(".{arch}.")));
                    self.failed(&format!("the list of Amazon Linux 2's extras for {arch}"), was_had, &why);
                }
            }
        }
        for repository in repositories {
            self.repository(&repository).await?;
        }
        Ok(())
    }

    /// Fetches a repository's `updateinfo`; one that isn't there, or has none, has nothing to say.
    async fn repository(&mut self, repository: &Repository) -> Result<(), Failure> {
        let path = format!("{}.xml.gz", repository.path);
        match self.updateinfo(repository).await {
            Ok(Some((mirror, updateinfo))) => self.file(&path, &format!("{mirror}{}", updateinfo.href), Some(updateinfo.digest)).await,
            Ok(None) => {
                self.ui.say(&format!("{} has no updateinfo", repository.path));
                Ok(())
            }
            // Not every extra is there for each architecture; the main repositories are.
            Err(error) if error.is_missing() && !repository.path.contains("/core.") && !self.is_had(&path) => {
                self.ui.say(&format!("{} isn't there", repository.path));
                Ok(())
            }
            Err(error) => {
                self.failed(&path, self.is_had(&path), &told(&error));
                Ok(())
            }
        }
    }

    /// Returns the mirror, and what it says of `updateinfo`.
    async fn updateinfo(&self, repository: &Repository) -> Result<Option<(String, Updateinfo)>, DownloadError> {
        let Some(mirror) = db_sources::mirror(&self.list(&repository.mirrors).await?) else { return Ok(None) };
        let repomd = self.list(&format!("{mirror}repodata/repomd.xml")).await?;
        Ok(db_sources::updateinfo(&repomd).map(|updateinfo| (mirror, updateinfo)))
    }

    /// Fetches a list that says where to go on.
    async fn list(&self, url: &str) -> Result<Vec<u8>, DownloadError> {
        let disk = |source| DownloadError::Disk { path: self.folder.clone(), source };
        fs::create_dir_all(&self.folder).map_err(disk)?;
        // Of its own: what is left of another list is no part of this one.
        let place = tempfile::Builder::new().prefix(".list-").tempdir_in(&self.folder).map_err(disk)?;
        let file = place.path().join("list");
        let wanted = Wanted { url: &self.address(url), to: &file, etag: None, digest: None, most_bytes: LARGEST_LIST_BYTES };
        self.downloads.fetch(&wanted).await?;
        fs::read(&file).map_err(disk)
    }

    /// Returns where an address is asked for: at its own server, or at the mirror.
    fn address(&self, url: &str) -> String {
        match (&self.mirror, url.split_once("://")) {
            (Some(mirror), Some((_, rest))) => format!("{mirror}/{rest}"),
            _ => url.to_owned(),
        }
    }
}

fn told(error: &DownloadError) -> String {
    let why = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    format!("{error}{why}")
}
