//! QEMU's control socket: one command a connection.
//!
//! Source: <https://www.qemu.org/docs/master/interop/qmp-spec.html>

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

/// QEMU answers at once unless it is stuck.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than any answer to the commands used here.
const ANSWER_BYTES: u64 = 1024 * 1024;

/// A command that failed.
#[derive(Debug, thiserror::Error)]
pub enum QmpError {
    /// QEMU refused it.
    #[error("QEMU refused {command}: {class}: {description}")]
    Refused {
        /// The command.
        command: String,
        /// Class of the error.
        class: String,
        /// QEMU's words.
        description: String,
    },
    /// What came is not QMP.
    #[error("QEMU's control socket does not speak QMP: {line:?}")]
    Protocol {
        /// The line, cut.
        line: String,
    },
    /// The socket failed.
    #[error("QEMU's control socket failed")]
    Io {
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Runs a command without arguments.
///
/// # Errors
///
/// [`QmpError`]: nobody listens, no answer in ten seconds, a refusal.
pub async fn run(socket: &Path, command: &str) -> Result<Value, QmpError> {
    run_with(socket, command, json!({})).await
}

/// Runs a command of the human monitor, which has some that QMP lacks, and returns what it printed.
///
/// # Errors
///
/// As [`run`]; a complaint of the command's is printed text.
pub async fn run_human(socket: &Path, line: &str) -> Result<String, QmpError> {
    let printed = run_with(socket, "human-monitor-command", json!({ "command-line": line })).await?;
    Ok(printed.as_str().unwrap_or_default().trim().to_owned())
}

async fn run_with(socket: &Path, command: &str, arguments: Value) -> Result<Value, QmpError> {
    let conversation = async {
        let (read, mut write) = UnixStream::connect(socket).await.map_err(io)?.into_split();
        let mut lines = BufReader::new(read.take(ANSWER_BYTES)).lines();
        for (command, arguments) in [("qmp_capabilities", json!({})), (command, arguments)] {
            let mut request = json!({ "execute": command });
            if arguments != json!({}) {
                request["arguments"] = arguments;
            }
            write.write_all(format!("{request}\n").as_bytes()).await.map_err(io)?;
            let value = loop {
                let line = lines.next_line().await.map_err(io)?.ok_or_else(|| io(std::io::ErrorKind::UnexpectedEof.into()))?;
                match parse(&line)? {
                    Message::Return(value) => break value,
                    Message::Error { class, description } => {
                        return Err(QmpError::Refused { command: command.to_owned(), class, description });
                    }
                    Message::Other => {}
                }
            };
            if command != "qmp_capabilities" {
                return Ok(value);
            }
        }
        Ok(Value::Null)
    };
    tokio::time::timeout(PATIENCE, conversation).await.unwrap_or_else(|_| Err(io(std::io::ErrorKind::TimedOut.into())))
}

#[derive(Debug, PartialEq)]
enum Message {
    Return(Value),
    Error {
        class: String,
        description: String,
    },
    /// The greeting, and events: not asked for.
    Other,
}

fn parse(line: &str) -> Result<Message, QmpError> {
    let protocol = || QmpError::Protocol { line: line.chars().take(200).collect() };
    let Ok(Value::Object(mut message)) = serde_json::from_str(line) else { return Err(protocol()) };
    if let Some(value) = message.remove("return") {
        return Ok(Message::Return(value));
    }
    if let Some(error) = message.remove("error") {
        let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
        return Ok(Message::Error { class: text("class"), description: text("desc") });
    }
    if message.contains_key("QMP") || message.contains_key("event") { Ok(Message::Other) } else { Err(protocol()) }
}

fn io(source: std::io::Error) -> QmpError {
    QmpError::Io { source }
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;

    #[test]
    fn lines_are_told_apart() {
        assert_eq!(parse(r#"{"QMP": {"version": {}, "capabilities": ["oob"]}}"#).unwrap(), Message::Other);
        assert_eq!(parse(r#"{"timestamp": {"seconds": 1}, "event": "POWERDOWN"}"#).unwrap(), Message::Other);
        assert_eq!(parse(r#"{"return": {"running": true}}"#).unwrap(), Message::Return(json!({ "running": true })));
        let refused = Message::Error { class: "CommandNotFound".to_owned(), description: "no".to_owned() };
        assert_eq!(parse(r#"{"error": {"class": "CommandNotFound", "desc": "no"}}"#).unwrap(), refused);
        for bad in ["", "[]", "{}", "null", "{\"return\"", "\u{0}"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn a_command_is_run_after_the_greeting_with_events_in_between() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("q");
        let listener = UnixListener::bind(&socket).unwrap();
        let qemu = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"{\"QMP\": {}}\n").await.unwrap();
            let (read, mut write) = stream.split();
            let mut lines = BufReader::new(read).lines();
            assert_eq!(lines.next_line().await.unwrap().unwrap(), r#"{"execute":"qmp_capabilities"}"#);
            write.write_all(b"{\"return\": {}}\n").await.unwrap();
            assert_eq!(lines.next_line().await.unwrap().unwrap(), r#"{"execute":"system_powerdown"}"#);
            write.write_all(b"{\"event\": \"POWERDOWN\"}\n{\"return\": 7}\n").await.unwrap();
        };
        let (answer, ()) = tokio::join!(run(&socket, "system_powerdown"), qemu);
        assert_eq!(answer.unwrap(), json!(7));
    }
}
