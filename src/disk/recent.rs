//! What was used last, kept in bounded memory.

use std::collections::VecDeque;

/// Values by number, the one used last first; what was not used for longest goes when there are too many.
#[derive(Debug)]
pub(super) struct Recent<V> {
    kept: VecDeque<(u64, V)>,
    most: usize,
}

impl<V: Clone> Recent<V> {
    /// Keeps as many values as fit in the bytes, at least one and few enough to look through.
    pub fn new(value_bytes: usize, most_bytes: usize) -> Self {
        Self { kept: VecDeque::new(), most: (most_bytes / value_bytes.max(1)).clamp(1, 256) }
    }

    pub fn get(&mut self, number: u64) -> Option<V> {
        let index = self.kept.iter().position(|(kept, _)| *kept == number)?;
        if index > 0 {
            let found = self.kept.remove(index)?;
            self.kept.push_front(found);
        }
        self.kept.front().map(|(_, value)| value.clone())
    }

    pub fn keep(&mut self, number: u64, value: V) {
        self.kept.truncate(self.most - 1);
        self.kept.push_front((number, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_last_is_kept() {
        let mut recent = Recent::new(10, 35);
        (0..3).for_each(|number| recent.keep(number, number));
        assert_eq!(recent.get(0), Some(0));
        recent.keep(3, 3);
        assert_eq!([0, 1, 2, 3].map(|number| recent.get(number).is_some()), [true, false, true, true]);
        assert_eq!(Recent::<()>::new(usize::MAX, 1).most, 1);
    }
}
