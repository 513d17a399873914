//! Tests against what sfdisk and fdisk make and tell, and against damage.

use super::super::testing::{partitioned, run};
use super::*;

const GPT: &str = "label: gpt\nstart=2048, size=1024, type=21686148-6449-6E6F-744E-656564454649, name=bios\n\
    start=4096, size=2048, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name=\"any name\"\n";

#[test]
fn a_gpt_made_by_sfdisk_is_read() {
    let table = partitions(&partitioned(4 << 20, GPT)).unwrap();
    assert_eq!((table.kind, table.faults.len()), (TableKind::Gpt, 0));
    assert!(table.partitions[0].is_boot_code());
    let root = &table.partitions[1];
    assert_eq!((root.number, root.start_bytes, root.size_bytes, root.name.as_str()), (2, 4096 * 512, 2048 * 512, "any name"));
}

/// What a tool tells of a disk: number, start and size in bytes, type, unique id, name.
type Told = Vec<(u64, u64, String, String, String)>;

fn found(disk: &dyn BlockSource) -> Told {
    let table = partitions(disk).unwrap();
    assert_eq!(table.faults, Vec::<String>::new());
    table.partitions.into_iter().map(|p| (p.start_bytes, p.size_bytes, p.kind, p.uuid, p.name)).collect()
}

fn in_file<T>(disk: &[u8], take: impl FnOnce(&str) -> T) -> T {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), disk).unwrap();
    take(file.path().to_str().unwrap())
}

fn by_sfdisk(disk: &[u8]) -> Told {
    let told = in_file(disk, |file| run("sfdisk", "fdisk", &["--json", file], ""));
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let is_gpt = told["partitiontable"]["label"] == "gpt";
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let partitions = told["partitiontable"]["partitions"].as_array().unwrap().iter();
    // What it calls a logical partition's container holds no file system.
    let partitions = partitions.filter(|partition| partition["type"] != "5" && partition["type"] != "f");
    let partition = |partition: &serde_json::Value| {
        let bytes = |key: &str| partition[key].as_u64().unwrap() * 512;
        let kind = text(&partition["type"]).to_lowercase();
        (
            bytes("start"),
            bytes("size"),
            if is_gpt { kind } else { format!("{kind:0>2}") },
            text(&partition["uuid"]).to_lowercase(),
            text(&partition["name"]),
        )
    };
    partitions.map(partition).collect()
}

#[test]
fn sfdisk_tells_the_same() {
    let many: String = (0..60).map(|index| format!("start={}, size=20, name=\"number {index}\"\n", 2048 + index * 32)).collect();
    let logical: String = (0..30).map(|index| format!("start={}, size=100, type=83\n", 3000 + index * 200)).collect();
    let dos = format!("label: dos\nstart=1, size=2000, type=c\nstart=2500, size=10000, type=f\nstart=13000, size=1000, type=82\n{logical}");
    for script in [GPT.to_owned(), format!("label: gpt\n{many}"), format!("label: gpt\ntable-length: 8\n{}", &GPT[11..]), dos] {
        let disk = partitioned(8 << 20, &script);
        let mut expected = by_sfdisk(&disk);
        // An MBR has no unique ids, and the order is that of numbers.
        let found = found(&disk);
        if script.contains("dos") {
            expected.iter_mut().for_each(|partition| partition.3.clear());
        }
        expected.sort();
        let mut sorted = found.clone();
        sorted.sort();
        assert_eq!(sorted, expected);
    }
}

#[test]
fn a_gpt_of_sectors_of_4096_bytes_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("disk");
    std::fs::write(&file, vec![0; 16 << 20]).unwrap();
    let file = file.to_str().unwrap();
    run("fdisk", "fdisk", &["-b", "4096", file], "g\nn\n\n512\n+1M\nn\n\n1024\n+2M\nw\n");
    let told = run("fdisk", "fdisk", &["-b", "4096", "-l", "-o", "Start,Sectors,Type-UUID,UUID", file], "");
    let lines = told.lines().filter(|line| line.trim_start().starts_with(|first: char| first.is_ascii_digit()));
    let expected: Told = lines
        .map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let bytes = |field: &str| field.parse::<u64>().unwrap() * 4096;
            (bytes(fields[0]), bytes(fields[1]), fields[2].to_lowercase(), fields[3].to_lowercase(), String::new())
        })
        .collect();
    assert_eq!(expected.len(), 2, "{told}");
    let mut disk = std::fs::read(file).unwrap();
    assert_eq!(found(&disk), expected);
    disk[4096 + 30] ^= 1;
    let table = partitions(&disk).unwrap();
    assert_eq!((table.partitions.len(), table.faults.len()), (2, 1), "its backup is used, and that is told");
}

#[test]
fn a_damaged_first_copy_is_replaced_by_the_backup() {
    let disk = partitioned(4 << 20, GPT);
    let whole = partitions(&disk).unwrap().partitions;
    for damage in [512, 512 + 24, 1024 + 40] {
        let mut disk = disk.clone();
        disk[damage] ^= 1;
        let table = partitions(&disk).unwrap();
        assert_eq!(table.partitions, whole);
        assert_eq!(table.faults.len(), 1, "{damage}");
    }
}

#[test]
fn a_gpt_without_a_whole_copy_has_no_partitions_and_says_so() {
    let mut disk = partitioned(4 << 20, GPT);
    disk[1024] ^= 1;
    let end = disk.len() - 512 + 20;
    disk[end - 4] ^= 1;
    let table = partitions(&disk).unwrap();
    assert!(table.partitions.is_empty() && table.faults.len() == 1, "{table:?}");
}

#[test]
fn an_mbr_with_logical_partitions_is_read() {
    let script = "label: dos\nstart=2048, size=1024, type=83\nstart=4096, size=4000, type=5\nstart=4160, size=100, type=83\n\
        start=4400, size=100, type=82\n";
    let table = partitions(&partitioned(8 << 20, script)).unwrap();
    let found: Vec<_> = table.partitions.iter().map(|p| (p.number, p.start_bytes / 512, p.kind.as_str())).collect();
    assert_eq!(found, [(1, 2048, "83"), (5, 4160, "83"), (6, 4400, "82")]);
    assert!(table.faults.is_empty());
}

#[test]
fn a_disk_that_is_cut_off_says_by_how_much() {
    let dos = "label: dos\nstart=2048, size=1024, type=83\nstart=5000, size=3000, type=83\n";
    for (script, size, missing_bytes, partitions) in [
        (GPT, 3 << 20, 1 << 20, &[] as &[u32]),
        (GPT, 2_200_000, (4 << 20) - 2_200_000, &[2]),
        (dos, 3 << 20, 8000 * 512 - (3 << 20), &[2]),
    ] {
        let mut disk = partitioned(4 << 20, script);
        assert_eq!(partitions_of(&disk).shortfall, None);
        disk.truncate(size);
        let table = partitions_of(&disk);
        let shortfall = table.shortfall.unwrap();
        assert_eq!((shortfall.missing_bytes, shortfall.partitions.as_slice()), (missing_bytes as u64, partitions));
        assert_eq!(table.faults, Vec::<String>::new());
        assert!(shortfall.to_string().starts_with(&format!("is {missing_bytes} bytes shorter than its partition table says")));
    }
    // Grown to a larger volume, as a launch does: nothing is missing.
    let mut disk = partitioned(4 << 20, GPT);
    disk.resize(8 << 20, 0);
    assert_eq!(partitions_of(&disk).shortfall, None);
}

fn partitions_of(disk: &dyn BlockSource) -> PartitionTable {
    super::partitions(disk).unwrap()
}

#[test]
fn a_loop_of_logical_partitions_ends() {
    let mut disk = partitioned(8 << 20, "label: dos\nstart=2048, size=4000, type=5\nstart=2200, size=100, type=83\n");
    // The boot record's second entry points back at itself.
    let at = 2048 * 512 + 446 + 16;
    disk[at + 4] = 5;
    disk[at + 12] = 1;
    assert_eq!(partitions(&disk).unwrap().faults, ["the chain of logical partitions is broken"]);
}

#[test]
fn a_disk_without_a_table_is_one_partition() {
    let table = partitions(&vec![0; 4096]).unwrap();
    assert_eq!((table.kind, table.partitions[0].size_bytes), (TableKind::None, 4096));
    assert_eq!(partitions(&Vec::new()).unwrap().kind, TableKind::None);
}

#[test]
fn flipped_bits_and_cut_ends_never_panic() {
    let mut disk = partitioned(2 << 20, "label: gpt\nstart=2048, size=1024\n");
    for at in (0..2048).chain(disk.len() - 512..disk.len()) {
        disk[at] ^= 0xff;
        let _ = partitions(&disk);
        disk[at] ^= 0xff;
    }
    for length in [4095, 2048, 1025, 1024, 1023, 513, 512, 511, 1] {
        disk.truncate(length);
        let _ = partitions(&disk);
    }
}
