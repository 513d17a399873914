//! Names: eleven bytes of a DOS code page, or a long name in pieces before them.
//!
//! Source: fatgen103, "FAT Long Directory Entries"; Linux, fs/fat/dir.c (`fat_parse_long`, `fat_parse_short`).

use super::super::bytes::Bytes;

/// Pieces of one name, of 13 UTF-16 units each.
const MOST_PIECES: u8 = 20;
const PIECE_UNITS: usize = 13;
/// Where a piece has its units.
const UNITS_AT: [usize; PIECE_UNITS] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
/// Marks the piece that stands first, which is the name's last.
const LAST_PIECE: u8 = 0x40;

/// The upper half of code page 437, which Linux takes unless it is told another.
const CP437: &str =
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// A long name being read. Pieces that don't fit together are none, and the file has its short name.
#[derive(Debug, Default)]
pub(super) struct LongName {
    units: Vec<u16>,
    /// Pieces still to come.
    missing: u8,
    checksum: u8,
}

impl LongName {
    /// Takes a piece; none when the bytes are too few.
    pub fn take(&mut self, at: Bytes<'_>) -> Option<()> {
        let (order, checksum) = (at.u8(0)?, at.u8(13)?);
        if order & LAST_PIECE != 0 {
            let count = order & !LAST_PIECE;
            let units = if (1..=MOST_PIECES).contains(&count) { usize::from(count) * PIECE_UNITS } else { 0 };
            *self = Self { units: vec![0; units], missing: count, checksum };
        } else if order != self.missing || checksum != self.checksum {
            *self = Self::default();
        }
        // Nothing fits into a name of no units.
        let piece = self.units.chunks_exact_mut(PIECE_UNITS).nth(usize::from(self.missing.wrapping_sub(1)));
        let Some(piece) = piece else {
            *self = Self::default();
            return Some(());
        };
        for (unit, at_byte) in piece.iter_mut().zip(UNITS_AT) {
            *unit = at.u16_le(at_byte)?;
        }
        self.missing -= 1;
        Some(())
    }

    /// Returns the name if it is whole and of the file of this short name.
    pub fn of(self, short: &[u8; 11]) -> Option<String> {
        let is_whole = !self.units.is_empty() && self.missing == 0 && self.checksum == checksum(short);
        let name = self.units.split(|&unit| unit == 0).next()?;
        is_whole.then(|| String::from_utf16_lossy(name))
    }
}

/// What pieces of a long name have of the short one.
pub(super) fn checksum(short: &[u8; 11]) -> u8 {
    short.iter().fold(0, |sum: u8, &byte| sum.rotate_right(1).wrapping_add(byte))
}

/// Writes a short name; the bits of `case` make its two halves small letters.
pub(super) fn short(name: &[u8; 11], case: u8) -> String {
    let mut name = *name;
    // 0xe5 itself would mark the entry as deleted.
    if name[0] == 0x05 {
        name[0] = 0xe5;
    }
    let (base, extension) = name.split_at(8);
    let half = |bytes: &[u8], is_small: bool| {
        let text = cp437(bytes).trim_end_matches(' ').to_owned();
        if is_small { text.to_lowercase() } else { text }
    };
    let (base, extension) = (half(base, case & 0x08 != 0), half(extension, case & 0x10 != 0));
    if extension.is_empty() { base } else { format!("{base}.{extension}") }
}

/// Reads text of the code page.
pub(super) fn cp437(bytes: &[u8]) -> String {
    let upper = |byte: u8| CP437.chars().nth(usize::from(byte - 0x80)).unwrap_or(char::REPLACEMENT_CHARACTER);
    bytes.iter().map(|&byte| if byte < 0x80 { char::from(byte) } else { upper(byte) }).collect()
}
