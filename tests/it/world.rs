//! A workspace with a twin, a base image and a guest played from a script, on a clock that the test drives.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bakehouse::clock::Clock;
use bakehouse::cloud::{Connect, Reader, Writer};
use bakehouse::engine::{self, Engine, EngineError, Extent, Leave, Next, Note, Observer};
use bakehouse::ledger::{Binding, Holder, Ledger};
use bakehouse::listing::Templates;
use bakehouse::manifest::Workspace;
use bakehouse::model::ids::{Architecture, Region};
use bakehouse::model::product::Product;
use bakehouse::model::target::TargetName;
use bakehouse::model::waiver::WaiverOptions;
use bakehouse::plan::Request;
use bakehouse::release::Released;
use bakehouse::twin::consistency::Windows;
use bakehouse::twin::ec2::{BaseImage, DEBIAN_ACCOUNT, Delays, register_base};
use bakehouse::twin::faults::FaultRule;
use bakehouse::twin::machines::{Boot, ConsoleText, Ends, EndsHow, Fetch, GuestFile, Machines, Page, Script};
use bakehouse::twin::{self, Twin};
use object_store::local::LocalFileSystem;

use super::mortal::MortalStore;
use super::{place, sample};

/// Where Debian publishes the ids of its newest images.
pub const PARAMETER: &str = "/aws/service/debian/release/13/latest/amd64";
const ARM_PARAMETER: &str = "/aws/service/debian/release/13/latest/arm64";

/// What hello-web needs to be sold for arm64 too.
const ARM: &str = r#"
[variant.arm64.image]
base = { parameter = "/aws/service/debian/release/13/latest/arm64" }
boot-mode = "uefi"
root-volume = { size-gib = 16 }

[variant.arm64.image.build]
instance-type = "t4g.small"

[variant.arm64.listing]
instance-types = ["t4g.micro", "t4g.small"]
recommended-instance-type = "t4g.small"

[variant.arm64.listing.pricing]
model = "hourly"
rates = { "t4g.micro" = "0.008", "t4g.small" = "0.016" }
"#;

/// How long a command waits.
const PATIENCE: Duration = Duration::from_secs(4 * 60 * 60);

/// A workspace in a folder of its own.
pub struct World {
    pub folder: tempfile::TempDir,
    clock: Clock,
    script: Script,
    windows: Windows,
}

/// What a process meets with.
#[derive(Debug, Clone, Default)]
pub struct Fate {
    /// It dies once it has written so many objects into the ledger.
    pub writes: Option<usize>,
    /// What goes wrong at the twin; silence is death too.
    pub faults: Vec<FaultRule>,
    /// How long the twin takes, if not as usual.
    pub delays: Option<Delays>,
}

/// A workspace opened by one process: what a kill takes away.
pub struct Process {
    pub twin: Arc<Twin>,
    /// The ledger's store, which may have an end.
    pub store: Arc<MortalStore>,
    pub engine: Engine,
    pub product: Product,
    /// How long each of its commands waits.
    pub patience: Duration,
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

    /// Makes a workspace with hello-web, on a twin that hides what was just made for so many seconds.
    pub async fn unsettled(seconds: i64) -> Self {
        let windows = Windows::all(jiff::SignedDuration::from_secs(seconds));
        Self { windows, ..Self::new().await }
    }

    /// Makes a workspace with hello-web and another guest.
    pub async fn with_guest(script: Script) -> Self {
        let folder = place::folder();
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        copy(&source.join("products"), &folder.path().join("products"));
        std::fs::copy(source.join("bakehouse.toml"), folder.path().join("bakehouse.toml")).unwrap();
        // A day that is past: processes of their own go by the real clock, and what is made must lie behind them.
        let world = Self { folder, clock: Clock::manual("2026-11-02T12:00:00Z".parse().unwrap()), script, windows: Windows::default() };
        let twin = world.open_twin(&Fate::default()).await;
        register(&twin, world.folder.path(), Architecture::X86_64, PARAMETER).await;
        drop(twin);
        world
    }

    /// Makes a second world that is as this one is now.
    pub fn fork(&self) -> Self {
        let folder = place::folder();
        copy(self.folder.path(), folder.path());
        Self { folder, clock: Clock::manual(self.clock.now()), script: self.script.clone(), windows: self.windows }
    }

    /// Makes a workspace with hello-web for both architectures.
    pub async fn of_two_architectures() -> Self {
        let world = Self::new().await;
        world.edit("product.toml", "architecture = \"x86_64\"", "architectures = [\"x86_64\", \"arm64\"]");
        world.edit("product.toml", "[distribution]", &format!("{ARM}\n[distribution]"));
        let twin = world.open_twin(&Fate::default()).await;
        register(&twin, world.folder.path(), Architecture::Arm64, ARM_PARAMETER).await;
        world
    }

    /// Opens the workspace as a fresh process does: nothing but what lies on the disk.
    pub async fn open(&self) -> Process {
        self.open_to(Fate::default()).await
    }

    /// Ends a process and opens the workspace by another.
    pub async fn reopened(&self, process: Process) -> Process {
        drop(process);
        self.open().await
    }

    /// Opens the workspace by a process that will meet with something.
    pub async fn open_to(&self, fate: Fate) -> Process {
        self.process(self.open_twin(&fate).await, killed_one(), fate.writes).await
    }

    /// Opens the workspace as a process of somebody.
    pub async fn open_as(&self, holder: Holder) -> Process {
        self.process(self.open_twin(&Fate::default()).await, holder, None).await
    }

    /// Opens the workspace beside another process that is still there, with the twin that serves both.
    pub async fn open_beside(&self, other: &Process, holder: Holder) -> Process {
        self.process(other.twin.clone(), holder, None).await
    }

    async fn process(&self, twin: Arc<Twin>, holder: Holder, writes: Option<usize>) -> Process {
        let reader = Reader::connect(Connect::Twin(twin.clone())).await;
        let account = reader.identity().await.unwrap().account;
        let binding = Binding { format: 1, target: "twin".to_owned(), account: account.clone() };
        let place = self.folder.path().join("twin-ledger");
        std::fs::create_dir_all(&place).unwrap();
        let store = Arc::new(MortalStore::new(LocalFileSystem::new_with_prefix(&place).unwrap(), writes));
        let ledger = Ledger::open(store.clone(), place.display().to_string(), binding).await.unwrap();
        let workspace = Workspace::open(self.folder.path()).unwrap();
        let variants = workspace.load(&"hello-web".parse().unwrap(), TargetName::Twin, Some(&account));
        let variants = variants.unwrap_or_else(|faults| panic!("{}", faults.render(false)));
        let product = variants[0].clone();
        let engine = Engine {
            writer: Writer::new(reader),
            ledger,
            holder,
            clock: self.clock.clone(),
            observer: Arc::new(Silence),
            target: "twin",
            account,
            until: self.clock.now().saturating_add(PATIENCE).unwrap(),
            leave: Leave::default(),
            go_on: "bakehouse ship hello-web".to_owned(),
            // An hour of ingestion is looked at sixty times, not hundreds.
            interval: Duration::from_secs(60),
            variants,
            git_commit: None,
            waivers: WaiverOptions::default(),
            advisories: Some(sample::database(self.folder.path(), self.clock.now())),
            templates: Templates::embedded(),
        };
        Process { twin, store, engine, product, patience: PATIENCE }
    }

    /// Replaces a text in one of the product's files.
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.folder.path().join("products/hello-web").join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} does not contain {from:?}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Has the guests of processes opened from now on play another script.
    pub fn play(&mut self, script: Script) {
        self.script = script;
    }

    async fn open_twin(&self, fate: &Fate) -> Arc<Twin> {
        let folder = self.folder.path().join("twin");
        // The process before was killed in the middle; tasks and threads that it had started still hold
        // the twin until they have had their turn.
        for _ in 0..2000 {
            let options = twin::Options {
                seed: Some("a test".to_owned()),
                faults: fate.faults.clone(),
                // What was ever started is to be seen at the end.
                delays: Delays { forget: jiff::SignedDuration::from_hours(24 * 365), ..fate.delays.unwrap_or(Delays::aws_like()) },
                windows: self.windows,
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
    /// Returns this process at work on a variant.
    pub fn of(&self, architecture: Architecture) -> Self {
        let product = self.engine.variants.iter().find(|product| product.image.architecture == architecture).unwrap().clone();
        Self { twin: self.twin.clone(), engine: self.engine.clone(), product, store: self.store.clone(), patience: self.patience }
    }

    /// Does what `ship` does, with everything approved.
    pub async fn ship(&self) -> Result<(), EngineError> {
        for _ in 0..4 {
            let next = self.next().await?;
            if matches!(next, Next::Nothing { .. }) {
                return Ok(());
            }
            // Patience is counted from the command's beginning, and this is one.
            let until = self.engine.clock.now().saturating_add(self.patience).unwrap();
            engine::carry_out(&Engine { until, ..self.engine.clone() }, &self.product, next, Extent::Whole).await?;
        }
        panic!("there is always more to do: {:?}", self.next().await?.plan());
    }

    /// Finds out what there is to do.
    pub async fn next(&self) -> Result<Next, EngineError> {
        engine::next(&self.engine, &self.product, &Request::default()).await
    }

    /// Ships until it is done or dead; `None` when it died.
    pub async fn ship_until_death(&self) -> Option<Result<(), EngineError>> {
        self.until_death(self.ship()).await
    }

    /// Works until that is done or the process dead; `None` when it died.
    pub async fn until_death<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let end = tokio::select! {
            biased;
            () = self.twin.silenced() => None,
            () = self.store.died() => None,
            end = work => Some(end),
        };
        self.store.settled().await;
        end
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

/// A process that whoever looks for it finds ended, as that of an engine that was dropped.
pub fn killed_one() -> Holder {
    Holder { pid: u32::MAX, ..Holder::this_process() }
}

/// A guest that does what the user data says, as far as its console tells.
pub fn good_guest() -> Script {
    Script {
        captures: [("nonce".to_owned(), r"nonce='?([0-9a-f]{16})".to_owned())].into(),
        fetches: Some(Fetch {
            address: r"fetch '?(http://[^' ]+)".to_owned(),
            digest: r#""\$found" = ([0-9a-f]{64})"#.to_owned(),
            otherwise: vec![
                said(20, "BAKEHOUSE {nonce} begin"),
                said(25, "BAKEHOUSE {nonce} step 0 begin payload\n\nBAKEHOUSE {nonce} step 0 failed 65"),
            ],
        }),
        console: vec![
            said(20, "BAKEHOUSE {nonce} begin"),
            said(30, "BAKEHOUSE {nonce} step 1 begin packages nginx\n| Setting up nginx\nBAKEHOUSE {nonce} step 1 ok"),
            said(60, "BAKEHOUSE {nonce} provisioned"),
            said(70, "BAKEHOUSE {nonce} sealed"),
        ],
        files: vec![file("/etc/hello", "hello\n", 0o644)],
        removes: Vec::new(),
        ends: Ends { how: EndsHow::PowerOff, after_seconds: 80 },
        boot: Boot {
            http: vec![page("/", 200, "<title>Hello from Bakehouse</title>"), page("/health", 200, "ok"), page("/metrics", 401, "closed")],
            ..Boot::default()
        },
    }
}

/// A page that the guest serves.
pub fn page(path: &str, status: u16, body: &str) -> Page {
    Page { port: 80, path: path.to_owned(), status, body: body.to_owned() }
}

/// A line on the console.
pub fn said(after_seconds: u64, text: &str) -> ConsoleText {
    ConsoleText { after_seconds, text: format!("\n{text}\n") }
}

/// A file that the guest writes.
pub fn file(path: &str, content: &str, mode: u32) -> GuestFile {
    GuestFile { path: path.to_owned(), content: content.to_owned(), mode }
}

/// Registers a small Debian as the newest image for an architecture; what it was made of goes again.
async fn register(twin: &Arc<Twin>, folder: &Path, architecture: Architecture, parameter: &str) {
    let region = Region::marketplace();
    let disk = base_disk(folder);
    let base = BaseImage {
        name: format!("debian-13-{architecture}-20261123-1"),
        description: "Debian 13".to_owned(),
        size_bytes: std::fs::metadata(&disk).unwrap().len(),
        disk: disk.clone(),
        boot_mode: Some(if architecture == Architecture::Arm64 { "uefi" } else { "uefi-preferred" }.to_owned()),
        architecture,
        owner: DEBIAN_ACCOUNT.parse().unwrap(),
    };
    let id = register_base(twin, &region, base).await.unwrap().id;
    twin::publish_parameter(twin, &region, parameter, id.as_str()).unwrap();
    std::fs::remove_dir_all(folder.join("base-root")).unwrap();
    std::fs::remove_file(disk).unwrap();
}

/// Makes a disk with one partition and a small Debian 13 in it that the policy has nothing against.
pub fn base_disk(folder: &Path) -> PathBuf {
    let root = folder.join("base-root");
    let files = [
        ("usr/lib/os-release", "ID=debian\nVERSION_ID=\"13\"\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n"),
        ("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n"),
        ("etc/shadow", "root:*:20000:0:99999:7:::\nwww-data:*:20000:0:99999:7:::\n"),
        ("etc/group", "root:x:0:\nsudo:x:27:\n"),
        ("etc/gshadow", "root:*::\nsudo:*::\n"),
        ("etc/ssh/sshd_config", "PasswordAuthentication no\nPermitRootLogin no\nKbdInteractiveAuthentication no\nUsePAM yes\n"),
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

/// Copies a folder with all that it holds.
pub fn copy(from: &Path, to: &Path) {
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
