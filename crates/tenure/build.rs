//! Links the binary without position independence: a PIE of our size costs every
//! shim about half a megabyte of private relocations, and there is one shim per
//! agent process.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
