//! `DescribeInstanceStatus`: whether instances can be reached, as far as EC2 sees it from outside.

use crate::twin::error::ApiError;
use crate::twin::state::{Instance, InstanceState};

use super::context::Context;
use super::fault;
use super::filters::{Filters, Page, require_all};
use super::instances::{filter_values, write_state};
use super::params::Params;
use super::snapshots::later;
use super::xml::Xml;

/// EC2's words for a status and for its one detail, `reachability`.
type Status = (&'static str, &'static str);

/// `DescribeInstanceStatus`: of running instances, or of all.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceStatus.html>
pub(super) fn describe(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (ids, all, filters, page) = params.read(|p| {
        let ids = p.list("InstanceId")?;
        let page = Page::take(p, &ids)?;
        Ok((ids, p.boolean("IncludeAllInstances")?.unwrap_or(false), Filters::take(p)?, page))
    })?;
    fault::INSTANCE.check_all(&ids)?;
    context.view(|state, here| {
        require_all(&ids, here.instances.keys().map(String::as_str), |id| fault::INSTANCE.not_found(id))?;
        let matching = here.instances.values().filter(|instance| {
            (ids.is_empty() || ids.contains(&instance.id))
                && (all || instance.state == InstanceState::Running)
                && filters.pass(&instance.tags, |name| match name.split_once('.') {
                    Some(("system-status", detail)) => value(system(instance), detail),
                    Some((_, detail)) => value(guest(context, instance), detail),
                    None => filter_values(instance, name, state, here),
                })
        });
        let (found, token) = page.cut(matching, |instance| instance.id.as_str());
        let mut xml = Xml::new();
        xml.list("instanceStatusSet", found, |xml, instance| {
            xml.text("instanceId", &instance.id).text("availabilityZone", &instance.zone);
            write_state(xml, "instanceState", instance.state);
            write(xml, "systemStatus", system(instance));
            write(xml, "instanceStatus", guest(context, instance));
        });
        xml.optional("nextToken", token);
        Ok(xml)
    })
}

/// The machine below the guest.
fn system(instance: &Instance) -> Option<Status> {
    (instance.state == InstanceState::Running).then_some(("ok", "passed"))
}

/// The guest: reachable once it has come up; impaired when it takes too long.
fn guest(context: &Context<'_>, instance: &Instance) -> Option<Status> {
    if instance.state != InstanceState::Running {
        return None;
    }
    let up = instance.machine.as_ref().is_none_or(|machine| context.twin.machines().is_up(machine, context.now));
    let late = later(instance.launched, context.delays().impaired) <= context.now;
    Some(match (up, late) {
        (true, _) => ("ok", "passed"),
        (false, false) => ("initializing", "initializing"),
        (false, true) => ("impaired", "failed"),
    })
}

fn value(status: Option<Status>, detail: &str) -> Vec<String> {
    let value = match status {
        None if detail == "status" => "not-applicable",
        None => return vec![],
        Some((status, reachability)) => {
            if detail == "status" {
                status
            } else {
                reachability
            }
        }
    };
    vec![value.to_owned()]
}

fn write(xml: &mut Xml, name: &str, status: Option<Status>) {
    xml.within(name, |xml| {
        xml.text("status", status.map_or("not-applicable", |(status, _)| status));
        if let Some((_, reachability)) = status {
            xml.list("details", [reachability], |xml, reachability| {
                xml.text("name", "reachability").text("status", reachability);
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use crate::twin::ec2::testing::Bench;
    use crate::twin::machines::{Boot, Ends, EndsHow, Machines, Script};

    async fn statuses(up_after_seconds: u64) -> Vec<String> {
        let boot = Boot { up_after_seconds, ..Boot::default() };
        let ends = Ends { how: EndsHow::Hang, after_seconds: 0 };
        let script = Script { captures: [].into(), fetches: None, console: vec![], files: vec![], removes: vec![], ends, boot };
        let bench = Bench::with(Machines::Scripted(script));
        let base = bench.base().await;
        let instance = bench.run(&base, &[]).await;
        let mut statuses = Vec::new();
        for wait in [10, 20, 600] {
            bench.wait(wait).await;
            let status = bench.done("DescribeInstanceStatus", &[("InstanceId.1", &instance)]).await;
            statuses.push(status.get("instanceStatus").split(['<', '>']).nth(2).unwrap().to_owned());
        }
        let ok = [("Filter.1.Name", "instance-status.status"), ("Filter.1.Value.1", "ok")];
        let found = bench.done("DescribeInstanceStatus", &ok).await.all("instanceId").len();
        assert_eq!(found, usize::from(statuses[2] == "ok"));
        statuses
    }

    #[tokio::test]
    async fn a_guest_is_initializing_until_it_is_up_and_impaired_when_it_never_is() {
        assert_eq!(statuses(25).await, ["initializing", "ok", "ok"]);
        assert_eq!(statuses(100_000).await, ["initializing", "initializing", "impaired"]);
    }
}
