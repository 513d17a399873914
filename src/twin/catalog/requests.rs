//! The operations, and the form of their requests.
//!
//! Source: Marketplace Catalog API, service model 2018-09-17.

use crate::twin::rates::Rate;
use crate::twin::table::Row;

use super::schema::{Member, Shape, list, matching, optional, required};

/// The operations that the twin offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    StartChangeSet,
    DescribeChangeSet,
    ListChangeSets,
    CancelChangeSet,
    DescribeEntity,
    BatchDescribeEntities,
    ListEntities,
    ListAssessments,
    DescribeAssessment,
    PutResourcePolicy,
    GetResourcePolicy,
    DeleteResourcePolicy,
    TagResource,
    UntagResource,
    ListTagsForResource,
}

/// How an operation is called, and the form of its request.
#[derive(Debug)]
pub(super) struct Route {
    pub call: Call,
    method: &'static str,
    /// The body's form, or the query's where there is no body.
    pub shape: &'static Shape,
    pub operation: Row,
}

impl Route {
    /// Finds an operation by method and path.
    pub fn find(method: &http::Method, path: &str) -> Option<&'static Self> {
        let name = path.trim_start_matches('/');
        ROUTES.iter().find(|route| route.operation.name == name && route.method == method.as_str())
    }

    /// Tells whether the request lies in the query and not in the body.
    pub fn is_in_query(&self) -> bool {
        self.method != "POST"
    }
}

const fn route(call: Call, method: &'static str, shape: &'static Shape, operation: Row) -> Route {
    Route { call, method, shape, operation }
}

/// Codes that every operation refuses with.
pub(in crate::twin) const COMMON_ERRORS: &str = "AccessDeniedException InternalServiceException ThrottlingException ValidationException";
const NOT_FOUND: &str = "ResourceNotFoundException";

/// All of them. Rates: <https://docs.aws.amazon.com/marketplace/latest/APIReference/quotas.html>; where that page
/// has none, that of the operation's nearest relative.
pub(super) static ROUTES: &[Route] = &[
    route(Call::BatchDescribeEntities, "POST", &ENTITIES, Row::new("BatchDescribeEntities", Rate::per_second(20))),
    route(
        Call::CancelChangeSet,
        "PATCH",
        &ONE_SET,
        Row::new("CancelChangeSet", Rate::per_second(5)).errors("ResourceInUseException ResourceNotFoundException"),
    ),
    route(Call::DeleteResourcePolicy, "DELETE", &POLICY_OF, Row::new("DeleteResourcePolicy", Rate::per_second(5)).errors(NOT_FOUND)),
    route(
        Call::DescribeAssessment,
        "POST",
        &ONE_ASSESSMENT,
        Row::new("DescribeAssessment", Rate::per_second(10)).pages(1, 100).errors(NOT_FOUND),
    ),
    route(Call::DescribeChangeSet, "GET", &ONE_SET, Row::new("DescribeChangeSet", Rate::per_second(10)).errors(NOT_FOUND)),
    route(Call::DescribeEntity, "GET", &ONE_ENTITY, Row::new("DescribeEntity", Rate::per_second(20)).errors(NOT_FOUND)),
    route(Call::GetResourcePolicy, "GET", &POLICY_OF, Row::new("GetResourcePolicy", Rate::per_second(5)).errors(NOT_FOUND)),
    route(Call::ListAssessments, "POST", &LIST_ASSESSMENTS, Row::new("ListAssessments", Rate::per_second(5)).pages(1, 100)),
    route(Call::ListChangeSets, "POST", &LIST_SETS, Row::new("ListChangeSets", Rate::per_second(5)).pages(1, 20)),
    route(Call::ListEntities, "POST", &LIST_ENTITIES, Row::new("ListEntities", Rate::per_second(10)).pages(1, 50).errors(NOT_FOUND)),
    route(Call::ListTagsForResource, "POST", &LIST_TAGS, Row::new("ListTagsForResource", Rate::per_second(5)).errors(NOT_FOUND)),
    route(Call::PutResourcePolicy, "POST", &PUT_POLICY, Row::new("PutResourcePolicy", Rate::per_second(5)).errors(NOT_FOUND)),
    route(
        Call::StartChangeSet,
        "POST",
        &START,
        Row::new("StartChangeSet", Rate::per_second(5))
            .errors("ResourceInUseException ResourceNotFoundException ServiceQuotaExceededException"),
    ),
    route(Call::TagResource, "POST", &TAG, Row::new("TagResource", Rate::per_second(5)).errors(NOT_FOUND)),
    route(Call::UntagResource, "POST", &UNTAG, Row::new("UntagResource", Rate::per_second(5)).errors(NOT_FOUND)),
];

const CATALOG: Shape = Shape::Choice(&["AWSMarketplace"]);
const NAME: Shape = matching(255, r"^[a-zA-Z]+$");
const SET_NAME: Shape = matching(100, r"^[\w\s+=.:@-]+$");
const ARN: Shape = matching(255, r"^arn:[\w+=/,.@-]+:aws-marketplace:[\w+=/,.@-]*:[0-9]+:[\w+=,.@-]+(/[\w+=,.@-]+)*$");
const TAG_TEXT: &str = r"^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$";
const PAGE: Shape = matching(4096, r"^[\w+=.:@\-/]+$");
const TIME: Shape = matching(20, r"^\d{4}-(1[0-2]|0[1-9])-(3[01]|0[1-9]|[12]\d)T(2[0-3]|[01]\d):[0-5]\d:[0-5]\dZ$");
const ORDER: Shape = Shape::Choice(&["ASCENDING", "DESCENDING"]);

static TAG_MEMBERS: &[Member] =
    &[required("Key", matching(128, TAG_TEXT)), required("Value", Shape::Text { least: 0, most: 256, pattern: TAG_TEXT })];
static ONE_TAG: Shape = Shape::Object(TAG_MEMBERS);
const TAGS: Shape = list(&ONE_TAG, 1, 200);

// The model's patterns of ChangeName (`^[a-zA-Z]$`) and Entity.Type (`^[a-zA-Z]+$`) contradict what
// the service takes, and are not held against anybody.
static ENTITY: &[Member] = &[
    required("Type", matching(255, r"^[a-zA-Z]+@\d+\.\d+$")),
    // `$Name.Entity.Identifier` has dots and a dollar sign, which the model forgets too.
    optional("Identifier", matching(255, r"^[\w\-@$.]+$")),
];
static CHANGE: Shape = Shape::Object(&[
    required("ChangeType", matching(255, r"^[A-Z]\w*$")),
    required("Entity", Shape::Object(ENTITY)),
    optional("EntityTags", TAGS),
    optional("Details", Shape::Any),
    optional("DetailsDocument", Shape::Any),
    optional("ChangeName", matching(72, r"^[a-zA-Z0-9_-]+$")),
]);
static START: Shape = Shape::Object(&[
    required("Catalog", CATALOG),
    required("ChangeSet", list(&CHANGE, 1, 20)),
    optional("ChangeSetName", SET_NAME),
    optional("ClientRequestToken", matching(64, r"^[!-~]+$")),
    optional("ChangeSetTags", TAGS),
    optional("Intent", Shape::Choice(&["VALIDATE", "APPLY"])),
]);
static ONE_SET: Shape = Shape::Object(&[required("catalog", CATALOG), required("changeSetId", matching(255, r"^[\w\-]+$"))]);
static ONE_ENTITY: Shape = Shape::Object(&[required("catalog", CATALOG), required("entityId", matching(255, r"^[\w\-@]+$"))]);
static ENTITY_REQUEST: Shape = Shape::Object(&[required("Catalog", CATALOG), required("EntityId", matching(255, r"^[\w\-@]+$"))]);
static ENTITIES: Shape = Shape::Object(&[required("EntityRequestList", list(&ENTITY_REQUEST, 1, 20))]);

static FILTER_VALUE: Shape = matching(255, r"^.+$");
static FILTER: Shape = Shape::Object(&[required("Name", NAME), required("ValueList", list(&FILTER_VALUE, 1, 10))]);
static SORT: &[Member] = &[optional("SortBy", NAME), optional("SortOrder", ORDER)];
static LIST_SETS: Shape = Shape::Object(&[
    required("Catalog", CATALOG),
    optional("FilterList", list(&FILTER, 1, 8)),
    optional("Sort", Shape::Object(SORT)),
    optional("MaxResults", Shape::Integer { least: 1, most: 20 }),
    optional("NextToken", PAGE),
]);

static VALUES: &[Member] = &[optional("ValueList", list(&FILTER_VALUE, 1, 10))];
static VALUES_OR_WILDCARD: &[Member] = &[optional("ValueList", list(&FILTER_VALUE, 1, 10)), optional("WildCardValue", FILTER_TEXT)];
const FILTER_TEXT: Shape = matching(255, r"^.+$");
static WILDCARD: &[Member] = &[optional("WildCardValue", FILTER_TEXT)];
static RANGE: &[Member] = &[optional("AfterValue", TIME), optional("BeforeValue", TIME)];
static DATE: &[Member] = &[optional("DateRange", Shape::Object(RANGE))];
static VISIBILITY: Shape = Shape::Choice(&["Limited", "Public", "Restricted", "Draft"]);
static STATE: Shape = Shape::Choice(&["Draft", "Released"]);
static TARGET: Shape = Shape::Choice(&["BuyerAccounts", "ParticipatingPrograms", "CountryCodes", "None"]);
static PRODUCT_FILTERS: &[Member] = &[
    optional("EntityId", Shape::Object(VALUES)),
    optional("LastModifiedDate", Shape::Object(DATE)),
    optional("ProductTitle", Shape::Object(VALUES_OR_WILDCARD)),
    optional("Visibility", Shape::Object(&[optional("ValueList", list(&VISIBILITY, 1, 10))])),
];
static OFFER_FILTERS: &[Member] = &[
    optional("EntityId", Shape::Object(VALUES)),
    optional("Name", Shape::Object(VALUES_OR_WILDCARD)),
    optional("ProductId", Shape::Object(VALUES)),
    optional("ReleaseDate", Shape::Object(DATE)),
    optional("AvailabilityEndDate", Shape::Object(DATE)),
    optional("LastModifiedDate", Shape::Object(DATE)),
    optional("BuyerAccounts", Shape::Object(WILDCARD)),
    optional("State", Shape::Object(&[optional("ValueList", list(&STATE, 1, 2))])),
    optional("Targeting", Shape::Object(&[optional("ValueList", list(&TARGET, 1, 4))])),
];
static PRODUCT_SORT: &[Member] =
    &[optional("SortBy", Shape::Choice(&["EntityId", "LastModifiedDate", "ProductTitle", "Visibility"])), optional("SortOrder", ORDER)];
static OFFER_SORT: &[Member] = &[
    optional(
        "SortBy",
        Shape::Choice(&["EntityId", "Name", "ProductId", "ReleaseDate", "AvailabilityEndDate", "State", "Targeting", "LastModifiedDate"]),
    ),
    optional("SortOrder", ORDER),
];
static TYPE_FILTERS: &[Member] =
    &[optional("AmiProductFilters", Shape::Object(PRODUCT_FILTERS)), optional("OfferFilters", Shape::Object(OFFER_FILTERS))];
static TYPE_SORT: &[Member] = &[optional("AmiProductSort", Shape::Object(PRODUCT_SORT)), optional("OfferSort", Shape::Object(OFFER_SORT))];
static LIST_ENTITIES: Shape = Shape::Object(&[
    required("Catalog", CATALOG),
    required("EntityType", NAME),
    optional("FilterList", list(&FILTER, 1, 8)),
    optional("Sort", Shape::Object(SORT)),
    optional("NextToken", PAGE),
    optional("MaxResults", Shape::Integer { least: 1, most: 50 }),
    optional("OwnershipType", Shape::Choice(&["SELF", "SHARED"])),
    optional("EntityTypeFilters", Shape::Object(TYPE_FILTERS)),
    optional("EntityTypeSort", Shape::Object(TYPE_SORT)),
]);

static TAG: Shape = Shape::Object(&[required("ResourceArn", ARN), required("Tags", TAGS)]);
static TAG_KEY: Shape = matching(128, TAG_TEXT);
static UNTAG: Shape = Shape::Object(&[required("ResourceArn", ARN), required("TagKeys", list(&TAG_KEY, 1, 200))]);
static LIST_TAGS: Shape = Shape::Object(&[required("ResourceArn", ARN)]);

const ENTITY_ID: Shape = matching(255, r"^[\w\-]+$");
static TARGET_FILTER: &[Member] = &[optional("EntityId", ENTITY_ID), optional("ChangeSetId", ENTITY_ID)];
static AMI_FILTERS: &[Member] = &[optional("DeliveryOptionId", ENTITY_ID)];
static FRAMEWORK_FILTERS: &[Member] = &[optional("AMISecurityFilters", Shape::Object(AMI_FILTERS))];
static LIST_ASSESSMENTS: Shape = Shape::Object(&[
    required("Catalog", CATALOG),
    optional("FrameworkId", matching(255, r"^[\w\-@]+$")),
    optional("AssessmentTargetFilter", Shape::Object(TARGET_FILTER)),
    optional("FrameworkFilters", Shape::Object(FRAMEWORK_FILTERS)),
    optional("MaxResults", Shape::Integer { least: 1, most: 100 }),
    optional("NextToken", PAGE),
]);
const ASSESSMENT: Shape = matching(
    2048,
    r"^(assessment-[a-zA-Z0-9]+|arn:[a-zA-Z0-9-]+:[a-zA-Z0-9-]+:[a-zA-Z0-9-]*:[0-9]*:[a-zA-Z0-9-]+/Assessment/assessment-[a-zA-Z0-9]+)$",
);
static ONE_ASSESSMENT: Shape = Shape::Object(&[
    required("Catalog", CATALOG),
    required("AssessmentIdentifier", ASSESSMENT),
    optional("MaxResults", Shape::Integer { least: 1, most: 100 }),
    optional("NextToken", PAGE),
]);

static POLICY_OF: Shape = Shape::Object(&[required("resourceArn", ARN)]);
static PUT_POLICY: Shape =
    Shape::Object(&[required("ResourceArn", ARN), required("Policy", Shape::Text { least: 1, most: 10_240, pattern: "" })]);
