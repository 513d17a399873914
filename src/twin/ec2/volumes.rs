//! Volumes: they come with instances, and go with them or by themselves.

use crate::twin::error::ApiError;
use crate::twin::state::{RegionState, Volume};

use super::context::Context;
use super::fault;
use super::filters::{Filters, Page, require_all};
use super::params::Params;
use super::tags;
use super::xml::{Xml, format_time};

/// `DescribeVolumes`.
pub(super) fn describe(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let (ids, filters, page) = params.read(|p| {
        let ids = p.list("VolumeId")?;
        let page = Page::take(p, &ids)?;
        Ok((ids, Filters::take(p)?, page))
    })?;
    fault::VOLUME.check_all(&ids)?;
    context.view(|_, here| {
        require_all(&ids, here.volumes.keys().map(String::as_str), |id| fault::VOLUME.not_found(id))?;
        let matching = here.volumes.values().filter(|volume| {
            (ids.is_empty() || ids.contains(&volume.id)) && filters.pass(&volume.tags, |name| filter_values(volume, name))
        });
        let (found, token) = page.cut(matching, |volume| volume.id.as_str());
        let mut xml = Xml::new();
        xml.list("volumeSet", found, |xml, volume| write(xml, volume, here));
        xml.optional("nextToken", token);
        Ok(xml)
    })
}

/// `DeleteVolume`: an attached one stays.
pub(super) async fn delete(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    let id = params.read(|p| p.required("VolumeId"))?;
    fault::VOLUME.check(&id)?;
    context.change(|here| {
        let volume = here.volumes.get(&id).ok_or_else(|| fault::VOLUME.not_found(&id))?;
        if let Some(attachment) = &volume.attachment {
            return Err(fault::of("VolumeInUse", format!("Volume {id} is currently attached to {}", attachment.instance)));
        }
        here.volumes.remove(&id);
        Ok(())
    })?;
    super::lifecycle::remove_files(context, vec![id], None).await?;
    Ok(tags::done())
}

fn filter_values(volume: &Volume, name: &str) -> Vec<String> {
    let attached = |value: fn(&crate::twin::state::Attachment) -> String| volume.attachment.iter().map(value).collect();
    match name {
        "attachment.delete-on-termination" => attached(|a| a.delete_on_termination.to_string()),
        "attachment.device" => attached(|a| a.device.clone()),
        "attachment.instance-id" => attached(|a| a.instance.clone()),
        "attachment.status" => attached(|_| "attached".to_owned()),
        "availability-zone" => vec![volume.zone.clone()],
        "create-time" => vec![format_time(volume.created)],
        "encrypted" => vec![volume.encrypted.to_string()],
        "size" => vec![volume.size_gib.to_string()],
        "snapshot-id" => volume.snapshot.iter().cloned().collect(),
        "status" => vec![status(volume).to_owned()],
        "volume-id" => vec![volume.id.clone()],
        "volume-type" => vec![volume.volume_type.clone()],
        _ => vec![],
    }
}

fn status(volume: &Volume) -> &'static str {
    if volume.attachment.is_some() { "in-use" } else { "available" }
}

fn write(xml: &mut Xml, volume: &Volume, here: &RegionState) {
    xml.text("volumeId", &volume.id).text("size", volume.size_gib).optional("snapshotId", volume.snapshot.as_deref());
    xml.text("availabilityZone", &volume.zone).text("status", status(volume)).time("createTime", volume.created);
    xml.text("volumeType", &volume.volume_type).text("encrypted", volume.encrypted).optional("kmsKeyId", volume.kms_key.as_deref());
    if volume.volume_type == "gp3" {
        // What every gp3 volume has without paying for more.
        xml.text("iops", 3000).text("throughput", 125);
    }
    xml.text("multiAttachEnabled", false);
    xml.list("attachmentSet", &volume.attachment, |xml, attachment| {
        let since = here.instances.get(&attachment.instance).map_or(volume.created, |instance| instance.launched);
        xml.text("volumeId", &volume.id).text("instanceId", &attachment.instance).text("device", &attachment.device);
        xml.text("status", "attached").time("attachTime", since).text("deleteOnTermination", attachment.delete_on_termination);
    });
    tags::write(xml, &volume.tags);
}
