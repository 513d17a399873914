//! Talking to a machine as its user would: SSH and HTTP over whatever carries bytes to it.
//!
//! Mechanics alone: what is asked and what its answer means is the callers' business.

mod http;
mod ssh;
mod stream;

pub use http::{Answer, HttpError, get};
pub use ssh::{LoginError, LoginKey, Output, Session, login};
pub use stream::{BoxStream, Stream, stays_open};
