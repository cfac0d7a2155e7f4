use super::{Image, answer};
use hyper::body::Bytes;
use hyper::header::{ETAG, HeaderName, IF_NONE_MATCH, IF_RANGE, RANGE};
use hyper::{HeaderMap, Method, Response};
use std::sync::LazyLock;

static IMAGE: LazyLock<Image> = LazyLock::new(|| Image::build().unwrap());

/// The path of the image's index, the object that every case asks for.
const INDEX: &str = "/v2/demo/hello/manifests/latest";

fn ask(method: &Method, path: &str, headers: &[(HeaderName, &str)]) -> Response<Bytes> {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.clone(), value.parse().unwrap()))
        .collect();
    answer(&IMAGE, None, method, path, &headers)
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[track_caller]
fn status(method: &Method, path: &str, expected: u16) {
    assert_eq!(ask(method, path, &[]).status(), expected, "{method} {path}");
}

/// Asks for a range of the index; `LEN` stands for its length.
#[track_caller]
fn range(asked: &str, expected_status: u16, content_range: &str, body: impl Fn(&[u8]) -> &[u8]) {
    let whole = ask(&Method::GET, INDEX, &[]).into_body();
    let response = ask(&Method::GET, INDEX, &[(RANGE, asked)]);
    assert_eq!(response.status(), expected_status, "{asked}");
    assert_eq!(
        header(&response, "content-range"),
        content_range.replace("LEN", &whole.len().to_string())
    );
    assert_eq!(
        header(&response, "content-length"),
        body(&whole).len().to_string()
    );
    assert_eq!(&response.body()[..], body(&whole), "{asked}");
}

#[test]
fn blobs_that_are_elsewhere_are_redirected_and_served_there() {
    let ask = |path: &str| answer(&IMAGE, Some("http://b:1"), &Method::GET, path, &HeaderMap::new());
    let index = ask(INDEX).into_body();
    let (path, size) = crate::registry::Registry::app_blob().unwrap();
    let redirect = ask(&path);
    assert_eq!(redirect.status(), 307);
    let location = header(&redirect, "location").strip_prefix("http://b:1").unwrap();
    let stored = ask(location.split_once('?').unwrap().0);
    assert_eq!(
        (stored.status().as_u16(), stored.body().len() as u64),
        (200, size)
    );
    assert_eq!(ask("/v2/demo/hello/blobs/sha256:00").status(), 404);
    assert_eq!(index, ask(INDEX).into_body(), "manifests are here");
}

#[test]
fn resources_are_found_by_path() {
    status(&Method::GET, "/v2/", 200);
    status(&Method::GET, INDEX, 200);
    status(&Method::HEAD, INDEX, 200);
    status(&Method::GET, "/v2/demo/hello/tags/list", 200);
    status(&Method::GET, "/v2/demo/hello/manifests/other", 404);
    status(&Method::GET, "/v2/demo/hello/blobs/sha256:00", 404);
    status(&Method::GET, "/v2/demo/hello-2/manifests/latest", 404);
    status(&Method::GET, "/v2/other/manifests/latest", 404);
    status(&Method::GET, "/", 404);
}

#[test]
fn the_demo_registry_is_read_only() {
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        status(&method, "/v2/demo/hello/blobs/uploads/", 405);
    }
}

#[test]
fn ranges_are_answered_as_rfc_9110_says() {
    range("bytes=0-9", 206, "bytes 0-9/LEN", |whole| &whole[..10]);
    range("bytes=10-", 206, &format!("bytes 10-{}/LEN", last()), |whole| {
        &whole[10..]
    });
    range(
        "bytes=-7",
        206,
        &format!("bytes {}-{}/LEN", last() - 6, last()),
        |whole| &whole[whole.len() - 7..],
    );
    range(
        "bytes=5-999999",
        206,
        &format!("bytes 5-{}/LEN", last()),
        |whole| &whole[5..],
    );
    range("bytes=999999-", 416, "bytes */LEN", |_| &[]);
    range("bytes=0-1,4-5", 200, "", |whole| whole);
    range("bytes=nonsense", 200, "", |whole| whole);
    range("items=0-9", 200, "", |whole| whole);
}

fn last() -> usize {
    ask(&Method::GET, INDEX, &[]).body().len() - 1
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    let (get, head) = (ask(&Method::GET, INDEX, &[]), ask(&Method::HEAD, INDEX, &[]));
    assert_eq!(get.headers(), head.headers());
    assert!(head.body().is_empty() && !get.body().is_empty());
}

#[test]
fn every_object_says_its_digest_and_the_api_version() {
    let response = ask(&Method::GET, INDEX, &[]);
    let digest = super::super::image::digest(response.body());
    assert_eq!(header(&response, "docker-content-digest"), digest);
    assert_eq!(header(&response, "etag"), format!("\"{digest}\""));
    assert_eq!(
        header(&response, "docker-distribution-api-version"),
        "registry/2.0"
    );
    assert_eq!(
        header(&response, "content-type"),
        "application/vnd.oci.image.index.v1+json"
    );
}

#[test]
fn conditional_requests_compare_the_etag() {
    let etag = ask(&Method::GET, INDEX, &[]).headers()[ETAG]
        .to_str()
        .unwrap()
        .to_owned();
    let conditional =
        |name, value: &str| ask(&Method::GET, INDEX, &[(name, value), (RANGE, "bytes=0-1")]).status();
    assert_eq!(conditional(IF_NONE_MATCH, &etag), 304);
    assert_eq!(conditional(IF_NONE_MATCH, &format!("\"other\", W/{etag}")), 304);
    assert_eq!(conditional(IF_NONE_MATCH, "\"other\""), 206);
    assert_eq!(conditional(IF_RANGE, &etag), 206);
    assert_eq!(conditional(IF_RANGE, "\"other\""), 200);
}
