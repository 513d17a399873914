//! A twin that several processes have to do with.

use std::fs::File;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::scratch::Scratch;

/// Ends the server with the test, however the test ends.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(scratch: &Scratch) -> Server {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bakehouse"));
    program.args(["twin", "serve", "--listen", "127.0.0.1:0", "--machines", "scripted", "--script", "guest.json"]);
    let server = Server(program.current_dir(scratch.folder()).spawn().unwrap());
    let began = Instant::now();
    while !scratch.folder().join(".bakehouse/twin/server.json").exists() {
        assert!(began.elapsed() < Duration::from_secs(30), "the server does not come up");
        std::thread::sleep(Duration::from_millis(50));
    }
    server
}

#[test]
fn an_image_is_booted_and_shipped_through_a_server() {
    let scratch = Scratch::new();
    scratch.done("bakehouse init my-app");
    let _server = serve(&scratch);
    scratch.done("bakehouse ship my-app --yes --patience 3m");
    assert!(scratch.done("bakehouse history my-app").contains("1.0.0"));
}

#[test]
fn what_only_reads_the_ledger_leaves_a_twin_at_work_alone() {
    let scratch = Scratch::new();
    scratch.done("bakehouse init my-app");
    let lock = File::open(scratch.folder().join(".bakehouse/twin/lock")).unwrap();
    lock.lock().unwrap();
    scratch.done("bakehouse runs");
    scratch.done("bakehouse history my-app");
    scratch.done("bakehouse ledger path");
    let show = scratch.run("bakehouse show my-app", None);
    assert!(show.err.contains("has no release on twin"), "{}", show.err);
    for command in ["bakehouse plan my-ap", "bakehouse ship my-ap --yes", "bakehouse history my-ap"] {
        let misspelt = scratch.run(command, None);
        assert!(misspelt.err.contains("there is no product my-ap"), "{command}: {}", misspelt.err);
    }
    let busy = scratch.run("bakehouse plan my-app", None);
    assert!(busy.err.contains("in use by another process"), "{}", busy.err);
}

#[test]
fn a_disk_that_is_not_there_is_said_to_be_missing() {
    let scratch = Scratch::new();
    let import = scratch.run("bakehouse twin base import nope.raw --name nope", None);
    assert_ne!(import.code, Some(0));
    assert!(import.err.contains("No such file"), "{}", import.err);
}
