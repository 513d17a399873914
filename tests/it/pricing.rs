//! Every pricing model, from the manifest to the public offer and back.

use bakehouse::release::Listing;

use super::world::World;

const RATES: &str =
    "\n[listing.pricing.rates]\n\"t3.micro\" = \"0.01\"\n\"t3.small\" = \"0.02\"\n\"m7i.large\" = \"0.04\"\n\"c7i.large\" = \"0.04\"";

#[tokio::test]
async fn a_year_in_advance_is_sold_beside_hours() {
    let annual = "annual-rates = { \"t3.micro\" = \"70\", \"t3.small\" = \"140\", \"m7i.large\" = \"280\", \"c7i.large\" = \"280\" }";
    is_sold(|world| world.edit("product.toml", "model = \"hourly\"", &format!("model = \"hourly-annual\"\n{annual}"))).await;
}

#[tokio::test]
async fn a_monthly_fee_is_sold_beside_hours() {
    is_sold(|world| world.edit("product.toml", "model = \"hourly\"", "model = \"hourly-monthly\"\nmonthly-fee = \"25.00\"")).await;
}

#[tokio::test]
async fn a_licence_of_ones_own_is_sold() {
    is_sold(|world| {
        world.edit("product.toml", "model = \"hourly\"", "model = \"byol\"");
        world.edit("product.toml", RATES, "");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_to_be_paid_for_what_is_free() {
    is_sold(|world| {
        world.edit("product.toml", "model = \"hourly\"", "model = \"free\"");
        world.edit("product.toml", RATES, "");
    })
    .await;
}

/// Ships the product and reads its offer back: the plan is empty, and has nothing to say of the prices.
async fn is_sold(price: impl Fn(&World)) {
    let world = World::new().await;
    price(&world);
    let process = world.open().await;
    process.ship().await.unwrap();
    let [release] = process.releases().await.try_into().unwrap();
    assert!(matches!(&release.listing, Listing::Listed { offer: Some(_), .. }), "{:?}", release.listing);
    let plan = process.next().await.unwrap().plan().clone();
    assert!(plan.is_empty() && plan.notices.is_empty(), "{plan:#?}");
}
