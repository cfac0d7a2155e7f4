//! One request to the demo registry and its answer, after the OCI distribution specification 1.1 and RFC 9110.

use super::NAME;
use super::image::{Image, Object};
use http_range_header::parse_range_header;
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT_RANGES, ALLOW, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    IF_NONE_MATCH, IF_RANGE, LOCATION, RANGE,
};
use hyper::{HeaderMap, Method, Response, StatusCode};
use serde_json::json;
use std::ops::RangeInclusive;

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// Which bytes of an object are asked for.
#[derive(Debug, PartialEq)]
enum Part {
    Whole,
    Range(RangeInclusive<u64>),
    Unsatisfiable,
}

/// `storage` is where blobs are, if not here.
pub(super) fn answer(
    image: &Image,
    storage: Option<&str>,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Response<Bytes> {
    let mut response = route(image, storage, method, path, headers);
    if method == Method::HEAD {
        *response.body_mut() = Bytes::new();
    }
    response
        .headers_mut()
        .insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    response
}

fn route(
    image: &Image,
    storage: Option<&str>,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Response<Bytes> {
    if ![Method::GET, Method::HEAD].contains(method) {
        let mut response = error(
            StatusCode::METHOD_NOT_ALLOWED,
            "UNSUPPORTED",
            "the demo registry is read-only",
        );
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    if matches!(path, "/v2" | "/v2/") {
        return document(StatusCode::OK, "{}".to_owned());
    }
    if let Some(digest) = storage.and_then(|_| stored(path)) {
        return serve_object(image.blob(&digest), "BLOB_UNKNOWN", headers);
    }
    let resource = path
        .strip_prefix("/v2/")
        .and_then(|path| path.strip_prefix(NAME)?.strip_prefix('/'));
    match resource.and_then(|resource| resource.split_once('/')) {
        Some(("manifests", reference)) => {
            serve_object(image.manifest(reference), "MANIFEST_UNKNOWN", headers)
        }
        Some(("blobs", digest)) => match (storage, image.blob(digest)) {
            (Some(storage), Some(_)) => redirect(storage, digest),
            (_, object) => serve_object(object, "BLOB_UNKNOWN", headers),
        },
        Some(("tags", "list")) => document(
            StatusCode::OK,
            json!({"name": NAME, "tags": ["latest"]}).to_string(),
        ),
        _ => error(
            StatusCode::NOT_FOUND,
            "NAME_UNKNOWN",
            "the demo registry contains only demo/hello",
        ),
    }
}

/// The digest of a path of distribution's storage.
fn stored(path: &str) -> Option<String> {
    let hex = path.strip_prefix(STORED)?.get(3..)?.strip_suffix("/data")?;
    Some(format!("sha256:{hex}"))
}

/// Where distribution keeps the blobs of all repositories.
const STORED: &str = "/docker/registry/v2/blobs/sha256/";

/// To the storage, with a signature that means nothing.
fn redirect(storage: &str, digest: &str) -> Response<Bytes> {
    let hex = digest.trim_start_matches("sha256:");
    let start = hex.get(..2).unwrap_or_default();
    let location = format!("{storage}{STORED}{start}/{hex}/data?X-Amz-Expires=1200&X-Amz-Signature=demo");
    let mut response = plain(StatusCode::TEMPORARY_REDIRECT, Bytes::new());
    insert(response.headers_mut(), LOCATION, &location);
    response
}

fn serve_object(object: Option<(&str, &Object)>, unknown: &str, headers: &HeaderMap) -> Response<Bytes> {
    match object {
        Some((digest, object)) => serve(digest, object, headers),
        None => error(StatusCode::NOT_FOUND, unknown, "not in the demo registry"),
    }
}

fn serve(digest: &str, object: &Object, headers: &HeaderMap) -> Response<Bytes> {
    let etag = format!("\"{digest}\"");
    let len = object.bytes.len();
    let (status, body, content_range) = if matches_etag(headers, &etag) {
        (StatusCode::NOT_MODIFIED, Bytes::new(), None)
    } else {
        cut(object, part(headers, &etag, len as u64))
    };
    let mut response = plain(status, body);
    let fields = response.headers_mut();
    insert(fields, ETAG, &etag);
    insert(fields, CONTENT_DIGEST, digest);
    fields.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(object.media_type));
    if let Some(range) = content_range {
        insert(fields, CONTENT_RANGE, &range);
    }
    if status == StatusCode::NOT_MODIFIED {
        fields.remove(CONTENT_LENGTH);
    }
    response
}

/// Status, body and Content-Range of a part.
fn cut(object: &Object, part: Part) -> (StatusCode, Bytes, Option<String>) {
    let len = object.bytes.len();
    match part {
        Part::Whole => (StatusCode::OK, object.bytes.clone(), None),
        Part::Unsatisfiable => (
            StatusCode::RANGE_NOT_SATISFIABLE,
            Bytes::new(),
            Some(format!("bytes */{len}")),
        ),
        Part::Range(range) => {
            let (first, last) = (*range.start(), *range.end());
            // `part` checked the range against this length.
            let bytes = object.bytes.slice(first as usize..=last as usize);
            (
                StatusCode::PARTIAL_CONTENT,
                bytes,
                Some(format!("bytes {first}-{last}/{len}")),
            )
        }
    }
}

/// A range that is malformed, multiple or for another version of the object is answered with the whole, as RFC 9110
/// (14.2 and 13.1.5) allows.
fn part(headers: &HeaderMap, etag: &str, len: u64) -> Part {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    if text(IF_RANGE).is_some_and(|value| value != etag) {
        return Part::Whole;
    }
    let Some(Ok(parsed)) = text(RANGE).map(parse_range_header) else {
        return Part::Whole;
    };
    match parsed.validate(len).as_deref() {
        Ok([range]) => Part::Range(range.clone()),
        Ok(_) => Part::Whole,
        Err(_) => Part::Unsatisfiable,
    }
}

fn matches_etag(headers: &HeaderMap, etag: &str) -> bool {
    let tags = headers
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    tags.split(',')
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == etag || tag == "*")
}

fn document(status: StatusCode, json: String) -> Response<Bytes> {
    let mut response = plain(status, Bytes::from(json));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn error(status: StatusCode, code: &str, message: &str) -> Response<Bytes> {
    document(
        status,
        json!({"errors": [{"code": code, "message": message}]}).to_string(),
    )
}

fn plain(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let len = body.len();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_LENGTH, len.into());
    response
}

/// Digests and numbers are always valid header values.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests;
