//! Extended attributes in all their places.

use std::ffi::OsStr;

use super::super::super::testing::run;
use super::super::super::tree::FileKind;
use super::*;

impl Image {
    fn set(&self, path: &str, name: &str, value: &[u8]) {
        let file = self.folder.path().join("value");
        fs::write(&file, value).unwrap();
        self.debugfs(&format!("ea_set -f {} {path} {name}", file.display()));
    }
}

/// What `debugfs` tells of a value.
fn told(image: &Image, path: &str, name: &str) -> Vec<u8> {
    let file = image.folder.path().join("told");
    run("debugfs", "e2fsprogs", &["-R", &format!("ea_get -f {} {path} {name}", file.display()), image.path().to_str().unwrap()], "");
    fs::read(file).unwrap()
}

const CAPABILITY: &[u8] = &[1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

#[test]
fn attributes_are_read_from_inodes_blocks_and_inodes_of_their_own() {
    let image =
        Image::of(|root| ["none", "inner", "outer", "both", "large"].iter().for_each(|name| fs::write(root.join(name), name).unwrap()));
    let with: [&[&str]; 4] =
        [&["-O", "ea_inode"], &["-O", "ea_inode", "-b", "1024"], &["-O", "ea_inode,^metadata_csum"], &["-O", "ea_inode,inline_data"]];
    for options in with {
        image.make(&[&["-t", "ext4"], options].concat(), "8M");
        let outer = content(500, 1);
        image.set("/inner", "security.capability", CAPABILITY);
        image.set("/inner", "user.empty", b"");
        image.set("/outer", "user.long", &outer);
        image.set("/both", "security.selinux", b"system_u:object_r:bin_t:s0\0");
        image.set("/both", "trusted.long", &outer);
        image.set("/large", "user.large", &content(1000, 2));
        let tree = image.tree();
        let attributes = |path: &str| tree.attributes(Path::new(path)).unwrap();
        assert_eq!(attributes("/none"), Default::default());
        assert_eq!(attributes("/inner")[OsStr::new("security.capability")], CAPABILITY);
        assert_eq!(attributes("/inner")[OsStr::new("user.empty")], b"");
        assert_eq!(attributes("/outer")[OsStr::new("user.long")], outer);
        let names: Vec<_> = attributes("/both").into_keys().collect();
        assert_eq!(names, ["security.selinux", "trusted.long"]);
        assert_eq!(attributes("/large")[OsStr::new("user.large")], content(1000, 2));
        for (path, name) in
            [("/inner", "security.capability"), ("/both", "security.selinux"), ("/both", "trusted.long"), ("/large", "user.large")]
        {
            assert_eq!(attributes(path)[OsStr::new(name)], told(&image, path, name), "{path} {name}");
        }
        let has = |path: &str| tree.metadata(Path::new(path)).unwrap().has_attributes;
        assert!(["/inner", "/outer", "/both", "/large"].into_iter().all(has));
        assert!(!has("/none") || options[1].contains("inline_data"));
    }
}

#[test]
fn attributes_are_copied_with_a_folder() {
    let image = Image::of(|root| {
        fs::write(root.join("x"), "").unwrap();
        rustix::fs::setxattr(root.join("x"), "user.name", b"value", rustix::fs::XattrFlags::empty()).unwrap();
    });
    image.make(&["-t", "ext4"], "4M");
    assert_eq!(image.tree().attributes(Path::new("/x")).unwrap(), image.by_kernel().attributes(Path::new("/x")).unwrap());
}

/// user::rw- user:7:rwx group::r-- mask::rwx other::---, on the disk and as the kernel gives it.
#[test]
fn access_control_lists_are_given_as_the_kernel_gives_them() {
    let image = Image::of(|root| fs::write(root.join("x"), "").unwrap());
    image.make(&["-t", "ext4"], "4M");
    let kernel = [
        &[2_u8, 0, 0, 0][..],
        &[1, 0, 6, 0, 0xff, 0xff, 0xff, 0xff],
        &[2, 0, 7, 0, 7, 0, 0, 0],
        &[4, 0, 4, 0, 0xff, 0xff, 0xff, 0xff],
        &[0x10, 0, 7, 0, 0xff, 0xff, 0xff, 0xff],
        &[0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
    ]
    .concat();
    // It converts the list itself.
    image.set("/x", "system.posix_acl_access", &kernel);
    assert_eq!(image.tree().attributes(Path::new("/x")).unwrap()[OsStr::new("system.posix_acl_access")], kernel);
    assert_eq!(image.tree().metadata(Path::new("/x")).unwrap().kind, FileKind::File);
}
