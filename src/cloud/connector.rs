//! The ways to AWS: over TLS, to a twin that another process serves, and to one in this process,
//! which takes no socket but the same requests and answers.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep, TokioSleep};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use tokio::net::TcpStream;

use crate::clock::Clock;
use crate::reach::BoxStream;
use crate::twin::{self, Body, Twin};

/// How long a connection to an instance may take to come about.
const DIALLING: Duration = Duration::from_secs(10);

/// How requests get to whom they are for.
#[derive(Debug, Clone)]
pub(super) enum Wire {
    /// Over TLS, to AWS.
    Tls,
    /// In clear, to the server of a twin on this machine, at this URL.
    Http(String),
    /// By a call, to a twin in this process.
    InProcess(InProcess),
}

impl Wire {
    /// Goes to a twin in this process.
    pub fn to(twin: Arc<Twin>) -> Self {
        Self::InProcess(InProcess(twin))
    }

    /// Makes the SDK's HTTP client.
    pub fn client(&self) -> SharedHttpClient {
        match self {
            Self::Tls => Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https(),
            Self::Http(_) => Builder::new().build_http(),
            Self::InProcess(twin) => SharedHttpClient::new(twin.clone()),
        }
    }

    /// Connects to a port of an instance.
    ///
    /// # Errors
    ///
    /// When nobody listens there, or no packet gets through within ten seconds.
    pub async fn dial(&self, address: Ipv4Addr, port: u16) -> std::io::Result<BoxStream> {
        let connecting = async {
            match self {
                Self::Tls => Ok(Box::new(TcpStream::connect((address, port)).await?) as BoxStream),
                // Not by the port of this machine: a scripted guest has none, and another server's may be in its way.
                Self::Http(url) => twin::door::dial(url, address, port).await,
                Self::InProcess(InProcess(twin)) => twin::ec2::dial(twin, address, port).await,
            }
        };
        tokio::time::timeout(DIALLING, connecting).await.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))?
    }

    /// Makes what waits between the SDK's tries.
    pub fn sleep(&self) -> SharedAsyncSleep {
        match self {
            Self::Tls | Self::Http(_) => SharedAsyncSleep::new(TokioSleep::new()),
            Self::InProcess(InProcess(twin)) => SharedAsyncSleep::new(ClockSleep(twin.clock().clone())),
        }
    }

    /// Makes what sends single requests, for who speaks to AWS without one of the SDK's clients.
    pub fn connector(&self, settings: HttpConnectorSettings) -> SharedHttpConnector {
        let builder = Connector::builder().connector_settings(settings);
        match self {
            Self::Tls => SharedHttpConnector::new(builder.tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build()),
            Self::Http(_) => SharedHttpConnector::new(builder.build_http()),
            Self::InProcess(twin) => SharedHttpConnector::new(twin.clone()),
        }
    }
}

/// Waits between the SDK's tries by the twin's clock: on a driven one a throttled call costs no time.
#[derive(Debug)]
struct ClockSleep(Clock);

impl AsyncSleep for ClockSleep {
    fn sleep(&self, duration: Duration) -> Sleep {
        let clock = self.0.clone();
        Sleep::new(async move { clock.sleep(duration).await })
    }
}

/// A twin in this process.
#[derive(Clone)]
pub(super) struct InProcess(Arc<Twin>);

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess")
    }
}

impl HttpClient for InProcess {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let twin = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|e| ConnectorError::user(e.into()))?;
            let answer = twin.answer(request.map(Body::http_body)).await;
            if twin::is_lost(&answer) {
                return Err(ConnectorError::io("the connection broke before an answer was there".into()));
            }
            HttpResponse::try_from(answer.map(SdkBody::from_body_1_x)).map_err(|e| ConnectorError::user(e.into()))
        })
    }
}
