//! User data: all that an instance needs to make itself an image, in one document, or in one that
//! fetches what is too large for it.

use std::fmt;
use std::io::Write as _;

use flate2::{Compression, GzBuilder};

use super::guest::{self, Guest};
use super::mime::{Part, multipart};
use crate::model::digest::Digest;
use crate::model::product::Product;
use crate::template::TemplateError;

/// EC2's limit for user data in bytes, before it is encoded as base64.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html>
pub const USER_DATA_MAX_BYTES: usize = 16 * 1024;

/// The largest bundle in bytes: the guest holds it and what is in it in memory.
pub const BUNDLE_MAX_BYTES: usize = 64 * 1024 * 1024;

/// The longest nonce, in characters.
const NONCE_MAX_CHARACTERS: usize = 64;

/// How many inputs an error names.
const LARGEST_SHOWN: usize = 5;

/// Says why no user data can be made.
#[derive(Debug, thiserror::Error)]
pub enum UserDataError {
    /// The nonce would not survive on a console line.
    #[error("{nonce:?} is no nonce of 1 to 64 letters, digits and hyphens")]
    InvalidNonce {
        /// What was given.
        nonce: String,
    },
    /// A template is faulty.
    #[error("user data can't be made")]
    Template {
        /// Which, and why.
        #[source]
        source: TemplateError,
    },
    /// The product brings more than user data takes, and there is no bucket for it.
    #[error(
        "the payload takes {size_bytes} bytes compressed, EC2's user data {limit_bytes}, and `[image.build] bucket` names no bucket for it \
         (largest inputs: {})",
        list(largest)
    )]
    NoBucket {
        /// Its size, compressed.
        size_bytes: usize,
        /// EC2's limit.
        limit_bytes: usize,
        /// The product's largest inputs, largest first.
        largest: Vec<InputSize>,
    },
    /// The product brings more than a guest can hold in memory.
    #[error(
        "the payload takes {size_bytes} bytes compressed, and {limit_bytes} are the most; fetch large files in a script instead \
         (largest inputs: {})",
        list(largest)
    )]
    TooLarge {
        /// Its size, compressed.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
        /// The product's largest inputs, largest first.
        largest: Vec<InputSize>,
    },
}

/// An input of the user data and the room it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSize {
    /// Its path in the product's folder, or the step's label.
    pub name: String,
    /// Its size in bytes as embedded, before compression.
    pub size_bytes: usize,
}

impl fmt::Display for InputSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} bytes", self.name, self.size_bytes)
    }
}

/// What an instance is given to make itself an image.
#[derive(Debug)]
pub enum Payload {
    /// All of it in user data.
    UserData(Vec<u8>),
    /// A script to be fetched, and user data that fetches it.
    Bundle(Bundle),
}

/// The bake script, compressed, for it is too large for user data.
#[derive(Debug)]
pub struct Bundle {
    /// The gzip-compressed script. Same product, same nonce: same bytes.
    pub bytes: Vec<u8>,
    /// The digest that the guest expects.
    pub digest: Digest,
    cloud_config: String,
    nonce: String,
}

/// Makes the payload of a bake: a gzip-compressed MIME multipart document for cloud-init, and what it
/// fetches if all would not fit.
///
/// The instance arms its deadline, installs security updates if the product wants them, carries out
/// the steps in order, has itself cleaned up once cloud-init is through, and powers itself off. It
/// reports by markers that carry `nonce`. Same product, same nonce: same bytes.
///
/// # Errors
///
/// [`UserDataError::InvalidNonce`]; beyond [`USER_DATA_MAX_BYTES`] [`UserDataError::NoBucket`] if the
/// product names none, [`UserDataError::TooLarge`] beyond [`BUNDLE_MAX_BYTES`];
/// [`UserDataError::Template`] if a template is faulty.
pub fn payload(product: &Product, nonce: &str) -> Result<Payload, UserDataError> {
    let valid = (1..=NONCE_MAX_CHARACTERS).contains(&nonce.len()) && nonce.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !valid {
        return Err(UserDataError::InvalidNonce { nonce: nonce.to_owned() });
    }
    let guest = guest::render(product, nonce).map_err(|source| UserDataError::Template { source })?;
    let whole = document(&guest.cloud_config, &guest.script);
    let largest = || largest_inputs(&guest);
    if whole.len() <= USER_DATA_MAX_BYTES {
        return Ok(Payload::UserData(whole));
    }
    if product.build.bucket.is_none() {
        return Err(UserDataError::NoBucket { size_bytes: whole.len(), limit_bytes: USER_DATA_MAX_BYTES, largest: largest() });
    }
    let bytes = gzip(guest.script.as_bytes());
    if bytes.len() > BUNDLE_MAX_BYTES {
        return Err(UserDataError::TooLarge { size_bytes: bytes.len(), limit_bytes: BUNDLE_MAX_BYTES, largest: largest() });
    }
    let digest = Digest::of(&bytes);
    Ok(Payload::Bundle(Bundle { bytes, digest, cloud_config: guest.cloud_config, nonce: nonce.to_owned() }))
}

impl Bundle {
    /// Makes the user data of an instance that fetches the bundle from an address, and runs it only if
    /// it has the digest.
    ///
    /// # Errors
    ///
    /// [`UserDataError::Template`] if a template is faulty.
    pub fn user_data(&self, address: &str) -> Result<Vec<u8>, UserDataError> {
        let script = guest::render_fetch(&self.nonce, address, &self.digest).map_err(|source| UserDataError::Template { source })?;
        Ok(document(&self.cloud_config, &script))
    }
}

fn document(cloud_config: &str, script: &str) -> Vec<u8> {
    let document = multipart(&[
        Part { content_type: "text/cloud-config", filename: "bakehouse.yaml", body: cloud_config },
        Part { content_type: "text/x-shellscript", filename: "bakehouse.sh", body: script },
    ]);
    gzip(document.as_bytes())
}

/// Compresses without a time or a name, so that same text gives same bytes.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}

fn largest_inputs(guest: &Guest) -> Vec<InputSize> {
    let mut sizes: Vec<InputSize> =
        guest.inputs.iter().filter_map(|input| Some(InputSize { name: input.source.clone()?, size_bytes: input.body.len() })).collect();
    sizes.sort_by(|a, b| b.size_bytes.cmp(&a.size_bytes).then_with(|| a.name.cmp(&b.name)));
    sizes.truncate(LARGEST_SHOWN);
    sizes
}

fn list(sizes: &[InputSize]) -> String {
    sizes.iter().map(InputSize::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::process::{Command, Stdio};

    use super::super::fixture::product;
    use super::*;
    use crate::model::product::Provision;

    fn user_data(product: &Product, nonce: &str) -> Vec<u8> {
        match payload(product, nonce).unwrap() {
            Payload::UserData(bytes) => bytes,
            Payload::Bundle(bundle) => panic!("{} bytes", bundle.bytes.len()),
        }
    }

    fn decoded(product: &Product) -> String {
        let bytes = user_data(product, "20261123-000000-a1b2c3");
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
        text
    }

    fn is_shell(script: &str) -> bool {
        let mut shell = Command::new("sh").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
        shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        shell.wait().unwrap().success()
    }

    #[test]
    fn same_product_and_nonce_give_the_same_bytes() {
        let bytes = user_data(&product(), "n-1");
        assert_eq!(bytes, user_data(&product(), "n-1"));
        assert_eq!(bytes[4..8], [0; 4], "no time in the gzip header");
        assert_ne!(bytes, user_data(&product(), "n-2"));
    }

    #[test]
    fn steps_are_called_in_order_after_security_updates() {
        let text = decoded(&product());
        let calls: Vec<&str> = text.lines().filter(|line| line.starts_with("step ") && !line.contains("()")).collect();
        assert_eq!(
            calls,
            [
                "step 1 'security updates' update_security",
                "step 2 'packages nginx prometheus-node-exporter' install_packages 'nginx' 'prometheus-node-exporter'",
                r"step 3 'files /var/www/it'\''s here/index.html /etc/site.conf' files_3",
                "step 4 'script provision/20-tune.sh' run_script step-4",
                "step 5 'shell echo \"$HOME\"' sh -eu \"$work/step-5.sh\"",
            ]
        );
        assert!(text.contains(r"install_file step-3-file-1 '/var/www/it'\''s here/index.html' 'root:' 644 &&"));
        assert!(text.contains("install_file step-3-file-2 '/etc/site.conf' 'root:adm' 640 &&"));
        let mut without = product();
        without.security_updates = false;
        assert!(!decoded(&without).contains("step 1 'security updates'"));
    }

    #[test]
    fn the_deadline_is_armed_before_all_else() {
        let text = decoded(&product());
        let armed = text.find("--on-active=1800,").unwrap();
        assert!(armed < text.find("text/x-shellscript").unwrap());
    }

    #[test]
    fn every_script_is_one_that_a_posix_shell_takes() {
        let guest = guest::render(&product(), "n").unwrap();
        assert!(is_shell(&guest.script), "bake.sh");
        for input in guest.inputs.iter().filter(|input| input.body.starts_with("#") || input.source.is_none()) {
            if !input.body.starts_with("[Unit]") {
                assert!(is_shell(&input.body), "{}", input.body);
            }
        }
    }

    #[test]
    fn the_document_holds_no_marker_itself() {
        assert!(!decoded(&product()).contains("BAKEHOUSE 20261123"), "showing one's user data must not pass for progress");
    }

    /// A product with more in it than compresses into user data.
    fn large(bytes: usize) -> Product {
        let mut product = product();
        let mut state = 1_u32;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        product.provision.push(Provision::Script { path: "provision/big".to_owned(), content: noise.take(bytes).collect() });
        product
    }

    fn bundle(product: &Product) -> Bundle {
        match payload(product, "n").unwrap() {
            Payload::Bundle(bundle) => bundle,
            Payload::UserData(bytes) => panic!("{} bytes fit", bytes.len()),
        }
    }

    #[test]
    fn too_much_input_without_a_bucket_is_refused_with_the_largest_named() {
        let error = payload(&large(20_000), "n").unwrap_err();
        let UserDataError::NoBucket { size_bytes, largest, .. } = &error else { panic!("{error}") };
        assert!(*size_bytes > 20_000, "{size_bytes}");
        assert_eq!(largest[0].name, "provision/big");
        assert!(error.to_string().contains("provision/big 27018 bytes"), "{error}");
    }

    #[test]
    fn with_a_bucket_it_becomes_a_bundle_of_the_same_script() {
        let mut product = large(20_000);
        product.build.bucket = Some("bakes".to_owned());
        let bundle = bundle(&product);
        assert_eq!(bundle.digest, Digest::of(&bundle.bytes));
        let mut script = String::new();
        flate2::read::GzDecoder::new(bundle.bytes.as_slice()).read_to_string(&mut script).unwrap();
        assert_eq!(script, guest::render(&product, "n").unwrap().script);
        let user_data = bundle.user_data("https://bakes.example/bundles/1?X-Amz-Signature=0").unwrap();
        assert!(user_data.len() < USER_DATA_MAX_BYTES / 2, "{}", user_data.len());
    }

    /// Runs what a guest would run, its machine's own programs played.
    fn fetched(sent: &[u8], changed: &[u8]) -> (String, bool) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("bin")).unwrap();
        std::fs::write(at("served"), changed).unwrap();
        let played =
            format!("#!/bin/sh\nwhile [ $# -gt 1 ]; do [ \"$1\" = -o ] && to=$2; shift; done\ncp {} \"$to\"\n", at("served").display());
        for (name, text) in [("curl", &*played), ("mount", ":\n"), ("dmesg", ":\n"), ("systemctl", ":\n"), ("sleep", ":\n")] {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::write(at("bin").join(name), text).unwrap();
            std::fs::set_permissions(at("bin").join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let script = guest::render_fetch("n", "https://bakes.example/secret-address", &Digest::of(sent)).unwrap();
        let script = script
            .replace("/run/bakehouse", at("work").to_str().unwrap())
            .replace("export PATH=", &format!("export PATH={}:", at("bin").display()))
            .replace("console=/dev/console", &format!("console={}", at("console").display()))
            .replace("/sys/class/tty/console/active", at("active").to_str().unwrap());
        std::fs::write(at("active"), "ttyS0\n").unwrap();
        assert!(is_shell(&script));
        let output = Command::new("sh").arg("-c").arg(&script).current_dir(folder.path()).output().unwrap();
        let console = std::fs::read_to_string(at("console")).unwrap_or_default();
        let said = format!("{console}{}", String::from_utf8_lossy(&output.stderr));
        assert!(!said.contains("secret-address"), "{said}");
        (console, at("ran").exists())
    }

    #[test]
    fn a_guest_runs_the_bundle_that_was_sent_and_no_other() {
        let sent = gzip(b": >ran\n");
        let (console, ran) = fetched(&sent, &sent);
        assert!(ran && console.contains("BAKEHOUSE n step 0 ok"), "{console}");
        let (console, ran) = fetched(&sent, &gzip(b": >ran # otherwise\n"));
        assert!(!ran && console.contains("BAKEHOUSE n step 0 failed 65"), "{console}");
        assert!(console.contains("BAKEHOUSE n tail the payload is not what was sent"), "{console}");
    }

    #[test]
    fn a_nonce_that_is_no_word_is_refused() {
        for nonce in ["", "a b", "a'b", "a\nb", &"x".repeat(65)] {
            assert!(matches!(payload(&product(), nonce), Err(UserDataError::InvalidNonce { .. })), "{nonce:?}");
        }
    }
}
