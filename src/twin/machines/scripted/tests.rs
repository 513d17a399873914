use std::io::Write as _;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::*;
use crate::clock::Clock;
use crate::reach::{LoginError, LoginKey, Output, get, login};
use crate::twin::machines::{BootMode, Machines, Metadata};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn launch(folder: &TempDir, user_data: &[u8]) -> Launch {
    let metadata = Metadata { user_data: user_data.to_vec(), ..crate::twin::machines::imds::tests::metadata() };
    Launch {
        instance: "i-0123456789abcdef0".to_owned(),
        folder: folder.path().join("machine"),
        disk: folder.path().join("disk"),
        memory_mib: 512,
        cpus: 1,
        mac: "0a:12:34:56:78:9a".to_owned(),
        boot_mode: BootMode::Uefi,
        instance_type: "t3.small".to_owned(),
        metadata: Arc::new(move || Some(metadata.clone())),
        objects: crate::twin::s3::for_guests(std::sync::Weak::new()),
        clock: Clock::manual(at(0)),
    }
}

fn script(how: EndsHow) -> Script {
    serde_json::from_value(serde_json::json!({
        "captures": { "nonce": "nonce=([0-9a-f]+)" },
        "console": [{ "after_seconds": 1, "text": "booting\n" }, { "after_seconds": 5, "text": "done {nonce} {other}\n" }],
        "files": [
            { "path": "/etc/deep/made by guest", "content": "it was {nonce}\n", "mode": 0o600 },
            { "path": "/kept", "content": "new" },
        ],
        "removes": ["/gone", "/never there"],
        "ends": { "how": how, "after_seconds": 10 },
    }))
    .unwrap()
}

/// A disk with a partition table and an ext4 at 1 MiB, or a bare ext4.
fn make_disk(path: &Path, partitioned: bool) {
    let source = tempfile::tempdir().unwrap();
    std::fs::write(source.path().join("gone"), "x").unwrap();
    std::fs::write(source.path().join("kept"), "old").unwrap();
    let offset = if partitioned { 1024 * 1024 } else { 0 };
    let file = File::create(path).unwrap();
    file.set_len(offset + 8 * 1024 * 1024).unwrap();
    let made = Command::new(sbin("mke2fs"))
        .args(["-q", "-t", "ext4", "-E", &format!("offset={offset}"), "-d"])
        .arg(source.path())
        .arg(path)
        .arg("8M")
        .status()
        .unwrap();
    assert!(made.success());
    if partitioned {
        let mut entry = [0; 16];
        entry[4] = 0x83;
        entry[8..12].copy_from_slice(&2048_u32.to_le_bytes());
        entry[12..16].copy_from_slice(&16384_u32.to_le_bytes());
        use std::os::unix::fs::FileExt as _;
        let file = File::options().write(true).open(path).unwrap();
        file.write_all_at(&entry, 446).unwrap();
        file.write_all_at(&[0x55, 0xaa], 510).unwrap();
    }
}

fn read_file(disk: &Path, offset: u64, path: &str) -> String {
    let device = format!("{}?offset={offset}", disk.display());
    let output = Command::new(sbin("debugfs")).args(["-R", &format!("cat \"{path}\""), &device]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_guest_prints_by_the_time_and_leaves_its_files_once_it_has_powered_off() {
    for (partitioned, offset) in [(true, 1024 * 1024), (false, 0)] {
        let folder = tempfile::tempdir().unwrap();
        let launch = launch(&folder, b"#!/bin/sh\nnonce=00ff\n");
        make_disk(&launch.disk, partitioned);
        let machines = Machines::Scripted(script(EndsHow::PowerOff));
        let handle = machines.launch(&launch, at(0)).await.unwrap();

        assert_eq!(machines.console(&handle, at(0)).unwrap(), b"");
        assert_eq!(machines.console(&handle, at(1)).unwrap(), b"booting\n");
        assert_eq!(machines.status(&handle, at(9)), Status::Running);
        assert_eq!(read_file(&launch.disk, offset, "/kept"), "old");

        // A later process has the handle alone, not the script.
        let later = Machines::Scripted(script(EndsHow::Hang));
        assert_eq!(later.status(&handle, at(10)), Status::Ended(Ending::PowerOff));
        assert_eq!(later.console(&handle, at(10)).unwrap(), b"booting\ndone 00ff {other}\n");
        assert_eq!(read_file(&launch.disk, offset, "/kept"), "new");
        assert_eq!(read_file(&launch.disk, offset, "/etc/deep/made by guest"), "it was 00ff\n");
        assert_eq!(read_file(&launch.disk, offset, "/gone"), "");

        let before = std::fs::read(&launch.disk).unwrap();
        assert_eq!(later.status(&handle, at(11)), Status::Ended(Ending::PowerOff));
        assert_eq!(std::fs::read(&launch.disk).unwrap(), before, "the files are written once");
    }
}

#[tokio::test]
async fn captures_are_found_in_gzipped_user_data_and_missed_ones_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(b"nonce=abc").unwrap();
    let machines = Machines::Scripted(script(EndsHow::Crash));
    let handle = machines.launch(&launch(&folder, &packed.finish().unwrap()), at(0)).await.unwrap();
    assert!(String::from_utf8(machines.console(&handle, at(5)).unwrap()).unwrap().contains("done abc"));
    assert!(matches!(machines.launch(&launch(&folder, b"another"), at(0)).await, Err(MachineError::Script { .. })));
}

#[tokio::test]
async fn without_user_data_a_guest_comes_up_and_takes_the_key_of_its_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let key = LoginKey::from_seed(&[1; 32]);
    let mut launch = launch(&folder, b"");
    let metadata = Metadata {
        user_data: Vec::new(),
        key: Some(("mine".to_owned(), key.public_line())),
        ..crate::twin::machines::imds::tests::metadata()
    };
    launch.metadata = Arc::new(move || Some(metadata.clone()));
    let failing = CommandAnswer { contains: "exit 3".to_owned(), status: 3, output: "no\n".to_owned() };
    let boot = Boot { commands: vec![failing], ..Boot::default() };
    let machines = Machines::Scripted(Script { boot, ..script(EndsHow::PowerOff) });
    let handle = machines.launch(&launch, at(0)).await.unwrap();
    let address = Ipv4Addr::new(127, 87, 0, 1);

    assert!(machines.dial(&handle, address, 22, at(24)).await.is_err() && !machines.is_up(&handle, at(24)));
    assert!(machines.dial(&handle, address, 23, at(25)).await.is_err() && machines.is_up(&handle, at(25)));
    let session = login(machines.dial(&handle, address, 22, at(25)).await.unwrap(), "admin", &key).await.unwrap();
    assert_eq!(session.methods, ["publickey"]);
    let console = String::from_utf8(machines.console(&handle, at(25)).unwrap()).unwrap();
    assert!(console.contains(&session.host_fingerprint()), "{console}");
    let failed = session.run("cat >f; sh f", b"exit 3\n", 2).await.unwrap();
    assert_eq!(failed, Output { status: Some(3), output: b"o\n".to_vec(), truncated: true });
    assert_eq!(session.run("sudo -n true", b"", 10).await.unwrap().status, Some(0));
    session.close().await;

    let stranger = login(machines.dial(&handle, address, 22, at(26)).await.unwrap(), "admin", &LoginKey::from_seed(&[2; 32])).await;
    assert!(matches!(stranger, Err(LoginError::Refused { .. })));
    let page = get(machines.dial(&handle, address, 80, at(26)).await.unwrap(), "x", "/").await.unwrap();
    assert_eq!((page.status, page.body.is_empty()), (200, false));
    assert_eq!(machines.status(&handle, at(1_000_000)), Status::Running);
    machines.power_down(&handle, at(1_000_000)).await.unwrap();
    assert_eq!(machines.status(&handle, at(1_000_000)), Status::Ended(Ending::PowerOff));
}

#[tokio::test]
async fn a_crash_leaves_nothing_and_a_hang_heeds_only_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let launch = launch(&folder, b"nonce=1");
    make_disk(&launch.disk, false);
    let machines = Machines::Scripted(script(EndsHow::Crash));
    let handle = machines.launch(&launch, at(0)).await.unwrap();
    assert_eq!(machines.status(&handle, at(10)), Status::Ended(Ending::Crash));
    assert_eq!(read_file(&launch.disk, 0, "/kept"), "old");

    let machines = Machines::Scripted(script(EndsHow::Hang));
    let handle = machines.launch(&launch, at(0)).await.unwrap();
    machines.power_down(&handle, at(20)).await.unwrap();
    assert_eq!(machines.status(&handle, at(1000)), Status::Running);
    machines.kill(&handle, at(30)).await.unwrap();
    assert_eq!(machines.status(&handle, at(30)), Status::Ended(Ending::PowerOff));
}

#[tokio::test]
async fn a_guest_that_is_stopped_early_prints_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let machines = Machines::Scripted(script(EndsHow::PowerOff));
    let handle = machines.launch(&launch(&folder, b"nonce=1"), at(0)).await.unwrap();
    machines.power_down(&handle, at(2)).await.unwrap();
    assert_eq!(machines.status(&handle, at(100)), Status::Ended(Ending::PowerOff));
    assert_eq!(machines.console(&handle, at(100)).unwrap(), b"booting\n");
}
