//! `[image.build]`: where and on what the image is built.

use std::time::Duration;

use super::super::code::Code;
use super::super::context::{Reader, Value, quoted};
use crate::model::ids::{Architecture, Region};
use crate::model::product::{BootMode, Build};
use crate::rules::instances::InstanceType;
use crate::rules::names::REGIONS;

/// How long a build may take when the manifest does not say.
const DEADLINE: Duration = Duration::from_secs(45 * 60);

/// The bounds of the deadline: less than the shortest never suffices, more than the longest is an instance forgotten.
const SHORTEST_DEADLINE: Duration = Duration::from_secs(5 * 60);
const LONGEST_DEADLINE: Duration = Duration::from_secs(12 * 60 * 60);

/// Reads `[image.build]` of `[image]`.
pub(super) fn build(image: &Reader, architecture: Option<Architecture>, boot_mode: Option<BootMode>) -> Option<Build> {
    let reader = image.required("build").and_then(|value| value.table())?;
    let build_region = reader.or("region", Region::marketplace(), |value| build_region(&value));
    let instance_type = reader.required("instance-type").and_then(|value| {
        let name = instance_type(&value, architecture)?;
        check_nitro(&value, &name);
        check_boot(&value, &name, boot_mode);
        Some(name)
    });
    let subnet = reader.maybe("subnet", |value| value.parse("a subnet id such as subnet-0123456789abcdef0"));
    let public_address = reader.maybe("public-address", |value| value.boolean());
    let deadline = reader.or("deadline", DEADLINE, |value| deadline(&value));
    let bucket = reader.maybe("bucket", |value| bucket(&value));
    reader.finish();
    Some(Build {
        region: build_region?,
        instance_type: instance_type?,
        subnet: subnet?,
        public_address: public_address?,
        deadline: deadline?,
        bucket: bucket?,
    })
}

/// Reads the Region of the build: the Marketplace takes images from one Region only.
fn build_region(value: &Value) -> Option<Region> {
    let found = region(value)?;
    let needed = Region::marketplace();
    if found != needed {
        value
            .fault(Code::BuildRegion, format!("`region` is {}, and the product has a listing", quoted(found.as_str())))
            .expected(format!("\"{needed}\", where the Marketplace takes images from"))
            .hint("copies for your own use go to the regions of [distribution]")
            .report();
    }
    Some(found)
}

/// Reads a Region; one that is not known may be new, so it is a warning.
pub(super) fn region(value: &Value) -> Option<Region> {
    let region: Region = value.parse("a region such as \"us-east-1\"")?;
    if !REGIONS.contains(&region.as_str()) {
        value
            .fault(Code::UnknownRegion, format!("{} is no region that is known", quoted(region.as_str())))
            .expected("a region of AWS")
            .did_you_mean(region.as_str(), REGIONS)
            .report();
    }
    Some(region)
}

/// Reads an instance type that must run images of the architecture.
pub(super) fn instance_type(value: &Value, architecture: Option<Architecture>) -> Option<String> {
    let name = value.string()?;
    let Some(parsed) = InstanceType::parse(name) else {
        value
            .fault(Code::InstanceType, format!("`{}` holds {}", value.name, quoted(name)))
            .expected("an instance type such as \"t3.micro\"")
            .report();
        return None;
    };
    if let Some(wanted) = architecture
        && parsed.architecture() != Some(wanted)
    {
        let found = parsed.architecture().map_or("macOS", Architecture::as_str);
        value
            .fault(Code::InstanceArchitecture, format!("{} runs {found} images, and this one is {wanted}", quoted(name)))
            .expected(format!("an instance type for {wanted}"))
            .report();
    }
    if !parsed.is_known() {
        value
            .fault(Code::UnknownInstanceType, format!("{} is no instance type that is known", quoted(name)))
            .expected("an instance type of EC2")
            .maybe_hint(parsed.nearest_known().map(|name| format!("did you mean \"{name}\"?")))
            .report();
    }
    Some(name.to_owned())
}

/// Tells that an instance type of before Nitro can't start an image that starts by UEFI.
pub(super) fn check_boot(value: &Value, name: &str, boot_mode: Option<BootMode>) {
    if boot_mode == Some(BootMode::Uefi) && InstanceType::parse(name).is_some_and(|parsed| !parsed.is_nitro()) {
        value
            .fault(Code::BootMode, format!("`boot-mode` is \"uefi\", and {} starts by BIOS alone", quoted(name)))
            .expected("an instance type on Nitro, or another boot mode")
            .report();
    }
}

fn check_nitro(value: &Value, name: &str) {
    if InstanceType::parse(name).is_none_or(|parsed| parsed.is_nitro()) {
        return;
    }
    value
        .fault(Code::InstanceNotNitro, format!("{} is of a generation before Nitro", quoted(name)))
        .expected("an instance type on Nitro, such as \"t3.small\"")
        .report();
}

/// Reads a bucket's name.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
pub(super) fn bucket(value: &Value) -> Option<String> {
    let name = value.string()?;
    if is_bucket_name(name) {
        return Some(name.to_owned());
    }
    value
        .fault(Code::Malformed, format!("`{}` is {}", value.name, quoted(name)))
        .expected("a bucket's name: 3 to 63 lowercase letters, digits, hyphens and dots, such as \"acme-bakes\"")
        .report();
    None
}

pub(super) fn is_bucket_name(name: &str) -> bool {
    let outer = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && outer(bytes.first())
        && outer(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(byte))
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
}

/// Reads how long something may take.
pub(super) fn deadline(value: &Value) -> Option<Duration> {
    let text = value.string()?;
    let Some(duration) = parse_duration(text) else {
        value
            .fault(Code::Malformed, format!("`deadline` is {}", quoted(text)))
            .expected("a duration such as \"45m\" or \"1h30m\"")
            .report();
        return None;
    };
    if (SHORTEST_DEADLINE..=LONGEST_DEADLINE).contains(&duration) {
        return Some(duration);
    }
    value.fault(Code::OutOfRange, format!("`deadline` is {}", quoted(text))).expected("5 minutes to 12 hours").report();
    None
}

/// Parses hours, minutes and seconds in this order: `1h30m`, `45m`, `90s`.
fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds: u64 = 0;
    for (unit, factor) in [('h', 3600), ('m', 60), ('s', 1)] {
        let Some((number, after)) = rest.split_once(unit) else { continue };
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(factor)?)?;
        rest = after;
    }
    (rest.is_empty() && !text.is_empty()).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_a_name_that_s3_takes() {
        for good in ["acme-bakes", "abc", "a.b.c", "0-9"] {
            assert!(is_bucket_name(good), "{good:?}");
        }
        for bad in ["", "ab", "Acme", "a_b", "-ab", "ab-", "a..b", "192.168.0.1", "a/b", "acme bakes", &"a".repeat(64)] {
            assert!(!is_bucket_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn durations_are_hours_minutes_seconds() {
        let seconds = |text| parse_duration(text).map(|duration| duration.as_secs());
        assert_eq!(seconds("45m"), Some(2700));
        assert_eq!(seconds("1h30m"), Some(5400));
        assert_eq!(seconds("1h0m5s"), Some(3605));
        for bad in ["", "45", "m", "1m1h", "-1m", "1.5h", "1h ", "99999999999999999999h", "18446744073709551615h"] {
            assert_eq!(seconds(bad), None, "{bad:?}");
        }
    }
}
