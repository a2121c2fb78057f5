//! The `fleet-token` command.
fn main() {}
