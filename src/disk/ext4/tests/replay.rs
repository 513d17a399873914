//! The journal: what `debugfs` writes into it is seen, as after a repair by `e2fsck`.

use super::super::super::testing::run;
use super::*;

const BEFORE: &[u8] = b"before the crash";

fn image(options: &[&str]) -> Image {
    let image = Image::of(|root| {
        for name in ["changed", "kept", "revoked"] {
            fs::write(root.join(name), BEFORE).unwrap();
        }
    });
    image.make(&[&["-t", "ext4"], options].concat(), "16M");
    image
}

impl Image {
    fn block(&self, path: &str) -> u64 {
        self.debugfs(&format!("blocks {path}")).trim().parse().unwrap()
    }

    /// Has `debugfs` write transactions into the journal, and not to their places.
    fn journal(&self, options: &str, commands: &[String]) {
        let script = format!("journal_open {options}\n{}\njournal_close\n", commands.join("\n"));
        let file = self.folder.path().join("script");
        fs::write(&file, script).unwrap();
        let said = run("debugfs", "e2fsprogs", &["-w", "-f", file.to_str().unwrap(), self.path().to_str().unwrap()], "");
        assert!(!said.contains("Invalid"), "{said}");
    }

    fn write(&self, path: &str, block: &[u8]) -> String {
        let file = self.folder.path().join(format!("block-of-{}", path.trim_start_matches('/')));
        fs::write(&file, block).unwrap();
        format!("journal_write -b {} {}", self.block(path), file.display())
    }
}

fn block(text: &[u8], size: usize) -> Vec<u8> {
    let mut block = vec![0; size];
    block[..text.len()].copy_from_slice(text);
    block
}

fn read(tree: &FileTree, path: &str) -> Vec<u8> {
    tree.read(Path::new(path), 100).unwrap()
}

#[test]
fn committed_changes_are_seen_and_revoked_ones_are_not() {
    for options in [&["-b", "4096"][..], &["-b", "1024"], &["-O", "^64bit"], &["-O", "^metadata_csum,64bit"]] {
        for checksums in ["", "-c -v 2", "-c -v 3"] {
            let image = image(options);
            let size = image.open().device.geometry.block_size as usize;
            // The second begins with the journal's magic number, which it has to escape.
            let escaped = [&[0xc0, 0x3b, 0x39, 0x98][..], b"after the crash"].concat();
            let commands = [
                image.write("/revoked", &block(b"never to be seen", size)),
                image.write("/changed", &block(&escaped, size)),
                format!("journal_write -r {}", image.block("/revoked")),
            ];
            image.journal(checksums, &commands);
            let what = format!("{options:?} {checksums}");
            let fs = image.open();
            assert_eq!(fs.outstanding(), None, "{what}");
            let before = FileTree::new(Box::new(fs));
            assert_eq!(read(&before, "/changed"), escaped[..BEFORE.len()], "{what}");
            assert_eq!(read(&before, "/revoked"), BEFORE, "{what}");
            assert_eq!(read(&before, "/kept"), BEFORE, "{what}");
            run("e2fsck", "e2fsprogs", &["-y", "-E", "journal_only", image.path().to_str().unwrap()], "");
            let after = image.tree();
            for path in ["/changed", "/revoked", "/kept"] {
                assert_eq!(read(&after, path), read(&before, path), "{what} {path}");
            }
        }
    }
}

#[test]
fn a_transaction_without_its_commit_does_not_count() {
    let image = image(&[]);
    let size = image.open().device.geometry.block_size as usize;
    let commands = [image.write("/changed", &block(b"not to be seen", size)).replace("journal_write", "journal_write -c")];
    image.journal("", &commands);
    assert_eq!(read(&image.tree(), "/changed"), BEFORE);
}

#[test]
fn a_damaged_journal_is_told() {
    let image = image(&[]);
    let size = image.open().device.geometry.block_size as usize;
    image.journal("-c -v 3", &[image.write("/changed", &block(b"some words that are found again", size))]);
    let mut disk = fs::read(image.path()).unwrap();
    let at = disk.windows(10).position(|window| window == b"some words").unwrap();
    disk[at] ^= 1;
    let error = Ext4::open(Arc::new(disk)).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("its journal is damaged"), "{error}");
}
