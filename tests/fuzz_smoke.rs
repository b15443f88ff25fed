//! The properties that fuzzing looks for exceptions to, held against the seeds and simple mutations of them, the same
//! each time.

#![expect(clippy::unwrap_used, reason = "a test that can't read the seeds has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets are crates of their own")]
mod properties;

/// How many mutations of each target's seeds are tried.
const MUTATIONS: usize = 2000;

/// After so long a property is held against no more of them: a processor that is slow, or shared, tries fewer.
const PATIENCE: Duration = Duration::from_secs(4);

/// A test for each property, and the list of their names.
macro_rules! properties {
    ($($name:ident),+ $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($name)),+];

        $(#[test]
        fn $name() {
            holds(stringify!($name), properties::$name::check);
        })+
    };
}

properties![
    capture,
    config,
    deframer,
    endpoint,
    filter,
    framing,
    jsonl,
    notation,
    profile,
    profile_edit,
    sanitise,
    template,
];

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The seeds of a target, in the order of their names.
fn seeds(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = fuzz().join("seeds").join(name);
    let paths: BTreeSet<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn holds(name: &str, check: fn(&[u8])) {
    let seeds = seeds(name);
    assert!(!seeds.is_empty());
    for (path, seed) in &seeds {
        try_one(check, seed, &path.display().to_string());
    }
    let begun = Instant::now();
    let mut chance = fastrand::Rng::with_seed(7);
    for number in 0..MUTATIONS {
        let mut input = seeds[number % seeds.len()].1.clone();
        for _ in 0..chance.usize(1..5) {
            let other = &seeds[chance.usize(..seeds.len())].1;
            mutate(&mut input, other, &mut chance);
        }
        try_one(check, &input, &format!("mutation {number}"));
        if begun.elapsed() > PATIENCE {
            break;
        }
    }
}

/// Says which input it was when the property does not hold.
fn try_one(check: fn(&[u8]), input: &[u8], what: &str) {
    if let Err(why) = catch_unwind(AssertUnwindSafe(|| check(input))) {
        eprintln!("{what}: b\"{}\"", input.escape_ascii());
        resume_unwind(why);
    }
}

/// Changes a byte, or takes out, repeats or puts in some.
fn mutate(input: &mut Vec<u8>, other: &[u8], chance: &mut fastrand::Rng) {
    let range = |len: usize, chance: &mut fastrand::Rng| {
        let start = chance.usize(..=len);
        start..(start + chance.usize(1..16)).min(len)
    };
    let at = chance.usize(..=input.len());
    match chance.u8(..6) {
        0 if at < input.len() => input[at] ^= 1 << chance.u8(..8),
        1 if at < input.len() => input[at] = chance.u8(..),
        2 => drop(input.drain(range(input.len(), chance))),
        3 => {
            let again = input[range(input.len(), chance)].to_vec();
            input.splice(at..at, again);
        }
        4 => drop(input.splice(at..at, other[range(other.len(), chance)].iter().copied())),
        _ => input.insert(at, *b"\0\xff\n\"\\{#[=:,0 ".get(chance.usize(..13)).unwrap()),
    }
}

/// Every property is a fuzz target, and every target has seeds.
#[test]
fn every_property_is_a_target() {
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    let targets: Vec<_> =
        manifest.split("[[bin]]\nname = \"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0)).collect();
    assert_eq!(targets, NAMES);
    let folders = fs::read_dir(fuzz().join("seeds")).unwrap();
    let folders: BTreeSet<_> = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(folders.iter().eq(NAMES.iter()), "{folders:?}");
}
