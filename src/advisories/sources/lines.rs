//! Reading a source piece by piece: where in it one is, and never more at once than may be.

use std::io::{self, BufRead, Read};

/// A line of a table, a tag of XML with what it names.
const LARGEST_PIECE_BYTES: usize = 4 << 20;

/// Counts lines, and refuses to go on within a piece that is too large.
pub(super) struct Lines<R> {
    inner: R,
    line: u64,
    column: u64,
    /// What the piece may still have.
    left: usize,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, line: 1, column: 1, left: LARGEST_PIECE_BYTES }
    }

    /// Returns line and column (in bytes) of what comes next, both from 1.
    pub(super) fn place(&self) -> (u64, u64) {
        (self.line, self.column)
    }

    /// Begins a piece.
    pub(super) fn begin(&mut self) {
        self.left = LARGEST_PIECE_BYTES;
    }

    /// Returns the next line without its end; none after the last.
    pub(super) fn next_line(&mut self) -> io::Result<Option<String>> {
        self.begin();
        let mut line = Vec::new();
        if self.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let text = String::from_utf8(line).map_err(|_| io::Error::other("it is not UTF-8"))?;
        Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
    }
}

impl<R: BufRead> BufRead for Lines<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let buffer = self.inner.fill_buf()?;
        if self.left == 0 && !buffer.is_empty() {
            return Err(io::Error::other(format!("a piece of it has more than {LARGEST_PIECE_BYTES} bytes")));
        }
        Ok(&buffer[..buffer.len().min(self.left)])
    }

    fn consume(&mut self, count: usize) {
        // What is consumed was in the buffer, which is still there.
        let consumed = self.inner.fill_buf().unwrap_or_default();
        let consumed = &consumed[..count.min(consumed.len())];
        let ends = memchr::memchr_iter(b'\n', consumed).count() as u64;
        self.line += ends;
        self.column = match memchr::memrchr(b'\n', consumed) {
            Some(end) => (consumed.len() - end) as u64,
            None => self.column + consumed.len() as u64,
        };
        self.left -= consumed.len().min(self.left);
        self.inner.consume(count);
    }
}

impl<R: BufRead> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = (&self.fill_buf()?[..]).read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_and_endless_lines_refused() {
        let mut lines = Lines::new(b"one\r\ntwo\n\nlast".as_slice());
        let mut found = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            found.push((line, lines.place()));
        }
        let expected = [("one", (2, 1)), ("two", (3, 1)), ("", (4, 1)), ("last", (4, 5))];
        assert_eq!(found, expected.map(|(line, place)| (line.to_owned(), place)));
        let mut endless = Lines::new(io::BufReader::new(io::repeat(b'x')));
        assert!(endless.next_line().unwrap_err().to_string().contains("more than"));
    }
}
