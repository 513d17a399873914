//! Floor 2, the bake: what runs in the instance that becomes an image, and how its console is read.
//!
//! Pure: a [`Product`](crate::model::product::Product) goes in, user data comes out; console bytes
//! go in, a [`BakeLog`] comes out. Who starts the instance and waits for it is no concern here.
//!
//! The two sides speak by markers, lines on the serial console that carry the run's nonce:
//!
//! ```text
//! BAKEHOUSE nonce begin
//! BAKEHOUSE nonce step 0 begin payload
//! BAKEHOUSE nonce step 1 begin packages nginx
//! BAKEHOUSE nonce step 1 ok
//! BAKEHOUSE nonce step 2 failed 3
//! BAKEHOUSE nonce tail the step's last lines, one a marker
//! BAKEHOUSE nonce provisioned
//! BAKEHOUSE nonce sealed
//! BAKEHOUSE nonce seal failed 1
//! BAKEHOUSE nonce deadline
//! ```
//!
//! What a step prints stands between them, each line behind `| `, for the eye alone.

mod console;
#[cfg(test)]
mod fixture;
mod guest;
mod input;
mod mime;
mod naming;
mod user_data;
mod window;

pub use console::{BakeLog, Outcome, SealState, StepLog, StepState, printable, read};
pub use input::{input_digest, input_parts};
pub use naming::{DESCRIPTION_MAX_CHARACTERS, IMAGE_NAME_MAX_CHARACTERS, description, image_name};
pub use user_data::{BUNDLE_MAX_BYTES, Bundle, InputSize, Payload, USER_DATA_MAX_BYTES, UserDataError, payload};
pub use window::fresh;
