//! The PRODUCT of a command line: a product with all its variants, or one of them.

use std::fmt;
use std::str::FromStr;

use crate::failure::Failure;
use crate::model::ids::{Architecture, InvalidId, Slug, Variant};
use crate::model::product::Product;

/// What a command is asked to work on: `hello-web`, or one variant of it: `hello-web.arm64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The product.
    pub product: Slug,
    /// One of its architectures; all of them by default.
    pub architecture: Option<Architecture>,
}

impl From<Slug> for Selection {
    /// All variants of a product.
    fn from(product: Slug) -> Self {
        Self { product, architecture: None }
    }
}

impl FromStr for Selection {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let Some((product, architecture)) = text.split_once('.') else {
            return Ok(Self { product: text.parse()?, architecture: None });
        };
        let expected = "a variant such as hello-web.x86_64 or hello-web.arm64";
        let architecture = architecture.parse().map_err(|_| InvalidId { expected, value: text.to_owned() })?;
        Ok(Self { product: product.parse()?, architecture: Some(architecture) })
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.architecture {
            None => self.product.fmt(f),
            Some(architecture) => Variant { product: self.product.clone(), architecture }.fmt(f),
        }
    }
}

/// The variants of a product, and which of them are worked on.
#[derive(Debug, Clone)]
pub struct Variants {
    all: Vec<Product>,
    chosen: Option<Architecture>,
}

impl Variants {
    /// Chooses among a product's variants.
    ///
    /// # Errors
    ///
    /// When the product has none of the architecture asked for.
    pub fn choose(all: Vec<Product>, selection: &Selection) -> Result<Self, Failure> {
        let variants = Self { all, chosen: selection.architecture };
        if variants.chosen().next().is_some() {
            return Ok(variants);
        }
        let names: Vec<String> = variants.all.iter().map(|product| product.variant().to_string()).collect();
        Err(Failure::other(format!("there is no variant {selection}"), format!("there are: {}", names.join(", "))))
    }

    /// Returns all of them.
    pub fn all(&self) -> &[Product] {
        &self.all
    }

    /// Returns those that are worked on, in the order of the architectures.
    pub fn chosen(&self) -> impl Iterator<Item = &Product> {
        self.all.iter().filter(|product| self.chosen.is_none_or(|architecture| architecture == product.image.architecture))
    }

    /// Returns the one that is worked on.
    ///
    /// # Errors
    ///
    /// When there are several: a bill of materials is of one.
    pub fn one(&self) -> Result<&Product, Failure> {
        one(&self.chosen().map(|product| (product.variant(), product)).collect::<Vec<_>>()).map(|(_, product)| *product)
    }

    /// Does something for each that is worked on, one after the other, whatever came of the one before;
    /// none after the user asked to leave.
    ///
    /// Returns what came of those that went well, and the failures of the others as one.
    pub async fn each<'a, T>(&'a self, act: impl AsyncFn(&'a Product) -> Result<T, Failure>) -> (Vec<T>, Result<(), Failure>) {
        each(self.chosen(), act).await
    }
}

/// Returns the one of several variants, beside what there is of each.
///
/// # Errors
///
/// When there are several: a bill of materials is of one.
pub fn one<T>(variants: &[(Variant, T)]) -> Result<&(Variant, T), Failure> {
    match variants {
        [one] => Ok(one),
        several => {
            let names: Vec<String> = several.iter().map(|(variant, _)| variant.to_string()).collect();
            Err(Failure::other("a bill of materials is of one variant", format!("name one of {}", names.join(", "))))
        }
    }
}

/// Does something for each of several things, as [`Variants::each`].
pub async fn each<I, T>(things: impl IntoIterator<Item = I>, act: impl AsyncFn(I) -> Result<T, Failure>) -> (Vec<T>, Result<(), Failure>) {
    let (mut done, mut failures) = (Vec::new(), Vec::new());
    for thing in things {
        match act(thing).await {
            Ok(value) => done.push(value),
            Err(failure) => {
                let left = failure.is_left();
                failures.push(failure);
                // Whoever asked to leave means all of it.
                if left {
                    break;
                }
            }
        }
    }
    (done, Failure::all(failures))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_is_a_product_or_a_variant() {
        for text in ["hello-web", "hello-web.x86_64", "hello-web.arm64"] {
            assert_eq!(text.parse::<Selection>().unwrap().to_string(), text);
        }
        for wrong in ["", ".", "hello-web.", ".arm64", "hello-web.arm", "hello-web.arm64.x86_64", "Hello"] {
            assert!(wrong.parse::<Selection>().is_err(), "{wrong:?}");
        }
    }
}
