//! From a call to its answer: which operation, and EC2's form of answers and refusals.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use crate::twin::error::{ApiError, Form};
use crate::twin::{Call, Reply, Twin};

use super::context::Context;
use super::params::Params;
use super::xml::Xml;
use super::{
    addresses, console, copies, create_image, fault, groups, image_attributes, images, instance_status, instance_types, instances,
    key_pairs, lifecycle, power, regions, register, rules, run, snapshot_attributes, snapshots, tags, volumes, zones,
};

/// Answers a call to EC2, its refusals included.
pub async fn handle(twin: &Arc<Twin>, call: &Call) -> Reply {
    match answer(twin, call).await {
        Ok((action, xml)) => {
            let mut reply = Reply::new(Bytes::from(xml.into_response(&action, call.request_id())));
            reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml;charset=UTF-8"));
            reply
        }
        Err(error) => error.into_reply(Form::Ec2, call.request_id()),
    }
}

async fn answer(twin: &Arc<Twin>, call: &Call) -> Result<(String, Xml), ApiError> {
    let form = match call.method {
        http::Method::GET => call.uri.query().unwrap_or("").as_bytes(),
        _ => &call.body,
    };
    let params = Params::parse(form)?;
    let action = params.action().to_owned();
    let context = Context { twin, region: &call.region, now: twin.clock().now() };
    regions::ensure(&context)?;
    lifecycle::settle(&context).await?;
    let xml = dispatch(&context, params).await?;
    addresses::refresh(&context).await?;
    Ok((action, xml))
}

async fn dispatch(context: &Context<'_>, params: Params) -> Result<Xml, ApiError> {
    match params.action() {
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
        "DisableEbsEncryptionByDefault" => regions::set_encryption(context, params, false),
        "EnableEbsEncryptionByDefault" => regions::set_encryption(context, params, true),
        "GetConsoleOutput" => console::output(context, params).await,
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
        action => {
            Err(fault::of("InvalidAction", format!("The action {action} is not valid for this web service: the twin does not have it.")))
        }
    }
}

/// Makes a UUID's text of the digest of some parts.
pub(super) fn uuid(parts: &[&[u8]]) -> String {
    let hex = crate::model::digest::Digest::of_parts(parts.iter().copied()).to_hex();
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

#[cfg(test)]
mod tests {
    use crate::twin::ec2::testing::Bench;

    #[tokio::test]
    async fn every_operation_refuses_a_parameter_that_it_does_not_have() {
        let bench = Bench::new();
        let source = include_str!("service.rs");
        let dispatch = source.split_once("async fn dispatch").unwrap().1.split_once("action => Err").unwrap().0;
        let actions: Vec<&str> = dispatch.lines().filter_map(|l| l.trim().strip_prefix('"')?.split_once("\" =>")).map(|(a, _)| a).collect();
        assert!(actions.len() > 35, "{actions:?}");
        for action in actions {
            let refusal = bench.refused(action, &[("NoSuchThing", "1")]).await;
            assert!(["UnsupportedOperation", "MissingParameter"].contains(&refusal.0.as_str()), "{action}: {refusal:?}");
        }
    }

    #[tokio::test]
    async fn unknown_actions_are_refused() {
        assert_eq!(Bench::new().refused("LaunchRocket", &[]).await.0, "InvalidAction");
    }
}
