//! AMI-FS-003: configuration that works in one Region only; buyers start the image in all.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

use crate::disk::FileKind;
use crate::model::report::Severity;
use crate::scan::evidence::{Evidence, Root};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const REGION: Rule = Rule {
    code: "AMI-FS-003",
    severity: Severity::Medium,
    title: "configuration for one Region",
    why: "Buyers launch the image in other Regions and accounts, where what it names isn't there or isn't theirs.",
    remedy: "Ask the metadata service for the Region when it is needed, and take identifiers of one account or Region out.",
    judge: Judge::Root(region),
};

/// Configuration that administrators write.
const PLACES: [&str; 14] = [
    "/etc/yum/vars/*",
    "/etc/dnf/vars/*",
    "/etc/yum.repos.d/*",
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d/*",
    "/etc/environment",
    "/etc/environment.d/*",
    "/etc/default/*",
    "/etc/sysconfig/*",
    "/etc/profile.d/*",
    "/etc/cloud/cloud.cfg",
    "/etc/cloud/cloud.cfg.d/*",
    "/etc/systemd/system/*",
    "/etc/systemd/system/*/*.conf",
];

/// Where products lie; configuration there is told by the endings of its names.
const PRODUCTS: [&str; 5] = ["/opt", "/srv", "/usr/local/etc", "/var/www", "/etc/opt"];
const ENDINGS: [&str; 10] = ["conf", "cfg", "ini", "yml", "yaml", "json", "env", "toml", "properties", "service"];

/// Libraries carry examples and tables of their own.
const LIBRARIES: [&str; 5] = ["node_modules", "site-packages", "dist-packages", "vendor", "gems"];

const LARGEST_BYTES: u64 = 256 << 10;

/// A file that names as many chooses among them.
const MANY_REGIONS: usize = 3;

/// Source: <https://docs.aws.amazon.com/general/latest/gr/rande.html>
const NAME: &str =
    r"(?:us|eu|ap|ca|sa|me|af|il|mx|cn)-(?:gov-|iso[a-z]?-)?(?:north|south|east|west|central|northeast|southeast|northwest|southwest)-\d";

static REGION_NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new(NAME).expect("a test compiles the pattern"));

static HARD_CODED: LazyLock<Regex> = LazyLock::new(|| {
    let parts = [
        r"\bami-(?:[0-9a-f]{17}|[0-9a-f]{8})\b".to_owned(),
        format!(r"\barn:aws[a-z-]*:[a-z0-9-]+:{NAME}:"),
        format!(r"\b{NAME}\.(?:amazonaws\.com|compute\.internal|ec2\.(?:archive|ports)\.)"),
        format!(r#"(?i)\b(?:aws_|default_|ec2_)*region["']?\s*[:=]\s*["']?{NAME}\b"#),
        format!(r#"(?i)\bavailability_?zone["']?\s*[:=]\s*["']?{NAME}[a-z]\b"#),
    ];
    Regex::new(&parts.join("|")).expect("a test compiles the pattern")
});

fn region(_: &Evidence, root: &Root, verdict: &mut Verdict) {
    let files = &root.files;
    let placed = PLACES.iter().flat_map(|pattern| files.glob(pattern));
    let below = PRODUCTS.iter().flat_map(|folder| files.below(folder)).map(|(path, _)| path).filter(|path| is_configuration(path));
    let candidates: BTreeSet<PathBuf> = placed.chain(below).collect();
    let candidates = Vec::from_iter(candidates);
    for path in files.in_lots(&candidates) {
        let is_small =
            files.symlink_metadata(path).is_some_and(|metadata| metadata.kind == FileKind::File && metadata.size_bytes <= LARGEST_BYTES);
        let Some(bytes) = is_small.then(|| files.read_within(path, LARGEST_BYTES)).flatten() else { continue };
        let text = String::from_utf8_lossy(&bytes);
        let text: String = text.lines().filter(|line| !line.trim_start().starts_with(['#', ';'])).flat_map(|line| [line, "\n"]).collect();
        if !is_hard_coded(root, path, &text) {
            continue;
        }
        if !root.packages.ownership(files).is_some_and(|ownership| ownership.brought(path, &bytes)) {
            verdict.file(path, "it names a Region, or what is in one Region only");
        }
    }
}

fn is_hard_coded(root: &Root, path: &Path, text: &str) -> bool {
    let names: BTreeSet<&str> = REGION_NAME.find_iter(text).map(|found| found.as_str()).collect();
    if names.len() >= MANY_REGIONS {
        return false;
    }
    // A variable of dnf's is the file's whole content.
    if path.starts_with("/etc/yum/vars") || path.starts_with("/etc/dnf/vars") {
        return names.contains(text.trim());
    }
    // cloud-init writes mirrors anew on each instance, unless it is told to leave them.
    if path.starts_with("/etc/apt") && root.files.exists("/usr/bin/cloud-init") {
        let keys = ["apt.preserve_sources_list", "apt_preserve_sources_list"];
        if !keys.iter().any(|key| root.cloud.last(key).is_some_and(|value| value.is_true())) {
            return false;
        }
    }
    HARD_CODED.is_match(text)
}

fn is_configuration(path: &Path) -> bool {
    let by_name = path.file_name().is_some_and(|name| name == ".env");
    let by_ending = path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known));
    (by_name || by_ending) && !path.components().any(|part| LIBRARIES.iter().any(|library| part.as_os_str() == *library))
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{clean, found};

    #[test]
    fn what_is_in_one_region_only_is_found() {
        for (path, text) in [
            ("/opt/app/config.yml", "queue: https://sqs.us-east-1.amazonaws.com/123/x\n"),
            ("/opt/app/.env", "AWS_REGION=eu-west-1\n"),
            ("/srv/x.json", "{\"image\": \"ami-0123456789abcdef0\"}"),
            ("/etc/default/app", "TOPIC=arn:aws:sns:us-east-1:123456789012:x\n"),
            ("/etc/yum/vars/awsregion", "us-east-1\n"),
        ] {
            assert_eq!(found(clean().file(path, text), "AMI-FS-003"), [format!("medium {path}")]);
        }
    }

    #[test]
    fn tables_comments_libraries_and_what_is_written_anew_are_not() {
        for (path, text) in [
            ("/opt/app/config.yml", "# region: us-east-1\nregion: ${AWS_REGION}\n"),
            ("/opt/app/regions.json", "\"sqs.us-east-1.amazonaws.com us-east-2 us-west-1\""),
            ("/opt/app/node_modules/x/a.json", "{\"region\": \"us-east-1\"}"),
            ("/etc/apt/sources.list", "deb http://us-east-1.ec2.archive.ubuntu.com/ubuntu noble main\n"),
            ("/etc/yum/vars/awsregion", "default\n"),
            ("/opt/app/notes.txt", "region=us-east-1"),
        ] {
            assert!(found(clean().file(path, text), "AMI-FS-003").is_empty(), "{path}");
        }
        let kept = clean().file("/etc/cloud/cloud.cfg.d/9.cfg", "apt:\n  preserve_sources_list: true\n");
        let kept = kept.file("/etc/apt/sources.list", "deb http://us-east-1.ec2.archive.ubuntu.com/ubuntu noble main\n");
        assert_eq!(found(kept, "AMI-FS-003"), ["medium /etc/apt/sources.list"]);
    }
}
