//! The documentation, held to what it says: [`links`] that lead somewhere, [`blocks`] of code that work, and the book that is
//! [built](build) of its pages. A chore of the repository.

pub mod build;
pub mod links;
pub mod markdown;
pub mod pages;
#[cfg(test)]
mod testing;
