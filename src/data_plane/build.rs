//! Compiles the rulebook that ships: the module only loads rulebooks.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    // What the rulebook is made of is in the crate, which cargo builds this with.
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "precompiled")]
    shipped::write()?;
    Ok(())
}

#[cfg(feature = "precompiled")]
mod shipped {
    use std::error::Error;
    use std::path::Path;

    use blobwatch_rulebook::{Compiled, Program, starter};

    pub(super) fn write() -> Result<(), Box<dyn Error>> {
        let shipped = Program::from(Compiled::build(starter()?)?);
        let folder = std::env::var("OUT_DIR")?;
        std::fs::write(Path::new(&folder).join("rulebook.bin"), shipped.encode())?;
        Ok(())
    }
}
