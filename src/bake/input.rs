//! What determines an image's content, as one digest.

use std::collections::BTreeMap;

use super::guest::TEMPLATES;
use crate::model::digest::Digest;
use crate::model::product::{Product, Provision};
use crate::model::record::BaseRecord;

/// Digests all that determines the image: the base, the image's shape, the login user that steps
/// are told, the steps with their contents, whether security updates are installed, and what
/// bakehouse itself runs in the guest.
///
/// Left out is what can change without the image: listing texts, prices, distribution, tags, where
/// and on what it is built, how the base was looked up, and what the product's files are called.
/// The same digest is no promise of the same bytes: a package archive moves on.
pub fn input_digest(product: &Product, base: &BaseRecord) -> Digest {
    let mut parts = Parts::default();
    parts.text("bakehouse-input-1");
    for template in TEMPLATES {
        parts.text(template);
    }
    parts.text(base.image.as_str());
    let image = &product.image;
    parts.text(image.architecture.as_str());
    parts.text(&image.login_user);
    parts.text(&image.root_volume_size_gib.to_string());
    parts.text(&image.root_volume_type);
    parts.text(image.boot_mode.as_str());
    parts.text(if product.security_updates { "security-updates" } else { "as-is" });
    for step in &product.provision {
        parts.step(step);
    }
    Digest::of_parts(parts.0.iter().map(Vec::as_slice))
}

/// Digests each thing that determines the image, by the manifest's key for it: what changed is told by name.
pub fn input_parts(product: &Product, base: &BaseRecord) -> BTreeMap<String, Digest> {
    let image = &product.image;
    let volume = format!("{} {}", image.root_volume_size_gib, image.root_volume_type);
    let updates = product.security_updates.to_string();
    let texts = [
        ("image.base", base.image.as_str()),
        ("image.architecture", image.architecture.as_str()),
        ("image.login-user", &image.login_user),
        ("image.root-volume", &volume),
        ("image.boot-mode", image.boot_mode.as_str()),
        ("image.security-updates", &updates),
    ];
    let mut parts: BTreeMap<String, Digest> = texts.map(|(key, text)| (key.to_owned(), Digest::of(text))).into();
    parts.insert("bakehouse's own steps".to_owned(), Digest::of_parts(TEMPLATES.iter().map(|template| template.as_bytes())));
    for (index, step) in product.provision.iter().enumerate() {
        let mut digested = Parts::default();
        digested.step(step);
        parts.insert(format!("provision[{index}]"), Digest::of_parts(digested.0.iter().map(Vec::as_slice)));
    }
    parts
}

#[derive(Default)]
struct Parts(Vec<Vec<u8>>);

impl Parts {
    fn text(&mut self, text: &str) {
        self.0.push(text.as_bytes().to_vec());
    }

    /// A list's length stands before it, so that none runs into what follows.
    fn count(&mut self, count: usize) {
        self.text(&count.to_string());
    }

    fn step(&mut self, step: &Provision) {
        match step {
            Provision::Packages { names } => {
                self.text("packages");
                self.count(names.len());
                names.iter().for_each(|name| self.text(name));
            }
            Provision::Shell { run } => {
                self.text("shell");
                self.text(run);
            }
            Provision::Script { path: _, content } => {
                self.text("script");
                self.0.push(content.clone());
            }
            Provision::Files { files } => {
                self.text("files");
                self.count(files.len());
                for file in files {
                    self.text(&file.to);
                    self.text(&file.owner);
                    self.text(&format!("{:o}", file.mode));
                    self.0.push(file.content.clone());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{base, product};
    use super::*;
    use crate::model::ids::Architecture;
    use crate::model::product::{Base, BootMode};

    #[test]
    fn whatever_changes_the_image_changes_the_digest() {
        let changes: [(&str, fn(&mut Product)); 13] = [
            ("architecture", |p| p.image.architecture = Architecture::Arm64),
            ("login user", |p| p.image.login_user = "ubuntu".to_owned()),
            ("volume size", |p| p.image.root_volume_size_gib += 1),
            ("volume type", |p| p.image.root_volume_type = "gp2".to_owned()),
            ("boot mode", |p| p.image.boot_mode = BootMode::LegacyBios),
            ("security updates", |p| p.security_updates = !p.security_updates),
            ("a step less", |p| drop(p.provision.pop())),
            ("the order", |p| p.provision.reverse()),
            ("a package", |p| p.provision[0] = Provision::Packages { names: vec!["nginx-light".to_owned()] }),
            ("a script", |p| {
                let Provision::Script { content, .. } = &mut p.provision[2] else { unreachable!() };
                content.push(b'\n');
            }),
            ("a file's mode", |p| files(p)[0].mode = 0o600),
            ("a file's owner", |p| files(p)[0].owner = "root:adm".to_owned()),
            ("a file's place", |p| files(p)[0].to = "/etc/other".to_owned()),
        ];
        let before = input_digest(&product(), &base());
        for (what, change) in changes {
            let mut changed = product();
            change(&mut changed);
            assert_ne!(input_digest(&changed, &base()), before, "{what}");
            assert_ne!(input_parts(&changed, &base()), input_parts(&product(), &base()), "{what}");
        }
        let mut other = base();
        other.image = "ami-0fedcba9876543210".parse().unwrap();
        assert_ne!(input_digest(&product(), &other), before, "base");
    }

    #[test]
    fn whatever_leaves_the_image_alone_leaves_the_digest_alone() {
        let changes: [(&str, fn(&mut Product)); 9] = [
            ("title", |p| p.texts.title.push('!')),
            ("os name", |p| p.image.os_version.push('!')),
            ("base selector", |p| p.image.base = Base::Parameter { name: "/x".to_owned() }),
            ("region of the build", |p| p.build.region = "eu-west-1".parse().unwrap()),
            ("bucket", |p| p.build.bucket = Some("acme-bakes".to_owned())),
            ("distribution", |p| p.distribution.share_with_marketplace = !p.distribution.share_with_marketplace),
            ("tags", |p| drop(p.tags.insert("a".to_owned(), "b".to_owned()))),
            ("manifest digest", |p| p.manifest_digest = Digest::of("other")),
            ("a file's name in the product", |p| files(p)[0].from = "files/renamed".to_owned()),
        ];
        for (what, change) in changes {
            let mut changed = product();
            change(&mut changed);
            assert_eq!(input_digest(&changed, &base()), input_digest(&product(), &base()), "{what}");
            assert_eq!(input_parts(&changed, &base()), input_parts(&product(), &base()), "{what}");
        }
    }

    fn files(product: &mut Product) -> &mut Vec<crate::model::product::FileCopy> {
        product.provision.iter_mut().find_map(|step| if let Provision::Files { files } = step { Some(files) } else { None }).unwrap()
    }
}
