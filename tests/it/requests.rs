//! What reaches the Catalog has the form of a request, with all that goes round the changes: name, tags, token, intent.

use serde_json::{Value, json};

use super::world::World;

const SCHEMA: &str = include_str!("../schemas/catalog/start-change-set.json");

/// The requests that the twin was sent, of what it keeps of them.
fn sent(world: &World) -> Vec<Value> {
    let state: Value = serde_json::from_slice(&std::fs::read(world.folder.path().join("twin/state.json")).unwrap()).unwrap();
    let tokens = state["catalog"]["tokens"].as_object().unwrap();
    let request = |set: &Value| {
        let token = tokens.iter().find(|(_, used)| used["change_set"] == set["id"]).unwrap().0;
        json!({
            "Catalog": "AWSMarketplace",
            "ChangeSet": set["changes"].as_array().unwrap().iter().map(change).collect::<Value>(),
            "ChangeSetName": set["name"],
            "ChangeSetTags": tags(&set["tags"]),
            "ClientRequestToken": token,
            "Intent": set["intent"].as_str().unwrap().to_uppercase(),
        })
    };
    state["catalog"]["change_sets"].as_object().unwrap().values().map(request).collect()
}

fn change(kept: &Value) -> Value {
    let mut change =
        json!({ "ChangeType": kept["change_type"], "Entity": { "Type": kept["entity_type"] }, "DetailsDocument": kept["details"] });
    // What was made has its id by now.
    if !kept["change_type"].as_str().unwrap().starts_with("Create") {
        change["Entity"]["Identifier"] = kept["identifier"].clone();
    }
    if kept["name"].is_string() {
        change["ChangeName"] = kept["name"].clone();
    }
    change
}

fn tags(kept: &Value) -> Value {
    kept.as_object().unwrap().iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

#[tokio::test]
async fn what_is_submitted_has_the_form_of_a_request() {
    let mut compiler = boon::Compiler::new();
    let mut schemas = boon::Schemas::new();
    compiler.add_resource("memory:///request", serde_json::from_str(SCHEMA).unwrap()).unwrap();
    let schema = compiler.compile("memory:///request", &mut schemas).unwrap();

    let world = World::new().await;
    world.open().await.ship().await.unwrap();
    world.edit("product.toml", "title = \"Hello Web\"", "title = \"Hello Web Server\"");
    world.open().await.ship().await.unwrap();
    let requests = sent(&world);
    let mut names: Vec<&str> = requests.iter().map(|request| request["ChangeSetName"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["hello-web 1.0.0: first listing", "hello-web 1.0.0: texts"]);
    for request in &requests {
        schemas.validate(request, schema).unwrap_or_else(|error| panic!("{error:#}\n{request:#}"));
    }
}
