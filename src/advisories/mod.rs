//! Advisories: which versions of which packages have which flaws.

pub mod order;
