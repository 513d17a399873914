//! Tests against what `qemu-img` makes of the same disk, and against damage.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use super::super::file::FileSource;
use super::super::testing::{run, spoiled};
use super::*;

const DISK_BYTES: usize = (5 << 20) + 512 * 3;

/// Text, noise, stretches of zeros, and an end that no cluster ends at.
fn disk() -> Vec<u8> {
    let mut disk = vec![0; DISK_BYTES];
    let mut state = 1_u64;
    for (index, byte) in disk.iter_mut().enumerate() {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        *byte = match index >> 18 {
            0 | 5 | 20 => (state >> 56) as u8,
            1 | 7 | 8 => b"some text that is easily compressed "[index % 36],
            9 if index.is_multiple_of(70_000) => 7,
            _ => 0,
        };
    }
    disk
}

struct Images {
    folder: tempfile::TempDir,
}

impl Images {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("raw"), disk()).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn qemu_img(&self, arguments: &[&str]) -> String {
        run("qemu-img", "qemu-utils", arguments, "")
    }

    /// Converts the disk, compressed or not.
    fn convert(&self, options: &str, compressed: &[&str]) -> PathBuf {
        let to = self.path("image.qcow2");
        let (raw, to_text) = (self.path("raw"), to.to_str().unwrap().to_owned());
        let arguments = [&["convert", "-f", "raw", "-O", "qcow2", "-o", options], compressed, &[raw.to_str().unwrap(), &to_text]].concat();
        self.qemu_img(&arguments);
        to
    }

    fn create(&self, name: &str, options: &[&str], size: &str) -> PathBuf {
        let path = self.path(name);
        self.qemu_img(&[&["create", "-q", "-f", "qcow2"], options, &[path.to_str().unwrap(), size]].concat());
        path
    }

    fn io(&self, path: &Path, commands: &[&str]) {
        let mut arguments = vec!["-f", "qcow2"];
        commands.iter().for_each(|command| arguments.extend(["-c", command]));
        arguments.push(path.to_str().unwrap());
        run("qemu-io", "qemu-utils", &arguments, "");
    }

    /// What QEMU reads of an image.
    fn by_qemu(&self, path: &Path) -> Vec<u8> {
        let to = self.path("by-qemu");
        self.qemu_img(&["convert", "-f", "qcow2", "-O", "raw", path.to_str().unwrap(), to.to_str().unwrap()]);
        fs::read(to).unwrap()
    }
}

fn source(path: &Path) -> Arc<dyn BlockSource> {
    Arc::new(FileSource::open(path).unwrap())
}

fn open(path: &Path) -> Qcow2 {
    Qcow2::open(source(path)).unwrap()
}

/// Reads all at once and in odd pieces, and checks that what is told of holes is true.
fn assert_reads(qcow2: &Qcow2, expected: &[u8], what: &str) {
    assert_eq!(qcow2.size_bytes(), expected.len() as u64, "{what}");
    let mut found = vec![9; expected.len()];
    qcow2.read_at(0, &mut found).unwrap();
    assert!(found == expected, "{what}");
    for (at, length) in [(1, 511), (65_535, 2), (262_143, 70_001), (expected.len() - 700, 700)] {
        let mut piece = vec![9; length];
        qcow2.read_at(at as u64, &mut piece).unwrap();
        assert!(piece == expected[at..at + length], "{what}: {length} bytes at {at}");
    }
    assert!(qcow2.read_at(expected.len() as u64, &mut [0]).is_err());
    let mut at = 0;
    while let Some(range) = qcow2.next_allocated(at as u64).unwrap() {
        assert!(range.start as usize >= at && range.end as usize <= expected.len(), "{what}");
        assert!(expected[at..range.start as usize].iter().all(|&byte| byte == 0), "{what}: {range:?}");
        at = range.end as usize;
    }
    assert!(expected[at..].iter().all(|&byte| byte == 0), "{what}");
}

#[test]
fn every_form_that_qemu_converts_to_is_read() {
    let images = Images::new();
    let expected = disk();
    let compressed: &[&str] = &["-c"];
    let mut forms = Vec::new();
    for compressed in [&[], compressed] {
        forms.push(("compat=0.10".to_owned(), compressed));
        for size in ["512", "4k", "64k", "2M"] {
            forms.push((format!("cluster_size={size}"), compressed));
            forms.push((format!("cluster_size={size},compression_type=zstd"), compressed));
        }
        for bits in [1, 2, 8, 64] {
            forms.push((format!("refcount_bits={bits}"), compressed));
        }
        for size in ["16k", "64k", "128k", "2M"] {
            forms.push((format!("extended_l2=on,cluster_size={size}"), compressed));
            forms.push((format!("extended_l2=on,cluster_size={size},compression_type=zstd"), compressed));
        }
    }
    for (options, compressed) in forms {
        let image = images.convert(&options, compressed);
        let qcow2 = open(&image);
        assert_eq!(qcow2.doubt(), None);
        assert_reads(&qcow2, &expected, &format!("{options} {compressed:?}"));
    }
}

/// Writes, zero writes and discards of odd sizes, so that all states of clusters and subclusters occur.
#[test]
fn images_that_were_written_to_are_read() {
    let images = Images::new();
    let forms: &[&[&str]] = &[&[], &["-o", "extended_l2=on,cluster_size=128k"], &["-o", "compat=0.10"], &["-o", "preallocation=metadata"]];
    for options in forms {
        let path = images.create("written", options, "300M");
        images.io(
            &path,
            &[
                "write -P 1 0 64k",
                "write -P 2 100k 3k",
                "write -P 3 5M 1M",
                "write -z 5200k 100k",
                "write -z 200M 10M",
                "write -z -u 5600k 64k",
                "discard 5700k 200k",
                // Over what is allocated already, QEMU compresses nothing.
                if options.contains(&"preallocation=metadata") { "write -P 4 8M 128k" } else { "write -c -P 4 8M 128k" },
                "write -P 5 8200k 1k",
                "write -P 6 299M 1M",
            ],
        );
        assert_reads(&open(&path), &images.by_qemu(&path), &format!("{options:?}"));
    }
}

#[test]
fn qemu_tells_the_same_holes() {
    let images = Images::new();
    let image = images.convert("cluster_size=4k", &[]);
    let map = images.qemu_img(&["map", "--output=json", image.to_str().unwrap()]);
    let map: serde_json::Value = serde_json::from_str(&map).unwrap();
    let told = map.as_array().unwrap().iter().filter(|range| range["data"] == true);
    let mut expected: Vec<Range<u64>> = Vec::new();
    for range in told.map(|range| (range["start"].as_u64().unwrap(), range["length"].as_u64().unwrap())) {
        match expected.last_mut() {
            Some(last) if last.end == range.0 => last.end += range.1,
            _ => expected.push(range.0..range.0 + range.1),
        }
    }
    let (qcow2, mut found, mut at) = (open(&image), Vec::new(), 0);
    while let Some(range) = qcow2.next_allocated(at).unwrap() {
        at = range.end;
        found.push(range);
    }
    assert_eq!(found, expected);
}

#[test]
fn a_backing_file_is_refused_by_name_and_read_where_given() {
    let images = Images::new();
    let base = images.convert("cluster_size=64k", &["-c"]);
    for options in ["cluster_size=4k", "extended_l2=on"] {
        let path = images.create("overlay", &["-b", base.to_str().unwrap(), "-F", "qcow2", "-o", options], "8M");
        images.io(&path, &["write -P 9 1000k 5k", "write -z 256k 64k", "write -P 8 7M 4k"]);
        let Err(Qcow2Error::BackingFile { name, format }) = Qcow2::open(source(&path)) else { panic!("it has a backing file") };
        assert_eq!((Path::new(&name), format.as_deref()), (&*base, Some("qcow2")));
        let qcow2 = Qcow2::open_over(source(&path), Arc::new(open(&base))).unwrap();
        assert_reads(&qcow2, &images.by_qemu(&path), options);
    }
}

fn refusal(path: &Path) -> String {
    Qcow2::open(source(path)).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn what_can_not_be_read_is_refused_by_name() {
    let images = Images::new();
    let data = images.path("data.raw");
    let external = images.create("external", &["-o", &format!("data_file={}", data.display())], "4M");
    assert!(refusal(&external).contains("data.raw"), "{}", refusal(&external));
    let secret = "secret,id=key,data=passphrase";
    let encrypted = images.create("aes", &["--object", secret, "-o", "encrypt.format=aes,encrypt.key-secret=key"], "4M");
    assert!(refusal(&encrypted).contains("AES"), "{}", refusal(&encrypted));
    // To make one under LUKS qemu-img measures its own time, and fails on a machine that is busy: the header names the method.
    let mut bytes = fs::read(&encrypted).unwrap();
    bytes[32..36].copy_from_slice(&2_u32.to_be_bytes());
    fs::write(&encrypted, bytes).unwrap();
    assert!(refusal(&encrypted).contains("LUKS"), "{}", refusal(&encrypted));
    let whole = fs::read(images.create("plain", &[], "4M")).unwrap();
    let changed = |at: usize, bytes: &[u8]| {
        let mut image = whole.clone();
        image[at..at + bytes.len()].copy_from_slice(bytes);
        Qcow2::open(Arc::new(image))
    };
    let refused = |at, bytes: &[u8], word: &str| {
        let refusal = changed(at, bytes).map(|_| ()).unwrap_err().to_string();
        assert!(refusal.contains(word), "{refusal}");
    };
    refused(79, &[0x20], "feature bit 5");
    refused(72, &[0x80], "feature bit 63");
    refused(7, &[4], "version 4");
    refused(104, &[2], "compression of type 2");
    refused(0, b"QFI\0", "magic");
    refused(20, &[0, 0, 0, 22], "2^22");
    refused(36, &[0xff; 4], "entries");
    refused(24, &[0x7f; 8], "do not cover");
    assert!(changed(79, &[1]).unwrap().doubt().unwrap().contains("dirty"));
    assert!(changed(79, &[2]).unwrap().doubt().unwrap().contains("corrupt"));
}

/// The table names features of the future, so that they can be told.
#[test]
fn an_unknown_feature_is_told_by_the_name_that_the_image_gives() {
    let images = Images::new();
    let mut image = fs::read(images.create("plain", &[], "4M")).unwrap();
    let row = image.windows(9).position(|window| window == b"dirty bit").unwrap() - 2;
    assert_eq!(image[row..row + 2], [0, 0]);
    image[row + 1] = 40;
    image[72 + 2] = 1;
    let error = Qcow2::open(Arc::new(image)).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("\"dirty bit\""), "{error}");
}

static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let images = Images::new();
    let forms: [(&str, &[&str]); 4] = [
        ("cluster_size=4k", &[]),
        ("cluster_size=4k", &["-c"]),
        ("compression_type=zstd", &["-c"]),
        ("extended_l2=on,cluster_size=16k", &[]),
    ];
    forms.iter().map(|(options, compressed)| fs::read(images.convert(options, compressed)).unwrap()).collect()
});

fn read_all(image: Vec<u8>) {
    let Ok(qcow2) = Qcow2::open(Arc::new(image)) else { return };
    // A damaged image may claim to be of any size.
    let mut buffer = vec![0; 256 << 10];
    for at in (0..qcow2.size_bytes().min(8 << 20)).step_by(buffer.len()) {
        let length = (qcow2.size_bytes() - at).min(buffer.len() as u64) as usize;
        let _ = qcow2.read_at(at, &mut buffer[..length]);
    }
    let mut at = 0;
    for _ in 0..100 {
        let Ok(Some(range)) = qcow2.next_allocated(at) else { break };
        assert!(range.start >= at && range.end > range.start && range.end <= qcow2.size_bytes());
        at = range.end;
    }
}

#[test]
fn damaged_images_never_panic() {
    for seed in 0..600 {
        read_all(spoiled(&SAMPLES[seed as usize % SAMPLES.len()], seed));
    }
}

#[test]
fn spoiled_headers_and_tables_never_panic() {
    for (index, sample) in SAMPLES.iter().enumerate() {
        for seed in 0..300_u64 {
            let mut image = sample.clone();
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + index as u64;
            for _ in 0..3 {
                state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                let at = (state >> 33) as usize % if seed.is_multiple_of(2) { 112 } else { image.len().min(5 << 16) };
                image[at] = (state >> 20) as u8;
            }
            read_all(image);
        }
    }
}

#[test]
fn a_file_that_is_cut_off_is_told_without_reading_it_all() {
    let shortfall = |image: &[u8]| match Qcow2::open(Arc::new(image.to_vec())) {
        Ok(qcow2) => qcow2.shortfall().map(str::to_owned),
        Err(error) => Some(error.to_string()).filter(|why| why.contains("cut off")),
    };
    for image in SAMPLES.iter() {
        assert_eq!(shortfall(image), None);
        for length in [512, image.len() / 2, image.len() - (64 << 10)] {
            assert!(shortfall(&image[..length]).is_some(), "{length} of {}", image.len());
        }
    }
}

#[test]
fn a_cut_off_image_is_an_error_and_not_zeros() {
    let image = &SAMPLES[0];
    for length in [0, 3, 71, 103, 4096, image.len() / 2, image.len() - 4096] {
        let qcow2 = Qcow2::open(Arc::new(image[..length].to_vec()));
        let read = qcow2.map(|qcow2| {
            let mut disk = vec![0; DISK_BYTES];
            qcow2.read_at(0, &mut disk)
        });
        assert!(!matches!(read, Ok(Ok(()))), "{length}");
    }
}
