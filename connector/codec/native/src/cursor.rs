//! Reads JSON tokens without blanks. `None`: not the usual form; the caller declines.

/// Where a token's bytes are in the data.
#[derive(Clone, Copy, Default)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub fn of<'a>(&self, data: &'a [u8]) -> &'a [u8] {
        &data[self.start..self.end]
    }
}

const MAX_DEPTH: usize = 32; // of a value that is skipped
const MAX_DIGITS: usize = 18; // of an integer: always fits into 64 bits

/// Bytes that end a text or make it an odd one: quote, backslash, control characters.
static ENDS_TEXT: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

pub struct Cursor<'a> {
    pub data: &'a [u8],
    pub at: usize,
}

impl<'a> Cursor<'a> {
    #[inline(always)]
    pub fn peek(&self) -> Option<u8> {
        self.data.get(self.at).copied()
    }

    #[inline(always)]
    pub fn rest(&self) -> &'a [u8] {
        self.data.get(self.at..).unwrap_or_default()
    }

    #[inline(always)]
    pub fn eat(&mut self, byte: u8) -> Option<()> {
        if self.peek()? != byte {
            return None;
        }
        self.at += 1;
        Some(())
    }

    /// Step over `,` to the next member (true), or over `end` (false).
    #[inline(always)]
    pub fn goes_on(&mut self, end: u8) -> Option<bool> {
        let byte = self.peek()?;
        if byte != b',' && byte != end {
            return None;
        }
        self.at += 1;
        Some(byte == b',')
    }

    #[inline(always)]
    pub fn word(&mut self, word: &[u8]) -> Option<()> {
        if !self.rest().starts_with(word) {
            return None;
        }
        self.at += word.len();
        Some(())
    }

    /// A text without escapes and control characters; valid UTF-8.
    #[inline(always)]
    pub fn text(&mut self) -> Option<Span> {
        self.eat(b'"')?;
        let rest = self.rest();
        let length = rest.iter().position(|&byte| ENDS_TEXT[byte as usize])?;
        if rest[length] != b'"' {
            return None;
        }
        let text = &rest[..length];
        if !text.is_ascii() {
            std::str::from_utf8(text).ok()?;
        }
        let start = self.at;
        self.at += length + 1;
        Some(Span {
            start,
            end: start + length,
        })
    }

    /// An integer of at most 18 digits, without fraction and exponent.
    #[inline(always)]
    pub fn integer(&mut self) -> Option<i64> {
        let negative = self.peek()? == b'-';
        if negative {
            self.at += 1;
        }
        let value = self.digits()?;
        if matches!(self.peek(), Some(b'.' | b'e' | b'E')) || (negative && value == 0) {
            return None;
        }
        Some(if negative { -value } else { value })
    }

    /// 1 to 18 digits without a leading zero.
    #[inline(always)]
    fn digits(&mut self) -> Option<i64> {
        let rest = self.rest();
        let mut value: i64 = 0;
        let mut count = 0;
        while let Some(digit) = rest.get(count).map(|byte| byte.wrapping_sub(b'0')) {
            if digit > 9 {
                break;
            }
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
            count += 1;
        }
        if count == 0 || count > MAX_DIGITS || (count > 1 && rest[0] == b'0') {
            return None;
        }
        self.at += count;
        Some(value)
    }

    /// Step over a value of any kind.
    pub fn skip(&mut self) -> Option<Span> {
        let start = self.at;
        self.skip_value(0)?;
        Some(Span {
            start,
            end: self.at,
        })
    }

    fn skip_value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.text().map(drop),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            b'{' | b'[' if depth < MAX_DEPTH => self.skip_members(depth),
            b'-' | b'0'..=b'9' => self.skip_number(),
            _ => None,
        }
    }

    fn skip_members(&mut self, depth: usize) -> Option<()> {
        let is_object = self.peek()? == b'{';
        let end = if is_object { b'}' } else { b']' };
        self.at += 1;
        if self.eat(end).is_some() {
            return Some(());
        }
        loop {
            if is_object {
                self.text()?;
                self.eat(b':')?;
            }
            self.skip_value(depth + 1)?;
            if !self.goes_on(end)? {
                return Some(());
            }
        }
    }

    fn skip_number(&mut self) -> Option<()> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        self.digits()?;
        if self.eat(b'.').is_some() {
            let count = self
                .rest()
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            if count == 0 || count > MAX_DIGITS {
                return None;
            }
            self.at += count;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            return None;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(text: &str) -> Cursor<'_> {
        Cursor {
            data: text.as_bytes(),
            at: 0,
        }
    }

    #[test]
    fn a_text_is_taken_as_it_stands() {
        let mut plain = cursor("\"a\u{e9}\",");
        assert_eq!(
            plain.text().map(|span| span.of(plain.data)),
            Some("a\u{e9}".as_bytes())
        );
        assert_eq!(plain.peek(), Some(b','));
    }

    #[test]
    fn odd_texts_are_declined() {
        for text in ["\"a", "\"a\\n\"", "\"\u{1}\"", "a\"", ""] {
            assert!(cursor(text).text().is_none(), "{text}");
        }
        assert!(Cursor {
            data: b"\"\xff\"",
            at: 0
        }
        .text()
        .is_none());
    }

    #[test]
    fn integers_of_18_digits_are_taken() {
        for (text, value) in [
            ("0", 0),
            ("-7", -7),
            ("999999999999999999", 999_999_999_999_999_999),
        ] {
            assert_eq!(cursor(text).integer(), Some(value));
        }
    }

    #[test]
    fn odd_integers_are_declined() {
        for text in [
            "",
            "-",
            "-0",
            "01",
            "1.0",
            "1e3",
            "1000000000000000000",
            "x",
        ] {
            assert!(cursor(text).integer().is_none(), "{text}");
        }
    }

    #[test]
    fn a_value_of_any_kind_is_skipped() {
        for text in [
            "{\"a\":[1,-2.5,{}],\"b\":null}",
            "[]",
            "true",
            "\"x\"",
            "0.10",
        ] {
            let mut value = cursor(text);
            assert_eq!(
                value.skip().map(|span| span.end),
                Some(text.len()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_value_or_too_deep_is_declined() {
        let deep = "[".repeat(40) + &"]".repeat(40);
        for text in [
            "{\"a\"}",
            "[1,]",
            "1.",
            "1e5",
            "{1:2}",
            "nul",
            "",
            "[1",
            deep.as_str(),
        ] {
            assert!(cursor(text).skip().is_none(), "{text}");
        }
    }
}
