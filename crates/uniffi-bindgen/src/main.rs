//! Writes the Kotlin and Swift bindings of a library: `uniffi-bindgen LIBRARY OUT`. Run by `cargo xtask bindings`.
//!
//! A crate of its own because the generator must be of exactly the uniffi that the library was built with. `OUT` gets
//! `kotlin/` (sources by package), `swift/FleetTokenFFI/` (the source) and `swift/fleet_tokenFFI/` (header and module
//! map).

mod kotlin;

use std::env;
use std::path::Path;
use std::process::ExitCode;

use uniffi_bindgen::bindings::{
    GenerateOptions, SwiftBindingsOptions, TargetLanguage, generate, generate_swift_bindings,
};

/// The C module under the Swift one, as in `uniffi.toml`.
const C_MODULE: &str = "fleet_tokenFFI";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let [library, out] = args.as_slice() else {
        eprintln!("usage: uniffi-bindgen LIBRARY OUT");
        return ExitCode::FAILURE;
    };
    let kotlin = generate(GenerateOptions {
        languages: vec![TargetLanguage::Kotlin],
        source: library.into(),
        out_dir: format!("{out}/kotlin").into(),
        ..GenerateOptions::default()
    });
    let swift = |folder: &str, is_source: bool| {
        generate_swift_bindings(SwiftBindingsOptions {
            generate_swift_sources: is_source,
            generate_headers: !is_source,
            generate_modulemap: !is_source,
            source: library.into(),
            out_dir: format!("{out}/swift/{folder}").into(),
            xcframework: false,
            module_name: Some(C_MODULE.to_owned()),
            modulemap_filename: Some("module.modulemap".to_owned()),
            metadata_no_deps: false,
            link_frameworks: Vec::new(),
            config: None,
        })
    };
    let kotlin = kotlin.and_then(|()| Ok(kotlin::mend(&Path::new(out).join("kotlin"))?));
    match kotlin.and_then(|()| swift("FleetTokenFFI", true)).and_then(|()| swift(C_MODULE, false)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
