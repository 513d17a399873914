//! A product for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::digest::Digest;
use crate::model::ids::{Architecture, Region};
use crate::model::product::*;
use crate::model::record::BaseRecord;
use crate::model::report::Severity;

pub(super) fn base() -> BaseRecord {
    BaseRecord { image: "ami-0123456789abcdef0".parse().unwrap(), name: "debian-13".to_owned(), owner: "123456789012".parse().unwrap() }
}

/// One step of each kind.
pub(super) fn product() -> Product {
    let page = FileCopy {
        from: "files/index.html".to_owned(),
        to: "/var/www/it's here/index.html".to_owned(),
        owner: "root".to_owned(),
        mode: 0o644,
        content: "<p>Grüße</p>\n".into(),
    };
    let site = FileCopy {
        from: "files/site.conf".to_owned(),
        to: "/etc/site.conf".to_owned(),
        owner: "root:adm".to_owned(),
        mode: 0o640,
        content: "server {\n}\n".into(),
    };
    Product {
        slug: "hello-web".parse().unwrap(),
        vendor: "Example Corp".to_owned(),
        texts: texts(),
        image: ImageSpec {
            architecture: Architecture::X86_64,
            os_name: "OTHERLINUX".to_owned(),
            os_version: "Debian 13".to_owned(),
            login_user: "admin".to_owned(),
            base: Base::Image { id: "ami-0123456789abcdef0".parse().unwrap() },
            root_volume_size_gib: 8,
            root_volume_type: "gp3".to_owned(),
            boot_mode: BootMode::UefiPreferred,
        },
        provision: vec![
            Provision::Packages { names: vec!["nginx".to_owned(), "prometheus-node-exporter".to_owned()] },
            Provision::Files { files: vec![page, site] },
            Provision::Script { path: "provision/20-tune.sh".to_owned(), content: "#!/bin/sh\nset -eu\ntrue\n".into() },
            Provision::Shell { run: "echo \"$HOME\"".to_owned() },
        ],
        security_updates: true,
        build: Build {
            region: Region::marketplace(),
            instance_type: "t3.small".to_owned(),
            subnet: None,
            public_address: None,
            deadline: Duration::from_secs(1800),
            bucket: None,
        },
        distribution: Distribution { regions: BTreeSet::new(), accounts: BTreeMap::new(), share_with_marketplace: true },
        boot: BootPolicy {
            user: "admin".to_owned(),
            port: 22,
            instance_type: "t3.small".to_owned(),
            deadline: Duration::from_secs(1200),
            allow_from: "0.0.0.0/0".to_owned(),
            checks: Vec::new(),
            tests: Vec::new(),
        },
        listing: listing(),
        scan: ScanPolicy::failing_on(Severity::High),
        tags: BTreeMap::new(),
        manifest_digest: Digest::of("manifest"),
        inputs: BTreeMap::new(),
        places: BTreeMap::new(),
        to_fill_in: BTreeSet::new(),
    }
}

fn texts() -> Texts {
    Texts {
        title: "Hello Web".to_owned(),
        short_description: "A web server that says hello.".to_owned(),
        long_description: String::new(),
        highlights: vec![],
        search_keywords: vec![],
        categories: vec![],
        sku: None,
        logo_url: String::new(),
        logo: None,
        video_url: None,
        additional_resources: vec![],
        support_description: String::new(),
        repackaged_open_source: false,
    }
}

fn listing() -> Listing {
    Listing {
        product_id: None,
        access_role: "arn:aws:iam::123456789012:role/Ingestion".parse().unwrap(),
        usage_instructions: String::new(),
        recommended_instance_type: "t3.micro".to_owned(),
        image_alone: true,
        templates: Vec::new(),
        security_groups: vec![],
        access_endpoint: None,
        scanning_port: 22,
        instance_types: BTreeSet::new(),
        regions: BTreeSet::new(),
        future_regions: FutureRegions::None,
        pricing: Pricing::Byol,
        free_trial: None,
        offer: PublicOffer::default(),
        eula: Eula::Standard { version: "2022-07-14".to_owned() },
        refund_policy: String::new(),
        allowed_accounts: BTreeSet::new(),
        release_notes: None,
    }
}
