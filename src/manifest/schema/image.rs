//! `[image]`, its provisioning, and `[image.build]`.

#![expect(dead_code, reason = "these types describe and are never made")]

use schemars::JsonSchema;

use super::forms::{Duration, InstanceType, OsName, Path, Text, nothing_required};
use crate::rules::limits;
use crate::rules::names::LOGIN_USER_PATTERN;

/// `[image]`.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, transform = nothing_required)]
pub(super) struct Image {
    /// The processor architecture.
    architecture: Architecture,
    /// The processor architectures: an image and a listing for each.
    #[schemars(length(min = 1, max = 2))]
    architectures: Vec<Architecture>,
    /// The operating system in the Marketplace's words; OTHERLINUX for any that it has no word for.
    os_name: OsName,
    /// The version that buyers see, such as "Debian 13".
    os_version: Text<{ limits::OS }>,
    /// The user that buyers (and AWS's scanner) log in as: the base's own; not root.
    #[schemars(regex(pattern = LOGIN_USER_PATTERN))]
    login_user: String,
    /// The image that the bake starts from.
    base: Base,
    /// The root volume.
    root_volume: RootVolume,
    /// How the image starts; "uefi-preferred" for x86_64 and "uefi" for arm64 by default.
    boot_mode: BootMode,
    /// Whether pending security updates are installed first.
    #[schemars(extend("default" = true))]
    security_updates: bool,
    /// What is done to the base, in order.
    #[schemars(length(max = 100), extend("default" = []))]
    provision: Vec<Step>,
    /// Where and on what the image is built.
    build: Build,
}

#[derive(JsonSchema)]
#[schemars(inline)]
enum Architecture {
    #[schemars(rename = "x86_64")]
    X86,
    #[schemars(rename = "arm64")]
    Arm,
}

/// The image that the bake starts from.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Base {
    Image(ById),
    Parameter(ByParameter),
    Newest(Newest),
}

/// By its id.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ById {
    /// The image's id, in the build's Region.
    #[schemars(regex(pattern = "^ami-([a-zA-Z0-9]{8}|[a-zA-Z0-9]{17})$"))]
    image: String,
}

/// By a public parameter that holds its id.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ByParameter {
    /// The parameter's name, such as "/aws/service/debian/release/13/latest/amd64".
    #[schemars(length(min = 1, max = 1011))]
    parameter: String,
}

/// The newest image of an owner.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Newest {
    /// An account id, or "amazon", "self", "aws-marketplace".
    #[schemars(regex(pattern = "^([0-9]{12}|amazon|self|aws-marketplace)$"))]
    owner: String,
    /// Its name, with * and ?.
    #[schemars(length(min = 1, max = 128))]
    name: String,
}

/// The root volume.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, transform = nothing_required)]
struct RootVolume {
    /// Its size in GiB.
    #[schemars(range(min = 1, max = 16_384), extend("default" = 8))]
    size_gib: u32,
    /// Its type.
    #[schemars(rename = "type", extend("default" = "gp3"))]
    kind: VolumeType,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", inline)]
enum VolumeType {
    Gp3,
    Gp2,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", inline)]
enum BootMode {
    /// By BIOS.
    LegacyBios,
    /// By UEFI.
    Uefi,
    /// By UEFI where the instance type has it, else by BIOS.
    UefiPreferred,
}

/// A step of provisioning.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Step {
    Packages(Packages),
    Run(Run),
    Script(Script),
    Files(Files),
}

/// Packages of the image's own package manager.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Packages {
    /// Their names, such as "nginx" or "nginx=1.26.3-3".
    #[schemars(length(min = 1, max = 500), inner(regex(pattern = "^[A-Za-z0-9][A-Za-z0-9+._:~=^-]{0,199}$")))]
    packages: Vec<String>,
}

/// Shell text.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Run {
    /// Run as root by `sh -eu`.
    #[schemars(length(min = 1))]
    run: String,
}

/// A script of the product's folder.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Script {
    /// Its path; run as root by what its first line names.
    script: Path,
}

/// Files of the product's folder.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Files {
    /// What is put into the image.
    #[schemars(length(min = 1, max = 500))]
    files: Vec<File>,
}

/// A file that is put into the image.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["from", "to"]))]
struct File {
    /// Its path in the product's folder.
    from: Path,
    /// Its absolute path in the image.
    #[schemars(regex(pattern = "^/.*[^/]$"))]
    to: String,
    /// `user` or `user:group`.
    #[schemars(regex(pattern = "^[a-z_][a-z0-9_-]{0,31}(:[a-z_][a-z0-9_-]{0,31})?$"), extend("default" = "root:root"))]
    owner: String,
    /// Octal permission bits, in quotes.
    #[schemars(regex(pattern = "^[0-7]{3,4}$"), extend("default" = "0644"))]
    mode: String,
}

/// `[image.build]`.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, transform = nothing_required)]
pub(super) struct Build {
    /// The Region: the Marketplace takes images from one alone.
    #[schemars(extend("const" = "us-east-1", "default" = "us-east-1"))]
    region: String,
    /// A Nitro instance type of the image's architecture.
    instance_type: InstanceType,
    /// The subnet; by default the default VPC's.
    #[schemars(regex(pattern = "^subnet-[0-9a-f]+$"))]
    subnet: String,
    /// Whether the instance gets a public address; by default as the subnet says.
    public_address: bool,
    /// After this time the instance powers itself off and the bake has failed; 5 minutes to 12 hours.
    #[schemars(extend("default" = "45m"))]
    deadline: Duration,
    /// The bucket that a payload too large for user data goes through.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"))]
    bucket: String,
}
