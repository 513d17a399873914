//! IAM as far as it is looked at before a release: roles, and what the caller may do.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>

use std::collections::BTreeSet;
use std::sync::Arc;

use super::error::{ApiError, Form};
use super::query::{Elements, Query, invalid};
use super::rates::Rate;
use super::state::{Role, State};
use super::table::Row;
use super::{CALLER, Call, Reply, Twin};

/// The namespace of IAM's XML.
pub(super) const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

const VERSION: &str = "2010-05-08";

/// The operations. AWS publishes no rates for them.
pub(super) static OPERATIONS: &[Row] = &[
    Row::new("AttachRolePolicy", Rate::UNLIMITED).takes("PolicyArn RoleName").errors("NoSuchEntity"),
    Row::new("CreateRole", Rate::UNLIMITED)
        .takes("AssumeRolePolicyDocument Description Path RoleName")
        .refuses("MaxSessionDuration PermissionsBoundary Tags")
        .errors("EntityAlreadyExists MalformedPolicyDocument"),
    Row::new("DeleteRole", Rate::UNLIMITED).takes("RoleName").errors("DeleteConflict NoSuchEntity"),
    Row::new("DetachRolePolicy", Rate::UNLIMITED).takes("PolicyArn RoleName").errors("NoSuchEntity"),
    Row::new("GetRole", Rate::UNLIMITED).takes("RoleName").errors("NoSuchEntity"),
    Row::new("GetUser", Rate::UNLIMITED).takes("UserName").errors("NoSuchEntity"),
    Row::new("ListAttachedRolePolicies", Rate::UNLIMITED).takes("RoleName").refuses("Marker MaxItems PathPrefix").errors("NoSuchEntity"),
    Row::new("SimulatePrincipalPolicy", Rate::UNLIMITED)
        .takes(
            "ActionNames.member.N ContextEntries.member.N.ContextKeyName ContextEntries.member.N.ContextKeyType \
             ContextEntries.member.N.ContextKeyValues.member.N PolicySourceArn ResourceArns.member.N",
        )
        .refuses("CallerArn Marker MaxItems PermissionsBoundaryPolicyInputList PolicyInputList ResourceHandlingOption ResourceOwner ResourcePolicy")
        .errors("InvalidInput NoSuchEntity"),
];

/// Codes that every operation refuses with.
pub(super) const COMMON_ERRORS: &str = "AccessDenied InternalError InvalidAction ValidationError";

/// Answers a request to IAM.
pub(super) async fn handle(twin: &Arc<Twin>, call: &Call) -> Reply {
    answer(twin, call).unwrap_or_else(|error| error.into_reply(Form::Query(NAMESPACE), call.request_id()))
}

fn answer(twin: &Twin, call: &Call) -> Result<Reply, ApiError> {
    let mut query = Query::of(call, VERSION)?;
    let action = query.action().to_owned();
    let elements = match action.as_str() {
        "AttachRolePolicy" => attach(twin, &mut query, true)?,
        "CreateRole" => create_role(twin, &mut query)?,
        "DeleteRole" => delete_role(twin, &mut query)?,
        "DetachRolePolicy" => attach(twin, &mut query, false)?,
        "GetRole" => get_role(twin, &mut query)?,
        "GetUser" => get_user(twin, &mut query)?,
        "ListAttachedRolePolicies" => attached(twin, &mut query)?,
        "SimulatePrincipalPolicy" => simulate(twin, &mut query)?,
        _ => return Err(query.unknown(VERSION)),
    };
    Ok(elements.into_reply(&action, NAMESPACE, call.request_id()))
}

fn get_role(twin: &Twin, query: &mut Query) -> Result<Elements, ApiError> {
    let name = query.required("RoleName")?;
    query.finish()?;
    twin.read(|state| {
        let (arn, role) = find(state, &name)?;
        let mut xml = Elements::default();
        write(&mut xml, arn, role);
        Ok(xml)
    })
}

fn create_role(twin: &Twin, query: &mut Query) -> Result<Elements, ApiError> {
    let name = query.required("RoleName")?;
    let document = query.required("AssumeRolePolicyDocument")?;
    let path = query.text("Path").unwrap_or_else(|| "/".to_owned());
    query.text("Description");
    query.finish()?;
    if !(path.starts_with('/') && path.ends_with('/'))
        || name.len() > 64
        || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c))
    {
        return Err(invalid("The specified value for roleName or path is invalid."));
    }
    let trusts = trusted(&document)?;
    twin.change(|state| {
        if find(state, &name).is_ok() {
            return Err(ApiError::new(409, "EntityAlreadyExists", format!("Role with name {name} already exists.")));
        }
        let arn = format!("arn:aws:iam::{}:role{path}{name}", state.account);
        let role = Role { trusts, policies: BTreeSet::new() };
        let mut xml = Elements::default();
        write(&mut xml, &arn, &role);
        state.roles.insert(arn, role);
        Ok(xml)
    })
}

fn delete_role(twin: &Twin, query: &mut Query) -> Result<Elements, ApiError> {
    let name = query.required("RoleName")?;
    query.finish()?;
    twin.change(|state| {
        let (arn, role) = find(state, &name)?;
        if !role.policies.is_empty() {
            return Err(ApiError::new(409, "DeleteConflict", "Cannot delete entity, must detach all policies first."));
        }
        let arn = arn.clone();
        state.roles.remove(&arn);
        Ok(Elements::default())
    })
}

fn attach(twin: &Twin, query: &mut Query, attach: bool) -> Result<Elements, ApiError> {
    let (name, policy) = (query.required("RoleName")?, query.required("PolicyArn")?);
    query.finish()?;
    if !policy.starts_with("arn:aws:iam::aws:policy/") {
        return Err(ApiError::new(404, "NoSuchEntity", format!("Policy {policy} does not exist or is not attachable.")));
    }
    twin.change(|state| {
        let arn = find(state, &name)?.0.clone();
        let role = state.roles.get_mut(&arn).ok_or_else(|| no_role(&name))?;
        if attach {
            role.policies.insert(policy);
        } else if !role.policies.remove(&policy) {
            return Err(ApiError::new(404, "NoSuchEntity", format!("Policy {policy} was not found.")));
        }
        Ok(Elements::default())
    })
}

fn attached(twin: &Twin, query: &mut Query) -> Result<Elements, ApiError> {
    let name = query.required("RoleName")?;
    query.finish()?;
    twin.read(|state| {
        let (_, role) = find(state, &name)?;
        let mut xml = Elements::default();
        xml.within("AttachedPolicies", |xml| {
            for policy in &role.policies {
                let name = policy.rsplit('/').next().unwrap_or_default();
                xml.within("member", |xml| {
                    xml.text("PolicyName", name).text("PolicyArn", policy);
                });
            }
        });
        xml.text("IsTruncated", "false");
        Ok(xml)
    })
}

fn get_user(twin: &Twin, query: &mut Query) -> Result<Elements, ApiError> {
    let name = query.text("UserName");
    query.finish()?;
    let own = CALLER.trim_start_matches("user/");
    if let Some(other) = name.filter(|name| name != own) {
        return Err(ApiError::new(404, "NoSuchEntity", format!("The user with name {other} cannot be found.")));
    }
    let mut xml = Elements::default();
    xml.within("User", |xml| {
        xml.text("Path", "/").text("UserName", own).text("UserId", &format!("AIDA{}", twin.account()));
        xml.text("Arn", &format!("arn:aws:iam::{}:{CALLER}", twin.account())).text("CreateDate", CREATED);
    });
    Ok(xml)
}

/// The caller may do everything but what the state denies; roles may do what no policy here allows: nothing.
fn simulate(twin: &Twin, query: &mut Query) -> Result<Elements, ApiError> {
    let source = query.required("PolicySourceArn")?;
    let actions = query.list("ActionNames");
    let mut resources = query.list("ResourceArns");
    let mut number = 1;
    while let Some(name) = query.text(&format!("ContextEntries.member.{number}.ContextKeyName")) {
        let start = format!("ContextEntries.member.{number}");
        if query.text(&format!("{start}.ContextKeyType")).is_none() || query.list(&format!("{start}.ContextKeyValues")).is_empty() {
            return Err(ApiError::new(400, "InvalidInput", format!("The context key {name} has no type or no value")));
        }
        number += 1;
    }
    query.finish()?;
    if actions.is_empty() {
        return Err(invalid(
            "1 validation error detected: Value null at 'actionNames' failed to satisfy constraint: Member must not be null",
        ));
    }
    if let Some(odd) = actions.iter().find(|action| !action.contains(':')) {
        return Err(ApiError::new(400, "InvalidInput", format!("Invalid Action: {odd}")));
    }
    if resources.is_empty() {
        resources.push("*".to_owned());
    }
    let denied: BTreeSet<&String> = actions.iter().filter(|action| twin.is_denied(action)).collect();
    twin.read(|state| {
        let caller = format!("arn:aws:iam::{}:{CALLER}", state.account);
        if source != caller && !state.roles.contains_key(&source) {
            return Err(ApiError::new(404, "NoSuchEntity", format!("The principal {source} cannot be found.")));
        }
        let mut xml = Elements::default();
        xml.within("EvaluationResults", |xml| {
            for (action, resource) in actions.iter().flat_map(|action| resources.iter().map(move |resource| (action, resource))) {
                let decision = match (source == caller, denied.contains(action)) {
                    (true, false) => "allowed",
                    (true, true) => "explicitDeny",
                    (false, _) => "implicitDeny",
                };
                xml.within("member", |xml| {
                    xml.text("EvalActionName", action).text("EvalResourceName", resource).text("EvalDecision", decision);
                });
            }
        });
        xml.text("IsTruncated", "false");
        Ok(xml)
    })
}

/// When the account's own things were made, as far as IAM tells: the twin doesn't remember.
const CREATED: &str = "2026-01-01T00:00:00Z";

fn write(xml: &mut Elements, arn: &str, role: &Role) {
    let (path, name) = path_and_name(arn);
    let (services, accounts): (Vec<&String>, Vec<&String>) = role.trusts.iter().partition(|who| !who.starts_with("arn:"));
    let document = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": services, "AWS": accounts }, "Action": "sts:AssumeRole" }],
    });
    let encoded: String = form_urlencoded::byte_serialize(document.to_string().as_bytes()).collect();
    xml.within("Role", |xml| {
        xml.text("Path", path).text("RoleName", name).text("RoleId", "AROATWIN00000000TWIN").text("Arn", arn);
        xml.text("CreateDate", CREATED).text("AssumeRolePolicyDocument", &encoded).text("MaxSessionDuration", "3600");
    });
}

fn find<'s>(state: &'s State, name: &str) -> Result<(&'s String, &'s Role), ApiError> {
    state.roles.iter().find(|(arn, _)| path_and_name(arn).1 == name).ok_or_else(|| no_role(name))
}

fn no_role(name: &str) -> ApiError {
    ApiError::new(404, "NoSuchEntity", format!("The role with name {name} cannot be found."))
}

/// Splits `arn:aws:iam::123456789012:role/a/b/Name` into `/a/b/` and `Name`.
fn path_and_name(arn: &str) -> (&str, &str) {
    let rest = arn.split_once(":role").map_or(arn, |(_, rest)| rest);
    rest.rfind('/').map_or(("/", rest), |slash| rest.split_at(slash + 1))
}

/// Reads the services that a trust policy lets in.
fn trusted(document: &str) -> Result<BTreeSet<String>, ApiError> {
    let malformed = |why: &str| ApiError::new(400, "MalformedPolicyDocument", why.to_owned());
    let document: serde_json::Value = serde_json::from_str(document).map_err(|_| malformed("This policy contains invalid Json"))?;
    let statements = document["Statement"].as_array().ok_or_else(|| malformed("Missing required field Statement"))?;
    let mut trusts = BTreeSet::new();
    for statement in statements {
        let simple = statement["Effect"] == "Allow" && statement["Action"] == "sts:AssumeRole" && statement.get("Condition").is_none();
        match &statement["Principal"]["Service"] {
            serde_json::Value::String(service) if simple => drop(trusts.insert(service.clone())),
            serde_json::Value::Array(services) if simple => trusts.extend(services.iter().filter_map(|s| s.as_str().map(str::to_owned))),
            serde_json::Value::Null if simple && statement["Principal"]["AWS"].is_string() => {
                trusts.extend(statement["Principal"]["AWS"].as_str().map(str::to_owned));
            }
            _ => {
                return Err(malformed("The twin takes statements that allow sts:AssumeRole to services or an account, without conditions"));
            }
        }
    }
    Ok(trusts)
}

#[cfg(test)]
mod tests {
    use crate::twin::testing::TestTwin;

    const FORM: [(&str, &str); 1] = [("content-type", "application/x-www-form-urlencoded")];

    impl TestTwin {
        async fn iam(&self, form: &str) -> (u16, String) {
            let body = format!("Version=2010-05-08&{form}");
            let reply = self.send("iam", http::Method::POST, "/", &FORM, body).await;
            (reply.status().as_u16(), String::from_utf8(reply.body().to_vec()).unwrap())
        }
    }

    #[tokio::test]
    async fn the_ingestion_role_is_there_and_others_can_be_made() {
        let twin = TestTwin::new();
        let (status, role) = twin.iam("Action=GetRole&RoleName=AWSMarketplaceAmiIngestion").await;
        assert_eq!(status, 200, "{role}");
        assert!(role.contains(":role/AWSMarketplaceAmiIngestion</Arn>") && role.contains("assets.marketplace.amazonaws.com"), "{role}");
        let document = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A\
                        %7B%22Service%22%3A%22ec2.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D";
        let create = format!("Action=CreateRole&RoleName=Other&Path=/a/&AssumeRolePolicyDocument={document}");
        assert!(twin.iam(&create).await.1.contains(":role/a/Other</Arn>"));
        assert_eq!(twin.iam(&create).await.0, 409);
        let policy = "PolicyArn=arn:aws:iam::aws:policy/AWSMarketplaceAmiIngestion";
        assert_eq!(twin.iam(&format!("Action=AttachRolePolicy&RoleName=Other&{policy}")).await.0, 200);
        assert!(
            twin.iam("Action=ListAttachedRolePolicies&RoleName=Other")
                .await
                .1
                .contains("<PolicyName>AWSMarketplaceAmiIngestion</PolicyName>")
        );
        assert_eq!(twin.iam("Action=DeleteRole&RoleName=Other").await.0, 409);
        assert_eq!(twin.iam(&format!("Action=DetachRolePolicy&RoleName=Other&{policy}")).await.0, 200);
        assert_eq!(twin.iam("Action=DeleteRole&RoleName=Other").await.0, 200);
        assert_eq!(twin.iam("Action=GetRole&RoleName=Other").await.0, 404);
    }

    #[tokio::test]
    async fn what_is_denied_is_simulated_and_refused_alike() {
        let by_state = TestTwin::new();
        by_state
            .twin
            .change(|state| {
                state.denied.insert("ec2:RunInstances".to_owned());
                Ok::<_, std::io::Error>(())
            })
            .unwrap();
        simulated_and_refused(&by_state).await;
        // As `twin serve --deny` does it.
        simulated_and_refused(&TestTwin::denying(["ec2:RunInstances".to_owned()].into())).await;
    }

    async fn simulated_and_refused(twin: &TestTwin) {
        let caller = format!("arn:aws:iam::{}:user/bakehouse-twin", twin.twin.account());
        let simulate = format!(
            "Action=SimulatePrincipalPolicy&PolicySourceArn={caller}&ActionNames.member.1=ec2:RunInstances&ActionNames.member.2=ec2:CreateImage"
        );
        let (status, text) = twin.iam(&simulate).await;
        let decisions: Vec<&str> = text.split("<EvalDecision>").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
        assert_eq!((status, decisions), (200, vec!["explicitDeny", "allowed"]), "{text}");
        let run = "Action=RunInstances&Version=2016-11-15&DryRun=true";
        let reply = twin.send("ec2", http::Method::POST, "/", &FORM, run).await;
        let text = String::from_utf8(reply.body().to_vec()).unwrap();
        assert!(reply.status() == 403 && text.contains("UnauthorizedOperation"), "{text}");
    }

    #[tokio::test]
    async fn what_iam_would_not_take_is_refused() {
        let twin = TestTwin::new();
        for (form, code) in [
            ("Action=GetRole", "ValidationError"),
            ("Action=GetRole&RoleName=a&Odd=1", "ValidationError"),
            ("Action=CreateUser&UserName=a", "InvalidAction"),
            ("Action=CreateRole&RoleName=a&AssumeRolePolicyDocument=no", "MalformedPolicyDocument"),
            ("Action=SimulatePrincipalPolicy&PolicySourceArn=arn:aws:iam::1:user/x&ActionNames.member.1=ec2:RunInstances", "NoSuchEntity"),
            ("Action=GetUser&UserName=other", "NoSuchEntity"),
        ] {
            let (_, text) = twin.iam(form).await;
            assert!(text.contains(&format!("<Code>{code}</Code>")), "{form}: {text}");
        }
    }
}
