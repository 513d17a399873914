//! What the program writes arrives, or it says so; and it writes over nothing that is not its own.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use super::place;

#[test]
fn a_report_that_is_lost_is_no_success() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_bakehouse"));
    let ended = program.args(["schema", "product"]).stdout(Stdio::from(full)).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("what was printed is lost, or a part of it: No space left on device"), "{said}");
}

#[test]
fn nothing_else_is_written_over() {
    let folder = place::folder();
    fs::create_dir(folder.path().join("root")).unwrap();
    for name in ["precious.toml", "disk.img"] {
        fs::write(folder.path().join(name), "format = 1\n").unwrap();
    }
    fs::write(
        folder.path().join("epss.csv"),
        "#model_version:v2025.03.14,score_date:2026-11-27T00:00:00Z\ncve,epss,percentile\nCVE-2026-1,0.5,0.5\n",
    )
    .unwrap();
    for (arguments, said) in [
        (&["scan", "./root", "--write-sbom", "disk.img"][..], "disk.img is there and holds no bill of materials; nothing was done"),
        (
            &["db", "build", "--from", "epss.csv", "--database", "precious.toml"],
            "precious.toml is there and is no database of advisories; nothing was built",
        ),
    ] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_bakehouse"));
        program.current_dir(folder.path()).args(arguments).env("BAKEHOUSE_DATABASE", folder.path().join("none.db"));
        let ended = program.output().unwrap();
        let heard = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {heard}");
        assert!(heard.contains(said), "{heard}");
    }
    for name in ["precious.toml", "disk.img"] {
        assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), "format = 1\n");
    }
}
