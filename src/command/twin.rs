//! `bakehouse twin …`: the stand-in for AWS on this machine.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use tokio::net::TcpListener;

use super::context;
use super::local_twin::{self, open_twin, twin_folder};
use crate::cli::Global;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::manifest::Workspace;
use crate::model::ids::{Architecture, ImageId, Region};
use crate::rules::names::nearest;
use crate::template::shell_quote;
use crate::twin::base::{self, Imported, Sources, debian};
use crate::twin::consistency::Windows;
use crate::twin::ec2::{BaseImage, DEBIAN_ACCOUNT, Registered, register_base};
use crate::twin::limits::{self, Quota};
use crate::twin::{self, Twin, machines};
use crate::ui::{self, Ui};

/// Where Debian publishes the id of its newest image of release 13.
///
/// Source: <https://wiki.debian.org/Cloud/AmazonEC2Image/Trixie>
const DEBIAN_13_PARAMETER: &str = "/aws/service/debian/release/13/latest/amd64";

/// Arguments of `twin`.
#[derive(Debug, Args)]
pub struct TwinArgs {
    /// What about it.
    #[command(subcommand)]
    pub command: TwinCommand,
}

/// What about the twin.
#[derive(Debug, Subcommand)]
pub enum TwinCommand {
    /// Serve it on a port of this machine, for the AWS CLI, boto3 and any other client
    Serve(ServeArgs),
    /// Print what a shell exports so that other clients find it: eval "$(bakehouse twin env)"
    Env(EnvArgs),
    /// Remove it with all it holds; the next command makes a new one, with a new account
    Reset(ResetArgs),
    /// Base images to bake from
    Base(BaseArgs),
    /// Print what it emulates, what it refuses and where it differs (docs/twin.md)
    Describe(DescribeArgs),
    /// Connect standard input and output to a socket (QEMU runs this for its guests)
    #[command(hide = true)]
    Relay {
        /// The socket
        socket: PathBuf,
    },
}

/// Arguments of `twin serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Listen here; loopback addresses only
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4566")]
    pub listen: std::net::SocketAddr,
    /// Hide what was just made or tagged for so long: 2s, or by kind: instance=30s,tags=5s
    #[arg(long, value_name = "WINDOWS", default_value = "0s")]
    pub consistency: Windows,
    /// Whether operations can be called only as often as AWS lets them be
    #[arg(long, value_enum, default_value_t = Rates::On)]
    pub rates: Rates,
    /// Give the account another value of a quota, by its code or name
    #[arg(long = "quota", value_name = "CODE=NUMBER", value_parser = parse_quota)]
    pub quotas: Vec<(&'static Quota, u64)>,
    /// Forbid an operation, in IAM's words: ec2:CopyImage
    #[arg(long, value_name = "ACTION", value_parser = parse_action)]
    pub deny: Vec<String>,
}

/// The ports by which instances are called most: SSH's and the web's.
const CLIENTS_PORTS: [u16; 3] = [22, 80, 443];

/// Whether rates are limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Rates {
    /// As AWS documents them.
    On,
    /// Not at all.
    Off,
}

fn parse_quota(text: &str) -> Result<(&'static Quota, u64), String> {
    let (name, value) = text.split_once('=').ok_or("a quota is given as CODE=NUMBER")?;
    let quota = limits::find(name).ok_or_else(|| format!("the twin has no quota {name:?}; docs/twin.md lists them"))?;
    Ok((quota, value.parse().map_err(|_| format!("{value:?} is no number"))?))
}

fn parse_action(text: &str) -> Result<String, String> {
    let known = twin::describe::actions();
    if known.iter().any(|action| action == text) {
        return Ok(text.to_owned());
    }
    let meant = nearest(text, &known).map(|action| format!("did you mean {action}?"));
    let meant = meant.unwrap_or_else(|| "docs/twin.md lists what there is".to_owned());
    Err(format!("the twin has no operation {text:?}: {meant}"))
}

/// Arguments of `twin describe`.
#[derive(Debug, Args)]
pub struct DescribeArgs {
    /// How to write it
    #[arg(long, value_enum, default_value_t = DescribeFormat::Markdown)]
    pub format: DescribeFormat,
}

/// How the description is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DescribeFormat {
    /// A page for people.
    Markdown,
    /// The operations alone, for programs.
    Json,
}

/// Arguments of `twin env`.
#[derive(Debug, Args)]
pub struct EnvArgs {
    /// The endpoint to print, when the twin is not being served yet
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
}

/// Arguments of `twin reset`.
#[derive(Debug, Args)]
pub struct ResetArgs {
    /// Don't ask
    #[arg(short, long)]
    pub yes: bool,
}

/// Arguments of `twin base`.
#[derive(Debug, Args)]
pub struct BaseArgs {
    /// What about base images.
    #[command(subcommand)]
    pub command: BaseCommand,
}

/// What about base images.
#[derive(Debug, Subcommand)]
pub enum BaseCommand {
    /// Build a lean, bootable base from Debian's packages and register it as a public image
    Build(BaseBuildArgs),
    /// Register a raw or qcow2 cloud image as a public image
    Import(BaseImportArgs),
}

/// Arguments of `twin base build`.
#[derive(Debug, Args)]
pub struct BaseBuildArgs {
    /// Which one
    pub base: BaseName,
    /// Build it, with today's packages, even if the twin has one
    #[arg(long)]
    pub again: bool,
}

/// The bases that can be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BaseName {
    /// Debian 13 (trixie), x86_64.
    #[value(name = "debian-13")]
    Debian13,
}

/// Arguments of `twin base import`.
#[derive(Debug, Args)]
pub struct BaseImportArgs {
    /// The disk image, raw or qcow2
    pub file: PathBuf,
    /// The image's name, by which a manifest may find it (image.base); one of this name is replaced
    #[arg(long)]
    pub name: String,
    /// The processor that it is made for: x86_64 or arm64
    #[arg(long, default_value_t = Architecture::X86_64)]
    pub architecture: Architecture,
    /// How it starts; the manifest's image.boot-mode has to say the same, and does unless told otherwise
    #[arg(long, value_enum)]
    pub boot_mode: Option<ImportBootMode>,
    /// Publish its id under this public parameter (below /aws/service/), for manifests to find it by
    #[arg(long, value_name = "NAME")]
    pub parameter: Option<String>,
    /// The account that it belongs to; Debian's unless told otherwise
    #[arg(long, default_value = DEBIAN_ACCOUNT)]
    pub owner: crate::model::ids::AccountId,
}

/// How an imported image starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportBootMode {
    /// UEFI.
    Uefi,
    /// BIOS.
    LegacyBios,
    /// UEFI where the instance type has it, else BIOS.
    UefiPreferred,
}

impl ImportBootMode {
    /// Returns what a manifest that doesn't say takes for an architecture.
    fn usual(architecture: Architecture) -> Self {
        match architecture {
            Architecture::X86_64 => Self::UefiPreferred,
            Architecture::Arm64 => Self::Uefi,
        }
    }
}

/// Carries out a command on the twin.
///
/// # Errors
///
/// When the twin is in use, its folder can't be used, or a program is missing.
pub async fn run(global: &Global, args: TwinArgs) -> Result<(), Failure> {
    if let TwinCommand::Relay { socket } = &args.command {
        return machines::relay(socket)
            .map_err(|e| Failure::other(format!("the relay to {} ended: {e}", socket.display()), "is the twin running?"));
    }
    if let TwinCommand::Describe(args) = &args.command {
        ui::print(&match args.format {
            DescribeFormat::Markdown => twin::describe::page(),
            DescribeFormat::Json => format!("{:#}\n", twin::describe::json()),
        });
        return Ok(());
    }
    let workspace = context::workspace(global)?;
    let ui = Ui::new();
    match args.command {
        TwinCommand::Serve(args) => serve(global, &workspace, &ui, &args).await,
        TwinCommand::Env(args) => env(global, &workspace, &ui, &args),
        TwinCommand::Reset(args) => reset(global, &workspace, &ui, &args).await,
        TwinCommand::Base(BaseArgs { command: BaseCommand::Build(args) }) => build(global, &workspace, ui, &args).await,
        TwinCommand::Base(BaseArgs { command: BaseCommand::Import(args) }) => import(global, &workspace, ui, &args).await,
        TwinCommand::Describe(_) | TwinCommand::Relay { .. } => Ok(()),
    }
}

async fn serve(global: &Global, workspace: &Workspace, ui: &Ui, args: &ServeArgs) -> Result<(), Failure> {
    let cannot = |e: std::io::Error| {
        Failure::other(format!("the twin can't be served on {}: {e}", args.listen), "choose another port with --listen")
    };
    let options = twin::Options {
        windows: args.consistency,
        limit_rates: args.rates == Rates::On,
        denied: args.deny.iter().cloned().collect(),
        ..local_twin::twin_options(global)?
    };
    let twin = local_twin::open_twin_with(global, workspace, options)?;
    if !args.quotas.is_empty() {
        let given = args.quotas.iter().map(|(quota, value)| (quota.name.to_owned(), *value));
        twin.change(|state| {
            state.quotas.extend(given);
            Ok::<_, std::io::Error>(())
        })
        .map_err(cannot)?;
    }
    let listener = TcpListener::bind(args.listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    ui.say(&format!("the twin (account {}) is served on http://{address}; Ctrl-C ends it", twin.account()));
    if local_twin::is_emulated(&twin) {
        ui.say(context::EMULATED);
    }
    let ssh = machines::host_port(22);
    if ssh != 22 {
        ui.say(&format!(
            "note: this user may not open ports below 1024: port 22 of an instance is at port {ssh} of its address (all of them \
             40000 higher); sudo sysctl net.ipv4.ip_unprivileged_port_start=22 gives them their own numbers"
        ));
    }
    for port in CLIENTS_PORTS.into_iter().filter(|port| machines::is_answered_by_another(*port)) {
        ui.say(&format!(
            "note: another server of this machine listens on all addresses at port {port}: who connects to that port of an \
             instance meets it, not the instance; have it listen on an address of its own, or end it"
        ));
    }
    ui.say("other clients find it by: eval \"$(bakehouse twin env)\"");
    let leave = global.leave.heeded();
    twin::serve::serve(twin, listener, async move { leave.asked().await }).await.map_err(cannot)
}

fn env(global: &Global, workspace: &Workspace, ui: &Ui, args: &EnvArgs) -> Result<(), Failure> {
    let folder = twin_folder(workspace);
    let running = twin::serve::running(&folder);
    if running.is_none() {
        // Makes the twin if there is none, so that it has credentials to print.
        drop(open_twin(global, workspace)?);
    }
    let caller = twin::peek(&folder)?;
    let endpoint = match (&args.endpoint, running) {
        (Some(endpoint), _) => endpoint.clone(),
        (None, Some(running)) => running.url,
        (None, None) => {
            ui.say("note: the twin is not being served; start `bakehouse twin serve` on this port");
            "http://127.0.0.1:4566".to_owned()
        }
    };
    let (id, secret) = caller.credentials;
    let exports = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", &id),
        ("AWS_SECRET_ACCESS_KEY", &secret),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let mut text: String = exports.iter().map(|(name, value)| format!("export {name}={}\n", shell_quote(value))).collect();
    text.push_str("unset AWS_PROFILE AWS_SESSION_TOKEN\n");
    ui::print(&text);
    Ok(())
}

async fn reset(global: &Global, workspace: &Workspace, ui: &Ui, args: &ResetArgs) -> Result<(), Failure> {
    let folder = twin_folder(workspace);
    if !folder.exists() {
        ui.say("there is no twin to remove");
        return Ok(());
    }
    if !args.yes && !ui.confirm(&format!("{} goes with all images and its ledger.", folder.display()), "reset").unwrap_or(false) {
        return Err(Failure::Unconfirmed { what: "nothing was removed", hint: "--yes removes it without asking" });
    }
    Twin::remove(&folder, &local_twin::machines(global)?, Clock::System.now()).await?;
    ui.say(&format!("removed {}", folder.display()));
    Ok(())
}

async fn build(global: &Global, workspace: &Workspace, ui: Ui, args: &BaseBuildArgs) -> Result<(), Failure> {
    let BaseName::Debian13 = args.base;
    let twin = open_twin(global, workspace)?;
    let region = workspace.settings.region.clone();
    if !args.again {
        let known = twin.read(|state| {
            let images = state.regions.get(&region).map(|r| &r.images);
            images.and_then(|images| {
                images.values().find(|i| i.public && i.name.starts_with("debian-13-amd64-")).map(|i| (i.id.clone(), i.name.clone()))
            })
        });
        if let Some((id, name)) = known {
            ui.say(&format!("the twin has {id} ({name}) already; --again builds a new one"));
            return Ok(());
        }
    }
    let mmdebstrap = machines::find_program("mmdebstrap").unwrap_or_default();
    let sources = Sources::of_machine(std::path::Path::new("/etc/apt"), &mmdebstrap).map_err(|e| base_failure(&e, e.hint()))?;
    let work = tempfile::Builder::new()
        .prefix("base-")
        .tempdir_in(twin_folder(workspace))
        .map_err(|e| Failure::other(format!("the build's folder can't be made: {e}"), "is the disk full?"))?;
    let options = debian::Options { work: work.path().to_owned(), disk: work.path().join("disk.raw"), sources, now: twin.clock().now() };
    ui.say("building debian-13 from packages; two or three minutes");
    let ui = Arc::new(ui);
    let talk = ui.clone();
    let built = tokio::task::spawn_blocking(move || debian::build(&options, &|line| talk.say(&format!("    | {line}"))))
        .await
        .map_err(|e| Failure::other(format!("the build broke off: {e}"), "try again"))?
        .map_err(|e| base_failure(&e, e.hint()))?;
    // Debian publishes its image on EC2 as uefi-preferred, so that one manifest serves both; every
    // Nitro instance type then starts it by UEFI, which is what this disk has.
    let boot_mode = match built.boot_mode {
        machines::BootMode::Uefi => "uefi-preferred",
        machines::BootMode::LegacyBios => "legacy-bios",
    };
    let image = BaseImage {
        name: built.name,
        description: built.description,
        disk: built.disk,
        size_bytes: built.size_bytes,
        boot_mode: Some(boot_mode.to_owned()),
        architecture: Architecture::X86_64,
        owner: DEBIAN_ACCOUNT.parse().expect("twelve digits"),
    };
    let (id, moved) = register(&twin, &region, image, &ui).await?;
    if moved.iter().any(|parameter| parameter == DEBIAN_13_PARAMETER) {
        return Ok(());
    }
    publish(&twin, &region, DEBIAN_13_PARAMETER, &id, &ui)
}

async fn import(global: &Global, workspace: &Workspace, ui: Ui, args: &BaseImportArgs) -> Result<(), Failure> {
    if let Some(parameter) = args.parameter.as_ref().filter(|parameter| !parameter.starts_with("/aws/service/")) {
        return Err(Failure::other(format!("{parameter} is no public parameter"), "public parameters begin with /aws/service/"));
    }
    let twin = open_twin(global, workspace)?;
    let region = workspace.settings.region.clone();
    let work = tempfile::Builder::new()
        .prefix("base-")
        .tempdir_in(twin_folder(workspace))
        .map_err(|e| Failure::other(format!("the import's folder can't be made: {e}"), "is the disk full?"))?;
    let disk = work.path().join("disk.raw");
    let ui = Arc::new(ui);
    let (talk, file, target) = (ui.clone(), args.file.clone(), disk.clone());
    let Imported { size_bytes, has_cloud_init } =
        tokio::task::spawn_blocking(move || base::import(&file, &target, &|line| talk.say(&format!("    | {line}"))))
            .await
            .map_err(|e| Failure::other(format!("the import broke off: {e}"), "try again"))?
            .map_err(|e| {
                let cause = std::error::Error::source(&e).map(|cause| format!(": {cause}")).unwrap_or_default();
                Failure::other(format!("the base can't be imported: {e}{cause}"), e.hint())
            })?;
    let boot_mode = match args.boot_mode.unwrap_or(ImportBootMode::usual(args.architecture)) {
        ImportBootMode::Uefi => "uefi",
        ImportBootMode::LegacyBios => "legacy-bios",
        ImportBootMode::UefiPreferred => "uefi-preferred",
    };
    let image = BaseImage {
        name: args.name.clone(),
        description: format!("Imported from {}", args.file.file_name().unwrap_or_default().to_string_lossy()),
        disk,
        size_bytes,
        boot_mode: Some(boot_mode.to_owned()),
        architecture: args.architecture,
        owner: args.owner.clone(),
    };
    let (id, moved) = register(&twin, &region, image, &ui).await?;
    if !has_cloud_init {
        ui.say(
            "warning: there is no cloud-init on it, which takes up what an instance is given: a bake from it waits for its deadline \
             and fails; import a cloud image that has it",
        );
    }
    match &args.parameter {
        Some(parameter) if !moved.contains(parameter) => publish(&twin, &region, parameter, &id, &ui),
        _ => Ok(()),
    }
}

/// Registers a base; returns its id, and the parameters that name it by now.
async fn register(twin: &Arc<Twin>, region: &Region, image: BaseImage, ui: &Ui) -> Result<(ImageId, Vec<String>), Failure> {
    let name = image.name.clone();
    let Registered { id, replaced, moved } = register_base(twin, region, image)
        .await
        .map_err(|e| Failure::other(format!("{name} can't be registered: {e}"), "the twin refuses what EC2 refuses"))?;
    let instead = replaced.map(|old| format!(", instead of {old}, which is removed")).unwrap_or_default();
    ui.say(&format!("{id} ({name}) is a public image in {region}{instead}"));
    for parameter in &moved {
        ui.say(&format!("the parameter {parameter} names it by now"));
    }
    Ok((id, moved))
}

fn publish(twin: &Twin, region: &Region, parameter: &str, id: &ImageId, ui: &Ui) -> Result<(), Failure> {
    twin::publish_parameter(twin, region, parameter, id.as_str())
        .map_err(|e| Failure::other(format!("{parameter} can't be written: {e}"), "try again"))?;
    ui.say(&format!("manifests find it by the parameter {parameter}"));
    Ok(())
}

fn base_failure(error: &base::BuildError, hint: Option<String>) -> Failure {
    let mut what = format!("the base can't be built: {error}");
    if let Some(source) = std::error::Error::source(error) {
        what.push_str(&format!(": {source}"));
    }
    Failure::Other { what, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_is_an_operation_of_the_twin() {
        for action in ["ec2:CopyImage", "s3:PutObject", "aws-marketplace:StartChangeSet", "ebs:GetSnapshotBlock", "ssm:GetParameter"] {
            assert_eq!(parse_action(action), Ok(action.to_owned()));
        }
        let misspelt = parse_action("ec2:CopyImages").unwrap_err();
        assert!(misspelt.ends_with("did you mean ec2:CopyImage?"), "{misspelt}");
        assert!(parse_action("ec2:copyimage").unwrap_err().contains("ec2:CopyImage"));
        assert!(parse_action("CopyImage").is_err() && parse_action("nonsense").unwrap_err().contains("docs/twin.md"));
    }
}
