//! The scripted agent as a program of its own, for tests and benchmarks. Users run `tenure scripted-agent`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tenure_scripted::main(std::env::args().skip(1).collect())
}
