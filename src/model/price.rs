//! Prices, compared as numbers: AWS writes them again in its own way.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Decimals that AWS takes.
const DECIMALS: usize = 8;
const UNIT: u64 = 100_000_000;
/// The greatest price, in whole units of the currency.
const GREATEST: u64 = 100_000_000;

/// A price, exact to AWS's eight decimals: `0.1` and `0.10` are one.
///
/// Source: AWS's published shape of `RateCardItem.Price`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Price {
    hundred_millionths: u64,
}

/// A price that goes up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceRise {
    /// The manifest's word for the price, such as `hourly`.
    pub field: String,
    /// What it is the price of, where there are several, such as `t3.small`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What is paid until then.
    pub from: Price,
    /// What is paid from then on.
    pub to: Price,
}

/// Prices that rose together: AWS took them, and they take effect later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rise {
    /// When AWS had taken it.
    pub at: Timestamp,
    /// What rises; records of old don't say.
    pub prices: Vec<PriceRise>,
}

/// Says that a text is no price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a price such as 0.105, of at most 8 decimals and up to 100000000")]
pub struct InvalidPrice {
    text: String,
}

impl FromStr for Price {
    type Err = InvalidPrice;

    fn from_str(text: &str) -> Result<Self, InvalidPrice> {
        let invalid = || InvalidPrice { text: text.chars().take(40).collect() };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str, longest| part.len() <= longest && part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole, 9) || !digits(fraction, DECIMALS) {
            return Err(invalid());
        }
        let whole: u64 = whole.parse().map_err(|_| invalid())?;
        let fraction: u64 = format!("{fraction:0<DECIMALS$}").parse().map_err(|_| invalid())?;
        // Nine digits and eight decimals are below 2^64.
        let hundred_millionths = whole * UNIT + fraction;
        if hundred_millionths > GREATEST * UNIT { Err(invalid()) } else { Ok(Self { hundred_millionths }) }
    }
}

impl TryFrom<String> for Price {
    type Error = InvalidPrice;

    fn try_from(text: String) -> Result<Self, InvalidPrice> {
        text.parse()
    }
}

impl From<Price> for String {
    fn from(price: Price) -> Self {
        price.to_string()
    }
}

impl Price {
    /// Returns how many decimals it needs.
    pub fn decimals(self) -> usize {
        let fraction = format!("{:0DECIMALS$}", self.hundred_millionths % UNIT);
        fraction.trim_end_matches('0').len()
    }

    /// Writes by how much another price differs from this one, to a tenth: `+25 %`, `-33.3 %`; nothing of a zero.
    pub fn per_cent_to(self, other: Self) -> Option<String> {
        if self.is_zero() {
            return None;
        }
        let (from, to) = (i128::from(self.hundred_millionths), i128::from(other.hundred_millionths));
        let (difference, half) = ((to - from) * 1000, from / 2);
        let tenths = (if difference < 0 { difference - half } else { difference + half }) / from;
        let (sign, tenths) = (if difference < 0 { '-' } else { '+' }, tenths.unsigned_abs());
        let fraction = if tenths % 10 == 0 { String::new() } else { format!(".{}", tenths % 10) };
        Some(format!("{sign}{}{fraction} %", tenths / 10))
    }

    /// Tells whether nothing is to be paid.
    pub fn is_zero(self) -> bool {
        self.hundred_millionths == 0
    }
}

impl fmt::Display for Price {
    /// Writes at least two decimals and no more than needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:0DECIMALS$}", self.hundred_millionths % UNIT);
        let needed = fraction.trim_end_matches('0').len().max(2);
        write!(f, "{}.{}", self.hundred_millionths / UNIT, &fraction[..needed])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_equal_as_numbers() {
        for (left, right) in [("0.1", "0.10"), ("300", "300.00"), ("00.5", "0.5"), ("1.", "1"), ("100000000", "100000000.00000000")] {
            assert_eq!(left.parse::<Price>().unwrap(), right.parse::<Price>().unwrap());
        }
        assert!("0.09".parse::<Price>().unwrap() < "0.1".parse::<Price>().unwrap());
        assert_eq!("0.10123".parse::<Price>().unwrap().to_string(), "0.10123");
        assert_eq!("3".parse::<Price>().unwrap().to_string(), "3.00");
    }

    #[test]
    fn differences_are_told_to_a_tenth_of_a_per_cent() {
        let differs = |from: &str, to: &str| from.parse::<Price>().unwrap().per_cent_to(to.parse().unwrap());
        for (from, to, expected) in
            [("0.02", "0.025", "+25 %"), ("3", "2", "-33.3 %"), ("3", "3", "+0 %"), ("0.00000001", "100000000", "+999999999999999900 %")]
        {
            assert_eq!(differs(from, to).as_deref(), Some(expected));
        }
        assert_eq!(differs("0", "1"), None);
    }

    #[test]
    fn what_aws_would_refuse_is_no_price() {
        for bad in ["", ".", ".5", "-1", "+1", "1e3", "1,5", "0.123456789", "100000000.1", "1000000000", "٣", "1 "] {
            assert!(bad.parse::<Price>().is_err(), "{bad:?}");
        }
    }
}
