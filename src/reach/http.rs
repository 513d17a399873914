//! One HTTP request a connection, its answer bounded.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::BoxStream;

/// The most of an answer that is read.
const MOST_BYTES: u64 = 1024 * 1024;

/// What a web server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body, at most about 1 MiB of it.
    pub body: Vec<u8>,
}

/// A web server that did not answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The connection failed.
    #[error("the connection broke off")]
    Io(#[source] std::io::Error),
    /// What came is not HTTP.
    #[error("the answer is not HTTP")]
    NotHttp,
}

/// Asks for a path.
///
/// HTTP/1.0, so that the body comes in one piece and the server ends it by closing.
///
/// # Errors
///
/// [`HttpError`]; a status of failure is an answer like any other.
pub async fn get(mut stream: BoxStream, host: &str, path: &str) -> Result<Answer, HttpError> {
    let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: bakehouse\r\nAccept: */*\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(HttpError::Io)?;
    stream.flush().await.map_err(HttpError::Io)?;
    let mut bytes = Vec::new();
    if let Err(error) = stream.take(MOST_BYTES).read_to_end(&mut bytes).await
        && bytes.is_empty()
    {
        return Err(HttpError::Io(error));
    }
    parse(&bytes).ok_or(HttpError::NotHttp)
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let (version, rest) = head.lines().next()?.split_once(' ')?;
    let status = rest.split(' ').next()?;
    if !version.starts_with("HTTP/1.") || status.len() != 3 {
        return None;
    }
    Some(Answer { status: status.parse().ok()?, body: bytes[end + 4..].to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_status_and_a_body() {
        let answer = parse(b"HTTP/1.1 404 Not Found\r\nServer: x\r\n\r\nno\r\n\r\nmore").unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (404, b"no\r\n\r\nmore".as_slice()));
        for bad in ["", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 20 x\r\n\r\n", "HTTP/1.1 \r\n\r\n", "HTTP/1.1 200 OK\r\n"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[tokio::test]
    async fn a_page_is_asked_for_by_path_and_host() {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let serve = async {
            let mut request = vec![0; 4096];
            let count = theirs.read(&mut request).await.unwrap();
            theirs.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello").await.unwrap();
            drop(theirs);
            String::from_utf8_lossy(&request[..count]).into_owned()
        };
        let (answer, request) = tokio::join!(get(Box::new(ours), "127.0.0.1", "/status"), serve);
        assert_eq!(answer.unwrap(), Answer { status: 200, body: b"hello".to_vec() });
        assert!(request.starts_with("GET /status HTTP/1.0\r\nHost: 127.0.0.1\r\n"), "{request}");
    }
}
