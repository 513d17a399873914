//! Databases that are texts of paragraphs: dpkg's and apk's.

use super::bytes::Damaged;

/// Returns the paragraphs of a text with the lines that they begin on, counted from 1; blank ones are left out.
pub(super) fn paragraphs(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut next = 1;
    let placed = text.split("\n\n").map(move |paragraph| {
        let blank = paragraph.bytes().take_while(|&byte| byte == b'\n').count();
        let line = next + blank;
        next += paragraph.matches('\n').count() + 2;
        (line, paragraph)
    });
    placed.filter(|(_, paragraph)| !paragraph.trim().is_empty())
}

/// What is wrong with paragraphs: how many, and the first.
#[derive(Debug, Default)]
pub(super) struct Faults {
    count: usize,
    first: Option<(usize, Damaged)>,
}

impl Faults {
    /// Notes what is wrong with a paragraph, by its line.
    pub(super) fn note(&mut self, line: usize, why: Damaged) {
        self.count += 1;
        self.first.get_or_insert((line, why));
    }

    /// Says what is wrong; none if nothing is.
    pub(super) fn told(self) -> Option<String> {
        let (line, why) = self.first?;
        Some(format!("{} of its paragraphs can't be read in whole, the first, on line {line}, because {why}", self.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_have_the_lines_that_they_begin_on() {
        let found: Vec<_> = paragraphs("\na\nb\n\n\nc\n\n \n\nd").collect();
        assert_eq!(found, [(2, "\na\nb"), (6, "\nc"), (10, "d")]);
        assert_eq!(paragraphs("\n\n\n").count(), 0);
    }
}
