//! Turning: to the next of several things, and from the last on to the first.

/// What stands so many further than this one, back if negative; from the first of all on where this is none of them.
///
/// # Panics
/// Where there is nothing to turn to.
pub(super) fn turned<T: Copy + PartialEq>(all: &[T], from: T, by: isize) -> T {
    let at = all.iter().position(|known| *known == from).unwrap_or(0);
    all[(at.cast_signed() + by).rem_euclid(all.len().cast_signed()).cast_unsigned()]
}
