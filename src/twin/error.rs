//! AWS's refusals: a status, a code, a text, in the form that each protocol gives them.

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use super::service::Reply;

/// A refusal, before a protocol has given it its form.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// AWS's code, such as `InvalidAMIID.NotFound`.
    pub code: String,
    /// AWS's text.
    pub message: String,
    /// Further members of a JSON answer, such as the Catalog's `ValidationExceptionFieldList`.
    pub details: Box<Map<String, Value>>,
}

/// How a protocol writes its refusals.
///
/// Source: <https://smithy.io/2.0/aws/protocols/index.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// EC2's dialect of the query protocol: XML, `Response/Errors/Error`.
    Ec2,
    /// The query protocol: XML, `ErrorResponse/Error`, in the service's namespace.
    Query(&'static str),
    /// XML over REST, as S3 has it: `Error` alone.
    RestXml,
    /// JSON 1.1: the code is the member `__type`.
    Json,
    /// JSON over REST: the code is the header `x-amzn-ErrorType`; the text's member is `Message` or
    /// `message`, as the service's model has it.
    RestJson(&'static str),
}

impl ApiError {
    /// Makes a refusal.
    pub fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), details: Box::default() }
    }

    /// Adds a member to a JSON answer.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.details.insert(member.to_owned(), value.into());
        self
    }

    /// Writes the refusal as the protocol does; `request_id` is also an element of the XML forms.
    pub fn into_reply(self, form: Form, request_id: &str) -> Reply {
        let (code, message) = (quick_xml::escape::escape(&self.code), quick_xml::escape::escape(&self.message));
        let mut reply = match form {
            Form::Ec2 => xml(format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message>\
                 </Error></Errors><RequestID>{request_id}</RequestID></Response>"
            )),
            Form::Query(namespace) => {
                let fault = if self.status < 500 { "Sender" } else { "Receiver" };
                xml(format!(
                    "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message>\
                     </Error><RequestId>{request_id}</RequestId></ErrorResponse>"
                ))
            }
            Form::RestXml => xml(format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
                 <RequestId>{request_id}</RequestId></Error>"
            )),
            Form::Json => {
                let mut body = Map::from_iter([("__type".to_owned(), self.code.into()), ("message".to_owned(), self.message.into())]);
                body.extend(*self.details);
                json("application/x-amz-json-1.1", &body.into())
            }
            Form::RestJson(text) => {
                let code = HeaderValue::from_str(&self.code).unwrap_or(HeaderValue::from_static("InternalError"));
                let mut body = Map::from_iter([(text.to_owned(), self.message.into())]);
                body.extend(*self.details);
                let mut reply = json("application/json", &body.into());
                reply.headers_mut().insert("x-amzn-errortype", code);
                reply
            }
        };
        *reply.status_mut() = http::StatusCode::from_u16(self.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        reply
    }
}

impl From<std::io::Error> for ApiError {
    fn from(error: std::io::Error) -> Self {
        Self::new(500, "InternalError", format!("the twin could not use its files: {error}"))
    }
}

/// Makes an answer of XML, with status 200.
pub(super) fn xml(body: String) -> Reply {
    with_type("text/xml;charset=UTF-8", body.into())
}

/// Makes an answer of JSON, with status 200.
pub(super) fn json(content_type: &'static str, body: &Value) -> Reply {
    with_type(content_type, body.to_string().into())
}

fn with_type(content_type: &'static str, body: Bytes) -> Reply {
    let mut reply = Reply::new(body);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}
