//! What symbols cost: bits of an ideal code, in fixed point and without floating point, which
//! differs between machines.

/// One bit.
pub(super) const BIT: u32 = 16;
/// What a symbol that does not occur costs more than the rarest possible one.
const UNUSED: u32 = BIT;

/// log2 of 32 to 63, in units of [`BIT`], less that of 32.
static FRACTIONS: [u8; 32] = {
    let mut fractions = [0; 32];
    let mut index = 0;
    while index < 32 {
        fractions[index] = fraction(32 + index as u128);
        index += 1;
    }
    fractions
};

/// log2(`value` / 32), in units of [`BIT`], rounded down: `value`^16 / 32^16 is at least 2 to the
/// power of it.
const fn fraction(value: u128) -> u8 {
    let power = value.pow(BIT);
    let mut fraction = 0;
    while fraction + 1 < BIT && power >> (5 * BIT + fraction + 1) > 0 {
        fraction += 1;
    }
    fraction as u8
}

/// log2 of `value`, rounded down in units of [`BIT`]; 0 for 0.
#[inline]
pub(super) fn log2(value: u32) -> u32 {
    let Some(whole) = value.checked_ilog2() else { return 0 };
    let top = (u64::from(value) << 5 >> whole) as usize;
    whole * BIT + u32::from(FRACTIONS[top % 32])
}

/// Sets the costs of symbols that occur so often.
pub(super) fn of_symbols(frequencies: &[u32], prices: &mut [u32]) {
    let total = log2(frequencies.iter().sum());
    for (price, &frequency) in prices.iter_mut().zip(frequencies) {
        *price = match frequency {
            0 => total.max(8 * BIT) + UNUSED,
            _ => (total - log2(frequency)).max(BIT / 2),
        };
    }
}

/// Bits that symbols take together if they occur so often, in units of [`BIT`], and how many of them
/// occur.
pub(super) fn entropy(frequencies: &[u32]) -> (u32, u32) {
    let total: u32 = frequencies.iter().sum();
    let mut bits = total * log2(total);
    let mut used = 0;
    for &frequency in frequencies {
        bits -= frequency * log2(frequency);
        used += u32::from(frequency > 0);
    }
    (bits, used)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_near() {
        for value in (1..70_000).chain([1 << 20, (1 << 21) - 1]) {
            let exact = f64::from(value).log2() * f64::from(BIT);
            // Rounded down twice: to five bits after the first one, and to units.
            assert!((0.0..1.75).contains(&(exact - f64::from(log2(value)))), "{value}");
        }
        assert_eq!((log2(0), log2(1), log2(2), log2(1 << 16)), (0, 0, BIT, 16 * BIT));
    }
}
