//! Blobwatch changes nothing: the same request, through it and straight to the registry, gets the same status, the
//! same fields and the same bytes, ended in the same way.

use crate::harness::deployment::Bundle;
use crate::harness::http::{Answer, Request};
use crate::harness::image::MANIFEST_TYPE;
use crate::harness::registry::{REPOSITORY, TAG};
use crate::harness::stage::Stage;

/// Fields that belong to one connection or one moment, and those that Blobwatch adds and documents.
fn is_compared(name: &str) -> bool {
    let own = ["blobwatch-id", "blobwatch-fired"].contains(&name);
    !own && !["date", "connection", "keep-alive", "transfer-encoding"].contains(&name)
}

/// Fields sorted by name: HTTP gives their order no meaning, and the runtime does not keep it.
fn fields(answer: &Answer) -> Vec<(String, String)> {
    let boundary = boundary(answer);
    let mut fields: Vec<_> = answer
        .head
        .fields
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.replace(&boundary, "BOUNDARY")))
        .filter(|(name, _)| is_compared(name))
        .collect();
    fields.sort();
    fields
}

/// The registry draws a new boundary for each multipart answer. Of no use in text that has none.
fn boundary(answer: &Answer) -> String {
    let media_type = answer.get("content-type").unwrap_or_default();
    media_type
        .split_once("boundary=")
        .map_or("no boundary".to_owned(), |(_, b)| b.to_owned())
}

fn body(answer: &Answer) -> Vec<u8> {
    if boundary(answer) == "no boundary" {
        return answer.body.clone();
    }
    let latin: String = answer.body.iter().map(|b| char::from(*b)).collect();
    latin
        .replace(&boundary(answer), "BOUNDARY")
        .chars()
        .map(|c| c as u8)
        .collect()
}

/// Both ways; the answer for what else is to be said about it.
#[track_caller]
fn same(stage: &Stage, request: &Request) -> Answer {
    let (straight, through) = (stage.straight(request), stage.through(request));
    let what = &request.head;
    assert_eq!(through.status(), straight.status(), "{what:?}");
    assert_eq!(fields(&through), fields(&straight), "{what:?}");
    assert_eq!(through.ended, straight.ended, "{what:?}");
    assert!(body(&through) == body(&straight), "other bytes: {what:?}");
    through
}

fn blob(stage: &Stage) -> String {
    format!("/v2/{REPOSITORY}/blobs/{}", stage.registry.image.small().digest)
}

#[test]
fn ranges() {
    answered_as_by_the_registry(&Stage::new());
}

/// What the runtime itself does with ranges: were it not faithful, no worker on it could be.
#[test]
fn ranges_through_a_plain_passthrough() {
    answered_as_by_the_registry(&Stage::serving(Bundle::Passthrough));
}

#[track_caller]
fn answered_as_by_the_registry(stage: &Stage) {
    let target = blob(stage);
    let size = stage.registry.image.small().bytes.len();
    let case = |range: &str, status: u16| {
        for method in ["GET", "HEAD"] {
            let answer = same(stage, &Request::new(method, &target).header("Range", range));
            assert_eq!(answer.status(), status, "{method} {range}");
        }
    };
    case("bytes=0-", 206);
    case("bytes=0-0", 206);
    case("bytes=100-199", 206);
    case("bytes=1000-", 206);
    case("bytes=-500", 206);
    case(&format!("bytes=0-{}", size - 1), 206);
    // One past the end, as regclient resumes.
    case(&format!("bytes=1000-{size}"), 206);
    case("bytes=0-9,20-29", 206);
    case("bytes=0-9,-9", 206);
    // The registry promises the whole blob here and sends one line: nothing may wait for the rest.
    case(&format!("bytes={size}-"), 416);
    case("bytes=99999999999999999999-", 416);
    case("bytes=9-5", 416);
    case("bytes=", 200);
    case("bytes=x-y", 416);
    case("items=0-5", 416);
    case("bytes 0-5", 416);
    case("BYTES=0-5", 416);
}

#[test]
fn conditions() {
    let stage = Stage::new();
    let (target, tag) = (
        blob(&stage),
        format!("\"{}\"", stage.registry.image.small().digest),
    );
    let case = |fields: &[(&str, &str)], status: u16| {
        for method in ["GET", "HEAD"] {
            let request = Request::new(method, &target);
            let request = fields
                .iter()
                .fold(request, |r, (name, value)| r.header(name, value));
            assert_eq!(same(&stage, &request).status(), status, "{method} {fields:?}");
        }
    };
    case(&[("If-None-Match", &tag)], 304);
    case(&[("If-None-Match", &format!("W/{tag}"))], 304);
    case(&[("If-None-Match", "*")], 304);
    case(&[("If-None-Match", "\"another\"")], 200);
    case(&[("If-None-Match", &tag), ("Range", "bytes=5-")], 304);
    case(&[("If-Match", "\"another\"")], 412);
    case(&[("If-Match", &tag)], 200);
    case(&[("If-Range", &tag), ("Range", "bytes=5-")], 206);
    case(&[("If-Range", "\"another\""), ("Range", "bytes=5-")], 200);
    case(
        &[
            ("If-Range", "Mon, 23 Nov 2020 10:00:00 GMT"),
            ("Range", "bytes=5-"),
        ],
        200,
    );
    case(&[("If-Modified-Since", "Mon, 23 Nov 2020 10:00:00 GMT")], 200);
}

#[test]
fn every_blob_byte_for_byte() {
    let stage = Stage::new();
    for blob in stage.registry.image.blobs() {
        let target = format!("/v2/{REPOSITORY}/blobs/{}", blob.digest);
        let answer = same(&stage, &Request::get(&target));
        assert!(answer.body == blob.bytes);
        let length = blob.bytes.len().to_string();
        let head = same(&stage, &Request::new("HEAD", &target));
        assert_eq!(
            head.get("content-length"),
            Some(length.as_str()),
            "a HEAD keeps its length"
        );
    }
}

#[test]
fn content_codings_are_the_origins_business() {
    let stage = Stage::new();
    let case = |target: &str, accepted: &str| {
        let answer = same(&stage, &Request::get(target).header("Accept-Encoding", accepted));
        assert_eq!(answer.get("content-encoding"), None, "{target} {accepted}");
    };
    let manifest = format!("/v2/{REPOSITORY}/manifests/{TAG}");
    for accepted in [
        "gzip",
        "gzip, deflate, br, zstd",
        "identity",
        "*;q=0",
        "zstd, gzip, deflate",
    ] {
        case(&blob(&stage), accepted);
        case(&manifest, accepted);
    }
}

#[test]
fn all_other_paths() {
    let stage = Stage::new();
    let digest = stage.registry.image.manifest.digest.clone();
    let case = |method: &str, target: &str, status: u16| {
        let accept = ("Accept", MANIFEST_TYPE);
        let answer = same(&stage, &Request::new(method, target).header(accept.0, accept.1));
        assert_eq!(answer.status(), status, "{method} {target}");
        assert_eq!(answer.get("blobwatch-id"), None, "not a blob: {method} {target}");
    };
    for method in ["GET", "HEAD"] {
        case(method, "/v2/", 200);
        case(method, &format!("/v2/{REPOSITORY}/manifests/{TAG}"), 200);
        case(method, &format!("/v2/{REPOSITORY}/manifests/{digest}"), 200);
        case(method, &format!("/v2/{REPOSITORY}/manifests/none"), 404);
    }
    case("GET", &format!("/v2/{REPOSITORY}/tags/list"), 200);
    case("GET", &format!("/v2/{REPOSITORY}/tags/list?n=1&last=a%2Fb"), 200);
    case("GET", "/v2/_catalog?n=0", 200);
    case("GET", "/", 200);
    case("GET", "/nothing/here?a=b&a=c", 404);
    case("OPTIONS", "/v2/", 200);
    case("DELETE", &format!("/v2/{REPOSITORY}/manifests/none"), 400);
    case(
        "GET",
        &format!("/v2/{REPOSITORY}/blobs/uploads/0b9e6d3c-7a1f-4a58-9d2e-000000000000"),
        404,
    );
}

#[test]
fn blobs_that_are_not_there() {
    let stage = Stage::new();
    let case = |target: &str, status: u16| {
        for method in ["GET", "HEAD"] {
            assert_eq!(
                same(&stage, &Request::new(method, target)).status(),
                status,
                "{method} {target}"
            );
        }
    };
    let nowhere = format!("sha256:{}", "0".repeat(64));
    case(&format!("/v2/{REPOSITORY}/blobs/{nowhere}"), 404);
    case(&format!("/v2/no/such/repository/blobs/{nowhere}"), 404);
    case(&format!("/v2/{REPOSITORY}/blobs/sha256:short"), 400);
    case(&format!("/v2/{REPOSITORY}/blobs/not-a-digest"), 404);
    case("/v2/UPPER/blobs/not-a-digest", 404);
}

#[test]
fn uploads() {
    let stage = Stage::new();
    let repository = "pushed/in-pieces";
    let blob = stage.registry.image.small();
    let (first, second) = blob.bytes.split_at(100_000);
    let send = |method: &str, target: &str, body: &[u8]| {
        let kind = "application/octet-stream";
        stage.through(&Request::new(method, target).body(kind, body))
    };
    let start = send("POST", &format!("/v2/{repository}/blobs/uploads/"), b"");
    assert_eq!((start.status(), start.get("range")), (202, Some("0-0")));
    let piece = send("PATCH", start.get("location").unwrap(), first);
    assert_eq!((piece.status(), piece.get("range")), (202, Some("0-99999")));
    let query = format!("&digest={}", blob.digest);
    let done = send(
        "PUT",
        &(piece.get("location").unwrap().to_owned() + &query),
        second,
    );
    assert_eq!(done.status(), 201, "{}", done.text());
    let pulled = stage.straight(&Request::get(&format!("/v2/{repository}/blobs/{}", blob.digest)));
    assert!(pulled.body == blob.bytes);
}

#[test]
fn many_at_once() {
    let stage = Stage::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            for blob in stage.registry.image.blobs() {
                let stage = &stage;
                scope.spawn(move || {
                    let answer =
                        stage.through(&Request::get(&format!("/v2/{REPOSITORY}/blobs/{}", blob.digest)));
                    assert!(answer.body == blob.bytes);
                });
            }
        }
    });
}
