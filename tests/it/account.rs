//! The account: what would stand in a release's way is found before, with its remedy.

use std::collections::BTreeSet;

use bakehouse::cloud::{self, Bounds};
use bakehouse::doctor::{self, Check, Health};
use bakehouse::model::ids::Region;
use bakehouse::twin::state::State;

use super::world::{Process, World};

#[tokio::test]
async fn a_healthy_account_has_no_failure() {
    let world = World::new().await;
    let checks = diagnose(&world.open().await).await;
    let failed: Vec<&Check> = checks.iter().filter(|check| check.health >= Health::Unknown).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    for name in ["credentials", "account", "clock", "permissions", "dry run", "ingestion role", "region", "encryption", "network", "quota"]
    {
        assert!(checks.iter().any(|check| check.name == name), "{name} is not looked at");
    }
}

#[tokio::test]
async fn what_would_stop_a_release_is_found_with_its_remedy() {
    type Harm = fn(&mut State);
    let cases: [(&str, Health, &str, Harm); 7] = [
        ("encryption", Health::Fail, "disable-ebs-encryption-by-default", |s| us(s).encrypt_by_default = true),
        ("ingestion role", Health::Fail, "iam ingestion-role", |s| s.roles.clear()),
        ("ingestion role", Health::Fail, "trust policy", |s| s.roles.values_mut().for_each(|role| role.trusts.clear())),
        ("permissions", Health::Fail, "iam policy", |s| deny(s, "ec2:RunInstances")),
        ("dry run", Health::Fail, "iam policy", |s| deny(s, "ec2:CreateSecurityGroup")),
        ("permissions", Health::Unknown, "iam:SimulatePrincipalPolicy", |s| deny(s, "iam:SimulatePrincipalPolicy")),
        ("base image", Health::Fail, "bakehouse plan hello-web", |s| us(s).parameters.clear()),
    ];
    let world = World::new().await;
    for (name, health, remedy, harm) in cases {
        let process = world.open().await;
        let before = process.twin.read(Clone::clone);
        process
            .twin
            .change(|state| {
                harm(state);
                Ok::<_, std::io::Error>(())
            })
            .unwrap();
        let checks = diagnose(&process).await;
        let found = checks.iter().find(|check| check.name == name && check.health == health);
        let found = found.unwrap_or_else(|| panic!("{name} is not {health:?}: {checks:#?}"));
        assert!(found.remedy.as_deref().is_some_and(|text| text.contains(remedy)), "{found:?}");
        process
            .twin
            .change(|state| {
                *state = before;
                Ok::<_, std::io::Error>(())
            })
            .unwrap();
    }
}

fn deny(state: &mut State, operation: &str) {
    state.denied.insert(operation.to_owned());
}

fn us(state: &mut State) -> &mut bakehouse::twin::state::RegionState {
    state.regions.get_mut(&Region::marketplace()).unwrap()
}

pub async fn diagnose(process: &Process) -> Vec<Check> {
    let (reader, products) = (process.engine.writer.reader(), [process.product.clone()]);
    let caller = doctor::caller(reader, None, false, process.engine.clock.now()).await;
    let identity = caller.identity.expect("the twin knows its caller");
    let bounds = Bounds {
        account: identity.account.to_string(),
        regions: BTreeSet::from([Region::marketplace()]),
        products: BTreeSet::new(),
        parameters: BTreeSet::new(),
        ingestion_roles: BTreeSet::from([process.product.listing.access_role.clone()]),
        payload_buckets: process.product.build.bucket.iter().cloned().collect(),
        media_buckets: BTreeSet::new(),
        ledger: None,
    };
    let mut checks = caller.checks;
    checks.extend(doctor::permissions(reader, &identity, &[*cloud::command("ship").unwrap()], &bounds, &products).await);
    checks.extend(doctor::roles(reader, &identity.account, &bounds.ingestion_roles).await);
    checks.extend(doctor::account(reader, &products).await);
    checks
}
