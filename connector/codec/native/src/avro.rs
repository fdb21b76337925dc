//! Avro's bytes of single values; the same as `connector/codec/primitives.py` writes.

const SCALE: usize = 18;
const MAX_WHOLE: usize = 20; // digits before the point that always fit into decimal(38, 18)

static POWERS: [u64; SCALE + 1] = {
    let mut table = [1u64; SCALE + 1];
    let mut exponent = 1;
    while exponent <= SCALE {
        table[exponent] = table[exponent - 1] * 10;
        exponent += 1;
    }
    table
};

/// A long: zig-zag, seven bits a byte.
#[inline(always)]
pub fn long(value: i64, out: &mut Vec<u8>) {
    let mut left = ((value << 1) ^ (value >> 63)) as u64;
    let mut bytes = [0u8; 10];
    let mut count = 0;
    while left >= 0x80 {
        bytes[count] = left as u8 | 0x80;
        left >>= 7;
        count += 1;
    }
    bytes[count] = left as u8;
    out.extend_from_slice(&bytes[..=count]);
}

/// Length and content.
#[inline(always)]
pub fn bytes(value: &[u8], out: &mut Vec<u8>) {
    long(value.len() as i64, out);
    out.extend_from_slice(value);
}

/// A text as decimal(38, 18). `None`: not 1 to 20 digits and at most 18 decimals.
#[inline(always)]
pub fn decimal(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (negative, digits) = match text.first()? {
        b'-' => (true, &text[1..]),
        _ => (false, text),
    };
    let scaled = scaled(digits)?;
    let number = if negative {
        -(scaled as i128)
    } else {
        scaled as i128
    };
    let bits = 128 - scaled.leading_zeros() as usize;
    let size = (bits + 8) >> 3; // fastavro's rule
    out.push((size as u8) << 1);
    out.extend_from_slice(&number.to_be_bytes()[16 - size..]);
    Some(())
}

/// Digits with at most one point, as a count of 10^-18: below 10^38.
#[inline(always)]
fn scaled(text: &[u8]) -> Option<u128> {
    let (mut high, mut low) = (0u128, 0u64);
    let (mut count, mut whole) = (0, None);
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            if count == SCALE {
                (high, low) = (u128::from(low), 0); // more does not fit into 64 bits
            }
            low = low.wrapping_mul(10).wrapping_add(u64::from(digit));
            count += 1;
            if count > 2 * SCALE {
                return None;
            }
        } else if byte == b'.' && whole.is_none() {
            whole = Some(count);
        } else {
            return None;
        }
    }
    let decimals = count - whole.unwrap_or(count);
    let is_bare_point = whole.is_some() && decimals == 0;
    if count == decimals || count - decimals > MAX_WHOLE || decimals > SCALE || is_bare_point {
        return None;
    }
    let value = match count {
        0..=SCALE => u128::from(low),
        _ => high * u128::from(POWERS[count - SCALE]) + u128::from(low),
    };
    Some(value * u128::from(POWERS[SCALE - decimals]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_is_zig_zag() {
        for (value, expected) in [
            (0, vec![0]),
            (-1, vec![1]),
            (64, vec![0x80, 1]),
            (i64::MIN, {
                let mut bytes = vec![0xff; 9];
                bytes.push(1);
                bytes
            }),
        ] {
            let mut out = vec![];
            long(value, &mut out);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn a_decimal_is_the_shortest_twos_complement() {
        for (text, unscaled) in [
            ("0", 0i128),
            ("-0", 0),
            ("1.5", 1_500_000_000_000_000_000),
            ("-1.5", -1_500_000_000_000_000_000),
            ("0.000000000000000128", 128),
            ("-0.000000000000000128", -128),
            (
                "99999999999999999999.9999999999999999",
                10i128.pow(38) - 100,
            ),
        ] {
            let mut out = vec![];
            decimal(text.as_bytes(), &mut out).expect(text);
            let (length, body) = out.split_first().unwrap();
            assert_eq!(*length as usize, 2 * body.len());
            let mut full = if body[0] >= 0x80 { [0xff; 16] } else { [0; 16] };
            full[16 - body.len()..].copy_from_slice(body);
            assert_eq!(i128::from_be_bytes(full), unscaled, "{text}");
        }
    }

    #[test]
    fn odd_decimals_are_declined() {
        let too_long = "9".repeat(21);
        for text in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "1..2",
            "1e5",
            "+1",
            "1_0",
            " 1",
            too_long.as_str(),
        ] {
            assert!(decimal(text.as_bytes(), &mut vec![]).is_none(), "{text}");
        }
        assert!(decimal(b"1.0000000000000000001", &mut vec![]).is_none());
    }
}
