//! QEMU's command line for a machine.

use std::ffi::OsString;
use std::path::Path;

use super::{DiskBus, Files, Qemu};
use crate::model::digest::Digest;
use crate::twin::machines::{Accelerator, BootMode, Launch, MachineError};
use crate::twin::s3::GUEST_ADDRESS;

/// Returns QEMU's arguments.
///
/// # Errors
///
/// [`MachineError::Path`] for a path that is not text.
pub fn arguments(qemu: &Qemu, launch: &Launch, files: &Files) -> Result<Vec<OsString>, MachineError> {
    let mut arguments = Arguments(Vec::new());
    arguments.add(["-name", &launch.instance, "-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35"]);
    match qemu.accelerator {
        Accelerator::Kvm => arguments.add(["-accel", "kvm", "-cpu", "host"]),
        // Plain qemu64 runs about twice as fast as `max`; what is added makes it x86-64-v2, which distributions demand.
        Accelerator::Tcg => {
            arguments.add(["-accel", "tcg,thread=multi,tb-size=512", "-cpu", "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16,+lahf-lm"]);
        }
    }
    arguments.add(["-smp", &launch.cpus.to_string(), "-m", &launch.memory_mib.to_string(), "-rtc", "base=utc"]);
    arguments.add(["-device", "virtio-rng-pci"]);
    firmware(&mut arguments, launch, files)?;
    disk(&mut arguments, qemu, launch)?;
    network(&mut arguments, qemu, launch, files)?;
    arguments.add(["-chardev", &format!("file,id=console,append=on,path={}", escape(&files.console)?)]);
    arguments.add(["-serial", "chardev:console"]);
    arguments.add(["-qmp", &format!("unix:{},server=on,wait=off", escape(&files.qmp)?)]);
    arguments.add(["-pidfile"]);
    arguments.0.push(files.pid.clone().into());
    arguments.add(["-daemonize"]);
    Ok(arguments.0)
}

struct Arguments(Vec<OsString>);

impl Arguments {
    fn add<const N: usize>(&mut self, more: [&str; N]) {
        self.0.extend(more.map(OsString::from));
    }
}

fn firmware(arguments: &mut Arguments, launch: &Launch, files: &Files) -> Result<(), MachineError> {
    if let (BootMode::Uefi, Some(code)) = (launch.boot_mode, &files.firmware) {
        arguments.add(["-drive", &format!("if=pflash,format=raw,unit=0,readonly=on,file={}", escape(code)?)]);
        arguments.add(["-drive", &format!("if=pflash,format=raw,unit=1,file={}", escape(&files.variables)?)]);
    }
    // cloud-init knows EC2 by these: both equal, both beginning with `ec2`.
    let uuid = uuid(&launch.instance);
    let product = launch.instance_type.replace(',', ",,");
    arguments.add(["-smbios", "type=0,vendor=Amazon EC2", "-smbios"]);
    arguments.add([&format!("type=1,manufacturer=Amazon EC2,product={product},uuid={uuid},serial={uuid}")]);
    Ok(())
}

fn disk(arguments: &mut Arguments, qemu: &Qemu, launch: &Launch) -> Result<(), MachineError> {
    // Flushes are not passed on to this machine's disk: what the guest wrote is in the file all the
    // same when QEMU ends, however it ends; only a crash of this machine itself could lose it.
    arguments.add(["-drive"]);
    arguments.add([&format!(
        "if=none,id=root,format=raw,cache=unsafe,aio=threads,discard=unmap,detect-zeroes=unmap,file={}",
        escape(&launch.disk)?
    )]);
    // The serial number is what EC2 gives its volumes' NVMe devices: the id without its hyphen.
    arguments.add(["-device"]);
    match qemu.disk_bus {
        DiskBus::Virtio => arguments.add(["virtio-blk-pci,drive=root,bootindex=0"]),
        DiskBus::Nvme => arguments.add([&format!("nvme,drive=root,bootindex=0,serial={}", launch.instance.replace('-', ""))]),
    }
    Ok(())
}

fn network(arguments: &mut Arguments, qemu: &Qemu, launch: &Launch, files: &Files) -> Result<(), MachineError> {
    // The guest's network is the link-local one, so that QEMU owns the addresses of the metadata service
    // and of S3, which the same service answers by the host that is asked for.
    let relay = format!("{} twin relay {}", shell_word(&qemu.relay)?, shell_word(&files.metadata)?).replace(',', ",,");
    arguments.add(["-netdev"]);
    arguments.add([&format!(
        "user,id=net,net=169.254.0.0/16,host=169.254.0.2,dns=169.254.0.3,dhcpstart=169.254.1.15,ipv6=off,\
         guestfwd=tcp:169.254.169.254:80-cmd:{relay},guestfwd=tcp:{GUEST_ADDRESS}:80-cmd:{relay}"
    )]);
    // Without a boot ROM: the firmware must not try the network.
    arguments.add(["-device", &format!("virtio-net-pci,netdev=net,mac={},romfile=", launch.mac.replace(',', ",,"))]);
    Ok(())
}

/// An instance's UUID: fixed by its id, beginning with `ec2`.
fn uuid(instance: &str) -> String {
    let hex = Digest::of_parts([b"uuid".as_slice(), instance.as_bytes()]).to_hex();
    format!("ec2{}-{}-4{}-8{}-{}", &hex[..5], &hex[5..9], &hex[9..12], &hex[12..15], &hex[15..27])
}

/// A path as a value among options: QEMU takes a doubled comma for a comma.
fn escape(path: &Path) -> Result<String, MachineError> {
    Ok(text(path)?.replace(',', ",,"))
}

/// A path as one word of the relay's command line, which QEMU splits as a shell does.
fn shell_word(path: &Path) -> Result<String, MachineError> {
    Ok(format!("'{}'", text(path)?.replace('\'', r"'\''")))
}

fn text(path: &Path) -> Result<&str, MachineError> {
    path.to_str().ok_or_else(|| MachineError::Path { path: path.to_owned(), reason: "it is not text" })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;

    fn lines(boot_mode: BootMode, disk_bus: DiskBus) -> String {
        let launch = Launch {
            instance: "i-0123456789abcdef0".to_owned(),
            folder: "/t/i".into(),
            disk: "/t/a,b".into(),
            memory_mib: 1024,
            cpus: 2,
            mac: "0a:12:34:56:78:9a".to_owned(),
            boot_mode,
            instance_type: "t3.small".to_owned(),
            metadata: Arc::new(|| None),
            objects: crate::twin::s3::for_guests(std::sync::Weak::new()),
            clock: Clock::System,
        };
        let files = Files {
            console: "/t/i/console".into(),
            pid: "/t/i/pid".into(),
            variables: "/t/i/variables".into(),
            firmware: Some(PathBuf::from("/f/code")),
            qmp: "/r/q".into(),
            metadata: "/r/m".into(),
            network: "/r/n".into(),
        };
        let qemu = Qemu::new("/x/it's".into(), Accelerator::Tcg).with_disk_bus(disk_bus);
        let arguments = arguments(&qemu, &launch, &files).unwrap();
        arguments.iter().map(|a| a.to_str().unwrap()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn firmware_follows_the_boot_mode_and_the_disk_its_bus() {
        let uefi = lines(BootMode::Uefi, DiskBus::Virtio);
        assert!(uefi.contains("unit=0,readonly=on,file=/f/code") && uefi.contains("virtio-blk-pci"));
        let bios = lines(BootMode::LegacyBios, DiskBus::Nvme);
        assert!(!bios.contains("pflash") && bios.contains("nvme,drive=root,bootindex=0,serial=i0123456789abcdef0"));
    }

    #[test]
    fn awkward_paths_stay_one_word() {
        let lines = lines(BootMode::Uefi, DiskBus::Virtio);
        assert!(lines.contains("file=/t/a,,b"));
        assert!(lines.contains(r"guestfwd=tcp:169.254.169.254:80-cmd:'/x/it'\''s' twin relay '/r/m'"));
    }

    #[test]
    fn the_firmware_says_ec2_twice_alike() {
        let uuid = uuid("i-0123456789abcdef0");
        assert!(uuid.starts_with("ec2") && uuid.len() == 36);
        assert!(lines(BootMode::Uefi, DiskBus::Virtio).contains(&format!("uuid={uuid},serial={uuid}")));
    }
}
