//! How long `check` takes for a workspace of 500 products, payloads composed and compressed among it: it is run before
//! every commit.

use std::fs;
use std::hint::black_box;

use bakehouse::command::check::payload_fault;
use bakehouse::manifest::{Judge, Workspace, scaffold, scaffold_workspace};
use bakehouse::model::ids::Slug;
use criterion::{Criterion, criterion_group, criterion_main};

const PRODUCTS: usize = 500;

fn workspace() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("there is room for a folder");
    fs::write(root.path().join("bakehouse.toml"), scaffold_workspace()).expect("the folder is writable");
    for number in 0..PRODUCTS {
        let slug: Slug = format!("product-{number}").parse().expect("it has the form of a slug");
        for (path, content) in scaffold(&slug) {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("the folder is writable");
            fs::write(path, content).expect("the folder is writable");
        }
    }
    root
}

fn check(criterion: &mut Criterion) {
    let root = workspace();
    let workspace = Workspace::open(root.path()).expect("the workspace is good");
    let rules: Vec<&str> = bakehouse::scan::rules().map(|rule| rule.code).collect();
    let judge = Judge { payload: &payload_fault, rules: &rules, ..Judge::LENIENT };
    assert!(workspace.check_all(None, &judge).expect("products/ can be listed").is_empty(), "the products are good");
    let mut group = criterion.benchmark_group("check");
    group.sample_size(10);
    group.bench_function("500 products", |bencher| bencher.iter(|| black_box(workspace.check_all(None, &judge))));
    group.finish();
}

criterion_group!(benches, check);
criterion_main!(benches);
