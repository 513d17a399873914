//! The way to an instance's ports through the twin's server: the `CONNECT` of an HTTP proxy.
//!
//! Another process meets there what a client in the server's own process meets: guests that have no
//! socket of this machine's, ports that a group keeps shut, and the reason where one can't be opened.
//!
//! Source: <https://www.rfc-editor.org/rfc/rfc9110#name-connect>

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Twin;
use crate::reach::BoxStream;

/// More than any reason for a refusal.
const REASON_BYTES: usize = 4096;

/// Connects the one who asks to the port that the request names, as `IPV4:PORT`.
pub(super) async fn open(twin: &Arc<Twin>, request: Request) -> Response {
    let Some(target) = request.uri().authority().and_then(|to| to.as_str().parse::<SocketAddrV4>().ok()) else {
        return refuse(StatusCode::BAD_REQUEST, "name an instance's public address and a port");
    };
    let mut guest = match super::ec2::dial(twin, *target.ip(), target.port()).await {
        Ok(guest) => guest,
        Err(error) => return refuse(status(error.kind()), &error.to_string()),
    };
    tokio::spawn(async move {
        match hyper::upgrade::on(request).await {
            // Either end may break off at any time; the other is told by the close.
            Ok(client) => drop(tokio::io::copy_bidirectional(&mut TokioIo::new(client), &mut guest).await),
            Err(error) => tracing::debug!(%error, "a connection to an instance was given up"),
        }
    });
    Response::new(Body::empty())
}

/// Connects to a port of an instance through the server at `url`.
///
/// # Errors
///
/// As [`super::ec2::dial`]; else when the server can't be reached.
pub async fn dial(url: &str, address: Ipv4Addr, port: u16) -> io::Result<BoxStream> {
    let server = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
    // Without the server no packet reaches the instance, and a refusal would be taken for the guest's own.
    let stream = TcpStream::connect(server).await.map_err(|e| io::Error::other(format!("the twin's server does not answer: {e}")))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection.with_upgrades());
    let target = SocketAddrV4::new(address, port).to_string();
    let request = Request::connect(&target).header(http::header::HOST, &target).body(Empty::<Bytes>::new());
    let answer = sender.send_request(request.map_err(io::Error::other)?).await.map_err(io::Error::other)?;
    if answer.status() == StatusCode::OK {
        return Ok(Box::new(TokioIo::new(hyper::upgrade::on(answer).await.map_err(io::Error::other)?)));
    }
    let kind = kind(answer.status());
    let reason = Limited::new(answer.into_body(), REASON_BYTES).collect().await.map_err(io::Error::other)?.to_bytes();
    Err(io::Error::new(kind, String::from_utf8_lossy(&reason).into_owned()))
}

/// How a failure to connect is told: what the engine tells apart is told apart here.
const STATUSES: [(io::ErrorKind, StatusCode); 3] = [
    (io::ErrorKind::TimedOut, StatusCode::GATEWAY_TIMEOUT),
    (io::ErrorKind::ConnectionRefused, StatusCode::BAD_GATEWAY),
    (io::ErrorKind::AddrNotAvailable, StatusCode::SERVICE_UNAVAILABLE),
];

fn status(kind: io::ErrorKind) -> StatusCode {
    STATUSES.iter().find(|(of, _)| *of == kind).map_or(StatusCode::INTERNAL_SERVER_ERROR, |(_, status)| *status)
}

fn kind(status: StatusCode) -> io::ErrorKind {
    STATUSES.iter().find(|(_, of)| *of == status).map_or(io::ErrorKind::Other, |(kind, _)| *kind)
}

fn refuse(status: StatusCode, reason: &str) -> Response {
    let mut reply = Response::new(Body::from(reason.to_owned()));
    *reply.status_mut() = status;
    reply
}
