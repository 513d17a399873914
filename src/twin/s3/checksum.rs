//! Checksums: computed as the bytes go by, compared with what the client says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use md5::{Digest as _, Md5};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto::ChecksumAlgorithm;

use super::state::{Algorithm, Checksum};
use crate::twin::error::ApiError;

impl Algorithm {
    /// Reads the algorithm's name in a header such as `x-amz-checksum-crc32`.
    pub(super) fn of_header(name: &str) -> Option<Self> {
        name.trim().to_ascii_lowercase().strip_prefix("x-amz-checksum-").and_then(Self::of_name)
    }

    /// Reads the name of a parameter.
    pub(super) fn of(named: Option<&ChecksumAlgorithm>) -> Result<Option<Self>, ApiError> {
        let Some(named) = named else { return Ok(None) };
        Self::of_name(named.as_str())
            .map(Some)
            .ok_or_else(|| ApiError::new(400, "InvalidRequest", format!("Checksum algorithm provided is unsupported: {}", named.as_str())))
    }

    /// Reads its bare name.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "CRC32" => Self::Crc32,
            "CRC32C" => Self::Crc32c,
            "CRC64NVME" => Self::Crc64nvme,
            "SHA1" => Self::Sha1,
            "SHA256" => Self::Sha256,
            _ => return None,
        })
    }

    /// Returns the algorithm's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// Returns the header that carries such a checksum.
    pub(super) fn header(self) -> String {
        format!("x-amz-checksum-{}", self.name().to_ascii_lowercase())
    }
}

/// Computes one checksum.
pub(super) struct Summing {
    algorithm: Algorithm,
    hasher: ChecksumHasher,
}

impl Summing {
    pub fn new(algorithm: Algorithm) -> Self {
        let mut hasher = ChecksumHasher::default();
        match algorithm {
            Algorithm::Crc32 => hasher.crc32 = Some(Crc32::new()),
            Algorithm::Crc32c => hasher.crc32c = Some(Crc32c::new()),
            Algorithm::Crc64nvme => hasher.crc64nvme = Some(Crc64Nvme::new()),
            Algorithm::Sha1 => hasher.sha1 = Some(Sha1::new()),
            Algorithm::Sha256 => hasher.sha256 = Some(Sha256::new()),
        }
        Self { algorithm, hasher }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    pub fn done(self) -> Checksum {
        let sums = self.hasher.finalize();
        let value = match self.algorithm {
            Algorithm::Crc32 => sums.checksum_crc32,
            Algorithm::Crc32c => sums.checksum_crc32c,
            Algorithm::Crc64nvme => sums.checksum_crc64nvme,
            Algorithm::Sha1 => sums.checksum_sha1,
            Algorithm::Sha256 => sums.checksum_sha256,
        };
        Checksum { algorithm: self.algorithm, value: value.unwrap_or_default() }
    }
}

impl Checksum {
    /// Refuses if the client computed another.
    pub(super) fn expect(&self, claimed: Option<&str>) -> Result<(), ApiError> {
        match claimed {
            Some(claimed) if claimed != self.value => {
                let message = format!("The {} you specified did not match the calculated checksum.", self.algorithm.name());
                Err(ApiError::new(400, "BadDigest", message))
            }
            _ => Ok(()),
        }
    }

    /// Computes the checksum of parts' checksums.
    pub(super) fn of_parts<'a>(algorithm: Algorithm, parts: impl ExactSizeIterator<Item = &'a Self>) -> Self {
        let (count, mut summing) = (parts.len(), Summing::new(algorithm));
        for part in parts {
            summing.update(&STANDARD.decode(&part.value).unwrap_or_default());
        }
        let value = format!("{}-{count}", summing.done().value);
        Self { algorithm, value }
    }
}

/// Holds a document against the checksums in its request's headers.
pub(super) fn check_document(headers: &HeaderMap, document: &[u8]) -> Result<(), ApiError> {
    for (name, value) in headers {
        let claimed = value.to_str().unwrap_or_default();
        if name == "content-md5" {
            expect_md5(&Md5::digest(document).into(), Some(claimed))?;
        } else if let Some(algorithm) = Algorithm::of_header(name.as_str()) {
            let mut summing = Summing::new(algorithm);
            summing.update(document);
            summing.done().expect(Some(claimed))?;
        }
    }
    Ok(())
}

/// Refuses if the client computed another MD5.
pub(super) fn expect_md5(computed: &[u8; 16], claimed: Option<&str>) -> Result<(), ApiError> {
    let Some(claimed) = claimed else { return Ok(()) };
    match STANDARD.decode(claimed) {
        Ok(digest) if digest == computed => Ok(()),
        Ok(digest) if digest.len() == computed.len() => {
            Err(ApiError::new(400, "BadDigest", "The Content-MD5 you specified did not match what we received."))
        }
        _ => Err(ApiError::new(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")),
    }
}

/// Takes the checksum that an input claims.
macro_rules! claimed {
    ($input:expr) => {{
        use $crate::twin::s3::state::Algorithm;
        let given = [
            (Algorithm::Crc32, $input.checksum_crc32.take()),
            (Algorithm::Crc32c, $input.checksum_crc32c.take()),
            (Algorithm::Crc64nvme, $input.checksum_crc64nvme.take()),
            (Algorithm::Sha1, $input.checksum_sha1.take()),
            (Algorithm::Sha256, $input.checksum_sha256.take()),
        ];
        given.into_iter().find_map(|(algorithm, value)| Some((algorithm, value?)))
    }};
}
pub(super) use claimed;

/// Puts a checksum into an output.
macro_rules! tell_checksum {
    ($output:expr, $checksum:expr) => {{
        use $crate::twin::s3::state::Algorithm;
        let checksum: &$crate::twin::s3::state::Checksum = $checksum;
        let value = Some(checksum.value.clone());
        match checksum.algorithm {
            Algorithm::Crc32 => $output.checksum_crc32 = value,
            Algorithm::Crc32c => $output.checksum_crc32c = value,
            Algorithm::Crc64nvme => $output.checksum_crc64nvme = value,
            Algorithm::Sha1 => $output.checksum_sha1 = value,
            Algorithm::Sha256 => $output.checksum_sha256 = value,
        }
    }};
}
pub(super) use tell_checksum;
