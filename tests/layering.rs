//! One direction of imports: a room uses only rooms of lower floors, and floor 1 and 4 rooms do not
//! know each other. Reads the sources.

use std::fs;
use std::path::{Path, PathBuf};

/// The floor of every room, as docs/architecture.md draws the house.
const FLOORS: &[(&str, u32)] = &[
    ("checked", 0),
    ("error", 0),
    ("fixed", 0),
    ("key", 0),
    ("math", 0),
    ("simd", 0),
    ("device", 1),
    ("kernel", 1),
    ("mapping", 1),
    ("periphery", 1),
    ("stream", 1),
    ("weights", 1),
    ("circuit", 2),
    ("activity", 3),
    ("design", 3),
    ("die", 3),
    ("read", 3),
    ("cost", 4),
    ("io", 4),
    ("polarize", 4),
    ("presets", 4),
    ("study", 4),
];

/// Floors whose rooms do not know each other.
const APART: [u32; 2] = [1, 4];

fn floor(room: &str) -> u32 {
    FLOORS
        .iter()
        .find(|(name, _)| *name == room)
        .unwrap_or_else(|| panic!("room `{room}` has no floor in tests/layering.rs"))
        .1
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The rooms a file names after `crate::`, also inside braces.
fn imports(text: &str) -> Vec<String> {
    // Tests at the end of a file may reach anywhere; the code before them may not.
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code: String =
        code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    code.split("crate::")
        .skip(1)
        .flat_map(|rest| {
            let names = if let Some(group) = rest.strip_prefix('{') {
                group.split('}').next().unwrap_or_default().split(',').collect()
            } else {
                vec![rest]
            };
            names.into_iter().map(|name| {
                name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
            })
        })
        .collect()
}

/// Types that `lib.rs` re-exports from a room, for imports like `crate::Adc`.
fn room_of(name: &str, root: &str) -> String {
    if FLOORS.iter().any(|(room, _)| *room == name) {
        return name.to_owned();
    }
    let line = root.split(';').find(|line| {
        line.contains("pub use") && line.split(|c: char| !c.is_alphanumeric()).any(|word| word == name)
    });
    let line = line.unwrap_or_else(|| panic!("`crate::{name}` is neither a room nor re-exported"));
    line.split("pub use ").nth(1).unwrap().split("::").next().unwrap().to_owned()
}

#[test]
fn imports_go_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let root = fs::read_to_string(src.join("lib.rs")).unwrap();
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 20);
    let mut checked = 0;
    for path in files {
        let inside = path.strip_prefix(&src).unwrap();
        let room = inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        if room == "lib" {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for import in imports(&text) {
            let used = room_of(&import, &root);
            if used == room {
                continue;
            }
            let (user, used_floor) = (floor(room), floor(&used));
            let allowed = used_floor < user || (used_floor == user && !APART.contains(&user));
            assert!(allowed, "{} (floor {user}) uses `{used}` (floor {used_floor})", inside.display());
            checked += 1;
        }
    }
    assert!(checked > 30, "only {checked} imports seen");
}

#[test]
fn the_walker_sees_what_it_must() {
    let text = "use crate::error::{Error, Result};\nuse crate::{kernel, mapping::Layout};\nfn f() -> crate::Adc {}\n// crate::die\n";
    assert_eq!(imports(text), ["error", "kernel", "mapping", "Adc"]);
    assert_eq!(room_of("Adc", "pub use device::{Cell};\npub use periphery::{Adc, Dac};"), "periphery");
}

#[test]
fn files_are_short() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    for path in files {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 600, "{} has {lines} lines: one noun a file", path.display());
    }
}
