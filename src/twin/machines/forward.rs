//! Ports of a machine at an address of this machine's loopback: slirp4netns takes connections there
//! and carries them into the machine's network, where QEMU hands them to the guest.
//!
//! Source: slirp4netns(1), "API SOCKET"; <https://www.qemu.org/docs/master/system/monitor.html>, `hostfwd_add`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::{MachineError, qmp};

/// Both programs answer at once unless they are stuck.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than any answer to the orders given here.
const ANSWER_BYTES: u64 = 1024 * 1024;
/// How far up a port lies that this user may not open.
const LIFTED_BY: u16 = 40_000;

/// Returns the port of a machine's address on which its own `port` is found.
///
/// The same, unless it is one of those below 1024 that the kernel keeps for root: then that many and 40000.
pub fn host_port(port: u16) -> u16 {
    let refused = port < 1024
        && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied);
    if refused { port + LIFTED_BY } else { port }
}

/// An address of instances' network that no instance is ever given.
const NOBODYS: Ipv4Addr = Ipv4Addr::new(127, 87, 0, 255);
/// A listener of this machine's answers at once.
const KNOCK: Duration = Duration::from_millis(200);

/// Tells whether another server of this machine's listens on all addresses, and so at each instance's: who
/// connects to that port of an instance meets it wherever the instance's own is not forwarded.
pub fn is_answered_by_another(port: u16) -> bool {
    TcpStream::connect_timeout(&SocketAddr::from((NOBODYS, port)), KNOCK).is_ok()
}

/// Has exactly these ports of a guest answer at `address`; connections that are open stay so.
pub async fn set(control: &Path, monitor: &Path, address: Ipv4Addr, ports: &BTreeSet<u16>) -> Result<(), MachineError> {
    let open = list(control, address).await?;
    for (port, id) in open.iter().filter(|(port, _)| !ports.contains(port)) {
        order(control, json!({ "execute": "remove_hostfwd", "arguments": { "id": id } })).await?;
        // It may be gone already; nothing leads to it any more either way.
        let _ = qmp::run_human(monitor, &format!("hostfwd_remove net tcp::{port}")).await;
    }
    let mut failed = None;
    for port in ports.iter().filter(|port| !open.contains_key(port)) {
        if let Err(error) = add(control, monitor, address, *port).await {
            failed.get_or_insert(error);
        }
    }
    failed.map_or(Ok(()), Err)
}

async fn add(control: &Path, monitor: &Path, address: Ipv4Addr, port: u16) -> Result<(), MachineError> {
    let refused = |reason: String| MachineError::Port { address, port, reason };
    // QEMU complains of a port that it forwards already, which is as good.
    qmp::run_human(monitor, &format!("hostfwd_add net tcp::{port}-:{port}")).await.map_err(|e| refused(e.to_string()))?;
    let there = host_port(port);
    // slirp4netns does not say why a port can't be had; trying first tells.
    if let Err(error) = TcpListener::bind((address, there)) {
        let another = if is_answered_by_another(there) { "; another server of this machine answers there in its place" } else { "" };
        return Err(refused(format!("{error}{another}")));
    }
    let arguments = json!({ "proto": "tcp", "host_addr": address, "host_port": there, "guest_port": port });
    order(control, json!({ "execute": "add_hostfwd", "arguments": arguments })).await.map(|_| ())
}

/// Lists the guest's ports that are forwarded from `address`, with slirp4netns's number for each.
async fn list(control: &Path, address: Ipv4Addr) -> Result<BTreeMap<u16, Value>, MachineError> {
    let answer = order(control, json!({ "execute": "list_hostfwd" })).await?;
    let entries = answer["entries"].as_array().cloned().unwrap_or_default();
    let ours = entries.into_iter().filter(|entry| entry["host_addr"] == address.to_string());
    Ok(ours.filter_map(|entry| Some((u16::try_from(entry["guest_port"].as_u64()?).ok()?, entry["id"].clone()))).collect())
}

/// Gives slirp4netns an order and returns its answer.
async fn order(control: &Path, order: Value) -> Result<Value, MachineError> {
    let io = |e| MachineError::io("opening the machine's ports")(e);
    let conversation = async {
        let mut stream = UnixStream::connect(control).await?;
        stream.write_all(order.to_string().as_bytes()).await?;
        stream.shutdown().await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES).read_to_end(&mut answer).await?;
        Ok(answer)
    };
    let answer = tokio::time::timeout(PATIENCE, conversation).await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
    let answer: Value = serde_json::from_slice(&answer.map_err(io)?).map_err(|e| io(std::io::Error::other(e)))?;
    match answer["error"]["desc"].as_str() {
        Some(refusal) => Err(io(std::io::Error::other(format!("slirp4netns refuses: {refusal}")))),
        None => Ok(answer["return"].clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncBufReadExt as _, BufReader};
    use tokio::net::UnixListener;

    use super::*;

    /// Plays slirp4netns with one port forwarded, and notes its orders.
    fn play_carrier(socket: &Path, orders: Arc<Mutex<Vec<Value>>>) {
        let listener = UnixListener::bind(socket).unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut text = String::new();
                stream.read_to_string(&mut text).await.unwrap();
                let order: Value = serde_json::from_str(&text).unwrap();
                let entry = json!({ "id": 7, "proto": "tcp", "host_addr": "127.87.0.9", "host_port": 2222, "guest_port": 2222 });
                let answer = match order["execute"].as_str() {
                    Some("list_hostfwd") => json!({ "return": { "entries": [entry] } }),
                    _ => json!({ "return": { "id": 8 } }),
                };
                orders.lock().unwrap().push(order);
                stream.write_all(answer.to_string().as_bytes()).await.unwrap();
            }
        });
    }

    fn play_monitor(socket: &Path, lines: Arc<Mutex<Vec<String>>>) {
        let listener = UnixListener::bind(socket).unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (read, mut write) = stream.split();
                write.write_all(b"{\"QMP\": {}}\n").await.unwrap();
                let mut requests = BufReader::new(read).lines();
                while let Some(line) = requests.next_line().await.unwrap() {
                    let request: Value = serde_json::from_str(&line).unwrap();
                    if let Some(line) = request["arguments"]["command-line"].as_str() {
                        lines.lock().unwrap().push(line.to_owned());
                    }
                    write.write_all(b"{\"return\": \"\"}\n").await.unwrap();
                }
            }
        });
    }

    #[tokio::test]
    async fn what_is_forwarded_becomes_what_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let (control, monitor) = (folder.path().join("c"), folder.path().join("q"));
        let (orders, lines) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        play_carrier(&control, orders.clone());
        play_monitor(&monitor, lines.clone());
        set(&control, &monitor, Ipv4Addr::new(127, 87, 0, 9), &BTreeSet::from([40_999])).await.unwrap();
        assert_eq!(*lines.lock().unwrap(), ["hostfwd_remove net tcp::2222", "hostfwd_add net tcp::40999-:40999"]);
        let orders = orders.lock().unwrap();
        assert_eq!(orders[1], json!({ "execute": "remove_hostfwd", "arguments": { "id": 7 } }));
        assert_eq!(orders[2]["arguments"]["host_port"], 40_999);
        assert_eq!(orders.len(), 3);
    }

    #[test]
    fn who_listens_on_all_addresses_answers_for_every_instance() {
        let all = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = all.local_addr().unwrap().port();
        assert!(is_answered_by_another(port));
        drop(all);
        let own = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_answered_by_another(own.local_addr().unwrap().port()));
    }

    #[tokio::test]
    async fn a_port_that_another_server_has_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let (control, monitor) = (folder.path().join("c"), folder.path().join("q"));
        play_carrier(&control, Arc::default());
        play_monitor(&monitor, Arc::default());
        let all = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let ports = BTreeSet::from([all.local_addr().unwrap().port()]);
        let refused = set(&control, &monitor, Ipv4Addr::new(127, 87, 0, 9), &ports).await.unwrap_err();
        assert!(refused.to_string().contains("another server of this machine answers there"), "{refused}");
    }

    #[test]
    fn ports_of_ordinary_users_are_themselves() {
        assert_eq!(host_port(8080), 8080);
        assert!([22, 40_022].contains(&host_port(22)));
    }
}
