//! Whom the clients talk to, and as whom.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use super::connector::Wire;
use super::error;
use crate::cloud::CloudError;
use crate::model::ids::{AccountId, Region};
use crate::reach::BoxStream;
use crate::twin::Twin;

/// Whom to talk to.
pub enum Connect {
    /// AWS, by the SDK's own chain of credentials and endpoints.
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
}

impl Reader {
    /// Sets up the clients. Nothing is asked yet.
    pub async fn connect(to: Connect) -> Self {
        let wire = match &to {
            Connect::Aws { .. } => Wire::Tls,
            Connect::Twin(twin) => Wire::to(twin.clone()),
            Connect::TwinServer { .. } => Wire::Http,
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
        Self { session: Arc::new(Session { config, wire, twin, regions: Mutex::new(BTreeMap::new()) }) }
    }

    /// Asks STS who the caller is.
    ///
    /// # Errors
    ///
    /// [`CloudError`], for instance without valid credentials.
    pub async fn identity(&self) -> Result<Identity, CloudError> {
        let region = Region::marketplace();
        let config = aws_sdk_sts::config::Builder::from(&self.session.config).region(sdk_region(&region)).build();
        let answer =
            aws_sdk_sts::Client::from_conf(config).get_caller_identity().send().await.map_err(error::of("GetCallerIdentity", &region))?;
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

    /// Returns the endpoint that stands in AWS's place, if one is configured (`AWS_ENDPOINT_URL`).
    pub fn endpoint(&self) -> Option<&str> {
        self.session.config.endpoint_url()
    }

    pub(super) fn clients(&self, region: &Region) -> Arc<Clients> {
        let mut regions = self.session.regions.lock().unwrap_or_else(|e| e.into_inner());
        regions.entry(region.clone()).or_insert_with(|| Arc::new(Clients::new(&self.session.config, region))).clone()
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

impl Clients {
    fn new(config: &SdkConfig, region: &Region) -> Self {
        let at = sdk_region(region);
        Self {
            region: region.clone(),
            ec2: aws_sdk_ec2::Client::from_conf(aws_sdk_ec2::config::Builder::from(config).region(at.clone()).build()),
            ebs: aws_sdk_ebs::Client::from_conf(aws_sdk_ebs::config::Builder::from(config).region(at.clone()).build()),
            ssm: aws_sdk_ssm::Client::from_conf(aws_sdk_ssm::config::Builder::from(config).region(at.clone()).build()),
            catalog: aws_sdk_marketplacecatalog::Client::from_conf(
                aws_sdk_marketplacecatalog::config::Builder::from(config).region(at).build(),
            ),
        }
    }
}

fn sdk_region(region: &Region) -> aws_config::Region {
    aws_config::Region::new(region.as_str().to_owned())
}

fn twin_config((id, secret): (String, String), url: &str, http: SharedHttpClient, sleep: SharedAsyncSleep) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(Credentials::new(
            id, secret, None, None, "twin",
        )))
        .endpoint_url(url)
        .region(aws_config::Region::from_static("us-east-1"))
        .http_client(http)
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
