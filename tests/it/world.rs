//! A workspace with a twin, a base image and a guest played from a script, on a clock that the test drives.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bakehouse::clock::Clock;
use bakehouse::cloud::{Connect, Reader, Writer};
use bakehouse::engine::{self, Engine, EngineError, Extent, Next, Note, Observer};
use bakehouse::ledger::{Binding, Ledger};
use bakehouse::listing::Templates;
use bakehouse::manifest::Workspace;
use bakehouse::model::ids::{Architecture, Region};
use bakehouse::model::product::Product;
use bakehouse::model::target::TargetName;
use bakehouse::model::version::Bump;
use bakehouse::plan::Request;
use bakehouse::release::Released;
use bakehouse::twin::ec2::{BaseImage, DEBIAN_ACCOUNT, register_base};
use bakehouse::twin::machines::{Boot, ConsoleText, Ends, EndsHow, GuestFile, Machines, Script};
use bakehouse::twin::{self, Twin};

/// Where Debian publishes the id of its newest image.
const PARAMETER: &str = "/aws/service/debian/release/13/latest/amd64";

/// A workspace in a folder of its own.
pub struct World {
    pub folder: tempfile::TempDir,
    clock: Clock,
    script: Script,
}

/// A workspace opened by one process: what a kill takes away.
pub struct Process {
    pub twin: Arc<Twin>,
    pub engine: Engine,
    pub product: Product,
}

/// Nobody listens.
struct Silence;

impl Observer for Silence {
    fn note(&self, _: Note) {}
}

impl World {
    /// Makes a workspace with hello-web, whose guest provisions and seals as it should.
    pub async fn new() -> Self {
        Self::with_guest(good_guest()).await
    }

    /// Makes a workspace with hello-web and another guest.
    pub async fn with_guest(script: Script) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        copy(&source.join("products"), &folder.path().join("products"));
        std::fs::copy(source.join("bakehouse.toml"), folder.path().join("bakehouse.toml")).unwrap();
        let world = Self { folder, clock: Clock::manual("2026-11-23T12:00:00Z".parse().unwrap()), script };
        let twin = world.open_twin().await;
        let disk = base_disk(world.folder.path());
        let region = Region::marketplace();
        let base = BaseImage {
            name: "debian-13-amd64-20261123-1".to_owned(),
            description: "Debian 13".to_owned(),
            size_bytes: std::fs::metadata(&disk).unwrap().len(),
            disk,
            boot_mode: Some("uefi-preferred".to_owned()),
            architecture: Architecture::X86_64,
            owner: DEBIAN_ACCOUNT.parse().unwrap(),
        };
        let id = register_base(&twin, &region, base).await.unwrap();
        twin::publish_parameter(&twin, &region, PARAMETER, id.as_str()).unwrap();
        drop(twin);
        world
    }

    /// Opens the workspace as a fresh process does: nothing but what lies on the disk.
    pub async fn open(&self) -> Process {
        let twin = self.open_twin().await;
        let reader = Reader::connect(Connect::Twin(twin.clone())).await;
        let account = reader.identity().await.unwrap().account;
        let binding = Binding { format: 1, target: "twin".to_owned(), account: account.clone() };
        let ledger = Ledger::open_folder(&self.folder.path().join("twin-ledger"), binding).await.unwrap();
        let workspace = Workspace::open(self.folder.path()).unwrap();
        let product = workspace.load(&"hello-web".parse().unwrap(), TargetName::Twin, Some(&account));
        let product = product.unwrap_or_else(|faults| panic!("{}", faults.render(false)));
        let engine = Engine {
            writer: Writer::new(reader),
            ledger,
            clock: self.clock.clone(),
            observer: Arc::new(Silence),
            target: "twin",
            account,
            patience: Duration::from_secs(4 * 60 * 60),
            interval: Duration::from_secs(10),
            git_commit: None,
            templates: Templates::embedded(),
        };
        Process { twin, engine, product }
    }

    /// Replaces a text in one of the product's files.
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.folder.path().join("products/hello-web").join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} does not contain {from:?}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Takes away what the last run wrote after it had tried an effect: AWS has done it, nobody knows.
    pub fn forget_what_came_after_trying(&self, effect: &str) {
        let ledger = self.folder.path().join("twin-ledger");
        let run = sorted(&ledger.join("runs")).pop().unwrap();
        let journal = sorted(&run);
        let read = |path: &PathBuf| -> serde_json::Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
        let tried = journal.iter().position(|path| {
            let entry = read(path);
            entry["event"]["kind"] == "tried" && entry["event"]["effect"] == effect
        });
        let tried = tried.unwrap_or_else(|| panic!("the run never tried {effect}"));
        let at = read(&journal[tried])["at"].as_str().unwrap().to_owned();
        journal[tried + 1..].iter().for_each(|path| std::fs::remove_file(path).unwrap());
        // RFC 3339 times sort as text.
        let later = |path: &&PathBuf| read(path)["at"].as_str().unwrap() > at.as_str();
        sorted(&ledger.join("hello-web.x86_64/records")).iter().filter(later).for_each(|path| std::fs::remove_file(path).unwrap());
    }

    /// Has the guests of processes opened from now on play another script.
    pub fn play(&mut self, script: Script) {
        self.script = script;
    }

    async fn open_twin(&self) -> Arc<Twin> {
        let folder = self.folder.path().join("twin");
        // The process before was killed in the middle; tasks and threads that it had started still hold
        // the twin until they have had their turn.
        for _ in 0..2000 {
            let options = twin::Options {
                seed: Some("a test".to_owned()),
                ..twin::Options::new(self.clock.clone(), Machines::Scripted(self.script.clone()))
            };
            match Twin::open(&folder, options) {
                Ok(twin) => return twin,
                Err(twin::OpenError::InUse { .. }) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the process before does not end");
    }
}

impl Process {
    /// Does what `ship` does, with everything approved.
    pub async fn ship(&self) -> Result<(), EngineError> {
        for _ in 0..4 {
            let next = self.next().await?;
            if matches!(next, Next::Nothing { .. }) {
                return Ok(());
            }
            engine::carry_out(&self.engine, &self.product, next, Extent::Whole).await?;
        }
        panic!("there is always more to do: {:?}", self.next().await?.plan());
    }

    /// Finds out what there is to do.
    pub async fn next(&self) -> Result<Next, EngineError> {
        engine::next(&self.engine, &self.product, &Request { bump: Bump::Patch, version: None, rebuild: false }).await
    }

    /// Ships, and is killed at a point of its work; `true` when it had come to its end before.
    pub async fn ship_killed_after(self, polls: usize) -> bool {
        let done = Killed { work: Box::pin(self.ship()), left: polls }.await;
        done.is_some_and(|end| {
            end.unwrap();
            true
        })
    }

    /// Reads the releases, oldest first.
    pub async fn releases(&self) -> Vec<Released> {
        let records = self.engine.ledger.records(&self.product.variant()).await.unwrap();
        bakehouse::release::history(&records).into_values().collect()
    }

    /// Names the steps of the plan.
    pub async fn steps(&self) -> Vec<String> {
        self.next().await.unwrap().plan().steps.iter().map(|p| p.step.to_string()).collect()
    }
}

/// Work that is dropped after so many turns, as a kill would end it.
struct Killed<F> {
    work: Pin<Box<F>>,
    left: usize,
}

impl<F: Future> Future for Killed<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        self.work.as_mut().poll(context).map(Some)
    }
}

/// A guest that does what the user data says, as far as its console tells.
pub fn good_guest() -> Script {
    Script {
        captures: [("nonce".to_owned(), r"nonce='?([0-9a-f]{16})".to_owned())].into(),
        console: vec![
            said(20, "BAKEHOUSE {nonce} begin"),
            said(30, "BAKEHOUSE {nonce} step 1 begin packages nginx\n| Setting up nginx\nBAKEHOUSE {nonce} step 1 ok"),
            said(60, "BAKEHOUSE {nonce} provisioned"),
            said(70, "BAKEHOUSE {nonce} sealed"),
        ],
        files: vec![file("/etc/hello", "hello\n", 0o644)],
        removes: Vec::new(),
        ends: Ends { how: EndsHow::PowerOff, after_seconds: 80 },
        boot: Boot::default(),
    }
}

/// A line on the console.
pub fn said(after_seconds: u64, text: &str) -> ConsoleText {
    ConsoleText { after_seconds, text: format!("\n{text}\n") }
}

/// A file that the guest writes.
pub fn file(path: &str, content: &str, mode: u32) -> GuestFile {
    GuestFile { path: path.to_owned(), content: content.to_owned(), mode }
}

/// Makes a disk with one partition and a small Debian 13 in it that the policy has nothing against.
fn base_disk(folder: &Path) -> PathBuf {
    let root = folder.join("base-root");
    let files = [
        ("usr/lib/os-release", "ID=debian\nVERSION_ID=\"13\"\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n"),
        ("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n"),
        ("etc/shadow", "root:*:20000:0:99999:7:::\nwww-data:*:20000:0:99999:7:::\n"),
        ("etc/group", "root:x:0:\nsudo:x:27:\n"),
        ("etc/gshadow", "root:*::\nsudo:*::\n"),
        ("etc/ssh/sshd_config", "PasswordAuthentication no\nPermitRootLogin no\nUsePAM yes\n"),
        ("usr/sbin/sshd", "ELF"),
        ("usr/lib/systemd/system/ssh.service", "[Unit]\n"),
        ("usr/bin/cloud-init", "#!/usr/bin/python3\n"),
        ("usr/lib/systemd/system/cloud-init-main.service", "[Unit]\n"),
        (
            "etc/cloud/cloud.cfg",
            "users:\n  - default\ndisable_root: true\nsystem_info:\n  default_user:\n    name: admin\n    sudo: [\"ALL=(ALL) NOPASSWD:ALL\"]\n",
        ),
        ("usr/bin/sudo", "ELF"),
        ("etc/machine-id", ""),
        ("var/lib/dpkg/status", "Package: bash\nStatus: install ok installed\nVersion: 5.2-1\nArchitecture: amd64\n"),
    ];
    for (path, content) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    std::fs::create_dir_all(root.join("root")).unwrap();
    let links = [
        ("etc/os-release", "../usr/lib/os-release"),
        ("etc/systemd/system/multi-user.target.wants/ssh.service", "/usr/lib/systemd/system/ssh.service"),
        ("etc/systemd/system/cloud-init.target.wants/cloud-init-main.service", "/usr/lib/systemd/system/cloud-init-main.service"),
    ];
    for (path, target) in links {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }
    let disk = folder.join("base.raw");
    std::fs::File::create(&disk).unwrap().set_len(64 << 20).unwrap();
    let offset = "offset=1048576,root_owner=0:0";
    run("mke2fs", &["-q", "-t", "ext4", "-E", offset, "-d", root.to_str().unwrap(), disk.to_str().unwrap(), "61440"], "");
    run("sfdisk", &["--quiet", disk.to_str().unwrap()], "label: gpt\nstart=2048, size=122880, type=linux\n");
    disk
}

fn run(program: &str, arguments: &[&str], input: &str) {
    use std::io::Write as _;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap_or_else(|e| panic!("{program} is needed (scripts/test installs it): {e}"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{program} {arguments:?} failed");
}

/// Lists a folder, sorted.
fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
