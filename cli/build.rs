//! On Windows, WinFsp's DLL is loaded when it is first called: `ls` and its like need none.

fn main() {
    let target = |key: &str| std::env::var(key).unwrap_or_default();
    if target("CARGO_CFG_TARGET_OS") == "windows" {
        println!("cargo:rustc-link-arg=/DELAYLOAD:winfsp-x64.dll");
        println!("cargo:rustc-link-lib=dylib=delayimp");
    }
}
