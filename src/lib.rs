//! Bakehouse bakes, scans, versions, distributes and lists machine images on AWS Marketplace.
//!
//! The modules stand in floor order; imports go down only (see ARCHITECTURE.md).

#![forbid(unsafe_code)]

// Floor 0: nouns, and what AWS takes of them.
pub mod clock;
pub mod model;
pub mod rules;

// Floor 1: texts and bytes into nouns; bytes to and from a machine.
pub mod advisories;
pub mod disk;
pub mod manifest;
pub mod reach;
pub mod template;

// Floor 2: verbs, pure.
pub mod bake;
pub mod listing;
pub mod release;
pub mod scan;

// Floor 3: what to do.
pub mod plan;

// Floor 4: doing it.
pub mod cloud;
pub mod doctor;
pub mod engine;
pub mod ledger;
pub mod twin;

// Floor 5: the command line.
pub mod ci;
pub mod cli;
pub mod command;
pub mod examples;
pub mod failure;
pub mod ui;
