//! Becomes a shim, as the real program does: `shim-probe shim DIR`. For tests only.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match (args.next(), args.next()) {
        (Some(verb), Some(dir)) if verb == "shim" => tenure_host::shim::main(dir.as_ref()),
        _ => ExitCode::from(2),
    }
}
