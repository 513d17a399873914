//! From a call to its answer: which operation, and EC2's form of answers and refusals.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use crate::twin::error::{ApiError, Form};
use crate::twin::rates::Bar;
use crate::twin::{Call, Reply, Twin};

use super::context::Context;
use super::params::Params;
use super::xml::Xml;
use super::{
    addresses, console, copies, create_image, fault, groups, image_attributes, images, instance_status, instance_types, instances,
    key_pairs, lifecycle, power, public_access, regions, register, rules, run, snapshot_attributes, snapshots, tags, volumes, zones,
};

/// Answers a call to EC2, its refusals included.
pub async fn handle(twin: &Arc<Twin>, call: &Call) -> Reply {
    match answer(twin, call).await {
        Ok((action, xml)) => {
            let mut reply = Reply::new(Bytes::from(xml.into_response(action, call.request_id())));
            reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml;charset=UTF-8"));
            reply
        }
        Err(error) => error.into_reply(Form::Ec2, call.request_id()),
    }
}

async fn answer(twin: &Arc<Twin>, call: &Call) -> Result<(&'static str, Xml), ApiError> {
    let form = match call.method {
        http::Method::GET => call.uri.query().unwrap_or("").as_bytes(),
        _ => &call.body,
    };
    let params = Params::parse(form)?;
    let action = params.operation().name;
    twin.gate(&call.region, "ec2", params.operation(), params.weight()).map_err(barred)?;
    params.check_names()?;
    let context = Context { twin, region: &call.region, now: twin.clock().now() };
    regions::ensure(&context)?;
    lifecycle::settle(&context).await?;
    refuse_unseen(&context, &params)?;
    let xml = dispatch(&context, params).await?;
    addresses::refresh(&context).await?;
    Ok((action, xml))
}

fn barred(bar: Bar) -> ApiError {
    match bar {
        Bar::Denied => ApiError::new(403, "UnauthorizedOperation", "You are not authorized to perform this operation."),
        Bar::Throttled => ApiError::new(503, "RequestLimitExceeded", "Request limit exceeded."),
    }
}

/// Refuses a request that names what is not seen yet, as if it were not there. The Region doesn't matter: ids are unique.
fn refuse_unseen(context: &Context<'_>, params: &Params) -> Result<(), ApiError> {
    let unseen = |id: &&str| context.twin.read(|state| state.regions.values().any(|region| region.is_unseen(id, context.now)));
    match params.named().find(unseen).and_then(|id| fault::Kind::of(id).map(|kind| kind.not_found(id))) {
        Some(refusal) => Err(refusal),
        None => Ok(()),
    }
}

async fn dispatch(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    match params.operation().name {
        "AuthorizeSecurityGroupEgress" => rules::authorize(context, params, rules::Way::Out),
        "AuthorizeSecurityGroupIngress" => rules::authorize(context, params, rules::Way::In),
        "CopyImage" => copies::image(context, params).await,
        "CopySnapshot" => copies::snapshot(context, params).await,
        "CreateImage" => create_image::create(context, params).await,
        "CreateKeyPair" => key_pairs::create(context, params),
        "CreateSecurityGroup" => groups::create(context, params),
        "CreateSnapshot" => snapshots::create(context, params).await,
        "CreateTags" => tags::create(context, params),
        "DeleteKeyPair" => key_pairs::delete(context, params),
        "DeleteSecurityGroup" => groups::delete(context, params),
        "DeleteSnapshot" => snapshots::delete(context, params).await,
        "DeleteTags" => tags::delete(context, params),
        "DeleteVolume" => volumes::delete(context, params).await,
        "DeregisterImage" => register::deregister(context, params).await,
        "DescribeAvailabilityZones" => zones::describe(context, params),
        "DescribeImageAttribute" => image_attributes::describe(context, params),
        "DescribeImages" => images::describe(context, params),
        "DescribeInstanceStatus" => instance_status::describe(context, params),
        "DescribeInstanceTypes" => instance_types::describe(context, params),
        "DescribeInstances" => instances::describe(context, params),
        "DescribeKeyPairs" => key_pairs::describe(context, params),
        "DescribeRegions" => regions::describe(context, params),
        "DescribeSecurityGroupRules" => rules::describe(context, params),
        "DescribeSecurityGroups" => groups::describe(context, params),
        "DescribeSnapshotAttribute" => snapshot_attributes::describe(context, params),
        "DescribeSnapshots" => snapshots::describe(context, params),
        "DescribeSubnets" => zones::subnets(context, params),
        "DescribeTags" => tags::describe(context, params),
        "DescribeVolumes" => volumes::describe(context, params),
        "DescribeVpcs" => zones::vpcs(context, params),
        "DisableImageBlockPublicAccess" => public_access::set_images(context, params, false),
        "DisableSnapshotBlockPublicAccess" => public_access::set_snapshots(context, params, false),
        "DisableEbsEncryptionByDefault" => regions::set_encryption(context, params, false),
        "EnableImageBlockPublicAccess" => public_access::set_images(context, params, true),
        "EnableSnapshotBlockPublicAccess" => public_access::set_snapshots(context, params, true),
        "EnableEbsEncryptionByDefault" => regions::set_encryption(context, params, true),
        "GetConsoleOutput" => console::output(context, params).await,
        "GetImageBlockPublicAccessState" => public_access::images(context, params),
        "GetSnapshotBlockPublicAccessState" => public_access::snapshots(context, params),
        "GetEbsEncryptionByDefault" => regions::get_encryption(context, params),
        "ImportKeyPair" => key_pairs::import(context, params),
        "ModifyImageAttribute" => image_attributes::modify(context, params),
        "ModifySnapshotAttribute" => snapshot_attributes::modify(context, params),
        "RegisterImage" => register::register(context, params),
        "ResetImageAttribute" => image_attributes::reset(context, params),
        "RevokeSecurityGroupEgress" => rules::revoke(context, params, rules::Way::Out),
        "RevokeSecurityGroupIngress" => rules::revoke(context, params, rules::Way::In),
        "RunInstances" => run::run(context, params).await,
        "StartInstances" => power::start(context, params).await,
        "StopInstances" => power::stop(context, params).await,
        "TerminateInstances" => power::terminate(context, params).await,
        action => Err(ApiError::new(500, "InternalError", format!("the twin's row of {action} leads nowhere"))),
    }
}

/// Makes a UUID's text of the digest of some parts.
pub(super) fn uuid(parts: &[&[u8]]) -> String {
    let hex = crate::model::digest::Digest::of_parts(parts.iter().copied()).to_hex();
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

#[cfg(test)]
mod tests;
