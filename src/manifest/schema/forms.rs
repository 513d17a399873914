//! Forms of values that several tables share.

use std::borrow::Cow;

use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema, json_schema};
use serde_json::json;

use crate::rules::limits;
use crate::rules::names::{CATEGORIES, OS_NAMES, REGIONS};

/// Every key may stand in another layer instead: in the workspace's defaults, or under `[on.aws]`.
pub(super) fn nothing_required(schema: &mut Schema) {
    schema.remove("required");
}

macro_rules! form {
    ($(#[$doc:meta])* $name:ident $(<const $limit:ident>)?, $schema:expr) => {
        $(#[$doc])*
        pub(super) struct $name $(<const $limit: usize>)?;

        impl $(<const $limit: usize>)? JsonSchema for $name $(<$limit>)? {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

form!(
    /// A text of at most so many characters.
    Text<const MOST>,
    json_schema!({ "type": "string", "minLength": 1, "maxLength": MOST, "pattern": "^\\S" })
);

form!(
    /// A text of at most so many characters, here or in a file.
    LongText<const MOST>,
    json_schema!({ "anyOf": [
        { "type": "string", "minLength": 1, "maxLength": MOST, "pattern": "^\\S" },
        {
            "type": "object",
            "properties": { "file": { "type": "string", "minLength": 1, "description": "Path of a UTF-8 text in the product's folder." } },
            "required": ["file"],
            "additionalProperties": false,
        },
    ] })
);

form!(
    /// A Region. Those that are not known may be new.
    Region,
    json_schema!({ "anyOf": [{ "enum": REGIONS }, { "type": "string", "pattern": "^[a-z]+(-[a-z]+)+-[0-9]+$" }] })
);

form!(
    /// A category. Those that are not known may be new.
    Category,
    json_schema!({ "anyOf": [{ "enum": CATEGORIES }, { "type": "string", "minLength": 1, "maxLength": limits::CATEGORY }] })
);

form!(
    /// An operating system's name. The Marketplace's list is not published.
    OsName,
    json_schema!({ "anyOf": [{ "enum": OS_NAMES }, { "type": "string", "minLength": 1, "maxLength": limits::OS }] })
);

form!(
    /// An instance type.
    InstanceType,
    json_schema!({ "type": "string", "maxLength": limits::INSTANCE_TYPE, "pattern": "^[a-z]+-?[0-9]+[a-z0-9-]*\\.[a-z0-9-]+$" })
);

form!(
    /// An account.
    AccountId,
    json_schema!({ "type": "string", "pattern": "^[0-9]{12}$" })
);

form!(
    /// A country's code.
    Country,
    json_schema!({ "type": "string", "pattern": "^[A-Z]{2}$" })
);

form!(
    /// A port.
    Port,
    json_schema!({ "type": "integer", "minimum": 1, "maximum": u16::MAX })
);

form!(
    /// A price.
    Price,
    json_schema!({ "type": "string", "pattern": "^[0-9]{1,9}(\\.[0-9]{0,8})?$" })
);

form!(
    /// Hours, minutes and seconds, in this order.
    Duration,
    json_schema!({ "type": "string", "pattern": "^([0-9]+h([0-9]+m)?([0-9]+s)?|[0-9]+m([0-9]+s)?|[0-9]+s)$" })
);

form!(
    /// A day, written as TOML has it: without quotes. Editors take it for a text.
    Date,
    json_schema!({ "type": "string", "format": "date" })
);

form!(
    /// A file of the product's folder.
    Path,
    json_schema!({ "type": "string", "minLength": 1, "pattern": "^[^/]" })
);

form!(
    /// A range of addresses.
    Cidr,
    json_schema!({ "type": "string", "pattern": "^[0-9a-fA-F.:]+/[0-9]{1,3}$" })
);

form!(
    /// An address that buyers can open.
    Link,
    json_schema!({ "type": "string", "pattern": "^https?://", "maxLength": limits::URL })
);

form!(
    /// An address of S3's.
    S3Url,
    json_schema!({ "type": "string", "pattern": "^https://[^/]+\\.amazonaws\\.com/", "maxLength": limits::URL })
);

form!(
    /// The name of a CloudFormation template's parameter.
    ParameterName,
    json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9]{1,255}$" })
);

/// Prices by instance type.
pub(super) struct Rates;

impl JsonSchema for Rates {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Rates".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let price = generator.subschema_for::<Price>();
        let most = json!(limits::RATES.end());
        json_schema!({ "type": "object", "additionalProperties": price, "maxProperties": most })
    }
}
