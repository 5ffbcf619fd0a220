//! Every page is in the summary, every link leads somewhere, every file that is named exists.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::{none, pages};
use crate::rules::read;
use crate::support::checkout;

#[test]
fn every_page_is_in_the_summary_once() {
    let summary = Path::new("book/src/SUMMARY.md");
    let mut listed: Vec<PathBuf> = links(&read(summary))
        .into_iter()
        .map(|link| tidy(&Path::new("book/src").join(link)))
        .collect();
    let count = listed.len();
    listed.sort();
    listed.dedup();
    assert_eq!(listed.len(), count, "SUMMARY.md lists a page twice");
    let there = pages()
        .into_iter()
        .filter(|page| page.starts_with("book") && page != summary);
    let missing = there.filter(|page| !listed.contains(page));
    let missing: Vec<_> = missing.map(|page| page.display().to_string()).collect();
    none(&missing, "add these to book/src/SUMMARY.md");
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = vec![];
    for page in pages() {
        for link in links(&read(&page)) {
            if link.contains("://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let to = match path {
                "" => page.clone(),
                path => tidy(&page.parent().unwrap().join(path)),
            };
            let there = checkout::root().join(&to).exists();
            let anchored = || anchor.is_empty() || anchors(&read(&to)).contains(anchor);
            // A page of the book that links outside of it is a dead link on the web.
            let outside = page.starts_with("book") && !to.starts_with("book/src");
            if !there || outside || !anchored() {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    none(&broken, "these links lead nowhere, or out of the book");
}

/// In code between backticks, on the pages for contributors and at the top.
#[test]
fn every_file_that_is_named_exists() {
    let mut gone = vec![];
    for page in pages() {
        let ours = page.starts_with("book/src/contributing") || !page.starts_with("book");
        if !ours {
            continue;
        }
        for name in code_spans(&read(&page)) {
            let top = [
                "runtime/",
                "stdlib/",
                "tests/",
                "examples/",
                "playbooks/",
                "book/",
                "benches/",
            ];
            let concrete = !name.contains(['<', '…', '*', ' ']);
            if !(concrete && top.iter().any(|top| name.starts_with(top))) {
                continue;
            }
            // `file.rs::function` names what stands in it, too.
            let (file, item) = name.split_once("::").unwrap_or((&name, ""));
            let path = checkout::root().join(file);
            let holds = || item.is_empty() || names(&read(file), item);
            if !path.exists() || !holds() {
                gone.push(format!("{}: {name}", page.display()));
            }
        }
    }
    none(&gone, "these are named and are not there");
}

/// Whether a file declares a function or a type of that name; `Type::method` needs both.
fn names(text: &str, item: &str) -> bool {
    item.split("::").all(|name| {
        [
            "fn ", "struct ", "enum ", "trait ", "const ", "impl ", "for ",
        ]
        .iter()
        .any(|word| {
            text.match_indices(&format!("{word}{name}"))
                .any(|(at, found)| {
                    let next = text[at + found.len()..].chars().next();
                    !next.is_some_and(|c| c.is_alphanumeric() || c == '_')
                })
        })
    })
}

/// The targets of all links outside of code.
fn links(text: &str) -> Vec<String> {
    let mut links = vec![];
    for line in prose(text) {
        let mut rest = line.as_str();
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            if let Some(end) = rest.find(')') {
                links.push(rest[..end].to_owned());
            }
        }
    }
    links
}

/// What a link can point at: headings, and ids that a page sets itself.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).into_iter().filter_map(|line| {
        let heading = line.trim_start_matches('#');
        (heading.len() < line.len()).then(|| slug(heading))
    });
    let ids = text
        .split("<a id=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    headings.chain(ids.map(str::to_owned)).collect()
}

/// As mdBook and GitHub make ids of headings.
fn slug(heading: &str) -> String {
    let plain = heading.trim().to_lowercase();
    let kept = plain
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The lines outside of fenced blocks, without what stands between backticks.
fn prose(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut lines = vec![];
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            match line.starts_with('#') {
                true => lines.push(line.to_owned()),
                false => lines.push(line.split('`').step_by(2).collect::<Vec<_>>().join("``")),
            }
        }
    }
    lines
}

fn code_spans(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut spans = vec![];
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            spans.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    spans
}

fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(tidy.pop()),
            Component::CurDir => {}
            part => tidy.push(part),
        }
    }
    tidy
}
