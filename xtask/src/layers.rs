//! The layers of the crates: prints who imports whom, and fails where a crate imports upwards, where ARCHITECTURE.md says
//! another order, or where a crate offers a name that nobody else uses.

use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Where the crates are.
const CRATES: &str = "crates";

/// The page whose table of crates is their order: a crate imports only crates above it in the table.
const PAGE: &str = "ARCHITECTURE.md";

/// Where else the names of a crate may be used.
const USERS: [&str; 6] = ["src", "cli", "bench", "xtask", "tests", "crates"];

const PREFIX: &str = "blobwatch-";

/// One crate, by the name of its folder.
struct Layer {
    name: String,
    folder: PathBuf,
    imports: BTreeSet<String>,
    imports_of_tests: BTreeSet<String>,
    /// What `lib.rs` offers by name.
    offers: BTreeSet<String>,
}

/// Prints the graph.
///
/// # Errors
/// All faults at once, each with its crates.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let layers = read(&workspace.path(CRATES))?;
    let page = fs::read_to_string(workspace.path(PAGE)).with_context(|| format!("failed to read {PAGE}"))?;
    let order = order_of(&page);
    for name in &order {
        if let Some(layer) = layers.get(name) {
            println!("{name:<11} {}", join(&layer.imports));
        }
    }
    let mut faults = order_faults(&layers, &order);
    faults.extend(unused(workspace, &layers)?);
    ensure!(
        faults.is_empty(),
        "the layers do not hold:\n  {}",
        faults.join("\n  ")
    );
    println!("{} crates, no import against the order of {PAGE}", layers.len());
    Ok(())
}

fn join(names: &BTreeSet<String>) -> String {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.join(" ")
}

fn read(folder: &Path) -> Result<BTreeMap<String, Layer>> {
    let mut layers = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))? {
        let folder = entry?.path();
        let layer = Layer::read(&folder).with_context(|| format!("failed to read {}", folder.display()))?;
        layers.insert(layer.name.clone(), layer);
    }
    Ok(layers)
}

impl Layer {
    fn read(folder: &Path) -> Result<Self> {
        let manifest: Value = basic_toml::from_str(&fs::read_to_string(folder.join("Cargo.toml"))?)?;
        let imports = |table: &str| {
            let names = manifest.get(table).and_then(Value::as_object);
            let names = names.into_iter().flat_map(|table| table.keys());
            names
                .filter_map(|name| name.strip_prefix(PREFIX))
                .map(str::to_owned)
                .collect()
        };
        let name = folder
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        Ok(Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            imports: imports("dependencies"),
            imports_of_tests: imports("dev-dependencies"),
            offers: offers(&fs::read_to_string(folder.join("src/lib.rs"))?),
        })
    }
}

/// The names in the first column of the page's table whose rows begin with the folder of a crate.
fn order_of(page: &str) -> Vec<String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `crates/"));
    rows.filter_map(|row| row.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// What imports upwards, or is not in the order.
fn order_faults(layers: &BTreeMap<String, Layer>, order: &[String]) -> Vec<String> {
    let place = |name: &str| order.iter().position(|known| known == name);
    let mut faults = Vec::new();
    for layer in layers.values() {
        let Some(own) = place(&layer.name) else {
            faults.push(format!("{PAGE} has no row for crates/{}", layer.name));
            continue;
        };
        // Tests may borrow from a crate above; a cycle of crates cargo refuses by itself, but for those of tests.
        for import in &layer.imports {
            if place(import).is_none_or(|other| other >= own) {
                faults.push(format!(
                    "crates/{} imports {import}, which {PAGE} has below it",
                    layer.name
                ));
            }
        }
        for import in layer
            .imports_of_tests
            .iter()
            .filter(|import| **import != layer.name)
        {
            if layers
                .get(import)
                .is_some_and(|other| reaches(layers, other, &layer.name))
            {
                faults.push(format!(
                    "the tests of crates/{} import {import}, which imports it",
                    layer.name
                ));
            }
        }
    }
    faults
}

/// Whether `from` imports `name`, directly or through others.
fn reaches(layers: &BTreeMap<String, Layer>, from: &Layer, name: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(layer) = open.pop() {
        if layer.imports.contains(name) {
            return true;
        }
        let next = layer.imports.iter().filter(|import| seen.insert(import.as_str()));
        open.extend(next.filter_map(|import| layers.get(import)));
    }
    false
}

/// The names in `pub use` lines, without those in modules of their own.
fn offers(lib: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for statement in lib.split("\npub use ").skip(1) {
        let statement = statement.split(';').next().unwrap_or_default();
        let list = statement.split_once('{').map_or_else(
            || statement.rsplit("::").next().unwrap_or_default(),
            |(_, list)| list.trim_end_matches('}'),
        );
        for name in list.split(',') {
            let name = name.rsplit(" as ").next().unwrap_or(name).trim();
            if !name.is_empty() {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

/// Names that a crate offers and nobody outside of it says.
fn unused(workspace: &Workspace, layers: &BTreeMap<String, Layer>) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for folder in USERS {
        sources(&workspace.path(folder), &mut files)?;
    }
    let mut faults = Vec::new();
    for layer in layers.values() {
        let own = layer.folder.join("src");
        let outside = files.iter().filter(|(path, _)| !path.starts_with(&own));
        let crate_name = format!("{PREFIX}{}", layer.name).replace('-', "_");
        let said: BTreeSet<&str> = outside
            .filter(|(_, text)| text.contains(&crate_name))
            .flat_map(|(_, text)| words(text))
            .collect();
        let unused = layer.offers.iter().filter(|name| !said.contains(name.as_str()));
        faults.extend(unused.map(|name| format!("crates/{} offers {name}, which nobody uses", layer.name)));
    }
    Ok(faults)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
}

/// Every Rust file below a folder, with its text.
fn sources(folder: &Path, files: &mut Vec<(PathBuf, String)>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text =
                fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
            files.push((path, text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Layer, offers, order_faults, order_of};
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::PathBuf;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[track_caller]
    fn case(crates: &[(&str, &[&str], &[&str])], order: &[&str], expected: &[&str]) {
        let layers: BTreeMap<String, Layer> = crates
            .iter()
            .map(|(name, imports, imports_of_tests)| {
                let layer = Layer {
                    name: (*name).to_owned(),
                    folder: PathBuf::new(),
                    imports: names(imports),
                    imports_of_tests: names(imports_of_tests),
                    offers: BTreeSet::new(),
                };
                ((*name).to_owned(), layer)
            })
            .collect();
        let order: Vec<String> = order.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(order_faults(&layers, &order), expected);
    }

    #[test]
    fn imports_go_up_the_page_only() {
        case(
            &[("wire", &[], &[]), ("rules", &["wire"], &[])],
            &["wire", "rules"],
            &[],
        );
        case(
            &[("wire", &["rules"], &[]), ("rules", &[], &[])],
            &["wire", "rules"],
            &["crates/wire imports rules, which ARCHITECTURE.md has below it"],
        );
        case(
            &[("wire", &[], &[])],
            &[],
            &["ARCHITECTURE.md has no row for crates/wire"],
        );
    }

    #[test]
    fn tests_make_no_cycle_either() {
        case(
            &[
                ("wire", &[], &["rules"]),
                ("pull", &["wire"], &[]),
                ("rules", &["pull"], &[]),
            ],
            &["wire", "pull", "rules"],
            &["the tests of crates/wire import rules, which imports it"],
        );
        case(
            &[("sql", &[], &["sql"]), ("guard", &[], &["sql"])],
            &["sql", "guard"],
            &[],
        );
    }

    #[test]
    fn the_order_is_the_table_of_crates() {
        let page = "| crate | holds |\n| --- | --- |\n| `crates/wire` | bytes |\n| `src/` | worker |\n";
        assert_eq!(order_of(page), ["wire"]);
    }

    #[test]
    fn every_name_of_a_face_is_read() {
        let lib = "mod a;\n\npub use a::One;\npub use b::{\n    Two, three,\n    Four as Five,\n};\npub(crate) use c::Six;\n";
        assert_eq!(offers(lib), names(&["Five", "One", "Two", "three"]));
    }
}
