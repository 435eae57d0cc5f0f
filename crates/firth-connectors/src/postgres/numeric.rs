//! `numeric` on the wire, and how it becomes a scaled integer: exactly, or not at all.
//!
//! ```text
//! ndigits i16 | weight i16 | sign u16 | display scale u16 | digits i16 …
//! value = Σ digit[i] · 10000^(weight − i)
//! ```

use arrow::datatypes::i256;
use bytes::{BufMut, BytesMut};

/// Why a value cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Not a number at all.
    NotANumber,
    /// Infinity or −infinity.
    Infinite,
    /// More digits before the point than there is room for.
    OutOfRange,
    /// More digits after the point than there is room for. Never rounded.
    TooFine,
    /// Not a `numeric`.
    Malformed,
}

/// An integer wide enough for a decimal.
pub(super) trait Scaled: Copy {
    const ZERO: Self;
    fn from_i64(value: i64) -> Self;
    /// `self * factor + digit`.
    fn push(self, factor: i64, digit: i64) -> Option<Self>;
    fn negative(self) -> Self;
}

impl Scaled for i128 {
    const ZERO: Self = 0;

    fn from_i64(value: i64) -> Self {
        value.into()
    }

    fn push(self, factor: i64, digit: i64) -> Option<Self> {
        self.checked_mul(factor.into())?.checked_add(digit.into())
    }

    fn negative(self) -> Self {
        -self
    }
}

impl Scaled for i256 {
    const ZERO: Self = i256::ZERO;

    fn from_i64(value: i64) -> Self {
        value.into()
    }

    fn push(self, factor: i64, digit: i64) -> Option<Self> {
        self.checked_mul(i256::from(factor))?.checked_add(i256::from(digit))
    }

    fn negative(self) -> Self {
        self.wrapping_neg()
    }
}

const POWERS: [i64; 10] =
    [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// The value times ten to the `scale`.
///
/// Overflow of `T` is [`Unfit::OutOfRange`]; whether the result fits a precision is the caller's to check.
pub(super) fn decode<T: Scaled>(bytes: &[u8], scale: i8) -> Result<T, Unfit> {
    match short(bytes, scale) {
        Some(value) => Ok(T::from_i64(value)),
        None => long(bytes, scale),
    }
}

/// The same in one word, for the numbers that most columns hold: finite, of at most four digits, which
/// end at or above the unit of the result, and few enough places to fill. `None` is for [`long`] to say.
fn short(bytes: &[u8], scale: i8) -> Option<i64> {
    let (head, digits) = bytes.split_first_chunk::<8>()?;
    let word = |at: usize| i16::from_be_bytes([head[at], head[at + 1]]);
    let (count, weight, sign) = (word(0), word(2), word(4));
    if !(1..=4).contains(&count) || digits.len() != 2 * count as usize || !matches!(sign, 0 | 0x4000) {
        return None;
    }
    let mut value = 0;
    for digit in digits.chunks_exact(2) {
        let digit = i64::from(i16::from_be_bytes([digit[0], digit[1]]));
        if !(0..10_000).contains(&digit) {
            return None;
        }
        value = value * 10_000 + digit;
    }
    // Where the last digit's unit stands above the result's.
    let exponent = 4 * (i32::from(weight) + 1 - i32::from(count)) + i32::from(scale);
    let power = |exponent: u32| POWERS.get(exponent as usize).copied();
    let value = if exponent >= 0 {
        value.checked_mul(power(exponent.unsigned_abs())?)?
    } else {
        let below = power(exponent.unsigned_abs())?;
        // Never rounded.
        if value % below != 0 {
            return None;
        }
        value / below
    };
    Some(if sign == 0 { value } else { -value })
}

fn long<T: Scaled>(bytes: &[u8], scale: i8) -> Result<T, Unfit> {
    let word =
        |index: usize| bytes.get(2 * index..2 * index + 2).map(|word| i16::from_be_bytes([word[0], word[1]]));
    let (Some(count), Some(weight), Some(sign)) = (word(0), word(1), word(2)) else {
        return Err(Unfit::Malformed);
    };
    let negative = match sign as u16 {
        0x0000 => false,
        0x4000 => true,
        0xC000 => return Err(Unfit::NotANumber),
        0xD000 | 0xF000 => return Err(Unfit::Infinite),
        _ => return Err(Unfit::Malformed),
    };
    if count < 0 || bytes.len() != 8 + 2 * count as usize {
        return Err(Unfit::Malformed);
    }

    let mut value = T::ZERO;
    // How many powers of ten the last digit taken stands above the unit of the result.
    let mut above = 0;
    for (index, digit) in bytes[8..].chunks_exact(2).enumerate() {
        let digit = i64::from(i16::from_be_bytes([digit[0], digit[1]]));
        if !(0..10_000).contains(&digit) {
            return Err(Unfit::Malformed);
        }
        let exponent = 4 * (i32::from(weight) - index as i32) + i32::from(scale);
        if exponent >= 0 {
            value = value.push(10_000, digit).ok_or(Unfit::OutOfRange)?;
            above = exponent;
        } else if exponent > -4 {
            // The unit of the result lies inside this digit of four places.
            let below = POWERS[exponent.unsigned_abs() as usize];
            if digit % below != 0 {
                return Err(Unfit::TooFine);
            }
            value = value.push(10_000 / below, digit / below).ok_or(Unfit::OutOfRange)?;
            above = 0;
        } else if digit != 0 {
            return Err(Unfit::TooFine);
        }
    }
    while above > 0 {
        let step = above.min(3);
        value = value.push(POWERS[step as usize], 0).ok_or(Unfit::OutOfRange)?;
        above -= step;
    }
    Ok(if negative { value.negative() } else { value })
}

/// Appends the wire format of `digits`, an integer with or without a sign, divided by ten to the `scale`.
pub(super) fn encode(digits: &str, scale: usize, into: &mut BytesMut) {
    let (negative, digits) = digits.strip_prefix('-').map_or((false, digits), |digits| (true, digits));
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    let whole = format!("{whole:0>width$}", width = whole.len().next_multiple_of(4));
    let fraction = format!("{fraction:0<width$}", width = fraction.len().next_multiple_of(4));
    let groups: Vec<i16> = [whole.as_bytes(), fraction.as_bytes()]
        .concat()
        .chunks(4)
        .map(|group| group.iter().fold(0, |value, digit| value * 10 + i16::from(digit - b'0')))
        .collect();
    let leading = groups.iter().take_while(|group| **group == 0).count();
    let trailing = groups[leading..].iter().rev().take_while(|group| **group == 0).count();
    let kept = &groups[leading..groups.len() - trailing];
    let weight = (whole.len() / 4) as i16 - 1 - leading as i16;
    into.put_i16(kept.len() as i16);
    into.put_i16(if kept.is_empty() { 0 } else { weight });
    into.put_i16(if negative && !kept.is_empty() { 0x4000 } else { 0 });
    into.put_i16(scale as i16);
    kept.iter().for_each(|group| into.put_i16(*group));
}

/// Whether a column of this scale takes the number as it is. One that has none does.
pub(super) fn keeps_all(digits: &str, scale: usize, keeps: Option<i32>) -> bool {
    let Some(keeps) = keeps else { return true };
    let beyond = i64::try_from(scale).unwrap_or(i64::MAX) - i64::from(keeps);
    let digits = digits.trim_start_matches(['-', '0']);
    let zeros = digits.len() - digits.trim_end_matches('0').len();
    digits.is_empty() || i64::try_from(zeros).unwrap_or(i64::MAX) >= beyond
}

/// A number as PostgreSQL reads and writes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Literal {
    /// An integer divided by ten to the scale.
    Number { digits: String, scale: usize },
    /// NaN or an infinity, by its sign on the wire.
    Special(u16),
}

impl Literal {
    /// The number that a text says; `None` if it says none, or one beyond every `numeric`.
    pub(super) fn read(text: &str) -> Option<Literal> {
        /// Digits that a `numeric` has before the point, and after it.
        const MOST: (usize, usize) = (131_072, 16_383);
        let text = text.trim_ascii();
        let (sign, unsigned) = match text.as_bytes().first()? {
            b'-' => ("-", &text[1..]),
            b'+' => ("", &text[1..]),
            _ => ("", text),
        };
        let is = |words: &[&str]| words.iter().any(|word| unsigned.eq_ignore_ascii_case(word));
        if is(&["nan"]) && sign.is_empty() {
            return Some(Literal::Special(0xC000));
        }
        if is(&["infinity", "inf"]) {
            return Some(Literal::Special(if sign.is_empty() { 0xD000 } else { 0xF000 }));
        }
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(fraction) || whole.len() + fraction.len() == 0 {
            return None;
        }
        let exponent = i64::from(exponent);
        if exponent.unsigned_abs() > 200_000 {
            return None;
        }
        // The point moves, and zeros fill the gap.
        let scale = i64::try_from(fraction.len()).ok()? - exponent;
        let zeros = "0".repeat(usize::try_from(-scale).unwrap_or_default());
        let scale = usize::try_from(scale).unwrap_or_default();
        let digits = format!("{sign}{whole}{fraction}{zeros}");
        let before = digits.trim_start_matches(['-', '0']).len().saturating_sub(scale);
        (before <= MOST.0 && scale <= MOST.1).then_some(Literal::Number { digits, scale })
    }
}

/// The number as PostgreSQL writes it, cut short if it is long: for messages.
pub(super) fn shown(bytes: &[u8]) -> String {
    /// Digits beyond which it is cut.
    const LONGEST: usize = 100;
    let words: Vec<i16> = bytes.chunks_exact(2).map(|word| i16::from_be_bytes([word[0], word[1]])).collect();
    let [_, weight, sign, scale, digits @ ..] = words.as_slice() else { return "a number".to_owned() };
    let (weight, scale) = (i32::from(*weight), usize::try_from(*scale).unwrap_or_default());
    let sign = match *sign as u16 {
        0xC000 => return "NaN".to_owned(),
        0xD000 => return "Infinity".to_owned(),
        0xF000 => return "-Infinity".to_owned(),
        0x4000 => "-",
        _ => "",
    };
    let digit = |index: i32| usize::try_from(index).ok().and_then(|at| digits.get(at)).copied().unwrap_or(0);
    let mut text = String::new();
    for index in 0..=weight.min(LONGEST as i32) {
        text.push_str(&if index == 0 { digit(0).to_string() } else { format!("{:04}", digit(index)) });
    }
    if text.is_empty() {
        text.push('0');
    }
    let whole = text.len();
    let mut index = weight + 1;
    // Fractions whose first digits are zero begin before the first digit that is sent.
    while text.len() - whole < scale && text.len() < LONGEST {
        text.push_str(&format!("{:04}", digit(index)));
        index += 1;
    }
    let cut = text.len().min(whole + scale).min(LONGEST);
    let long = whole + scale > LONGEST || weight > LONGEST as i32;
    text.truncate(cut);
    if cut > whole {
        text.insert(whole, '.');
    }
    format!("{sign}{text}{}", if long { "…" } else { "" })
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The wire format of a number written in digits, as the server would send it.
    pub(in super::super) fn encode(text: &str) -> Vec<u8> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let whole = format!("{}{whole}", "0".repeat((4 - whole.len() % 4) % 4));
        let padded = format!("{fraction}{}", "0".repeat((4 - fraction.len() % 4) % 4));
        let mut digits: Vec<i16> = (whole.clone() + &padded)
            .as_bytes()
            .chunks(4)
            .map(|four| std::str::from_utf8(four).expect("digits").parse().expect("digits"))
            .collect();
        let mut weight = (whole.len() / 4) as i16 - 1;
        while digits.first() == Some(&0) {
            digits.remove(0);
            weight -= 1;
        }
        while digits.last() == Some(&0) {
            digits.pop();
        }
        let sign: i16 = if negative { 0x4000 } else { 0 };
        let mut words = vec![
            digits.len() as i16,
            if digits.is_empty() { 0 } else { weight },
            sign,
            fraction.len() as i16,
        ];
        words.extend(digits);
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn scaled(text: &str) -> Result<i128, Unfit> {
        decode::<i128>(&encode(text), 9)
    }

    #[test]
    fn values_are_exact() {
        assert_eq!(scaled("0"), Ok(0));
        assert_eq!(scaled("1"), Ok(1_000_000_000));
        assert_eq!(scaled("-0.000000001"), Ok(-1));
        assert_eq!(scaled("10000"), Ok(10_000_000_000_000));
        assert_eq!(scaled("12345678.123456789"), Ok(12_345_678_123_456_789));
        let nines = "9".repeat(29) + "." + &"9".repeat(9);
        assert_eq!(scaled(&nines), Ok(10i128.pow(38) - 1));
        let nines = "9".repeat(38) + "." + &"9".repeat(38);
        assert_eq!(decode::<i256>(&encode(&nines), 38).map(|value| value.to_string()), Ok("9".repeat(76)));
    }

    #[test]
    fn nothing_is_rounded() {
        assert_eq!(scaled("0.0000000001"), Err(Unfit::TooFine));
        assert_eq!(scaled("1.0000000005"), Err(Unfit::TooFine));
        assert_eq!(scaled("0.00000000000000001"), Err(Unfit::TooFine));
        assert_eq!(scaled("1.0000000000000"), Ok(1_000_000_000), "zeros do not count");
        assert_eq!(scaled(&"9".repeat(31)), Err(Unfit::OutOfRange));
        assert_eq!(scaled(&format!("1{}", "0".repeat(200))), Err(Unfit::OutOfRange));
    }

    #[test]
    fn texts_are_the_numbers_that_they_say() {
        let read = |text: &str| match Literal::read(text) {
            Some(Literal::Number { digits, scale }) => format!("{digits} / 10^{scale}"),
            Some(Literal::Special(sign)) => format!("{sign:x}"),
            None => "none".to_owned(),
        };
        let lines = [
            "1.50", "-.5", "+7.", "1e3", "-1.25E-2", " 12 ", "NaN", "-inf", "Infinity", "", ".", "1 2",
            "0x10", "1e", "-NaN", "1e999999", "1e-20000",
        ];
        let lines: Vec<String> = lines.iter().map(|text| format!("{text:?}: {}", read(text))).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        "1.50": 150 / 10^2
        "-.5": -5 / 10^1
        "+7.": 7 / 10^0
        "1e3": 1000 / 10^0
        "-1.25E-2": -125 / 10^4
        " 12 ": 12 / 10^0
        "NaN": c000
        "-inf": f000
        "Infinity": d000
        "": none
        ".": none
        "1 2": none
        "0x10": none
        "1e": none
        "-NaN": none
        "1e999999": none
        "1e-20000": none
        "#);
    }

    #[test]
    fn a_column_keeps_a_number_or_would_round_it() {
        for (digits, scale, keeps, expected) in [
            ("150", 2, Some(1), true),
            ("155", 2, Some(1), false),
            ("-100", 0, Some(-2), true),
            ("150", 0, Some(-2), false),
            ("0", 9, Some(-2), true),
            ("1", 30, None, true),
        ] {
            assert_eq!(keeps_all(digits, scale, keeps), expected, "{digits} / 10^{scale} in {keeps:?}");
        }
    }

    #[test]
    fn numbers_are_shown_as_they_are_written() {
        for text in ["0", "1", "-12345.678", "0.0000000001", "100000000", "-0.5", "10000.00001", "9999.9999"]
        {
            assert_eq!(shown(&encode(text)), text);
        }
        let long = shown(&encode(&format!("1{}", "0".repeat(200))));
        assert!(long.starts_with("1000") && long.ends_with("0…") && long.chars().count() <= 102, "{long}");
        assert_eq!(shown(&[0; 3]), "a number");
    }

    #[test]
    fn what_is_no_number_is_told_apart() {
        let with_sign = |sign: u16| {
            let mut bytes = encode("0");
            bytes[4..6].copy_from_slice(&sign.to_be_bytes());
            decode::<i128>(&bytes, 9)
        };
        assert_eq!(with_sign(0xC000), Err(Unfit::NotANumber));
        assert_eq!(with_sign(0xD000), Err(Unfit::Infinite));
        assert_eq!(with_sign(0xF000), Err(Unfit::Infinite));
        assert_eq!(with_sign(0x1234), Err(Unfit::Malformed));
        assert_eq!(decode::<i128>(&[0, 1, 0, 0], 9), Err(Unfit::Malformed));
    }

    proptest! {
        #[test]
        fn every_numeric_comes_back(value in -(10i128.pow(38) - 1)..10i128.pow(38)) {
            let digits = format!("{:0>10}", value.unsigned_abs());
            let (whole, fraction) = digits.split_at(digits.len() - 9);
            let sign = if value < 0 { "-" } else { "" };
            prop_assert_eq!(scaled(&format!("{sign}{whole}.{fraction}")), Ok(value));
        }

        #[test]
        fn the_short_way_says_what_the_long_way_says(
            value in -(10i64.pow(16))..10i64.pow(16), places in 0usize..12, scale in 0i8..12,
        ) {
            let digits = format!("{:0>13}", value.unsigned_abs());
            let (whole, fraction) = digits.split_at(digits.len() - places);
            let sign = if value < 0 { "-" } else { "" };
            let bytes = encode(&format!("{sign}{whole}.{fraction}"));
            if let Some(value) = short(&bytes, scale) {
                prop_assert_eq!(long::<i128>(&bytes, scale), Ok(value.into()));
            }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = decode::<i128>(&bytes, 9);
            let _ = decode::<i256>(&bytes, 38);
            let _ = shown(&bytes);
        }
    }
}
