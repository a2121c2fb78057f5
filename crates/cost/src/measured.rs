//! The place where counting begins and ends.

/// What a task names when the whole of its work counts, and not one function of the SDK's.
pub(crate) const REGION: &str = "measured_region";

/// Does the work. Callgrind knows it by its name, so it must stay a function of its own.
#[inline(never)]
pub(crate) fn measured_region(work: &mut dyn FnMut()) {
    work();
}
