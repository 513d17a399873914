//! Looking at the account: what is switched on, what is allowed, how much there may be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use aws_sdk_ec2::types as sdk;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::ec2::filter;
use super::session::Reader;
use super::{CloudError, error};
use crate::model::ids::{ImageId, Region, SubnetId};

/// A role as IAM tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleDescription {
    /// Its ARN, path and all.
    pub arn: String,
    /// Services that may take it on.
    pub trusts: BTreeSet<String>,
    /// ARNs of the managed policies attached.
    pub policies: BTreeSet<String>,
}

/// What IAM says of actions: allowed or not, by action.
pub type Decisions = BTreeMap<String, bool>;

impl Reader {
    /// Asks STS for the time, as its answer's `Date` tells it.
    ///
    /// # Errors
    ///
    /// [`CloudError`], for instance when this machine's clock is so wrong that AWS refuses.
    pub async fn server_time(&self) -> Result<Option<Timestamp>, CloudError> {
        let region = Region::marketplace();
        let date = DateOf::default();
        let request = self.sts().get_caller_identity().customize().interceptor(date.clone());
        let answer = request.send().await;
        // A refusal has a date too.
        let seen = date.0.lock().unwrap_or_else(|e| e.into_inner()).as_deref().and_then(|text| rfc2822::parse(text).ok());
        match (seen, answer) {
            (Some(seen), _) => Ok(Some(seen.timestamp())),
            (None, answer) => answer.map(|_| None).map_err(error::of("GetCallerIdentity", &region)),
        }
    }

    /// Lists the Regions there are, each with its opt-in status: `opt-in-not-required`, `opted-in`, `not-opted-in`.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn regions(&self) -> Result<BTreeMap<Region, String>, CloudError> {
        let region = Region::marketplace();
        let clients = self.clients(&region);
        let answer = clients.ec2.describe_regions().all_regions(true).send().await.map_err(error::of("DescribeRegions", &region))?;
        let regions = answer.regions().iter().filter_map(|r| Some((r.region_name()?.parse().ok()?, r.opt_in_status()?.to_owned())));
        Ok(regions.collect())
    }

    /// Says how far a Region keeps images from being made public, in EC2's words: `block-new-sharing`, `unblocked`.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn public_image_block(&self, region: &Region) -> Result<String, CloudError> {
        let clients = self.clients(region);
        let answer = clients.ec2.get_image_block_public_access_state().send().await;
        let answer = answer.map_err(error::of("GetImageBlockPublicAccessState", region))?;
        Ok(answer.image_block_public_access_state().unwrap_or_default().to_owned())
    }

    /// Says how far a Region keeps snapshots from being made public: `block-all-sharing`, `block-new-sharing`, `unblocked`.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn public_snapshot_block(&self, region: &Region) -> Result<String, CloudError> {
        let clients = self.clients(region);
        let answer = clients.ec2.get_snapshot_block_public_access_state().send().await;
        let answer = answer.map_err(error::of("GetSnapshotBlockPublicAccessState", region))?;
        Ok(answer.state().map(|state| state.as_str().to_owned()).unwrap_or_default())
    }

    /// Counts the subnets that an instance can be started in: the one given, or the default ones.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn subnets(&self, region: &Region, subnet: Option<&SubnetId>) -> Result<usize, CloudError> {
        let clients = self.clients(region);
        let request = clients.ec2.describe_subnets();
        let request = match subnet {
            Some(subnet) => request.subnet_ids(subnet.as_str()),
            None => request.filters(filter("default-for-az", "true")),
        };
        match request.send().await.map_err(error::of("DescribeSubnets", region)) {
            Ok(answer) => Ok(answer.subnets().len()),
            Err(e) if e.is("InvalidSubnetID.NotFound") => Ok(0),
            Err(e) => Err(e),
        }
    }

    /// Counts the account's own images in a Region.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn own_images(&self, region: &Region) -> Result<usize, CloudError> {
        let mut pages = self.clients(region).ec2.describe_images().owners("self").into_paginator().send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            count += page.map_err(error::of("DescribeImages", region))?.images().len();
        }
        Ok(count)
    }

    /// Asks EC2 whether the caller may start an instance, without starting one.
    ///
    /// # Errors
    ///
    /// [`CloudError`]; `UnauthorizedOperation` when the caller may not.
    pub async fn may_run_instance(
        &self,
        region: &Region,
        image: &ImageId,
        instance_type: &str,
        subnet: Option<&SubnetId>,
    ) -> Result<(), CloudError> {
        let request = self
            .clients(region)
            .ec2
            .run_instances()
            .dry_run(true)
            .min_count(1)
            .max_count(1)
            .image_id(image.as_str())
            .instance_type(sdk::InstanceType::from(instance_type))
            .set_subnet_id(subnet.map(|s| s.as_str().to_owned()));
        unless_dry(request.send().await.map_err(error::of("RunInstances", region)))
    }

    /// Asks EC2 whether the caller may make a security group, without making one.
    ///
    /// # Errors
    ///
    /// [`CloudError`]; `UnauthorizedOperation` when the caller may not.
    pub async fn may_create_security_group(&self, region: &Region) -> Result<(), CloudError> {
        let request =
            self.clients(region).ec2.create_security_group().dry_run(true).group_name("bakehouse-doctor").description("never made");
        unless_dry(request.send().await.map_err(error::of("CreateSecurityGroup", region)))
    }

    /// Reads what an account may have of something in a Region; `None` where Service Quotas doesn't know it.
    ///
    /// # Errors
    ///
    /// [`CloudError`].
    pub async fn quota(&self, region: &Region, service: &str, code: &str) -> Result<Option<f64>, CloudError> {
        let answer = self.quotas(region).get_service_quota().service_code(service).quota_code(code).send().await;
        match answer.map_err(error::of("GetServiceQuota", region)) {
            Ok(answer) => Ok(answer.quota().and_then(|quota| quota.value())),
            Err(e) if e.is("NoSuchResourceException") => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Reads a role; `None` when there is none of that name.
    ///
    /// # Errors
    ///
    /// [`CloudError`]; a trust policy that is no JSON is an `UnexpectedAnswer`.
    pub async fn role(&self, name: &str) -> Result<Option<RoleDescription>, CloudError> {
        let region = Region::marketplace();
        let answer = match self.iam().get_role().role_name(name).send().await.map_err(error::of("GetRole", &region)) {
            Ok(answer) => answer,
            Err(e) if e.is("NoSuchEntity") => return Ok(None),
            Err(e) => return Err(e),
        };
        let incomplete = |what: &str| CloudError::incomplete("GetRole", &region, what);
        let role = answer.role().ok_or_else(|| incomplete("the answer names no role"))?;
        let trusts =
            trusted(role.assume_role_policy_document().unwrap_or_default()).ok_or_else(|| incomplete("the trust policy is no JSON"))?;
        let attached = self.iam().list_attached_role_policies().role_name(name).send().await;
        let attached = attached.map_err(error::of("ListAttachedRolePolicies", &region))?;
        let policies = attached.attached_policies().iter().filter_map(|policy| policy.policy_arn().map(str::to_owned));
        Ok(Some(RoleDescription { arn: role.arn().to_owned(), trusts, policies: policies.collect() }))
    }

    /// Asks IAM whether a principal may do things to a resource, under conditions given as keys and values.
    ///
    /// # Errors
    ///
    /// [`CloudError`]; `AccessDenied` when the caller may not ask.
    pub async fn simulate(
        &self,
        principal: &str,
        actions: &BTreeSet<String>,
        resource: &str,
        conditions: &BTreeMap<String, String>,
    ) -> Result<Decisions, CloudError> {
        use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};
        let region = Region::marketplace();
        let mut request = self.iam().simulate_principal_policy().policy_source_arn(principal).resource_arns(resource);
        for action in actions {
            request = request.action_names(action);
        }
        for (key, value) in conditions {
            let entry =
                ContextEntry::builder().context_key_name(key).context_key_type(ContextKeyTypeEnum::String).context_key_values(value);
            request = request.context_entries(entry.build());
        }
        let answer = request.send().await.map_err(error::of("SimulatePrincipalPolicy", &region))?;
        let decisions = answer.evaluation_results().iter();
        Ok(decisions.map(|r| (r.eval_action_name().to_owned(), *r.eval_decision() == PolicyEvaluationDecisionType::Allowed)).collect())
    }
}

/// A dry run that would have succeeded is told as an error.
fn unless_dry<T>(answer: Result<T, CloudError>) -> Result<(), CloudError> {
    match answer {
        Err(e) if !e.is("DryRunOperation") => Err(e),
        _ => Ok(()),
    }
}

/// Reads the services that a trust policy lets in; it comes encoded as in an address.
fn trusted(document: &str) -> Option<BTreeSet<String>> {
    let (decoded, _) = form_urlencoded::parse(document.as_bytes()).next()?;
    let document: serde_json::Value = serde_json::from_str(&decoded).ok()?;
    let mut trusts = BTreeSet::new();
    for statement in listed(&document["Statement"]) {
        let assumes = listed(&statement["Action"]).iter().any(|action| *action == "sts:AssumeRole" || *action == "sts:*" || *action == "*");
        if statement["Effect"] == "Allow" && assumes {
            trusts.extend(listed(&statement["Principal"]["Service"]).iter().filter_map(|s| s.as_str().map(str::to_owned)));
        }
    }
    Some(trusts)
}

/// IAM writes a list of one as the one.
fn listed(value: &serde_json::Value) -> Vec<&serde_json::Value> {
    match value {
        serde_json::Value::Null => Vec::new(),
        serde_json::Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

/// Remembers the `Date` of the last answer.
#[derive(Debug, Clone, Default)]
struct DateOf(Arc<Mutex<Option<String>>>);

impl Intercept for DateOf {
    fn name(&self) -> &'static str {
        "DateOf"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date") {
            *self.0.lock().unwrap_or_else(|e| e.into_inner()) = Some(date.to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_policies_are_read_in_all_their_forms() {
        let one = r#"{"Statement":{"Effect":"Allow","Principal":{"Service":"a.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
        let many = r#"{"Statement":[{"Effect":"Allow","Principal":{"Service":["a.amazonaws.com"]},"Action":["sts:AssumeRole"]},
            {"Effect":"Deny","Principal":{"Service":"b.amazonaws.com"},"Action":"sts:AssumeRole"},
            {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::1:root"},"Action":"sts:AssumeRole"}]}"#;
        for document in [one, many] {
            let encoded: String = form_urlencoded::byte_serialize(document.as_bytes()).collect();
            assert_eq!(trusted(&encoded), Some(BTreeSet::from(["a.amazonaws.com".to_owned()])), "{document}");
        }
        assert_eq!(trusted("%"), None);
        assert_eq!(trusted(""), None);
    }
}
