//! A statement: a flaw, products, how they stand to it, who says so and when.

use std::sync::Arc;

use jiff::Timestamp;

use super::product::Product;
use crate::model::vex::{FindingStatement, VexStatus};

/// What an author says of one flaw in some products, the same whatever format it was written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The flaw's ids, its main one first.
    pub ids: Vec<String>,
    /// What it is said of; at least one.
    pub products: Vec<Product>,
    /// What is said.
    pub status: VexStatus,
    /// Who says it.
    pub author: Arc<str>,
    /// When it was said: a later one overrides it.
    pub at: Timestamp,
    /// The document, as whoever handed it in called it.
    pub document: Arc<str>,
    /// Its place in the document: `statements[3]`, `vulnerabilities[0]`.
    pub place: String,
}

impl Statement {
    /// Returns it as a report has it.
    pub fn told(&self) -> FindingStatement {
        FindingStatement { status: self.status.clone(), author: self.author.to_string(), at: self.at, document: self.document.to_string() }
    }
}
