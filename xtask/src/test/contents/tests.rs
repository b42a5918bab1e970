use super::*;

/// `PLACE` stands for a machine's directory, which this file must not name.
fn found(name: &str, text: &str) -> Vec<String> {
    faults(Path::new(name), &text.replace("PLACE", MACHINE_PATHS[0].trim_end_matches('/')))
}

#[test]
fn an_absolute_path_of_the_machine_is_found_with_its_line() {
    for line in ["PLACE/a", "see `PLACE/a`", "\"PLACE/a\"", "cd PLACE/", "file:PLACE/x", "a=PLACE/b"] {
        let found = found("a/b.md", &format!("first\n{line}\n"));
        assert!(found.len() == 1 && found[0].starts_with("a/b.md:2: "), "{line}: {found:?}");
    }
}

#[test]
fn the_tail_of_another_path_is_not() {
    for line in
        ["~PLACE/a", "/home/mePLACE/a", "{home}PLACE/a", "$HOMEPLACE/a", "..PLACE/a", "PLACE", "work/"]
    {
        assert_eq!(found("a/b.md", line), Vec::<String>::new(), "{line}");
    }
}

#[test]
fn a_registry_is_found_where_package_managers_name_it() {
    let index = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    let cases = [
        ("package-lock.json", "  \"resolved\": \"https://mirror.example/a.tgz\",", 1),
        ("package-lock.json", "  \"integrity\": \"sha512-a\",", 0),
        ("Cargo.lock", index, 0),
        ("Cargo.lock", "source = \"registry+https://mirror.example/index\"", 1),
        ("Cargo.lock", "source = \"git+https://mirror.example/a\"", 1),
        (".npmrc", "@a:registry=https://mirror.example", 1),
        (".npmrc", "omit-lockfile-registry-resolved=true", 0),
        (".cargo/config.toml", "replace-with = \"mirror\"", 1),
        ("README.md", "source = \"https://mirror.example\"", 0),
    ];
    for (name, line, expected) in cases {
        assert_eq!(found(name, line).len(), expected, "{name}: {line}");
    }
}

#[test]
fn what_is_made_by_building_is_not_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["target/a", "tests/node_modules/b", "src/c"] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    std::os::unix::fs::symlink("nowhere", folder.path().join("link")).unwrap();
    assert_eq!(files(folder.path()).unwrap(), [folder.path().join("src/c")]);
}
