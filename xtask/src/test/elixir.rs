//! The Elixir client: formatted, compiled without a warning, and tested against the daemon that was built. What its tests
//! are is the business of `sdk/elixir`.

use crate::process::{program, root, run};

/// Formats nothing, but says what is not formatted; then compiles and tests it. It has no packages to fetch: what it needs beside
/// Elixir is a library of the system.
pub(super) fn check() -> anyhow::Result<()> {
    let mix = |words: &str| {
        let mut mix = program("mix");
        // A user's own settings and archives have no say here; names of files are UTF-8 whatever the locale.
        mix.env("MIX_HOME", root().join("target/mix")).env("ELIXIR_ERL_OPTIONS", "+fnu");
        mix.current_dir(root().join("sdk/elixir"));
        run(mix.args(words.split(' ')))
    };
    mix("format --check-formatted")?;
    mix("test")
}
