//! Extended attributes in all their forms, made by `xfs_db` and by the kernel.

use std::fs;
use std::sync::Arc;

use super::super::super::testing::{run, xfs_from};
use super::super::super::tree::{Attributes, FileSystem, FileTree};
use super::super::Xfs;
use super::*;

/// Sets attributes of a file by `xfs_db`: namespace, name and how long the value is, which is filled with `v`.
fn with(options: &[&str], attributes: &[(&str, &str, usize)]) -> FileTree {
    let folder = tempfile::tempdir().unwrap();
    let (content, image) = (folder.path().join("content"), folder.path().join("image"));
    fs::write(&content, "content").unwrap();
    let prototype = format!("d--755 0 0\nx ---644 0 0 {0}\nnone ---644 0 0 {0}\n$\n", content.display());
    fs::write(&image, xfs_from(options, 24, &prototype)).unwrap();
    let commands: Vec<String> = attributes.iter().map(|(space, name, length)| format!("attr_set {space} -v {length} {name}")).collect();
    let mut arguments = vec!["-x", "-c", "path /x"];
    commands.iter().for_each(|command| arguments.extend(["-c", command]));
    arguments.push(image.to_str().unwrap());
    run("xfs_db", "xfsprogs", &arguments, "");
    FileTree::new(Box::new(Xfs::open(Arc::new(fs::read(&image).unwrap())).unwrap()))
}

fn expected(attributes: &[(&str, &str, usize)]) -> Attributes {
    let prefix = |space| match space {
        "-r" => "trusted.",
        "-s" => "security.",
        _ => "user.",
    };
    attributes.iter().map(|(space, name, length)| (format!("{}{name}", prefix(space)).into(), vec![b'v'; *length])).collect()
}

#[test]
fn attributes_are_read_from_inodes_leaves_trees_and_blocks_of_their_own() {
    let names: Vec<String> = (0..300).map(|index| format!("name-{index}")).collect();
    let many: Vec<_> = names.iter().map(|name| ("-u", name.as_str(), 40)).collect();
    let lists: [&[(&str, &str, usize)]; 4] = [
        &[("-s", "capability", 20), ("-u", "one", 1), ("-r", "x", 5)],
        &[("-s", "selinux", 30), ("-u", "long", 500), ("-r", "longer", 700)],
        // Multiples of all blocks' sizes: of others, the xfs_db of 6.1 crashes on version 4.
        &[("-u", "large", 4096), ("-s", "larger", 20_480), ("-r", "largest", 65_536)],
        &many,
    ];
    for options in [&["-b", "size=1024"][..], &["-b", "size=4096"], &["-m", "crc=0", "-b", "size=512"], &["-i", "size=1024"]] {
        for list in lists {
            let tree = with(options, list);
            let found = tree.attributes(Path::new("/x")).unwrap();
            assert!(found == expected(list), "{options:?} {:?} of {}", found.keys().collect::<Vec<_>>(), list.len());
            assert!(tree.metadata(Path::new("/x")).unwrap().has_attributes);
            assert_eq!(tree.attributes(Path::new("/none")).unwrap(), Attributes::new());
            assert_eq!(tree.read(Path::new("/x"), 100).unwrap(), b"content");
        }
    }
}

/// What stands there is no list, so that the conversion is seen to be tried.
#[test]
fn an_access_control_list_of_no_form_is_an_error() {
    let tree = with(&[], &[("-r", "SGI_ACL_FILE", 16)]);
    let error = tree.attributes(Path::new("/x")).unwrap_err();
    assert!(error.to_string().contains("access control list"), "{error}");
}

#[test]
fn attributes_of_the_kernel_are_read() {
    let xfs = Xfs::open(Arc::new(super::kernel::image())).unwrap();
    for (path, lengths) in
        [("/xattr/small", &[40][..]), ("/xattr/file", &[3, 3]), ("/xattr/list", &[150, 150]), ("/xattr/big", &[5000, 5000])]
    {
        let expected = lengths.iter().zip([("user.a", b'v'), ("user.b", b'w')]);
        let expected: Attributes = expected.map(|(length, (name, byte))| (name.into(), vec![byte; *length])).collect();
        assert!(FileSystem::attributes(&xfs, Path::new(path)).unwrap() == expected, "{path}");
    }
    assert_eq!(FileSystem::attributes(&xfs, Path::new("/empty")).unwrap(), Attributes::new());
}
