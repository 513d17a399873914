//! Finding the image that a bake starts from.

use super::session::Reader;
use super::{CloudError, ec2, error};
use crate::model::ids::{ImageId, Region};
use crate::model::image::ImageDescription;
use crate::model::product::Base;

/// A base that could not be found.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BaseError {
    /// AWS did not answer as it should.
    #[error(transparent)]
    Cloud(CloudError),
    /// There is no such image.
    #[error("no base image in {region} is {wanted}")]
    NotFound {
        /// The Region looked in.
        region: Region,
        /// What was looked for, in words.
        wanted: String,
    },
    /// The parameter holds no image id.
    #[error("the parameter {name} in {region} holds {value:?}, which is no image id")]
    NotAnImage {
        /// The Region.
        region: Region,
        /// The parameter's name.
        name: String,
        /// Its value.
        value: String,
    },
}

impl Reader {
    /// Finds the base image: by id, by a parameter that holds its id, or the newest of a name.
    ///
    /// # Errors
    ///
    /// [`BaseError`]: not there, or AWS refuses.
    pub async fn base(&self, region: &Region, base: &Base) -> Result<ImageDescription, BaseError> {
        match base {
            Base::Image { id } => self.base_image(region, id, format!("{id}")).await,
            Base::Parameter { name } => {
                let id = self.image_parameter(region, name).await?;
                self.base_image(region, &id, format!("{id} (of the parameter {name})")).await
            }
            Base::Newest { owner, name } => {
                let images = self.images_named(region, owner, name).await.map_err(BaseError::Cloud)?;
                let not_found =
                    || BaseError::NotFound { region: region.clone(), wanted: format!("an available image of {owner} named {name}") };
                let newest = images.first().ok_or_else(not_found)?;
                ec2::describe(region, newest).map_err(|what| BaseError::Cloud(CloudError::incomplete("DescribeImages", region, what)))
            }
        }
    }

    async fn base_image(&self, region: &Region, id: &ImageId, wanted: String) -> Result<ImageDescription, BaseError> {
        let found = self.image(region, id).await.map_err(BaseError::Cloud)?;
        found.ok_or_else(|| BaseError::NotFound { region: region.clone(), wanted })
    }

    async fn image_parameter(&self, region: &Region, name: &str) -> Result<ImageId, BaseError> {
        let answer = self.clients(region).ssm.get_parameter().name(name).send().await.map_err(error::of("GetParameter", region));
        let answer = match answer {
            Ok(answer) => answer,
            Err(e) if e.is("ParameterNotFound") => {
                return Err(BaseError::NotFound {
                    region: region.clone(),
                    wanted: format!("named by the parameter {name}, which does not exist"),
                });
            }
            Err(e) => return Err(BaseError::Cloud(e)),
        };
        let value = answer.parameter().and_then(|p| p.value()).unwrap_or_default();
        value.parse().map_err(|_| BaseError::NotAnImage { region: region.clone(), name: name.to_owned(), value: value.to_owned() })
    }
}
