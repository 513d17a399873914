//! How fast the content of files is searched for secrets: it is the longest part of a scan.

use std::hint::black_box;
use std::path::Path;

use bakehouse::scan::count_secrets;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// As much as is searched in one iteration: far more than caches hold.
const CONTENT_BYTES: usize = 256 << 20;

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

/// Content without secrets, the same each time.
fn content() -> Vec<u8> {
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
    let path = Path::new("/usr/share/some/file");
    assert_eq!(count_secrets(path, &content), 0, "the content holds no secret");
    let mut group = criterion.benchmark_group("secrets");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(CONTENT_BYTES as u64));
    group.bench_function("256 MiB of text", |bencher| bencher.iter(|| black_box(count_secrets(path, &content))));
    group.finish();
}

criterion_group!(benches, secrets);
criterion_main!(benches);
