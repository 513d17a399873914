//! A group's metadata: which stretches of which physical volumes make which logical ones.

use std::collections::BTreeMap;

use super::text::{self, Section, Value};

const SECTOR_BYTES: u64 = 512;

/// Segments of one volume; more are damage.
const MOST_SEGMENTS: u64 = 1 << 16;

/// A group of volumes.
#[derive(Debug)]
pub(super) struct Group {
    pub name: String,
    pub id: String,
    /// Counts the changes.
    pub sequence: u64,
    pub extent_bytes: u64,
    /// By the names that segments call them.
    pub physical: BTreeMap<String, Physical>,
    pub logical: Vec<Logical>,
}

/// A physical volume as the group knows it.
#[derive(Debug)]
pub(super) struct Physical {
    /// Without hyphens, as in its label.
    pub id: String,
    /// Where its extents begin, in bytes.
    pub start_bytes: u64,
    pub extents: u64,
}

/// A logical volume.
#[derive(Debug)]
pub(super) struct Logical {
    pub name: String,
    /// Others are parts of one that is.
    pub is_visible: bool,
    /// In the volume's order, without gaps; a lowercase fragment where it is of a kind that isn't read.
    pub segments: Result<Vec<Segment>, String>,
}

/// A stretch of a logical volume, in extents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub start: u64,
    pub count: u64,
    pub physical: String,
    pub physical_start: u64,
}

impl Group {
    /// Takes a text apart; the error is a lowercase fragment.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let text = text::parse(text)?;
        let (name, section) = text.iter().find_map(|(name, value)| Some((name, value.section()?))).ok_or("it describes no group")?;
        Self::from_section(name, section).ok_or_else(|| "it lacks what describes a group".to_owned())
    }

    fn from_section(name: &str, section: &Section) -> Option<Self> {
        let extent_bytes = number(section, "extent_size")?.checked_mul(SECTOR_BYTES).filter(|bytes| *bytes > 0)?;
        let physical = sections(section, "physical_volumes").map(|(name, volume)| Some((name.clone(), Physical::from_section(volume)?)));
        let logical = sections(section, "logical_volumes").map(|(name, volume)| Logical::from_section(name, volume));
        Some(Self {
            name: name.to_owned(),
            id: text(section, "id")?.to_owned(),
            sequence: number(section, "seqno")?,
            extent_bytes,
            physical: physical.collect::<Option<_>>()?,
            logical: logical.collect(),
        })
    }
}

impl Physical {
    fn from_section(section: &Section) -> Option<Self> {
        Some(Self {
            id: text(section, "id")?.replace('-', ""),
            start_bytes: number(section, "pe_start")?.checked_mul(SECTOR_BYTES)?,
            extents: number(section, "pe_count")?,
        })
    }
}

impl Logical {
    fn from_section(name: &str, section: &Section) -> Self {
        let status = section.get("status").and_then(Value::list).unwrap_or_default();
        let is_visible = status.iter().any(|flag| flag.text() == Some("VISIBLE"));
        Self { name: name.to_owned(), is_visible, segments: segments(section) }
    }
}

fn segments(section: &Section) -> Result<Vec<Segment>, String> {
    let cut_off = || "its description is cut off".to_owned();
    let count = number(section, "segment_count").ok_or_else(cut_off)?;
    if count > MOST_SEGMENTS {
        return Err(format!("it claims {count} segments"));
    }
    let mut segments = Vec::new();
    let mut reached = 0;
    for index in 1..=count {
        let description = section.get(&format!("segment{index}")).and_then(Value::section).ok_or_else(cut_off)?;
        let segment = segment(description)?.ok_or_else(cut_off)?;
        if segment.start != reached {
            return Err("its segments are out of order".to_owned());
        }
        reached = reached.checked_add(segment.count).ok_or_else(cut_off)?;
        segments.push(segment);
    }
    Ok(segments)
}

/// None when something is missing.
fn segment(section: &Section) -> Result<Option<Segment>, String> {
    let kind = text(section, "type").unwrap_or("unknown");
    match (kind, number(section, "stripe_count")) {
        ("striped" | "linear", Some(1)) => {}
        ("striped", Some(count)) => return Err(format!("it is striped over {count} stretches, which can't be read")),
        (kind, _) => return Err(format!("it is of type {kind:?}, which can't be read")),
    }
    let parse = || {
        let stripes = section.get("stripes")?.list()?;
        Some(Segment {
            start: number(section, "start_extent")?,
            count: number(section, "extent_count")?,
            physical: stripes.first()?.text()?.to_owned(),
            physical_start: stripes.get(1)?.number()?,
        })
    };
    Ok(parse())
}

fn number(section: &Section, name: &str) -> Option<u64> {
    section.get(name)?.number()
}

fn text<'a>(section: &'a Section, name: &str) -> Option<&'a str> {
    section.get(name)?.text()
}

fn sections<'a>(section: &'a Section, name: &str) -> impl Iterator<Item = (&'a String, &'a Section)> {
    section.get(name).and_then(Value::section).into_iter().flatten().filter_map(|(name, value)| Some((name, value.section()?)))
}
