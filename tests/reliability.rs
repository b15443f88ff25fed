//! The table of `docs/reliability.md` is whole and true: each case is there, and each test that it names is a test of that case.
#![expect(clippy::unwrap_used, reason = "a test that can't read the documentation has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The cases that there are; those between are about TLS, which the program does not speak.
fn cases() -> BTreeSet<u32> {
    (1..=40).chain(44..=47).collect()
}

/// A test: its file below the repository, and its name.
type Test = (String, String);

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The case, the cell that names its tests, and the cell that tells the result, of each row of the table.
fn rows() -> Vec<(u32, String, String)> {
    let document = fs::read_to_string(root().join("docs/reliability.md")).unwrap();
    let row = |line: &str| {
        let cells: Vec<_> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
        let [_, number, _, tests, result, _] = <[String; 6]>::try_from(cells).ok()?;
        Some((number.parse().ok()?, tests, result))
    };
    document.lines().filter_map(row).collect()
}

/// The tests that the table names, with the cases that each is a test of.
fn named() -> BTreeMap<Test, BTreeSet<u32>> {
    let mut named: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (case, tests, _) in rows() {
        for part in tests.split("; ") {
            let mut spans = part.split('`').skip(1).step_by(2);
            let file = spans.next().unwrap_or_else(|| panic!("case {case}: {part}"));
            for test in spans {
                named.entry((file.to_owned(), test.to_owned())).or_default().insert(case);
            }
        }
    }
    named
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The cases of a comment such as `// Cases 3, 6.`
fn cases_of(line: &str) -> BTreeSet<u32> {
    let rest = line.strip_prefix("// Case ").or_else(|| line.strip_prefix("// Cases "));
    let numbers = rest.and_then(|rest| rest.split('.').next());
    numbers.into_iter().flat_map(|numbers| numbers.split(", ")).filter_map(|number| number.parse().ok()).collect()
}

/// The tests above which the number of a case stands.
fn marked() -> BTreeMap<Test, BTreeSet<u32>> {
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        sources(&root().join(folder), &mut files);
    }
    let mut found = BTreeMap::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let path = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let mut waiting = BTreeSet::new();
        for line in text.lines().map(str::trim) {
            waiting.extend(cases_of(line));
            if let Some((_, function)) = line.split_once("fn ").filter(|_| !waiting.is_empty()) {
                let name = function.split('(').next().unwrap().to_owned();
                found.insert((path.clone(), name), std::mem::take(&mut waiting));
            }
        }
    }
    found
}

/// Whether a test is one that takes long.
fn is_torture((file, _): &Test) -> bool {
    file.starts_with("tests/torture/")
}

#[test]
fn each_case_is_in_the_table_with_what_tests_it_and_its_result() {
    let rows = rows();
    let numbers: Vec<_> = rows.iter().map(|(case, ..)| *case).collect();
    assert_eq!(numbers, cases().into_iter().collect::<Vec<_>>());
    for (case, tests, result) in rows {
        assert!(tests.contains('`'), "case {case} is tested by something");
        let told = ["holds", "holds in part", "does not hold"];
        assert!(told.contains(&result.split(';').next().unwrap()), "case {case}: {result}");
    }
}

#[test]
fn the_table_and_the_comments_above_the_tests_agree() {
    let (named, marked) = (named(), marked());
    for (test, cases) in &named {
        assert_eq!(marked.get(test), Some(cases), "{test:?}");
    }
    for (test, cases) in marked.iter().filter(|(test, _)| !is_torture(test)) {
        assert!(named.contains_key(test), "{test:?} is not in the table with {cases:?}");
    }
}

#[test]
fn what_takes_long_is_said_to() {
    let said = rows().into_iter().filter(|(_, tests, _)| tests.contains("`just torture`")).map(|(case, ..)| case);
    let tried = marked().into_iter().filter(|(test, _)| is_torture(test)).flat_map(|(_, cases)| cases);
    assert_eq!(said.collect::<BTreeSet<_>>(), tried.collect());
}
