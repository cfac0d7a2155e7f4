//! What programs that archive tell of their runs.

use serde_json::{Value, json};

use super::{Api, api};
use crate::store::MAX_ARCHIVES;

fn tell(api: &Api, place: &str, more: &Value) -> Value {
    let mut body = json!({"place": place, "until": "2020-07-05T18:45:00Z", "records": 5, "late": 1});
    let fields = body.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    api.call("POST", "archives", &body.to_string(), None).unwrap().1
}

#[test]
fn the_last_run_at_each_place_is_shown() {
    let api = api();
    assert_eq!(api.get("archives")["items"], json!([]));
    tell(&api, "/srv/archive", &json!({}));
    let told = tell(
        &api,
        "/srv/archive",
        &json!({"until": null, "problem": "fl1-FRA-0 did not answer"}),
    );
    let item = &api.get("archives")["items"][0];
    assert_eq!(item["problem"], "fl1-FRA-0 did not answer");
    assert_eq!(
        (&item["until"], &item["time"], item["actor"].is_string()),
        (&Value::Null, &json!("2020-07-05T19:01:00.000Z"), true)
    );
    assert_eq!(
        (&told["place"], &told["records"]),
        (&json!("/srv/archive"), &json!(5))
    );
    assert_eq!(
        api.0.revision().unwrap(),
        1,
        "nothing that decides on pulls changed"
    );
}

#[test]
fn as_many_places_are_kept_as_somebody_has() {
    let api = api();
    for at in 0..2 * MAX_ARCHIVES {
        tell(&api, &format!("s3://bucket/{at:02}"), &json!({}));
    }
    let items = api.get("archives");
    let kept = items["items"].as_array().unwrap();
    assert_eq!(kept.len() as u64, MAX_ARCHIVES);
}

#[test]
fn each_place_that_is_wrong_is_named() {
    let body =
        json!({"place": "", "until": "yesterday", "records": 1, "late": 0, "problem": "x".repeat(1_001)});
    let problem = api().refused("POST", "archives", &body.to_string());
    let places: Vec<_> = problem.errors.iter().map(|error| error.place.as_str()).collect();
    assert_eq!(
        (problem.status, places),
        (422, vec!["body.place", "body.until", "body.problem"])
    );
}
