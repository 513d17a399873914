//! Instances stopped, started and terminated.

use std::time::Duration;

use crate::twin::error::ApiError;
use crate::twin::machines::{Machines, Status};
use crate::twin::state::{Instance, InstanceState, RegionState};

use super::context::Context;
use super::fault;
use super::instance_types::InstanceType;
use super::instances::write_state;
use super::lifecycle::{self, reason, switch_off};
use super::params::{Fields, Params};
use super::run::check_vcpus;
use super::snapshots::later;
use super::xml::Xml;

/// How often a machine is looked at that is being shut down for an image.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// An instance before a change, and its state after.
type Changed = (Instance, InstanceState);

/// `StopInstances`: a clean power-down, or with `Force` none.
pub(super) async fn stop(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (ids, force) = params.read(|p| Ok((take_ids(p)?, p.boolean("Force")?.unwrap_or(false))))?;
    let changed = change_each(context, &ids, |instance| match instance.state {
        InstanceState::Running => {
            instance.state = InstanceState::Stopping;
            instance.settles_at = later(context.now, context.delays().stop);
            instance.state_reason = Some(reason("Client.UserInitiatedShutdown"));
            Ok(())
        }
        InstanceState::Stopping | InstanceState::Stopped => Ok(()),
        _ => Err(wrong_state(instance, "stopped")),
    })?;
    for (before, after) in &changed {
        match (force, *after) {
            (true, InstanceState::Stopping) => switch_off(context, before).await,
            (false, InstanceState::Stopping) if before.state == InstanceState::Running => press_power_button(context, before).await,
            _ => {}
        }
    }
    Ok(answer(&changed))
}

/// `StartInstances`.
pub(super) async fn start(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let ids = params.read(take_ids)?;
    context.look(|state, here| {
        let stopped = ids.iter().filter_map(|id| here.instances.get(id)).filter(|instance| instance.state == InstanceState::Stopped);
        let kinds: Vec<InstanceType> = stopped.filter_map(|instance| InstanceType::find(&instance.instance_type)).collect();
        check_vcpus(state, here, &kinds.iter().collect::<Vec<_>>())
    })?;
    let changed = change_each(context, &ids, |instance| match instance.state {
        InstanceState::Stopped => {
            instance.state = InstanceState::Pending;
            instance.settles_at = later(context.now, context.delays().launch);
            instance.launched = context.now;
            instance.state_reason = None;
            instance.machine = None;
            Ok(())
        }
        InstanceState::Pending | InstanceState::Running => Ok(()),
        _ => Err(wrong_state(instance, "started")),
    })?;
    for (before, _) in changed.iter().filter(|(before, _)| before.state == InstanceState::Stopped) {
        if let Err(error) = start_machine(context, &before.id).await {
            change_each(context, std::slice::from_ref(&before.id), |instance| {
                instance.state = InstanceState::Stopped;
                instance.state_reason = Some(reason("Server.InternalError"));
                Ok(())
            })?;
            return Err(error);
        }
    }
    Ok(answer(&changed))
}

/// `TerminateInstances`: volumes go with it where they are said to.
pub(super) async fn terminate(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let ids = params.read(take_ids)?;
    let changed = change_each(context, &ids, |instance| {
        if !matches!(instance.state, InstanceState::ShuttingDown | InstanceState::Terminated) {
            instance.state = InstanceState::ShuttingDown;
            instance.settles_at = later(context.now, context.delays().terminate);
            instance.state_reason = Some(reason("Client.UserInitiatedShutdown"));
        }
        Ok(())
    })?;
    for (before, _) in changed.iter().filter(|(_, after)| *after == InstanceState::ShuttingDown) {
        let keeps = context.look(|_, here| Ok(keeps_a_volume(here, before)))?;
        // Nobody will read a disk that goes; one that stays is to be whole.
        if keeps { press_power_button(context, before).await } else { switch_off(context, before).await }
    }
    Ok(answer(&changed))
}

/// Shuts a running instance's machine down for a reboot; the instance stays `running`, without a machine.
pub(super) async fn shut_down_machine(context: &Context<'_>, instance: &Instance) -> Result<(), ApiError> {
    let Some(machine) = instance.machine.clone().filter(|_| !matches!(context.twin.machines(), Machines::None)) else { return Ok(()) };
    // Without a machine in the state nobody takes the end of this one for the end of the instance.
    change_each(context, std::slice::from_ref(&instance.id), |instance| {
        instance.machine = None;
        Ok(())
    })?;
    press_power_button(context, instance).await;
    let deadline = later(context.now, context.delays().forced_stop);
    let clock = context.twin.clock();
    while context.twin.machines().status(&machine, clock.now()) == Status::Running {
        if clock.now() >= deadline {
            switch_off(context, instance).await;
            break;
        }
        clock.sleep(LOOK_EVERY).await;
    }
    Ok(())
}

pub(super) use lifecycle::start_machine;

async fn press_power_button(context: &Context<'_>, instance: &Instance) {
    if let Some(machine) = &instance.machine
        && let Err(error) = context.twin.machines().power_down(machine, context.now).await
    {
        tracing::warn!(instance = instance.id, %error, "the machine does not take its power button; it is switched off");
        switch_off(context, instance).await;
    }
}

fn take_ids(p: &mut Fields) -> Result<Vec<String>, ApiError> {
    let ids = p.list("InstanceId")?;
    if ids.is_empty() { Err(fault::missing("InstanceId")) } else { Ok(ids) }
}

/// Changes instances, all or none.
fn change_each(
    context: &Context<'_>,
    ids: &[String],
    mut change: impl FnMut(&mut Instance) -> Result<(), ApiError>,
) -> Result<Vec<Changed>, ApiError> {
    fault::INSTANCE.check_all(ids)?;
    context.change(|here| {
        let known = here.instances.keys().map(String::as_str);
        super::filters::require_all(ids, known, |missing| fault::INSTANCE.not_found(missing))?;
        let mut changed = Vec::new();
        for id in ids {
            let instance = here.instances.get_mut(id).ok_or_else(|| fault::INSTANCE.not_found(id))?;
            let before = instance.clone();
            change(instance)?;
            changed.push((before, instance.state));
        }
        Ok(changed)
    })
}

fn keeps_a_volume(here: &RegionState, instance: &Instance) -> bool {
    let attachments = instance.volumes.values().filter_map(|volume| here.volumes.get(volume)?.attachment.as_ref());
    attachments.into_iter().any(|attachment| !attachment.delete_on_termination)
}

fn wrong_state(instance: &Instance, what: &str) -> ApiError {
    fault::of("IncorrectInstanceState", format!("The instance '{}' is not in a state from which it can be {what}.", instance.id))
}

fn answer(changed: &[Changed]) -> Xml {
    let mut xml = Xml::new();
    xml.list("instancesSet", changed, |xml, (before, after)| {
        xml.text("instanceId", &before.id);
        write_state(xml, "currentState", *after);
        write_state(xml, "previousState", before.state);
    });
    xml
}
