//! Ingestion where machines run: a submitted image is started and logged in to, as the Marketplace's
//! scanner does. The machine is the Marketplace's: the seller's account doesn't see it.
//!
//! What is here goes on from the stored state alone, turn by turn; who takes the turns is `inspectors`' affair.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::apply;
use super::change_sets::{Change, ChangeSet, ErrorDetail};
use super::change_types::Act;
use crate::model::ids::Region;
use crate::reach::{self, LoginError, LoginKey, Session};
use crate::twin::Twin;
use crate::twin::ec2::free_address;
use crate::twin::error::ApiError;
use crate::twin::machines::{BootMode, Launch, MachineError, Machines, Metadata, Status};
use crate::twin::state::{Image, State};

/// The account that the Marketplace's copies of images belong to.
const MARKETPLACE_ACCOUNT: &str = "679593333241";
/// How long an image has from its launch until somebody can log in.
const DEADLINE: SignedDuration = SignedDuration::from_mins(15);
/// How long one attempt to log in may take.
const ATTEMPT: Duration = Duration::from_secs(20);
/// Machines that run at the same time; further images wait for their turn, as they do on AWS.
const MOST_MACHINES: usize = 2;
/// Memory of the machines, in MiB.
const MEMORY_MIB: u32 = 1024;
const GIB: u64 = 1 << 30;

/// An image that is inspected for a change of a set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Inspection {
    /// The change's place in the set.
    pub change: usize,
    image: String,
    user: String,
    port: u16,
    stand: Stand,
}

/// How far an inspection is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stand {
    Due,
    Running(Box<Started>),
    /// Decided; the machine is still to be removed.
    Ending {
        started: Box<Started>,
        verdict: Box<Stand>,
    },
    /// Somebody could log in, now or earlier.
    Passed,
    /// Never started: the image can't be had, or not be run here. What else is judged of it decides.
    LeftOut,
    Failed(Vec<Finding>),
}

/// A machine that runs a submitted image.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Started {
    instance: String,
    volume: String,
    address: Ipv4Addr,
    mac: String,
    launched: Timestamp,
    /// Of the key that opens it.
    token: String,
    /// `null` until it has been launched; what a killed process had launched is ended by the next launch.
    machine: Value,
}

/// What the scanner has against an image.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Finding {
    code: String,
    message: String,
}

impl Inspection {
    /// Lists the inspections that a set's changes take.
    pub fn wanted(changes: &[Change]) -> Vec<Self> {
        let adds = changes.iter().enumerate().filter(|(_, change)| apply::act(change) == Some(Act::AddDeliveryOptions));
        let inspection = |(index, change): (usize, &Change)| {
            let source = submitted_source(&change.details)?;
            Some(Self {
                change: index,
                image: source["AmiId"].as_str()?.to_owned(),
                user: source["UserName"].as_str()?.to_owned(),
                port: source["ScanningPort"].as_u64().map_or(Some(22), |port| u16::try_from(port).ok())?,
                stand: Stand::Due,
            })
        };
        adds.filter_map(inspection).collect()
    }

    /// Tells whether there is nothing more to find out.
    pub fn has_ended(&self) -> bool {
        matches!(self.stand, Stand::Passed | Stand::LeftOut | Stand::Failed(_))
    }

    /// Returns what the scanner has against the image.
    pub fn findings(&self) -> Vec<ErrorDetail> {
        match &self.stand {
            Stand::Failed(findings) => findings.iter().map(|f| ErrorDetail { code: f.code.clone(), message: f.message.clone() }).collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the handle of the machine that runs for it.
    pub fn machine(&self) -> Option<&Value> {
        match &self.stand {
            Stand::Running(started) | Stand::Ending { started, .. } => Some(&started.machine),
            _ => None,
        }
    }

    /// What was found of the same image, user and port need not be found again.
    fn subject(&self) -> String {
        format!("{} {}:{}", self.image, self.user, self.port)
    }
}

/// Finds the image that a version is to deliver: all of its options name the same one.
pub(super) fn submitted_source(details: &Value) -> Option<&Value> {
    let options = details["DeliveryOptions"].as_array()?;
    options.iter().find_map(|option| {
        let image = &option["Details"]["AmiDeliveryOptionDetails"]["AmiSource"];
        let template = &option["Details"]["DeploymentTemplateDeliveryOptionDetails"]["TemplateSources"][0]["AmiSource"];
        [image, template].into_iter().find(|source| source.is_object())
    })
}

/// Where an inspection is found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    set: String,
    change: usize,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// There is more to find out, later.
    Waiting,
    /// Nothing is left to be found out.
    Over,
}

/// Lists the inspections that have not ended, of sets that have not.
pub(super) fn unfinished(state: &State) -> Vec<Place> {
    let sets = state.catalog.change_sets.values().filter(|set| set.outcome.is_none());
    let open = sets.flat_map(|set| set.inspections.iter().filter(|i| !i.has_ended()).map(|i| (set.id.clone(), i.change)));
    open.map(|(set, change)| Place { set, change }).collect()
}

/// Goes on with an inspection until it has to wait for something.
///
/// What goes wrong with it is the end of it alone.
///
/// # Errors
///
/// When the state can't be written.
pub(super) async fn turn(twin: &Arc<Twin>, place: &Place) -> Result<Turn, ApiError> {
    // Each round comes to a later stand, or ends the turn.
    loop {
        let now = twin.clock().now();
        let inspection = match twin.read(|state| find(state, place, now)) {
            Found::Due(inspection) => inspection,
            Found::Preparing => return Ok(Turn::Waiting),
            Found::Ended => return Ok(Turn::Over),
        };
        let stand = match &inspection.stand {
            Stand::Running(started) if started.machine.is_null() => launch(twin, &inspection, started, now).await,
            Stand::Running(started) => look(twin, &inspection, started, now).await,
            Stand::Ending { .. } => Ok(Some(inspection.stand.clone())),
            _ => prepare(twin, place, &inspection, now),
        };
        let Some(stand) = stand.unwrap_or_else(|error| Some(Stand::Failed(vec![internal(&error)]))) else { return Ok(Turn::Waiting) };
        let stand = match &inspection.stand {
            Stand::Running(started) if !matches!(stand, Stand::Running(_)) => {
                Stand::Ending { started: started.clone(), verdict: Box::new(stand) }
            }
            _ => stand,
        };
        keep(twin, place, &inspection, &stand, now)?;
        // The machine stays known until it is gone.
        if let Stand::Ending { started, verdict } = &stand {
            if let Err(error) = remove(twin, started, now).await {
                tracing::warn!(instance = started.instance, ?error, "a machine of an ingestion could not be removed");
                return Ok(Turn::Waiting);
            }
            keep(twin, place, &inspection, verdict, now)?;
        }
    }
}

/// What stopped the scanner itself.
fn internal(error: &ApiError) -> Finding {
    Finding { code: "InternalError".to_owned(), message: format!("The image could not be scanned: {}", error.message) }
}

fn keep(twin: &Arc<Twin>, place: &Place, inspection: &Inspection, stand: &Stand, now: Timestamp) -> Result<(), ApiError> {
    twin.change(|state| {
        if let Some(set) = state.catalog.change_sets.get_mut(&place.set) {
            note(set, place.change, stand.clone(), now);
        }
        if matches!(stand, Stand::Passed) {
            state.catalog.inspected.insert(inspection.subject());
        }
        Ok::<_, ApiError>(())
    })
}

enum Found {
    Due(Inspection),
    /// The set can still be cancelled.
    Preparing,
    /// Or there is no such thing any more.
    Ended,
}

fn find(state: &State, place: &Place, now: Timestamp) -> Found {
    let Some(set) = state.catalog.change_sets.get(&place.set).filter(|set| set.outcome.is_none()) else { return Found::Ended };
    match set.inspections.iter().find(|inspection| inspection.change == place.change && !inspection.has_ended()) {
        None => Found::Ended,
        Some(_) if set.applying_at > now => Found::Preparing,
        Some(inspection) => Found::Due(inspection.clone()),
    }
}

fn note(set: &mut ChangeSet, change: usize, stand: Stand, now: Timestamp) {
    if let Some(inspection) = set.inspections.iter_mut().find(|inspection| inspection.change == change) {
        inspection.stand = stand;
        if inspection.has_ended() {
            set.ends_at = set.ends_at.max(now);
        }
    }
}

/// Gives a machine its names. An image that can't be had, or not be run here, is left to what else is judged of it;
/// one that is still being made is waited for, and so is a machine.
fn prepare(twin: &Arc<Twin>, place: &Place, inspection: &Inspection, now: Timestamp) -> Result<Option<Stand>, ApiError> {
    if twin.read(|state| state.catalog.inspected.contains(&inspection.subject())) {
        return Ok(Some(Stand::Passed));
    }
    let image = match twin.read(|state| startable(state, inspection, now)) {
        Startable::Now(image) => image,
        Startable::NotYet => return Ok(None),
        Startable::Never => return Ok(Some(Stand::LeftOut)),
    };
    if matches!(twin.machines(), Machines::None) || (matches!(twin.machines(), Machines::Qemu(_)) && image.architecture != "x86_64") {
        tracing::warn!(image = image.id, architecture = image.architecture, "the image is ingested without being started");
        return Ok(Some(Stand::LeftOut));
    }
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|e| std::io::Error::other(e.to_string()))?;
    twin.change(|state| {
        if state.catalog.machines().count() >= MOST_MACHINES {
            return Ok(None);
        }
        let address = free_address(state)?.parse().unwrap_or(Ipv4Addr::LOCALHOST);
        let digits = state.new_token(10);
        let pairs: Vec<&str> = (0..5).filter_map(|n| digits.get(2 * n..2 * n + 2)).collect();
        let started = Started {
            instance: state.new_id("i-"),
            volume: state.new_id("vol-"),
            address,
            mac: format!("0a:{}", pairs.join(":")),
            launched: now,
            token: hex::encode(seed),
            machine: Value::Null,
        };
        let stand = Stand::Running(Box::new(started));
        // At once, so that whoever counts machines beside this one counts it.
        if let Some(set) = state.catalog.change_sets.get_mut(&place.set) {
            note(set, place.change, stand.clone(), now);
        }
        Ok(Some(stand))
    })
}

/// Writes the disk and starts the machine.
async fn launch(twin: &Arc<Twin>, inspection: &Inspection, prepared: &Started, now: Timestamp) -> Result<Option<Stand>, ApiError> {
    let Startable::Now(image) = twin.read(|state| startable(state, inspection, now)) else { return Ok(Some(Stand::LeftOut)) };
    let device = image.devices.iter().find(|device| device.name == image.root_device);
    let Some(device) = device else { return Ok(Some(Stand::LeftOut)) };
    let (writing, target) = (twin.clone(), twin.volume_path(&prepared.volume));
    let (snapshot, size_gib) = (device.snapshot.clone(), device.size_gib);
    let written = tokio::task::spawn_blocking(move || {
        let map = writing.blocks().map(&Region::marketplace(), &snapshot)?;
        target.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        writing.blocks().write_disk(&map, &target, size_gib * GIB)
    });
    written.await.map_err(|gone| std::io::Error::other(gone.to_string()))??;
    let launched = twin.machines().launch(&launch_of(twin, &image, prepared), now).await;
    let machine =
        launched.map_err(|error| ApiError::new(500, "InternalServiceException", format!("the image could not be started: {error}")))?;
    let started = Started { machine, launched: now, ..prepared.clone() };
    if let Err(error) = open(twin, inspection, &started).await {
        // The next look tries again, and knows the machine.
        tracing::warn!(instance = started.instance, ?error, "the scanning port can't be opened");
    }
    Ok(Some(Stand::Running(Box::new(started))))
}

/// Whether an image can be started.
enum Startable {
    Now(Box<Image>),
    /// It is still being made.
    NotYet,
    /// It isn't there, isn't the seller's, or its snapshots can't be read.
    Never,
}

fn startable(state: &State, inspection: &Inspection, now: Timestamp) -> Startable {
    let here = state.regions.get(&Region::marketplace());
    let Some((here, image)) = here.and_then(|here| Some((here, here.images.get(&inspection.image)?))) else { return Startable::Never };
    let readable = |snapshot: &String| here.snapshots.get(snapshot).is_some_and(|s| !s.encrypted && s.failed.is_none());
    if image.owner != state.account || image.failed.is_some() || !image.devices.iter().all(|device| readable(&device.snapshot)) {
        Startable::Never
    } else if image.ready_at > now {
        Startable::NotYet
    } else {
        Startable::Now(Box::new(image.clone()))
    }
}

fn launch_of(twin: &Arc<Twin>, image: &Image, started: &Started) -> Launch {
    let region = Region::marketplace();
    let metadata = Metadata {
        instance: started.instance.clone(),
        reservation: started.instance.replacen("i-", "r-", 1),
        image: image.id.clone(),
        instance_type: "t3.small".to_owned(),
        architecture: image.architecture.clone(),
        account: MARKETPLACE_ACCOUNT.to_owned(),
        zone: format!("{region}a"),
        region,
        private_ip: "10.2.0.10".to_owned(),
        public_ip: Some(started.address.to_string()),
        mac: started.mac.clone(),
        vpc: started.instance.replacen("i-", "vpc-", 1),
        subnet: started.instance.replacen("i-", "subnet-", 1),
        subnet_cidr: "10.2.0.0/16".to_owned(),
        security_groups: vec![(started.instance.replacen("i-", "sg-", 1), "scan".to_owned())],
        root_device: image.root_device.clone(),
        key: Some(("scan".to_owned(), key_of(started).public_line())),
        user_data: Vec::new(),
        launched: started.launched,
        tokens_required: image.imds_support.is_some(),
    };
    Launch {
        instance: started.instance.clone(),
        folder: twin.instance_folder(&started.instance),
        disk: twin.volume_path(&started.volume),
        memory_mib: MEMORY_MIB,
        cpus: 2,
        mac: started.mac.clone(),
        boot_mode: BootMode::of_image(image.boot_mode.as_deref()),
        instance_type: "t3.small".to_owned(),
        metadata: Arc::new(move || Some(metadata.clone())),
        objects: crate::twin::s3::for_guests(Arc::downgrade(twin)),
        clock: twin.clock().clone(),
    }
}

/// Opens the scanning port, and notes that this process has seen to it.
async fn open(twin: &Arc<Twin>, inspection: &Inspection, started: &Started) -> Result<(), ApiError> {
    let ports = BTreeSet::from([inspection.port]);
    // What isn't forwarded must not be dialled: whatever else listens there would be taken for the image.
    let opened = twin.machines().open(&started.machine, started.address, &ports).await;
    opened.map_err(|error| ApiError::new(500, "InternalServiceException", error.to_string()))?;
    twin.forwarded().insert(seen_as(started), ports);
    Ok(())
}

fn seen_as(started: &Started) -> String {
    format!("{}{}", crate::twin::INGESTED, started.instance)
}

/// Tries to log in; `None` while it is too early to say.
async fn look(twin: &Arc<Twin>, inspection: &Inspection, started: &Started, now: Timestamp) -> Result<Option<Stand>, ApiError> {
    if !twin.forwarded().contains_key(&seen_as(started)) {
        // An earlier process has started it: its metadata service went with that process.
        let image = twin.read(|state| state.regions.get(&Region::marketplace())?.images.get(&inspection.image).cloned());
        let Some(image) = image else { return Ok(Some(Stand::LeftOut)) };
        if let Err(error) = twin.machines().adopt(&launch_of(twin, &image, started), &started.machine).await {
            tracing::warn!(instance = started.instance, %error, "the machine could not be taken up again");
        }
        open(twin, inspection, started).await?;
    }
    let finding = |message: String| Finding { code: "SSHAuthFailedForUserAndKeypair".to_owned(), message };
    let user = &inspection.user;
    if twin.machines().status(&started.machine, now) != Status::Running {
        return Ok(Some(Stand::Failed(vec![finding(format!("Unable to connect to the instance: it has stopped (OS username [{user}])"))])));
    }
    let late = now.duration_since(started.launched) >= DEADLINE;
    let attempt = async {
        let stream = twin.machines().dial(&started.machine, started.address, inspection.port, now).await;
        let stream = stream.map_err(|_| format!("Unable to connect to the instance on port {}", inspection.port))?;
        reach::login(stream, user, &key_of(started)).await.map_err(|error| match error {
            LoginError::Refused { .. } => format!("Unable to log into the instance with OS default username [{user}]"),
            LoginError::Protocol(_) => format!("Unable to connect to the instance on port {}", inspection.port),
        })
    };
    let attempt = tokio::time::timeout(ATTEMPT, attempt).await;
    match attempt.unwrap_or_else(|_| Err(format!("Connection to port {} timed out", inspection.port))) {
        Ok(session) => {
            let findings = inspect(&session, user).await;
            session.close().await;
            Ok(Some(if findings.is_empty() { Stand::Passed } else { Stand::Failed(findings) }))
        }
        Err(why) if late => Ok(Some(Stand::Failed(vec![finding(why)]))),
        Err(_) => Ok(None),
    }
}

/// Looks at what the Marketplace's policy says of logins. The codes of these findings are the twin's own: AWS publishes none.
///
/// Source: <https://docs.aws.amazon.com/marketplace/latest/userguide/product-and-ami-policies.html>
async fn inspect(session: &Session, user: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let root = tokio::time::timeout(ATTEMPT, session.run("sudo -n true", b"", 1024)).await;
    if !matches!(root, Ok(Ok(output)) if output.status == Some(0)) {
        let message = format!("User [{user}] can't gain full administrative privileges by sudo");
        findings.push(Finding { code: "SudoUnavailable".to_owned(), message });
    }
    if session.methods.iter().any(|method| matches!(method.as_str(), "password" | "keyboard-interactive" | "none")) {
        let message = "Password-based authentication is enabled for SSH: set PasswordAuthentication no".to_owned();
        findings.push(Finding { code: "PasswordAuthenticationEnabled".to_owned(), message });
    }
    findings
}

/// Ends a machine and removes its files.
async fn remove(twin: &Arc<Twin>, started: &Started, now: Timestamp) -> Result<(), ApiError> {
    twin.forwarded().remove(&seen_as(started));
    if !started.machine.is_null()
        && let Err(error) = twin.machines().kill(&started.machine, now).await
        // Another kind of machines' handle says nothing to these; there is nothing to be had from trying again.
        && !matches!(error, MachineError::Handle { .. })
    {
        return Err(ApiError::new(500, "InternalServiceException", format!("the machine could not be switched off: {error}")));
    }
    let absent_is_fine = |result: std::io::Result<()>| match result {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    };
    absent_is_fine(std::fs::remove_file(twin.volume_path(&started.volume)))?;
    Ok(absent_is_fine(std::fs::remove_dir_all(twin.instance_folder(&started.instance)))?)
}

fn key_of(started: &Started) -> LoginKey {
    // A seed that doesn't parse is no seed of this twin's; a key that opens nothing is as good.
    let mut seed = [0; 32];
    match hex::decode_to_slice(&started.token, &mut seed) {
        Ok(()) => LoginKey::from_seed(&seed),
        Err(_) => LoginKey::random(),
    }
}
