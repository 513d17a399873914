//! Whom the clients talk to, and as whom.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use tokio::sync::Semaphore;

use super::attempts::MarkUnknown;
use super::block_store::BlockStore;
use super::connector::Wire;
use super::error;
use super::guard::RefuseTwin;
use super::snapshot::IN_FLIGHT;
use crate::cloud::CloudError;
use crate::model::ids::{AccountId, Region};
use crate::model::target::Login;
use crate::reach::BoxStream;
use crate::twin::Twin;

/// Whom to talk to.
pub enum Connect {
    /// AWS, by the SDK's own chain of credentials and endpoints. A twin that answers is refused.
    Aws {
        /// A profile of the shared configuration, when one is named.
        profile: Option<String>,
    },
    /// A twin in this process.
    Twin(Arc<Twin>),
    /// A twin that another process serves.
    TwinServer {
        /// Its endpoint.
        url: String,
        /// Its access key id and secret.
        credentials: (String, String),
    },
}

/// Who the caller is, as STS says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub account: AccountId,
    /// The caller's ARN.
    pub arn: String,
}

/// Looks at AWS; can't change anything.
#[derive(Clone)]
pub struct Reader {
    pub(super) session: Arc<Session>,
    /// Where blocks outlive a scan, if they are to.
    pub(super) store: Option<Arc<BlockStore>>,
}

/// Changes things at AWS.
#[derive(Clone)]
pub struct Writer {
    reader: Reader,
}

pub(super) struct Session {
    pub config: SdkConfig,
    pub wire: Wire,
    /// Whether the other end is a twin.
    pub twin: bool,
    regions: Mutex<BTreeMap<Region, Arc<Clients>>>,
}

/// The clients of one Region.
pub(super) struct Clients {
    pub region: Region,
    pub ec2: aws_sdk_ec2::Client,
    pub ebs: aws_sdk_ebs::Client,
    pub ssm: aws_sdk_ssm::Client,
    pub catalog: aws_sdk_marketplacecatalog::Client,
    /// One for each block that may be asked for at a time.
    pub block_requests: Semaphore,
}

impl Reader {
    /// Sets up the clients. Nothing is asked yet.
    pub async fn connect(to: Connect) -> Self {
        let wire = match &to {
            Connect::Aws { .. } => Wire::Tls,
            Connect::Twin(twin) => Wire::to(twin.clone()),
            Connect::TwinServer { url, .. } => Wire::Http(url.clone()),
        };
        let twin = !matches!(to, Connect::Aws { .. });
        let config = match to {
            Connect::Aws { profile } => {
                let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(wire.client());
                if let Some(profile) = profile {
                    loader = loader.profile_name(profile);
                }
                loader.retry_config(retries()).timeout_config(timeouts()).load().await
            }
            Connect::Twin(twin) => {
                // The endpoint is never dialled; it only gives the requests a host to sign.
                twin_config(twin.credentials(), "http://twin.invalid", wire.client(), wire.sleep())
            }
            Connect::TwinServer { url, credentials } => twin_config(credentials, &url, wire.client(), wire.sleep()),
        };
        Self { session: Arc::new(Session { config, wire, twin, regions: Mutex::new(BTreeMap::new()) }), store: None }
    }

    /// Sets up the clients, and has them take on a role if one is given. The role's credentials are
    /// asked for when first needed, and renewed before they end.
    pub async fn connect_as(to: Connect, login: &Login) -> Self {
        let base = Self::connect(to).await;
        let Some(role) = &login.role else { return base };
        let region = sdk_region(&Region::marketplace());
        let mut provider =
            AssumeRoleProvider::builder(role.as_str()).session_name("bakehouse").region(region).configure(&base.session.config);
        if let Some(id) = &login.external_id {
            provider = provider.external_id(id);
        }
        let provider = SharedCredentialsProvider::new(provider.build().await);
        let config = base.session.config.to_builder().credentials_provider(provider).build();
        let (wire, twin) = (base.session.wire.clone(), base.session.twin);
        Self { session: Arc::new(Session { config, wire, twin, regions: Mutex::new(BTreeMap::new()) }), store: None }
    }

    /// Has what reads snapshots fetch no block that the store has, and keep there those that it fetches.
    #[must_use]
    pub fn keep_blocks(self, store: BlockStore) -> Self {
        Self { store: Some(Arc::new(store)), ..self }
    }

    /// Returns the same reader, which fetches every block from AWS itself.
    #[must_use]
    pub fn without_kept_blocks(&self) -> Self {
        Self { store: None, ..self.clone() }
    }

    /// Asks STS who the caller is.
    ///
    /// # Errors
    ///
    /// [`CloudError`], for instance without valid credentials.
    pub async fn identity(&self) -> Result<Identity, CloudError> {
        let region = Region::marketplace();
        let answer = self.sts().get_caller_identity().send().await.map_err(error::of("GetCallerIdentity", &region))?;
        let account = answer.account().unwrap_or_default();
        let account = account.parse().map_err(|e| CloudError::incomplete("GetCallerIdentity", &region, format!("{e}")))?;
        Ok(Identity { account, arn: answer.arn().unwrap_or_default().to_owned() })
    }

    /// Connects to a port of an instance, as its user does.
    ///
    /// # Errors
    ///
    /// When nobody listens there, or no packet gets through within ten seconds.
    pub async fn dial(&self, address: Ipv4Addr, port: u16) -> std::io::Result<BoxStream> {
        self.session.wire.dial(address, port).await
    }

    pub(super) fn clients(&self, region: &Region) -> Arc<Clients> {
        let mut regions = self.session.regions.lock().unwrap_or_else(|e| e.into_inner());
        regions.entry(region.clone()).or_insert_with(|| Arc::new(Clients::new(&self.session, region))).clone()
    }
}

impl Writer {
    /// Lets a reader's session write.
    pub fn new(reader: Reader) -> Self {
        Self { reader }
    }

    /// Returns what looks.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }
}

/// Makes a service's client for a Region, with what every client of a session has.
macro_rules! client {
    ($sdk:ident, $session:expr, $region:expr) => {{
        let mut config = $sdk::config::Builder::from(&$session.config).region(sdk_region($region)).interceptor(MarkUnknown);
        if !$session.twin {
            config = config.interceptor(RefuseTwin);
        }
        $sdk::Client::from_conf(config.build())
    }};
}

impl Clients {
    fn new(session: &Session, region: &Region) -> Self {
        Self {
            region: region.clone(),
            ec2: client!(aws_sdk_ec2, session, region),
            ebs: client!(aws_sdk_ebs, session, region),
            ssm: client!(aws_sdk_ssm, session, region),
            catalog: client!(aws_sdk_marketplacecatalog, session, region),
            block_requests: Semaphore::new(IN_FLIGHT),
        }
    }
}

/// Services that are asked once in a while.
impl Reader {
    pub(super) fn sts(&self) -> aws_sdk_sts::Client {
        client!(aws_sdk_sts, self.session, &Region::marketplace())
    }

    pub(super) fn iam(&self) -> aws_sdk_iam::Client {
        client!(aws_sdk_iam, self.session, &Region::marketplace())
    }

    pub(super) fn quotas(&self, region: &Region) -> aws_sdk_servicequotas::Client {
        client!(aws_sdk_servicequotas, self.session, region)
    }
}

fn sdk_region(region: &Region) -> aws_config::Region {
    aws_config::Region::new(region.as_str().to_owned())
}

fn twin_config((id, secret): (String, String), url: &str, http: SharedHttpClient, sleep: SharedAsyncSleep) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(id, secret, None, None, "twin")))
        .endpoint_url(url)
        .region(aws_config::Region::from_static("us-east-1"))
        .http_client(http)
        .time_source(SharedTimeSource::new(SystemTimeSource::new()))
        .retry_config(retries())
        .sleep_impl(sleep)
        // Nothing stalls on this machine, and a watch over it would move a driven clock on.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}

/// Five attempts: throttling is common in EC2 and EBS direct, and the SDK backs off by itself.
fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(5)
}

/// The SDK has no timeouts of its own beyond the connection's; without these a lost answer hangs for ever.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_secs(30))
        .operation_attempt_timeout(Duration::from_secs(60))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::twin::Options;
    use crate::twin::machines::Machines;

    #[tokio::test]
    async fn no_service_of_a_twin_is_taken_for_aws() {
        let folder = tempfile::tempdir().unwrap();
        let twin = Twin::open(folder.path(), Options::new(Clock::System, Machines::None)).unwrap();
        let wire = Wire::to(twin.clone());
        let config = twin_config(
            twin.credentials(),
            "http://twin.invalid",
            wire.client(),
            SharedAsyncSleep::new(aws_smithy_async::rt::sleep::TokioSleep::new()),
        );
        let reader = Reader { session: Arc::new(Session { config, wire, twin: false, regions: Mutex::new(BTreeMap::new()) }), store: None };
        let region = Region::marketplace();
        let refusals = [
            reader.identity().await.unwrap_err(),
            reader.regions().await.unwrap_err(),
            reader.role("a").await.unwrap_err(),
            reader.quota(&region, "ec2", "L-1216C47A").await.unwrap_err(),
            reader.entity(&"prod-abcdefghijklm".parse().unwrap()).await.unwrap_err(),
            reader.snapshot_blocks(&region, &"snap-0123456789abcdef0".parse().unwrap()).await.map(drop).unwrap_err(),
        ];
        for refusal in refusals {
            assert!(refusal.to_string().contains("a twin answered, not AWS"), "{refusal}");
        }
        let bucket = reader.bucket_region(crate::twin::s3::FIRST_BUCKET, Clock::System.now()).await.unwrap_err();
        assert!(bucket.to_string().contains("a twin answered, not AWS"), "{bucket}");
        let objects = reader.objects(crate::twin::s3::FIRST_BUCKET, &region).unwrap();
        let listed = objects.list_with_delimiter(None).await.unwrap_err();
        assert!(format!("{listed:?}").contains("TwinAnswered"), "{listed:?}");
        let base = crate::model::product::Base::Parameter { name: "/aws/service/x".to_owned() };
        assert!(reader.base(&region, &base).await.unwrap_err().to_string().contains("a twin answered"));
    }

    #[tokio::test]
    async fn a_role_is_taken_on_and_its_credentials_end() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual("2126-11-23T12:00:00Z".parse().unwrap());
        let twin = Twin::open(folder.path(), Options::new(clock.clone(), Machines::None)).unwrap();
        let account = twin.account();
        let role: crate::model::ids::RoleArn = format!("arn:aws:iam::{account}:role/Bakehouse").parse().unwrap();
        let login = Login { role: Some(role.clone()), external_id: Some("of the seller".to_owned()), profile: None };
        let reader = Reader::connect_as(Connect::Twin(twin.clone()), &login).await;
        let refused = reader.identity().await.unwrap_err().to_string();
        assert!(refused.contains("sts:AssumeRole"), "{refused}");
        twin.change(|state| {
            let trusts = [format!("arn:aws:iam::{account}:root")].into();
            state.roles.insert(role.to_string(), crate::twin::state::Role { trusts, policies: std::collections::BTreeSet::new() });
            Ok::<_, std::io::Error>(())
        })
        .unwrap();
        let reader = Reader::connect_as(Connect::Twin(twin.clone()), &login).await;
        let identity = reader.identity().await.unwrap();
        assert_eq!(identity.arn, format!("arn:aws:sts::{account}:assumed-role/Bakehouse/bakehouse"));
        assert_eq!(identity.account, account);
        reader.regions().await.unwrap();
        clock.sleep(Duration::from_secs(3601)).await;
        assert!(reader.regions().await.unwrap_err().is("RequestExpired"));
    }
}
