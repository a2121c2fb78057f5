//! The documentation, held to what it says: [`links`] that lead somewhere, [`blocks`] of code that work, commands that
//! [lead](walk) to what the page promises, replies that the [schema](reply) accepts, and the book that is [built](build) of
//! its pages. A chore of the repository.

pub mod blocks;
pub mod build;
pub mod commands;
#[cfg(doctest)]
mod doctests;
pub mod links;
pub mod markdown;
pub mod pages;
pub mod pictures;
pub mod reply;
#[cfg(test)]
mod testing;
pub mod walk;
