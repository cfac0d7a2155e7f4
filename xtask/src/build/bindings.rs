//! The JavaScript around a Wasm module, by wasm-bindgen. An instance is made, and made anew after a trap, by
//! `src/data_plane/wasm.js` and `src/control_plane/instance.js`.

use super::Module;
use crate::command::quiet;
use crate::progress::Step;
use crate::setup::Tools;
use anyhow::{Context, Result};
use std::path::Path;
use wasm_bindgen_cli_support::Bindgen;

/// Writes script and module into a folder.
pub(super) fn write(module: Module, raw: &Path, output: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(raw)
        .out_name(module.name())
        .typescript(false)
        .reset_state_function(true)
        // After a trap the next call makes the instance anew: the `worker` crate asks for it.
        .force_enable_abort_handler(module == Module::ControlPlane);
    bindgen
        .web(true)
        .and_then(|bindgen| bindgen.generate(output))
        .with_context(|| format!("failed to write the JavaScript around {}", raw.display()))
}

/// Puts the JavaScript that Rust crates bring into the script, and makes it small.
pub(super) fn inline(tools: &Tools, step: &Step, script: &Path) -> Result<()> {
    let mut esbuild = tools.npm("esbuild");
    esbuild
        .arg(script)
        .args(["--bundle", "--minify", "--format=esm", "--target=esnext"])
        .args([
            "--log-level=warning",
            "--external:cloudflare:*",
            "--allow-overwrite",
        ])
        .arg(format!("--outfile={}", script.display()));
    quiet(step, &mut esbuild)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::workspace::Workspace;
    use serde_json::Value;
    use std::fs;

    /// wasm-bindgen refuses modules of another version than its own, with a text about schemas.
    #[test]
    fn the_bindings_have_the_version_of_the_modules() {
        let lock = fs::read_to_string(Workspace::find().unwrap().path("Cargo.lock")).unwrap();
        let lock: Value = basic_toml::from_str(&lock).unwrap();
        let version = |name: &str| {
            let mut packages = lock["package"].as_array().unwrap().iter();
            let package = packages.find(|package| package["name"].as_str() == Some(name));
            package.unwrap_or_else(|| panic!("{name} is not in Cargo.lock"))["version"].clone()
        };
        assert_eq!(
            version("wasm-bindgen-cli-support"),
            version("wasm-bindgen"),
            "xtask/Cargo.toml must ask for the wasm-bindgen-cli-support of the locked wasm-bindgen"
        );
    }
}
