//! How values are spread: their number, mean and extremes exactly, their quantiles nearly, in bounded memory.

/// The bins of one power of two.
const BINS: u64 = 32;

/// Values, counted in bins that grow with them. A quantile is off by at most 1/64 of itself (1.6 %); below 64 it is
/// exact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// By bin; as long as the largest value needs, at most 1,920.
    counts: Vec<u64>,
    count: u64,
    sum: u128,
    least: u64,
    most: u64,
}

impl Distribution {
    /// Counts a value.
    pub fn add(&mut self, value: u64) {
        let bin = bin_of(value);
        if bin >= self.counts.len() {
            self.counts.resize(bin + 1, 0);
        }
        self.counts[bin] += 1;
        self.least = if self.count == 0 { value } else { self.least.min(value) };
        self.most = self.most.max(value);
        self.count += 1;
        self.sum += u128::from(value);
    }

    /// How many values there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The mean, rounded down; 0 where there is no value.
    #[must_use]
    pub fn mean(&self) -> u64 {
        u64::try_from(self.sum / u128::from(self.count.max(1))).unwrap_or(u64::MAX)
    }

    /// The smallest value; 0 where there is none.
    #[must_use]
    pub const fn least(&self) -> u64 {
        self.least
    }

    /// The largest value; 0 where there is none.
    #[must_use]
    pub const fn most(&self) -> u64 {
        self.most
    }

    /// The smallest value that so many hundredths of all values do not exceed, from 0 to 100: 50 is the median. Off
    /// by at most 1/64 of itself; 0 where there is no value.
    #[must_use]
    pub fn quantile(&self, hundredths: u64) -> u64 {
        let rank = (u128::from(self.count) * u128::from(hundredths.min(100))).div_ceil(100).max(1);
        let mut below = 0_u128;
        for (bin, count) in self.counts.iter().enumerate() {
            below += u128::from(*count);
            if below >= rank {
                let (start, width) = range_of(bin);
                return (start + width / 2).clamp(self.least, self.most);
            }
        }
        0
    }

    /// How many values lie in each power of two, from the smallest to the largest that has any: its first value, its
    /// last, and their number. Zero is a range of its own.
    #[must_use]
    pub fn octaves(&self) -> Vec<(u64, u64, u64)> {
        let mut octaves: Vec<(u64, u64, u64)> = Vec::new();
        if self.count == 0 {
            return octaves;
        }
        let (first, last) = (bits(self.least), bits(self.most));
        octaves.extend((first..=last).map(|bits| match bits {
            0 => (0, 0, 0),
            _ => (1 << (bits - 1), u64::MAX >> (u64::BITS - bits), 0),
        }));
        for (bin, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let octave = bits(range_of(bin).0) - first;
            octaves[octave as usize].2 += count;
        }
        octaves
    }
}

/// How many binary digits a value has; 0 for 0.
const fn bits(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

fn bin_of(value: u64) -> usize {
    let shift = u64::from(bits(value).saturating_sub(6));
    usize::try_from(shift * BINS + (value >> shift)).unwrap_or(usize::MAX)
}

/// A bin's first value, and how many values it holds.
fn range_of(bin: usize) -> (u64, u64) {
    let bin = bin as u64;
    let shift = (bin / BINS).saturating_sub(1);
    ((bin - shift * BINS) << shift, 1 << shift)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[u64]) -> Distribution {
        let mut distribution = Distribution::default();
        for value in values {
            distribution.add(*value);
        }
        distribution
    }

    #[test]
    fn nothing_and_the_extremes() {
        let none = Distribution::default();
        assert_eq!((none.mean(), none.quantile(50), none.octaves()), (0, 0, Vec::new()));
        let all = of(&[0, u64::MAX]);
        assert_eq!((all.quantile(0), all.quantile(50), all.octaves().len()), (0, 0, 65));
        assert!(all.quantile(100) > u64::MAX - u64::MAX / 64 && all.counts.len() <= 1920);
    }

    proptest! {
        #[test]
        fn a_quantile_is_off_by_a_64th_at_most(
            values in proptest::collection::vec(prop_oneof![0..200_u64, any::<u64>().prop_map(|value| value >> (value % 60))], 1..80),
            hundredths in 0..=100_u64,
        ) {
            let distribution = of(&values);
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let rank = (sorted.len() as u64 * hundredths).div_ceil(100).max(1);
            let exact = sorted[usize::try_from(rank).unwrap() - 1];
            prop_assert!(distribution.quantile(hundredths).abs_diff(exact) <= exact / 64, "{}", exact);
            prop_assert_eq!((distribution.least(), distribution.most()), (sorted[0], sorted[sorted.len() - 1]));
            let mean = sorted.iter().map(|value| u128::from(*value)).sum::<u128>() / sorted.len() as u128;
            prop_assert_eq!(u128::from(distribution.mean()), mean);
        }

        #[test]
        fn octaves_hold_every_value_once(values in proptest::collection::vec(any::<u64>().prop_map(|value| value >> (value % 64)), 1..80)) {
            let octaves = of(&values).octaves();
            for (first, last, count) in &octaves {
                let wanted = values.iter().filter(|value| (*first..=*last).contains(*value)).count();
                prop_assert_eq!(*count, wanted as u64);
            }
            prop_assert_eq!(octaves.iter().map(|octave| octave.2).sum::<u64>(), values.len() as u64);
        }
    }
}
