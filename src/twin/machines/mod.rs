//! What runs the twin's instances: QEMU, a script, or nothing.

/// What runs the twin's instances.
pub enum Machines {
    /// States only; nothing runs.
    None,
}
