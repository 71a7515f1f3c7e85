//! Links WinFsp's DLL for delayed loading: it is loaded at its first call, after `front::load` has
//! found it.

fn main() {
    let target = |key: &str| std::env::var(key).unwrap_or_default();
    if target("CARGO_CFG_TARGET_OS") == "windows" {
        println!("cargo:rustc-link-arg=/DELAYLOAD:winfsp-x64.dll");
        println!("cargo:rustc-link-lib=dylib=delayimp");
    }
}
