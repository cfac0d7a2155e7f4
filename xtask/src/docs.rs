//! The pages of the tree, tested: every relative link and anchor resolves, and README.md leads to every page.
//!
//! In scope: Markdown files. Not in scope: links to other sites, which only a network can check.

mod architecture;
mod losses;

use crate::workspace::Workspace;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Folders without pages of ours; those whose name begins with a dot are left out too.
const FOREIGN: [&str; 4] = ["build", "node_modules", "out", "target"];

/// Pages by their paths from the root.
type Pages = BTreeMap<PathBuf, Page>;

struct Page {
    links: Vec<Link>,
    anchors: BTreeSet<String>,
}

struct Link {
    /// Where it stands, from 1.
    line: usize,
    /// From the root.
    path: PathBuf,
    /// Without `#`; empty for the page as a whole.
    anchor: String,
}

fn root() -> PathBuf {
    Workspace::find().unwrap().root().to_path_buf()
}

fn pages(root: &Path) -> Pages {
    let mut paths = Vec::new();
    collect(root, Path::new(""), &mut paths);
    let read = |path: PathBuf| {
        let text = fs::read_to_string(root.join(&path)).unwrap();
        let page = read(&path, &text);
        (path, page)
    };
    paths.into_iter().map(read).collect()
}

fn collect(root: &Path, folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = folder.join(&name);
        if entry.file_type().unwrap().is_dir() {
            if !name.starts_with('.') && !FOREIGN.contains(&name.as_str()) {
                collect(root, &path, paths);
            }
        } else if is_page(&path) {
            paths.push(path);
        }
    }
}

fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md")
}

fn read(path: &Path, text: &str) -> Page {
    let mut page = Page {
        links: Vec::new(),
        anchors: BTreeSet::new(),
    };
    let mut is_code = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            page.anchors.extend(heading(line).map(anchor));
            page.links.extend(links(path, number, line));
        }
    }
    page
}

/// Text of a heading of any level.
fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    text.strip_prefix(' ').filter(|_| text.len() < line.len())
}

/// As the repository's host makes it: lower case, spaces as hyphens, letters, digits, hyphens and underscores only.
fn anchor(heading: &str) -> String {
    let lower = heading.trim().to_lowercase();
    let kept = lower
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Relative links of a line, images included; what stands between backticks is code.
fn links(page: &Path, line: usize, text: &str) -> Vec<Link> {
    let prose: String = text.split('`').step_by(2).collect();
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets
        .map(|(target, _)| target)
        .filter(|target| !target.contains("://"))
        .map(|target| link(page, line, target))
        .collect()
}

fn link(page: &Path, line: usize, target: &str) -> Link {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if path.is_empty() {
        page.to_path_buf()
    } else {
        normal(&page.parent().unwrap().join(path))
    };
    Link {
        line,
        path,
        anchor: anchor.to_owned(),
    }
}

/// Without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            normal.pop();
        } else {
            normal.push(part);
        }
    }
    normal
}

/// Why a link leads nowhere.
fn fault(root: &Path, pages: &Pages, link: &Link) -> Option<String> {
    let path = link.path.display();
    if !root.join(&link.path).exists() {
        return Some(format!("expected a file of this tree, found {path}"));
    }
    let anchors = pages.get(&link.path).map(|page| &page.anchors);
    let is_there = link.anchor.is_empty() || anchors.is_some_and(|anchors| anchors.contains(&link.anchor));
    (!is_there).then(|| format!("expected a heading of {path}, found #{}", link.anchor))
}

#[test]
fn every_link_and_anchor_resolves() {
    let root = root();
    let pages = pages(&root);
    let mut faults = Vec::new();
    for (path, page) in &pages {
        for link in &page.links {
            let fault = fault(&root, &pages, link);
            faults.extend(fault.map(|fault| format!("{}:{}: {fault}", path.display(), link.line)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_readme_leads_to_every_page() {
    let pages = pages(&root());
    let mut reached = BTreeSet::new();
    let mut waiting = vec![PathBuf::from("README.md")];
    while let Some(path) = waiting.pop() {
        if let Some(page) = pages.get(&path)
            && reached.insert(path)
        {
            waiting.extend(page.links.iter().map(|link| link.path.clone()));
        }
    }
    let missed: Vec<_> = pages.keys().filter(|path| !reached.contains(*path)).collect();
    assert!(missed.is_empty(), "no link leads to {missed:?}");
}

/// `mdbook build` takes the folder alone, and the pages that its summary lists.
#[test]
fn the_site_has_every_page_and_links_to_nothing_else() {
    let pages = pages(&root());
    let of_site = |path: &Path| path.starts_with("docs");
    let mut faults = Vec::new();
    for (path, page) in pages.iter().filter(|(path, _)| of_site(path)) {
        let outside = page.links.iter().filter(|link| !of_site(&link.path));
        faults
            .extend(outside.map(|link| format!("{}:{}: a link out of the site", path.display(), link.line)));
    }
    let summary = Path::new("docs/SUMMARY.md");
    let listed: BTreeSet<_> = pages[summary].links.iter().map(|link| &link.path).collect();
    let own = pages.keys().filter(|path| of_site(path) && *path != summary);
    faults.extend(
        own.filter(|path| !listed.contains(path))
            .map(|path| format!("{} is not listed", path.display())),
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn an_anchor_is_that_of_the_repositorys_host() {
    #[track_caller]
    fn case(line: &str, expected: Option<&str>) {
        assert_eq!(heading(line).map(anchor).as_deref(), expected);
    }
    case("## 0. Refresh", Some("0-refresh"));
    case(
        "## rulebook: the rulebook as code",
        Some("rulebook-the-rulebook-as-code"),
    );
    case("### `fires`, said", Some("fires-said"));
    case("##no heading", None);
    case("no heading", None);
}

#[test]
fn a_fault_names_the_line_and_what_was_expected() {
    let text =
        "# A page\n```\n[code](gone.md)\n```\nto `[code](gone.md)` and [up](../a.md#a-page), [gone](#b)";
    let page = read(Path::new("docs/b.md"), text);
    let found: Vec<_> = page
        .links
        .iter()
        .map(|link| (link.line, link.path.to_str().unwrap(), link.anchor.as_str()))
        .collect();
    assert_eq!(found, [(5, "a.md", "a-page"), (5, "docs/b.md", "b")]);
    let pages = Pages::from([(PathBuf::from("README.md"), page)]);
    let to = |path: &str, anchor: &str| {
        let link = link(Path::new("README.md"), 1, &format!("{path}#{anchor}"));
        fault(&root(), &pages, &link)
    };
    assert_eq!(to("", "a-page"), None);
    assert_eq!(to("", "b").unwrap(), "expected a heading of README.md, found #b");
    assert_eq!(
        to("gone.md", "").unwrap(),
        "expected a file of this tree, found gone.md"
    );
}
