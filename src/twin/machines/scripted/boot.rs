//! What a scripted guest does that was started without user data: it comes up, and its ports answer.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::PublicKey;
use russh::server::{self, Auth, ChannelOpenHandle, Msg, VerifiedPublicKey};
use russh::{Channel, ChannelId, MethodKind, MethodSet, Preferred, kex};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::ConsoleText;
use crate::model::digest::Digest;
use crate::reach::{BoxStream, LoginKey};

/// Bytes in flight between a scripted guest and whoever talks to it.
const IN_FLIGHT: usize = 64 * 1024;
/// The most of a command's input, or of a request, that is looked at.
const MOST_INPUT: usize = 1024 * 1024;

/// What a guest does that was started without user data, as a buyer's instance is.
///
/// The default is a guest that has nothing to be complained of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Boot {
    /// Seconds after the launch at which it is up and its ports answer.
    pub up_after_seconds: u64,
    /// What it prints on its console; `{host_key}` stands for its host key's fingerprint.
    pub console: Vec<ConsoleText>,
    /// The port that SSH answers on; none for a guest that nobody can log in to.
    pub ssh_port: Option<u16>,
    /// The user that its key pair opens; any when absent.
    pub user: Option<String>,
    /// Whether SSH takes passwords too.
    pub passwords: bool,
    /// What is answered to HTTP; other paths of the same ports are not found.
    pub http: Vec<Page>,
    /// How commands end, by the first that is contained in a command or its input; others end well.
    pub commands: Vec<CommandAnswer>,
}

/// A page of a scripted guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The port.
    pub port: u16,
    /// The path, with its leading slash.
    pub path: String,
    /// The status.
    pub status: u16,
    /// The body.
    #[serde(default)]
    pub body: String,
}

/// How a command of a scripted guest ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandAnswer {
    /// A part of the command, or of what it is given to read.
    pub contains: String,
    /// Its exit status.
    pub status: u32,
    /// What it writes.
    #[serde(default)]
    pub output: String,
}

impl Default for Boot {
    fn default() -> Self {
        Self {
            up_after_seconds: 25,
            console: vec![ConsoleText { after_seconds: 20, text: "ssh host key {host_key}\n".to_owned() }],
            ssh_port: Some(22),
            user: None,
            passwords: false,
            http: vec![Page { port: 80, path: "/".to_owned(), status: 200, body: "<h1>It works</h1>\n".to_owned() }],
            commands: Vec::new(),
        }
    }
}

/// Makes the host key of an instance: always the same one.
pub(super) fn host_key(instance: &str) -> LoginKey {
    LoginKey::from_seed(Digest::of_parts([b"scripted host key".as_slice(), instance.as_bytes()]).as_bytes())
}

/// Answers a connection to one of the guest's ports.
///
/// # Errors
///
/// `ConnectionRefused` where nobody listens.
pub(super) fn answer(boot: &Boot, instance: &str, key: Option<&str>, port: u16) -> io::Result<BoxStream> {
    let (theirs, ours) = tokio::io::duplex(IN_FLIGHT);
    if boot.ssh_port == Some(port) {
        tokio::spawn(serve_ssh(ours, boot.clone(), host_key(instance), key.and_then(|key| PublicKey::from_openssh(key).ok())));
    } else if boot.http.iter().any(|page| page.port == port) {
        tokio::spawn(serve_http(ours, boot.http.iter().filter(|page| page.port == port).cloned().collect()));
    } else {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(Box::new(theirs))
}

async fn serve_http(mut stream: DuplexStream, pages: Vec<Page>) -> io::Result<()> {
    let mut request = Vec::new();
    let mut bytes = [0; 1024];
    while !request.windows(4).any(|window| window == b"\r\n\r\n") && request.len() < MOST_INPUT {
        match stream.read(&mut bytes).await? {
            0 => return Ok(()),
            count => request.extend_from_slice(&bytes[..count]),
        }
    }
    let request = String::from_utf8_lossy(&request);
    let path = request.split(' ').nth(1).unwrap_or_default();
    let page = pages.into_iter().find(|page| page.path == path).map(|page| (page.status, page.body));
    let (status, body) = page.unwrap_or_else(|| (404, "not found\n".to_owned()));
    stream.write_all(format!("HTTP/1.1 {status} Scripted\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await
}

async fn serve_ssh(stream: DuplexStream, boot: Boot, host_key: LoginKey, authorized: Option<PublicKey>) {
    let mut methods = vec![MethodKind::PublicKey];
    if boot.passwords {
        methods.push(MethodKind::Password);
    }
    let config = server::Config {
        methods: MethodSet::from(methods.as_slice()),
        // Nobody guesses here, and a driven clock waits for no one.
        auth_rejection_time: Duration::ZERO,
        keys: vec![host_key.private().clone()],
        // The cheapest exchange of keys: unoptimised, the others take a good part of a second.
        preferred: Preferred { kex: Cow::Borrowed(&[kex::CURVE25519]), ..Preferred::default() },
        ..server::Config::default()
    };
    let guest = Guest { boot, authorized, commands: BTreeMap::new() };
    match server::run_stream(Arc::new(config), stream, guest).await {
        // Whoever talked to it may go at any time.
        Ok(session) => drop(session.await),
        Err(error) => tracing::debug!(%error, "a scripted guest's SSH session did not come about"),
    }
}

/// The guest's side of one SSH connection.
struct Guest {
    boot: Boot,
    authorized: Option<PublicKey>,
    /// Commands that are still reading their input.
    commands: BTreeMap<ChannelId, Vec<u8>>,
}

impl server::Handler for Guest {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let user_is_known = self.boot.user.as_ref().is_none_or(|known| known == user);
        let opens = self.authorized.as_ref().is_some_and(|known| known.key_data() == key.public_key.key_data());
        Ok(if user_is_known && opens { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut server::Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(&mut self, channel: ChannelId, command: &[u8], session: &mut server::Session) -> Result<(), Self::Error> {
        self.commands.insert(channel, command.to_vec());
        session.channel_success(channel)
    }

    async fn data(&mut self, channel: ChannelId, data: &[u8], _: &mut server::Session) -> Result<(), Self::Error> {
        if let Some(command) = self.commands.get_mut(&channel)
            && command.len() + data.len() <= MOST_INPUT
        {
            command.extend_from_slice(data);
        }
        Ok(())
    }

    async fn channel_eof(&mut self, channel: ChannelId, session: &mut server::Session) -> Result<(), Self::Error> {
        let Some(command) = self.commands.remove(&channel) else { return Ok(()) };
        let command = String::from_utf8_lossy(&command);
        let (status, output) = match self.boot.commands.iter().find(|known| command.contains(&known.contains)) {
            Some(known) => (known.status, known.output.clone()),
            None => (0, String::new()),
        };
        if !output.is_empty() {
            session.data(channel, output.into_bytes())?;
        }
        session.exit_status_request(channel, status)?;
        session.eof(channel)?;
        session.close(channel)
    }
}
