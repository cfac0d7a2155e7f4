//! The worker as `wrangler deploy` takes it, from a folder that has nothing to build.

use super::tree::{Content, FILE, Tree};
use super::{Release, VERSION};
use crate::build::Variant;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs::{self, create_dir_all, remove_dir_all};
use std::path::Path;

/// What wrangler.toml says of the clone, and of the folder.
const PLACES: [(&str, &str); 2] = [
    ("main = \"src/data_plane/entry.js\"", "main = \"worker.js\""),
    ("directory = \"build/dashboard\"", "directory = \"dashboard\""),
];

/// What a person sets before the first deploy, and what it is; the deploy button shows it.
const BINDINGS: [(&str, &str); 4] = [
    (
        "ORIGIN",
        "The registry behind Blobwatch, for instance `https://origin.example.com`. It must not be an address of this worker.",
    ),
    (
        "BLOBWATCH_TOKENS",
        "Who may call the API and sign in to the dashboard: a JSON list such as \
         `[{\"name\":\"ada\",\"role\":\"operator\",\"sha256\":\"…\"}]`. `blobwatch token ada --role operator` makes a token and its entry.",
    ),
    (
        "BLOBWATCH_CLIENT_SECRET",
        "Random text, for instance of `openssl rand -hex 32`. Clients' keys are made with it: with a new one every client is a new one.",
    ),
    (
        "BLOBWATCH_HOST",
        "The host of the dashboard and the API, if they have one of their own. Empty: below `/_blobwatch/` on every host.",
    ),
];

/// Secrets as wrangler and the deploy button read them.
const EXAMPLE: &str = "# Copy this to .dev.vars for `wrangler dev`. A deployed worker has them as secrets: `wrangler secret put NAME`.
BLOBWATCH_TOKENS=\"[]\"
BLOBWATCH_CLIENT_SECRET=\"\"
";

pub(super) fn archive(release: &Release<'_>) -> Result<(String, Vec<u8>)> {
    let folder = format!("blobwatch-worker-{VERSION}");
    let tree = tree(release.workspace, release.variant)?;
    Ok((format!("{folder}.tar.gz"), release.packed(&tree.below(&folder))?))
}

/// The same as a folder, which `cargo xtask deploy` deploys.
pub(crate) fn write(workspace: &Workspace, folder: &Path) -> Result<()> {
    if folder.exists() {
        remove_dir_all(folder).with_context(|| format!("failed to remove {}", folder.display()))?;
    }
    create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    for (path, _, content) in tree(workspace, Variant::Release)?.entries() {
        let path = folder.join(path);
        let written = match content {
            Content::Bytes(bytes) => fs::write(&path, bytes),
            _ => create_dir_all(&path),
        };
        written.with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(())
}

fn tree(workspace: &Workspace, variant: Variant) -> Result<Tree> {
    let mut tree = modules(workspace, variant)?;
    let read = |name: &str| {
        fs::read_to_string(workspace.path(name)).with_context(|| format!("failed to read {name}"))
    };
    tree.put("wrangler.toml", FILE, configuration(&read("wrangler.toml")?)?);
    tree.put("package.json", FILE, package(&read("package.json")?)?);
    tree.put(".dev.vars.example", FILE, EXAMPLE);
    tree.put("README.md", FILE, read("config/dist/worker.md")?);
    licences(&mut tree, workspace)?;
    Ok(tree)
}

/// What runs: the worker's modules and the dashboard beside them.
fn modules(workspace: &Workspace, variant: Variant) -> Result<Tree> {
    let mut tree = Tree::default();
    let bundle = workspace.path(variant.bundle());
    for name in [
        "worker.js",
        "data_plane_bg.wasm",
        "index_bg.wasm",
        "cloud_prefixes.bin",
    ] {
        tree.copy(name, FILE, &bundle.join(name))?;
    }
    tree.copy_all("dashboard", &workspace.path("build/dashboard"))?;
    Ok(tree)
}

pub(super) fn licences(tree: &mut Tree, workspace: &Workspace) -> Result<()> {
    for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
        tree.copy(name, FILE, &workspace.path(name))?;
    }
    Ok(())
}

fn configuration(text: &str) -> Result<String> {
    let mut text = text.to_owned();
    for (from, to) in PLACES {
        ensure!(text.contains(from), "wrangler.toml has no `{from}`");
        text = text.replace(from, to);
    }
    Ok(text)
}

fn package(tools: &str) -> Result<String> {
    let tools: Value = serde_json::from_str(tools).context("failed to parse package.json")?;
    let wrangler = tools.pointer("/devDependencies/wrangler");
    let wrangler = wrangler.context("package.json names no wrangler")?;
    let bindings = BINDINGS.map(|(name, description)| (name.to_owned(), json!({"description": description})));
    let package = json!({
        "name": "blobwatch", "version": VERSION, "private": true, "license": "Apache-2.0 OR MIT",
        "description": "Finds clients of a container registry that are stuck, and who blocks them.",
        "scripts": {"deploy": "wrangler deploy", "dev": "wrangler dev"},
        "devDependencies": {"wrangler": wrangler},
        "cloudflare": {"bindings": Value::Object(bindings.into_iter().collect())},
    });
    Ok(format!("{package:#}\n"))
}

#[cfg(test)]
mod tests {
    use super::{BINDINGS, EXAMPLE, configuration, package};
    use serde_json::Value;

    const SHIPPED: &str = include_str!("../../../wrangler.toml");

    #[test]
    fn the_folder_is_configured_as_the_clone_is() {
        let text = configuration(SHIPPED).unwrap();
        let [clone, folder] = [SHIPPED, &text].map(|text| basic_toml::from_str::<Value>(text).unwrap());
        assert_eq!(
            (&folder["main"], &folder["assets"]["directory"]),
            (&"worker.js".into(), &"dashboard".into())
        );
        for same in [
            "vars",
            "durable_objects",
            "migrations",
            "compatibility_date",
            "compatibility_flags",
            "observability",
        ] {
            assert_eq!(folder[same], clone[same], "{same}");
        }
        assert!(configuration("name = \"blobwatch\"").is_err());
    }

    /// The button asks for what wrangler.toml and the example name, and explains it with what package.json says.
    #[test]
    fn what_the_button_asks_for_is_explained() {
        let text = package(include_str!("../../../package.json")).unwrap();
        let package: Value = serde_json::from_str(&text).unwrap();
        let explained = package["cloudflare"]["bindings"].as_object().unwrap();
        let named =
            |name: &str| SHIPPED.contains(&format!("\n{name} = ")) || EXAMPLE.contains(&format!("\n{name}="));
        for (name, _) in BINDINGS {
            assert!(named(name) && explained.contains_key(name), "{name}");
        }
        for secret in EXAMPLE.lines().filter_map(|line| line.split_once('=')) {
            assert!(
                secret.0.starts_with('#') || explained.contains_key(secret.0),
                "{secret:?}"
            );
        }
        assert!(package["devDependencies"]["wrangler"].is_string());
    }
}
