//! NUMERIC as text: all digits, no exponent, no trailing zeros.

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
            ("0", -3, "0"),
            ("99999999999999999999999999999999999999", 9, "99999999999999999999999999999.999999999"),
        ] {
            let mut out = String::new();
            push_decimal(digits, scale, &mut out);
            assert_eq!(out, expected, "{digits} / {scale}");
        }
    }
}
