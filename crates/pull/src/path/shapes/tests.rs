use super::{BlobShapes, PathShape, ShapeError, find_blob};
use crate::path::normal_form;

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const LONG: &str = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";

fn digest() -> String {
    format!("sha256:{HEX}")
}

fn filled(path: &str) -> String {
    let path = path.replace("{DIGEST}", &digest()).replace("{LONG}", LONG);
    path.replace("{HEX}", HEX).replace("{HE}", &HEX[..2])
}

/// By the shapes that are on by default, in its one spelling.
#[track_caller]
fn named(path: &str, shape: PathShape, repository: &str) {
    let path = filled(path);
    let blob = find_blob(&path).unwrap_or_else(|| panic!("no blob: {path}"));
    let found = (
        blob.shape,
        &*blob.repository,
        &*blob.digest,
        blob.object,
        blob.odd_path,
    );
    assert_eq!(found, (shape, repository, &*digest(), 0, false), "{path}");
}

#[test]
fn the_paths_of_registries_storage_and_cdns_are_blobs() {
    use PathShape::{Digest, Oci, Prefixed, Storage};
    for (path, shape, repository) in [
        ("/v2/library/app/blobs/{DIGEST}", Oci, "library/app"),
        // Nexus, Artifactory, Harbor's proxy, a registry below a path.
        (
            "/repository/hosted/v2/library/app/blobs/{DIGEST}",
            Prefixed,
            "library/app",
        ),
        (
            "/repository/docker.hosted-1/v2/app/blobs/{DIGEST}",
            Prefixed,
            "app",
        ),
        (
            "/artifactory/api/docker/local/v2/library/app/blobs/{DIGEST}",
            Prefixed,
            "library/app",
        ),
        ("/a/b/c/v2/app/blobs/{DIGEST}", Prefixed, "app"),
        // distribution's storage: Docker Hub's CDN, Harbor's and GitLab's buckets, Azure's registry, one at the root.
        (
            "/registry-v2/docker/registry/v2/blobs/sha256/{HE}/{HEX}/data",
            Storage,
            "",
        ),
        ("/docker/registry/v2/blobs/sha256/{HE}/{HEX}/data", Storage, ""),
        (
            "/bucket/some/folder/docker/registry/v2/blobs/sha256/{HE}/{HEX}/data",
            Storage,
            "",
        ),
        ("/blobs/sha256/{HE}/{HEX}/data", Storage, ""),
        // Quay, GHCR, buckets of R2 and S3.
        ("/sha256/{HE}/{HEX}", Digest, ""),
        ("/quayio-production-s3/sha256/{HE}/{HEX}", Digest, ""),
        ("/datastorage/registry/sha256/{HE}/{HEX}", Digest, ""),
        ("/ghcr1/blobs/{DIGEST}", Digest, ""),
        ("/{DIGEST}", Digest, ""),
        ("/layers/{DIGEST}", Digest, ""),
        ("/layers/{DIGEST}/data", Digest, ""),
        ("/sha256/{HE}/{HEX}/layer.tar", Digest, ""),
    ] {
        named(path, shape, repository);
    }
    let long = find_blob(&format!("/x/sha512/cf/{LONG}")).unwrap();
    assert_eq!(long.digest, format!("sha512:{LONG}"));
    let other = find_blob(&format!("/x/blake3:{HEX}")).unwrap();
    assert_eq!(other.digest, format!("blake3:{HEX}"));
}

#[test]
fn what_only_looks_like_a_blob_is_none() {
    for path in [
        "/",
        "",
        "/index.html",
        "/v2/",
        "/v2/app/manifests/latest",
        "/v2/app/manifests/{DIGEST}",
        "/v2/app/manifests/{DIGEST}/x",
        "/v2/app/referrers/{DIGEST}",
        "/proxy/v2/app/manifests/{DIGEST}",
        "/V2/app/Manifests/{DIGEST}",
        "/v2/app/manifests/sha256%3a{HEX}",
        "/v2/app/blobs/uploads/",
        "/v2/app/blobs/uploads/{DIGEST}",
        "/oras/artifacts/v1/app/manifests/{DIGEST}/referrers",
        "/docker/registry/v2/repositories/app/_manifests/revisions/sha256/{HEX}/link",
        "/docker/registry/v2/repositories/app/_layers/sha256/{HEX}/link",
        "/docker/registry/v2/repositories/app/_uploads/4e/startedat",
        "/sha256/{HEX}",
        "/sha256/ff/{HEX}",
        "/{HE}/{HEX}",
        "/{HEX}",
        "/layers/{HEX}",
        "/{DIGEST}/a/b",
        "/sha256:short",
        "/sha256:{HEX}ff",
        "/sha512:{HEX}",
        "/host:8080",
        "/host:8080/x",
        "/12:34:56",
        "/md5:zz{HEX}",
        "/4sha256:{HEX}",
    ] {
        let path = filled(path);
        assert_eq!(find_blob(&path), None, "{path}");
    }
}

/// What a storage or a CDN serves as one of its blobs is watched, however it is spelled.
#[test]
fn other_spellings_are_the_blob() {
    for path in [
        "//docker/registry/v2/blobs/sha256/{HE}/{HEX}/data",
        "/docker//registry/v2/blobs/sha256//{HE}/{HEX}/data/",
        "/docker/registry/v2/blobs/sha256%2f{HE}%2F{HEX}/data",
        "/docker/registry/v2/blobs/sha256%252f{HE}%252F{HEX}%252fdata",
        "/docker/registry/v2/x/..%2fblobs/sha256/{HE}/{HEX}/data",
        "/docker/registry/v2/app/manifests/..%252f..%252fblobs%252fsha256%252f{HE}%252f{HEX}%252fdata",
        "/docker\\registry\\v2\\blobs\\sha256\\{HE}\\{HEX}\\data",
        "/docker/registry/v2/blobs;a=b/sha256/{HE}/{HEX}/data;c",
        "/docker/registry/v2/blobs/sha256/{HE}/{HEX}/data%3fversion=1",
        "/ghcr1/%62lobs/sha256%3A{HEX}",
        "/ghcr1/blobs/sha256%253a{HEX}",
        "/ghcr1/blobs/{DIGEST}%00",
        "/ghcr1/blobs/{DIGEST};x",
        "/ghcr1/blobs/SHA256:{HEX}",
    ] {
        let path = filled(path);
        let blob = find_blob(&path).unwrap_or_else(|| panic!("no blob: {path}"));
        assert_eq!(
            (&*blob.digest, blob.odd_path),
            (&*digest(), !path.contains("SHA")),
            "{path}"
        );
    }
    let upper = find_blob(&format!("/x/sha256:{}", HEX.to_uppercase())).unwrap();
    assert_eq!((&*upper.digest, upper.odd_path), (&*digest(), true));
}

fn shapes(names: &[&str]) -> Result<BlobShapes, ShapeError> {
    BlobShapes::parse(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
}

#[test]
fn a_route_watches_the_shapes_that_it_names() {
    let paths = [
        "/v2/app/blobs/{DIGEST}",
        "/docker/registry/v2/blobs/sha256/{HE}/{HEX}/data",
        "/sha256/{HE}/{HEX}",
        "/layers/{HEX}",
    ];
    #[track_caller]
    fn case(names: &[&str], paths: &[&str], watched: [bool; 4]) {
        let shapes = shapes(names).unwrap();
        let found: Vec<bool> = paths
            .iter()
            .map(|path| filled(path))
            .map(|path| shapes.find(&path, &normal_form(&path)).is_some())
            .collect();
        assert_eq!(found, watched, "{names:?}");
    }
    case(&["oci"], &paths, [true, false, false, false]);
    case(&["storage"], &paths, [false, true, false, false]);
    // A digest at the end is one, whatever stands before it.
    case(&["digest"], &paths, [true, true, true, false]);
    case(&["/layers/{hex}"], &paths, [false, false, false, true]);
    case(&BlobShapes::DEFAULT, &paths, [true, true, true, false]);
    assert_eq!(shapes(&BlobShapes::DEFAULT), Ok(BlobShapes::default()));
}

#[test]
fn a_template_says_what_it_asks_for() {
    #[track_caller]
    fn case(template: &str, path: &str, repository: &str, digest: &str) {
        let path = filled(path);
        let blob = shapes(&[template]).unwrap().find(&path, &path);
        let blob = blob.unwrap_or_else(|| panic!("{template}: {path}"));
        assert_eq!(
            (&*blob.repository, &*blob.digest),
            (repository, &*filled(digest)),
            "{template}: {path}"
        );
        assert_eq!(blob.object == 0, !digest.is_empty(), "{template}");
    }
    case("/layers/{hex}", "/layers/{HEX}", "", "{DIGEST}");
    case("/layers/{hex}", "/Layers/{HEX}", "", "{DIGEST}");
    case("/layers/{hex}.tar.gz", "/layers/{HEX}.tar.gz", "", "{DIGEST}");
    case("/l/sha256-{hex}", "/l/sha256-{HEX}", "", "{DIGEST}");
    case("/l/{hex}", "/l/{LONG}", "", "sha512:{LONG}");
    case("/x/{digest}/y/z", "/x/{DIGEST}/y/z", "", "{DIGEST}");
    case("/**/{digest}", "/{DIGEST}", "", "{DIGEST}");
    case("/**/{digest}", "/a/b/{DIGEST}", "", "{DIGEST}");
    case("/**/{hex}/**", "/a/b/{HEX}/c/d", "", "{DIGEST}");
    case("/{name}/-/{hex}", "/team/App/-/{HEX}", "team/app", "{DIGEST}");
    case(
        "/p/{name}/blob/{digest}",
        "/p/a/b/c/blob/{DIGEST}",
        "a/b/c",
        "{DIGEST}",
    );
    case(
        "/p/{name}/blob/{digest}",
        "/p/blob/blob/{DIGEST}",
        "blob",
        "{DIGEST}",
    );
    case(
        "/**/img/{name}/x/**/{hex}",
        "/img/img/n/x/x/{HEX}",
        "img/n",
        "{DIGEST}",
    );
    case(
        "/artifacts-uploads/**",
        "/artifacts-uploads/namespaces/p/uploads/AF2xx",
        "",
        "",
    );
    case("/v1/*/file", "/v1/abc/file", "", "");
    case("/*/**", "/a/b", "", "");
    case("/pre-*", "/pre-", "", "");
}

#[test]
fn a_template_takes_no_other_path() {
    #[track_caller]
    fn case(template: &str, path: &str) {
        let path = filled(path);
        let shapes = shapes(&[template]).unwrap();
        assert_eq!(
            shapes.find(&path, &normal_form(&path)),
            None,
            "{template}: {path}"
        );
    }
    case("/layers/{hex}", "/layers/{HEX}/x");
    case("/layers/{hex}", "/layers");
    case("/layers/{hex}", "/layers/{DIGEST}");
    case("/layers/{hex}", "/layers/{HEX}ff");
    case("/layers/{digest}", "/layers/{HEX}");
    case("/{name}/{hex}", "/{HEX}");
    case("/{name}/x/{hex}", "/x/{HEX}");
    case("/*", "/a/b");
    case("/a/**/b", "/a/c");
    case("/**", "/v2/app/manifests/latest");
    case("/**", "/v2/app/blobs/uploads/4e");
}

/// Parts of several segments are not tried each against each other.
#[test]
fn a_long_path_is_read_in_time_that_grows_with_its_length() {
    let template = format!("{}/{{hex}}", "/**/a/*".repeat(10));
    let path = "/a".repeat(8_000);
    assert_eq!(shapes(&[&template]).unwrap().find(&path, &path), None);
}

#[test]
fn what_is_no_shape_is_refused_with_its_place() {
    #[track_caller]
    fn case(names: &[&str], at: Option<usize>, message: &str) {
        let error = shapes(names).unwrap_err();
        assert_eq!(error.at(), at, "{names:?}");
        let text = error.to_string();
        assert!(text.contains(message), "{names:?}: {text}");
    }
    case(
        &[],
        None,
        "expected at least one of oci, storage, digest or a template",
    );
    case(&["oci"; 17], None, "expected at most 16");
    case(
        &["oci", "s3"],
        Some(1),
        "expected oci, storage, digest or a template",
    );
    case(&["oci", "oci"], Some(1), "occurs twice");
    case(&["layers/{hex}"], Some(0), "found \"layers/{hex}\"");
    case(&["oci", "/a//b"], Some(1), "expected a segment at byte 3");
    case(&["/a/"], Some(0), "expected a segment at byte 3");
    case(&["/"], Some(0), "expected a segment at byte 1");
    case(&["/a/../b"], Some(0), "whose dots are resolved at byte 3");
    case(
        &["/a?x=1"],
        Some(0),
        "without a query, escapes or parameters at byte 2",
    );
    case(
        &["/a%20b"],
        Some(0),
        "without a query, escapes or parameters at byte 2",
    );
    case(&["/a b"], Some(0), "at byte 2");
    case(&["/\u{e9}"], Some(0), "at byte 1");
    case(&["/{sha}"], Some(0), "expected {hex}, {digest} or *");
    case(&["/{hex"], Some(0), "at byte 1, found \"{hex\"");
    case(&["/a}"], Some(0), "at byte 2");
    case(
        &["/x-{name}"],
        Some(0),
        "{name} as a segment of its own at byte 3",
    );
    case(&["/{hex}{hex}"], Some(0), "in a segment");
    case(&["/a**"], Some(0), "as a segment of their own at byte 3");
    case(&["/{name}/{name}"], Some(0), "expected {name} once at byte 8");
    case(
        &["/{hex}/{digest}"],
        Some(0),
        "expected one {hex} or {digest} at byte 7",
    );
    case(&["/**/**"], Some(0), "expected ** once in a row at byte 4");
    case(&[&format!("/{}", "a".repeat(255))], Some(0), "at most 255 bytes");
    case(&[&"/a".repeat(33)], Some(0), "at most 32 segments");
}

/// Of any path and any template, only that it ends and panics nowhere; and that what is found can be kept.
#[test]
fn whatever_the_path_is_it_is_read() {
    const PIECES: [&str; 16] = [
        "/", "**", "*", "{hex}", "{digest}", "{name}", "a", "blobs", "sha256", ":", "data", "v2", "%2f",
        "..", HEX, "e3",
    ];
    bolero::check!()
        .with_max_len(24)
        .with_iterations(4_000)
        .for_each(|bytes: &[u8]| {
            let half = bytes.len() / 2;
            let text = |bytes: &[u8]| -> String {
                let pieces = bytes.iter().map(|byte| PIECES[usize::from(*byte) % PIECES.len()]);
                format!("/{}", pieces.collect::<String>())
            };
            let (template, path) = (text(&bytes[..half]), text(&bytes[half..]));
            let shapes = shapes(&["oci", "storage", "digest", &template]).unwrap_or_default();
            if let Some(blob) = shapes.find(&path, &normal_form(&path)) {
                assert_eq!(blob.digest.is_empty(), blob.object != 0, "{path}");
                assert!(blob.repository.len() <= blobwatch_wire::MAX_TEXT_BYTES);
            }
        });
}
