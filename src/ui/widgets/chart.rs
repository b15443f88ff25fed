//! Charts in characters: columns above and below a line, and bars.
//!
//! Owns how values become characters. What is not nothing is always seen, however small it is beside the rest.

use crate::ui::theme::Blocks;

/// The text of a chart with what is above the line and what is below it, the topmost row first.
pub(in crate::ui) struct Mirrored {
    pub(in crate::ui) above: Vec<String>,
    pub(in crate::ui) below: Vec<String>,
}

/// Values fitted into at most so many columns: several to a column, or several columns to a value. Gives one value a
/// column, and how many values each is the sum of.
pub(in crate::ui) fn fitted<T: Copy>(
    values: impl ExactSizeIterator<Item = T>,
    columns: usize,
    add: impl Fn(T, T) -> T,
) -> (Vec<T>, usize) {
    let (count, columns) = (values.len().max(1), columns.max(1));
    let (together, repeated) = (count.div_ceil(columns), (columns / count).max(1));
    let mut fitted: Vec<T> = Vec::with_capacity(columns);
    for (index, value) in values.enumerate() {
        match fitted.last_mut() {
            Some(last) if !index.is_multiple_of(together) => *last = add(*last, value),
            _ => fitted.push(value),
        }
    }
    (fitted.into_iter().flat_map(|value| std::iter::repeat_n(value, repeated)).collect(), together)
}

/// Columns upward for the first of each pair and downward for the second, each in so many rows, both to the scale of
/// the largest.
pub(in crate::ui) fn mirrored(values: &[(u64, u64)], rows: usize, blocks: &Blocks) -> Mirrored {
    let most = values.iter().map(|(up, down)| *up.max(down)).max().unwrap_or(0);
    let above = (0..rows).rev().map(|row| line(values.iter().map(|pair| pair.0), most, rows, row, &blocks.up));
    let below = (0..rows).map(|row| line(values.iter().map(|pair| pair.1), most, rows, row, &blocks.down));
    Mirrored { above: above.collect(), below: below.collect() }
}

/// The row that is so many rows away from the line.
fn line(values: impl Iterator<Item = u64>, most: u64, rows: usize, row: usize, cells: &[&'static str]) -> String {
    let steps = cells.len() - 1;
    values.map(|value| cells[parts(value, most, rows * steps).saturating_sub(row * steps).min(steps)]).collect()
}

/// A bar of at most so many columns for a value, where `most` would take them all.
pub(in crate::ui) fn bar(value: u64, most: u64, columns: usize, blocks: &Blocks) -> String {
    let steps = blocks.right.len() - 1;
    let parts = parts(value, most, columns * steps);
    let rest = if parts.is_multiple_of(steps) { "" } else { blocks.right[parts % steps] };
    blocks.right[steps].repeat(parts / steps) + rest
}

/// How many of `all` parts a value is of the most; at least one unless it is nothing.
fn parts(value: u64, most: u64, all: usize) -> usize {
    let share = u128::from(value) * all as u128 / u128::from(most.max(1));
    usize::try_from(share).unwrap_or(all).clamp(usize::from(value > 0), all.max(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::Theme;
    use crate::ui::theme::Look;

    #[test]
    fn columns_go_up_and_down_from_the_line() {
        let look = Look::new(Theme::Terminal, true);
        let chart = mirrored(&[(16, 0), (9, 8), (1, 4), (0, 16)], 2, look.marks.blocks);
        assert_eq!(
            (chart.above, chart.below),
            (vec!["█▁  ".to_owned(), "██▁ ".to_owned()], vec![" █▀█".to_owned(), "   █".to_owned()])
        );
        assert_eq!(bar(5, 10, 3, look.marks.blocks), "█▌");
        assert_eq!(bar(0, 0, 3, look.marks.blocks), "");
        let ascii = Look::new(Theme::Ascii, true).marks.blocks;
        assert!(bar(7, 10, 9, ascii).is_ascii() && mirrored(&[(3, 4)], 2, ascii).above.concat().is_ascii());
    }

    proptest! {
        #[test]
        fn what_is_fitted_keeps_its_sum_and_fits(values in proptest::collection::vec(0..9_u64, 1..600), columns in 1..100_usize) {
            let (fitted, together) = fitted(values.iter().copied(), columns, |one, other| one + other);
            prop_assert!(fitted.len() <= columns);
            let repeated = (columns / values.len()).max(1) as u64;
            prop_assert_eq!(fitted.iter().sum::<u64>(), values.iter().sum::<u64>() * repeated);
            prop_assert!(together == 1 || repeated == 1);
        }

        #[test]
        fn what_is_not_nothing_is_seen(value in any::<u64>(), most in any::<u64>(), rows in 1..5_usize) {
            let (value, most) = (value.min(most), value.max(most));
            let chart = mirrored(&[(value, most), (most, value)], rows, Look::new(Theme::Terminal, true).marks.blocks);
            for column in [0, 1] {
                let seen = |lines: &[String]| lines.iter().any(|line| line.chars().nth(column) != Some(' '));
                let (up, down) = if column == 0 { (value, most) } else { (most, value) };
                prop_assert_eq!((seen(&chart.above), seen(&chart.below)), (up > 0, down > 0));
            }
        }
    }
}
