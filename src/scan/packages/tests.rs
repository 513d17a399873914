//! rpm's databases, made here by rpm itself and read by it for comparison. Its own format and Berkeley DB's can't be
//! written by Debian's rpm: those are synthetic, of the smallest form, around the headers of a real database.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::bytes::Order;
use super::database::Database;
use super::ownership::Expected;
use super::*;
use crate::disk::testing::{MemoryTree, spoiled};
use crate::model::report::{OperatingSystem, Origin};

const SQLITE: &str = "/usr/lib/sysimage/rpm/rpmdb.sqlite";

/// Enough packages for a b-tree of two floors; one has a header that needs overflow pages.
fn spec() -> String {
    let mut spec = String::from(
        "Name: source\nEpoch: 2\nVersion: 4.5~rc1\nRelease: 6\nSummary: s\nLicense: MIT and GPLv2+\n\
         ModularityLabel: nodejs:18:8090020231212:rhel9\n%description\nd\n%files\n%package -n binary\nEpoch: 0\nVersion: 7\nSummary: s\n",
    );
    spec.push_str(&format!("%description -n binary\n{}\n%files -n binary\n", "many words ".repeat(3000)));
    for number in 0..12 {
        spec.push_str(&format!("%package part{number}\nSummary: s\nLicense: BSD\n%description part{number}\nd\n%files part{number}\n"));
    }
    spec
}

/// Runs a program of rpm's; returns what it prints.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A package in the words of [`LISTING`].
fn line(package: &Package) -> String {
    let (epoch, rest) = package.version.split_once(':').unwrap_or(("0", &package.version));
    let (version, release) = rest.rsplit_once('-').unwrap();
    let source = package.source.as_deref().unwrap_or(&package.name);
    let source_version = package.source_version.as_deref().unwrap_or(rest);
    let fields = [
        &package.name,
        epoch,
        version,
        release,
        &package.architecture,
        &format!("{source}-{source_version}.src.rpm"),
        package.licence.as_deref().unwrap(),
        package.module.as_deref().unwrap_or("(none)"),
        &package.checksum.map_or("(none)".to_owned(), |checksum| checksum.to_hex()),
    ];
    fields.join("|")
}

const LISTING: &str = "%{NAME}|%{EPOCHNUM}|%{VERSION}|%{RELEASE}|%{ARCH}|%{SOURCERPM}|%{LICENSE}|%{MODULARITYLABEL}|%{SHA256HEADER}\\n";

/// Has rpm list a folder's database.
fn listed(folder: &Path, backend: &str) -> Vec<String> {
    let backend = format!("_db_backend {backend}");
    let text = run("rpm", &["--dbpath", folder.to_str().unwrap(), "--define", &backend, "-qa", "--qf", LISTING]);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Has rpm make a database; returns its bytes and what rpm lists of it.
fn database() -> (Vec<u8>, Vec<String>) {
    database_of(&spec(), |folder| listed(folder, "sqlite"))
}

/// Has rpm make a database of what a specification describes; returns its bytes and what rpm is asked about it.
fn database_of<T>(spec: &str, ask: impl Fn(&Path) -> T) -> (Vec<u8>, T) {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path().to_str().unwrap();
    let (spec_file, db) = (folder.path().join("x.spec"), folder.path().join("db"));
    std::fs::write(&spec_file, spec).unwrap();
    run("rpmbuild", &["-bb", "--quiet", "--define", &format!("_topdir {top}"), spec_file.to_str().unwrap()]);
    let built = folder.path().join("RPMS").join(std::env::consts::ARCH);
    let mut packages: Vec<String> =
        std::fs::read_dir(built).unwrap().map(|entry| entry.unwrap().path().to_str().unwrap().to_owned()).collect();
    packages.sort();
    let db_path = db.to_str().unwrap();
    run("rpmdb", &["--initdb", "--define", "_db_backend sqlite", "--dbpath", db_path]);
    let mut install = vec!["--dbpath", db_path, "--define", "_db_backend sqlite", "--justdb", "--nodeps", "--force-debian", "-i"];
    install.extend(packages.iter().map(String::as_str));
    run("rpm", &install);
    let answer = ask(&db);
    (std::fs::read(db.join("rpmdb.sqlite")).unwrap(), answer)
}

/// What a reader hands out of a database's bytes.
fn all(
    read: impl Fn(&mut Database, &mut dyn FnMut(&[u8])) -> Result<(), bytes::Damaged>,
    database: &[u8],
) -> Result<Vec<Vec<u8>>, bytes::Damaged> {
    let mut all = Vec::new();
    read(&mut Database::new(&database), &mut |bytes| all.push(bytes.to_vec()))?;
    Ok(all)
}

/// The rows of the packages.
fn rows(database: &mut Database, each: &mut dyn FnMut(&[u8])) -> Result<(), bytes::Damaged> {
    sqlite::rows(database, "Packages", &mut |row| {
        each(row);
        Ok(())
    })
}

fn headers_of(database: &[u8]) -> Vec<Vec<u8>> {
    let header = |row: &Vec<u8>| match sqlite::values(row).unwrap()[1] {
        sqlite::Value::Bytes(header) => header.to_vec(),
        other => panic!("{other:?}"),
    };
    all(rows, database).unwrap().iter().map(header).collect()
}

/// Reads a tree with one file.
fn read(path: &str, content: &[u8]) -> Packages {
    let tree = MemoryTree::default().file(path, content).tree();
    Packages::read(&Files::new(&tree), None)
}

fn lines(packages: &Packages) -> Vec<String> {
    let mut lines: Vec<String> = packages.list.iter().map(line).collect();
    lines.sort();
    lines
}

/// A database of rpm's own format: one page of slots, then the blobs.
fn ndb(headers: &[Vec<u8>]) -> Vec<u8> {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let mut slots = [b"RpmP".to_vec(), words(&[0, 1, 1, 1 + headers.len() as u32, 0, 0, 0])].concat();
    let mut blobs = Vec::new();
    for (number, header) in (1..).zip(headers) {
        let mut blob = [b"BlbS".to_vec(), words(&[number, 1, header.len() as u32]), header.clone()].concat();
        blob.resize((blob.len() + 12).next_multiple_of(16) - 12, 0);
        let sum = ndb::adler32(&blob);
        blob.extend(words(&[sum, header.len() as u32]));
        blob.extend(b"BlbE");
        slots.extend(b"Slot");
        slots.extend(words(&[number, (4096 + blobs.len() as u32) / 16, blob.len() as u32 / 16]));
        blobs.extend(blob);
    }
    while slots.len() < 4096 {
        slots.extend(b"Slot");
        slots.extend(words(&[0, 0, 0]));
    }
    [slots, blobs].concat()
}

/// A hash of Berkeley DB with one bucket: a page of entries, then the pages of each value.
fn bdb(headers: &[Vec<u8>], order: Order) -> Vec<u8> {
    const PAGE: usize = 4096;
    let four = |value: u32| if order == Order::Little { value.to_le_bytes() } else { value.to_be_bytes() };
    let two = |value: u16| if order == Order::Little { value.to_le_bytes() } else { value.to_be_bytes() };
    let page = |kind: u8| {
        let mut page = vec![0; PAGE];
        page[25] = kind;
        page
    };
    let (mut bucket, mut overflow) = (page(13), Vec::new());
    // The number that the next package gets stands in the entry of number 0.
    let mut entries = vec![[vec![1], four(0).to_vec()].concat(), [vec![1], four(99).to_vec()].concat()];
    for (number, header) in (1..).zip(headers) {
        let first = 2 + overflow.len() / PAGE;
        let parts: Vec<&[u8]> = header.chunks(PAGE - 26).collect();
        for (index, part) in parts.iter().enumerate() {
            let mut page = page(7);
            let next = if index + 1 < parts.len() { first + index + 1 } else { 0 };
            page[16..20].copy_from_slice(&four(next as u32));
            page[22..24].copy_from_slice(&two(part.len() as u16));
            page[26..26 + part.len()].copy_from_slice(part);
            overflow.extend(page);
        }
        entries.push([vec![1], four(number).to_vec()].concat());
        entries.push([vec![3, 0, 0, 0], four(first as u32).to_vec(), four(header.len() as u32).to_vec()].concat());
    }
    bucket[20..22].copy_from_slice(&two(entries.len() as u16));
    let mut end = PAGE;
    for (index, entry) in entries.iter().enumerate() {
        end -= entry.len();
        bucket[end..end + entry.len()].copy_from_slice(entry);
        bucket[26 + 2 * index..28 + 2 * index].copy_from_slice(&two(end as u16));
    }
    let mut meta = page(8);
    meta[12..16].copy_from_slice(&four(0x0006_1561));
    meta[16..20].copy_from_slice(&four(9));
    meta[20..24].copy_from_slice(&four(PAGE as u32));
    meta[32..36].copy_from_slice(&four(1 + (overflow.len() / PAGE) as u32));
    // Where the only bucket begins: its number is added to it.
    meta[96..100].copy_from_slice(&four(1));
    let mut database = [meta, bucket, overflow].concat();
    for (number, page) in (0..).zip(database.chunks_exact_mut(PAGE)) {
        page[8..12].copy_from_slice(&four(number));
    }
    database
}

#[test]
fn each_form_of_rpms_database_lists_what_rpm_lists() {
    let (database, expected) = database();
    assert_eq!(expected.len(), 14, "{expected:?}");
    let sqlite = read(SQLITE, &database);
    assert_eq!(lines(&sqlite), expected);
    assert!(sqlite.damaged.is_empty() && sqlite.list.iter().all(|package| package.origin == Origin::Rpm));
    let headers = headers_of(&database);
    assert_eq!(lines(&read("/var/lib/rpm/Packages.db", &ndb(&headers))), expected);
    for order in [Order::Little, Order::Big] {
        assert_eq!(lines(&read("/var/lib/rpm/Packages", &bdb(&headers, order))), expected);
    }
}

/// rpm can still read Berkeley DB, so that it can tell whether what is made here is one.
#[test]
fn the_synthetic_hash_is_one_to_rpm() {
    let (database, expected) = database();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Packages"), bdb(&headers_of(&database), Order::Little)).unwrap();
    assert_eq!(listed(folder.path(), "bdb_ro"), expected);
}

#[test]
fn spoiled_databases_are_told_and_never_panic() {
    let (sqlite, _) = database();
    let headers = headers_of(&sqlite);
    let databases =
        [(SQLITE, sqlite), ("/var/lib/rpm/Packages.db", ndb(&headers)), ("/var/lib/rpm/Packages", bdb(&headers, Order::Little))];
    for (path, database) in databases {
        for seed in 0..400 {
            let packages = read(path, &spoiled(&database, seed));
            assert!(packages.list.len() <= 2 * headers.len(), "{path}, seed {seed}");
        }
    }
}

/// The most dangerous places: each byte of the structures, one after the other.
#[test]
fn every_byte_of_the_structure_may_be_wrong() {
    let (sqlite, _) = database();
    let headers = headers_of(&sqlite);
    let header = headers.iter().min_by_key(|header| header.len()).unwrap();
    for at in 0..header.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut header = header.clone();
            header[at] = value;
            let _ = rpm::package(&header);
        }
    }
    let page = usize::from(u16::from_be_bytes([sqlite[16], sqlite[17]]));
    for (read, database) in [
        (ndb::headers as fn(&mut Database, &mut dyn FnMut(&[u8])) -> Result<(), bytes::Damaged>, ndb(&headers)),
        (bdb::headers, bdb(&headers, Order::Little)),
        (rows, sqlite),
    ] {
        for at in (0..2 * page).chain((2 * page..database.len()).step_by(101)) {
            for value in [0, 0x7f, 0xff] {
                let mut database = database.clone();
                database[at] = value;
                if let Ok(headers) = all(read, &database) {
                    assert!(headers.iter().map(Vec::len).sum::<usize>() <= database.len());
                }
            }
        }
    }
}

#[test]
fn packages_before_a_fault_are_listed_beside_it() {
    let (sqlite, expected) = database();
    let headers = headers_of(&sqlite);
    let mut spoiled = ndb(&headers);
    let last = spoiled.len() - 20;
    spoiled[last] ^= 1;
    let packages = read("/var/lib/rpm/Packages.db", &spoiled);
    assert_eq!((packages.list.len(), packages.damaged.len()), (expected.len() - 1, 1));
}

#[test]
fn cut_off_and_foreign_databases_are_told() {
    let (sqlite, _) = database();
    for database in [b"".to_vec(), b"SQLite format 3\0".to_vec(), sqlite[..sqlite.len() / 2].to_vec(), vec![0xff; 5000]] {
        let packages = read(SQLITE, &database);
        assert_eq!(packages.damaged.len(), 1, "{:?}", packages.damaged);
        assert!(packages.list.len() < 14);
    }
}

#[test]
fn a_log_with_changes_is_told() {
    let (sqlite, _) = database();
    let tree = MemoryTree::default().file(SQLITE, sqlite);
    let damaged = |tree: MemoryTree| Packages::read(&Files::new(&tree.tree()), None).damaged.len();
    assert_eq!(damaged(tree.clone().file(&format!("{SQLITE}-wal"), "")), 0);
    assert_eq!(damaged(tree.file(&format!("{SQLITE}-wal"), "x")), 1);
}

#[test]
fn one_database_under_two_names_is_read_once_and_one_left_behind_not_at_all() {
    let (sqlite, expected) = database();
    let tree = MemoryTree::default().file(SQLITE, sqlite).file("/usr/lib/sysimage/rpm/Packages", "left behind");
    let tree = tree.link("/var/lib/rpm", "../../usr/lib/sysimage/rpm").tree();
    let packages = Packages::read(&Files::new(&tree), None);
    assert_eq!(lines(&packages), expected);
    assert_eq!((packages.databases.len(), packages.damaged.len()), (1, 0));
}

#[test]
fn package_urls_name_system_epoch_and_source() {
    let (sqlite, _) = database();
    let os = |id: &str, version: &str| OperatingSystem { id: id.to_owned(), version: version.to_owned(), name: String::new() };
    let tree = MemoryTree::default()
        .file(SQLITE, sqlite)
        .file(dpkg::STATUS, "Package: libc6\nStatus: i o installed\nSource: glibc (2.41)\nVersion: 1:2.41-12+b1\nArchitecture: amd64\n")
        .file("/lib/apk/db/installed", "P:libcrypto3\nV:3.3.2-r4\nA:x86_64\no:openssl\n")
        .tree();
    let packages = Packages::read(&Files::new(&tree), Some(&os("rhel", "9.4")));
    let urls: Vec<&str> = packages.list.iter().filter(|p| !p.name.contains("part")).map(|p| p.purl.as_str()).collect();
    let arch = std::env::consts::ARCH;
    assert_eq!(
        // The rpm says of nobody that they built it, so it is not the distribution's.
        urls,
        [
            &format!("pkg:rpm/binary@7-6?arch={arch}&distro=rhel-9.4&upstream=source-4.5~rc1-6.src.rpm"),
            "pkg:deb/redhat/libc6@1:2.41-12%2Bb1?arch=amd64&distro=rhel-9.4&upstream=glibc%402.41",
            "pkg:apk/redhat/libcrypto3@3.3.2-r4?arch=x86_64&distro=rhel-9.4&upstream=openssl",
            &format!("pkg:rpm/source@4.5~rc1-6?arch={arch}&distro=rhel-9.4&epoch=2"),
        ]
    );
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..6000), form in 0..4usize) {
        let mut bytes = bytes;
        let magic: (usize, &[u8]) = [(0, &b"SQLite format 3\0\x02\x00"[..]), (0, b"RpmP\0\0\0\0"), (12, &[0x61, 0x15, 6, 0]), (0, b"")][form];
        if bytes.len() > 24 {
            bytes[magic.0..magic.0 + magic.1.len()].copy_from_slice(magic.1);
        }
        let _ = (all(rows, &bytes), all(ndb::headers, &bytes), all(bdb::headers, &bytes), rpm::package(&bytes));
        let text = String::from_utf8_lossy(&bytes);
        let _ = (read("/lib/apk/db/installed", text.as_bytes()), sqlite::values(&bytes));
    }
}

/// For whoever has a database at hand: `BAKEHOUSE_RPMDB=FILE`, whose name tells its form.
#[test]
#[ignore = "reads a database of one's own: Packages, *.db or *.sqlite"]
fn a_database_at_hand_is_listed() {
    let path = std::env::var("BAKEHOUSE_RPMDB").expect("BAKEHOUSE_RPMDB names a database");
    let name = if path.ends_with(".sqlite") {
        "rpmdb.sqlite"
    } else if path.ends_with(".db") {
        "Packages.db"
    } else {
        "Packages"
    };
    let packages = read(&format!("/var/lib/rpm/{name}"), &std::fs::read(path).unwrap());
    assert!(packages.damaged.is_empty(), "{:?}", packages.damaged);
    packages.list.iter().for_each(|package| println!("{}", line(package)));
}

/// Packages with files of all kinds, one with digests as packages of before have them.
fn spec_with_files(algorithm: u32) -> String {
    let install = "mkdir -p %{buildroot}/usr/bin %{buildroot}/etc/d %{buildroot}/var\nfor n in 1 2 3; do echo $n > %{buildroot}/usr/bin/tool$n; done\n\
        echo c > %{buildroot}/etc/d/c.conf\necho g > %{buildroot}/var/ghost\nln -s tool1 %{buildroot}/usr/bin/link\necho p > %{buildroot}/usr/bin/part\n";
    format!(
        "%global _binary_filedigest_algorithm {algorithm}\n%global debug_package %{{nil}}\n%global __os_install_post %{{nil}}\nName: tools\nVersion: 1\nRelease: 1\nSummary: s\nLicense: MIT\n%description\nd\n\
         %install\n{install}%files\n/usr/bin/tool*\n/usr/bin/link\n%dir /etc/d\n%config(noreplace) /etc/d/c.conf\n%ghost /var/ghost\n\
         %package part\nSummary: s\n%description part\nd\n%files part\n/usr/bin/part\n"
    )
}

#[test]
fn who_built_an_rpm_is_told_unless_it_is_the_distribution() {
    let vendors = |vendor: &str, os: &str| {
        let (database, ()) = database_of(&spec().replace("License: MIT and", &format!("{vendor}License: MIT and")), |_| ());
        let tree = MemoryTree::default().file(SQLITE, &database).tree();
        let os = OperatingSystem { id: os.to_owned(), version: "9".to_owned(), name: String::new() };
        let packages = Packages::read(&Files::new(&tree), Some(&os));
        packages.list.into_iter().map(|package| package.vendor).collect::<BTreeSet<_>>()
    };
    let only = |vendor: &str| BTreeSet::from([Some(vendor.to_owned())]);
    assert_eq!(vendors("Vendor: Rocky Enterprise Software Foundation\n", "rocky"), BTreeSet::from([None]));
    assert_eq!(vendors("Vendor: ACME\n", "rocky"), only("ACME"));
    assert_eq!(vendors("", "rocky"), only("(none)"));
}

#[test]
fn files_have_the_owners_and_digests_that_rpm_says() {
    for algorithm in [1, 8] {
        let dump = |folder: &Path| run("rpm", &["--dbpath", folder.to_str().unwrap(), "--define", "_db_backend sqlite", "-qa", "--dump"]);
        let (database, dump) = database_of(&spec_with_files(algorithm), dump);
        let tree = MemoryTree::default().file(SQLITE, &database).tree();
        let files = Files::new(&tree);
        let packages = Packages::read(&files, None);
        assert!(packages.damaged.is_empty(), "{:?}", packages.damaged);
        let ownership = packages.ownership(&files).unwrap();
        let mut compared = 0;
        // path size mtime digest mode owner group isconfig isdoc rdev symlink
        for fields in dump.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()) {
            let owned = ownership.owner(Path::new(fields[0])).unwrap_or_else(|| panic!("{fields:?}"));
            assert_eq!(owned.package, if fields[0].ends_with("part") { "tools-part" } else { "tools" });
            assert_eq!(owned.configuration, fields[7] == "1", "{fields:?}");
            let digest = hex::decode(fields[3]).unwrap();
            // What is no regular file has zeros there, or nothing; a ghost may have a digest, of what was there when it was built.
            let expected = match (fields[4].starts_with("0100") && !fields[0].ends_with("ghost"), algorithm) {
                (false, _) => vec![],
                (true, 1) => vec![Expected::Md5(&digest)],
                (true, _) => vec![Expected::Sha256(&digest)],
            };
            assert_eq!(owned.digests, expected, "{fields:?}");
            compared += 1;
        }
        assert_eq!(compared, 8);
        for header in headers_of(&database) {
            for (at, value) in (0..header.len()).flat_map(|at| [0, 1, 0x7f, 0xff].map(|value| (at, value))) {
                let mut header = header.clone();
                header[at] = value;
                let _ = rpm::add_files(&header, &mut OwnedFiles::default());
            }
        }
    }
}

#[test]
fn this_machines_files_are_as_dpkg_knows_them() {
    let folder = Path::new("/var/lib/dpkg/info");
    let mut tree = MemoryTree::default().file("/var/lib/dpkg/status", std::fs::read("/var/lib/dpkg/status").unwrap());
    let mut lists: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    lists.retain(|path| path.extension().is_some_and(|kind| kind == "md5sums" || kind == "list"));
    lists.sort();
    let mut sums = Vec::new();
    for path in &lists {
        let content = std::fs::read_to_string(path).unwrap();
        if path.extension().unwrap() == "md5sums" {
            sums.extend(content.lines().map(str::to_owned));
        }
        tree = tree.file(path.to_str().unwrap(), content);
    }
    let tree = tree.tree();
    let files = Files::new(&tree);
    let packages = Packages::read(&files, None);
    let ownership = packages.ownership(&files).unwrap();
    assert!(!sums.is_empty());
    for line in &sums {
        let (md5, path) = line.split_once("  ").unwrap();
        let path = Path::new("/").join(path);
        assert!(ownership.owner(&path).unwrap().digests.contains(&Expected::Md5(&hex::decode(md5).unwrap())), "{line}");
    }
}
