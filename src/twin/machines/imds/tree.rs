//! The tree of an instance's metadata, and how its folders are listed.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-metadata.html>

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::Metadata;

/// The versions that are answered; all alike. cloud-init asks for 2021-03-23 first.
const VERSIONS: [&str; 5] = ["1.0", "2009-04-04", "2016-09-02", "2021-03-23", "latest"];

/// Returns what lies at a path: a value, or the names in a folder, those of folders with a slash.
pub fn look(metadata: &Metadata, path: &str) -> Option<Vec<u8>> {
    let path = path.split('?').next().unwrap_or(path).trim_start_matches('/');
    if path.is_empty() {
        return Some(VERSIONS.join("\n").into_bytes());
    }
    let (version, rest) = path.split_once('/').unwrap_or((path, ""));
    if !VERSIONS.contains(&version) {
        return None;
    }
    if rest == "user-data" {
        return (!metadata.user_data.is_empty()).then(|| metadata.user_data.clone());
    }
    let leaves = leaves(metadata);
    if let Some(value) = leaves.get(rest) {
        return Some(value.clone().into_bytes());
    }
    list(metadata, &leaves, rest)
}

fn list(metadata: &Metadata, leaves: &BTreeMap<String, String>, folder: &str) -> Option<Vec<u8>> {
    let folder = folder.strip_suffix('/').unwrap_or(folder);
    // Keys are listed by number and name, unlike everything else.
    if folder == "meta-data/public-keys" {
        return metadata.key.as_ref().map(|(name, _)| format!("0={name}").into_bytes());
    }
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let mut names: BTreeSet<String> = leaves
        .keys()
        .filter_map(|path| path.strip_prefix(&prefix))
        .map(|rest| rest.split_once('/').map_or_else(|| rest.to_owned(), |(name, _)| format!("{name}/")))
        .collect();
    if names.is_empty() {
        return None;
    }
    if folder.is_empty() {
        // At the top, folders are listed without their slash.
        names = names.into_iter().map(|name| name.trim_end_matches('/').to_owned()).collect();
        if !metadata.user_data.is_empty() {
            names.insert("user-data".to_owned());
        }
    }
    Some(names.into_iter().collect::<Vec<_>>().join("\n").into_bytes())
}

/// Every value by its path below the version, user data apart (it is bytes).
fn leaves(metadata: &Metadata) -> BTreeMap<String, String> {
    let m = metadata;
    let host = format!("ip-{}.ec2.internal", m.private_ip.replace('.', "-"));
    let group_ids: Vec<&str> = m.security_groups.iter().map(|(id, _)| id.as_str()).collect();
    let group_names: Vec<&str> = m.security_groups.iter().map(|(_, name)| name.as_str()).collect();
    let mut leaves: BTreeMap<String, String> = [
        ("ami-id", m.image.as_str()),
        ("ami-launch-index", "0"),
        ("ami-manifest-path", "(unknown)"),
        ("block-device-mapping/ami", &m.root_device),
        ("block-device-mapping/root", &m.root_device),
        ("hostname", &host),
        ("instance-action", "none"),
        ("instance-id", &m.instance),
        ("instance-life-cycle", "on-demand"),
        ("instance-type", &m.instance_type),
        ("local-hostname", &host),
        ("local-ipv4", &m.private_ip),
        ("mac", &m.mac),
        ("placement/availability-zone", &m.zone),
        ("placement/region", m.region.as_str()),
        ("profile", "default-hvm"),
        ("reservation-id", &m.reservation),
        ("security-groups", &group_names.join("\n")),
        ("services/domain", "amazonaws.com"),
        ("services/partition", "aws"),
    ]
    .into_iter()
    .map(|(path, value)| (format!("meta-data/{path}"), value.to_owned()))
    .collect();
    if let Some((_, key)) = &m.key {
        leaves.insert("meta-data/public-keys/0/openssh-key".to_owned(), key.clone());
    }
    if let Some(public) = &m.public_ip {
        leaves.insert("meta-data/public-ipv4".to_owned(), public.clone());
        for (name, value) in [("public-ipv4s".to_owned(), public), (format!("ipv4-associations/{public}"), &m.private_ip)] {
            leaves.insert(format!("meta-data/network/interfaces/macs/{}/{name}", m.mac), value.clone());
        }
    }
    let interface = [
        ("device-number", "0"),
        ("interface-id", &m.instance.replacen("i-", "eni-", 1)),
        ("local-hostname", &host),
        ("local-ipv4s", &m.private_ip),
        ("mac", &m.mac),
        ("owner-id", &m.account),
        ("security-group-ids", &group_ids.join("\n")),
        ("security-groups", &group_names.join("\n")),
        ("subnet-id", &m.subnet),
        ("subnet-ipv4-cidr-block", &m.subnet_cidr),
        ("vpc-id", &m.vpc),
    ];
    for (name, value) in interface {
        leaves.insert(format!("meta-data/network/interfaces/macs/{}/{name}", m.mac), value.to_owned());
    }
    leaves.insert("dynamic/instance-identity/document".to_owned(), document(m));
    leaves
}

/// The identity document; unsigned, for the twin has no key that AWS would vouch for.
fn document(m: &Metadata) -> String {
    let document = json!({
        "accountId": m.account,
        "architecture": m.architecture,
        "availabilityZone": m.zone,
        "billingProducts": null,
        "devpayProductCodes": null,
        "marketplaceProductCodes": null,
        "imageId": m.image,
        "instanceId": m.instance,
        "instanceType": m.instance_type,
        "kernelId": null,
        "pendingTime": m.launched.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "privateIp": m.private_ip,
        "ramdiskId": null,
        "region": m.region.as_str(),
        "version": "2017-09-30",
    });
    format!("{document:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str) -> Option<String> {
        look(&super::super::tests::metadata(), path).map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn the_tree_can_be_walked_from_the_top_by_its_own_listings() {
        fn walk(folder: &str, found: &mut Vec<String>) {
            for name in text(folder).unwrap_or_else(|| panic!("{folder} is listed and not there")).lines() {
                let name = name.split('=').next().unwrap_or(name).to_owned() + if name.contains('=') { "/" } else { "" };
                let path = format!("{folder}{name}");
                if name.ends_with('/') { walk(&path, found) } else { found.push(path) }
            }
        }
        let mut found = Vec::new();
        walk("/2021-03-23/meta-data/", &mut found);
        for path in ["instance-id", "public-keys/0/openssh-key", "network/interfaces/macs/0a:12:34:56:78:9a/subnet-ipv4-cidr-block"] {
            assert!(found.contains(&format!("/2021-03-23/meta-data/{path}")), "{path} in {found:#?}");
        }
        for path in &found {
            // `security-groups` and the like may have several lines; all of them have a value.
            assert!(text(path).is_some(), "{path}");
        }
    }

    #[test]
    fn folders_are_listed_with_and_without_the_slash() {
        assert_eq!(text("/latest/dynamic/instance-identity").as_deref(), Some("document"));
        assert_eq!(text("/latest/dynamic/instance-identity/").as_deref(), Some("document"));
        assert_eq!(text("/latest").as_deref(), Some("dynamic\nmeta-data\nuser-data"));
        assert!(text("/").unwrap().lines().any(|version| version == "2021-03-23"));
    }

    #[test]
    fn what_is_not_there_is_absent() {
        for path in ["/1999-01-01/", "/latest/meta-data/x", "/latest/meta-data/instance-id/x", "/latest/../etc"] {
            assert_eq!(text(path), None, "{path}");
        }
        let bare = Metadata { key: None, user_data: Vec::new(), ..super::super::tests::metadata() };
        assert_eq!(look(&bare, "/latest/user-data"), None);
        assert_eq!(look(&bare, "/latest/meta-data/public-keys/"), None);
        assert!(!String::from_utf8(look(&bare, "/latest/meta-data/").unwrap()).unwrap().contains("public-keys"));
    }
}
