//! CloudFormation templates that buyers launch an image by.

use serde::{Deserialize, Serialize};

use super::media::MediaFile;

/// A template, and what buyers read of it. Source of the limits: Catalog API, `AddDeliveryOptions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentTemplate {
    /// What buyers choose it by, and what it is told by later.
    pub title: String,
    /// What it makes, in at most 1,000 characters.
    pub short_description: String,
    /// What it makes, in at most 5,000 characters.
    pub long_description: String,
    /// What a buyer does with it; at most 4,000 characters.
    pub usage_instructions: String,
    /// One of the listing's instance types.
    pub recommended_instance_type: String,
    /// The template's S3 URL: the vendor's own, or where [`Self::file`] will lie.
    pub url: String,
    /// The template, when it is a file of the product's folder.
    pub file: Option<MediaFile>,
    /// The S3 URL of a picture of what it makes: the vendor's own, or where [`Self::diagram`] will lie.
    pub diagram_url: String,
    /// The picture, when it is a file of the product's folder.
    pub diagram: Option<MediaFile>,
    /// The template's parameters that get the version's image.
    pub image_parameters: Vec<String>,
}

impl DeploymentTemplate {
    /// Returns the files of the product's folder that it consists of.
    pub fn media(&self) -> impl Iterator<Item = &MediaFile> {
        self.file.iter().chain(&self.diagram)
    }
}
