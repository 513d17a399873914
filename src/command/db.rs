//! `bakehouse db`: the database of advisories, built on this machine to be asked offline.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;

use super::context::cache_folder;
use super::db_inputs;
use super::db_update::{self, UpdateArgs};
use crate::advisories::{About, Builder, Database, DatabaseError, Ecosystem, MAGIC, Misnumbered, Source};
use crate::cli::{Format, Global};
use crate::clock::Clock;
use crate::disk::FileSource;
use crate::failure::Failure;
use crate::model::count::{counted, counted_as};
use crate::model::digest::Digest;
use crate::ui::{self, Ui};

/// Arguments of `db`.
#[derive(Debug, Args)]
pub struct DbArgs {
    /// What about the database.
    #[command(subcommand)]
    pub command: DbCommand,
}

/// What about the database.
#[derive(Debug, Subcommand)]
pub enum DbCommand {
    /// Build the database from files that are here: OSV records, updateinfo.xml, KEV, EPSS, ends of life
    ///
    /// What a file is, its content tells, packed by gzip or not. These are read:
    ///
    ///   OSV records (https://google.github.io/osv.dev/data/), one a .json file, or many in a .zip
    ///   as https://osv-vulnerabilities.storage.googleapis.com/Debian/all.zip has them;
    ///   updateinfo.xml of Amazon Linux, from the repodata of its repositories;
    ///   CISA's catalogue of what attackers use,
    ///   https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json;
    ///   EPSS, https://epss.empiricalsecurity.com/epss_scores-current.csv.gz;
    ///   ends of life, https://endoflife.date/api/v1/products/full (or .../api/NAME.json);
    ///   Debian's tables of releases, debian.csv and ubuntu.csv of
    ///   https://salsa.debian.org/debian/distro-info-data.
    #[command(verbatim_doc_comment)]
    Build(BuildArgs),
    /// Fetch what is published, and build the database of it; only what changed is fetched
    Update(UpdateArgs),
    /// Tell what the database holds: sources, licences, ages, counts. All of it is held against its digest
    Info(InfoArgs),
}

/// Arguments of `db build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Read this folder, with all below it, or this file; as often as is wanted
    #[arg(long, required = true, value_name = "PATH", num_args = 1..)]
    pub from: Vec<PathBuf>,
    /// Leave out what can't be read, and name it in the database, instead of failing
    #[arg(long)]
    pub skip_damaged: bool,
    /// What reports are to say of the database, such as that it is a sample
    #[arg(long, value_name = "TEXT")]
    pub label: Option<String>,
    /// The day on which the files were had from their publishers, where nothing beside them says it; their age is told
    /// by it, and otherwise by the newest record
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<Date>,
    /// How to write what came of it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Arguments of `db info`.
#[derive(Debug, Args)]
pub struct InfoArgs {
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Builds the database, or tells of it.
///
/// # Errors
///
/// When sources are damaged, or the database can't be read or written.
pub async fn run(global: &Global, args: &DbArgs) -> Result<(), Failure> {
    match &args.command {
        DbCommand::Build(args) => build(global, args),
        DbCommand::Update(args) => db_update::run(global, args).await,
        DbCommand::Info(args) => info(global, args),
    }
}

/// Returns the database's file.
pub(super) fn place(global: &Global) -> PathBuf {
    global.database.clone().unwrap_or_else(|| cache_folder().join("advisories").join("advisories.db"))
}

/// Opens the database; none where there is no file.
///
/// # Errors
///
/// When there is one that can't be read.
pub(super) fn open(path: &Path) -> Result<Option<Arc<Database>>, Failure> {
    if path.is_dir() {
        return Err(is_folder(path));
    }
    match FileSource::open(path) {
        Ok(source) => Database::open(Arc::new(source)).map(|database| Some(Arc::new(database))).map_err(|error| unreadable(path, &error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::other(format!("{} can't be opened: {error}", path.display()), "--database names another")),
    }
}

/// The same, all of it read and held against its digest, before it decides over anything; says where there is none.
///
/// # Errors
///
/// The same; when it was changed.
pub(super) fn open_whole(path: &Path, ui: &Ui) -> Result<Option<Arc<Database>>, Failure> {
    let database = open(path)?;
    match &database {
        Some(database) => database.verify().map_err(|error| unreadable(path, &error))?,
        None => ui.say(&format!("note: there is no database of advisories at {}: {MAKES_ONE}", path.display())),
    }
    Ok(database)
}

const MAKES_ONE: &str =
    "bakehouse db update fetches what is published and makes one; db build --from FOLDER makes one of files that are here";

fn is_folder(path: &Path) -> Failure {
    Failure::other(
        format!("{} is a folder, and no database of advisories", path.display()),
        format!("--database names a file: {}", path.join("advisories.db").display()),
    )
}

fn unreadable(path: &Path, error: &DatabaseError) -> Failure {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    let remedy = match error {
        DatabaseError::Foreign => "--database names a file that bakehouse db update or db build has made",
        _ => "bakehouse db update makes it anew, as does db build --from FOLDER",
    };
    Failure::other(format!("{} can't be used: {error}{source}", path.display()), remedy)
}

/// Refuses to put a database in the place of something else; one that is damaged, or of another format, is one.
fn refuse_other(path: &Path) -> Result<(), Failure> {
    if path.is_dir() {
        return Err(is_folder(path));
    }
    let mut head = [0; MAGIC.len()];
    let there = std::fs::metadata(path).is_ok_and(|found| !found.is_file() || found.len() > 0);
    let is_database = File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && &head == MAGIC;
    if !there || is_database {
        return Ok(());
    }
    Err(Failure::other(
        format!("{} is there and is no database of advisories; nothing was built", path.display()),
        "--database names another place: a database replaces an earlier one, and nothing else",
    ))
}

/// How many files that were passed over are named.
const MOST_NAMED: usize = 10;

/// Says which files of a folder are no source.
fn passed_over(place: &Path, files: &[String]) -> Option<String> {
    let named = files.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if files.len() > MOST_NAMED { format!(" and {} more", files.len() - MOST_NAMED) } else { String::new() };
    (!files.is_empty()).then(|| format!("note: of no kind that is known, and passed over in {}: {named}{more}", place.display()))
}

/// Builds the database of what is here.
pub(super) fn build(global: &Global, args: &BuildArgs) -> Result<(), Failure> {
    let ui = Ui::of(global);
    let mut builder = Builder::new();
    let mut inputs = 0;
    let as_of = args.as_of.map(start_of);
    if as_of.is_some_and(|as_of| as_of > Clock::System.now()) {
        return Err(Failure::other("--as-of names a day that is to come", "name the day on which the files were had"));
    }
    let path = place(global);
    refuse_other(&path)?;
    for place in &args.from {
        let taken = db_inputs::add(place, as_of, &mut builder)?;
        inputs += taken.inputs;
        if let Some(told) = passed_over(place, &taken.passed_over) {
            ui.say(&ui::harmless(&told));
        }
    }
    if inputs == 0 {
        return Err(Failure::other(
            "there is nothing to build a database from",
            "--from names folders or files (.zip, .json, .xml, .csv, .gz); db build --help says which are read and where they are to be had",
        ));
    }
    for fault in builder.faults() {
        ui.say(&ui::harmless(&fault.to_string()));
    }
    for (ecosystem, found) in builder.misnumbered() {
        ui.say(&ui::harmless(&misnumbered(*ecosystem, found)));
    }
    let damaged = builder.damaged();
    if damaged > 0 && !args.skip_damaged {
        return Err(Failure::other(
            format!("{} can't be read; {}", counted(damaged, "record"), as_it_was(&path)),
            "--skip-damaged leaves them out and names them in the database; db build --help says what is read",
        ));
    }
    if builder.is_empty() {
        return Err(Failure::other(
            format!("nothing that was read says anything of flaws; {}", as_it_was(&path)),
            "db build --help says which files are read, and where they are to be had",
        ));
    }
    let (digest, about) = write(builder, args.label.clone(), &path)?;
    tell(&path, digest, &about, args.format);
    Ok(())
}

/// Says what of an ecosystem's ranges can't be compared, and what scans make of it.
fn misnumbered(ecosystem: Ecosystem, Misnumbered { count, file, record, value }: &Misnumbered) -> String {
    format!(
        "note: {} of ranges of {ecosystem} can't be a version there, such as {value:?} in {record} ({file}); a scan takes such a bound to end \
         no range, and to begin one before all versions",
        counted(*count, "bound"),
    )
}

/// The first moment of a day (UTC): what is told by the day is not told to be newer than it is.
fn start_of(day: Date) -> Timestamp {
    day.to_zoned(TimeZone::UTC).map_or(Timestamp::MIN, |zoned| zoned.timestamp())
}

/// Says what has become of the database when none was built.
pub(super) fn as_it_was(path: &Path) -> String {
    match path.exists() {
        true => format!("{} stays as it is", path.display()),
        false => format!("there is none at {} yet", path.display()),
    }
}

/// Writes the database beside the old one, which it replaces once it is whole and on disk.
fn write(builder: Builder, label: Option<String>, path: &Path) -> Result<(Digest, About), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let wrong = |error: std::io::Error| {
        let remedy = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                format!("make room in {}, or name another place by --database", folder.display())
            }
            _ => "--database names another place".to_owned(),
        };
        Failure::other(format!("{} can't be written: {error}; {}", path.display(), as_it_was(path)), remedy)
    };
    std::fs::create_dir_all(folder).map_err(|error| {
        Failure::other(
            format!("{} can't be written: the folder {} can't be made: {error}", path.display(), folder.display()),
            "--database names another place",
        )
    })?;
    let draft = tempfile::Builder::new().prefix(".advisories-").tempfile_in(folder).map_err(wrong)?;
    let mut writer = BufWriter::with_capacity(1 << 20, draft);
    let written = builder.finish(label, &mut writer).map_err(|error| match error {
        DatabaseError::Write { source } => wrong(source),
        other => Failure::other(format!("{} can't be built: {other}; {}", path.display(), as_it_was(path)), "build it of less"),
    })?;
    writer.flush().map_err(wrong)?;
    let draft = writer.into_inner().map_err(|error| wrong(error.into_error()))?;
    readable_by_all(draft.as_file()).map_err(wrong)?;
    draft.as_file().sync_all().map_err(wrong)?;
    draft.persist(path).map_err(|error| wrong(error.error))?;
    Ok(written)
}

/// A draft is its maker's alone; the database is nobody's secret.
fn readable_by_all(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

fn info(global: &Global, args: &InfoArgs) -> Result<(), Failure> {
    let path = place(global);
    let none = || Failure::other(format!("there is no database at {}", path.display()), MAKES_ONE);
    let database = open(&path)?.ok_or_else(none)?;
    let about = database.verify().and_then(|()| database.about()).map_err(|error| unreadable(&path, &error))?;
    tell(&path, database.digest(), &about, args.format);
    Ok(())
}

fn tell(path: &Path, digest: Digest, about: &About, format: Format) {
    match format {
        Format::Json => ui::print(&format!("{:#}\n", json!({ "format": 1, "path": path, "digest": digest, "about": about }))),
        Format::Text => ui::print(&text(path, digest, about, Clock::System.now())),
    }
}

fn text(path: &Path, digest: Digest, about: &About, now: Timestamp) -> String {
    let counts = about.counts;
    let mut text = format!("{}\n{digest}\n", path.display());
    if let Some(label) = &about.label {
        text.push_str(&format!("{}\n", ui::harmless(label)));
    }
    text.push_str(&format!(
        "{} of {}; {} known to be exploited, {} scored by EPSS, {} series with ends of life\n\n",
        counted_as(counts.advisories, "advisory", "advisories"),
        counted(counts.packages, "package"),
        counts.exploited,
        counts.likelihoods,
        counts.cycles
    ));
    let rows: Vec<Vec<String>> = about.sources.iter().flat_map(|source| source_rows(source, now)).collect();
    text.push_str(&ui::table(&["SOURCE", "OF", "RECORDS", "DAMAGED", "AS OF", "AGE", "LICENCE"], &rows));
    text
}

/// A line for each ecosystem that a source has, for they differ in licences; one for a source that has none.
fn source_rows(source: &Source, now: Timestamp) -> Vec<Vec<String>> {
    let name = ui::harmless(&source.file).into_owned();
    let day = |time: Option<Timestamp>| time.map_or_else(|| "-".to_owned(), |time| time.strftime("%Y-%m-%d").to_string());
    let age =
        |time: Option<Timestamp>| time.map_or_else(|| "-".to_owned(), |time| format!("{} d", now.duration_since(time).as_hours() / 24));
    let row = |of: &str, records: u64, as_of, licence: &str| {
        vec![name.clone(), of.to_owned(), records.to_string(), source.damaged.to_string(), day(as_of), age(as_of), licence.to_owned()]
    };
    if source.ecosystems.is_empty() {
        return vec![row(source.kind.as_str(), source.records, source.as_of(), source.kind.licence().unwrap_or("-"))];
    }
    let rows = source.ecosystems.iter();
    rows.map(|(ecosystem, stock)| row(ecosystem, stock.records, source.retrieved.or(Some(stock.newest)), &stock.licence)).collect()
}
