//! Key pairs: EC2 keeps the public half, and gives it to the guest through its metadata.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use sha2::Sha256;

use crate::reach::LoginKey;
use crate::twin::error::ApiError;
use crate::twin::state::{KeyPair, Tags};

use super::context::{Context, here, here_mut};
use super::fault;
use super::filters::{Filters, require_all};
use super::params::{Fields, Params};
use super::tags;
use super::xml::Xml;

/// Lengths of RSA keys that EC2 takes.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/create-key-pairs.html>
const RSA_BITS: [usize; 3] = [1024, 2048, 4096];

/// `ImportKeyPair`: ED25519 and RSA, in OpenSSH's form.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ImportKeyPair.html>
pub(super) fn import(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (name, material, tags) = params.read(|p| Ok((take_name(p)?, p.required("PublicKeyMaterial")?, take_tags(p)?)))?;
    let public = STANDARD.decode(material.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let public = public.as_deref().and_then(PublicKey::parse);
    let public = public.ok_or_else(|| fault::of("InvalidKey.Format", "Key is not in valid OpenSSH public key format"))?;
    store(context, name, public, tags, None)
}

/// `CreateKeyPair`: ED25519 alone, for the twin makes no RSA keys.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateKeyPair.html>
pub(super) fn create(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (name, kind, tags) = params.read(|p| {
        p.one_of("KeyFormat", &["pem"])?;
        Ok((take_name(p)?, p.one_of("KeyType", &["rsa", "ed25519"])?, take_tags(p)?))
    })?;
    if kind != Some("ed25519") {
        return Err(fault::unsupported("The twin makes key pairs of the type ed25519 alone; import an RSA key made elsewhere"));
    }
    let key = LoginKey::random();
    let public = PublicKey::parse(&key.public_line()).expect("a key just made has its own form");
    store(context, name, public, tags, Some(key.private_text()))
}

fn store(context: &Context<'_>, name: String, public: PublicKey, tags: Tags, private: Option<String>) -> Result<Xml, ApiError> {
    context.twin.change(|state| {
        if here(state, context.region)?.key_pairs.contains_key(&name) {
            return Err(fault::of("InvalidKeyPair.Duplicate", format!("The keypair already exists: {name}")));
        }
        let pair = KeyPair {
            id: state.new_id("key-"),
            kind: public.kind.to_owned(),
            fingerprint: public.fingerprint(),
            public_key: format!("{} {name}", public.line),
            created: context.now,
            tags,
            name: name.clone(),
        };
        let mut xml = Xml::new();
        xml.text("keyName", &pair.name).text("keyFingerprint", &pair.fingerprint).text("keyPairId", &pair.id);
        xml.optional("keyMaterial", private);
        tags::write(&mut xml, &pair.tags);
        here_mut(state, context.region).key_pairs.insert(name, pair);
        Ok(xml)
    })
}

/// `DeleteKeyPair`: one that is not there is no error.
pub(super) fn delete(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (name, id) = params.read(|p| Ok((p.text("KeyName"), p.text("KeyPairId"))))?;
    if name.is_none() && id.is_none() {
        return Err(fault::missing("KeyName"));
    }
    context.change(|here| {
        let gone = |pair: &KeyPair| name.as_ref().is_none_or(|name| *name == pair.name) && id.as_ref().is_none_or(|id| *id == pair.id);
        let found = here.key_pairs.values().find(|pair| gone(pair)).map(|pair| (pair.name.clone(), pair.id.clone()));
        let mut xml = tags::done();
        if let Some((name, id)) = found {
            here.key_pairs.remove(&name);
            xml.text("keyPairId", id);
        }
        Ok(xml)
    })
}

/// `DescribeKeyPairs`.
pub(super) fn describe(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (names, ids, filters, with_public) = params.read(|p| {
        let with_public = p.boolean("IncludePublicKey")?.unwrap_or(false);
        Ok((p.list("KeyName")?, p.list("KeyPairId")?, Filters::take(p)?, with_public))
    })?;
    context.look(|_, here| {
        let not_found = |what: &str| fault::of("InvalidKeyPair.NotFound", format!("The key pair '{what}' does not exist"));
        require_all(&names, here.key_pairs.keys().map(String::as_str), not_found)?;
        require_all(&ids, here.key_pairs.values().map(|pair| pair.id.as_str()), not_found)?;
        let matching = here.key_pairs.values().filter(|pair| {
            (names.is_empty() || names.contains(&pair.name))
                && (ids.is_empty() || ids.contains(&pair.id))
                && filters.pass(&pair.tags, |filter| match filter {
                    "fingerprint" => vec![pair.fingerprint.clone()],
                    "key-name" => vec![pair.name.clone()],
                    "key-pair-id" => vec![pair.id.clone()],
                    _ => vec![],
                })
        });
        let mut xml = Xml::new();
        xml.list("keySet", matching, |xml, pair| {
            xml.text("keyPairId", &pair.id).text("keyFingerprint", &pair.fingerprint).text("keyName", &pair.name);
            xml.text("keyType", &pair.kind).time("createTime", pair.created);
            xml.optional("publicKey", with_public.then_some(&pair.public_key));
            tags::write(xml, &pair.tags);
        });
        Ok(xml)
    })
}

fn take_name(p: &mut Fields) -> Result<String, ApiError> {
    let name = p.required("KeyName")?;
    // Source: CreateKeyPair, "Constraints: Up to 255 ASCII characters".
    if name.len() > 255 || !name.is_ascii() || name.trim() != name {
        return Err(fault::invalid_value("keyName", "it must be at most 255 ASCII characters, without white space around them"));
    }
    Ok(name)
}

fn take_tags(p: &mut Fields) -> Result<Tags, ApiError> {
    Ok(tags::take_specifications(p, &["key-pair"])?.remove("key-pair").unwrap_or_default())
}

/// A public key as far as EC2 looks at it.
struct PublicKey {
    kind: &'static str,
    /// Algorithm and key, without the comment.
    line: String,
    /// The key in SSH's form.
    blob: Vec<u8>,
}

impl PublicKey {
    /// Parses a line of `authorized_keys` without options.
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let (algorithm, encoded) = (words.next()?, words.next()?);
        let blob = STANDARD.decode(encoded).ok()?;
        let mut rest = blob.as_slice();
        if take_string(&mut rest)? != algorithm.as_bytes() {
            return None;
        }
        let kind = match algorithm {
            "ssh-ed25519" => (take_string(&mut rest)?.len() == 32).then_some("ed25519")?,
            "ssh-rsa" => {
                let (_, modulus) = (take_string(&mut rest)?, take_string(&mut rest)?);
                let bits = modulus.iter().skip_while(|byte| **byte == 0).count() * 8;
                RSA_BITS.contains(&bits).then_some("rsa")?
            }
            _ => return None,
        };
        rest.is_empty().then(|| Self { kind, line: format!("{algorithm} {encoded}"), blob: blob.clone() })
    }

    /// Computes the fingerprint as EC2 does: SHA-256 with its padding; of an imported RSA key the MD5 of its DER.
    ///
    /// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/verify-keys.html>
    fn fingerprint(&self) -> String {
        match self.rsa_der() {
            Some(der) => Md5::digest(der).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"),
            None => STANDARD.encode(Sha256::digest(&self.blob)),
        }
    }

    /// Returns an RSA key as a `SubjectPublicKeyInfo`.
    ///
    /// Source: RFC 8017, A.1; RFC 5280, 4.1.
    fn rsa_der(&self) -> Option<Vec<u8>> {
        /// `SEQUENCE { OBJECT IDENTIFIER rsaEncryption, NULL }`
        const ALGORITHM: [u8; 15] = [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
        let mut rest = self.blob.as_slice();
        if take_string(&mut rest)? != b"ssh-rsa" {
            return None;
        }
        let (exponent, modulus) = (take_string(&mut rest)?, take_string(&mut rest)?);
        let key = der(0x30, &[der(0x02, modulus), der(0x02, exponent)].concat());
        Some(der(0x30, &[ALGORITHM.to_vec(), der(0x03, &[vec![0], key].concat())].concat()))
    }
}

/// Takes a string of SSH's binary form: its length in four bytes, then itself.
fn take_string<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (string, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    *bytes = rest;
    Some(string)
}

/// Wraps a content into its tag and length.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut bytes = vec![tag];
    match length.as_slice() {
        [] => bytes.push(0),
        [short] if *short < 0x80 => bytes.push(*short),
        // At most eight bytes of length: usize has no more.
        long => bytes.push(0x80 | u8::try_from(long.len()).unwrap_or(8)),
    }
    if content.len() >= 0x80 {
        bytes.extend(length);
    }
    bytes.extend_from_slice(content);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twin::ec2::testing::Bench;

    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@here";
    const RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCv0vpfZceD2L3mhtVunFA9zNRJUc/u+QbN6fPZedbBNhxbBSLbxddM3ebbsTzfgWFRgsH53UC1WEOS0w+ELXYVvkMjNVEuZLOCDYblcVZ57VY2g94bg2m8y5kI0W7o2JSh0xKP1WIUMPAaw55tObNTIvjVQFFPZFxHAfGU4QAk9akAhg71JVCinAtfhKBsMv936jXXd8+Av6mDzKjpNWz0gwv7616A/fdt9w2/H5JBt4y6ND8Gp1nimYJEsdSeXQ3PVG4MmlZu7wgRe9UeHxGS/gD+CQ2UcmM3U9CXg83sLci5pKQ2KdmDudeQ9dCvwA132cb6gLgyEbs6oJ7dmAS1";

    #[tokio::test]
    async fn a_key_is_imported_described_and_deleted() {
        let bench = Bench::new();
        let material = STANDARD.encode(ED25519);
        let params = [
            ("KeyName", "mine"),
            ("PublicKeyMaterial", material.as_str()),
            ("TagSpecification.1.ResourceType", "key-pair"),
            ("TagSpecification.1.Tag.1.Key", "run"),
            ("TagSpecification.1.Tag.1.Value", "r1"),
        ];
        let made = bench.done("ImportKeyPair", &params).await;
        assert_eq!(bench.refused("ImportKeyPair", &params).await.0, "InvalidKeyPair.Duplicate");
        let found = bench.done("DescribeKeyPairs", &[("Filter.1.Name", "tag:run"), ("Filter.1.Value.1", "r1")]).await;
        assert_eq!((found.get("keyPairId"), found.get("keyType")), (made.get("keyPairId"), "ed25519".to_owned()));
        // As `ssh-keygen -lf` prints it, with its padding.
        assert_eq!(found.get("keyFingerprint"), format!("{}=", "+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"));
        assert!(found.all("publicKey").is_empty());
        assert_eq!(bench.refused("DeleteKeyPair", &[("KeyName", "mine"), ("DryRun", "true")]).await.0, "DryRunOperation");
        for _ in 0..2 {
            bench.done("DeleteKeyPair", &[("KeyName", "mine")]).await;
        }
        assert_eq!(bench.refused("DescribeKeyPairs", &[("KeyName.1", "mine")]).await.0, "InvalidKeyPair.NotFound");
    }

    #[tokio::test]
    async fn what_is_no_key_is_refused() {
        let bench = Bench::new();
        let short = STANDARD.encode("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAAA==");
        let lies = STANDARD.encode(ED25519.replace("ssh-ed25519 ", "ssh-rsa "));
        for material in ["%", &STANDARD.encode("hello"), &short, &lies] {
            let refused = bench.refused("ImportKeyPair", &[("KeyName", "k"), ("PublicKeyMaterial", material)]).await;
            assert_eq!(refused.0, "InvalidKey.Format", "{material}");
        }
    }

    #[tokio::test]
    async fn a_key_that_was_made_here_opens_with_its_private_half() {
        let bench = Bench::new();
        let made = bench.done("CreateKeyPair", &[("KeyName", "made"), ("KeyType", "ed25519")]).await;
        let described = bench.done("DescribeKeyPairs", &[("KeyName.1", "made"), ("IncludePublicKey", "true")]).await;
        let private = russh::keys::PrivateKey::from_openssh(made.get("keyMaterial")).unwrap();
        assert!(described.get("publicKey").starts_with(&private.public_key().to_openssh().unwrap()));
        assert_eq!(bench.refused("CreateKeyPair", &[("KeyName", "rsa")]).await.0, "UnsupportedOperation");
    }

    #[test]
    fn an_imported_rsa_key_s_fingerprint_is_the_md5_of_its_der() {
        // Made by ssh-keygen; the fingerprint by `openssl pkey -pubout -outform DER | openssl md5 -c`.
        let parsed = PublicKey::parse(RSA).unwrap();
        assert_eq!((parsed.kind, parsed.fingerprint().as_str()), ("rsa", "b3:22:2d:1a:e7:da:0b:1f:ee:fa:6a:91:1a:11:44:a1"));
    }
}
