//! What AWS takes, as far as it can be told without asking.

pub(super) mod addresses;
pub(super) mod instances;
pub(super) mod names;
pub(super) mod texts;

pub(super) use names::nearest;
