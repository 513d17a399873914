//! How long EC2 takes for what it does asynchronously.

use jiff::SignedDuration;

/// Durations from a request to its completion, on the twin's clock.
///
/// AWS promises none of them; the values are of the order seen in practice for disks of a few GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delays {
    /// `pending` to `running`.
    pub launch: SignedDuration,
    /// `stopping` to `stopped`, at the least: the machine must have ended too.
    pub stop: SignedDuration,
    /// After this long in `stopping` the machine is switched off, as EC2 does with a hung system.
    pub forced_stop: SignedDuration,
    /// `shutting-down` to `terminated`.
    pub terminate: SignedDuration,
    /// How long a terminated instance is still described.
    pub forget: SignedDuration,
    /// How far the console's posted output (without `Latest`) lags behind a running instance.
    pub console: SignedDuration,
    /// A running instance whose guest has not come up by then fails its checks.
    pub impaired: SignedDuration,
    /// `pending` to `completed` of a snapshot.
    pub snapshot: SignedDuration,
    /// `pending` to `available` of an image made from an instance.
    pub image: SignedDuration,
    /// `pending` to `available` of an image registered from snapshots.
    pub register: SignedDuration,
    /// `pending` to `available` or `completed` of a copy.
    pub copy: SignedDuration,
}

impl Delays {
    /// Returns delays such as AWS has them.
    pub const fn aws_like() -> Self {
        Self {
            launch: SignedDuration::from_secs(5),
            stop: SignedDuration::from_secs(10),
            forced_stop: SignedDuration::from_secs(600),
            terminate: SignedDuration::from_secs(10),
            forget: SignedDuration::from_secs(3600),
            console: SignedDuration::from_secs(240),
            impaired: SignedDuration::from_mins(10),
            snapshot: SignedDuration::from_secs(30),
            image: SignedDuration::from_secs(60),
            register: SignedDuration::from_secs(5),
            copy: SignedDuration::from_secs(300),
        }
    }

    /// Returns delays that show every state but hold nobody up on a real clock.
    pub const fn short() -> Self {
        Self {
            launch: SignedDuration::from_secs(1),
            stop: SignedDuration::from_secs(1),
            forced_stop: SignedDuration::from_secs(300),
            terminate: SignedDuration::from_secs(1),
            console: SignedDuration::from_secs(10),
            snapshot: SignedDuration::from_secs(1),
            image: SignedDuration::from_secs(2),
            register: SignedDuration::from_secs(1),
            copy: SignedDuration::from_secs(3),
            ..Self::aws_like()
        }
    }
}

impl Default for Delays {
    fn default() -> Self {
        Self::aws_like()
    }
}
