//! Compiles the `.proto` files without protoc.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let roots = ["maps/fleetengine/v1/fleetengine.proto", "maps/fleetengine/delivery/v1/delivery.proto"];
    let descriptors = protox::compile(roots, ["proto"])?;
    // For the comparison with Google's own, see README.
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), prost::Message::encode_to_vec(&descriptors))?;
    // Without `connect` in the clients: whoever has a channel gives it to `new`, whoever has none needs no transport.
    tonic_prost_build::configure().build_transport(false).include_file("services.rs").compile_fds(descriptors)?;
    Ok(())
}
