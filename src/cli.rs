//! The command line.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use crate::ci::Ci;
use crate::command;
use crate::engine::Leave;
use crate::examples;
use crate::failure::Failure;
use crate::model::target::TargetName;
use crate::model::waiver::WaiverOptions;
use crate::twin::faults::Tally;

/// Bakes, scans, versions, distributes and lists machine images on AWS Marketplace.
///
/// Works on the twin, a stand-in for AWS on this machine, unless bakehouse.toml or --on says aws.
#[derive(Debug, Parser)]
#[command(name = "bakehouse", version, after_help = EXIT_CODES)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "A first product: bakehouse init my-app · check · twin base build debian-13 · plan my-app · ship my-app

Exit codes: 0 done · 1 failed · 2 command line · 3 faulty manifest · 4 stopped by the scan or the boot · 5 pending, goes on \
at AWS · 6 refused by the Marketplace · 7 not approved · 8 differs from the record · 9 nothing has changed for the --version asked for · 130 interrupted";

/// What holds for every command.
#[derive(Debug, Args)]
pub struct Global {
    /// Work on this target [default: what bakehouse.toml says, else twin]
    #[arg(long = "on", global = true, help_heading = GLOBAL, value_name = "TARGET")]
    pub target: Option<Target>,
    /// Work in this workspace [default: the nearest one from here upwards]
    #[arg(short = 'C', long, global = true, help_heading = GLOBAL, value_name = "FOLDER")]
    pub workspace: Option<PathBuf>,
    /// Take on this role, with what the profile gives
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "ARN")]
    pub role: Option<crate::model::ids::RoleArn>,
    /// Use this profile of the AWS configuration
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "NAME")]
    pub profile: Option<String>,
    /// Say more about what is done: the guest's console, traces (twice: more still)
    #[arg(short, long, global = true, help_heading = GLOBAL, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// The database of advisories that scans ask, and that `db` builds [default: in the user's cache folder]
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE", env = "BAKEHOUSE_DATABASE")]
    pub database: Option<PathBuf>,
    /// What runs the twin's instances [default: qemu where it is installed, else none]
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "KIND", env = "BAKEHOUSE_MACHINES")]
    pub machines: Option<MachineKind>,
    /// The script of the twin's scripted guests
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE", env = "BAKEHOUSE_SCRIPT")]
    pub script: Option<PathBuf>,
    /// What goes wrong on the twin on purpose: a script of lost requests and answers, faults and refusals
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE", env = "BAKEHOUSE_FAULTS")]
    pub faults: Option<PathBuf>,
    /// Tell a runner what it can show: annotations, groups, a summary, outputs
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "HOST")]
    pub ci: Option<Ci>,
    /// Asks the command to leave in order: what a signal does.
    #[arg(skip)]
    pub leave: Leave,
    /// What the command's twin met with of the faults that were given.
    #[arg(skip)]
    pub faults_met: Arc<OnceLock<Arc<Tally>>>,
}

const GLOBAL: &str = "Options of every command";

/// Where to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// The stand-in for AWS on this machine.
    Twin,
    /// An AWS account.
    Aws,
}

impl From<Target> for TargetName {
    fn from(target: Target) -> Self {
        match target {
            Target::Twin => Self::Twin,
            Target::Aws => Self::Aws,
        }
    }
}

/// What runs the twin's instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MachineKind {
    /// Virtual machines.
    Qemu,
    /// A script plays the guest.
    Scripted,
    /// Nothing: states only.
    None,
}

/// How data is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs; versioned.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a new product that passes `check`, and the workspace around it if there is none
    Init(command::init::InitArgs),
    /// Report everything that is wrong with manifests
    Check(command::check::CheckArgs),
    /// Print the JSON Schema of product.toml or bakehouse.toml, for editors
    Schema(command::schema::SchemaArgs),
    /// Show what `ship` would do, and why; changes nothing
    Plan(command::plan::PlanArgs),
    /// Bake, scan, boot, checksum, seal, distribute and list; goes on from wherever the last run stopped
    Ship(command::ship::ShipArgs),
    /// Claim the version and make the image
    Bake(command::ship::ShipArgs),
    /// Judge a machine's disk without booting it: a product's image, an AMI, a snapshot, a file or a folder
    Scan(command::scan::ScanArgs),
    /// Print what a release is made of: its bill of materials
    Sbom(command::sbom::SbomArgs),
    /// Start the image that was baked last, or a release, as a buyer would; log in and try it
    Boot(command::boot::BootArgs),
    /// Digest every block of the image that was baked last
    Checksum(command::ship::StageArgs),
    /// Seal what passed scan and boot: from then on the version is released
    Release(command::ship::ReleaseArgs),
    /// Copy and share a sealed release as the manifest says
    Distribute(command::ship::SealedArgs),
    /// Put a sealed release into the Marketplace listing, or look how that stands
    List(command::list::ListArgs),
    /// Read a release's snapshots back and compare them with its record
    Verify(command::verify::VerifyArgs),
    /// Check the ledger, or tell where it lies
    Ledger(command::ledger::LedgerArgs),
    /// Show where runs stand, and what to do next
    Runs(command::runs::RunsArgs),
    /// Go on with exactly one run that was left
    Resume(command::resume::ResumeArgs),
    /// Give a run up: remove what it made, give its version back
    Abandon(command::abandon::AbandonArgs),
    /// Show a product's releases
    History(command::history::HistoryArgs),
    /// Judge what is listed by the advisories of today, and tell what has changed: for a daily job
    Watch(command::watch::WatchArgs),
    /// Show one release with all that happened to it
    Show(command::show::ShowArgs),
    /// List what crashed, rejected and abandoned runs have left; with --apply, remove it
    Gc(command::gc::GcArgs),
    /// Look for what stands in a release's way, and say what to do about it
    Doctor(command::doctor::DoctorArgs),
    /// The database of published flaws that scans ask: fetch, build, tell what it holds
    Db(command::db::DbArgs),
    /// Print the permissions that commands need, and the Marketplace's role
    Iam(command::iam::IamArgs),
    /// The stand-in for AWS on this machine
    Twin(command::twin::TwinArgs),
    /// Print the script that completes commands in a shell
    Completions(command::completions::CompletionsArgs),
    /// Write the manual's pages
    Man(command::completions::ManArgs),
}

/// How long to wait for what AWS works on.
#[derive(Debug, Clone, Args)]
pub struct Patience {
    /// Give the whole command this long, then leave what goes on at AWS as pending (exit code 5): 90m, 2h, 30s
    #[arg(long, value_name = "TIME", default_value = "4h", value_parser = parse_duration)]
    pub patience: Duration,
}

/// What may pass the scan.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Waivers {
    /// Let the manifest's waivers hold for what AWS rejects, too
    #[arg(long)]
    pub allow_policy_waivers: bool,
    /// Fail on waivers that have expired or that nothing needs
    #[arg(long)]
    pub strict_waivers: bool,
}

impl From<Waivers> for WaiverOptions {
    fn from(args: Waivers) -> Self {
        Self { allow_policy: args.allow_policy_waivers, strict: args.strict_waivers }
    }
}

/// Returns the command line's description, with the examples in its help.
pub fn command() -> clap::Command {
    without_empty(examples::add(Cli::command()))
}

/// Has an environment variable that is empty count as one that isn't set, as a runner's or a container's often is.
fn without_empty(command: clap::Command) -> clap::Command {
    let is_empty = |arg: &clap::Arg| arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    command.mut_args(|arg| if is_empty(&arg) { arg.env(None::<&'static str>) } else { arg }).mut_subcommands(without_empty)
}

impl Cli {
    /// Reads the command line of this process; ends it where that can't be read, or help is asked for.
    pub fn read() -> Self {
        Self::from_arg_matches(&command().get_matches()).unwrap_or_else(|error| error.exit())
    }
}

/// Carries out a command.
///
/// # Errors
///
/// [`Failure`], with its exit code.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    let global = &cli.global;
    match cli.command {
        Command::Init(args) => command::init::run(global, &args),
        Command::Check(args) => command::check::run(global, &args),
        Command::Schema(args) => command::schema::run(&args),
        Command::Plan(args) => command::plan::run(global, &args).await,
        Command::Ship(args) => command::ship::ship(global, &args).await,
        Command::Bake(args) => command::ship::bake(global, &args).await,
        Command::Scan(args) => command::scan::run(global, &args).await,
        Command::Sbom(args) => command::sbom::run(global, &args).await,
        Command::Boot(args) => command::boot::run(global, &args).await,
        Command::Checksum(args) => command::ship::checksum(global, &args).await,
        Command::Release(args) => command::ship::release(global, &args).await,
        Command::Distribute(args) => command::ship::distribute(global, &args).await,
        Command::List(args) => command::list::run(global, &args).await,
        Command::Verify(args) => command::verify::run(global, &args).await,
        Command::Ledger(args) => command::ledger::run(global, &args).await,
        Command::Runs(args) => command::runs::run(global, &args).await,
        Command::Resume(args) => command::resume::run(global, &args).await,
        Command::Abandon(args) => command::abandon::run(global, &args).await,
        Command::History(args) => command::history::run(global, &args).await,
        Command::Watch(args) => command::watch::run(global, &args).await,
        Command::Show(args) => command::show::run(global, &args).await,
        Command::Gc(args) => command::gc::run(global, &args).await,
        Command::Doctor(args) => command::doctor::run(global, &args).await,
        Command::Db(args) => command::db::run(global, &args).await,
        Command::Iam(args) => command::iam::run(global, &args),
        Command::Twin(args) => command::twin::run(global, args).await,
        Command::Completions(args) => {
            command::completions::completions(&args);
            Ok(())
        }
        Command::Man(args) => command::completions::man(&args),
    }
}

/// Reads a duration: digits and `s`, `m` or `h`.
///
/// # Errors
///
/// What is wrong with the text.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a time such as 90d, 2h, 90m or 30s");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        _ => return Err(wrong()),
    };
    let count: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    count.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

/// Sends traces to stderr: with `-v` bakehouse's own, with `-vv` the SDK's too; none without.
///
/// The SDK's own traces leave credentials out; bakehouse traces none.
pub fn start_tracing(verbose: u8) {
    tracing_subscriber::fmt().with_env_filter(trace_filter(verbose)).with_writer(std::io::stderr).with_target(true).init();
}

/// Returns which traces are sent for a number of `-v`.
pub fn trace_filter(verbose: u8) -> &'static str {
    match verbose {
        0 => "off",
        1 => "bakehouse=debug",
        _ => "bakehouse=trace,aws_config=debug,aws_smithy_runtime=debug",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn durations_have_a_unit() {
        for (text, seconds) in [("0s", 0), ("90m", 5400), ("2h", 7200), ("90d", 7_776_000)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)));
        }
        for wrong in ["", "90", "m", "1w", "-1s", "99999999999999999999h", "5é"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
