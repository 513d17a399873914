//! Change sets of the Marketplace Catalog API, typed, as they are sent.
//!
//! Source: AWS Marketplace Catalog API (service model 2018-09-17) and AWS's published shapes of
//! `AmiProduct@1.0` and `Offer@1.0`.
