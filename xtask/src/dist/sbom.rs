//! What is shipped, as CycloneDX: the crates that are compiled into the worker and the command line, the packages of the
//! dashboard, and workerd. <https://cyclonedx.org/docs/1.5/json/>

use super::{Release, VERSION};
use crate::setup::WASM_TARGET;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

/// By package URL.
type Components = BTreeMap<String, Value>;

pub(super) fn document(release: &Release<'_>) -> Result<(String, Vec<u8>)> {
    let mut components = Components::new();
    for (package, target) in [
        ("blobwatch-cli", release.machine.triple()),
        ("blobwatch", WASM_TARGET),
        ("blobwatch-data-plane", WASM_TARGET),
    ] {
        crates(&tree(release.workspace, package, target)?, &mut components);
    }
    let lock = release.workspace.path("package-lock.json");
    let lock = fs::read_to_string(lock).context("failed to read package-lock.json")?;
    packages(&lock, release.machine.workerd(), &mut components)?;
    let document = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {
            "type": "application", "name": "blobwatch", "version": VERSION, "purl": format!("pkg:generic/blobwatch@{VERSION}"),
        }},
        "components": components.into_values().collect::<Vec<_>>(),
    });
    Ok((
        format!("blobwatch-{VERSION}-sbom.cdx.json"),
        format!("{document:#}\n").into_bytes(),
    ))
}

/// One crate a line: its name, its version, its licence.
fn tree(workspace: &Workspace, package: &str, target: &str) -> Result<String> {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(workspace.root())
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}|{l}", "--package", package, "--target", target]);
    let output = cargo.output().context("failed to start cargo")?;
    ensure!(
        output.status.success(),
        "failed to list the crates of {package}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn crates(tree: &str, components: &mut Components) {
    for line in tree.lines() {
        let (crate_, licence) = line.split_once('|').unwrap_or((line, ""));
        let mut words = crate_.split(' ');
        let (Some(name), Some(version)) =
            (words.next(), words.next().and_then(|word| word.strip_prefix('v')))
        else {
            continue;
        };
        // Macros run while it is compiled; what stands in a folder is this project itself.
        if words.any(|word| word.starts_with('(') && (word == "(proc-macro)" || word.contains('/'))) {
            continue;
        }
        let licence = licence.trim_end_matches(" (*)").replace('/', " OR ");
        add(
            components,
            format!("pkg:cargo/{name}@{version}"),
            name,
            version,
            &licence,
        );
    }
}

fn packages(lock: &str, workerd: &str, components: &mut Components) -> Result<()> {
    let lock: Value = serde_json::from_str(lock).context("failed to parse package-lock.json")?;
    let packages = lock.get("packages").and_then(Value::as_object);
    for (path, package) in packages.context("package-lock.json has no packages")? {
        let Some((_, name)) = path.rsplit_once("node_modules/") else {
            continue;
        };
        let is = |key: &str| package.get(key).and_then(Value::as_bool) == Some(true);
        let is_bundled = !is("dev") && !is("optional") && !is("devOptional") && !is("link");
        if is_bundled || name == workerd {
            let text = |key: &str| package.get(key).and_then(Value::as_str).unwrap_or_default();
            let version = text("version");
            let url = format!("pkg:npm/{}@{version}", name.replace('@', "%40"));
            add(components, url, name, version, text("license"));
        }
    }
    Ok(())
}

fn add(components: &mut Components, url: String, name: &str, version: &str, licence: &str) {
    let mut component = json!({"type": "library", "name": name, "version": version, "purl": url});
    if let (Some(fields), false) = (component.as_object_mut(), licence.is_empty()) {
        fields.insert("licenses".to_owned(), json!([{"expression": licence}]));
    }
    components.insert(url, component);
}

#[cfg(test)]
mod tests {
    use super::{Components, crates, packages};

    #[test]
    fn what_is_shipped_is_listed_once() {
        let mut components = Components::new();
        let tree = "blobwatch-cli v0.1.0 (/home/ada/blobwatch/cli)|MIT\nserde v1.0.229|MIT OR Apache-2.0\n\
            serde_derive v1.0.229 (proc-macro)|MIT\nserde v1.0.229|MIT OR Apache-2.0 (*)\nmemchr v2.8.3|Unlicense/MIT\n\nnonsense";
        crates(tree, &mut components);
        let lock = r#"{"packages": {"": {"name": "blobwatch"}, "dashboard": {"version": "1"},
            "node_modules/preact": {"version": "11.2.0", "license": "MIT"},
            "node_modules/blobwatch-dashboard": {"link": true},
            "node_modules/vite": {"version": "8.3.8", "dev": true},
            "node_modules/@cloudflare/workerd-linux-64": {"version": "1.2", "license": "Apache-2.0", "dev": true, "optional": true},
            "node_modules/@cloudflare/workerd-darwin-64": {"version": "1.2", "dev": true, "optional": true}}}"#;
        packages(lock, "@cloudflare/workerd-linux-64", &mut components).unwrap();
        let urls: Vec<&str> = components.keys().map(String::as_str).collect();
        let expected = [
            "pkg:cargo/memchr@2.8.3",
            "pkg:cargo/serde@1.0.229",
            "pkg:npm/%40cloudflare/workerd-linux-64@1.2",
            "pkg:npm/preact@11.2.0",
        ];
        assert_eq!(urls, expected);
        assert_eq!(
            components["pkg:cargo/memchr@2.8.3"]["licenses"][0]["expression"],
            "Unlicense OR MIT"
        );
    }
}
