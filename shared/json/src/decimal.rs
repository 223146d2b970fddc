//! Numbers that are not whole, kept as they were written.

/// A number as it was written (RFC 8259, 6). Two are equal when they are written alike: `1.0` is not `1.00`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal(String);

impl Decimal {
    /// Takes text that the reader has found to be a number.
    pub(crate) fn of(number: &str) -> Self {
        Self(number.to_owned())
    }

    /// The number as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number times 10 to the power of `digits`, exactly and rounded down. `None` for a number below 0 (`-0.0` is not) or
    /// too large.
    ///
    /// The work is in proportion to the text, whatever the exponent.
    #[must_use]
    #[cold]
    pub fn scaled(&self, digits: u32) -> Option<u64> {
        let (negative, number) = match self.0.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, self.0.as_str()),
        };
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, ""));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        // How many digits, of these and zeros behind them, stand before the point once it has moved.
        let point = (whole.len() as i64).saturating_add(read(exponent)).saturating_add(i64::from(digits));
        let mut zeros = point;
        let mut value = 0_u64;
        let mut is_zero = true;
        for digit in whole.bytes().chain(fraction.bytes()) {
            is_zero &= digit == b'0';
            if zeros > 0 {
                value = append(value, digit)?;
                zeros = zeros.saturating_sub(1);
            }
        }
        // Twenty times at most, as more do not fit.
        while zeros > 0 && value > 0 {
            value = append(value, 0)?;
            zeros = zeros.saturating_sub(1);
        }
        (is_zero || !negative).then_some(value)
    }
}

/// An exponent, or the end of what an `i64` holds: no text has so many digits.
fn read(exponent: &str) -> i64 {
    let digits = exponent.trim_start_matches(['+', '-']);
    let size = digits
        .bytes()
        .fold(0_i64, |size, digit| size.saturating_mul(10).saturating_add(i64::from(digit & 15)));
    if exponent.starts_with('-') { size.saturating_neg() } else { size }
}

/// A number with one more digit, unless it is too large.
pub(crate) fn append(value: u64, digit: u8) -> Option<u64> {
    // Not `checked_mul`, which in wasm32 is a multiplication of 128 bits.
    if value > u64::MAX / 10 { None } else { value.wrapping_mul(10).checked_add(u64::from(digit & 15)) }
}
