//! Tests on whole disks, made by the public tools.

use super::super::testing::{MemoryTree, disk_of, disk_with, ext4, ext4_named, fat, xfs};
use super::*;

fn root() -> Vec<u8> {
    ext4(&[("etc/os-release", "ID=debian\n"), ("etc/fstab", "LABEL=data /srv ext4 defaults 0 2\n"), ("srv/x", "")])
}

#[test]
fn a_root_is_found_by_content_and_data_joined_by_fstab() {
    let data = ext4_named("data", &[("file", "joined")]);
    let image = open(&[Arc::new(disk_with(&[&data, &root()]))]);
    let tree = image.tree.unwrap();
    assert_eq!(tree.read(Path::new("/srv/file"), 100).unwrap(), b"joined");
    assert_eq!(image.volumes[1].state, VolumeState::Mounted { at: "/".into() });
    assert_eq!(image.volumes[0].state, VolumeState::Mounted { at: "/srv".into() });
}

#[test]
fn a_file_system_that_fstab_does_not_name_is_loose() {
    let image = open(&[Arc::new(root()), Arc::new(ext4(&[("x", "apart")]))]);
    assert_eq!(image.volumes[1].state, VolumeState::Loose { why: "no line of /etc/fstab names it".to_owned() });
    assert_eq!(image.tree.unwrap().read(Path::new("/[disk 2]/x"), 100).unwrap(), b"apart");
}

const EFI_SYSTEM: &str = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
const BIOS_BOOT: &str = "21686148-6449-6E6F-744E-656564454649";

fn with_fstab(fstab: &str, files: &[(&str, &str)]) -> Vec<u8> {
    ext4(&[[("etc/os-release", "ID=debian\n"), ("etc/fstab", fstab)].as_slice(), files].concat())
}

fn read(image: &DiskImage, path: &str) -> Vec<u8> {
    image.tree.as_ref().unwrap().read(Path::new(path), 100).unwrap()
}

fn why(volume: &Volume) -> &str {
    let VolumeState::Loose { why } = &volume.state else { panic!("{volume}: {:?}", volume.state) };
    why
}

#[test]
fn of_two_file_systems_of_one_name_the_second_is_loose_and_searched() {
    let (first, second) = (ext4_named("data", &[("file", "first")]), ext4_named("data", &[("file", "second")]));
    let image = open(&[Arc::new(disk_with(&[&root(), &first, &second]))]);
    assert_eq!(image.volumes[1].state, VolumeState::Mounted { at: "/srv".into() });
    assert_eq!(why(&image.volumes[2]), "another file system that /etc/fstab calls the same is mounted at /srv");
    assert_eq!((read(&image, "/srv/file"), read(&image, "/[disk 1, partition 3]/file")), (b"first".to_vec(), b"second".to_vec()));
}

#[test]
fn mount_points_are_looked_up_as_a_system_does() {
    let data = ext4_named("my data", &[("file", "joined")]);
    let joined = |fstab: &str, files: &[(&str, &str)]| open(&[Arc::new(with_fstab(fstab, files)), Arc::new(data.clone())]);
    let image = joined("LABEL=my\\040data /srv/my\\040data ext4\n", &[("srv/my data/.keep", "")]);
    assert_eq!(read(&image, "/srv/my data/file"), b"joined");
    let image = joined("LABEL=my\\040data /a/../b/./c ext4\n", &[("a/x", ""), ("b/c/x", "")]);
    assert_eq!(image.volumes[1].state, VolumeState::Mounted { at: "/b/c".into() });
    for (at, words) in [("/none", "/none is not there"), ("/etc/fstab", "is no directory"), ("/..", "another file system is mounted at /")]
    {
        let image = joined(&format!("LABEL=my\\040data {at} ext4\n"), &[]);
        assert!(why(&image.volumes[1]).ends_with(words), "{}", why(&image.volumes[1]));
        assert_eq!(read(&image, "/[disk 2]/file"), b"joined");
    }
}

#[test]
fn a_mount_point_behind_a_link_is_found_and_parents_are_mounted_first() {
    let (outer, inner) = (ext4_named("outer", &[("in/hidden", "h")]), ext4_named("inner", &[("file", "joined")]));
    let mut tree = FileTree::new(Box::new(
        MemoryTree::default()
            .file("/etc/fstab", "LABEL=inner /link/in ext4\nLABEL=outer /mnt ext4\n")
            .link("/link", "mnt")
            .directory("/mnt"),
    ));
    let mut volumes = Vec::new();
    let mut opened = OpenedDisks::default();
    let mut image =
        DiskImage { volumes: Vec::new(), tree: None, faults: Vec::new(), cut_off: Vec::new(), disks: Vec::new(), sources: Vec::new() };
    for disk in [inner, outer] {
        open_disk(1, &(Arc::new(disk) as Arc<dyn BlockSource>), &mut image, &mut opened);
    }
    volumes.append(&mut image.volumes);
    assert!(join(opened.file_systems, &mut tree, &mut volumes).is_empty());
    assert_eq!(volumes[0].state, VolumeState::Mounted { at: "/mnt/in".into() });
    assert_eq!(tree.read(Path::new("/link/in/file"), 100).unwrap(), b"joined");
    assert_eq!(tree.read(Path::new("/[under mnt-in]/hidden"), 100).unwrap(), b"h");
}

#[test]
fn what_a_mount_hides_is_walked_under_a_name_that_no_file_has() {
    let data = ext4_named("data", &[("file", "")]);
    let files = [("srv/secret", "hidden"), ("[under srv]/taken", "")];
    let image = open(&[Arc::new(with_fstab("LABEL=data /srv ext4\n", &files)), Arc::new(data)]);
    let mut seen = Vec::new();
    image.tree.as_ref().unwrap().walk(&mut |path, metadata| {
        seen.push((path.display().to_string(), metadata.unwrap().file_system));
        ControlFlow::Continue(())
    });
    for file in [("/[under srv]/taken", 0), ("/[under srv, 2]/secret", 0), ("/srv/file", 1)] {
        assert!(seen.contains(&(file.0.to_owned(), file.1)), "{seen:?}");
    }
    assert_eq!(read(&image, "/[under srv, 2]/secret"), b"hidden");
}

#[test]
fn an_efi_system_partition_is_read_where_fstab_places_it_or_apart() {
    let esp = fat(4096, &["-i", "1a2b3c4d"], &[("EFI/BOOT/grub.cfg", b"menu")]);
    for (fstab, path) in [
        ("UUID=1A2B-3C4D /boot/efi vfat umask=0077 0 1\n", "/boot/efi/EFI/BOOT/grub.cfg"),
        ("", "/[disk 1, partition 1]/EFI/BOOT/grub.cfg"),
    ] {
        let root = with_fstab(fstab, &[("boot/efi/under", "hidden")]);
        let image = open(&[Arc::new(disk_of(&[(EFI_SYSTEM, &*esp), (BIOS_BOOT, &*root)]))]);
        assert_eq!(read(&image, path), b"menu");
        assert_eq!(image.volumes[0].content, Content::Fat);
    }
}

#[test]
fn fat_without_its_signature_is_told_by_its_boot_sector() {
    let mut esp = fat(4096, &[], &[("x", b"")]);
    esp[54..62].fill(b' ');
    assert_eq!(open(&[Arc::new(esp)]).volumes[0].content, Content::Fat);
}

#[test]
fn boot_code_and_swap_are_searched_as_files_and_bounded() {
    let root = root();
    let mut code = vec![0; 1 << 20];
    code[700_000..700_003].copy_from_slice(b"end");
    let image = open(&[Arc::new(disk_of(&[(BIOS_BOOT, &*code), (EFI_SYSTEM, &*root)]))]);
    assert_eq!(image.volumes[0].state, VolumeState::NoFiles);
    let tree = image.tree.unwrap();
    let mut found = [0; 3];
    assert_eq!(tree.read_range(Path::new("/[disk 1, partition 1]"), 700_000, &mut found).unwrap(), 3);
    assert_eq!(&found, b"end");
    code.resize(11 << 20, 1);
    let image = open(&[Arc::new(disk_of(&[(BIOS_BOOT, &*code), (EFI_SYSTEM, &*root)]))]);
    let VolumeState::Unread { why } = &image.volumes[0].state else { panic!("{:?}", image.volumes[0]) };
    assert!(why.contains("11534336 bytes of unknown content"), "{why}");
}

#[test]
fn an_xfs_root_is_read_and_xfs_data_joined_by_fstab() {
    let data = xfs("data", &[("file", "joined")]);
    let root = xfs("root", &[("etc/os-release", "ID=rocky\n"), ("etc/fstab", "LABEL=data /srv xfs defaults 0 0\n"), ("srv/x", "")]);
    let image = open(&[Arc::new(disk_with(&[&root, &data]))]);
    let tree = image.tree.unwrap();
    assert_eq!(tree.read(Path::new("/srv/file"), 100).unwrap(), b"joined");
    assert_eq!(tree.read(Path::new("/etc/os-release"), 100).unwrap(), b"ID=rocky\n");
    assert!(image.volumes.iter().all(|volume| volume.content == Content::Xfs && volume.outstanding.is_none()));
    assert_eq!(can_read(Arc::new(root)).unwrap(), Readable { root_partition: 0, content: Content::Xfs });
}

#[test]
fn a_foreign_damaged_or_encrypted_root_is_refused_by_name() {
    let refused = [(0, b"XFSB\0\0".as_slice(), "version 0"), (0x1_0040, b"_BHRfS_M", "btrfs"), (0, b"LUKS\xba\xbe", "encrypted")];
    for (at, magic, word) in refused {
        let mut part = vec![0; 1 << 20];
        part[at..at + magic.len()].copy_from_slice(magic);
        let refusal = can_read(Arc::new(disk_with(&[&part]))).unwrap_err();
        assert!(refusal.to_string().contains(word), "{refusal}");
        assert_eq!(refusal.what, "disk 1, partition 1");
    }
    assert!(can_read(Arc::new(vec![0; 1 << 20])).is_err());
    assert_eq!(can_read(Arc::new(root())).unwrap(), Readable { root_partition: 0, content: Content::Ext });
}
