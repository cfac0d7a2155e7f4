//! How programs call an operation: `GET rules/{id}/modes/{route}` is `get_rule_mode`.

use blobwatch_wire::{ApiCall, Method};

const ROOT: &str = "/_blobwatch/";

pub(crate) fn operation_name(call: &ApiCall) -> String {
    let path = call.path.strip_prefix(ROOT).unwrap_or(call.path);
    let segments: Vec<&str> = path.split('/').collect();
    let mut words = vec![verb(call)];
    for (at, segment) in segments.iter().enumerate() {
        if segment.starts_with('{') {
            continue;
        }
        let is_one = segments.get(at + 1).is_some_and(|next| next.starts_with('{'));
        words.push(if is_one {
            singular(segment)
        } else {
            (*segment).to_owned()
        });
    }
    words.join("_").replace('-', "_")
}

fn verb(call: &ApiCall) -> String {
    let is_list = call.answer.starts_with("List<")
        || (call.answer.ends_with("List") && !call.answer.starts_with("Changed"));
    match call.method {
        Method::Get if is_list => "list".to_owned(),
        method => method.name().to_ascii_lowercase(),
    }
}

fn singular(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies") {
        format!("{stem}y")
    } else if let Some(stem) = word.strip_suffix("sses") {
        format!("{stem}ss")
    } else {
        word.strip_suffix('s').unwrap_or(word).to_owned()
    }
}
