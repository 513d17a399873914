//! How fast the content of files is searched for secrets: it is the longest part of a scan.

use std::hint::black_box;
use std::path::Path;

use bakehouse::scan::count_secrets;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// As much as is searched in one iteration: what a file's settings are searched for ends here.
const CONTENT_BYTES: usize = 16 << 20;

/// What stands in the files of a system: prose, programs, configuration, logs.
const LINES: &[&str] = &[
    "This program is free software; you can redistribute it and/or modify it under the terms of the licence.\n",
    "    def __init__(self, name, token=None, *, password=None, timeout=30):\n        self.name = name\n",
    "static int read_secret(struct session *session, const char *key, size_t length) { return session->key; }\n",
    "ExecStart=/usr/sbin/daemon --config /etc/daemon.conf --key-file /run/daemon/key\nRestart=on-failure\n",
    "2026-11-27T12:00:00.000000+00:00 ip-10-0-0-12 systemd[1]: Started session-4.scope - Session 4 of user admin.\n",
    "<a href=\"https://www.example.org/reference/chapter-7.html#section\">the chapter on access tokens</a>\n",
    "export function authorize(request, response, next) { const header = request.headers['authorization']; }\n",
    "msgid \"The authentication token has expired\"\nmsgstr \"Das Zugangszeichen ist abgelaufen\"\n",
];

/// What is asked of a file depends on its name: of a library's least, of settings most.
const FILES: &[(&str, &str)] = &[
    ("a library's file", "/usr/lib/some/library.so"),
    ("text without an ending", "/opt/some/file"),
    ("source", "/opt/some/file.py"),
    ("settings", "/etc/some/file.conf"),
];

/// Content without secrets, the same each time, or a file's that `BAKEHOUSE_BENCH_TEXT` names.
///
/// Words that stand near secrets are in each line, as in no text that people write: it is the worst that is no attack.
fn content() -> Vec<u8> {
    if let Some(path) = std::env::var_os("BAKEHOUSE_BENCH_TEXT") {
        let mut content = std::fs::read(path).expect("the file can be read");
        content.truncate(CONTENT_BYTES);
        return content;
    }
    let mut content = Vec::with_capacity(CONTENT_BYTES + 256);
    let mut state = 1_u32;
    while content.len() < CONTENT_BYTES {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        content.extend_from_slice(LINES[(state >> 16) as usize % LINES.len()].as_bytes());
        content.extend_from_slice(format!("{state:08x} ").as_bytes());
    }
    content.truncate(CONTENT_BYTES);
    content
}

fn secrets(criterion: &mut Criterion) {
    let content = content();
    let mut group = criterion.benchmark_group("secrets");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(content.len() as u64));
    for (kind, path) in FILES {
        let path = Path::new(path);
        group.bench_function(*kind, |bencher| bencher.iter(|| black_box(count_secrets(path, &content))));
    }
    group.finish();
}

criterion_group!(benches, secrets);
criterion_main!(benches);
