//! SSH as a buyer's client speaks it: a key, a login, commands with bounded output.

use std::sync::{Arc, Mutex};

use russh::client::{self, AuthResult};
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{ChannelMsg, Disconnect, MethodKind};

use super::BoxStream;

/// A key pair made for one login and kept in memory.
#[derive(Clone)]
pub struct LoginKey {
    private: Arc<PrivateKey>,
}

impl std::fmt::Debug for LoginKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LoginKey({})", self.fingerprint())
    }
}

impl LoginKey {
    /// Makes a new ED25519 key pair.
    pub fn random() -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the system gives random bytes");
        Self::from_seed(&seed)
    }

    /// Makes the ED25519 key pair of a seed, which is as secret as the key.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self { private: Arc::new(PrivateKey::from(Ed25519Keypair::from_seed(seed))) }
    }

    /// Returns the public half, as `authorized_keys` has it.
    pub fn public_line(&self) -> String {
        self.private.public_key().to_openssh().expect("an ED25519 key has a text")
    }

    /// Returns the private half, as OpenSSH keeps it in a file.
    pub fn private_text(&self) -> String {
        self.private.to_openssh(russh::keys::ssh_key::LineEnding::LF).expect("an ED25519 key has a text").to_string()
    }

    /// Returns its fingerprint, such as `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        self.private.public_key().fingerprint(HashAlg::Sha256).to_string()
    }

    /// Returns the key itself, for a server to present.
    pub fn private(&self) -> &PrivateKey {
        &self.private
    }
}

/// A login that failed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// There is no SSH at the other end, or the connection broke off.
    #[error("no SSH session came about")]
    Protocol(#[source] russh::Error),
    /// The server takes neither key nor user.
    #[error("the server refuses the key for user {user}; it takes {}", methods.join(", "))]
    Refused {
        /// The user.
        user: String,
        /// What it would take instead.
        methods: Vec<String>,
    },
}

/// A login.
pub struct Session {
    handle: client::Handle<Client>,
    /// The host's key.
    pub host_key: PublicKey,
    /// The ways of logging in that the server offers to somebody who has shown nothing yet.
    pub methods: Vec<String>,
}

/// What a command has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit status; absent when the connection ended before, or a signal did it.
    pub status: Option<u32>,
    /// The end of what it wrote to both of its outputs, in the order it came.
    pub output: Vec<u8>,
    /// Whether the beginning was dropped.
    pub truncated: bool,
}

/// Logs in with a key.
///
/// Any host key is taken: whether it is the right one is the caller's to judge.
///
/// # Errors
///
/// [`LoginError`].
pub async fn login(stream: BoxStream, user: &str, key: &LoginKey) -> Result<Session, LoginError> {
    let seen = Arc::new(Mutex::new(None));
    let client = Client { host_key: seen.clone() };
    let protocol = LoginError::Protocol;
    let mut handle = client::connect_stream(Arc::new(client::Config::default()), stream, client).await.map_err(protocol)?;
    // What the server would take instead of a key is only told to somebody who shows none.
    let methods = match handle.authenticate_none(user).await.map_err(protocol)? {
        AuthResult::Success => vec!["none".to_owned()],
        AuthResult::Failure { remaining_methods, .. } => names(&remaining_methods),
    };
    let signer = PrivateKeyWithHashAlg::new(key.private.clone(), None);
    if !handle.authenticate_publickey(user, signer).await.map_err(protocol)?.success() {
        return Err(LoginError::Refused { user: user.to_owned(), methods });
    }
    let host_key = seen.lock().unwrap_or_else(|e| e.into_inner()).take();
    let host_key = host_key.ok_or(LoginError::Protocol(russh::Error::UnknownKey))?;
    Ok(Session { handle, host_key, methods })
}

impl Session {
    /// Runs a command, gives it `input` and keeps the last `limit` bytes of what it writes.
    ///
    /// # Errors
    ///
    /// When the connection fails; a command that fails is an [`Output`].
    pub async fn run(&self, command: &str, input: &[u8], limit: usize) -> Result<Output, russh::Error> {
        let mut channel = self.handle.channel_open_session().await?;
        channel.exec(true, command).await?;
        if !input.is_empty() {
            channel.data(input).await?;
        }
        channel.eof().await?;
        let mut result = Output { status: None, output: Vec::new(), truncated: false };
        while let Some(message) = channel.wait().await {
            match message {
                ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. } => {
                    result.output.extend_from_slice(&data);
                    let surplus = result.output.len().saturating_sub(limit);
                    result.truncated |= surplus > 0;
                    result.output.drain(..surplus);
                }
                ChannelMsg::ExitStatus { exit_status } => result.status = Some(exit_status),
                _ => {}
            }
        }
        Ok(result)
    }

    /// Returns the host key's fingerprint, such as `SHA256:…`.
    pub fn host_fingerprint(&self) -> String {
        self.host_key.fingerprint(HashAlg::Sha256).to_string()
    }

    /// Returns the host key as `known_hosts` has it: algorithm and key.
    pub fn host_line(&self) -> String {
        let line = self.host_key.to_openssh().unwrap_or_default();
        line.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ")
    }

    /// Takes leave.
    pub async fn close(self) {
        // The machine is about to go; whether it hears this changes nothing.
        let _ = self.handle.disconnect(Disconnect::ByApplication, "", "en").await;
    }
}

struct Client {
    host_key: Arc<Mutex<Option<PublicKey>>>,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else { return Ok(false) };
        *self.host_key.lock().unwrap_or_else(|e| e.into_inner()) = Some(key.clone());
        Ok(true)
    }
}

fn names(methods: &[MethodKind]) -> Vec<String> {
    methods.iter().map(|method| <&'static str>::from(method).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_one_key() {
        let (a, b) = (LoginKey::from_seed(&[7; 32]), LoginKey::from_seed(&[7; 32]));
        assert_eq!(a.public_line(), b.public_line());
        assert!(a.public_line().starts_with("ssh-ed25519 AAAA") && a.fingerprint().starts_with("SHA256:"));
        assert_ne!(LoginKey::random().public_line(), LoginKey::random().public_line());
        assert!(!format!("{a:?}").contains("PRIVATE"));
    }
}
