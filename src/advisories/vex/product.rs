//! What a statement is about, and what is asked about.

use std::fmt;
use std::sync::Arc;

use super::cpe::Cpe;
use super::purl::Purl;

/// What a statement is about: a package or a larger thing, alone or as a part of others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Product {
    /// What it is.
    pub component: Arc<Component>,
    /// What it has to be a part of, all of it; the statement says nothing of the component elsewhere.
    pub within: Vec<Arc<Component>>,
}

impl Product {
    /// Tells whether what is said of it is said of the package that is asked about: that is the component, or a part of it.
    pub(super) fn holds_for(&self, asked: &Asked) -> bool {
        // Most products of a large document are of another name, which is told at once.
        let is_meant = self.component.names(&asked.package) || asked.inside.iter().any(|thing| self.component.names(thing));
        is_meant && self.within.iter().all(|whole| asked.inside.iter().any(|thing| whole.names(thing)))
    }
}

impl Product {
    /// Says why it isn't what a package is that was asked about, though the flaw is in that; a clause.
    pub(super) fn miss(&self, asked: &Asked) -> String {
        let is_there = |component: &Component| component.names(&asked.package) || asked.inside.iter().any(|thing| component.names(thing));
        if !is_there(&self.component) {
            let hint = match self.component.names_source(&asked.package) {
                true => ": that is the source package, which `?arch=source` behind it says",
                false => "",
            };
            return format!("{} is neither that package nor what it is in{hint}", self.component);
        }
        let missing = self.within.iter().find(|whole| !asked.inside.iter().any(|thing| whole.names(thing)));
        match missing {
            Some(whole) => format!("{} is said as a part of {whole}, which isn't what was scanned", self.component),
            None => format!("{} is it", self.component),
        }
    }
}

/// Its first name.
impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.purls.first(), self.cpes.first()) {
            (Some(purl), _) => purl.fmt(f),
            (None, Some(cpe)) => cpe.fmt(f),
            (None, None) => f.write_str("nothing"),
        }
    }
}

/// One thing with all of its names, of which any will do. It has at least one.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Component {
    /// Package URLs, which are patterns: one without a version is of all versions.
    pub purls: Vec<Purl>,
    /// CPE names.
    pub cpes: Vec<Cpe>,
}

impl Component {
    /// Adds a name; tells whether it was understood.
    pub(super) fn add(&mut self, name: &str) -> bool {
        match Thing::read(name) {
            Some(Thing::Package { purl, .. }) => self.purls.push(*purl),
            Some(Thing::Platform(cpe)) => self.cpes.push(cpe),
            None => return false,
        }
        true
    }

    /// Tells whether it has no name.
    pub(super) fn is_nameless(&self) -> bool {
        self.purls.is_empty() && self.cpes.is_empty()
    }

    /// Tells whether it would name the source of a package if it said that it is one.
    fn names_source(&self, thing: &Thing) -> bool {
        let Thing::Package { source: Some(source), .. } = thing else { return false };
        self.purls.iter().filter_map(Purl::as_source).any(|pattern| pattern.covers(source))
    }

    fn names(&self, thing: &Thing) -> bool {
        match thing {
            Thing::Package { purl, source } => self.purls.iter().any(|pattern| {
                let of_source = || pattern.is_source() && source.as_ref().is_some_and(|source| pattern.covers(source));
                pattern.covers(purl) || of_source()
            }),
            Thing::Platform(name) => self.cpes.iter().any(|pattern| pattern.covers(name)),
        }
    }
}

/// What is asked about: a package, and what it is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The package's URL. Its `upstream` tells the source package, which statements with `arch=src` or `arch=source` are about.
    pub package: &'a str,
    /// Package URLs and CPE names of all that it is a part of: the image, the operating system with its repositories.
    pub inside: &'a [&'a str],
}

/// The same, understood.
#[derive(Debug)]
pub(super) struct Asked {
    package: Thing,
    inside: Vec<Thing>,
}

impl Asked {
    /// Reads what is asked about; none if the package has no name that is understood.
    pub(super) fn read(subject: &Subject<'_>) -> Option<Self> {
        let inside = subject.inside.iter().filter_map(|name| Thing::read(name)).collect();
        Some(Self { package: Thing::read(subject.package)?, inside })
    }
}

#[derive(Debug)]
enum Thing {
    Package { purl: Box<Purl>, source: Option<Box<Purl>> },
    Platform(Cpe),
}

impl Thing {
    fn read(name: &str) -> Option<Self> {
        match Purl::read(name) {
            Some(purl) => Some(Self::Package { source: purl.source().map(Box::new), purl: Box::new(purl) }),
            None => Cpe::read(name).map(Self::Platform),
        }
    }
}
