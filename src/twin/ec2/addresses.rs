//! Public addresses: each instance has one of this machine's loopback, where the ports answer that
//! its security groups open. Whoever is on this machine is the Internet.

use std::collections::BTreeSet;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::model::ids::Region;
use crate::reach::BoxStream;
use crate::twin::Twin;
use crate::twin::error::ApiError;
use crate::twin::state::{Instance, InstanceState, Peer, RegionState, State};

use super::context::Context;
use super::fault;

/// Public addresses lie in 127.87.0.0/16.
const NETWORK: [u8; 2] = [127, 87];

/// The most ports of an instance that answer. Each costs a socket, and a group may open all 65,536.
const MOST_PORTS: usize = 64;

/// Gives out an address that no instance has.
pub(in crate::twin) fn free(state: &mut State) -> Result<String, ApiError> {
    for _ in 0..100 {
        let digits = u16::from_str_radix(&state.new_token(4), 16).unwrap_or(0);
        let [high, low] = digits.to_be_bytes();
        let address = Ipv4Addr::new(NETWORK[0], NETWORK[1], high, low).to_string();
        let taken = state.regions.values().flat_map(|region| region.instances.values()).any(|i| i.public_ip.as_ref() == Some(&address));
        // The first and the last are a network's own by custom.
        if !taken && !matches!(low, 0 | 255) {
            return Ok(address);
        }
    }
    Err(fault::of("InsufficientFreeAddressesInSubnet", "Not enough free public addresses."))
}

/// Opens and closes ports as the groups of the Region's running instances say by now.
pub(super) async fn refresh(context: &Context<'_>) -> Result<(), ApiError> {
    let twin = context.twin;
    let wanted = context.look(|_, here| {
        let running = here.instances.values().filter(|instance| is_reachable(instance));
        Ok(running.map(|instance| (instance.clone(), open_ports(here, instance))).collect::<Vec<_>>())
    })?;
    let all: BTreeSet<String> = twin.read(|state| {
        let instances = state.regions.values().flat_map(|region| region.instances.values());
        instances.filter(|instance| is_reachable(instance)).map(|instance| instance.id.clone()).collect()
    });
    twin.forwarded().retain(|id, _| all.contains(id) || id.starts_with(crate::twin::INGESTED));
    for (instance, ports) in wanted {
        let (Some(machine), Some(address)) = (&instance.machine, address_of(&instance)) else { continue };
        if twin.forwarded().get(&instance.id) == Some(&ports) {
            continue;
        }
        match twin.machines().open(machine, address, &ports).await {
            Ok(()) => drop(twin.forwarded().insert(instance.id.clone(), ports)),
            Err(error) => {
                // Not noted, so not dialled: whoever else listens there would be taken for the instance.
                twin.forwarded().remove(&instance.id);
                tracing::warn!(instance = instance.id, %error, "a port can't be opened");
            }
        }
    }
    Ok(())
}

/// Connects to a port of the instance that has a public address, as a client on the Internet does.
///
/// # Errors
///
/// `TimedOut` where the packets would be dropped: no such address, no group that opens the port;
/// `AddrNotAvailable`, with the reason, where this machine can't forward the instance's ports; else what the machine says.
pub async fn dial(twin: &Arc<Twin>, address: Ipv4Addr, port: u16) -> io::Result<BoxStream> {
    let found = twin.read(|state| find(state, address).map(|(region, instance)| (region, instance.clone())));
    let Some((region, instance)) = found else { return Err(io::ErrorKind::TimedOut.into()) };
    let open = twin.read(|state| state.regions.get(&region).is_some_and(|here| opens(here, &instance, port)));
    let (Some(machine), true) = (&instance.machine, open) else { return Err(io::ErrorKind::TimedOut.into()) };
    let forwarded = twin.forwarded().get(&instance.id).cloned();
    match forwarded {
        Some(ports) if ports.contains(&port) => twin.machines().dial(machine, address, port, twin.clock().now()).await,
        // Beyond the most ports that answer.
        Some(_) => Err(io::ErrorKind::TimedOut.into()),
        None => {
            let ports = twin.read(|state| state.regions.get(&region).map(|here| open_ports(here, &instance))).unwrap_or_default();
            twin.machines().open(machine, address, &ports).await.map_err(|e| io::Error::new(io::ErrorKind::AddrNotAvailable, e))?;
            twin.forwarded().insert(instance.id, ports);
            twin.machines().dial(machine, address, port, twin.clock().now()).await
        }
    }
}

fn find(state: &State, address: Ipv4Addr) -> Option<(Region, &Instance)> {
    let all = state.regions.iter().flat_map(|(region, here)| here.instances.values().map(move |instance| (region, instance)));
    let mut reachable = all.filter(|(_, instance)| is_reachable(instance) && address_of(instance) == Some(address));
    reachable.next().map(|(region, instance)| (region.clone(), instance))
}

fn is_reachable(instance: &Instance) -> bool {
    matches!(instance.state, InstanceState::Pending | InstanceState::Running)
}

fn address_of(instance: &Instance) -> Option<Ipv4Addr> {
    instance.public_ip.as_ref()?.parse().ok()
}

/// The ranges of TCP ports that an instance's groups open to addresses of the Internet.
///
/// Which addresses is not looked at: whoever is on this machine comes from all of them.
fn ranges<'h>(here: &'h RegionState, instance: &'h Instance) -> impl Iterator<Item = (u16, u16)> + 'h {
    let groups = instance.security_groups.iter().filter_map(|id| here.security_groups.get(id));
    groups.flat_map(|group| &group.ingress).filter(|rule| matches!(rule.peer, Peer::Ipv4(_))).filter_map(|rule| {
        let port = |port: Option<i32>, else_: u16| port.map_or(Some(else_), |port| u16::try_from(port).ok());
        matches!(rule.protocol.as_str(), "tcp" | "-1").then_some((port(rule.from_port, 1)?, port(rule.to_port, u16::MAX)?))
    })
}

fn opens(here: &RegionState, instance: &Instance, port: u16) -> bool {
    ranges(here, instance).any(|(from, to)| (from..=to).contains(&port))
}

fn open_ports(here: &RegionState, instance: &Instance) -> BTreeSet<u16> {
    ranges(here, instance)
        .flat_map(|(from, to)| (from.max(1)..=to).take(MOST_PORTS))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .take(MOST_PORTS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reach::get;
    use crate::twin::ec2::testing::Bench;
    use crate::twin::machines::{Boot, Ends, EndsHow, Machines, Script};

    fn guest() -> Machines {
        Machines::Scripted(Script {
            captures: [].into(),
            fetches: None,
            console: vec![],
            files: vec![],
            removes: vec![],
            ends: Ends { how: EndsHow::Hang, after_seconds: 0 },
            boot: Boot::default(),
        })
    }

    #[tokio::test]
    async fn a_port_answers_while_a_group_opens_it_and_the_instance_runs() {
        let bench = Bench::with(guest());
        let base = bench.base().await;
        let instance = bench.run(&base, &[]).await;
        let described = bench.done("DescribeInstances", &[("InstanceId.1", &instance)]).await;
        let address: Ipv4Addr = described.get("ipAddress").parse().unwrap();
        assert_eq!(address.octets()[..2], NETWORK);
        bench.wait(60).await;

        let closed = dial(&bench.twin, address, 80).await.err().unwrap();
        assert_eq!(closed.kind(), io::ErrorKind::TimedOut);
        let group = described.get("groupId");
        let rule = [
            ("GroupId", group.as_str()),
            ("IpPermissions.1.IpProtocol", "tcp"),
            ("IpPermissions.1.FromPort", "80"),
            ("IpPermissions.1.ToPort", "81"),
            ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
        ];
        bench.done("AuthorizeSecurityGroupIngress", &rule).await;
        assert_eq!(bench.twin.forwarded()[&instance], BTreeSet::from([80, 81]));
        let page = get(dial(&bench.twin, address, 80).await.unwrap(), "x", "/").await.unwrap();
        assert_eq!(page.status, 200);
        let nobody = dial(&bench.twin, address, 81).await.err().unwrap();
        assert_eq!(nobody.kind(), io::ErrorKind::ConnectionRefused);

        let rules = bench.done("DescribeSecurityGroupRules", &[("Filter.1.Name", "group-id"), ("Filter.1.Value.1", &group)]).await;
        assert!(rules.all("cidrIpv4").contains(&"0.0.0.0/0".to_owned()));
        bench.done("RevokeSecurityGroupIngress", &rule).await;
        assert!(dial(&bench.twin, address, 80).await.is_err());
        bench.done("TerminateInstances", &[("InstanceId.1", &instance)]).await;
        assert!(!bench.twin.forwarded().contains_key(&instance));
    }

    #[tokio::test]
    async fn a_group_that_opens_everything_costs_no_more_than_so_many_sockets() {
        let bench = Bench::with(guest());
        let base = bench.base().await;
        let instance = bench.run(&base, &[]).await;
        let group = bench.done("DescribeInstances", &[]).await.get("groupId");
        let everything =
            [("GroupId", group.as_str()), ("IpPermissions.1.IpProtocol", "-1"), ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0")];
        bench.done("AuthorizeSecurityGroupIngress", &everything).await;
        assert_eq!(bench.twin.forwarded()[&instance].len(), MOST_PORTS);
    }

    #[tokio::test]
    async fn another_process_reaches_a_scripted_guest_and_hears_why_not() {
        use crate::twin::{door, serve};
        let bench = Bench::with(guest());
        let base = bench.base().await;
        let instance = bench.run(&base, &[]).await;
        let described = bench.done("DescribeInstances", &[("InstanceId.1", &instance)]).await;
        let address: Ipv4Addr = described.get("ipAddress").parse().unwrap();
        bench.wait(60).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let _server = tokio::spawn(serve::serve(Arc::clone(&bench.twin), listener, std::future::pending()));

        let closed = door::dial(&url, address, 80).await.err().unwrap();
        assert_eq!(closed.kind(), io::ErrorKind::TimedOut);
        let group = described.get("groupId");
        let rule = [
            ("GroupId", group.as_str()),
            ("IpPermissions.1.IpProtocol", "tcp"),
            ("IpPermissions.1.FromPort", "80"),
            ("IpPermissions.1.ToPort", "81"),
            ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
        ];
        bench.done("AuthorizeSecurityGroupIngress", &rule).await;
        let page = get(door::dial(&url, address, 80).await.unwrap(), "x", "/").await.unwrap();
        assert_eq!(page.status, 200);
        let nobody = door::dial(&url, address, 81).await.err().unwrap();
        assert_eq!(nobody.kind(), io::ErrorKind::ConnectionRefused);
        let away = door::dial("http://127.0.0.1:1", address, 80).await.err().unwrap();
        assert_eq!(away.kind(), io::ErrorKind::Other, "no refusal of the guest's");
    }
}
