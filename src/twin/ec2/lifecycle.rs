//! The life of instances: what time and their machines make of them, and how machines are started.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::model::ids::Region;
use crate::twin::error::ApiError;
use crate::twin::machines::{BootMode, Ending, Launch, Machines, Metadata, Status};
use crate::twin::state::{Instance, InstanceState, RegionState, State};
use crate::twin::{Twin, s3};

use super::context::Context;
use super::delays::Delays;
use super::fault;
use super::instance_types::InstanceType;
use super::snapshots::later;

/// What is next in an instance's life.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Nothing yet.
    Stay,
    /// It takes on a state, for a reason of its own if there is one.
    Become(InstanceState, Option<&'static str>),
    /// Its machine was asked to end, did not, and is switched off.
    SwitchOff,
    /// It was terminated long ago and is no longer told of.
    Forget,
}

/// How an instance's machine is seen to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// States only: nothing runs.
    Unreal,
    /// It is being started, or started again.
    Absent,
    Running,
    Ended(Ending),
}

/// Brings the Region's instances up to the time.
pub(super) async fn settle(context: &Context<'_>) -> Result<(), ApiError> {
    adopt(context.twin).await?;
    // Several states may have passed since the last look; each step is a state further on.
    for _ in 0..4 {
        let steps = due(context)?;
        if steps.is_empty() {
            break;
        }
        for (instance, step) in steps {
            if step == Step::SwitchOff {
                switch_off(context, &instance).await;
            } else {
                take_step(context, &instance, step).await?;
            }
        }
    }
    Ok(())
}

/// Finds the steps that are due; machines are looked at without the lock.
fn due(context: &Context<'_>) -> Result<Vec<(Instance, Step)>, ApiError> {
    let instances: Vec<Instance> = context.look(|_, here| Ok(here.instances.values().cloned().collect()))?;
    let steps = instances.into_iter().map(|instance| {
        let seen = see(context.twin.machines(), &instance, context.now);
        let step = next(&instance, seen, context.now, context.delays());
        (instance, step)
    });
    Ok(steps.filter(|(_, step)| *step != Step::Stay).collect())
}

fn see(machines: &Machines, instance: &Instance, now: Timestamp) -> Seen {
    match (machines, &instance.machine) {
        (Machines::None, _) => Seen::Unreal,
        (_, None) => Seen::Absent,
        (machines, Some(machine)) => match machines.status(machine, now) {
            Status::Running => Seen::Running,
            Status::Ended(how) => Seen::Ended(how),
        },
    }
}

fn next(instance: &Instance, seen: Seen, now: Timestamp, delays: &Delays) -> Step {
    use InstanceState::{Pending, Running, ShuttingDown, Stopped, Stopping, Terminated};
    let settled = instance.settles_at <= now;
    let ended = seen != Seen::Running;
    match instance.state {
        Pending if settled && seen != Seen::Absent => Step::Become(Running, None),
        Running => match seen {
            Seen::Ended(how) => {
                let reason = match how {
                    Ending::PowerOff => "Client.InstanceInitiatedShutdown",
                    Ending::Crash => "Server.InternalError",
                };
                Step::Become(if instance.terminate_on_shutdown { Terminated } else { Stopped }, Some(reason))
            }
            _ => Step::Stay,
        },
        Stopping if settled && ended => Step::Become(Stopped, None),
        ShuttingDown if settled && ended => Step::Become(Terminated, None),
        Stopping | ShuttingDown if later(instance.settles_at, delays.forced_stop) <= now => Step::SwitchOff,
        Terminated if later(instance.settles_at, delays.forget) <= now => Step::Forget,
        _ => Step::Stay,
    }
}

/// Returns EC2's text for a reason's code.
pub(super) fn reason(code: &str) -> (String, String) {
    let text = match code {
        "Client.InstanceInitiatedShutdown" => "Instance initiated shutdown",
        "Client.UserInitiatedShutdown" => "User initiated shutdown",
        _ => "Internal error",
    };
    (code.to_owned(), format!("{code}: {text}"))
}

async fn take_step(context: &Context<'_>, seen: &Instance, step: Step) -> Result<(), ApiError> {
    let gone = context.change(|here| {
        let Some(instance) = here.instances.get_mut(&seen.id) else { return Ok(Vec::new()) };
        if (instance.state, &instance.machine) != (seen.state, &seen.machine) {
            // Somebody changed it in between; the next look sees what is due now.
            return Ok(Vec::new());
        }
        match step {
            Step::Become(state, why) => {
                instance.state = state;
                if let Some(code) = why {
                    instance.state_reason = Some(reason(code));
                }
                if state != InstanceState::Terminated {
                    return Ok(Vec::new());
                }
                instance.settles_at = context.now;
                let id = instance.id.clone();
                Ok(drop_volumes(here, &id))
            }
            _ => {
                here.instances.remove(&seen.id);
                Ok(Vec::new())
            }
        }
    })?;
    remove_files(context, gone, (step == Step::Forget).then(|| seen.id.clone())).await
}

/// Takes a terminated instance's volumes away: those that go with it out of the state, the others off it.
fn drop_volumes(here: &mut RegionState, instance: &str) -> Vec<String> {
    let mut gone = Vec::new();
    let volumes = here.instances.get_mut(instance).map(|i| std::mem::take(&mut i.volumes)).unwrap_or_default();
    for volume in volumes.into_values() {
        let goes = here.volumes.get(&volume).and_then(|v| v.attachment.as_ref()).is_none_or(|a| a.delete_on_termination);
        if goes {
            here.volumes.remove(&volume);
            gone.push(volume);
        } else if let Some(volume) = here.volumes.get_mut(&volume) {
            volume.attachment = None;
        }
    }
    gone
}

/// Removes the files of volumes, and the folder of an instance, that the state no longer has.
pub(super) async fn remove_files(context: &Context<'_>, volumes: Vec<String>, instance: Option<String>) -> Result<(), ApiError> {
    if volumes.is_empty() && instance.is_none() {
        return Ok(());
    }
    let absent_is_fine = |result: std::io::Result<()>| match result {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    };
    context
        .on_disk(move |twin| {
            volumes.iter().try_for_each(|volume| absent_is_fine(std::fs::remove_file(twin.volume_path(volume))))?;
            instance.iter().try_for_each(|id| absent_is_fine(std::fs::remove_dir_all(twin.instance_folder(id))))
        })
        .await
}

/// Switches an instance's machine off at once.
pub(super) async fn switch_off(context: &Context<'_>, instance: &Instance) {
    if let Some(machine) = &instance.machine
        && let Err(error) = context.twin.machines().kill(machine, context.now).await
    {
        tracing::warn!(instance = instance.id, %error, "the machine could not be switched off");
    }
}

/// Takes up the machines that an earlier process started, and starts those it did not come to start.
///
/// Done once a process; later calls return at once. Without it their metadata service is silent.
///
/// # Errors
///
/// When the state can't be written. A machine that can't be taken up is left to run by itself.
pub async fn adopt(twin: &Arc<Twin>) -> Result<(), ApiError> {
    let adopted = twin.adoption().get_or_try_init(|| async {
        let regions: Vec<Region> = twin.read(|state| state.regions.keys().cloned().collect());
        for region in regions {
            adopt_region(&Context { twin, region: &region, now: twin.clock().now() }).await?;
        }
        Ok(())
    });
    adopted.await.copied()
}

async fn adopt_region(context: &Context<'_>) -> Result<(), ApiError> {
    if matches!(context.twin.machines(), Machines::None) {
        return Ok(());
    }
    let instances: Vec<Instance> = context.look(|_, here| Ok(here.instances.values().cloned().collect()))?;
    for instance in instances {
        match (instance.state, &instance.machine) {
            (InstanceState::Stopped | InstanceState::Terminated, _) | (InstanceState::Stopping | InstanceState::ShuttingDown, None) => {}
            (_, Some(machine)) => {
                let launch = launch_of(context, &instance);
                if let Err(error) = context.twin.machines().adopt(&launch, machine).await {
                    tracing::warn!(instance = instance.id, %error, "the machine could not be taken up again");
                }
            }
            (_, None) => {
                if let Err(error) = start_machine(context, &instance.id).await {
                    tracing::warn!(instance = instance.id, %error, "the machine could not be started");
                    fail_launch(context, &instance.id)?;
                }
            }
        }
    }
    Ok(())
}

fn fail_launch(context: &Context<'_>, id: &str) -> Result<(), ApiError> {
    context.change(|here| {
        if let Some(instance) = here.instances.get_mut(id) {
            instance.state = InstanceState::ShuttingDown;
            instance.settles_at = context.now;
            instance.state_reason = Some(reason("Server.InternalError"));
        }
        Ok(())
    })
}

/// Starts an instance's machine and keeps its handle.
pub(super) async fn start_machine(context: &Context<'_>, id: &str) -> Result<(), ApiError> {
    if matches!(context.twin.machines(), Machines::None) {
        return Ok(());
    }
    let instance = context.look(|_, here| here.instances.get(id).cloned().ok_or_else(|| fault::INSTANCE.not_found(id)))?;
    let launch = launch_of(context, &instance);
    let machine = context.twin.machines().launch(&launch, context.twin.clock().now()).await.map_err(|error| {
        let mut text = format!("Internal error on launch: the twin could not start the machine: {error}");
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        // 400, for trying again by itself would change nothing.
        fault::of("Server.InternalError", error.hint().map_or(text.clone(), |hint| format!("{text} ({hint})")))
    })?;
    keep_machine(context, id, machine).await
}

async fn keep_machine(context: &Context<'_>, id: &str, machine: Value) -> Result<(), ApiError> {
    let kept = context.change(|here| {
        let instance = here.instances.get_mut(id).filter(|i| matches!(i.state, InstanceState::Pending | InstanceState::Running));
        let Some(instance) = instance else { return Ok(false) };
        instance.machine = Some(machine.clone());
        Ok(true)
    });
    if !matches!(kept, Ok(true)) {
        // It was terminated while its machine was being started, or can't be remembered.
        if let Err(error) = context.twin.machines().kill(&machine, context.now).await {
            tracing::warn!(instance = id, %error, "the machine could not be switched off");
        }
    }
    kept.map(|_| ())
}

fn launch_of(context: &Context<'_>, instance: &Instance) -> Launch {
    let kind = InstanceType::find(&instance.instance_type);
    let root = instance.volumes.get(&instance.root_device).map_or("", String::as_str);
    let (twin, region, id) = (Arc::downgrade(context.twin), context.region.clone(), instance.id.clone());
    Launch {
        instance: instance.id.clone(),
        folder: context.twin.instance_folder(&instance.id),
        disk: context.twin.volume_path(root),
        memory_mib: kind.as_ref().map_or(1024, |kind| kind.memory_mib),
        cpus: kind.as_ref().map_or(1, |kind| kind.cpus),
        mac: instance.mac.clone(),
        boot_mode: BootMode::of_image(instance.boot_mode.as_deref()),
        instance_type: instance.instance_type.clone(),
        metadata: Arc::new(move || twin.upgrade()?.read(|state| metadata(state, &region, &id))),
        objects: s3::for_guests(Arc::downgrade(context.twin)),
        clock: context.twin.clock().clone(),
    }
}

fn metadata(state: &State, region: &Region, id: &str) -> Option<Metadata> {
    let instance = state.regions.get(region)?.instances.get(id)?;
    if instance.imds_enabled { Metadata::of(state, region, id) } else { None }
}

/// Returns the boot mode that an instance runs with.
pub(super) fn boot_mode(instance: &Instance) -> &'static str {
    let uefi = instance.architecture == "arm64" || BootMode::of_image(instance.boot_mode.as_deref()) == BootMode::Uefi;
    if uefi { "uefi" } else { "legacy-bios" }
}
