//! The reference token backend and an emulated Fleet Engine.
