//! User data: all that an instance needs to make itself an image, in one document.

use std::fmt;
use std::io::Write as _;

use flate2::{Compression, GzBuilder};

use super::guest::{self, Guest};
use super::mime::{Part, multipart};
use crate::model::product::Product;
use crate::template::TemplateError;

/// EC2's limit for user data in bytes, before it is encoded as base64.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html>
pub const USER_DATA_MAX_BYTES: usize = 16 * 1024;

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
    /// The product brings too much.
    #[error(
        "user data takes {size_bytes} bytes compressed, EC2 takes {limit_bytes}; fetch large files in a script instead (largest inputs: {})",
        list(largest)
    )]
    TooLarge {
        /// Its size, compressed.
        size_bytes: usize,
        /// EC2's limit.
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

/// Makes the user data of a bake: a gzip-compressed MIME multipart document for cloud-init.
///
/// The instance arms its deadline, installs security updates if the product wants them, carries out
/// the steps in order, has itself cleaned up once cloud-init is through, and powers itself off. It
/// reports by markers that carry `nonce`. Same product, same nonce: same bytes.
///
/// # Errors
///
/// [`UserDataError::InvalidNonce`]; [`UserDataError::TooLarge`] beyond [`USER_DATA_MAX_BYTES`];
/// [`UserDataError::Template`] if a template is faulty.
pub fn user_data(product: &Product, nonce: &str) -> Result<Vec<u8>, UserDataError> {
    let valid = (1..=NONCE_MAX_CHARACTERS).contains(&nonce.len()) && nonce.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !valid {
        return Err(UserDataError::InvalidNonce { nonce: nonce.to_owned() });
    }
    let guest = guest::render(product, nonce).map_err(|source| UserDataError::Template { source })?;
    let document = multipart(&[
        Part { content_type: "text/cloud-config", filename: "bakehouse.yaml", body: &guest.cloud_config },
        Part { content_type: "text/x-shellscript", filename: "bakehouse.sh", body: &guest.script },
    ]);
    let compressed = gzip(document.as_bytes());
    if compressed.len() > USER_DATA_MAX_BYTES {
        let largest = largest_inputs(&guest);
        return Err(UserDataError::TooLarge { size_bytes: compressed.len(), limit_bytes: USER_DATA_MAX_BYTES, largest });
    }
    Ok(compressed)
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

    fn decoded(product: &Product) -> String {
        let bytes = user_data(product, "20261123-000000-a1b2c3").unwrap();
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
        let bytes = user_data(&product(), "n-1").unwrap();
        assert_eq!(bytes, user_data(&product(), "n-1").unwrap());
        assert_eq!(bytes[4..8], [0; 4], "no time in the gzip header");
        assert_ne!(bytes, user_data(&product(), "n-2").unwrap());
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

    #[test]
    fn too_much_input_is_refused_with_the_largest_named() {
        let mut product = product();
        let mut state = 1_u32;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        product.provision.push(Provision::Script { path: "provision/big".to_owned(), content: noise.take(20_000).collect() });
        let error = user_data(&product, "n").unwrap_err();
        let UserDataError::TooLarge { size_bytes, largest, .. } = &error else { panic!("{error}") };
        assert!(*size_bytes > 20_000, "{size_bytes}");
        assert_eq!(largest[0].name, "provision/big");
        assert!(error.to_string().contains("provision/big 27018 bytes"), "{error}");
    }

    #[test]
    fn a_nonce_that_is_no_word_is_refused() {
        for nonce in ["", "a b", "a'b", "a\nb", &"x".repeat(65)] {
            assert!(matches!(user_data(&product(), nonce), Err(UserDataError::InvalidNonce { .. })), "{nonce:?}");
        }
    }
}
