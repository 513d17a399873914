//! AMI-SEC-007: secrets that were deleted and ship all the same. COV-FREE-001: where they could not be looked for.

use crate::model::report::Severity;
use crate::scan::secrets::Weight;
use crate::scan::unallocated::{Deleted, Unallocated};
use crate::scan::verdict::{Judge, Rule, Verdict};

pub(super) const SECRETS: Rule = Rule {
    code: "AMI-SEC-007",
    severity: Severity::High,
    title: "secrets that were deleted and are on the disk still",
    why: "A snapshot ships free space too: what was deleted can be read from it.",
    remedy: "Revoke it; have the bake overwrite what is free (fstrim, or a file of zeros that is then removed), or make a new file system.",
    judge: Judge::Unallocated(secrets),
};

pub(super) const UNSEARCHED: Rule = Rule {
    code: "COV-FREE-001",
    severity: Severity::High,
    title: "space that could not be searched for what was deleted",
    why: "Secrets there would not be found.",
    remedy: "Repair the file system (`e2fsck`, `xfs_repair`), or scan without asking for what was deleted.",
    judge: Judge::Unallocated(unsearched),
};

fn secrets(unallocated: &Unallocated, verdict: &mut Verdict) {
    for Deleted { found, place, more } in &unallocated.secrets {
        let weight = if found.weight == Weight::UnderPassphrase { " under a passphrase" } else { "" };
        let more = match more {
            0 => String::new(),
            1 => " and in one more place".to_owned(),
            more => format!(" and in {more} more places"),
        };
        let (title, fingerprint) = (&found.rule.title, &found.fingerprint);
        verdict.image_as(
            found.severity().min(SECRETS.severity),
            format!(
                "{title}{weight} ({fingerprint}) was deleted, but stands in {} of {} at byte {}{more}, which everybody who launches the \
                 image can read",
                place.space, place.name, place.offset
            ),
        );
    }
}

fn unsearched(unallocated: &Unallocated, verdict: &mut Verdict) {
    for why in &unallocated.faults {
        verdict.image(format!("what was deleted could not be looked for everywhere: {why}"));
    }
}

#[cfg(test)]
mod tests {
    use std::ops::{ControlFlow, Range};
    use std::sync::{Arc, Mutex};

    use crate::disk::testing::{deleted_from, disk_with, ext4, fat, partitioned, run, spoiled, xfs};
    use crate::disk::{self, BlockSource, SourceError, Space};
    use crate::model::product::ScanPolicy;
    use crate::model::report::{Report, Severity};
    use crate::scan::testing::{AWS_SECRET, clean, pem, request};

    const OS: (&str, &str) = ("etc/os-release", "ID=debian\nVERSION_ID=13\n");

    fn scan(disk: &[u8], unallocated: bool) -> Report {
        let policy = ScanPolicy { unallocated, ..ScanPolicy::failing_on(Severity::High) };
        crate::scan::scan(&[Arc::new(disk.to_vec()) as Arc<dyn BlockSource>], &request(&policy), &|_| {})
    }

    /// The reasons of a rule's findings, without the fingerprint.
    fn found(disk: &[u8], code: &str) -> Vec<String> {
        let brief = |reason: &str| match (reason.find(" ("), reason.find(") ")) {
            (Some(start), Some(end)) => format!("{}{}", &reason[..start], &reason[end + 1..]),
            _ => reason.to_owned(),
        };
        scan(disk, true).findings.iter().filter(|finding| finding.code == code).map(|finding| brief(&finding.reason)).collect()
    }

    /// A disk that keeps what will be wanted of it.
    struct Foretold(Vec<u8>, Mutex<Vec<Range<u64>>>);

    impl BlockSource for Foretold {
        fn size_bytes(&self) -> u64 {
            self.0.size_bytes()
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
            self.0.read_at(offset, buffer)
        }

        fn prefetch(&self, ranges: &[Range<u64>]) {
            self.1.lock().unwrap().extend_from_slice(ranges);
        }
    }

    #[test]
    fn a_slow_source_is_told_beforehand_what_will_be_searched() {
        let disk = Arc::new(Foretold(disk_with(&[&ext4(&[OS])]), Mutex::default()));
        let policy = ScanPolicy { unallocated: true, ..ScanPolicy::failing_on(Severity::High) };
        let report = crate::scan::scan(&[Arc::clone(&disk) as Arc<dyn BlockSource>], &request(&policy), &|_| {});
        let told: u64 = disk.1.lock().unwrap().iter().map(|range| range.end - range.start).sum();
        assert!(told > 0 && Some(told) == report.unallocated_bytes, "{told} {:?}", report.unallocated_bytes);
    }

    /// Writes a text into a kind of space, so far from the beginning of its first stretch.
    fn planted(disk: &[u8], wanted: Space, within: u64, text: &str) -> Vec<u8> {
        let (mut planted, mut place) = (disk.to_vec(), None);
        let image = disk::open(&[Arc::new(disk.to_vec()) as Arc<dyn BlockSource>]);
        image.unallocated(&mut |found| match found.unwrap() {
            stretch if stretch.space == wanted && within + text.len() as u64 <= stretch.range.end - stretch.range.start => {
                let start = image.volumes.get(stretch.of.wrapping_sub(1)).map_or(0, |volume| volume.partition.start_bytes);
                place = Some((start + stretch.range.start + within) as usize);
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        });
        planted[place.unwrap()..][..text.len()].copy_from_slice(text.as_bytes());
        planted
    }

    #[test]
    fn what_was_deleted_is_found_when_it_is_asked_for() {
        let shadow = format!("root:$6$saltsalt${}:20000:0:99999:7:::\n", "aB3dE6gH9jKlMnOpQrStUvWxYz".repeat(4).split_at(86).0);
        let files = [
            ("key", pem("", "")),
            ("env", format!("AWS_SECRET_ACCESS_KEY={AWS_SECRET}\n")),
            ("pair", format!("AKIAIOSFODNN7ABCDEFG {}\n", AWS_SECRET.chars().rev().collect::<String>())),
            ("shadow", shadow),
            ("locked", "root:*:20000:0:99999:7:::\n".to_owned()),
            ("text", "-----BEGIN PRIVATE KEY-----\nsee the manual\n".to_owned()),
        ];
        let mut all: Vec<(&str, &str)> = files.iter().map(|(path, content)| (*path, content.as_str())).collect();
        all.push(OS);
        let mut disk = ext4(&all);
        assert_eq!(found(&disk, "AMI-SEC-007"), Vec::<String>::new(), "they are there still");
        for (path, _) in &files {
            disk = deleted_from(&disk, path);
        }
        let mut titles: Vec<String> = found(&disk, "AMI-SEC-007");
        titles.iter_mut().for_each(|reason| reason.truncate(reason.find(" at byte").unwrap()));
        titles.sort();
        insta::assert_snapshot!(titles.join("\n"), @r"
        a private key was deleted, but stands in free space of disk 1
        an AWS secret key beside its id was deleted, but stands in free space of disk 1
        an AWS secret key or session token was deleted, but stands in free space of disk 1
        the hash of an account's password was deleted, but stands in free space of disk 1
        ");
        let report = scan(&disk, true);
        assert!(!report.passed() && report.unallocated_bytes.is_some_and(|bytes| bytes > 1 << 20));
        let text = serde_json::to_string(&report).unwrap();
        assert!(!text.contains(AWS_SECRET) && !text.contains(&AWS_SECRET[..8]) && !text.contains("saltsalt"));
        let not_asked = scan(&disk, false);
        assert_eq!(not_asked.unallocated_bytes, None);
        assert!(not_asked.findings.iter().all(|finding| finding.code != "AMI-SEC-007"));
        assert!(crate::scan::render(&not_asked).contains("what was deleted was not searched for (--unallocated)"));
    }

    #[test]
    fn what_is_free_on_fat_is_searched() {
        let key = pem("", "");
        let esp = fat(4096, &[], &[("EFI/key.pem", key.as_bytes()), ("EFI/grub.cfg", b"set timeout=0\n")]);
        let disk = |esp: &[u8]| disk_with(&[&ext4(&[OS]), esp]);
        assert_eq!(found(&disk(&esp), "AMI-SEC-007"), Vec::<String>::new(), "it is there still");
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("esp");
        std::fs::write(&image, esp).unwrap();
        run("mdel", "mtools", &["-i", image.to_str().unwrap(), "::EFI/key.pem"], "");
        let free = found(&disk(&std::fs::read(image).unwrap()), "AMI-SEC-007");
        assert!(free.len() == 1 && free[0].contains("stands in free space of disk 1, partition 2 at byte "), "{free:?}");
    }

    #[test]
    fn journals_gaps_and_what_is_free_on_xfs_are_searched() {
        let root = ext4(&[OS]);
        let disk = disk_with(&[&root, &xfs("", &[("a", "b")])]);
        assert_eq!(found(&disk, "AMI-SEC-007"), Vec::<String>::new());
        assert_eq!(found(&disk, "COV-FREE-001"), Vec::<String>::new());
        let planted_in = |space, within| found(&planted(&disk, space, within, &pem("", "")), "AMI-SEC-007");
        let journal = planted_in(Space::Journal, 300_000);
        assert!(journal.len() == 1 && journal[0].contains("stands in the journal of disk 1, partition 1 at byte "), "{journal:?}");
        let gap = planted_in(Space::Unpartitioned, 50_000);
        assert_eq!(
            gap,
            [
                "a private key was deleted, but stands in unpartitioned space of disk 1 at byte 50028, which everybody who launches the image can read"
            ]
        );
        let data = disk_with(&[&xfs("", &[("etc/os-release", "ID=rocky\n")])]);
        let free = found(&planted(&data, Space::Free, 100, &pem("", "")), "AMI-SEC-007");
        assert!(free.len() == 1 && free[0].contains("stands in free space of disk 1, partition 1 at byte "), "{free:?}");
    }

    #[test]
    fn a_secret_across_the_seams_of_groups_and_pieces_is_found_once() {
        // One partition only: all but the table is one stretch of many pieces.
        let mut disk = partitioned(24 << 20, "label: gpt\nstart=2048, size=8\n");
        let (key, piece) = (pem("RSA ", ""), 4 << 20);
        let start = 2056 * 512;
        for at in [start + piece - 100, start + piece + (64 << 10) - 100, start + 3 * piece + 10] {
            disk[at..at + key.len()].copy_from_slice(key.as_bytes());
        }
        let reasons = found(&disk, "AMI-SEC-007");
        assert_eq!(reasons.len(), 1);
        assert!(reasons[0].contains(&format!("at byte {} and in 2 more places", start + piece - 100 + 32)), "{reasons:?}");
    }

    #[test]
    fn an_older_copy_of_what_a_package_brings_is_nobodys_secret() {
        use md5::{Digest, Md5};
        let (key, list) = (pem("", ""), format!("{}  usr/k.pem\n", hex::encode(Md5::digest(pem("", "")))));
        let status = "Package: x\nStatus: install ok installed\nVersion: 1\nMaintainer: A <a@debian.org>\n";
        let files =
            [OS, ("usr/k.pem", key.as_str()), ("old", &key), ("var/lib/dpkg/status", status), ("var/lib/dpkg/info/x.md5sums", &list)];
        let disk = deleted_from(&ext4(&files), "old");
        assert_eq!(found(&disk, "AMI-SEC-007"), Vec::<String>::new());
    }

    #[test]
    fn where_it_could_not_be_looked_for_is_told() {
        let policy = ScanPolicy { unallocated: true, ..ScanPolicy::failing_on(Severity::High) };
        let report = crate::scan::testing::scan(clean(), &request(&policy));
        assert_eq!(report.findings.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>(), ["COV-FREE-001"]);
        let root = ext4(&[OS]);
        for seed in 0..100 {
            let _ = scan(&spoiled(&root, seed), true);
        }
    }
}
