//! `[listing]`: what the newest version says, and where the product is sold.

use super::draft::{Draft, Of};
use super::template;
use super::toml_text::{list, table, text, texts};
use crate::model::ids::{AccountId, Region};
use crate::model::product::SecurityGroupRule;

const TABLE: &str = "listing";

pub(super) fn read(draft: &mut Draft) {
    draft.add(TABLE, "product-id", text(draft.id.as_str()));
    let usage = draft.newest.and_then(|newest| newest.option?.1.instructions.usage.as_deref());
    let usage_path = option_path(draft, "Instructions.Usage");
    draft.long_text(TABLE, "usage-instructions", usage, (Of::Product, &usage_path), "Example.");
    instance_types(draft);
    regions(draft);
    template::read(draft);
    if !template::is_the_only_way(draft) {
        security_groups(draft);
        access_endpoint(draft);
    }
    scanning_port(draft);
    allowed_accounts(draft);
}

fn option_path(draft: &Draft, field: &str) -> String {
    let place = draft.newest.and_then(|newest| Some((newest.index, newest.option?.0)));
    place.map(|(version, index)| format!("Versions[{version}].DeliveryOptions[{index}].{field}")).unwrap_or_default()
}

fn instance_types(draft: &mut Draft) {
    let types = draft.instance_types();
    if types.is_empty() {
        draft.fill_in(TABLE, "instance-types", texts(["t3.small"]), "the live listing has none on sale");
    } else {
        draft.add(TABLE, "instance-types", texts(&types));
    }
    for (index, name) in draft.product.compatibility.available_instance_types.iter().enumerate() {
        if types.contains(name.as_str()) {
            draft.says(Of::Product, format!("Compatibility.AvailableInstanceTypes[{index}]"));
        }
    }
    let recommended = draft.newest.and_then(|newest| newest.option?.1.recommendations.instance_type.as_deref());
    match recommended.filter(|name| types.contains(name)) {
        Some(name) => {
            draft.add(TABLE, "recommended-instance-type", text(name));
            draft.says(Of::Product, option_path(draft, "Recommendations.InstanceType"));
        }
        None => {
            let why = recommended.map_or_else(
                || "the live version recommends none".to_owned(),
                |name| format!("the live version recommends {name}, which is not on sale"),
            );
            let place = types.first().copied().unwrap_or("t3.small");
            draft.fill_in(TABLE, "recommended-instance-type", text(place), why);
        }
    }
}

fn regions(draft: &mut Draft) {
    let availability = &draft.product.region_availability;
    let on_sale = |name: &&String| !availability.restrict.contains(name) && name.parse::<Region>().is_ok();
    let regions: Vec<&String> = availability.regions.iter().filter(on_sale).collect();
    for (index, name) in availability.regions.iter().enumerate() {
        if on_sale(&name) {
            draft.says(Of::Product, format!("RegionAvailability.Regions[{index}]"));
        }
    }
    if regions.is_empty() {
        draft.fill_in(TABLE, "regions", texts(["us-east-1"]), "the live listing has none on sale");
    } else {
        draft.add(TABLE, "regions", texts(&regions));
    }
    let future = [("All", "all"), ("US", "us"), ("None", "none")];
    if let Some((_, name)) = future.iter().find(|(live, _)| availability.future_region_support.as_deref() == Some(live)) {
        draft.add(TABLE, "future-regions", text(name));
        draft.says(Of::Product, "RegionAvailability.FutureRegionSupport");
    }
}

fn security_groups(draft: &mut Draft) {
    let groups = draft.newest.and_then(|newest| newest.option).map(|(_, option)| option.recommendations.security_groups.as_slice());
    let mut rules = Vec::new();
    for (index, group) in groups.unwrap_or_default().iter().enumerate() {
        let Some(rule) = group.rule() else { continue };
        rules.push(security_group(&rule));
        let path = option_path(draft, &format!("Recommendations.SecurityGroups[{index}]"));
        for field in ["Protocol", "FromPort", "ToPort", "CidrIps"] {
            draft.says(Of::Product, format!("{path}.{field}"));
        }
    }
    if rules.is_empty() {
        let place = table(&[("port", "443".to_owned()), ("ranges", texts(["10.0.0.0/8"]))]);
        draft.fill_in(TABLE, "security-groups", list(&[place]), "the live version has none that the API takes");
    } else {
        draft.add(TABLE, "security-groups", list(&rules));
    }
}

fn security_group(rule: &SecurityGroupRule) -> String {
    let ports = match (rule.from_port, rule.to_port) {
        (from, to) if from == to => vec![("port", from.to_string())],
        (from, to) => vec![("from-port", from.to_string()), ("to-port", to.to_string())],
    };
    table(&[vec![("protocol", text(&rule.protocol))], ports, vec![("ranges", texts(&rule.ranges))]].concat())
}

fn access_endpoint(draft: &mut Draft) {
    let access = draft.newest.and_then(|newest| newest.option?.1.instructions.access.as_ref());
    let Some(access) = access else { return };
    let protocol = access.protocol.as_deref().filter(|protocol| ["http", "https"].contains(protocol));
    let (Some(protocol), Some(port)) = (protocol, access.port.filter(|port| *port > 0)) else { return };
    let mut entries = vec![("protocol", text(protocol)), ("port", port.to_string())];
    entries.extend(access.relative_path.as_deref().filter(|path| !path.is_empty()).map(|path| ("path", text(path))));
    draft.add(TABLE, "access-endpoint", table(&entries));
    for field in ["Protocol", "Port", "RelativePath"] {
        draft.says(Of::Product, option_path(draft, &format!("Instructions.Access.{field}")));
    }
    if access.kind.as_deref() == Some("Endpoint") {
        draft.says(Of::Product, option_path(draft, "Instructions.Access.Type"));
    }
}

fn scanning_port(draft: &mut Draft) {
    let source = draft.newest.and_then(|newest| Some((newest.index, newest.source?)));
    let Some((version, (index, source))) = source else { return };
    let has_templates = draft.keys.iter().any(|key| key.table == TABLE && key.name == "template");
    // A version with templates can't tell another port than SSH's.
    let is_possible = |port: &u16| *port > 0 && (*port == 22 || !has_templates);
    let Some(port) = source.operating_system.scanning_port.filter(is_possible) else { return };
    draft.add(TABLE, "scanning-port", port.to_string());
    draft.says(Of::Product, format!("Versions[{version}].Sources[{index}].OperatingSystem.ScanningPort"));
}

fn allowed_accounts(draft: &mut Draft) {
    let all = &draft.product.targeting.positive_targeting.buyer_accounts;
    let mut accounts: Vec<&String> = Vec::new();
    // AWS adds its own, and isn't told of it.
    let is_buyers = |account: &String| account.parse::<AccountId>().is_ok_and(|account| account != AccountId::marketplace());
    for (index, account) in all.iter().enumerate() {
        if is_buyers(account) && !accounts.contains(&account) {
            accounts.push(account);
            draft.says(Of::Product, format!("Targeting.PositiveTargeting.BuyerAccounts[{index}]"));
        }
    }
    if !accounts.is_empty() {
        let key = draft.add(TABLE, "allowed-accounts", texts(&accounts));
        key.comment = Some("Who sees the product while it is limited. AWS adds accounts of its own, which may be left out here.".into());
    }
}
