//! Integers as digits, without the machinery of `fmt`: a file of text is mostly these.

/// Every number below a hundred, with two digits.
const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Writes a number.
pub(super) fn push_u64(number: u64, out: &mut String) {
    push_digits(number, 1, out);
}

/// Writes a number and its sign.
pub(super) fn push_i64(number: i64, out: &mut String) {
    if number < 0 {
        out.push('-');
    }
    push_u64(number.unsigned_abs(), out);
}

/// Writes a number with at least `width` digits, of at most 20: zeros stand before it.
pub(super) fn push_digits(mut number: u64, width: usize, out: &mut String) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while number >= 100 {
        at -= 2;
        let pair = (number % 100) as usize * 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
        number /= 100;
    }
    if number >= 10 {
        at -= 2;
        let pair = number as usize * 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    } else {
        at -= 1;
        digits[at] = b'0' + number as u8;
    }
    let from = at.min(digits.len() - width.min(digits.len()));
    out.push_str(std::str::from_utf8(&digits[from..]).expect("digits are ASCII"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_display_writes_them() {
        let mut number: u64 = 1;
        let mut numbers = vec![0, 9, 10, 99, 100, 101, 999, 1000, u64::MAX];
        for _ in 0..500 {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            numbers.push(number >> (number % 64));
        }
        for number in numbers {
            let mut out = String::new();
            push_u64(number, &mut out);
            assert_eq!(out, number.to_string());
            out.clear();
            push_i64(number as i64, &mut out);
            assert_eq!(out, (number as i64).to_string());
            out.clear();
            push_digits(number, 6, &mut out);
            assert_eq!(out, format!("{number:06}"));
        }
    }
}
