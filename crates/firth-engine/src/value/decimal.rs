//! NUMERIC as text: all digits, no exponent, no trailing zeros.

use super::digits::{push_digits, push_u64};

/// The scales whose power of ten is below `u64::MAX`.
const SMALL_SCALES: std::ops::RangeInclusive<i8> = 0..=18;

/// Writes the decimal of this unscaled value.
pub(super) fn push_i128(unscaled: i128, scale: i8, out: &mut String) {
    let (Ok(magnitude), true) = (u64::try_from(unscaled.unsigned_abs()), SMALL_SCALES.contains(&scale))
    else {
        return push_decimal(&unscaled.to_string(), scale, out);
    };
    if unscaled < 0 {
        out.push('-');
    }
    let digits = usize::from(scale.unsigned_abs());
    let power = 10_u64.pow(u32::from(scale.unsigned_abs()));
    push_u64(magnitude / power, out);
    let fraction = magnitude % power;
    if fraction > 0 {
        out.push('.');
        push_digits(fraction, digits, out);
        out.truncate(out.trim_end_matches('0').len());
    }
}

/// Writes the decimal whose unscaled value is written `digits` (maybe with a sign).
pub(super) fn push_decimal(digits: &str, scale: i8, out: &mut String) {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", digits),
    };
    out.push_str(sign);
    let Ok(scale) = usize::try_from(scale) else {
        out.push_str(digits);
        if digits != "0" {
            out.extend(std::iter::repeat_n('0', usize::from(scale.unsigned_abs())));
        }
        return;
    };
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(scale));
    out.push_str(if whole.is_empty() { "0" } else { whole });
    let kept = fraction.trim_end_matches('0');
    if !kept.is_empty() {
        out.push('.');
        out.extend(std::iter::repeat_n('0', scale - fraction.len()));
        out.push_str(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_digit_is_lost_and_no_zero_is_added() {
        for (digits, scale, expected) in [
            ("150", 2, "1.5"),
            ("100", 2, "1"),
            ("0", 9, "0"),
            ("-5", 3, "-0.005"),
            ("-1230", 1, "-123"),
            ("12", 0, "12"),
            ("12", -3, "12000"),
            ("100020", 3, "100.02"),
            ("-1000000000000000001", 18, "-1.000000000000000001"),
            ("18446744073709551615", 18, "18.446744073709551615"),
            ("18446744073709551616", 18, "18.446744073709551616"),
            ("0", -3, "0"),
            ("99999999999999999999999999999999999999", 9, "99999999999999999999999999999.999999999"),
        ] {
            let mut out = String::new();
            push_decimal(digits, scale, &mut out);
            assert_eq!(out, expected, "{digits} / {scale}");
            out.clear();
            push_i128(digits.parse().expect("a number"), scale, &mut out);
            assert_eq!(out, expected, "{digits} / {scale} as an integer");
        }
    }
}
