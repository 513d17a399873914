//! `[image]`: what the image is made of.

use std::sync::LazyLock;

use regex::Regex;

use super::super::code::Code;
use super::super::context::{Reader, Value, quoted};
use super::texts::text;
use super::{build, provision};
use crate::model::ids::{AccountId, Architecture};
use crate::model::product::{Base, BootMode, Build, ImageSpec, Provision};
use crate::rules::limits;
use crate::rules::names::{OS_NAMES, is_login_user, is_os_version};

/// What `[image]` says.
pub(super) struct Image {
    pub(super) spec: ImageSpec,
    pub(super) provision: Vec<Provision>,
    pub(super) security_updates: bool,
    pub(super) build: Build,
}

/// Reads `[image]` for a variant.
pub(super) fn image(value: Value<'_>, variant: Option<Architecture>) -> Option<Image> {
    let reader = value.table()?;
    // One that is known is read for, so that only the others' faults are left to tell.
    let architecture = architectures(&reader).and(variant);
    let boot = reader.optional("boot-mode");
    let boot_mode = boot.map_or_else(|| architecture.map(default_boot_mode), |value| boot_mode(&value, architecture));
    let spec = spec(&reader, architecture, boot_mode);
    let provision = reader.or("provision", Vec::new(), provision::steps);
    let security_updates = reader.or("security-updates", true, |value| value.boolean());
    let build = build::build(&reader, architecture, boot_mode);
    reader.finish();
    Some(Image { spec: spec?, provision: provision?, security_updates: security_updates?, build: build? })
}

fn spec(reader: &Reader, architecture: Option<Architecture>, boot_mode: Option<BootMode>) -> Option<ImageSpec> {
    let os_name = reader.required("os-name").and_then(|value| os_name(&value));
    let os_version = reader.required("os-version").and_then(|value| os_version(&value));
    let login_user = reader.required("login-user").and_then(|value| login_user(&value));
    let base = reader.required("base").and_then(|value| base(&value));
    let root_volume = reader.or("root-volume", (8, "gp3".to_owned()), root_volume);
    let (root_volume_size_gib, root_volume_type) = root_volume?;
    Some(ImageSpec {
        architecture: architecture?,
        os_name: os_name?,
        os_version: os_version?,
        login_user: login_user?,
        base: base?,
        root_volume_size_gib,
        root_volume_type,
        boot_mode: boot_mode?,
    })
}

fn os_name(value: &Value) -> Option<String> {
    let name = text(value, limits::OS)?;
    if !OS_NAMES.contains(&name.as_str()) {
        value
            .fault(Code::UnknownOsName, format!("`os-name` is {}, which the Marketplace may refuse", quoted(&name)))
            .expected("\"AMAZONLINUX\", \"UBUNTU\", or \"OTHERLINUX\" for any other")
            .did_you_mean(&name, OS_NAMES)
            .report();
    }
    Some(name)
}

fn os_version(value: &Value) -> Option<String> {
    let version = text(value, limits::OS)?;
    if !is_os_version(&version) {
        value.fault(Code::Malformed, format!("`os-version` is {}", quoted(&version))).expected("a version such as \"Debian 13\"").report();
    }
    Some(version)
}

const ARCHITECTURES: [(&str, Architecture); 2] = [("x86_64", Architecture::X86_64), ("arm64", Architecture::Arm64)];

/// Reads `architecture = "x86_64"`, or `architectures = ["x86_64", "arm64"]`: a listing each.
fn architectures(reader: &Reader) -> Option<()> {
    let one = reader.exactly_one(&["architecture", "architectures"])?;
    if one.name == "architectures" {
        return one.list_of(1..=ARCHITECTURES.len(), |entry| entry.choice(&ARCHITECTURES)).map(drop);
    }
    if one.is_list() {
        one.fault(Code::WrongType, "`architecture` is a list").expected("one of them").hint("architectures = […] takes both").report();
        return None;
    }
    one.choice(&ARCHITECTURES).map(drop)
}

fn default_boot_mode(architecture: Architecture) -> BootMode {
    match architecture {
        Architecture::X86_64 => BootMode::UefiPreferred,
        Architecture::Arm64 => BootMode::Uefi,
    }
}

/// Reads how the image starts; Graviton starts by UEFI alone.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-boot.html>
fn boot_mode(value: &Value, architecture: Option<Architecture>) -> Option<BootMode> {
    let modes = [BootMode::LegacyBios, BootMode::Uefi, BootMode::UefiPreferred].map(|mode| (mode.as_str(), mode));
    let mode = value.choice(&modes)?;
    if mode != BootMode::Uefi && architecture == Some(Architecture::Arm64) {
        value
            .fault(Code::BootMode, format!("`boot-mode` is \"{}\", and arm64 instances start by UEFI alone", mode.as_str()))
            .expected("\"uefi\"")
            .report();
    }
    Some(mode)
}

pub(super) fn login_user(value: &Value) -> Option<String> {
    let name = value.string()?;
    let pending = if !is_login_user(name) {
        value
            .fault(Code::UserName, format!("`login-user` is {}", quoted(name)))
            .expected("a letter and up to 31 letters, digits, hyphens and underscores")
    } else if name == "root" {
        value
            .fault(Code::UserName, "`login-user` is \"root\", and the Marketplace refuses images that root can log in to")
            .expected("a user with sudo, such as the base's own default user")
    } else {
        return Some(name.to_owned());
    };
    pending.report();
    None
}

/// Reads the base: `{ image = … }`, `{ parameter = … }` or `{ owner = …, name = … }`.
fn base(value: &Value) -> Option<Base> {
    let reader = value.table()?;
    let owner = reader.optional("owner");
    let one = reader.exactly_one(&["image", "parameter", "name"]);
    let base = one.and_then(|one| match one.name {
        "image" => Some(Base::Image { id: one.parse("an image id such as ami-0123456789abcdef0")? }),
        "parameter" => Some(Base::Parameter { name: parameter(&one)? }),
        _ => Some(Base::Newest { owner: image_owner(&reader)?, name: name_pattern(&one)? }),
    });
    if let (Some(owner), Some(one)) = (owner, one)
        && one.name != "name"
    {
        owner.fault(Code::Alternatives, format!("`base` sets `owner` and `{}`", one.name)).expected("`owner` beside `name` alone").report();
    }
    reader.finish();
    base
}

// Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
static PARAMETER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^/?[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*$").expect("the pattern is a constant"));

fn parameter(value: &Value) -> Option<String> {
    let name = value.string()?;
    if name.len() <= 1011 && PARAMETER.is_match(name) {
        return Some(name.to_owned());
    }
    value
        .fault(Code::Malformed, format!("`parameter` is {}", quoted(name)))
        .expected("the name of a public parameter, such as \"/aws/service/debian/release/13/latest/amd64\"")
        .report();
    None
}

fn image_owner(reader: &Reader) -> Option<String> {
    let value = reader.required("owner")?;
    let owner = value.string()?;
    if matches!(owner, "amazon" | "self" | "aws-marketplace") || owner.parse::<AccountId>().is_ok() {
        return Some(owner.to_owned());
    }
    value
        .fault(Code::Malformed, format!("`owner` is {}", quoted(owner)))
        .expected("an account id of twelve digits, \"amazon\", \"self\" or \"aws-marketplace\"")
        .report();
    None
}

fn name_pattern(value: &Value) -> Option<String> {
    let name = value.string()?;
    let usable = |c: char| c.is_ascii_alphanumeric() || " ()[].'@_/-*?".contains(c);
    // A pattern without a letter would take whatever image of the owner is the newest.
    if name.len() <= 128 && name.chars().all(usable) && name.chars().any(|c| c.is_ascii_alphanumeric()) {
        return Some(name.to_owned());
    }
    value
        .fault(Code::Malformed, format!("`name` is {}", quoted(name)))
        .expected("an image name with * and ?, such as \"debian-13-amd64-*\"")
        .report();
    None
}

/// Reads `{ size-gib = 8, type = "gp3" }`.
fn root_volume(value: Value) -> Option<(u32, String)> {
    let reader = value.table()?;
    // Source: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-types.html
    let size = reader.or("size-gib", 8, |value| value.integer(1..=16_384).and_then(|size| u32::try_from(size).ok()));
    let types = ["gp3", "gp2"].map(|name| (name, name));
    let volume_type = reader.or("type", "gp3", |value| value.choice(&types));
    reader.finish();
    Some((size?, volume_type?.to_owned()))
}
