//! Which file of `src` imports which, read from the paths in the source.
//!
//! A path ends at the file that defines what it names: re-exports are followed. What a module and its own
//! submodules say of each other is the module tree, not an import, and unit tests may import what they like.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A piece of source.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    /// `::`
    Path,
    Mark(char),
}

/// The tokens of a source, without comments, strings and characters.
fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        let c = at(i);
        if c == '/' && at(i + 1) == '/' {
            while i < chars.len() && at(i) != '\n' {
                i += 1;
            }
        } else if c == '/' && at(i + 1) == '*' {
            while i < chars.len() && !(at(i) == '*' && at(i + 1) == '/') {
                i += 1;
            }
            i += 2;
        } else if c == 'r' && (at(i + 1) == '"' || at(i + 1) == '#' && matches!(at(i + 2), '"' | '#')) {
            let hashes = (i + 1..).take_while(|index| at(*index) == '#').count();
            let end: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            i += hashes + 2;
            while i < chars.len() && !end.chars().enumerate().all(|(k, c)| at(i + k) == c) {
                i += 1;
            }
            i += hashes + 1;
        } else if c == '"' {
            i += 1;
            while i < chars.len() && at(i) != '"' {
                i += if at(i) == '\\' { 2 } else { 1 };
            }
            i += 1;
        } else if c == '\'' && (at(i + 1) == '\\' || at(i + 2) == '\'') {
            // A character; a lifetime has no second quote.
            i += if at(i + 1) == '\\' { 3 } else { 2 };
            while i < chars.len() && at(i) != '\'' {
                i += 1;
            }
            i += 1;
        } else if c.is_alphanumeric() || c == '_' {
            let start = i;
            while at(i).is_alphanumeric() || at(i) == '_' {
                i += 1;
            }
            tokens.push(Token::Word(chars[start..i].iter().collect()));
        } else if c == ':' && at(i + 1) == ':' {
            tokens.push(Token::Path);
            i += 2;
        } else {
            if !c.is_whitespace() {
                tokens.push(Token::Mark(c));
            }
            i += 1;
        }
    }
    tokens
}

fn is(token: Option<&Token>, word: &str) -> bool {
    matches!(token, Some(Token::Word(found)) if found == word)
}

fn is_mark(token: Option<&Token>, mark: char) -> bool {
    token == Some(&Token::Mark(mark))
}

/// The tokens without modules of unit tests.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let cfg = ["cfg", "test"].iter().zip([2, 4]).all(|(word, ahead)| is(tokens.get(i + ahead), word));
        if is_mark(tokens.get(i), '#')
            && cfg
            && is(tokens.get(i + 7), "mod")
            && is_mark(tokens.get(i + 9), '{')
        {
            let mut depth = 0;
            i += 9;
            while i < tokens.len() {
                depth += i32::from(is_mark(tokens.get(i), '{')) - i32::from(is_mark(tokens.get(i), '}'));
                i += 1;
                if depth == 0 {
                    break;
                }
            }
        } else {
            kept.push(tokens[i].clone());
            i += 1;
        }
    }
    kept
}

/// A path that is used, and its name where it is used.
type Used = (Vec<String>, String);

/// Reads a tree of `use` from `i` on; returns where it ends.
fn tree(tokens: &[Token], mut i: usize, before: &[String], uses: &mut Vec<Used>) -> usize {
    let mut path = before.to_vec();
    loop {
        match tokens.get(i) {
            Some(Token::Word(word)) if word == "as" => {
                let name = match tokens.get(i + 1) {
                    Some(Token::Word(name)) => name.clone(),
                    _ => "_".to_owned(),
                };
                uses.push((path, name));
                return i + 2;
            }
            Some(Token::Word(word)) => {
                path.push(word.clone());
                i += 1;
            }
            Some(Token::Path) => i += 1,
            Some(Token::Mark('{')) => {
                i += 1;
                while !is_mark(tokens.get(i), '}') && i < tokens.len() {
                    i = tree(tokens, i, &path, uses);
                    i += usize::from(is_mark(tokens.get(i), ','));
                }
                return i + 1;
            }
            Some(Token::Mark('*')) => {
                uses.push((path, "*".to_owned()));
                return i + 1;
            }
            _ => {
                if path.last().is_some_and(|last| last == "self") {
                    path.pop();
                }
                let name = path.last().cloned().unwrap_or_default();
                uses.push((path, name));
                return i;
            }
        }
    }
}

/// The modules of the program: their files, and who imports whom.
pub struct Imports {
    /// By module path.
    files: BTreeMap<Vec<String>, String>,
    reexports: BTreeMap<(Vec<String>, String), Vec<String>>,
    edges: BTreeMap<Vec<String>, BTreeSet<Vec<String>>>,
}

impl Imports {
    /// Of all files of `src`, each with its text.
    pub fn of(sources: &[(impl AsRef<Path>, String)]) -> Self {
        let mut imports = Self { files: BTreeMap::new(), reexports: BTreeMap::new(), edges: BTreeMap::new() };
        let mut uses: BTreeMap<Vec<String>, Vec<Vec<String>>> = BTreeMap::new();
        for (file, text) in sources {
            let Some(module) = module(file.as_ref()) else { continue };
            let tokens = without_tests(&tokens(text));
            let paths = uses.entry(module.clone()).or_default();
            let mut i = 0;
            while i < tokens.len() {
                let rooted = ["crate", "super", "self"].iter().any(|root| is(tokens.get(i), root));
                if is(tokens.get(i), "use") {
                    let mut found = Vec::new();
                    let public = i > 0 && (is(tokens.get(i - 1), "pub") || is_mark(tokens.get(i - 1), ')'));
                    i = tree(&tokens, i + 1, &[], &mut found);
                    for (path, name) in found {
                        if public {
                            imports.reexports.insert((module.clone(), name), path.clone());
                        }
                        paths.push(path);
                    }
                } else if rooted && tokens.get(i + 1) == Some(&Token::Path) {
                    let mut path = Vec::new();
                    while let Some(Token::Word(word)) = tokens.get(i) {
                        path.push(word.clone());
                        i += 1;
                        if tokens.get(i) != Some(&Token::Path) {
                            break;
                        }
                        i += 1;
                    }
                    paths.push(path);
                } else {
                    i += 1;
                }
            }
            imports.files.insert(module, file.as_ref().to_string_lossy().replace('\\', "/"));
        }
        for (module, paths) in uses {
            let found = paths.iter().filter_map(|path| imports.definition(&module, path, 0));
            let others = found.filter(|other| !other.starts_with(&module) && !module.starts_with(other));
            let others = others.collect();
            imports.edges.insert(module, others);
        }
        imports
    }

    /// The module whose file defines what a path names, as seen from a module; nothing outside the program.
    fn definition(&self, from: &[String], path: &[String], depth: usize) -> Option<Vec<String>> {
        let mut rest = path;
        let mut module = match path.first()?.as_str() {
            "crate" => {
                rest = &rest[1..];
                Vec::new()
            }
            "super" | "self" => from.to_vec(),
            _ => from.to_vec(),
        };
        while let Some(word @ ("super" | "self")) = rest.first().map(String::as_str) {
            if word == "super" {
                module.pop();
            }
            rest = &rest[1..];
        }
        let start = module.len();
        while let Some(next) = rest.first() {
            let below: Vec<String> = module.iter().chain([next]).cloned().collect();
            if !self.files.contains_key(&below) {
                break;
            }
            module = below;
            rest = &rest[1..];
        }
        let rooted = matches!(path.first()?.as_str(), "crate" | "super" | "self");
        if !rooted && module.len() == start {
            return None;
        }
        if let Some(name) = rest.first()
            && let Some(path) = self.reexports.get(&(module.clone(), name.clone()))
            && depth < 8
        {
            let path: Vec<String> = path.iter().chain(&rest[1..]).cloned().collect();
            return self.definition(&module, &path, depth + 1).or(Some(module));
        }
        Some(module)
    }

    fn reached(&self, from: &Vec<String>) -> BTreeSet<&Vec<String>> {
        let mut reached = BTreeSet::new();
        let mut next: Vec<&Vec<String>> = self.edges[from].iter().collect();
        while let Some(module) = next.pop() {
            if reached.insert(module) {
                next.extend(self.edges.get(module).into_iter().flatten());
            }
        }
        reached
    }

    /// The files that import each other, directly or by others, circle by circle.
    pub fn circles(&self) -> Vec<Vec<&str>> {
        let reached: BTreeMap<_, _> =
            self.edges.keys().map(|module| (module, self.reached(module))).collect();
        let mut circles: BTreeSet<Vec<&str>> = BTreeSet::new();
        for module in self.edges.keys().filter(|module| reached[module].contains(module)) {
            let circle = reached[module].iter().filter(|other| reached[*other].contains(module));
            circles.insert(circle.map(|other| self.files[*other].as_str()).collect());
        }
        circles.into_iter().collect()
    }
}

/// The path of the module in a file below `src`; nothing for the binary's.
fn module(file: &Path) -> Option<Vec<String>> {
    let mut path: Vec<String> =
        file.with_extension("").components().map(|part| part.as_os_str().to_string_lossy().into()).collect();
    match path.last()?.as_str() {
        "main" => return None,
        "mod" | "lib" => drop(path.pop()),
        _ => {}
    }
    Some(path)
}

#[test]
fn a_circle_is_found_through_re_exports_and_groups_but_not_in_a_module_tree_or_a_test() {
    let files = [
        ("lib.rs", "pub mod a; pub mod b;"),
        ("a/mod.rs", "mod one; mod two; pub use one::One; use two::Two;"),
        ("a/one.rs", "use crate::b::{self, inner::{Deep as D, More}}; // use super::two::Two;"),
        ("a/two.rs", "fn f() { super::Helper::new(\"use crate::b::x;\") }"),
        ("b/mod.rs", "mod inner; #[cfg(test)] mod tests { use crate::a::Two; }"),
        ("b/inner.rs", "fn f(x: &'static str, y: char) { if y == '{' { crate::a::One::new() } }"),
        ("c.rs", "#[cfg(test)]\nmod tests { use crate::d::D; fn f() { {} } }"),
        ("d.rs", "use crate::c::C;"),
    ];
    let imports = Imports::of(&files.map(|(file, text)| (file, text.to_owned())));
    assert_eq!(imports.circles(), [["a/one.rs", "b/inner.rs"]]);
}
