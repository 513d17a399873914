//! `[image]`, `[image.build]` and `[distribution]`: what a listing tells of the image, which is little.

use super::draft::{Draft, Of};
use super::toml_text::{table, text};
use crate::model::ids::Architecture;
use crate::rules::names::is_login_user;

const TABLE: &str = "image";

pub(super) fn read(draft: &mut Draft) {
    let architecture = architecture(draft);
    system(draft);
    let (base, builder) = match architecture {
        Architecture::X86_64 => ("/aws/service/debian/release/13/latest/amd64", "t3.small"),
        Architecture::Arm64 => ("/aws/service/debian/release/13/latest/arm64", "t4g.small"),
    };
    let base = table(&[("parameter", text(base))]);
    draft.fill_in(TABLE, "base", base, "the image that the bake starts from, and [[image.provision]]: what is done to it");
    draft.fill_in("image.build", "instance-type", text(builder), "what the image is built on");
    let role = "arn:aws:iam::{account}:role/AWSMarketplaceAmiIngestion";
    draft.fill_in("distribution", "ingestion-role", text(role), "the role that the Marketplace copies the image with");
}

fn architecture(draft: &mut Draft) -> Architecture {
    let live = draft.newest.and_then(|newest| Some((newest.index, newest.source?)));
    let found = live.and_then(|(version, (index, source))| Some((version, index, source.architecture.as_deref()?.parse().ok()?)));
    match found {
        Some((version, index, architecture)) => {
            draft.add(TABLE, "architecture", text(Architecture::as_str(architecture)));
            draft.says(Of::Product, format!("Versions[{version}].Sources[{index}].Architecture"));
            architecture
        }
        None => {
            draft.fill_in(TABLE, "architecture", text("x86_64"), "\"x86_64\" or \"arm64\"; the live versions tell none of them");
            Architecture::X86_64
        }
    }
}

fn system(draft: &mut Draft) {
    let source = draft.newest.and_then(|newest| Some((newest.index, newest.source?)));
    let system = source.map(|(_, (_, source))| &source.operating_system);
    let path = source.map(|(version, (index, _))| format!("Versions[{version}].Sources[{index}].OperatingSystem")).unwrap_or_default();
    let path = |field: &str| format!("{path}.{field}");
    let name = system.and_then(|system| system.name.as_deref());
    draft.text(TABLE, "os-name", name, (Of::Product, &path("Name")), "OTHERLINUX");
    let version = system.and_then(|system| system.version.as_deref());
    draft.text(TABLE, "os-version", version, (Of::Product, &path("Version")), "Example 1");
    let user = system.and_then(|system| system.username.as_deref()).filter(|user| is_login_user(user));
    draft.text(TABLE, "login-user", user, (Of::Product, &path("Username")), "admin");
}
