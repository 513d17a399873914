//! Numbers, and what is written with handles of a pool.

use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::Date;

use super::super::advisory::{Advisory, AffectedVersions, Cycle, End, Event, Exploited, Severity};
use super::super::database::DatabaseError;
use super::pool::{Handle, Pool};

/// Whoever has what handles stand for.
pub(crate) trait Texts {
    /// Returns the bytes of a handle.
    fn item(&self, handle: Handle) -> Result<Bytes, DatabaseError>;

    /// Returns the text of a handle.
    fn text(&self, handle: Handle) -> Result<String, DatabaseError> {
        String::from_utf8(self.item(handle)?.into()).map_err(|_| DatabaseError::damaged("a text isn't one"))
    }
}

/// What can be kept in a pool.
pub(crate) trait Pooled: Sized {
    /// Writes it, its texts into the pool.
    fn write(&self, to: &mut Vec<u8>, pool: &mut Pool) -> Result<(), DatabaseError>;

    /// Reads it.
    fn read(from: &mut Reader<'_>) -> Result<Self, DatabaseError>;

    /// Adds it to a pool.
    fn add(&self, pool: &mut Pool) -> Result<Handle, DatabaseError> {
        let mut bytes = Vec::new();
        self.write(&mut bytes, pool)?;
        pool.add(&bytes)
    }

    /// Returns what a handle stands for.
    fn of(handle: Handle, texts: &dyn Texts) -> Result<Self, DatabaseError> {
        let bytes = texts.item(handle)?;
        let mut reader = Reader { rest: &bytes, texts, room_bytes: MOST_READ_BYTES };
        let value = Self::read(&mut reader)?;
        if reader.rest.is_empty() { Ok(value) } else { Err(DatabaseError::damaged("details are longer than they are")) }
    }
}

/// What details may amount to with all their texts: a list that names one long text again and again is small.
const MOST_READ_BYTES: usize = 64 << 20;

/// Bytes that are being read, and who has the texts that they name.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    texts: &'a dyn Texts,
    room_bytes: usize,
}

/// Writes a number, seven bits a byte, the lowest first; the last byte's top bit is zero.
pub(crate) fn write_number(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// Reads a number; none if the bytes end before, or it has more than 64 bits.
pub(crate) fn read_number(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = from.split_first()?;
        *from = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        number |= bits << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

impl Reader<'_> {
    fn number(&mut self) -> Result<u64, DatabaseError> {
        read_number(&mut self.rest).ok_or_else(|| DatabaseError::damaged("details are cut off"))
    }

    /// Takes room for a value, and what it holds.
    fn take(&mut self, bytes: usize) -> Result<(), DatabaseError> {
        let left = self.room_bytes.checked_sub(bytes.saturating_add(32));
        self.room_bytes = left.ok_or_else(|| DatabaseError::damaged("details are too large"))?;
        Ok(())
    }
}

impl Pooled for u64 {
    fn write(&self, to: &mut Vec<u8>, _: &mut Pool) -> Result<(), DatabaseError> {
        write_number(to, *self);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DatabaseError> {
        from.number()
    }
}

impl Pooled for String {
    fn write(&self, to: &mut Vec<u8>, pool: &mut Pool) -> Result<(), DatabaseError> {
        u64::from(pool.add(self.as_bytes())?).write(to, pool)
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DatabaseError> {
        let handle = Handle::try_from(from.number()?).map_err(|_| DatabaseError::damaged("a handle is too large"))?;
        let text = from.texts.text(handle)?;
        from.take(text.len())?;
        Ok(text)
    }
}

impl<T: Pooled> Pooled for Vec<T> {
    fn write(&self, to: &mut Vec<u8>, pool: &mut Pool) -> Result<(), DatabaseError> {
        write_number(to, self.len() as u64);
        self.iter().try_for_each(|value| value.write(to, pool))
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DatabaseError> {
        let length = from.number()?;
        // A value takes a byte at least: no more is made room for than was read.
        if length > from.rest.len() as u64 {
            return Err(DatabaseError::damaged("a list is longer than what holds it"));
        }
        let mut values = Vec::new();
        for _ in 0..length {
            from.take(size_of::<T>())?;
            values.push(T::read(from)?);
        }
        Ok(values)
    }
}

impl<T: Pooled> Pooled for Option<T> {
    fn write(&self, to: &mut Vec<u8>, pool: &mut Pool) -> Result<(), DatabaseError> {
        write_number(to, self.is_some().into());
        self.iter().try_for_each(|value| value.write(to, pool))
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DatabaseError> {
        match from.number()? {
            0 => Ok(None),
            1 => Ok(Some(T::read(from)?)),
            _ => Err(DatabaseError::damaged("something is neither there nor not")),
        }
    }
}

impl Pooled for bool {
    fn write(&self, to: &mut Vec<u8>, _: &mut Pool) -> Result<(), DatabaseError> {
        write_number(to, (*self).into());
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DatabaseError> {
        Ok(from.number()? != 0)
    }
}

/// In seconds: negative numbers become odd ones.
impl Pooled for Timestamp {
    fn write(&self, to: &mut Vec<u8>, _: &mut Pool) -> Result<(), DatabaseError> {
        let seconds = self.as_second();
        write_number(to, ((seconds << 1) ^ (seconds >> 63)) as u64);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DatabaseError> {
        let number = from.number()?;
        let seconds = (number >> 1) as i64 ^ -((number & 1) as i64);
        Self::from_second(seconds).map_err(|_| DatabaseError::damaged("a time isn't one"))
    }
}

/// As the number that its digits are: 20251231.
impl Pooled for Date {
    fn write(&self, to: &mut Vec<u8>, _: &mut Pool) -> Result<(), DatabaseError> {
        let year = u64::try_from(self.year()).map_err(|_| DatabaseError::TooLarge)?;
        write_number(to, year * 10_000 + self.month() as u64 * 100 + self.day() as u64);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DatabaseError> {
        let wrong = || DatabaseError::damaged("a day isn't one");
        let number = from.number()?;
        let year = i16::try_from(number / 10_000).map_err(|_| wrong())?;
        // Both are below 100.
        Self::new(year, (number / 100 % 100) as i8, (number % 100) as i8).map_err(|_| wrong())
    }
}

impl Pooled for Event {
    fn write(&self, to: &mut Vec<u8>, pool: &mut Pool) -> Result<(), DatabaseError> {
        let (kind, version) = match self {
            Self::Introduced(version) => (0, version),
            Self::Fixed(version) => (1, version),
            Self::LastAffected(version) => (2, version),
            Self::Limit(version) => (3, version),
        };
        write_number(to, kind);
        version.write(to, pool)
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DatabaseError> {
        let (kind, version) = (from.number()?, String::read(from)?);
        match kind {
            0 => Ok(Self::Introduced(version)),
            1 => Ok(Self::Fixed(version)),
            2 => Ok(Self::LastAffected(version)),
            3 => Ok(Self::Limit(version)),
            _ => Err(DatabaseError::damaged("an event is of no kind")),
        }
    }
}

impl Pooled for End {
    fn write(&self, to: &mut Vec<u8>, pool: &mut Pool) -> Result<(), DatabaseError> {
        let kind = match self {
            Self::Untold => 0,
            Self::Open => 1,
            Self::Over => 2,
            Self::On(day) => return day.write(to, pool),
        };
        write_number(to, kind);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DatabaseError> {
        let before = from.rest;
        match from.number()? {
            0 => Ok(Self::Untold),
            1 => Ok(Self::Open),
            2 => Ok(Self::Over),
            _ => {
                from.rest = before;
                Date::read(from).map(Self::On)
            }
        }
    }
}

/// Writes and reads a struct's fields in their order.
macro_rules! pooled {
    ($($name:ident { $($field:ident),* })*) => {$(
        impl Pooled for $name {
            fn write(&self, to: &mut Vec<u8>, pool: &mut Pool) -> Result<(), DatabaseError> {
                $(self.$field.write(to, pool)?;)*
                Ok(())
            }

            fn read(from: &mut Reader<'_>) -> Result<Self, DatabaseError> {
                Ok(Self { $($field: Pooled::read(from)?),* })
            }
        }
    )*};
}

pooled! {
    Severity { word, vectors }
    Advisory { id, aliases, upstream, related, summary, published, modified, severity }
    AffectedVersions { ranges, versions, module, architectures, repository, binaries, severity }
    Exploited { added, due, by_ransomware, name }
    Cycle { name, released, security, extended }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept<T: Pooled>(value: &T) -> T {
        let mut pool = Pool::new();
        let handle = value.add(&mut pool).unwrap();
        T::of(handle, &pool).unwrap()
    }

    #[test]
    fn what_is_kept_comes_back() {
        let date = |text: &str| text.parse::<Date>().unwrap();
        for end in [End::Untold, End::Open, End::Over, End::On(date("2030-06-30")), End::On(date("0001-01-01"))] {
            assert_eq!(kept(&end), end);
        }
        for time in ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2026-11-27T12:00:01Z"] {
            let time: Timestamp = time.parse().unwrap();
            assert_eq!(kept(&time), time);
        }
        let versions = AffectedVersions {
            ranges: vec![vec![Event::Introduced("0".into()), Event::Fixed("1:2-3".into())], vec![Event::Limit("9".into())]],
            versions: vec!["1.0".into()],
            module: Some("nodejs:18".into()),
            severity: Severity { word: Some("high".into()), vectors: vec!["CVSS:3.1/AV:N".into()] },
            ..AffectedVersions::default()
        };
        assert_eq!(kept(&versions), versions);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn numbers_come_back(number: u64) {
            let mut bytes = Vec::new();
            write_number(&mut bytes, number);
            prop_assert_eq!(read_number(&mut bytes.as_slice()), Some(number));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut pool = Pool::new();
            let handle = pool.add(&bytes).unwrap();
            let _ = Advisory::of(handle, &pool);
            let _ = AffectedVersions::of(handle, &pool);
            let _ = Exploited::of(handle, &pool);
            let _ = Vec::<Cycle>::of(handle, &pool);
        }
    }
}
