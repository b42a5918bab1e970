//! P10: the binary as it is installed.

use anyhow::Context;

use super::daemon::{Durability, program};
use super::figures::{Figure, Size, figure};

pub(super) fn p10(_: Durability, _: &Size) -> anyhow::Result<Vec<Figure>> {
    let bytes = std::fs::read(program()).context("target/dist/tenure cannot be read")?;
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let mb = bytes.len() as f64 / 1e6;
    // The name of the table that strip takes away.
    let stripped = memchr::memmem::find(&bytes, b".symtab\0").is_none();
    let what = if stripped { "the binary, stripped" } else { "the binary, NOT stripped" };
    Ok(vec![figure(format!("{what} (it has no page yet)"), format!("{mb:.1} MB"), "≤ 25 MB")])
}
