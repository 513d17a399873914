//! A twin on a manual clock, and answers taken apart, for the tests of EC2.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::clock::Clock;
use crate::model::ids::{Architecture, Region};
use crate::twin::consistency::Windows;
use crate::twin::limits::Quota;
use crate::twin::machines::Machines;
use crate::twin::{Call, Options, Twin, table};

use super::operations::{COMMON_ERRORS, OPERATIONS};
use super::{BaseImage, DEBIAN_ACCOUNT, Delays};

/// A new twin with nothing in it.
pub(super) struct Bench {
    pub(super) twin: Arc<Twin>,
    folder: tempfile::TempDir,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(Machines::None)
    }

    pub(super) fn with(machines: Machines) -> Self {
        Self::of(options(machines))
    }

    /// A twin whose new things are not seen for so many seconds.
    pub(super) fn unsettled(seconds: i64) -> Self {
        let windows = Windows::all(jiff::SignedDuration::from_secs(seconds));
        Self::of(Options { windows, ..options(Machines::None) })
    }

    /// A twin that can be called only as often as AWS.
    pub(super) fn limited() -> Self {
        Self::of(Options { limit_rates: true, ..options(Machines::None) })
    }

    /// A twin whose caller may not do some things.
    pub(super) fn denying(operations: &[&str]) -> Self {
        let denied = operations.iter().map(|name| (*name).to_owned()).collect();
        Self::of(Options { denied, ..options(Machines::None) })
    }

    /// Gives the account so much of a quota.
    pub(super) fn allow(&self, quota: &Quota, value: u64) {
        let set = self.twin.change(|state| {
            state.quotas.insert(quota.name.to_owned(), value);
            Ok::<_, std::io::Error>(())
        });
        set.unwrap();
    }

    fn of(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let twin = Twin::open(folder.path(), options).unwrap();
        Self { twin, folder }
    }

    /// Ends the process, as it were, and opens the same twin again.
    pub(super) fn reopened(self, machines: Machines) -> Self {
        let Self { twin, folder } = self;
        let now = twin.clock().now();
        drop(Arc::try_unwrap(twin).ok().expect("nobody else holds the twin"));
        let twin = Twin::open(folder.path(), Options { clock: Clock::manual(now), ..options(machines) }).unwrap();
        Self { twin, folder }
    }

    pub(super) async fn wait(&self, seconds: u64) {
        self.twin.clock().sleep(Duration::from_secs(seconds)).await;
    }

    /// Calls an operation in us-east-1 and returns its answer, which must not be a refusal.
    pub(super) async fn done(&self, action: &str, params: &[(&str, &str)]) -> Answer {
        let (status, body) = self.call("us-east-1", action, params).await;
        assert_eq!(status, 200, "{action}: {body}");
        Answer(body)
    }

    /// Calls an operation in us-east-1 and returns its refusal's code and text.
    pub(super) async fn refused(&self, action: &str, params: &[(&str, &str)]) -> (String, String) {
        let (status, body) = self.call("us-east-1", action, params).await;
        assert!(status >= 400, "{action}: {body}");
        let answer = Answer(body);
        let code = answer.get("Code");
        if let Some(row) = table::find(OPERATIONS, action) {
            assert!(row.refuses_with(&code, COMMON_ERRORS), "the row of {action} does not have {code}");
        }
        (code, answer.get("Message"))
    }

    pub(super) async fn call(&self, region: &str, action: &str, params: &[(&str, &str)]) -> (u16, String) {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", action).append_pair("Version", "2016-11-15").extend_pairs(params);
        let call = call(region.parse().unwrap(), Bytes::from(form.finish()));
        let reply = super::handle(&self.twin, &call).await;
        (reply.status().as_u16(), String::from_utf8(reply.into_body().to_vec()).unwrap())
    }

    /// Registers a public base image with a disk of 1 GiB that has two blocks of data.
    pub(super) async fn base(&self) -> String {
        let disk = self.folder.path().join("base.raw");
        let mut bytes = vec![0; 3 * 512 * 1024];
        bytes[..4].copy_from_slice(b"boot");
        bytes[2 * 512 * 1024] = 7;
        std::fs::write(&disk, bytes).unwrap();
        let base = BaseImage {
            name: "debian-13".to_owned(),
            description: "Debian 13".to_owned(),
            disk,
            size_bytes: 1 << 30,
            boot_mode: Some("uefi".to_owned()),
            architecture: Architecture::X86_64,
            owner: DEBIAN_ACCOUNT.parse().unwrap(),
        };
        super::register_base(&self.twin, &Region::marketplace(), base).await.unwrap().id.to_string()
    }

    /// Runs an instance and returns its id.
    pub(super) async fn run(&self, image: &str, more: &[(&str, &str)]) -> String {
        self.done("RunInstances", &[&run(image), more].concat()).await.get("instanceId")
    }

    /// Bakes an image from a fresh instance and returns the ids of instance and image.
    pub(super) async fn baked(&self, name: &str) -> (String, String) {
        let base = self.base().await;
        let instance = self.run(&base, &[]).await;
        self.wait(10).await;
        let image = self.done("CreateImage", &[("InstanceId", &instance), ("Name", name), ("NoReboot", "true")]).await.get("imageId");
        self.wait(600).await;
        (instance, image)
    }
}

/// The parameters that every RunInstances needs.
pub(super) fn run(image: &str) -> Vec<(&str, &str)> {
    vec![("ImageId", image), ("InstanceType", "t3.small"), ("MinCount", "1"), ("MaxCount", "1")]
}

fn options(machines: Machines) -> Options {
    let clock = Clock::manual("2026-01-01T00:00:00Z".parse().unwrap());
    Options { seed: Some("ec2".to_owned()), delays: Delays::aws_like(), limit_rates: false, ..Options::new(clock, machines) }
}

fn call(region: Region, body: Bytes) -> Call {
    Call { region, method: http::Method::POST, uri: http::Uri::from_static("/"), headers: http::HeaderMap::new(), body }
}

/// An answer, from which members are taken by their names.
pub(super) struct Answer(pub(super) String);

impl Answer {
    /// Returns the first member of this name.
    pub(super) fn get(&self, name: &str) -> String {
        let first = self.all(name).into_iter().next().unwrap_or_else(|| panic!("no {name} in {}", self.0));
        quick_xml::escape::unescape(&first).unwrap().into_owned()
    }

    /// Returns all members of this name, in order.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        let (start, end) = (format!("<{name}>"), format!("</{name}>"));
        self.0.split(&start).skip(1).filter_map(|rest| rest.split_once(&end)).map(|(value, _)| value.to_owned()).collect()
    }

    /// Returns the tags of the first thing that has any.
    pub(super) fn tags(&self) -> BTreeMap<String, String> {
        let set = Self(self.all("tagSet").into_iter().next().unwrap_or_default());
        set.all("key").into_iter().zip(set.all("value")).collect()
    }
}
