//! `GetConsoleOutput`: the end of an instance's serial console.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::twin::error::ApiError;
use crate::twin::state::InstanceState;

use super::context::Context;
use super::fault;
use super::instance_types::InstanceType;
use super::params::Params;
use super::snapshots::later;
use super::xml::Xml;

/// `GetConsoleOutput`: live with `Latest`; else what EC2 has posted, which lags behind a running instance.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html>
pub(super) async fn output(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (id, latest) = params.read(|p| Ok((p.required("InstanceId")?, p.boolean("Latest")?.unwrap_or(false))))?;
    fault::INSTANCE.check(&id)?;
    let instance = context.look(|_, here| here.instances.get(&id).cloned().ok_or_else(|| fault::INSTANCE.not_found(&id)))?;
    if latest && !InstanceType::find(&instance.instance_type).is_some_and(|kind| kind.is_nitro()) {
        return Err(fault::unsupported("This instance type does not support retrieving the latest console logs."));
    }
    let live = matches!(instance.state, InstanceState::Pending | InstanceState::Running);
    let posted = !live || later(instance.launched, context.delays().console) <= context.now;
    let bytes = match instance.machine {
        Some(machine) if latest || posted => {
            let now = context.now;
            context.on_disk(move |twin| twin.machines().console(&machine, now)).await?
        }
        _ => Vec::new(),
    };
    let mut xml = Xml::new();
    xml.text("instanceId", id).time("timestamp", context.now);
    xml.optional("output", Some(STANDARD.encode(bytes)).filter(|output| !output.is_empty()));
    Ok(xml)
}
